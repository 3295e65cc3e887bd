//! Bodies that nobody reads: counted, whatever else goes on.

use portcullis_envoy::{Protocol, Request, Result, user_token};
use portcullis_shop::idp::{Feed, Trouble};
use portcullis_shop::mint::{Alg, Mint};
use serde_json::json;

use crate::{ORDER, STAGE, bodies, lives_on};

/// What a head and the framing of chunks may add to a body.
const FRAMING: usize = 1024;

#[test]
fn a_body_that_streams_is_counted_and_cut_off() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("streams", ""))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        for (path, kind) in [("/any", "x/y"), ("/image", "image/jpeg"), ("/unread", "application/json")] {
            for size in [100, 1000, 4097, 65_536] {
                let row = format!("{protocol:?} {path} in pieces of {size}");
                let before = stage.upstream.bytes();
                let request = Request::new("POST", path).header("content-type", kind);
                let request = [b'x'; 200_000].chunks(size).fold(request, Request::chunk);
                let answer = stage.gate.client(protocol).send(&request)?;
                assert_eq!(
                    (answer.status, answer.reason().as_deref()),
                    (413, Some("request.too_large")),
                    "{row}: {answer:?}"
                );
                let arrived = stage.upstream.bytes() - before;
                assert!(arrived <= 4096 + FRAMING, "{row}: {arrived} bytes reached the upstream");
            }
        }
    }
    assert!(stage.upstream.take().is_empty(), "a request that was cut off arrived whole");
    lives_on(&stage)
}

/// An upstream may answer before it has read the body: no reason to let the rest pass uncounted.
#[test]
fn a_body_that_streams_is_counted_after_the_answer_has_begun() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("eager", ""))?;
    let _ = stage.upstream.take();
    let before = stage.upstream.bytes();
    let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
    raw.write(
        "POST /eager HTTP/1.1\r\nhost: api.shop.example\r\ntransfer-encoding: chunked\r\n\r\n1\r\nx\r\n",
    )?;
    assert_eq!(raw.status()?, 200);
    let chunk = format!("3e8\r\n{}\r\n", "x".repeat(1000));
    for _ in 0..100 {
        // The connection ends somewhere on the way: then writing fails.
        if raw.write(&chunk).is_err() {
            break;
        }
    }
    let _ = raw.write("0\r\n\r\n");
    assert!(raw.answer().is_err(), "the rest of the answer came as if nothing had happened");
    let arrived = stage.upstream.bytes() - before;
    assert!(arrived <= 4096 + FRAMING, "{arrived} bytes reached the upstream");
    assert!(stage.upstream.take().is_empty(), "the request arrived whole");
    lives_on(&stage)
}

/// A request that waits for its first keys is held with its body: no reason to take more of it, or to judge less.
#[test]
fn a_body_that_came_while_keys_were_waited_for_is_bounded_and_judged() -> Result {
    let stage = STAGE.enter()?;
    let fetched = |name: &str| {
        let keys = json!({ "jwks": { "url": format!("https://id.shop.example/jwks.json?{name}"), "cluster": "idp" } });
        let mut user = user_token(&stage.shop.keys());
        user["keys"] = keys;
        bodies(name, &format!("first_keys_wait: 10s\ntokens: {{ user: {user} }}"))
            .replace("tokens: none", "tokens: [user], access: authenticated")
    };
    stage.shop.provider().set_trouble(Feed::Jwks, Trouble::Slow { ms: 300 });
    let keys = stage.shop.keys();
    let token = Mint::new(&keys).sign(Alg::Es256);
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        for (row, path, body, want) in [
            ("streams, over", "/any", "x".repeat(100_000), Some("request.too_large")),
            ("streams, within", "/any", "x".repeat(4096), None),
            ("held, over", "/order", "x".repeat(100_000), Some("request.too_large")),
            ("held, bad", "/order", "{}".to_owned(), Some("request.schema")),
            ("held, good", "/order", ORDER.to_owned(), None),
        ] {
            let before = stage.upstream.bytes();
            let name = format!("late-{protocol:?}-{}", row.replace(", ", "-")).to_lowercase();
            // Keys from another address: nobody has them yet.
            stage.gate.adopt(&fetched(&name))?;
            let request =
                Request::new("POST", path).header("content-type", "application/json").bearer(&token);
            let request = body.as_bytes().chunks(10_000).fold(request, Request::chunk);
            let answer = stage.gate.client(protocol).send(&request)?;
            assert_eq!(answer.status == 200, want.is_none(), "{protocol:?} {row}: {answer:?}");
            assert_eq!(answer.reason().as_deref(), want, "{protocol:?} {row}: {answer:?}");
            let seen = stage.upstream.take();
            match (want, seen.as_slice()) {
                (None, [seen]) => assert!(seen.body == body.as_bytes(), "{protocol:?} {row}"),
                _ => assert!(seen.is_empty() && stage.upstream.bytes() == before, "{protocol:?} {row}"),
            }
        }
    }
    stage.shop.provider().set_trouble(Feed::Jwks, Trouble::None);
    stage.gate.unharmed()
}
