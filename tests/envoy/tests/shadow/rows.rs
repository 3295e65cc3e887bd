//! Requests, good and bad, and what the gate would say of each.

use portcullis_envoy::{Protocol, Request};
use portcullis_shop::data::{ALICE, BOB};
use portcullis_shop::mint::{Alg, Mint};

use crate::FIVE_MIB;
use crate::answers::KINDS;
use crate::keys;

/// How a request is sent.
#[derive(Clone, Copy)]
pub(crate) enum Via {
    Tls,
    OldTls,
    Cleartext,
}

/// A request, and what the gate would say of it.
pub(crate) struct Row {
    pub(crate) about: &'static str,
    pub(crate) request: Request,
    pub(crate) via: Via,
    /// The protocol that alone can send it.
    pub(crate) only: Option<Protocol>,
    /// Whether its token verifies, so that the claims are forwarded.
    pub(crate) known: bool,
    /// `RULE REASON` of each refusal that would be, with `< CONTROL` where it follows from that one's, and
    /// `RULE uninspected`.
    pub(crate) would: &'static [&'static str],
}

impl Row {
    fn known(self) -> Self {
        Self { known: true, ..self }
    }
}

fn row(about: &'static str, request: Request, would: &'static [&'static str]) -> Row {
    Row { about, request, via: Via::Tls, only: None, known: false, would }
}

const AMBIGUOUS: &[&str] = &["routing routing.ambiguous"];
const TOO_LARGE: &[&str] = &["request.size request.too_large", "request.json uninspected"];

/// What follows from a token that is missing or bad.
macro_rules! unknown {
    ($reason:literal) => {
        &[
            concat!("tokens ", $reason),
            "limits.caller limits.key_missing < tokens",
            "access tokens.missing < tokens",
        ]
    };
}

fn mint() -> Mint<'static> {
    Mint::new(keys()).claim("acr", "urn:shop:mfa")
}

fn get(path: &str) -> Request {
    Request::get(path)
}

/// `GET` with a good token of alice's.
fn known(path: &str) -> Request {
    get(path).bearer(&mint().sign(Alg::Es256))
}

/// `POST` of JSON to the route `write`, with a good token.
fn write() -> Request {
    let request = Request::new("POST", "/v1/things").header("content-type", "application/json");
    request.bearer(&mint().sign(Alg::Es256))
}

fn large() -> String {
    "x".repeat(FIVE_MIB)
}

fn in_chunks(request: Request) -> Request {
    large().as_bytes().chunks(64 << 10).fold(request, Request::chunk)
}

pub(crate) fn rows() -> Vec<Row> {
    let mut rows = heads();
    rows.extend(bodies());
    rows.extend(answers());
    rows
}

fn heads() -> Vec<Row> {
    let mine = || get("/v1/things/42");
    let signed = |mint: Mint<'_>| mine().bearer(&mint.sign(Alg::Es256));
    let app = |version| get("/v1/open").header("x-app-platform", "ios").header("x-app-version", version);
    let limited = || get("/v1/limited").header("x-device", "a");
    let preflight = Request::new("OPTIONS", "/v1/things").header("origin", "https://a.example");
    let upgrade = get("/v1/open").header("connection", "upgrade").header("upgrade", "websocket");
    vec![
        row("good", known("/v1/things/42"), &[]).known(),
        row("no token", mine(), unknown!("tokens.missing")),
        row("no token at all", mine().bearer("a.b.c"), unknown!("tokens.malformed")),
        row("a forged token", mine().bearer(&mint().sign(Alg::None)), unknown!("tokens.algorithm")),
        row("an old token", signed(mint().issued_at(1_000_000_000)), unknown!("tokens.expired")),
        row("two tokens", known("/v1/things/42").bearer("a.b.c"), unknown!("tokens.ambiguous")),
        row("another scheme", mine().header("authorization", "Basic YTpi"), unknown!("tokens.missing")),
        row("another's thing", known(&format!("/v1/things/{BOB}")), &["access.owner access.foreign"]).known(),
        row("too few scopes", signed(mint().claim("scope", "x")), &["access.scopes access.scope"]).known(),
        row(
            "identity headers of the client's",
            known("/v1/things/42").header("x-user-id", BOB).header("x_user_id", BOB),
            &[],
        )
        .known(),
        row(
            "identity headers on no route",
            get("/v1/nowhere").header("X-User-Id", BOB),
            &["routing routing.unmatched"],
        ),
        row(
            "another method by header",
            get("/v1/open").header("x-http-method-override", "DELETE").header("x-original-url", "/a"),
            &[],
        ),
        row("headers of any bytes", get("/v1/open").header("x-odd", b"caf\xe9\xff").header("x-odd", ""), &[]),
        row("an unknown path", get("/v1/nowhere?a=b"), &["routing routing.unmatched"]),
        row("an unknown method", Request::new("DELETE", "/v1/things"), &["routing routing.method"]),
        row(
            "a preflight",
            preflight.header("access-control-request-method", "POST"),
            &["routing routing.method"],
        ),
        row("another host", get("/v1/open").authority("other.example"), &["routing routing.host"]),
        row("a path in other letters", known("/V1/things/42"), AMBIGUOUS),
        row("a trailing slash", known("/v1/things/42/"), AMBIGUOUS),
        row("an empty segment", known("/v1//things/42"), AMBIGUOUS),
        row("a parameter in the path", known("/v1/things/42;x"), AMBIGUOUS),
        row("an escaped slash", known("/v1/things%2f42"), AMBIGUOUS),
        row("dot segments", known("/v1/x/../things/42"), AMBIGUOUS),
        row("an escaped letter", known("/v1/%74hings/42"), &[]).known(),
        row("an old app", app("4.9"), &["client client.outdated"]),
        row("two versions", app("4.9").header("x-app-version", "5.0"), &["client client.ambiguous"]),
        row("a good query", get("/v1/search?q=tea"), &[]),
        row("a long parameter", get("/v1/search?q=too%20long"), &["request.params request.parameter"]),
        row("a query that would be stripped", get("/v1/search?q=tea&debug=1"), &[]),
        row("within the limit", limited(), &[]),
        row("over the limit", limited(), &["limits.once limits.exceeded"]),
        row(
            "without the limit's key",
            get("/v1/limited"),
            &["limits.once limits.exceeded", "limits.device limits.key_missing"],
        ),
        Row { via: Via::Cleartext, ..row("cleartext", get("/v1/open"), &["transport transport.cleartext"]) },
        Row { via: Via::OldTls, ..row("an old TLS", get("/v1/open"), &["transport transport.tls_version"]) },
        // Envoy refuses it itself.
        Row { only: Some(Protocol::H1), ..row("an upgrade", upgrade, &[]) },
    ]
}

fn bodies() -> Vec<Row> {
    let typed = |kind| Request::new("POST", "/v1/things").header("content-type", kind);
    let weak = Mint::new(keys()).sign(Alg::Es256);
    let bulk = || Request::new("POST", "/v1/bulk").header("content-type", "application/json");
    let upload = || Request::new("PUT", "/v1/upload").header("content-type", "image/png");
    let plain = || Request::new("POST", "/v1/plain");
    let trailers = write().chunk("{\"id\"").chunk(":\"1\"}").trailer("x-sum", "7").trailer("x-user-id", BOB);
    vec![
        row("a good body", write().chunk(r#"{"id":"1"}"#), &[]).known(),
        row("a good body in chunks", write().chunk("{\"id\"").chunk(":\"1\"}"), &[]).known(),
        row("a good body with trailers", trailers, &[]).known(),
        row(
            "a body that is waited for",
            write().header("expect", "100-continue").chunk(r#"{"id":"1"}"#),
            &[],
        )
        .known(),
        row("a body that does not fit", write().chunk(r#"{"id":1}"#), &["request.schema request.schema"])
            .known(),
        row(
            "a name twice",
            write().chunk(r#"{"id":"1","id":"2"}"#),
            &["request.json request.duplicate_name"],
        )
        .known(),
        row("no JSON", write().chunk("{"), &["request.json request.malformed"]).known(),
        row(
            "no JSON, with trailers",
            write().chunk("{").trailer("x-sum", "7"),
            &["request.json request.malformed"],
        )
        .known(),
        row(
            "another type",
            typed("text/plain").bearer(&weak).chunk("hello"),
            &["request request.content_type", "access.step_up access.step_up", "request.json uninspected"],
        )
        .known(),
        row(
            "a body that is packed",
            write().header("content-encoding", "gzip").chunk("\u{1f}"),
            &["request request.content_encoding", "request.json uninspected"],
        )
        .known(),
        row("no body", write(), &["request.json request.body_missing"]).known(),
        row("an empty body", write().header("content-length", "0"), &["request.json request.body_missing"])
            .known(),
        row(
            "a body and no token",
            typed("application/json").chunk("[]"),
            &["tokens tokens.missing", "access tokens.missing < tokens", "request.schema request.schema"],
        ),
        row(
            "a weak login",
            typed("application/json").bearer(&weak).chunk(r#"{"id":"1"}"#),
            &["access.step_up access.step_up"],
        )
        .known(),
        row("5 MiB", write().chunk(large()), TOO_LARGE).known(),
        row("5 MiB in chunks", in_chunks(write()), TOO_LARGE).known(),
        row("5 MiB in chunks, with trailers", in_chunks(write()).trailer("x-sum", "7"), TOO_LARGE).known(),
        row("5 MiB, where 1 MiB is read", bulk().chunk(large()), TOO_LARGE),
        row("5 MiB in chunks, where 1 MiB is read", in_chunks(bulk()), TOO_LARGE),
        row("an upload", upload().chunk("png"), &[]),
        row("an upload of 5 MiB", upload().chunk(large()), &["request.size request.too_large"]),
        row("an upload of 5 MiB in chunks", in_chunks(upload()), &["request.size request.too_large"]),
        row("a body that nobody expects", plain().chunk("hello"), &["request request.body_unexpected"]),
        row("5 MiB that nobody expects", plain().chunk(large()), &["request request.body_unexpected"]),
        row(
            "5 MiB to nowhere",
            Request::new("POST", "/v1/nowhere").chunk(large()),
            &["routing routing.unmatched"],
        ),
    ]
}

fn answers() -> Vec<Row> {
    let mut rows = Vec::new();
    for (kind, would) in KINDS {
        for (method, path) in
            [("GET", "/v1/open"), ("HEAD", "/v1/open"), ("GET", "/v1/judged"), ("HEAD", "/v1/judged")]
        {
            let request =
                Request::new(method, path).header("x-answer", kind).header("accept-encoding", "gzip, br");
            let request = request.header("range", "bytes=0-1").header("if-range", "\"1\"");
            let read = method == "GET" && path == "/v1/judged";
            rows.push(row(kind, request, if read { would } else { &[] }));
        }
    }
    let own = format!("/v1/things/{ALICE}");
    rows.push(
        row("undeclared", known(&own).header("x-answer", "undeclared"), &["response.schema response.schema"])
            .known(),
    );
    rows
}
