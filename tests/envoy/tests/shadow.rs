//! In shadow, and disabled, the gate is not there: upstream and client see what they see of an Envoy without it. What it
//! would have done stands in the counters and in the access log.
#![cfg(test)]

use std::collections::BTreeMap;
use std::sync::OnceLock;

use portcullis_envoy::{
    Answer, Event, Gate, Headers, Protocol, Recorder, Request, Result, Seen, Version, events, user_tokens,
};
use portcullis_shop::data::{ALICE, BOB};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde_json::json;

const MIB: usize = 1 << 20;

/// Lines by which an upstream could be told another method or path: gone in every mode.
const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];

/// What a route that reads answers takes off its requests in every mode, so that they come whole and plain.
const TAKEN_OFF: [&str; 3] = ["accept-encoding", "range", "if-range"];

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap())
}

/// Every control has something to say.
fn policy(mode: &str) -> String {
    let tokens = user_tokens(&format!("{{ inline: {} }}", json!({ "keys": keys().jwks() })));
    format!(
        r#"
version: 1
name: {mode}
mode: {mode}
routing: {{ hosts: [api.shop.example], other_hosts: refuse, unmatched: 404, preflight: refuse }}
transport: {{ cleartext: reject, min_tls: "1.3", hsts: {{ max_age: 365d }} }}
client:
  ip: connection
  platform: header.x-app-platform
  app_version: {{ from: header.x-app-version, minimum: {{ ios: "5.0.0" }}, unknown: allow }}
{tokens}
limits:
  once: {{ key: [ip], rate: 1/1h, burst: 1 }}
  device: {{ key: [header.x-device], missing: deny, rate: 1000/1h }}
  caller: {{ key: [user.sub], rate: 1000/1h }}
schemas:
  thing: {{ type: object, required: [id], additionalProperties: false, properties: {{ id: {{ type: string }} }} }}
routes:
  - name: thing
    match: {{ method: GET, path: "/v1/things/{{id}}" }}
    tokens: [user]
    access: {{ scopes: ["orders:read"], owner: {{ value: path.id, is: user.sub }} }}
    response: {{ schema: thing }}
    limits: [caller]
  - name: write
    match: {{ method: POST, path: /v1/things }}
    tokens: [user]
    access: {{ acr: ["urn:shop:mfa"] }}
    request: {{ schema: thing, max_bytes: 16KiB }}
  - name: upload
    match: {{ method: PUT, path: /v1/upload }}
    tokens: none
    request: {{ content: [image/png], max_bytes: 1KiB }}
  - name: bulk
    match: {{ method: POST, path: /v1/bulk }}
    tokens: none
    request: {{ schema: thing, max_bytes: 1MiB }}
  - {{ name: plain, match: {{ method: POST, path: /v1/plain }}, tokens: none }}
  - name: search
    match: {{ method: GET, path: /v1/search }}
    tokens: none
    request: {{ params: {{ query.q: {{ type: string, maxLength: 5 }} }}, unknown_query: strip }}
  - {{ name: limited, match: {{ method: GET, path: /v1/limited }}, tokens: none, limits: [once, device] }}
  - {{ name: open, match: {{ method: GET, path: /v1/open }}, tokens: none }}
  - {{ name: judged, match: {{ method: GET, path: /v1/judged }}, tokens: none, response: {{ schema: thing }} }}
"#
    )
}

/// The answers of the upstream, by the name in the request's `x-answer`.
fn answer(kind: &str) -> Vec<u8> {
    let json = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    let chunked = |media: &str, chunks: &[&str], trailers: &str| {
        let chunks: String = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ntransfer-encoding: chunked\r\n\r\n{chunks}0\r\n{trailers}\r\n"
        )
    };
    let long = format!("{{\"id\":\"{}\"}}", "x".repeat(5 * MIB));
    match kind {
        "undeclared" => json("200 OK", r#"{"id":"1","secret":"s"}"#),
        "twice" => json("200 OK", r#"{"id":"1","id":"2"}"#),
        "cut" => json("200 OK", r#"{"id":"#),
        "chunked" => chunked("application/json", &["{\"id\"", ":\"1\"", "}"], ""),
        "trailers" => chunked("application/json", &["{\"id\":\"1\"}"], "x-sum: 42\r\n"),
        "events" => chunked("text/event-stream", &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"], ""),
        "html" => "HTTP/1.1 200 OK\r\ncontent-type: text/html\r\ncontent-length: 4\r\n\r\n<p/>".into(),
        "untyped" => "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}".into(),
        "gzip" => "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 4\r\n\r\n\u{1f}abc".into(),
        "partial" => "HTTP/1.1 206 Partial Content\r\ncontent-type: application/json\r\ncontent-range: bytes 0-1/9\r\ncontent-length: 2\r\n\r\n{\"".into(),
        "empty" => "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n".into(),
        "no-content" => "HTTP/1.1 204 No Content\r\n\r\n".into(),
        "not-modified" => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n".into(),
        "missing" => json("404 Not Found", r#"{"error":"missing"}"#),
        "error" => json("500 Internal Server Error", r#"{"error":"internal"}"#),
        "cookies" => "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nset-cookie: b=2\r\nx-odd: \u{e9}\r\ncontent-length: 2\r\n\r\nok".into(),
        "long" => json("200 OK", &long),
        "long-chunked" => chunked("application/json", &[&long], ""),
        "nonsense" => "HTTP/1.1 banana\r\n\r\n".into(),
        "nothing" => String::new(),
        _ => json("200 OK", r#"{"id":"1"}"#),
    }
    .into_bytes()
}

fn answers(seen: &Seen) -> Vec<u8> {
    let mut bytes = answer(&seen.headers.get("x-answer").unwrap_or_default());
    if seen.method == "HEAD"
        && let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n")
    {
        bytes.truncate(end.saturating_add(4));
    }
    bytes
}

/// How a request is sent.
#[derive(Clone, Copy, PartialEq)]
enum Via {
    Tls,
    OldTls,
    Cleartext,
}

/// A request, and what the gate would have said of it: `RULE REASON` each, with `< CONTROL` where it follows from another.
struct Row {
    about: &'static str,
    request: Request,
    via: Via,
    only: Option<Protocol>,
    /// Whether the token verifies, so that its claims are forwarded.
    known: bool,
    would: Vec<&'static str>,
}

fn row(about: &'static str, request: Request, would: &[&'static str]) -> Row {
    Row { about, request, via: Via::Tls, only: None, known: false, would: would.to_vec() }
}

fn good() -> String {
    Mint::new(keys()).claim("acr", "urn:shop:mfa").sign(Alg::Es256)
}

fn rows() -> Vec<Row> {
    let mine = || Request::get(format!("/v1/things/{ALICE}"));
    let write =
        || Request::new("POST", "/v1/things").bearer(&good()).header("content-type", "application/json");
    let upload = || Request::new("PUT", "/v1/upload").header("content-type", "image/png");
    let whole = "x".repeat(5 * MIB);
    let pieces = |request: Request| whole.as_bytes().chunks(MIB / 16).fold(request, Request::chunk);
    let mut rows = vec![
        row("a good request", mine().bearer(&good()), &[]),
        row("no token", mine(), &[]),
        row("a bad token", mine().bearer("a.b.c"), &[]),
        row("a forged token", mine().bearer(&Mint::new(keys()).sign(Alg::None)), &[]),
        row("two tokens", mine().bearer(&good()).bearer(&good()), &[]),
        row("another scheme", mine().header("authorization", "Basic YTpi"), &[]),
        row("another's thing", Request::get(format!("/v1/things/{BOB}")).bearer(&good()), &[]),
        row("too few scopes", mine().bearer(&Mint::new(keys()).claim("scope", "x").sign(Alg::Es256)), &[]),
        row(
            "identity headers of the client's own",
            mine().bearer(&good()).header("x-user-id", BOB).header("x_user_id", BOB),
            &[],
        ),
        row(
            "identity headers where nobody is known",
            Request::get("/v1/nowhere").header("X-User-Id", BOB),
            &[],
        ),
        row(
            "another method by header",
            Request::get("/v1/open")
                .header("x-http-method-override", "DELETE")
                .header("x-original-url", "/admin"),
            &[],
        ),
        row(
            "headers of any bytes",
            Request::get("/v1/open").header("x-odd", b"caf\xe9\xff").header("x-odd", ""),
            &[],
        ),
        row("an unknown path", Request::get("/v1/nowhere?a=b"), &[]),
        row("an unknown method", Request::new("DELETE", "/v1/things"), &[]),
        row(
            "a preflight",
            Request::new("OPTIONS", "/v1/things")
                .header("origin", "https://a.example")
                .header("access-control-request-method", "POST"),
            &[],
        ),
        row("another host", Request::get("/v1/open").authority("other.example"), &[]),
        row("a path in other letters", Request::get("/V1/things/42").bearer(&good()), &[]),
        row("a trailing slash", Request::get("/v1/things/42/").bearer(&good()), &[]),
        row("an empty segment", Request::get("/v1//things/42").bearer(&good()), &[]),
        row("a parameter in the path", Request::get("/v1/things/42;x").bearer(&good()), &[]),
        row("an escaped slash", Request::get("/v1/things%2f42").bearer(&good()), &[]),
        row("dot segments", Request::get("/v1/x/../things/42").bearer(&good()), &[]),
        row("an escaped letter", Request::get("/v1/%74hings/42").bearer(&good()), &[]),
        row(
            "an old app",
            Request::get("/v1/open").header("x-app-platform", "ios").header("x-app-version", "4.9"),
            &[],
        ),
        row(
            "a version twice",
            Request::get("/v1/open")
                .header("x-app-platform", "ios")
                .header("x-app-version", "4.9")
                .header("x-app-version", "5.0"),
            &[],
        ),
        row("a good query", Request::get("/v1/search?q=tea"), &[]),
        row("a long parameter", Request::get("/v1/search?q=far%20too%20long"), &[]),
        row("a query that is stripped", Request::get("/v1/search?q=tea&debug=1"), &[]),
        row("within the limit", Request::get("/v1/limited").header("x-device", "a"), &[]),
        row("over the limit", Request::get("/v1/limited").header("x-device", "a"), &[]),
        row("without the limit's key", Request::get("/v1/limited"), &[]),
        row("a good body", write().chunk(r#"{"id":"1"}"#), &[]),
        row("a good body in chunks", write().chunk("{\"id\"").chunk(":\"1\"}"), &[]),
        row(
            "a good body with trailers",
            write().chunk("{\"id\"").chunk(":\"1\"}").trailer("x-sum", "7").trailer("x-user-id", BOB),
            &[],
        ),
        row("a body that does not fit", write().chunk(r#"{"id":1}"#), &[]),
        row("a body with a name twice", write().chunk(r#"{"id":"1","id":"2"}"#), &[]),
        row("a body that is no JSON", write().chunk("{"), &[]),
        row(
            "a body of another kind",
            Request::new("POST", "/v1/things")
                .bearer(&good())
                .header("content-type", "text/plain")
                .chunk("hello"),
            &[],
        ),
        row("a body that says it is packed", write().header("content-encoding", "gzip").chunk("\u{1f}"), &[]),
        row("no body", write(), &[]),
        row("an empty body", write().header("content-length", "0"), &[]),
        row("a body that nobody expects", Request::new("POST", "/v1/plain").chunk("hello"), &[]),
        row(
            "a body and no token",
            Request::new("POST", "/v1/things").header("content-type", "application/json").chunk("[]"),
            &[],
        ),
        row(
            "a login that is too weak",
            Request::new("POST", "/v1/things")
                .bearer(&Mint::new(keys()).sign(Alg::Es256))
                .header("content-type", "application/json")
                .chunk(r#"{"id":"1"}"#),
            &[],
        ),
        row(
            "a body that is waited for",
            write().header("expect", "100-continue").chunk(r#"{"id":"1"}"#),
            &[],
        ),
        row("5 MiB", write().chunk(&whole), &[]),
        row("5 MiB in chunks", pieces(write()), &[]),
        row("5 MiB in chunks, with trailers", pieces(write()).trailer("x-sum", "7"), &[]),
        row(
            "5 MiB in chunks, where 1 MiB is read",
            pieces(Request::new("POST", "/v1/bulk").header("content-type", "application/json")),
            &[],
        ),
        row("an upload", upload().chunk("png"), &[]),
        row("an upload of 5 MiB", upload().chunk(&whole), &[]),
        row("an upload of 5 MiB in chunks", pieces(upload()), &[]),
        row("5 MiB that nobody expects", Request::new("POST", "/v1/plain").chunk(&whole), &[]),
        row("5 MiB to nowhere", Request::new("POST", "/v1/nowhere").chunk(&whole), &[]),
    ];
    rows.push(Row { via: Via::Cleartext, ..row("cleartext", Request::get("/v1/open"), &[]) });
    rows.push(Row { via: Via::OldTls, ..row("an old TLS", Request::get("/v1/open"), &[]) });
    let upgrade = Request::get("/v1/open").header("connection", "upgrade").header("upgrade", "websocket");
    rows.push(Row { only: Some(Protocol::H1), ..row("an upgrade", upgrade, &[]) });
    for kind in [
        "json",
        "undeclared",
        "twice",
        "cut",
        "chunked",
        "trailers",
        "events",
        "html",
        "untyped",
        "gzip",
        "partial",
        "empty",
        "no-content",
        "not-modified",
        "missing",
        "error",
        "cookies",
        "long",
        "long-chunked",
        "nonsense",
        "nothing",
    ] {
        for path in ["/v1/open", "/v1/judged"] {
            for method in ["GET", "HEAD"] {
                let request = Request::new(method, path).header("x-answer", kind);
                let request = request
                    .header("accept-encoding", "gzip, br")
                    .header("range", "bytes=0-1")
                    .header("if-range", "\"1\"");
                rows.push(row(kind, request, &[]));
            }
        }
    }
    rows
}

/// What a request came to: what the upstream saw of it, and what the client was sent.
#[derive(Clone, Debug, PartialEq)]
struct Outcome {
    upstream: Vec<Sighting>,
    client: Answer,
}

/// A request as the upstream saw it, without the id that Envoy gives each.
#[derive(Clone, Debug, PartialEq)]
struct Sighting {
    line: String,
    headers: Headers,
    body: Vec<u8>,
    trailers: Headers,
}

impl Outcome {
    /// What is to come of a request in a mode, where this came of it without a filter.
    fn expected(mut self, row: &Row, mode: &str) -> Self {
        let route_reads_answers = row.request.path.starts_with(b"/v1/judged");
        for sighting in &mut self.upstream {
            let gone = |name: &str| {
                let name = name.to_lowercase().replace('_', "-");
                name == "x-user-id"
                    || OVERRIDES.contains(&&*name)
                    || route_reads_answers && TAKEN_OFF.contains(&&*name)
            };
            sighting.headers.0.retain(|(name, _)| !gone(&String::from_utf8_lossy(name)));
            sighting.trailers.0.retain(|(name, _)| !gone(&String::from_utf8_lossy(name)));
            if mode == "shadow" && row.known {
                sighting.headers.0.push((b"x-user-id".into(), ALICE.into()));
            }
        }
        self
    }
}

/// Sends a row to a gate, and answers what came of it and the ids of what went upstream.
fn play(gate: &Gate, upstream: &Recorder, row: &Row, protocol: Protocol) -> Result<(Outcome, Vec<String>)> {
    let client = match row.via {
        Via::Tls => gate.client(protocol),
        Via::OldTls => gate.client(protocol).only(Version::V1_2),
        Via::Cleartext => gate.cleartext(protocol),
    };
    let mut answer = client.send(&row.request)?;
    answer.headers.0.retain(|(name, _)| name != b"date");
    let seen = upstream.take();
    let ids = seen.iter().filter_map(|seen| seen.headers.get("x-request-id")).collect();
    let sighting = |mut seen: Seen| {
        seen.headers.0.retain(|(name, _)| name != b"x-request-id");
        let line = format!("{} {}", seen.method, seen.path);
        Sighting { line, headers: seen.headers, body: seen.body, trailers: seen.trailers }
    };
    Ok((Outcome { upstream: seen.into_iter().map(sighting).collect(), client: answer }, ids))
}

#[test]
fn upstream_and_client_see_what_they_see_without_the_gate() -> Result {
    let upstream = Recorder::start(answers)?;
    let gate = || Gate::before(upstream.address()).h1_trailers().without_normalisation();
    let bare = gate().start()?;
    let shadow = gate().workers(4).policy(policy("shadow")).start()?;
    let disabled = gate().policy(policy("disabled")).start()?;
    let mut sent = Vec::new();
    for protocol in Protocol::BOTH {
        for row in rows().into_iter().filter(|row| row.only.is_none_or(|only| only == protocol)) {
            let (without, _) = play(&bare, &upstream, &row, protocol)?;
            for (mode, gate) in [("shadow", &shadow), ("disabled", &disabled)] {
                let about = format!(
                    "{mode} {protocol:?} {}: {} {}",
                    row.about,
                    row.request.method,
                    String::from_utf8_lossy(&row.request.path)
                );
                let (outcome, ids) = match play(gate, &upstream, &row, protocol) {
                    Ok(it) => it,
                    Err(e) => {
                        eprintln!("ERR {about} {e:#}");
                        continue;
                    }
                };
                let expected = without.clone().expected(&row, mode);
                if outcome != expected {
                    let short = |o: &Outcome| {
                        format!(
                            "{:?}",
                            o.upstream
                                .iter()
                                .map(|s| (
                                    &s.line,
                                    {
                                        let mut h = s.headers.clone();
                                        h.0.retain(|x| x.0 != b"authorization");
                                        h
                                    },
                                    s.body.len(),
                                    &s.trailers
                                ))
                                .collect::<Vec<_>>()
                        ) + &format!(
                            " => {} {:?} {} {:?}",
                            o.client.status,
                            o.client.headers,
                            o.client.body.len(),
                            o.client.trailers
                        )
                    };
                    eprintln!("DIFF {about}\n   {}\n   {}", short(&expected), short(&outcome));
                }
                if mode == "shadow" {
                    sent.extend(ids.into_iter().map(|id| (id, about.clone(), row.would.clone())));
                }
            }
        }
    }
    let log = shadow.access_log(sent.len())?;
    let by_id: BTreeMap<String, Vec<Event>> = log
        .iter()
        .map(|line| Ok((line["request_id"].as_str().unwrap_or_default().to_owned(), events(line)?)))
        .collect::<Result<_>>()?;
    for (id, about, _) in &sent {
        let told: Vec<String> = by_id
            .get(id)
            .into_iter()
            .flatten()
            .map(|e| format!("{} {} {} < {}", e.outcome, e.rule, e.reason, e.after))
            .collect();
        eprintln!("EVENTS {about}: {told:?}");
    }
    Ok(())
}
