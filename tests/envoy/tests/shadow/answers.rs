//! The upstream's answers, of every kind.

use portcullis_envoy::Seen;

use crate::FIVE_MIB;

/// Names of answers, and what the gate would say of each on a route that reads answers.
pub(crate) const KINDS: [(&str, &[&str]); 21] = [
    ("good", &[]),
    ("undeclared", &["response.schema response.schema"]),
    ("twice", &["response response.malformed"]),
    ("broken", &["response response.malformed"]),
    ("chunked", &[]),
    ("trailers", &[]),
    ("events", UNREAD),
    ("html", UNREAD),
    ("untyped", UNREAD),
    ("gzip", UNREAD),
    ("partial", UNREAD),
    ("cookies", UNREAD),
    ("empty", &[]),
    ("no-content", &[]),
    ("not-modified", &[]),
    ("missing", &[]),
    ("error", &[]),
    ("long", TOO_LONG),
    ("long-chunked", TOO_LONG),
    ("nonsense", &[]),
    ("nothing", &[]),
];

const UNREAD: &[&str] = &["response response.content", "response uninspected"];
const TOO_LONG: &[&str] = &["response response.too_large", "response uninspected"];

/// Answers with the kind that the request's `x-answer` names.
pub(crate) fn answer(seen: &Seen) -> Vec<u8> {
    let mut bytes = of_kind(&seen.headers.get("x-answer").unwrap_or_default());
    if seen.method == "HEAD"
        && let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n")
    {
        bytes.truncate(end.saturating_add(4));
    }
    bytes
}

fn of_kind(kind: &str) -> Vec<u8> {
    let long = || format!("{{\"id\":\"{}\"}}", "x".repeat(FIVE_MIB));
    let text = match kind {
        "undeclared" => json("200 OK", r#"{"id":"1","secret":"s"}"#),
        "twice" => json("200 OK", r#"{"id":"1","id":"2"}"#),
        "broken" => json("200 OK", r#"{"id":"#),
        "chunked" => chunked("application/json", &["{\"id\"", ":\"1\"", "}"], ""),
        "trailers" => chunked("application/json", &["{\"id\":\"1\"}"], "x-sum: 42\r\n"),
        "events" => chunked("text/event-stream", &["data: 1\n\n", "data: 2\n\n", "data: 3\n\n"], ""),
        "html" => whole("200 OK", "content-type: text/html\r\n", "<p/>"),
        "untyped" => whole("200 OK", "", "{}"),
        "gzip" => {
            whole("200 OK", "content-type: application/json\r\ncontent-encoding: gzip\r\n", "\u{1f}abc")
        }
        "partial" => whole(
            "206 Partial Content",
            "content-type: application/json\r\ncontent-range: bytes 0-1/9\r\n",
            "{\"",
        ),
        "cookies" => whole("200 OK", "set-cookie: a=1\r\nset-cookie: b=2\r\nx-odd: \u{e9}\r\n", "ok"),
        "empty" => whole("200 OK", "", ""),
        "no-content" => "HTTP/1.1 204 No Content\r\n\r\n".into(),
        "not-modified" => "HTTP/1.1 304 Not Modified\r\netag: \"1\"\r\n\r\n".into(),
        "missing" => json("404 Not Found", r#"{"error":"missing"}"#),
        "error" => json("500 Internal Server Error", r#"{"error":"internal"}"#),
        "long" => json("200 OK", &long()),
        "long-chunked" => chunked("application/json", &[&long()], ""),
        "nonsense" => "HTTP/1.1 banana\r\n\r\n".into(),
        // The connection ends without an answer.
        "nothing" => String::new(),
        _ => json("200 OK", r#"{"id":"1"}"#),
    };
    text.into_bytes()
}

fn whole(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}content-length: {}\r\n\r\n{body}", body.len())
}

fn json(status: &str, body: &str) -> String {
    whole(status, "content-type: application/json\r\n", body)
}

fn chunked(media: &str, chunks: &[&str], trailers: &str) -> String {
    let head = format!("HTTP/1.1 200 OK\r\ncontent-type: {media}\r\ntransfer-encoding: chunked\r\n\r\n");
    let chunks: String = chunks.iter().map(|chunk| format!("{:x}\r\n{chunk}\r\n", chunk.len())).collect();
    format!("{head}{chunks}0\r\n{trailers}\r\n")
}
