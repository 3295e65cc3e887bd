//! Limits that count answers, and limits that count distinct values.

use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Shared, Verdict, timed, until};
use portcullis_shop::mint::{Alg, Mint};
use serde_json::json;

use crate::{keys, passed, routes, send, token};

/// A gate before an API that knows one password.
pub(crate) struct Stage {
    pub(crate) upstream: Recorder,
    pub(crate) gate: Gate,
}

pub(crate) static STAGE: Shared<Stage> = Shared::new(|| {
    let upstream = Recorder::start(|seen| {
        let text = String::from_utf8_lossy(&seen.body);
        let status = if text.contains("guess") { "401 Unauthorized" } else { "200 OK" };
        format!("HTTP/1.1 {status}\r\ncontent-length: 0\r\n\r\n").into_bytes()
    })?;
    let gate = Gate::before(upstream.address()).workers(4).policy(routes("begin", "", &[], "")).start()?;
    Ok(Stage { upstream, gate })
});

fn login(email: &str, password: &str) -> Request {
    Request::post_json("/login", &json!({ "email": email, "password": password }))
}

const LOGIN: &str = "
  - { name: login, match: { method: POST, path: /login }, tokens: none, request: { content: json }, limits: [login-fail] }";

#[test]
fn of_five_hundred_wrong_logins_at_once_the_shop_sees_five() -> Result {
    let stage = STAGE.enter()?;
    let limits = r#"  login-fail: { key: [ip, "body:/email"], missing: deny, rate: 5/10m, count: [401] }"#;
    assert_eq!(stage.gate.push(&routes("logins", limits, &[], LOGIN))?, Verdict::Accepted);
    for (protocol, email) in [(Protocol::H1, "a@shop.example"), (Protocol::H2, "b@shop.example")] {
        let client = stage.gate.cleartext(protocol);
        let before = stage.upstream.begun();
        let answers = client.send_together(&vec![login(email, "guess"); 500])?;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(401), count(429)), (5, 495), "{protocol:?}");
        assert_eq!(stage.upstream.begun() - before, 5, "{protocol:?}: seen by the shop");
        // The account in other letters is the same; another account is not concerned, and no good login is counted.
        let loud = login(&email.to_uppercase(), "guess");
        assert_eq!(send(&client, &loud, 1)?, [(429, "limits.exceeded".to_owned())], "{protocol:?}");
        let honest = login(&format!("honest-{email}"), "right");
        assert_eq!(passed(&client, &honest, 100)?, 100, "{protocol:?}: what is right is given back");
    }
    stage.gate.unharmed()
}

#[test]
fn wrong_logins_in_shadow_use_up_nothing_that_is_enforced() -> Result {
    let stage = STAGE.enter()?;
    let limits = r#"  login-fail: { key: ["body:/email"], missing: deny, rate: 5/10m, count: [401] }"#;
    let shadow = LOGIN.replace("name: login,", "name: watched, modes: { limits.login-fail: shadow },");
    let shadow = shadow.replace("path: /login", "path: /watched");
    assert_eq!(stage.gate.push(&routes("watched", limits, &[], &(shadow + LOGIN)))?, Verdict::Accepted);
    let client = stage.gate.cleartext(Protocol::H2);
    let wrong = login("a@shop.example", "guess");
    let watched = Request { path: b"/watched".to_vec(), ..wrong.clone() };
    let statuses = |told: Vec<(u16, String)>| told.into_iter().map(|(status, _)| status).collect::<Vec<_>>();
    assert_eq!(statuses(send(&client, &watched, 20)?), [401; 20]);
    assert_eq!(statuses(send(&client, &wrong, 8)?), [401, 401, 401, 401, 401, 429, 429, 429]);
    let labels = [("policy", "watched"), ("route", "watched"), ("reason", "limits.exceeded")];
    let seen = || Ok((stage.gate.sum("portcullis_decisions_total", &labels)? == 15).then_some(()));
    until("what would have been refused", seen)
}

#[test]
fn of_ten_thousand_foreign_ids_a_user_learns_fifty() -> Result {
    const EVERY_SECONDS: f64 = 72.0;
    let stage = STAGE.enter()?;
    let limits = "  ids: { key: [user.sub], rate: 50/1h, distinct: path.id }";
    let more = r#"  - { name: thing, match: { method: GET, path: "/things/{id}" }, tokens: [user], limits: [ids],
      access: { owner: { value: path.id, is: user.sub } } }"#;
    assert_eq!(stage.gate.push(&routes("ids", limits, &[], more))?, Verdict::Accepted);
    let token = token("mallory");
    // Enough connections that every worker has its share.
    let connect = |_| stage.gate.cleartext(Protocol::H1).connect();
    let mut connections: Vec<_> = (0..16).map(connect).collect::<Result<_>>()?;
    let mut ask = |turn: usize, id: usize| {
        let request = Request::get(format!("/things/{id}")).bearer(&token);
        Ok::<_, portcullis_envoy::Error>(connections[turn % 16].send(&request)?.status)
    };
    let (told, took) = timed(|| (0..10_000).map(|id| ask(id, id)).collect::<Result<Vec<_>>>());
    let told = told?;
    assert!(told[..50].iter().all(|status| *status == 403), "{:?}", &told[..50]);
    let later = told[50..].iter().filter(|status| **status != 429).count();
    assert!(later <= (took.as_secs_f64() / EVERY_SECONDS) as usize, "{later} more in {took:?}");
    // A retry is no enumeration: what was asked for before is free, at every worker. Where time gave another id, the
    // oldest made room for it.
    for turn in 0..200 {
        let id = later + turn % (50 - later);
        assert_eq!(ask(turn, id)?, 403, "{id} again");
    }
    let other = Request::get("/things/1").bearer(&crate::token("alice"));
    assert_eq!(send(&stage.gate.cleartext(Protocol::H2), &other, 1)?[0].0, 403, "another's budget is whole");
    assert_eq!(stage.upstream.take().iter().filter(|seen| seen.path.starts_with("/things")).count(), 0);
    stage.gate.unharmed()
}

#[test]
fn a_flood_of_forged_tokens_is_cut_off_before_their_signatures() -> Result {
    const FORGED: usize = 1_000;
    const BUDGET: usize = 20;
    let stage = STAGE.enter()?;
    let limits = "  guard: { key: [ip], rate: 20/1h, count: [401] }";
    let more = "  - { name: user, match: { method: GET, path: /user }, tokens: [user], access: authenticated, limits: [guard] }";
    assert_eq!(stage.gate.push(&routes("guard", limits, &[], more))?, Verdict::Accepted);
    let stranger = keys().next()?;
    let forged = |n: usize| {
        let mint = Mint::new(&stranger).header("kid", keys().es256.kid()).claim("n", n);
        Request::get("/user").bearer(&mint.sign(Alg::Es256))
    };
    let flood: Vec<_> = (0..FORGED).map(forged).collect();
    let attacker = stage.gate.cleartext(Protocol::H2).from_loopback(31);
    let mut told = Vec::new();
    for crowd in flood.chunks(100) {
        told.extend(attacker.send_together(crowd)?.into_iter().map(|answer| answer.status));
    }
    let count = |status| told.iter().filter(|told| **told == status).count();
    assert_eq!((count(401), count(429)), (BUDGET, FORGED - BUDGET));

    // Each of these is another token, so each is a miss and costs a signature: theirs, and nobody else's.
    let honest = stage.gate.cleartext(Protocol::H2).from_loopback(32);
    for n in 0..30 {
        let good = Request::get("/user").bearer(&token(&format!("good-{n}")));
        assert_eq!(send(&honest, &good, 2)?, [(200, String::new()), (200, String::new())], "{n}");
    }
    let misses = || stage.gate.sum("portcullis_token_cache_total", &[("policy", "guard"), ("event", "miss")]);
    let want = BUDGET as u64 + 30;
    let reached = until("misses", || Ok((misses()? >= want).then_some(())));
    assert_eq!(misses()?, want, "{reached:?}");
    stage.gate.unharmed()
}
