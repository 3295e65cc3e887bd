//! Answers that take their time: an event stream and downloads.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;

use super::body;

const CHUNK: usize = 16 << 10;

/// Server-sent events `id: 0`, `id: 1`, … without end, or `?n=` of them, one each `?interval_ms=` (100).
pub(super) async fn events(RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref();
    let last: u64 = body::number(query, "n").unwrap_or(u64::MAX);
    let pause = Duration::from_millis(body::number(query, "interval_ms").unwrap_or(100));
    let events = stream::unfold(0, move |id: u64| async move {
        if id >= last {
            return None;
        }
        if id > 0 {
            tokio::time::sleep(pause).await;
        }
        let event = Bytes::from(format!("id: {id}\nevent: tick\ndata: {{\"n\":{id}}}\n\n"));
        Some((Ok::<_, Infallible>(event), id.saturating_add(1)))
    });
    let headers = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(events)).into_response()
}

/// `?bytes=` (64 KiB) of a pattern that repeats after 251 bytes, of a declared length.
pub(super) async fn download(Path(name): Path<String>, RawQuery(query): RawQuery) -> Response {
    let bytes: usize = body::number(query.as_deref(), "bytes").unwrap_or(64 << 10);
    let chunks = stream::unfold(0, move |sent: usize| async move {
        let next = CHUNK.min(bytes.saturating_sub(sent));
        (next > 0).then(|| (Ok::<_, Infallible>(pattern(sent, next)), sent.saturating_add(next)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_LENGTH, bytes.to_string()),
        (
            header::ETAG,
            format!(
                "\"{}-{bytes}\"",
                percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC)
            ),
        ),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}

fn pattern(from: usize, bytes: usize) -> Bytes {
    (from..from.saturating_add(bytes)).map(|at| u8::try_from(at.rem_euclid(251)).unwrap_or(0)).collect()
}
