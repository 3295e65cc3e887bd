//! What comes in: the upstream sees nothing of a body that is refused, and every byte of one that is not.
#![cfg(test)]

use portcullis_envoy::{
    Answer, Gate, Piece, Protocol, Recorder, Request, Result, Shared, cases, lines, policy, until, user_token,
};
use portcullis_shop::idp::{Feed, Trouble};
use portcullis_shop::mint::{Alg, Mint};
use portcullis_shop::{Config, Shop};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;

struct Stage {
    upstream: Recorder,
    /// Whose keys come late.
    shop: Shop,
    gate: Gate,
}

static STAGE: Shared<Stage> = Shared::new(|| {
    let early = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
    let late = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let upstream =
        Recorder::start_eager(|path| (path == "/eager").then(|| early.to_vec()), |_| late.to_vec())?;
    let shop = Shop::start(Config::default())?;
    let setup = Gate::before(upstream.address()).idp(shop.idp, shop.ca.pem()).workers(4).h1_trailers();
    let gate = setup.policy(bodies("bodies", "")).start()?;
    Ok(Stage { upstream, shop, gate })
});

/// Enough connections that every worker has had one.
const EVERY_WORKER: usize = 16;

/// What a head and the framing of chunks may add to a body.
const FRAMING: usize = 1024;

const ORDER: &str = r#"{"id":"a","quantity":1}"#;

fn bodies(name: &str, more: &str) -> String {
    let routes = r#"
schemas:
  order:
    type: object
    required: [id, quantity]
    additionalProperties: false
    properties:
      id: { type: string, minLength: 1 }
      quantity: { type: integer, minimum: 0, maximum: 100 }
      note: { type: string }
  object: { type: object }
routes:
  - { name: order, match: { method: POST, path: /order }, tokens: none, request: { schema: order, max_bytes: 1KiB } }
  - { name: wide, match: { method: POST, path: /wide }, tokens: none, request: { schema: object } }
  - { name: numbers, match: { method: POST, path: /numbers }, tokens: none, request: { schema: object, numbers: any } }
  - { name: large, match: { method: POST, path: /large }, tokens: none, request: { schema: object, max_bytes: 8MiB } }
  - { name: none, match: { method: [GET, POST, DELETE], path: /none }, tokens: none }
  - { name: image, match: { method: POST, path: /image }, tokens: none, request: { content: [image/jpeg], max_bytes: 4KiB } }
  - { name: any, match: { method: POST, path: /any }, tokens: none, request: { content: any, max_bytes: 4KiB } }
  - { name: eager, match: { method: POST, path: /eager }, tokens: none, request: { content: any, max_bytes: 4KiB } }
  - { name: unread, match: { method: POST, path: /unread }, tokens: none, request: { content: json, max_bytes: 4KiB } }
"#;
    policy(name, "enforce", &format!("{more}\n{routes}"))
}

/// One row of a table.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "post")]
    method: String,
    #[serde(default = "order")]
    path: String,
    /// `content-type: application/json` where a row does not say.
    headers: Option<Vec<(String, Piece)>>,
    body: Vec<Piece>,
    /// How the body is sent: each piece by itself, all as one, or byte by byte.
    #[serde(default)]
    pieces: Pieces,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    /// The protocol that can say it, where the other cannot.
    over: Option<String>,
    #[serde(default)]
    status: u16,
    #[serde(default)]
    reason: String,
    /// Pointer and keyword of each part that does not pass.
    #[serde(default)]
    errors: BTreeSet<(String, String)>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Pieces {
    #[default]
    Each,
    One,
    Bytes,
}

fn post() -> String {
    "POST".to_owned()
}

fn order() -> String {
    "/order".to_owned()
}

impl Case {
    fn request(&self) -> Result<Request> {
        let headers = lines(self.headers.as_deref())?;
        let request = Request::new(&self.method, &self.path);
        let mut request = headers.iter().fold(request, |request, (name, value)| request.header(name, value));
        let pieces = self.body.iter().map(Piece::bytes).collect::<Result<Vec<_>>>()?;
        request.body = match self.pieces {
            Pieces::Each => pieces,
            Pieces::One => vec![pieces.concat()],
            Pieces::Bytes => pieces.concat().into_iter().map(|byte| vec![byte]).collect(),
        };
        Ok(self.trailers.iter().fold(request, |request, (name, value)| request.trailer(name, value)))
    }

    fn runs_over(&self, protocol: Protocol) -> bool {
        match self.over.as_deref() {
            None => true,
            Some("h1") => protocol == Protocol::H1,
            Some(other) => panic!("{}: no protocol {other}", self.name),
        }
    }
}

fn errors(answer: &Answer) -> Result<BTreeSet<(String, String)>> {
    let problem = answer.json()?;
    let text = |error: &serde_json::Value, name: &str| error[name].as_str().unwrap_or_default().to_owned();
    let errors = problem["errors"].as_array().into_iter().flatten();
    Ok(errors.map(|error| (text(error, "pointer"), text(error, "keyword"))).collect())
}

/// Good requests over every worker, and no harm done so far.
fn lives_on(stage: &Stage) -> Result {
    for protocol in Protocol::BOTH {
        for _ in 0..EVERY_WORKER {
            let answer = stage.gate.client(protocol).send(&order_of(ORDER))?;
            assert_eq!(answer.status, 200, "{protocol:?}: {answer:?}");
        }
    }
    stage.gate.unharmed()
}

fn order_of(body: &str) -> Request {
    Request::new("POST", "/order").header("content-type", "application/json").chunk(body)
}

#[test]
fn a_refused_body_reaches_nobody() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("refused", ""))?;
    let before = stage.upstream.begun();
    for protocol in Protocol::BOTH {
        for case in cases::<Case>("bodies/refused")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let answer = stage.gate.client(protocol).send(&case.request()?)?;
            assert_eq!(
                (answer.status, answer.reason().as_deref()),
                (case.status, Some(&*case.reason)),
                "{row}: {answer:?}"
            );
            assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{row}");
            assert_eq!(errors(&answer)?, case.errors, "{row}: {answer:?}");
            assert_eq!(stage.upstream.begun(), before, "{row}: something reached the upstream");
        }
    }
    lives_on(&stage)?;
    assert_eq!(stage.upstream.begun(), before + 2 * EVERY_WORKER, "something came late");
    Ok(())
}

#[test]
fn a_good_body_arrives_as_it_was_sent() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("passed", ""))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        for case in cases::<Case>("bodies/passed")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let sent = case.request()?;
            let answer = stage.gate.client(protocol).send(&sent)?;
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{row}: {answer:?}");

            let seen = stage.upstream.take();
            let [seen] = seen.as_slice() else { panic!("{row}: {seen:?}") };
            assert_eq!((&seen.method, &seen.path), (&case.method, &case.path), "{row}");
            assert!(seen.body == sent.body.concat(), "{row}: {:?}", seen.body.escape_ascii().to_string());
            assert_eq!(seen.trailers, sent.trailers, "{row}");
            let types = |headers: &portcullis_envoy::Headers| headers.get("content-type");
            assert_eq!(types(&seen.headers), types(&sent.headers), "{row}");
        }
    }
    stage.gate.unharmed()
}

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
    stage.shop.provider().set_trouble(Feed::Jwks, Trouble::Slow { ms: 700 });
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

#[test]
fn parameters_are_typed_and_a_query_is_known_or_refused() -> Result {
    const PARAMS: &str = r#"
routes:
  - name: typed
    match: { method: GET, path: "/items/{id}" }
    tokens: none
    request:
      params:
        path.id: { type: integer, minimum: 1 }
        query.q: { type: string, maxLength: 5 }
        query.limit: { type: integer, minimum: 1, maximum: 100 }
        query.tag: { type: array, items: { type: string }, maxItems: 2 }
        header.x-tenant: { enum: [shop, market] }
      required: [query.q]
  - name: strip
    match: { method: GET, path: /strip }
    tokens: none
    request: { params: { query.keep: { type: string } }, unknown_query: strip }
  - { name: allow, match: { method: GET, path: /allow }, tokens: none, request: { params: { query.keep: { type: string } }, unknown_query: allow } }
  - { name: closed, match: { method: GET, path: /closed }, tokens: none, request: { unknown_query: reject } }
"#;
    const PARAMETER: Option<&str> = Some("request.parameter");
    const AMBIGUOUS: Option<&str> = Some("request.ambiguous");
    const UNKNOWN: Option<&str> = Some("request.unknown_query");
    let stage = STAGE.enter()?;
    stage.gate.adopt(&policy("params", "enforce", PARAMS))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        // What is sent, and why it is refused or what of it the upstream sees.
        for (path, tenant, reason, seen) in [
            ("/items/7?q=tea", &["shop"][..], None, "/items/7?q=tea"),
            ("/items/7?limit=100&q=%74ea&tag=a&tag=b", &[], None, "/items/7?limit=100&q=%74ea&tag=a&tag=b"),
            ("/items/7?q=caf%C3%A9", &[], None, "/items/7?q=caf%C3%A9"),
            ("/items/7", &[], PARAMETER, ""),
            ("/items/7?q=", &[], None, "/items/7?q="),
            ("/items/7?q=toolong", &[], PARAMETER, ""),
            ("/items/7?q=%ff", &[], PARAMETER, ""),
            ("/items/7?q=a&q=a", &[], AMBIGUOUS, ""),
            ("/items/7?q=a&%71=b", &[], AMBIGUOUS, ""),
            ("/items/7?q=a&limit=0", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=101", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=1e1", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=+1", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=", &[], PARAMETER, ""),
            ("/items/7?q=a&limit=1&limit=1", &[], AMBIGUOUS, ""),
            ("/items/7?q=a&tag=a&tag=b&tag=c", &[], PARAMETER, ""),
            ("/items/7?q=a&admin=1", &[], UNKNOWN, ""),
            ("/items/7?q=a&", &[], None, "/items/7?q=a&"),
            ("/items/x?q=a", &[], PARAMETER, ""),
            ("/items/07?q=a", &[], PARAMETER, ""),
            ("/items/0?q=a", &[], PARAMETER, ""),
            ("/items/7?q=a", &["other"], PARAMETER, ""),
            ("/items/7?q=a", &["shop", "market"], AMBIGUOUS, ""),
            ("/strip?keep=1&drop=2", &[], None, "/strip?keep=1"),
            ("/strip?drop=2&%6beep=%31&drop", &[], None, "/strip?%6beep=%31"),
            ("/strip?drop=2", &[], None, "/strip"),
            ("/strip?", &[], None, "/strip?"),
            ("/strip?keep=1&keep=2", &[], AMBIGUOUS, ""),
            ("/allow?any=1&any=2", &[], None, "/allow?any=1&any=2"),
            ("/closed", &[], None, "/closed"),
            ("/closed?a", &[], UNKNOWN, ""),
        ] {
            let row = format!("{protocol:?} {path} {tenant:?}");
            let request = Request::get(path);
            let request = tenant.iter().fold(request, |request, tenant| request.header("x-tenant", tenant));
            let answer = stage.gate.client(protocol).send(&request)?;
            assert_eq!(answer.status, if reason.is_some() { 400 } else { 200 }, "{row}: {answer:?}");
            assert_eq!(answer.reason().as_deref(), reason, "{row}: {answer:?}");
            let came: Vec<_> = stage.upstream.take().into_iter().map(|seen| seen.path).collect();
            assert_eq!(came, Vec::from_iter(reason.is_none().then_some(seen)), "{row}");
        }
    }
    stage.gate.unharmed()
}

/// The weaker mode, for hosts that cannot hold a head: it goes on, and a bad body never makes it a request.
#[test]
fn with_body_hold_stream_a_refused_body_leaves_the_upstream_with_half_a_request() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&bodies("streamed", "body_hold: stream"))?;
    let _ = stage.upstream.take();
    for protocol in Protocol::BOTH {
        for case in cases::<Case>("bodies/refused")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let answer = stage.gate.client(protocol).send(&case.request()?)?;
            assert_eq!(
                (answer.status, answer.reason().as_deref()),
                (case.status, Some(&*case.reason)),
                "{row}: {answer:?}"
            );
        }
        for case in cases::<Case>("bodies/passed")?.iter().filter(|case| case.runs_over(protocol)) {
            let row = format!("{protocol:?} {}", case.name);
            let sent = case.request()?;
            let answer = stage.gate.client(protocol).send(&sent)?;
            assert_eq!((answer.status, answer.text().as_str()), (200, "ok"), "{row}: {answer:?}");
            let seen = stage.upstream.take();
            let [seen] = seen.as_slice() else { panic!("{row}: {seen:?}") };
            assert!(seen.body == sent.body.concat(), "{row}: {:?}", seen.body.escape_ascii().to_string());
            assert_eq!(seen.trailers, sent.trailers, "{row}");
        }
    }
    stage.gate.unharmed()?;
    assert!(stage.upstream.take().is_empty(), "a refused request arrived whole");

    // What this mode cannot do: the head is gone before the body is judged.
    let before = stage.upstream.begun();
    let (half, rest) = ORDER.split_at(10);
    let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
    raw.write(format!(
        "POST /order HTTP/1.1\r\nhost: api.shop.example\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{half}",
        ORDER.len()
    ))?;
    until("the head at the upstream", || Ok((stage.upstream.begun() > before).then_some(())))?;
    raw.write(rest)?;
    assert_eq!(raw.answer()?.status, 200);
    Ok(())
}
