//! Answers of every kind that a gate has to judge or to leave alone. GET, HEAD and POST alike.
//!
//! | `/v1/canned/…` | answer |
//! | --- | --- |
//! | `json` | 200, alice's order as JSON: `id` and `customer_id`, nothing else |
//! | `foreign` | the same, bob's |
//! | `undeclared` | alice's, and fields that no schema has |
//! | `duplicate-keys` | alice's, with `customer_id` twice: bob's, then alice's |
//! | `invalid` | 200, cut short in the middle |
//! | `html` | 200, `text/html` |
//! | `gzip` | `json`, compressed, whether asked for or not |
//! | `partial` | 206, the first 10 bytes of `json` |
//! | `big?bytes=N` | `json` with `padding`, N bytes in all (1 MiB) |
//! | `chunked` | `json` byte by byte, without a length |
//! | `trailers` | `json` without a length, and the trailer `x-checksum` |
//! | `slow?ms=N` | `json` after N milliseconds (1000) |
//! | `no-content` `not-modified` | 204, 304 |
//! | `missing` `error` | 404, 500 with a JSON body |

use std::convert::Infallible;
use std::io::Write;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::http::HeaderMap;
use axum::http::HeaderValue;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::StreamExt;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::json;

use super::body;
use crate::data::ALICE;
use crate::data::ALICE_ORDER;
use crate::data::BOB;
use crate::data::BOB_ORDER;
use crate::reply;

/// As much as a test can want.
const BIGGEST: usize = 64 << 20;

pub(super) async fn answer(Path(what): Path<String>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref();
    let order = json!({ "id": ALICE_ORDER, "customer_id": ALICE });
    let text = order.to_string();
    match what.as_str() {
        "json" => reply::ok(&order),
        "foreign" => reply::ok(&json!({ "id": BOB_ORDER, "customer_id": BOB })),
        "undeclared" => reply::ok(&json!({
            "id": ALICE_ORDER, "customer_id": ALICE, "margin_cents": 800, "internal": { "fraud_score": 12 }
        })),
        "duplicate-keys" => typed(
            "application/json",
            format!(r#"{{"id":"{ALICE_ORDER}","customer_id":"{BOB}","customer_id":"{ALICE}"}}"#),
        ),
        "invalid" => typed("application/json", format!(r#"{{"id":"{ALICE_ORDER}","customer_id":"#)),
        "html" => typed("text/html; charset=utf-8", "<!doctype html><title>Something else</title>"),
        "gzip" => gzip(&text),
        "partial" => partial(text),
        "big" => big(body::number(query, "bytes").unwrap_or(1 << 20)),
        "chunked" => {
            let bytes = stream::iter(text.into_bytes()).map(|byte| Ok::<_, Infallible>(vec![byte]));
            typed("application/json", Body::from_stream(bytes))
        }
        "trailers" => with_trailers(text),
        "slow" => {
            tokio::time::sleep(Duration::from_millis(body::number(query, "ms").unwrap_or(1_000))).await;
            reply::ok(&order)
        }
        "no-content" => StatusCode::NO_CONTENT.into_response(),
        "not-modified" => (StatusCode::NOT_MODIFIED, [(header::ETAG, "\"canned\"")]).into_response(),
        "error" => reply::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "internal" })),
        _ => reply::not_found(),
    }
}

fn typed(media: &'static str, body: impl Into<Body>) -> Response {
    ([(header::CONTENT_TYPE, media)], body.into()).into_response()
}

fn gzip(text: &str) -> Response {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    match packer.write_all(text.as_bytes()).and_then(|()| packer.finish()) {
        Ok(packed) => {
            ([(header::CONTENT_ENCODING, "gzip")], typed("application/json", packed)).into_response()
        }
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

fn partial(mut text: String) -> Response {
    let range = format!("bytes 0-9/{}", text.len());
    text.truncate(10);
    (StatusCode::PARTIAL_CONTENT, [(header::CONTENT_RANGE, range)], typed("application/json", text))
        .into_response()
}

/// Exactly so many bytes, unless they are too few for the order alone.
fn big(bytes: usize) -> Response {
    let empty = json!({ "id": ALICE_ORDER, "customer_id": ALICE, "padding": "" }).to_string();
    let padding = "x".repeat(bytes.min(BIGGEST).saturating_sub(empty.len()));
    reply::ok(&json!({ "id": ALICE_ORDER, "customer_id": ALICE, "padding": padding }))
}

fn with_trailers(text: String) -> Response {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-checksum", HeaderValue::from_static("42"));
    let frames = [Frame::data(Bytes::from(text)), Frame::trailers(trailers)].map(Ok::<_, Infallible>);
    let answer = typed("application/json", Body::new(StreamBody::new(stream::iter(frames))));
    ([(header::TRAILER, "x-checksum")], answer).into_response()
}
