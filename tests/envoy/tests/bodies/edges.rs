//! Where the host and the filter meet: lengths, a body that is too large to hold, `100-continue`.

use portcullis_envoy::{Protocol, Request, Result};

use crate::{EVERY_WORKER, ORDER, STAGE, bodies, lives_on, order_of};

#[test]
fn lengths_that_disagree_are_the_hosts_to_refuse_and_reach_nobody() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("lengths", ""))?;
    let before = stage.upstream.begun();
    let short = ORDER.len() - 1;
    for (row, head) in [
        ("two lengths", format!("content-length: {}\r\ncontent-length: {short}\r\n", ORDER.len())),
        ("a length and chunks", format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", ORDER.len())),
        ("no number", "content-length: many\r\n".to_owned()),
        ("below zero", "content-length: -1\r\n".to_owned()),
        ("an unknown coding", "transfer-encoding: gzip, chunked\r\n".to_owned()),
    ] {
        let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
        raw.write(format!(
            "POST /order HTTP/1.1\r\nhost: api.shop.example\r\ncontent-type: application/json\r\n{head}\r\n{ORDER}"
        ))?;
        let answer = raw.answer()?;
        assert!(matches!(answer.status, 400 | 501), "{row}: {answer:?}");
        raw.closed()?;
    }
    for (row, length) in [("too long", ORDER.len() + 1), ("too short", short)] {
        let request = order_of(ORDER).header("content-length", length.to_string());
        let answer = stage.gate.client(Protocol::H2).send(&request);
        assert!(answer.as_ref().is_err() || answer.is_ok_and(|it| it.status == 400), "H2 {row}");
    }
    // A body that never gets as long as declared is waited for; when the client goes, nothing has gone on.
    let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
    raw.write(format!(
        "POST /order HTTP/1.1\r\nhost: api.shop.example\r\ncontent-type: application/json\r\ncontent-length: 30\r\n\r\n{ORDER}"
    ))?;
    drop(raw);
    lives_on(&stage)?;
    assert_eq!(stage.upstream.begun(), before + 2 * EVERY_WORKER);
    Ok(())
}

/// `max_bytes` above what a connection may hold is the policy author's slip: it must not cost a worker.
#[test]
fn a_body_that_the_host_cannot_hold_is_413_and_the_worker_lives() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("large", ""))?;
    let before = stage.upstream.begun();
    let body = [b"{\"a\":\"", "x".repeat(3 << 20).as_bytes(), b"\"}"].concat();
    for protocol in Protocol::BOTH {
        for size in [body.len(), 64 << 10] {
            let request = Request::new("POST", "/large").header("content-type", "application/json");
            let answer =
                stage.gate.client(protocol).send(&body.chunks(size).fold(request, Request::chunk))?;
            assert_eq!(answer.status, 413, "{protocol:?} {size}: {answer:?}");
        }
    }
    lives_on(&stage)?;
    assert_eq!(stage.upstream.begun(), before + 2 * EVERY_WORKER);
    Ok(())
}

#[test]
fn a_client_that_waits_for_100_continue_is_told_at_once() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("continue", ""))?;
    let _ = stage.upstream.take();
    let head = |kind: &str| {
        format!(
            "POST /order HTTP/1.1\r\nhost: api.shop.example\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
             expect: 100-continue\r\n\r\n",
            ORDER.len()
        )
    };
    for (row, kind, body, want) in [
        ("good", "application/json", ORDER.to_owned(), 200),
        ("bad", "application/json", ORDER.replace('1', "x"), 400),
    ] {
        let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
        raw.write(head(kind))?;
        assert_eq!(raw.status()?, 100, "{row}");
        raw.write(&body)?;
        assert_eq!(raw.answer()?.status, want, "{row}");
    }
    let seen = stage.upstream.take();
    let [seen] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!(seen.body, ORDER.as_bytes());

    // What the head says is wrong is answered without the body.
    let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
    raw.write(head("text/plain"))?;
    assert_eq!(raw.answer()?.reason().as_deref(), Some("request.content_type"));
    stage.gate.unharmed()
}
