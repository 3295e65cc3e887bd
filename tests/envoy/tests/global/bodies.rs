//! Shared limits by what stands in a body: asked once it was read, and before the upstream sees anything.

use portcullis_envoy::{
    Gate, Oracle, Protocol, RateLimitService, Recorder, Redis, Request, Result, Says, enforcing, limitador,
    timed, until,
};

use crate::{OVER_90, SLACK, WITHIN, gate, told, upstream};

fn by_mail(name: &str, timeout: &str, on_error: &str, more: &str) -> String {
    let rest = format!(
        "
{more}
rate_limit_service: {{ cluster: ratelimit, domain: shop, timeout: {timeout}, on_error: {on_error} }}
schemas: {{ mail: {{ type: object, additionalProperties: false, required: [email], properties: {{ email: {{ type: string }}, pad: {{ type: array, items: {{ type: string }} }} }} }} }}
limits:
  by-mail: {{ key: [\"body:/email\"], missing: deny, rate: 10/1h, scope: global }}
  either: {{ key: [\"header.x-app|body:/email\"], missing: deny, rate: 10/1h, scope: global }}
routes:
  - {{ name: mail, match: {{ method: POST, path: /mail }}, tokens: none, limits: [by-mail], request: {{ schema: mail, max_bytes: 1MiB }} }}
  - {{ name: either, match: {{ method: POST, path: /either }}, tokens: none, limits: [either], request: {{ max_bytes: 16B }}, modes: {{ request.size: shadow, request.json: shadow }} }}
"
    );
    enforcing(name, &rest)
}

fn post(path: &str) -> Request {
    Request::new("POST", path).header("content-type", "application/json")
}

/// Bodies in all the ways in which they come, with the same address in each: what is sent, and what arrives.
fn bodies(mail: &str) -> Vec<(&'static str, Request, String)> {
    let small = format!(r#"{{"email":"{mail}"}}"#);
    let pad = vec![format!("\"{}\"", "x".repeat(1_000)); 700].join(",");
    let large = format!(r#"{{"email":"{mail}","pad":[{pad}]}}"#);
    let (head, tail) = large.split_at(300_000);
    let (begin, rest) = small.split_at(5);
    vec![
        ("at once", post("/mail").chunk(&small), small.clone()),
        ("in chunks", post("/mail").chunk(begin).chunk(rest), small.clone()),
        ("with trailers", post("/mail").chunk(&small).trailer("x-sum", "1"), small.clone()),
        ("large", post("/mail").chunk(head).chunk(tail), large.clone()),
        ("unread", post("/either").chunk(begin).chunk(rest).header("x-app", mail), small.clone()),
        ("unread at once", post("/either").chunk(&small).header("x-app", mail), small),
    ]
}

#[test]
fn the_service_is_asked_once_the_body_was_read_and_what_it_says_holds() -> Result {
    let (upstream, oracle) = (upstream()?, Oracle::start(Says::Nothing)?);
    let gate = Gate::before(upstream.address()).workers(2).ratelimit(oracle.address()).h1_trailers();
    let gate = gate.policy(by_mail("start", "300ms", "local", "")).start()?;
    for (hold, more) in [("hold", ""), ("stream", "body_hold: stream")] {
        for (says, on_error, status) in [
            (Says::Message(WITHIN.to_vec()), "deny", 200),
            (Says::Message(OVER_90.to_vec()), "deny", 429),
            (Says::Nothing, "local", 200),
            (Says::Nothing, "deny", 503),
            (Says::Reset, "deny", 503),
        ] {
            let name = format!("{hold}-{status}-{}", on_error.len());
            gate.adopt(&by_mail(&name, "300ms", on_error, more))?;
            oracle.say(says.clone());
            for protocol in Protocol::BOTH {
                let mail = format!("alice-{protocol:?}@x.example");
                for (row, request, body) in bodies(&mail) {
                    let row = format!("{hold}, {says:?}, {protocol:?}, {row}");
                    let _ = (upstream.take(), oracle.take());
                    let begun = upstream.begun();
                    let (answer, took) = timed(|| gate.cleartext(protocol).send(&request));
                    assert_eq!(answer?.status, status, "{row}");
                    assert!(took < SLACK, "{row}: {took:?}");
                    let asked = oracle.take();
                    assert_eq!(asked.len(), 1, "{row}");
                    assert!(!asked[0].windows(5).any(|part| part == b"alice"), "{row}: {asked:?}");
                    let seen = upstream.take();
                    if status == 200 {
                        let [seen] = seen.as_slice() else { panic!("{row}: {seen:?}") };
                        assert!(seen.body == body.as_bytes() && seen.trailers == request.trailers, "{row}");
                    } else {
                        assert!(seen.is_empty(), "{row}: {seen:?}");
                        assert!(hold == "stream" || upstream.begun() == begun, "{row}: something arrived");
                    }
                }
            }
        }
    }
    gate.unharmed()
}

#[test]
fn an_upstream_that_answers_before_the_service_has_spoken_tells_the_client_nothing() -> Result {
    let early = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".to_vec();
    let upstream = Recorder::start_eager(move |_| Some(early.clone()), |_| Vec::new())?;
    let oracle = Oracle::start(Says::Nothing)?;
    let gate = gate(&upstream, oracle.address(), &by_mail("eager", "2s", "local", "body_hold: stream"))?;
    for protocol in Protocol::BOTH {
        let answer = gate.cleartext(protocol).send(&post("/mail").chunk(r#"{"email":"a"}"#))?;
        assert_eq!(told(&answer), (502, "response.content".into()), "{protocol:?}");
    }
    gate.unharmed()
}

#[test]
fn who_leaves_while_a_body_waits_for_the_service_leaves_nothing_behind() -> Result {
    let (upstream, oracle) = (upstream()?, Oracle::start(Says::Nothing)?);
    let gate = gate(&upstream, oracle.address(), &by_mail("leaving", "2s", "local", ""))?;
    let under_way = || -> Result<u64> { Ok(gate.stats("http.edge.downstream_rq_active")?.values().sum()) };
    for turn in 0..10 {
        let mut raw = gate.cleartext(Protocol::H1).connect_raw()?;
        let body = format!(r#"{{"email":"{turn}"}}"#);
        let length = body.len();
        raw.write(format!(
            "POST /mail HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"
        ))?;
        until("the service to be asked", || Ok((!oracle.take().is_empty()).then_some(())))?;
        drop(raw);
        until("the stream to end", || Ok((under_way()? == 0).then_some(())))?;
    }
    assert_eq!(upstream.begun(), 0);
    oracle.say(Says::Message(WITHIN.to_vec()));
    let answer = gate.cleartext(Protocol::H2).send(&post("/mail").chunk(r#"{"email":"after"}"#))?;
    assert_eq!(answer.status, 200);
    gate.unharmed()
}

#[test]
fn two_envoys_share_the_budget_of_an_address_in_a_body_and_those_of_tiers() -> Result {
    let (upstream, redis) = (upstream()?, Redis::start()?);
    let rest = "
rate_limit_service: { cluster: ratelimit, domain: shop, timeout: 2s, on_error: deny }
limits:
  by-mail: { key: [\"body:/email\"], missing: deny, rate: 4/1h, scope: global }
  by-plan: { key: [ip], rate: 3/1h, scope: global, tiers: { by: route, values: { large: 8/1h, small: { rate: 6/1h, burst: 2 } } } }
routes:
  - { name: mail, match: { method: POST, path: /mail }, tokens: none, limits: [by-mail], request: { content: json } }
  - { name: plain, match: { method: POST, path: /plain }, tokens: none, limits: [by-plan], request: { content: json } }
  - { name: large, match: { method: POST, path: /large }, tokens: none, limits: [by-plan], request: { content: json } }
";
    let policy = enforcing("fleet", rest);
    let service = RateLimitService::start(&redis, &limitador(&policy)?)?;
    let gates = [gate(&upstream, service.address(), &policy)?, gate(&upstream, service.address(), &policy)?];
    // One after the other, since Limitador on Redis looks first and counts then.
    let passed = |path: &str, mail: &str| -> Result<[usize; 2]> {
        let mut passed = [0, 0];
        for turn in 0..20 {
            let request = post(path).chunk(format!(r#"{{"email":"{mail}"}}"#));
            let answer = gates[turn % 2].cleartext(Protocol::BOTH[turn / 2 % 2]).send(&request)?;
            match told(&answer) {
                (200, _) => passed[turn % 2] += 1,
                other => assert_eq!(other, (429, "limits.exceeded".into()), "{path} {mail} {turn}"),
            }
        }
        Ok(passed)
    };
    assert_eq!(passed("/mail", "a@x.example")?, [2, 2], "4 for both");
    assert_eq!(passed("/mail", "A@X.Example ")?, [0, 0], "the same address");
    assert_eq!(passed("/mail", "b@x.example")?, [2, 2]);
    // A tier is a budget of its own at the service; here all are one counter, so the dearest comes first.
    assert_eq!(passed("/large", "")?, [4, 4], "8 for both");
    gates.iter().try_for_each(Gate::unharmed)?;

    let gates = [gate(&upstream, service.address(), &policy)?, gate(&upstream, service.address(), &policy)?];
    let mut statuses = Vec::new();
    for turn in 0..5 {
        let request = post("/plain").chunk("{}");
        statuses.push(gates[turn % 2].cleartext(Protocol::H1).send(&request)?.status);
    }
    assert_eq!(statuses, [200, 200, 200, 429, 429], "3 for both, whatever another tier has used up");
    gates.iter().try_for_each(Gate::unharmed)
}
