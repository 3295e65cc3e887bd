//! Canned answers are what they claim to be.

use std::io::Read;

use flate2::read::GzDecoder;
use portcullis_shop::Config;
use portcullis_shop::Shop;
use portcullis_shop::data::ALICE;
use portcullis_shop::data::ALICE_ORDER;
use portcullis_shop::data::BOB;
use serde_json::Value;
use serde_json::json;

use crate::client::Answer;
use crate::client::call;
use crate::client::get;

fn shop() -> Shop {
    Shop::start(Config::default()).unwrap()
}

fn canned(shop: &Shop, what: &str) -> Answer {
    get(shop.api, &format!("/v1/canned/{what}"))
}

fn order() -> Value {
    json!({ "id": ALICE_ORDER, "customer_id": ALICE })
}

#[test]
fn each_status_is_the_one_it_is_called_by() {
    let shop = shop();
    for (what, status) in [
        ("json", 200),
        ("no-content", 204),
        ("partial", 206),
        ("not-modified", 304),
        ("missing", 404),
        ("error", 500),
        ("no-such-thing", 404),
    ] {
        assert_eq!(canned(&shop, what).status, status, "{what}");
    }
    for what in ["no-content", "not-modified"] {
        assert_eq!(canned(&shop, what).body, b"", "{what}");
    }
    assert_eq!(canned(&shop, "missing").json(), json!({ "error": "not_found" }));
}

#[test]
fn json_comes_whole_compressed_cut_and_in_chunks() {
    let shop = shop();
    let whole = canned(&shop, "json");
    assert_eq!((whole.json(), whole.header("content-type")), (order(), Some("application/json")));

    let gzip = canned(&shop, "gzip");
    assert_eq!(gzip.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    GzDecoder::new(gzip.body.as_slice()).read_to_string(&mut text).unwrap();
    assert_eq!(text.as_bytes(), whole.body);

    let partial = canned(&shop, "partial");
    assert_eq!(partial.body, whole.body[..10]);
    assert_eq!(partial.header("content-range").unwrap(), format!("bytes 0-9/{}", whole.body.len()));

    let chunked = canned(&shop, "chunked");
    assert_eq!(
        (chunked.header("transfer-encoding"), chunked.header("content-length")),
        (Some("chunked"), None)
    );
    assert_eq!(chunked.body, whole.body);

    assert_eq!(canned(&shop, "slow?ms=10").body, whole.body);
    for bytes in [1_000, 2 << 20] {
        let big = canned(&shop, &format!("big?bytes={bytes}"));
        assert_eq!((big.body.len(), &big.json()["id"]), (bytes, &json!(ALICE_ORDER)));
    }
}

#[test]
fn bodies_that_a_gate_must_not_let_out() {
    let shop = shop();
    assert_eq!(canned(&shop, "foreign").json()["customer_id"], BOB);
    assert!(canned(&shop, "undeclared").json()["internal"]["fraud_score"].is_u64());
    let twice = String::from_utf8(canned(&shop, "duplicate-keys").body).unwrap();
    assert_eq!(twice.matches("\"customer_id\"").count(), 2);
    assert_eq!(serde_json::from_str::<Value>(&twice).unwrap(), order());
    let invalid = canned(&shop, "invalid");
    assert_eq!(invalid.header("content-type"), Some("application/json"));
    assert!(serde_json::from_slice::<Value>(&invalid.body).is_err());
    let html = canned(&shop, "html");
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html; charset=utf-8")));
}

#[test]
fn a_head_has_the_length_of_the_body_that_it_lacks() {
    let shop = shop();
    for target in ["/v1/canned/json", "/v1/users/42", "/v1/downloads/a?bytes=70000"] {
        let (whole, head) = (get(shop.api, target), call(shop.api, "HEAD", target, ""));
        assert_eq!((head.status, head.body.len()), (200, 0), "{target}");
        assert_eq!(head.header("content-length").unwrap(), whole.body.len().to_string(), "{target}");
    }
}

#[test]
fn trailers_follow_the_body_where_the_client_asked() {
    let shop = shop();
    let answer = call(shop.api, "GET", "/v1/canned/trailers", "te: trailers\r\n");
    assert_eq!((answer.json(), answer.trailers), (order(), vec![("x-checksum".into(), "42".into())]));
}

#[test]
fn a_stream_of_events_ends_after_the_number_asked_for() {
    let shop = shop();
    let events = get(shop.api, "/v1/events?n=3&interval_ms=1");
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    let text = String::from_utf8(events.body).unwrap();
    assert_eq!(text.matches("event: tick").count(), 3);
    assert!(text.ends_with("id: 2\nevent: tick\ndata: {\"n\":2}\n\n"));
}

#[test]
fn a_download_has_the_length_asked_for() {
    let shop = shop();
    let body = get(shop.api, "/v1/downloads/film?bytes=70000").body;
    assert_eq!((body.len(), body[250], body[251], body[69_999]), (70_000, 250, 0, 221));
}
