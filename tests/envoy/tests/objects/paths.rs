//! The many spellings of a path. The shop takes them all for one: it decodes, merges, folds, and cuts `;x` off.

use portcullis_envoy::{Answer, Client, Gate, Piece, Protocol, Request, Result, cases, policy};
use portcullis_shop::data::{ALICE_LOGIN, BOB, BOB_LOGIN};

use crate::{STAGE, Stage, shown};

/// Only the account's routes are enforced for certain; `mode` is everything else's.
fn accounts(stage: &Stage, name: &str, mode: &str, more: &str) -> String {
    let routes = format!(
        r#"
{}
schemas: {{ object: {{ type: object }} }}
routes:
  - group: users
    path: "/v1/users/{{user_id}}"
    tokens: [user]
    access: {{ owner: {{ value: path.user_id, is: user.sub }} }}
    mode: enforce
    routes:
      - {{ name: users.get, match: {{ method: GET, path: "" }} }}
      - {{ name: users.update, match: {{ method: PATCH, path: "" }}, request: {{ schema: object }} }}
{more}
"#,
        stage.tokens()
    );
    policy(name, mode, &routes)
}

/// A request of these bytes over HTTP/1.1, which sends any target as it is.
fn raw(client: &Client, method: &str, target: &[u8], token: &str, body: &str) -> Result<Answer> {
    let mut raw = client.connect_raw()?;
    let head = format!(
        " HTTP/1.1\r\nhost: api.shop.example\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    raw.write([method.as_bytes(), b" ", target, head.as_bytes()].concat())?;
    raw.answer()
}

const MALLORY: &str = r#"{"name":"Mallory"}"#;

/// Every spelling, read and changed over both listeners and protocols. Answers how many were sent over HTTP/2.
fn try_all(stage: &Stage, row: &str) -> Result<usize> {
    let alice = stage.alice();
    let mut sent = Vec::new();
    for (listener, h1, h2) in [
        ("normalised", stage.gate.client(Protocol::H1), stage.gate.client(Protocol::H2)),
        ("as sent", stage.gate.cleartext(Protocol::H1), stage.gate.cleartext(Protocol::H2)),
    ] {
        for target in cases::<Piece>("paths")? {
            let target = target.bytes()?;
            let name = format!("{row}, {listener}: {}", target.escape_ascii());
            for (method, body) in [("GET", ""), ("PATCH", MALLORY)] {
                let answer = raw(&h1, method, &target, &alice, body)?;
                assert_ne!(shown(&answer), Some(BOB_LOGIN.0), "H1 {method} {name}: {answer:?}");
                assert!(
                    (400..500).contains(&answer.status) || shown(&answer) == Some(ALICE_LOGIN.0),
                    "H1 {method} {name}: {answer:?}"
                );

                let request = Request::new(method, &target).bearer(&alice);
                let request = request.header("content-type", "application/json");
                let request = if body.is_empty() { request } else { request.chunk(body) };
                // What the library will not send, or the host resets, reaches nobody either.
                if let Ok(answer) = h2.send(&request) {
                    sent.push(answer.status);
                    assert_ne!(shown(&answer), Some(BOB_LOGIN.0), "H2 {method} {name}: {answer:?}");
                }
                let bob = stage.shop.user(BOB).unwrap();
                assert_eq!(bob.name, "Bob", "{method} {name}: changed by another");
            }
        }
    }
    stage.gate.unharmed()?;
    Ok(sent.len())
}

#[test]
fn without_the_gate_many_spellings_lead_to_anothers_account() -> Result {
    let stage = STAGE.enter()?;
    let bare = Gate::before(stage.shop.api).without_normalisation().start()?;
    let alice = stage.alice();
    let mut open = 0;
    for target in cases::<Piece>("paths")? {
        // Some are no HTTP; then the host says so.
        let answer = raw(&bare.client(Protocol::H1), "GET", &target.bytes()?, &alice, "");
        open += usize::from(answer.is_ok_and(|answer| shown(&answer) == Some(BOB_LOGIN.0)));
    }
    assert!(open >= 40, "only {open}: what the other tests refuse would prove little");
    Ok(())
}

#[test]
fn no_spelling_leads_to_anothers_account() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&accounts(&stage, "spellings", "enforce", ""))?;
    let sent = try_all(&stage, "all enforced")?;
    assert!(sent > 150, "HTTP/2 sent only {sent}");
    Ok(())
}

#[test]
fn no_spelling_leads_round_an_enforced_route_while_the_rest_is_in_shadow() -> Result {
    let stage = STAGE.enter()?;
    let catch_all = r#"  - { name: rest, match: { method: [GET, PATCH], path: "/{rest*}" }, tokens: none, request: { content: any } }"#;
    for (name, more) in [("rest-in-shadow", ""), ("rest-matched-in-shadow", catch_all)] {
        stage.gate.adopt(&accounts(&stage, name, "shadow", more))?;
        try_all(&stage, name)?;
    }
    Ok(())
}

/// Not the path but the rest of the head: another's host, an upgrade, another method, headers that name another target.
#[test]
fn no_head_leads_round_an_enforced_route_while_the_rest_is_in_shadow() -> Result {
    let stage = STAGE.enter()?;
    let elsewhere = r#"  - { name: elsewhere, match: { method: GET, path: "/v1/users/{id}/other", host: b.example }, tokens: none }"#;
    let accounts = accounts(&stage, "heads", "shadow", elsewhere)
        .replace("hosts: any", "hosts: [api.shop.example, a.example, b.example]")
        .replace("preflight: refuse", "preflight: pass");
    stage.gate.adopt(&accounts)?;
    let alice = stage.alice();
    let bob = || Request::get("/v1/users/77").bearer(&alice);
    let preflight = Request::new("OPTIONS", "/v1/users/77").bearer(&alice);
    let preflight = preflight.header("origin", "https://evil.example");
    let rows = [
        ("another host", bob().authority("evil.example")),
        (
            "another host and an odd path",
            Request::get("/V1//users/77;x").bearer(&alice).authority("evil.example"),
        ),
        ("a host that has the route not", bob().authority("b.example")),
        ("an address", bob().authority("127.0.0.1")),
        ("a port", bob().authority("api.shop.example:1")),
        ("upper case", bob().authority("API.SHOP.EXAMPLE.")),
        ("no host", bob().authority("")),
        ("an upgrade", bob().header("upgrade", "x")),
        ("an upgrade to websocket", bob().header("upgrade", "websocket")),
        (
            "an upgrade that is asked for",
            bob().header("upgrade", "websocket").header("connection", "upgrade"),
        ),
        ("an upgrade to HTTP/2", bob().header("upgrade", "h2c").header("connection", "upgrade")),
        ("two upgrades", bob().header("upgrade", "x").header("upgrade", "y")),
        ("a method in lower case", Request { method: "get".into(), ..bob() }),
        ("an unknown method", Request { method: "FETCH".into(), ..bob() }),
        (
            "HEAD and an override",
            Request::new("HEAD", "/v1/users/77").bearer(&alice).header("x-http-method-override", "GET"),
        ),
        (
            "OPTIONS and an override",
            Request::new("OPTIONS", "/v1/users/77").bearer(&alice).header("x-http-method", "GET"),
        ),
        (
            "a preflight and an override",
            preflight.header("access-control-request-method", "GET").header("x-method-override", "GET"),
        ),
        (
            "another target in a header",
            Request::get("/v1/users/42").bearer(&alice).header("x-original-url", "/v1/users/77"),
        ),
        (
            "another target for an unknown path",
            Request::get("/nowhere").header("x-rewrite-url", "/v1/users/77"),
        ),
        ("another caller in a header", bob().header("x-user-id", "77")),
        ("no token", Request::get("/v1/users/77")),
        ("no token, but a caller", Request::get("/v1/users/77").header("x-user-id", "77")),
    ];
    let mut open = Vec::new();
    for protocol in Protocol::BOTH {
        for client in [stage.gate.client(protocol), stage.gate.cleartext(protocol)] {
            for (name, request) in &rows {
                // What the library will not send, or the host resets, reaches nobody.
                let Ok(answer) = client.send(request) else { continue };
                if shown(&answer) == Some(BOB_LOGIN.0) {
                    open.push(format!("{protocol:?} {name}"));
                }
            }
        }
    }
    assert!(open.is_empty(), "{open:#?}");
    stage.gate.unharmed()
}
