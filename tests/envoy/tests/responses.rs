//! What goes out: an answer that is not as it must be is replaced whole; every other one is left alone.
#![cfg(test)]

use std::collections::BTreeMap;

use portcullis_envoy::{
    Answer, Gate, Headers, Piece, Protocol, Recorder, Request, Result, Seen, Shared, cases, lines, policy,
    user_token,
};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde::Deserialize;

struct Stage {
    upstream: Recorder,
    gate: Gate,
    /// An Envoy without the filter in front of the same upstream: what "untouched" is measured by.
    bare: Gate,
}

static STAGE: Shared<Stage> = Shared::new(|| {
    let mut answers = BTreeMap::new();
    for table in ["passed", "refused"] {
        for (at, case) in table_of(table)?.into_iter().enumerate() {
            answers.insert(format!("{table}-{at}"), case.answer()?);
        }
    }
    let upstream = Recorder::start_eager(
        |path| path.ends_with("/events").then(|| EVENTS.into()),
        move |seen| {
            let what = seen.path.rsplit('/').next().unwrap_or_default();
            answers.get(what).cloned().unwrap_or_else(|| other(seen, what))
        },
    )?;
    let gate =
        Gate::before(upstream.address()).workers(4).h1_trailers().policy(responses("responses")).start()?;
    let bare = Gate::before(upstream.address()).h1_trailers().start()?;
    Ok(Stage { upstream, gate, bare })
});

/// The beginning of an event stream: its end never comes.
const EVENTS: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n\
                      f\r\ndata: {\"n\":0}\n\n\r\n";

/// Stands in every body that must not be seen.
const SECRET: &str = "hash-5ec2e7";

fn other(seen: &Seen, what: &str) -> Vec<u8> {
    let json = |status: &str, body: &str| {
        format!(
            "HTTP/1.1 {status}\r\ncontent-type: application/json\r\nx-inner: {SECRET}\r\ncontent-length: {}\r\n\r\n{}",
            body.len(),
            if seen.method == "HEAD" { "" } else { body }
        )
        .into_bytes()
    };
    match what {
        "large" => {
            let body = vec![b'x'; 5 << 20];
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
                body.len()
            );
            [head.into_bytes(), body].concat()
        }
        "cut-off" => format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: 400\r\n\r\n\
             {{\"id\":\"{SECRET}\","
        )
        .into_bytes(),
        "gone" => json("404 Not Found", &format!(r#"{{"error":"no such thing","trace":"{SECRET}"}}"#)),
        "hsts" => b"HTTP/1.1 200 OK\r\nstrict-transport-security: max-age=1\r\ncontent-length: 0\r\n\r\n".to_vec(),
        _ => json("200 OK", r#"{"id":"a","customer_id":"42"}"#),
    }
}

/// The same answers judged, not judged, and judged without consequence.
fn responses(name: &str) -> String {
    let routes = r#"
schemas:
  order:
    type: object
    required: [id, customer_id]
    additionalProperties: false
    properties: { id: { type: string }, customer_id: { type: string }, note: { type: string } }
routes:
  - { name: judged, match: { method: GET, path: "/judged/{what}" }, tokens: none, response: { schema: order, max_bytes: 1KiB } }
  - { name: shadow, match: { method: GET, path: "/shadow/{what}" }, tokens: none, response: { schema: order, max_bytes: 1KiB }, mode: shadow }
  - { name: disabled, match: { method: GET, path: "/disabled/{what}" }, tokens: none, response: { schema: order, max_bytes: 1KiB }, modes: { response: disabled } }
  - { name: free, match: { method: GET, path: "/free/{what}" }, tokens: none }
"#;
    policy(name, "enforce", routes)
}

/// One row of a table: an answer of the upstream, and why it is refused.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default = "get")]
    method: String,
    #[serde(default = "ok")]
    status: u16,
    headers: Option<Vec<(String, Piece)>>,
    /// Without one there is no length either.
    body: Option<Vec<Piece>>,
    /// Sent piece by piece, without a length.
    #[serde(default)]
    chunked: bool,
    #[serde(default)]
    trailers: Vec<(String, String)>,
    #[serde(default)]
    reason: String,
}

fn get() -> String {
    "GET".to_owned()
}

fn ok() -> u16 {
    200
}

fn table_of(table: &str) -> Result<Vec<Case>> {
    cases(&format!("responses/{table}"))
}

impl Case {
    /// The bytes that the upstream answers with.
    fn answer(&self) -> Result<Vec<u8>> {
        let mut out = format!("HTTP/1.1 {} Status\r\n", self.status).into_bytes();
        for (name, value) in lines(self.headers.as_deref())? {
            out.extend([name.as_bytes(), b": ", &value, b"\r\n"].concat());
        }
        let pieces = self.body.iter().flatten().map(Piece::bytes).collect::<Result<Vec<_>>>()?;
        if self.chunked {
            out.extend(b"transfer-encoding: chunked\r\n\r\n");
            for piece in &pieces {
                out.extend([format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat());
            }
            out.extend(b"0\r\n");
            for (name, value) in &self.trailers {
                out.extend(format!("{name}: {value}\r\n").into_bytes());
            }
            out.extend(b"\r\n");
            return Ok(out);
        }
        if self.body.is_some() {
            out.extend(format!("content-length: {}\r\n", pieces.concat().len()).into_bytes());
        }
        out.extend(b"\r\n");
        out.extend(pieces.concat());
        Ok(out)
    }

    fn request(&self, route: &str, table: &str, at: usize) -> Request {
        Request::new(&self.method, format!("/{route}/{table}-{at}"))
    }
}

/// The answer without what the host adds of its own accord at its own time.
fn timeless(mut answer: Answer) -> Answer {
    answer.headers.0.retain(|(name, _)| name != b"date");
    answer
}

/// That the client was told nothing but the problem.
fn told_nothing(row: &str, answer: &Answer) -> Result {
    const HEADERS: [&str; 6] =
        ["content-type", "cache-control", "content-length", "date", "server", "connection"];
    for (name, _) in &answer.headers.0 {
        let name = String::from_utf8_lossy(name);
        assert!(HEADERS.contains(&&*name), "{row}: {name} of the upstream's answer came through");
    }
    let problem = answer.json()?;
    let members: Vec<_> = problem.as_object().into_iter().flat_map(|it| it.keys()).collect();
    assert_eq!(members, ["reason", "request_id", "status", "title", "type"], "{row}: {answer:?}");
    assert!(!answer.text().contains(SECRET), "{row}: {answer:?}");
    assert_eq!(answer.trailers, Headers::default(), "{row}");
    Ok(())
}

#[test]
fn an_answer_that_is_not_as_it_must_be_is_replaced_whole() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&responses("refused"))?;
    for protocol in Protocol::BOTH {
        for (at, case) in table_of("refused")?.iter().enumerate() {
            let row = format!("{protocol:?} {}", case.name);
            let answer = stage.gate.client(protocol).send(&case.request("judged", "refused", at))?;
            assert_eq!(
                (answer.status, answer.reason().as_deref()),
                (502, Some(&*case.reason)),
                "{row}: {answer:?}"
            );
            told_nothing(&row, &answer)?;
        }
        // The upstream gives up in the middle: the host says so, and still nothing of the body is out.
        let answer = stage.gate.client(protocol).send(&Request::get("/judged/cut-off"));
        let told = answer.as_ref().is_ok_and(|answer| answer.status == 200 || answer.text().contains(SECRET));
        assert!(!told, "{protocol:?}: {answer:?}");
    }
    stage.gate.unharmed()
}

#[test]
fn every_other_answer_of_such_a_route_passes_untouched() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&responses("passed"))?;
    for protocol in Protocol::BOTH {
        for (at, case) in table_of("passed")?.iter().enumerate() {
            let row = format!("{protocol:?} {}", case.name);
            let request = case.request("judged", "passed", at);
            let answer = timeless(stage.gate.client(protocol).send(&request)?);
            assert_eq!(answer, timeless(stage.bare.client(protocol).send(&request)?), "{row}");
            assert_eq!(answer.status, case.status, "{row}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn without_response_or_without_its_mode_every_answer_passes_untouched() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&responses("untouched"))?;
    for protocol in Protocol::BOTH {
        for route in ["free", "shadow", "disabled"] {
            for table in ["passed", "refused"] {
                for (at, case) in table_of(table)?.iter().enumerate() {
                    let row = format!("{protocol:?} {route} {}", case.name);
                    let request = case.request(route, table, at);
                    let answer = timeless(stage.gate.client(protocol).send(&request)?);
                    let bare = timeless(stage.bare.client(protocol).send(&request)?);
                    assert!(answer == bare, "{row}: {:?} for {:?}", answer.headers, bare.headers);
                }
            }
            let large = stage.gate.client(protocol).send(&Request::get(format!("/{route}/large")))?;
            assert_eq!((large.status, large.body.len()), (200, 5 << 20), "{protocol:?} {route}");
        }
    }
    let would_refuse =
        stage.gate.stats("wasmcustom.portcullis_decisions_total;policy=untouched;route=shadow;")?;
    let counted = |reason: &str| {
        let label = format!("outcome=would_refuse;reason={reason};");
        would_refuse.iter().filter(|(name, _)| name.contains(&label)).map(|(_, count)| count).sum::<u64>()
    };
    for reason in ["response.content", "response.malformed", "response.schema", "response.too_large"] {
        let rows = table_of("refused")?.iter().filter(|case| case.reason == reason).count() * 2;
        // One large download a protocol is no JSON either.
        let downloads = if reason == "response.content" { 2 } else { 0 };
        assert_eq!(counted(reason), u64::try_from(rows + downloads)?, "{reason}: {would_refuse:?}");
    }
    stage.gate.unharmed()
}

#[test]
fn an_event_stream_is_not_held() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&responses("events"))?;
    let mut raw = stage.gate.client(Protocol::H1).connect_raw()?;
    raw.write("GET /free/events HTTP/1.1\r\nhost: api.shop.example\r\n\r\n")?;
    assert_eq!(raw.status()?, 200);
    assert_eq!(raw.read(18)?, b"f\r\ndata: {\"n\":0}\n\n");
    stage.gate.unharmed()
}

#[test]
fn only_a_route_that_reads_answers_asks_for_them_whole_and_plain() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&responses("asked"))?;
    let _ = stage.upstream.take();
    let names = ["accept-encoding", "range", "if-range", "if-none-match"];
    for protocol in Protocol::BOTH {
        for method in ["GET", "HEAD"] {
            for (route, left) in [
                ("judged", &["if-none-match"][..]),
                ("shadow", &["if-none-match"]),
                ("disabled", &["if-none-match"]),
                ("free", &names),
            ] {
                let row = format!("{protocol:?} {method} {route}");
                let request = Request::new(method, format!("/{route}/plain"));
                let request = names.iter().fold(request, |request, name| request.header(name, "x"));
                assert_eq!(stage.gate.client(protocol).send(&request)?.status, 200, "{row}");
                let seen = stage.upstream.take();
                let [seen] = seen.as_slice() else { panic!("{row}: {seen:?}") };
                let came: Vec<_> = names.iter().filter(|name| seen.headers.has(name)).copied().collect();
                assert_eq!(came, left, "{row}");
            }
        }
    }
    stage.gate.unharmed()
}

#[test]
fn hsts_stands_on_every_answer_over_tls_and_on_none_in_cleartext() -> Result {
    const VALUE: &str = "max-age=31536000; includeSubDomains";
    let stage = STAGE.enter()?;
    let hsts = responses("hsts")
        .replace("min_tls: \"1.2\"", "min_tls: \"1.2\", hsts: { max_age: 365d, include_subdomains: true }");
    stage.gate.adopt(&hsts)?;
    for protocol in Protocol::BOTH {
        for (path, status) in [
            ("/free/plain", 200),
            ("/judged/plain", 200),
            ("/judged/refused-0", 502),
            ("/free/gone", 404),
            ("/nowhere", 404),
            ("/free/hsts", 200),
        ] {
            let row = format!("{protocol:?} {path}");
            let answer = stage.gate.client(protocol).send(&Request::get(path))?;
            let values: Vec<_> = answer.headers.all("strict-transport-security").collect();
            assert_eq!((answer.status, values), (status, vec![VALUE.as_bytes()]), "{row}");

            let answer = stage.gate.cleartext(protocol).send(&Request::get(path))?;
            let ours = answer.headers.all("strict-transport-security").any(|value| value == VALUE.as_bytes());
            assert_eq!((answer.status, ours), (status, false), "{row} in cleartext");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn a_concealed_object_of_another_answers_like_a_path_that_nobody_has() -> Result {
    let stage = STAGE.enter()?;
    let keys = Keys::generate()?;
    let routes = format!(
        r#"
tokens: {{ user: {} }}
routes:
  - name: thing
    match: {{ method: [GET, PUT], path: "/things/{{id}}/{{what}}" }}
    tokens: [user]
    access: {{ scopes: [orders:read], owner: {{ value: path.id, is: user.sub }}, shared: [what], conceal: true }}
"#,
        user_token(&keys)
    );
    stage.gate.adopt(&policy("concealed", "enforce", &routes))?;
    let alice = Mint::new(&keys).sign(Alg::Es256);
    let powerless = Mint::new(&keys).claim("scope", "profile").sign(Alg::Es256);
    /// Everything but the time and the id of the request, which differ between any two answers.
    fn essence(answer: Answer) -> Result<(u16, Headers, String)> {
        let answer = timeless(answer);
        let id = answer.json()?["request_id"].as_str().map(ToOwned::to_owned).unwrap_or_default();
        assert_eq!(id.len(), 36, "{answer:?}");
        Ok((answer.status, answer.headers.clone(), answer.text().replace(&id, "ID")))
    }
    for protocol in Protocol::BOTH {
        for method in ["GET", "PUT"] {
            let send = |path: &str, token: &str| {
                stage.gate.client(protocol).send(&Request::new(method, path).bearer(token))
            };
            assert_eq!(send("/things/42/plain", &alice)?.status, 200, "{protocol:?} {method}");
            let unmatched = essence(send("/nothing/77/plain", &alice)?)?;
            assert_eq!(unmatched.0, 404);
            for (row, path, token) in [
                ("another's", "/things/77/plain", &alice),
                ("another's, that the upstream has not", "/things/77/gone", &alice),
                ("one's own, that the upstream has not", "/things/42/gone", &alice),
                ("one's own, without the scope", "/things/42/plain", &powerless),
            ] {
                assert_eq!(essence(send(path, token)?)?, unmatched, "{protocol:?} {method} {row}");
            }
        }
        // Without a body only the head is there to compare.
        let head = |path: &str| {
            let answer = stage.gate.client(protocol).send(&Request::new("HEAD", path).bearer(&alice))?;
            Ok::<_, portcullis_envoy::Error>((answer.status, timeless(answer).headers))
        };
        let unmatched = head("/nothing/77/plain")?;
        for path in ["/things/77/plain", "/things/77/gone", "/things/42/gone"] {
            assert_eq!(head(path)?, unmatched, "{protocol:?} HEAD {path}");
        }
    }
    stage.gate.unharmed()
}
