//! Limits that several Envoys share through a rate limit service: a real one over a real Redis, and one that says what it
//! is told to.
#![cfg(test)]

mod bodies;

use std::thread;
use std::time::Duration;

use anyhow::Context;

use portcullis_envoy::{
    Answer, Gate, Oracle, Protocol, RateLimitService, Recorder, Redis, Request, Result, Says, enforcing,
    limitador, timed, until,
};

/// Far beyond what a wait may take, the tick and a busy machine included; far below a hanging request.
const SLACK: Duration = Duration::from_secs(3);

/// The service's messages: within, over, and over with 90 seconds until the one limit has room (its descriptor is the
/// second; the service knows no limit for the first).
const WITHIN: &[u8] = b"\x08\x01";
const OVER: &[u8] = b"\x08\x02";
const OVER_90: &[u8] = b"\x08\x02\x12\x02\x08\x01\x12\x06\x08\x02\x22\x02\x08\x5a";

/// A policy with a shared limit of 10 by header on `/shared`, one in shadow, two at once, and one after a body.
fn sharing(name: &str, timeout: &str, on_error: &str) -> String {
    let rest = format!(
        "
rate_limit_service: {{ cluster: ratelimit, domain: shop, timeout: {timeout}, on_error: {on_error} }}
schemas: {{ order: {{ type: object, required: [id], properties: {{ id: {{ type: integer }} }} }} }}
limits:
  shared: {{ key: [header.x-app], missing: deny, rate: 10/1h, scope: global }}
  wide: {{ key: [ip], rate: 1000/1h, scope: global }}
  narrow: {{ key: [header.x-app], missing: deny, rate: 3/1h, scope: global }}
routes:
  - {{ name: shared, match: {{ method: GET, path: /shared }}, tokens: none, limits: [shared] }}
  - {{ name: shadowed, match: {{ method: GET, path: /shadowed }}, tokens: none, limits: [shared], modes: {{ limits: shadow }} }}
  - {{ name: two, match: {{ method: GET, path: /two }}, tokens: none, limits: [wide, narrow] }}
  - {{ name: order, match: {{ method: POST, path: /order }}, tokens: none, limits: [wide], request: {{ schema: order, max_bytes: 1KiB }} }}
  - {{ name: upload, match: {{ method: POST, path: /upload }}, tokens: none, limits: [wide], request: {{ content: any, max_bytes: 1KiB }} }}
"
    );
    enforcing(name, &rest)
}

fn upstream() -> Result<Recorder> {
    Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

fn gate(upstream: &Recorder, service: std::net::SocketAddr, policy: &str) -> Result<Gate> {
    Gate::before(upstream.address()).workers(2).ratelimit(service).policy(policy).start()
}

fn get(path: &str, app: &str) -> Request {
    Request::get(path).header("x-app", app)
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.reason().unwrap_or_default())
}

fn calls(gate: &Gate, outcome: &str) -> Result<u64> {
    gate.sum("portcullis_rate_limit_calls_total", &[("outcome", outcome)])
}

/// Counters come once a tick.
fn counted(gate: &Gate, outcome: &str, least: u64) -> Result<()> {
    until(&format!("calls that are {outcome}"), || Ok((calls(gate, outcome)? >= least).then_some(())))
        .with_context(|| format!("{:?}", gate.stats("portcullis_rate_limit_calls_total")))
}

#[test]
fn the_service_is_asked_once_by_the_limits_names_and_hashes_of_their_keys() -> Result {
    let (upstream, oracle) = (upstream()?, Oracle::start(Says::Message(WITHIN.to_vec()))?);
    let gate = gate(&upstream, oracle.address(), &sharing("asked", "1s", "deny"))?;
    let has = |message: &[u8], text: &str| message.windows(text.len()).any(|part| part == text.as_bytes());
    for protocol in Protocol::BOTH {
        let client = gate.cleartext(protocol);
        assert_eq!(client.send(&get("/two", &format!("alice-{protocol:?}")))?.status, 200, "{protocol:?}");
        let asked = oracle.take();
        let [message] = asked.as_slice() else { panic!("{protocol:?}: {asked:?}") };
        for text in ["shop", "limit", "wide", "narrow", "key"] {
            assert!(has(message, text), "{protocol:?}: {text} in {message:?}");
        }
        for secret in ["alice", "127.0.0.1"] {
            assert!(!has(message, secret), "{protocol:?}: {secret} in {message:?}");
        }
        // The same key is the same to the service, another is another.
        assert_eq!(client.send(&get("/two", &format!(" Alice-{protocol:?}").to_uppercase()))?.status, 200);
        assert_eq!(oracle.take(), asked, "{protocol:?}");
        assert_eq!(client.send(&get("/shadowed", "a"))?.status, 200);
        assert_eq!(client.send(&Request::get("/two"))?.status, 429, "no key");
        assert_eq!(oracle.take(), [[0; 0]; 0], "{protocol:?}: nobody waits in shadow or without a key");
    }

    oracle.say(Says::Message(OVER_90.to_vec()));
    let answer = gate.cleartext(Protocol::H1).send(&get("/shared", "bob"))?;
    assert_eq!(told(&answer), (429, "limits.exceeded".into()));
    let wait: u64 = answer.header("retry-after").unwrap_or_default().parse()?;
    assert!((90..=113).contains(&wait), "{wait}");
    let state = answer.header("ratelimit").unwrap_or_default();
    assert!(state.starts_with("\"shared\";r=0;t=90"), "{state}");
    oracle.say(Says::Message(OVER.to_vec()));
    let answer = gate.cleartext(Protocol::H1).send(&get("/shared", "bob"))?;
    let wait: u64 = answer.header("retry-after").unwrap_or_default().parse()?;
    assert!(
        answer.status == 429 && wait >= 3_600,
        "the service does not say: its window ends within the limit's own: {wait}"
    );
    counted(&gate, "over", 2)?;
    gate.unharmed()
}

#[test]
fn a_body_that_came_while_its_request_waited_is_judged_when_it_goes_on() -> Result {
    let (upstream, oracle) = (upstream()?, Oracle::start(Says::Nothing)?);
    let gate = gate(&upstream, oracle.address(), &sharing("bodies", "300ms", "local"))?;
    let post = |path| Request::new("POST", path).header("content-type", "application/json");
    for (row, request, status) in [
        ("good", post("/order").chunk(r#"{"id":1}"#), 200),
        ("good in chunks", post("/order").chunk(r#"{"id""#).chunk(":1}"), 200),
        ("bad", post("/order").chunk(r#"{"id":"1"}"#), 422),
        ("none", post("/order"), 400),
        ("large", post("/order").chunk("[").chunk(" ".repeat(2_000)), 413),
        ("streamed", post("/upload").chunk("some").chunk("thing"), 200),
        ("streamed and large", post("/upload").chunk("x".repeat(2_000)), 413),
    ] {
        for protocol in Protocol::BOTH {
            let (answer, took) = timed(|| gate.cleartext(protocol).send(&request));
            assert_eq!(answer?.status, status, "{protocol:?} {row}");
            assert!(took < SLACK, "{protocol:?} {row}: {took:?}");
        }
    }
    for seen in upstream.take() {
        assert!(["{\"id\":1}", "something"].contains(&&*String::from_utf8(seen.body)?), "{:?}", seen.path);
    }
    gate.unharmed()
}

#[test]
fn whatever_the_service_does_the_wait_ends_and_the_policy_says_how() -> Result {
    let (upstream, oracle) = (upstream()?, Oracle::start(Says::Nothing)?);
    let gate = gate(&upstream, oracle.address(), &sharing("start", "200ms", "allow"))?;
    let nobody = Gate::before(upstream.address()).policy(sharing("start", "200ms", "allow")).start()?;
    let closed = Gate::before(upstream.address()).ratelimit(([127, 0, 0, 1], 1).into());
    let closed = closed.policy(sharing("start", "200ms", "allow")).start()?;
    let rows = [
        ("is slow", Some(Says::Nothing), "timeout"),
        ("refuses the call", Some(Says::Status("14")), "unreachable"),
        ("does not know the method", Some(Says::Status("12")), "failed"),
        ("answers with a page", Some(Says::Html), ""),
        ("resets the stream", Some(Says::Reset), ""),
        ("says nothing at all", Some(Says::Message(Vec::new())), ""),
        ("says something else", Some(Says::Message(b"\xff\xfe garbage".to_vec())), "garbage"),
        ("says a code of tomorrow", Some(Says::Message(vec![8, 9])), "garbage"),
        ("is nowhere", None, ""),
    ];
    for on_error in ["allow", "deny", "local"] {
        let policy = sharing(on_error, "200ms", on_error);
        for gate in [&gate, &nobody, &closed] {
            gate.adopt(&policy)?;
        }
        for (at, (row, says, outcome)) in rows.iter().enumerate() {
            let gates = match says {
                Some(says) => {
                    oracle.say(says.clone());
                    vec![&gate]
                }
                None => vec![&nobody, &closed],
            };
            for gate in gates {
                let before = if outcome.is_empty() { 0 } else { calls(gate, outcome)? };
                let client = gate.cleartext(Protocol::BOTH[at % 2]);
                let app = format!("{on_error}-{at}");
                let statuses: Result<Vec<_>> = (0..5)
                    .map(|_| {
                        let (answer, took) = timed(|| client.send(&get("/two", &app)));
                        assert!(took < SLACK, "{on_error}: a service that {row}: {took:?}");
                        Ok(told(&answer?))
                    })
                    .collect();
                let (ok, spent) = ((200, String::new()), (429, "limits.exceeded".to_owned()));
                let unavailable = (503, "limits.unavailable".to_owned());
                let wanted = match on_error {
                    "allow" => vec![ok; 5],
                    // The guard in this process keeps what it took: 3 at once.
                    "deny" => [vec![unavailable; 3], vec![spent; 2]].concat(),
                    _ => [vec![ok; 3], vec![spent; 2]].concat(),
                };
                assert_eq!(statuses?, wanted, "{on_error}: a service that {row}");
                if !outcome.is_empty() {
                    counted(gate, outcome, before + 1)
                        .with_context(|| format!("{on_error}: a service that {row}"))?;
                }
            }
        }
    }
    [&gate, &nobody, &closed].iter().try_for_each(|gate| gate.unharmed())
}

#[test]
fn streams_that_end_while_they_wait_leave_nothing_behind() -> Result {
    let (upstream, oracle) = (upstream()?, Oracle::start(Says::Nothing)?);
    let gate = gate(&upstream, oracle.address(), &sharing("leaving", "2s", "deny"))?;
    let under_way = || -> Result<u64> { Ok(gate.stats("http.edge.downstream_rq_active")?.values().sum()) };
    for turn in 0..20 {
        let mut raw = gate.cleartext(Protocol::H1).connect_raw()?;
        raw.write(format!("GET /two HTTP/1.1\r\nhost: a\r\nx-app: leaving-{turn}\r\n\r\n"))?;
        until("the request to wait", || Ok((under_way()? > 0).then_some(())))?;
        drop(raw);
        until("the stream to end", || Ok((under_way()? == 0).then_some(())))?;
    }
    assert_eq!(upstream.begun(), 0);
    oracle.say(Says::Message(WITHIN.to_vec()));
    let client = gate.cleartext(Protocol::H2);
    until("the calls that nobody waits for to end", || {
        let active = gate.stats("cluster.ratelimit.upstream_rq_active")?;
        Ok((active.values().sum::<u64>() == 0).then_some(()))
    })?;
    assert_eq!(client.send(&get("/shared", "after"))?.status, 200);
    gate.unharmed()
}

#[test]
fn two_envoys_share_one_budget() -> Result {
    let (upstream, redis) = (upstream()?, Redis::start()?);
    let policy = sharing("fleet", "2s", "deny");
    let service = RateLimitService::start(&redis, &limitador(&policy)?)?;
    let gates = [gate(&upstream, service.address(), &policy)?, gate(&upstream, service.address(), &policy)?];
    // One after the other, since Limitador on Redis looks first and counts then.
    let mut passed = [0, 0];
    for turn in 0..24 {
        let answer = gates[turn % 2].cleartext(Protocol::BOTH[turn / 2 % 2]).send(&get("/shared", "one"))?;
        match told(&answer) {
            (200, _) => passed[turn % 2] += 1,
            other => assert_eq!(other, (429, "limits.exceeded".into()), "turn {turn}"),
        }
    }
    assert_eq!(passed, [5, 5], "10 of 24, each Envoy its share");
    // Of two limits all or none is charged: the wide one lets 3 pass, then the narrow one refuses.
    let two = |turn: usize| gates[turn % 2].cleartext(Protocol::H1).send(&get("/two", "two"));
    let statuses: Result<Vec<_>> = (0..6).map(|turn| Ok(two(turn)?.status)).collect();
    assert_eq!(statuses?, [200, 200, 200, 429, 429, 429]);
    // What is in shadow uses nothing up: another key has its whole budget at the service.
    for turn in 0..20 {
        assert_eq!(gates[turn % 2].cleartext(Protocol::H1).send(&get("/shadowed", "three"))?.status, 200);
    }
    let whole: Result<Vec<_>> = (0..11)
        .map(|turn| Ok(gates[turn % 2].cleartext(Protocol::H1).send(&get("/shared", "three"))?.status))
        .collect();
    assert_eq!(whole?, [vec![200; 10], vec![429]].concat());
    gates.iter().try_for_each(Gate::unharmed)
}

#[test]
fn a_redis_that_goes_and_comes_back_under_load_hangs_nobody() -> Result {
    let (upstream, mut redis) = (upstream()?, Redis::start()?);
    let policy = |on_error: &str| sharing(on_error, "300ms", on_error);
    let service = RateLimitService::start(&redis, &limitador(&policy("allow"))?)?;
    let gate = gate(&upstream, service.address(), &policy("allow"))?;
    for on_error in ["allow", "deny", "local"] {
        gate.adopt(&policy(on_error))?;
        let stop = std::sync::atomic::AtomicBool::new(false);
        let load = |number: usize| -> Result<Vec<(u16, String)>> {
            let (client, mut seen) = (gate.cleartext(Protocol::BOTH[number % 2]), Vec::new());
            for turn in 0.. {
                if stop.load(std::sync::atomic::Ordering::Relaxed) || turn == 5_000 {
                    break;
                }
                // Ever new keys: the guard of none is spent.
                let app = format!("{on_error}-{number}-{turn}");
                let (answer, took) = timed(|| client.send(&get("/shared", &app)));
                assert!(took < SLACK, "{on_error}: {took:?}");
                seen.push(told(&answer?));
            }
            Ok(seen)
        };
        thread::scope(|scope| -> Result {
            let workers: Vec<_> = (0..4).map(|number| scope.spawn(move || load(number))).collect();
            let within = calls(&gate, "within")?;
            counted(&gate, "within", within + 5)?;
            redis.stop();
            let failed = || -> Result<u64> {
                ["timeout", "unreachable", "failed"].iter().map(|it| calls(&gate, it)).sum()
            };
            let before = failed()?;
            until("calls to fail", || Ok((failed()? > before + 5).then_some(())))?;
            redis.start_again()?;
            let within = calls(&gate, "within")?;
            counted(&gate, "within", within + 5)?;
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            for worker in workers {
                let seen = worker.join().unwrap()?;
                assert!(seen.iter().any(|it| it.0 == 200), "{on_error}");
                let refused: Vec<_> = seen.iter().filter(|it| it.0 != 200).collect();
                if on_error == "deny" {
                    assert!(
                        refused.iter().all(|it| **it == (503, "limits.unavailable".into())),
                        "{refused:?}"
                    );
                } else {
                    assert!(refused.is_empty(), "{on_error}: {refused:?}");
                }
            }
            Ok(())
        })?;
    }
    gate.unharmed()
}
