//! The record tells exactly what arrived.

use std::io::Write;
use std::net::TcpStream;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::Full;
use hyper_util::rt::TokioExecutor;
use hyper_util::rt::TokioIo;
use portcullis_shop::Config;
use portcullis_shop::Seen;
use portcullis_shop::Shop;
use serde_json::json;

use crate::client::ask;
use crate::client::call;
use crate::client::connect;
use crate::client::get;

/// SHA-256 of `hello`.
const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

fn shop() -> Shop {
    Shop::start(Config::default()).unwrap()
}

#[test]
fn a_request_is_recorded_byte_for_byte() {
    let shop = shop();
    let head = b"PUT /V1//a%2Fb;c?x=%zz HTTP/1.1\r\nhost: shop\r\nconnection: close\r\nx-odd: caf\xe9\r\nx-odd: two\r\n";
    let body = b"transfer-encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\nx-tail: end\r\n\r\n";
    ask(shop.api, &[head.as_slice(), body].concat());
    let [seen] = shop.seen().try_into().unwrap();
    assert_eq!((seen.method.as_str(), seen.target.as_str()), ("PUT", "/V1//a%2Fb;c?x=%zz"));
    assert_eq!((seen.version.as_str(), seen.authority.as_str()), ("HTTP/1.1", "shop"));
    assert_eq!(seen.header("x-odd").collect::<Vec<_>>(), [b"caf\xe9".as_slice(), b"two"]);
    assert_eq!((seen.body_bytes, seen.body_sha256.as_str(), seen.complete), (5, HELLO, true));
    assert_eq!(seen.trailers, [("x-tail".into(), b"end".to_vec())]);
}

#[test]
fn a_body_that_was_given_up_is_recorded_as_incomplete() {
    let shop = shop();
    let mut client = connect(shop.api);
    client.write_all(b"POST /echo HTTP/1.1\r\nhost: shop\r\ncontent-length: 10\r\n\r\nhello").unwrap();
    let seen = wait_for(&shop, |seen| seen.len() == 1);
    assert!(!seen[0].complete, "it is on its way");
    drop(client);
    let seen = wait_for(&shop, |seen| seen[0].body_bytes > 0);
    assert_eq!((seen[0].body_bytes, seen[0].body_sha256.as_str(), seen[0].complete), (5, HELLO, false));
}

#[test]
fn an_echo_answers_with_what_it_received() {
    let shop = shop();
    let request = b"PURGE /Echo/A//b?q HTTP/1.1\r\nhost: shop\r\nconnection: close\r\nx-odd: \xff\r\ncontent-length: 3\r\n\r\n\x00\x01\xff";
    let echoed = ask(shop.api, request).json();
    assert_eq!((&echoed["method"], &echoed["target"]), (&json!("PURGE"), &json!("/Echo/A//b?q")));
    let headers = echoed["headers"].as_array().unwrap();
    assert!(headers.contains(&json!({ "name": "x-odd", "base64": STANDARD.encode([0xff]) })));
    assert!(headers.contains(&json!({ "name": "host", "value": "shop" })));
    assert_eq!(echoed["body"], STANDARD.encode([0, 1, 0xff]));
}

#[test]
fn http2_without_tls_is_served_with_trailers_both_ways() {
    let shop = shop();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let trailers = runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(shop.api).await.unwrap();
        let (mut client, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let tail = hyper::HeaderMap::from_iter([("x-tail".parse().unwrap(), "end".parse().unwrap())]);
        let body = Full::new(Bytes::from("hello")).with_trailers(std::future::ready(Some(Ok(tail))));
        let request =
            hyper::Request::post(format!("http://{}/v1/canned/trailers", shop.api)).body(body).unwrap();
        let answer = client.send_request(request).await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.into_body().collect().await.unwrap().trailers().cloned()
    });
    assert_eq!(trailers.unwrap()["x-checksum"], "42");
    let [seen] = shop.seen().try_into().unwrap();
    assert_eq!((seen.version.as_str(), seen.authority), ("HTTP/2.0", shop.api.to_string()));
    assert_eq!((seen.body_sha256.as_str(), seen.complete), (HELLO, true));
    assert_eq!(seen.trailers, [("x-tail".into(), b"end".to_vec())]);
}

#[test]
fn the_record_is_bounded_and_can_be_cleared() {
    let shop = Shop::start(Config { remembered: 2, ..Config::default() }).unwrap();
    for n in 0..3 {
        get(shop.api, &format!("/echo/{n}"));
    }
    let targets = |seen: Vec<Seen>| seen.into_iter().map(|seen| seen.target).collect::<Vec<_>>();
    assert_eq!((targets(shop.seen()), shop.seen_total()), (vec!["/echo/1".into(), "/echo/2".into()], 3));
    let told = get(shop.control, "/control/seen").json();
    assert_eq!((&told["total"], &told["seen"][1]["target"]), (&json!(3), &json!("/echo/2")));
    assert_eq!(call(shop.control, "DELETE", "/control/seen", "").status, 204);
    assert_eq!((shop.seen().len(), shop.seen_total()), (0, 3));
}

#[test]
fn a_stopped_shop_has_closed_its_ports() {
    let shop = shop();
    let ports = [shop.api, shop.idp, shop.control];
    // An endless answer must not hold the shop up.
    let mut endless = connect(shop.api);
    endless.write_all(b"GET /v1/events HTTP/1.1\r\nhost: shop\r\n\r\n").unwrap();
    wait_for(&shop, |seen| seen.len() == 1);
    shop.stop();
    for port in ports {
        assert!(TcpStream::connect(port).is_err(), "{port}");
    }
}

/// What a client does shows in the record a moment later.
fn wait_for(shop: &Shop, enough: impl Fn(&[Seen]) -> bool) -> Vec<Seen> {
    for _ in 0..500 {
        let seen = shop.seen();
        if enough(&seen) {
            return seen;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("not seen within five seconds")
}
