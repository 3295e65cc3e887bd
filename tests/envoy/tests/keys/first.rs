//! Requests that come before the first keys.

use super::*;

#[test]
fn requests_wait_for_the_first_keys_and_are_judged_when_they_come() -> Result {
    let scene = Scene::start(Trouble::Down, &fetching("short", "1s", "1h", "1s"))?;
    for (protocol, client) in scene.clients() {
        let (answer, took) = timed(|| client.send(&scene.me()));
        let answer = answer?;
        assert_eq!(told(&answer), (503, "tokens.keys_unavailable".into()), "{protocol:?}");
        assert!(took >= Duration::from_secs(1), "{protocol:?}: it waited {took:?}");
        let wait: u64 = answer.header("retry-after").unwrap_or_default().parse()?;
        assert!((1..=60).contains(&wait), "{protocol:?}: {answer:?}");
        // Nobody waits who needs no keys, or whom no keys would help.
        assert_eq!(client.send(&Request::get("/open"))?.status, 200, "{protocol:?}");
        assert_eq!(client.send(&Request::get("/me"))?.status, 401, "{protocol:?}");
        assert_eq!(client.send(&Request::get("/me").bearer("a.b.c"))?.status, 401, "{protocol:?}");
    }
    assert!(scene.fetched(Some("status"))? > 0);
    let _ = scene.upstream.take();

    assert_eq!(scene.gate.push(&fetching("long", "1s", "1h", "30s"))?, Verdict::Accepted);
    let order = |path: &str| {
        Request::new("POST", path).bearer(&scene.token()).header("content-type", "application/json")
    };
    let rows = [
        ("no body", scene.me(), 200),
        ("good body", order("/order").chunk(r#"{"id":1}"#), 200),
        (
            "good body in chunks, with trailers",
            order("/order").chunk(r#"{"id""#).chunk(":1}").trailer("x-sum", "1"),
            200,
        ),
        ("bad body", order("/order").chunk(BAD), 422),
        (
            "bad body in chunks, with trailers",
            order("/order").chunk(r#"{"id""#).chunk(":true}").trailer("x-sum", "1"),
            422,
        ),
        ("no body where one must be", order("/order"), 400),
        ("large body", order("/order").chunk("[").chunk(" ".repeat(2000)), 413),
        ("bad body in shadow", order("/watched").chunk(BAD), 200),
        ("bad body in shadow, with trailers", order("/watched").chunk(BAD).trailer("x-sum", "1"), 200),
        ("upload", order("/upload").chunk("some").chunk("thing"), 200),
        ("large upload", order("/upload").chunk("some").chunk("x".repeat(2000)), 413),
        ("large upload with trailers", order("/upload").chunk("x".repeat(2000)).trailer("x-sum", "1"), 413),
        ("large upload of a declared length", order("/upload").chunk("x".repeat(2000)), 413),
    ];
    let mut under_way = Vec::new();
    for (protocol, client) in scene.clients() {
        for (row, request, status) in &rows {
            let (client, request) = (client.clone(), request.clone());
            under_way.push((protocol, row, status, thread::spawn(move || client.send(&request))));
        }
    }
    // One that leaves, and some whose body is still on its way.
    let begin = |line: &str, more: &str| -> Result<Raw> {
        let mut raw = scene.gate.cleartext(Protocol::H1).connect_raw()?;
        let token = scene.token();
        raw.write(format!("{line} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}"))?;
        Ok(raw)
    };
    let leaving = begin("GET /me", "\r\n")?;
    let json = "content-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id";
    let mut late = begin("POST /order", json)?;
    let mut late_and_bad = begin("POST /order", json)?;
    let mut late_in_shadow = begin("POST /watched", json)?;
    let mut late_and_large =
        begin("POST /upload", &format!("transfer-encoding: chunked\r\n\r\n258\r\n{:600}\r\n", ""))?;
    let count = u64::try_from(2 * rows.len())?;
    scene.held(count + 5)?;
    drop(leaving);
    scene.held(count + 4)?;
    assert_eq!(scene.upstream.begun(), 2, "nothing went on but what needs no keys");
    // Those who wait outlive the policy under which they came.
    assert_eq!(scene.gate.push(&fetching("longer", "1s", "1h", "29s"))?, Verdict::Accepted);

    scene.shop.provider().set_trouble(Feed::Jwks, Trouble::None);
    for (protocol, row, status, answer) in under_way {
        let answer = answer.join().unwrap()?;
        assert_eq!(answer.status, *status, "{protocol:?} {row}: {answer:?}");
    }
    late.write("\":1}")?;
    assert_eq!(late.answer()?.status, 200);
    late_and_bad.write("\":x}")?;
    assert_eq!(late_and_bad.answer()?.status, 400);
    late_in_shadow.write("\":x}")?;
    assert_eq!(late_in_shadow.answer()?.status, 200);
    let would = [("route", "watched"), ("outcome", "would_refuse")];
    assert_eq!(scene.gate.sum("portcullis_decisions_total", &would)?, 5);
    let seen = scene.upstream.take();
    assert_eq!(seen.len(), 14, "{seen:?}");
    assert_eq!(
        scene.upstream.begun(),
        2 + 14 + 1,
        "nothing of what was refused, but the upload that goes on"
    );
    for seen in seen {
        assert_eq!(seen.headers.get("x-user-id").as_deref(), Some("42"), "{seen:?}");
        assert!(!seen.headers.has("authorization"), "{seen:?}");
        let whole = match seen.path.as_str() {
            "/order" => seen.body == br#"{"id":1}"#,
            "/upload" => seen.body == b"something",
            "/watched" => seen.body == BAD || seen.body == br#"{"id":x}"#,
            _ => seen.body.is_empty(),
        };
        assert!(whole, "{seen:?}");
    }
    // What came before and what comes after the keys is one body: its head is upstream by now, and it ends there.
    late_and_large.write(format!("258\r\n{:600}\r\n0\r\n\r\n", ""))?;
    assert_eq!(late_and_large.answer()?.status, 413);
    for (protocol, client) in scene.clients() {
        assert_eq!(client.send(&scene.me())?.status, 200, "{protocol:?}");
    }
    assert_eq!(scene.upstream.take().len(), 2);
    scene.unharmed()
}
