//! No leak: whatever clients, tokens and secrets hold, none of it is found in a log, a metric or an answer.
//!
//! Everything that is nobody's business carries a mark of its own. The traffic runs through every control, in every mode
//! and over both protocols, with Envoy's wasm log at `debug`; then the marks are looked for.
#![cfg(test)]

use std::fs;

use portcullis_envoy::{
    Answer, Gate, Protocol, Recorder, Request, Result, Verdict, policy, unix_now, until, user_token,
};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde_json::json;

/// What every mark begins with.
const MARK: &str = "zq9";
/// At least 32 bytes, as the policy demands.
const PSEUDONYM_KEY: &str = "zq9pseudonym-0123456789abcdef0123456789";
const HMAC_SECRET: &str = "zq9hmac-0123456789abcdef0123456789abcdef";

/// A mark that says where it stood: `zq9` and letters.
fn mark(place: &str) -> String {
    format!("{MARK}{place}")
}

fn rules(keys: &Keys, name: &str, mode: &str) -> String {
    let hmac = json!({
        "in": { "header": "x-service-token" },
        "issuer": "https://service.example", "audience": ["shop"], "algorithms": ["HS256"],
        "keys": { "secret_env": "LEAKS_HMAC" }, "max_lifetime": "15m", "dpop": "disabled", "keep": false,
    });
    let rest = format!(
        r#"
client:
  ip: connection
  platform: header.x-app-platform
  app_version: {{ from: "user.app_version|header.x-app-version", minimum: {{ ios: "5.0.0" }}, unknown: allow }}
  tracked_versions: ["5.0"]
tokens: {{ user: {}, service: {hmac} }}
schemas:
  order:
    type: object
    required: [id]
    additionalProperties: false
    properties: {{ id: {{ type: string, maxLength: 40 }}, count: {{ type: integer }} }}
limits:
  per-key: {{ key: [header.x-key], missing: skip, rate: 1/1h, burst: 1 }}
  per-user: {{ key: [user.sub], rate: 1000/1m, burst: 1000 }}
  per-query: {{ key: [query.q], missing: deny, rate: 1/1h, burst: 1 }}
audit: {{ pseudonym: {{ id: k1, secret_env: LEAKS_PSEUDONYM }}, ip: prefix, max_per_second: 10000 }}
routes:
  - name: order
    match: {{ method: POST, path: /order }}
    tokens: none
    request: {{ schema: order, max_bytes: 1KiB }}
    limits: [per-key]
  - name: search
    match: {{ method: GET, path: "/search/{{page}}" }}
    tokens: none
    request: {{ params: {{ path.page: {{ type: integer }}, query.q: {{ type: string, maxLength: 20 }}, header.x-tenant: {{ enum: [shop] }} }} }}
    limits: [per-query]
  - name: thing
    match: {{ method: GET, path: "/things/{{id}}" }}
    tokens: [user]
    access: {{ scopes: [orders:read], owner: {{ value: [path.id, query.id], is: user.sub, unless: [{{ claim: user.roles, has: support }}] }} }}
    limits: [per-user]
  - name: wallet
    match: {{ method: GET, path: /wallet }}
    tokens: [user]
    access: {{ owner: {{ value: header.x-account, is: user.sub }}, conceal: true }}
  - name: money
    match: {{ method: GET, path: /money }}
    tokens: [user]
    access: {{ claims: [{{ claim: user.group, is: treasury }}], acr: ["urn:shop:mfa"], max_auth_age: 10m }}
  - {{ name: service, match: {{ method: GET, path: /service }}, tokens: [service], access: authenticated }}
  - {{ name: judged, match: {{ method: GET, path: "/judged/{{what}}" }}, tokens: none, response: {{ schema: order, max_bytes: 1KiB }} }}
"#,
        user_token(keys)
    );
    policy(name, mode, &rest)
}

/// What a client might send, good and bad, with a mark in every place that is its own.
fn traffic(keys: &Keys, stranger: &Keys) -> Vec<(String, Request)> {
    let sub = mark("sub");
    let mint = |keys| {
        let mint =
            Mint::new(keys).claim("sub", &*sub).claim("email", mark("email")).claim("sid", mark("sid"));
        mint.claim("jti", mark("jti")).claim("group", mark("group")).claim("app_version", "5.1.0")
    };
    let es = |mint: Mint<'_>| mint.sign(Alg::Es256);
    let good = es(mint(keys));
    let service = |secret: &str| {
        let mint = Mint::new(keys).claim("iss", "https://service.example").claim("aud", "shop");
        mint.claim("sub", mark("service")).secret(secret).sign(Alg::Hs256)
    };
    let thing = |id: &str| Request::get(format!("/things/{id}?id={id}"));
    let wallet = |account: &str| Request::get("/wallet").header("x-account", account);
    let order = |body: &str| {
        let request = Request::new("POST", "/order").header("content-type", "application/json");
        request.header("x-key", mark("limitkey")).chunk(body)
    };
    let search = |path: &str| Request::get(format!("/search/{path}"));
    let (m, long) = (mark, "x".repeat(2_000));
    let mut rows = vec![
        ("one's own object", thing(&sub).bearer(&good)),
        ("another's object", thing(&m("pathid")).bearer(&good)),
        ("two objects", Request::get(format!("/things/{}?id={}", m("first"), m("second"))).bearer(&good)),
        ("support", thing(&m("supported")).bearer(&es(mint(keys).claim("roles", json!(["support"]))))),
        ("one's own wallet", wallet(&sub).bearer(&good)),
        ("another's wallet", wallet(&m("account")).bearer(&good)),
        (
            "another's wallet, not UTF-8",
            Request::get("/wallet").bearer(&good).header("x-account", b"zq9raw\xff"),
        ),
        ("no scope", thing(&sub).bearer(&es(mint(keys).claim("scope", m("scope"))))),
        ("no claim", Request::get("/money").bearer(&good)),
        (
            "weak",
            Request::get("/money").bearer(&es(mint(keys).claim("group", "treasury").claim("acr", m("acr")))),
        ),
        ("expired", thing(&sub).bearer(&es(mint(keys).issued_at(unix_now().saturating_sub(86_400))))),
        ("forged", thing(&sub).bearer(&es(mint(stranger).header("kid", keys.es256.kid())))),
        ("unknown key", thing(&sub).bearer(&es(mint(keys).header("kid", m("kid"))))),
        ("unsigned", thing(&sub).bearer(&mint(keys).sign(Alg::None))),
        ("another type", thing(&sub).bearer(&es(mint(keys).header("typ", m("typ"))))),
        ("another algorithm", thing(&sub).bearer(&es(mint(keys).header("alg", m("alg"))))),
        ("another issuer", thing(&sub).bearer(&es(mint(keys).claim("iss", m("iss"))))),
        ("another audience", thing(&sub).bearer(&es(mint(keys).claim("aud", m("aud"))))),
        ("another tenant", thing(&sub).bearer(&es(mint(keys).claim("tenant", m("tenant"))))),
        ("no token at all", thing(&sub).bearer(&m("notatoken"))),
        ("no JSON", thing(&sub).bearer(&es(mint(keys).payload(m("payload"))))),
        ("too long", thing(&sub).bearer(&es(mint(keys).claim("pad", m("pad").repeat(3_000))))),
        ("two tokens", thing(&sub).bearer(&good).bearer(&m("secondtoken"))),
        ("a password", thing(&sub).header("authorization", format!("Basic {}", m("password")))),
        ("a token in the query", Request::get(format!("/things/{sub}?access_token={}", m("querytoken")))),
        ("a token in a cookie", thing(&sub).header("cookie", format!("token={}", m("cookie")))),
        ("a service", Request::get("/service").header("x-service-token", service(HMAC_SECRET))),
        ("a forged service", Request::get("/service").header("x-service-token", service("guessed"))),
        ("an order", order(&format!(r#"{{"id":"{}"}}"#, m("bodyvalue")))),
        ("an order too many", order(&format!(r#"{{"id":"{}"}}"#, m("bodyvalue")))),
        ("a wrong type", order(&format!(r#"{{"id":"a","count":"{}"}}"#, m("wrongtype")))),
        (
            "an unknown property",
            order(&format!(r#"{{"id":"a","{}":"{}"}}"#, m("bodyname"), m("unknownvalue"))),
        ),
        ("a value too long", order(&format!(r#"{{"id":"{}{}"}}"#, m("toolong"), "x".repeat(40)))),
        ("no JSON in a body", order(&format!("{{{}", m("malformed")))),
        ("a name twice", order(&format!(r#"{{"id":"{}","id":"{}"}}"#, m("twice"), m("again")))),
        ("a body too large", order(&format!("{}{long}", m("large")))),
        ("a body too large, in chunks", order(&m("chunked")).chunk(&long)),
        ("a body not UTF-8", Request { body: vec![b"{\"id\":\"zq9bytes\xff\"}".to_vec()], ..order("") }),
        (
            "a type",
            Request::new("POST", "/order").header("content-type", format!("text/{}", m("type"))).chunk("{}"),
        ),
        ("a coding", order("{}").header("content-encoding", m("coding"))),
        ("a parameter", search(&format!("1?q={}", m("query")))),
        ("a parameter too many times", search(&format!("1?q={}", m("query")))),
        ("a parameter too long", search(&format!("1?q={}{}", m("querylong"), "x".repeat(20)))),
        ("a parameter twice", search(&format!("1?q={}&q={}", m("querytwice"), m("queryagain")))),
        ("an unknown parameter", search(&format!("1?q=a1&{}={}", m("queryname"), m("queryvalue")))),
        ("a parameter in the path", search(&format!("{}?q=a2", m("page")))),
        ("a parameter in a header", search("1?q=a3").header("x-tenant", m("tenantheader"))),
        ("no parameter", search("1")),
        ("an unknown path", Request::get(format!("/{}?{}={}", m("path"), m("n"), m("v")))),
        ("an ambiguous path", Request::get(format!("/order;{}", m("parameter")))),
        ("another case", Request::get(format!("/THINGS/{}", m("case")))),
        ("another host", Request::get("/order").authority(&format!("{}.example", m("host")))),
        ("an old app", search("1?q=a4").header("x-app-platform", "ios").header("x-app-version", "4.0.0")),
        (
            "an odd app",
            search("1?q=a5").header("x-app-platform", m("platform")).header("x-app-version", m("version")),
        ),
        (
            "a long version",
            search("1?q=a6")
                .header("x-app-platform", "ios")
                .header("x-app-version", format!("5.0.1 ({})", m("build"))),
        ),
        (
            "an id",
            search("1?q=a7")
                .header("x-request-id", m("requestid"))
                .header("x-correlation-id", m("correlation")),
        ),
        (
            "an address",
            search("1?q=a8").header("x-forwarded-for", m("address")).header("user-agent", m("agent")),
        ),
        ("an identity", search("1?q=a9").header("x-user-id", m("identity"))),
        ("trailers", order(r#"{"id":"a"}"#).trailer("x-user-id", m("trailer")).trailer("x-sum", m("sum"))),
        ("an answer", Request::get("/judged/good")),
        ("a wrong answer", Request::get("/judged/wrong")),
        ("a large answer", Request::get("/judged/large")),
        ("no JSON in an answer", Request::get("/judged/text")),
    ];
    for (_, request) in &mut rows {
        *request = request.clone().header("x-trace", mark("trace"));
    }
    rows.into_iter().map(|(name, request)| (name.to_owned(), request)).collect()
}

/// Answers with marks of its own; never with anything that a client sent.
fn upstream() -> Result<Recorder> {
    Recorder::start(|seen| {
        let (kind, body) = match seen.path.rsplit('/').next().unwrap_or_default() {
            "good" => ("application/json", r#"{"id":"zq9good"}"#.to_owned()),
            "wrong" => ("application/json", r#"{"id":"a","zq9inner":"zq9hash"}"#.to_owned()),
            "large" => ("application/json", format!("\"{}\"", "zq9many".repeat(1_000))),
            "text" => ("text/zq9kind", "zq9text".to_owned()),
            _ => ("application/json", "{}".to_owned()),
        };
        format!("HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
            .into_bytes()
    })
}

/// Everything in an answer that the gate could have written.
fn written(answer: &Answer, of_upstream: bool) -> String {
    let lines = answer.headers.0.iter().chain(&answer.trailers.0);
    let lines: Vec<_> = lines.map(|(name, value)| [name.as_slice(), value].concat()).collect();
    // What the upstream sent is the client's to see.
    if of_upstream {
        return String::new();
    }
    format!("{}{}", String::from_utf8_lossy(&lines.concat()), answer.text())
}

/// The marks in a text, each with what stands around it.
fn marks(text: &str) -> Vec<String> {
    let lower = text.to_lowercase();
    let around = |at: usize| {
        let (from, to) = (at.saturating_sub(80), at.saturating_add(40));
        let characters = lower.char_indices().filter(|(at, _)| (from..to).contains(at));
        characters.map(|(_, character)| character).collect()
    };
    lower.match_indices(MARK).map(|(at, _)| around(at)).collect()
}

/// The three parts of every token that was sent.
fn token_parts(rows: &[(String, Request)]) -> Vec<String> {
    let values = rows.iter().flat_map(|(_, request)| &request.headers.0).map(|(_, value)| value);
    let texts = values.map(|value| String::from_utf8_lossy(value).into_owned());
    let parts = texts.flat_map(|text| text.split(['.', ' ']).map(ToOwned::to_owned).collect::<Vec<_>>());
    parts.filter(|part| part.len() > 40).collect()
}

#[test]
fn nothing_of_a_request_a_token_or_a_secret_is_in_a_log_a_metric_or_an_answer() -> Result {
    let keys = Keys::generate()?;
    let stranger = keys.next()?;
    let upstream = upstream()?;
    let setup = Gate::before(upstream.address()).workers(4).debug().h1_trailers().without_normalisation();
    let setup = setup.env("LEAKS_HMAC", HMAC_SECRET).env("LEAKS_PSEUDONYM", PSEUDONYM_KEY);
    let gate = setup.policy(rules(&keys, "begin", "enforce")).start()?;
    let rows = traffic(&keys, &stranger);
    let mut answers = Vec::new();
    let mut sent = 0_usize;
    let mut refused = 0_usize;
    for mode in ["enforce", "shadow", "disabled"] {
        for protocol in Protocol::BOTH {
            // A policy of its own for each, so that what a limit let through once it lets through again.
            let name = format!("{mode}-{protocol:?}").to_lowercase();
            gate.adopt(&rules(&keys, &name, mode))?;
            let before = upstream.begun();
            for (row, request) in &rows {
                let answer = gate.client(protocol).send(request)?;
                let of_upstream = answer.status == 200;
                assert!(mode == "enforce" || of_upstream, "{name} {row}: {answer:?}");
                refused += usize::from(!of_upstream);
                answers.push((format!("{name} {row}"), written(&answer, of_upstream)));
                sent += 1;
            }
            assert!(upstream.begun() > before + 8, "{name}: too few were admitted");
        }
    }
    gate.unharmed()?;
    let arrived = upstream.take().iter().any(|seen| !marks(&String::from_utf8_lossy(&seen.wire)).is_empty());
    assert!(arrived, "no mark reached the upstream");

    // The traffic did what it should: every control refused, in force and in shadow, and was written down.
    let access_log = gate.access_log(sent)?;
    let log = until("the audit lines", || {
        let log = gate.log()?;
        Ok(Some(log).filter(|log| log.matches("portcullis-audit").count() >= 2 * refused))
    })?;
    let metrics = gate.stats("")?.into_keys().collect::<Vec<_>>().join("\n") + &gate.prometheus()?;
    assert!(refused > 80, "only {refused} of {sent} were refused");
    for control in ["routing", "limits", "client", "tokens", "request", "access", "response"] {
        for outcome in ["refused", "would_refuse"] {
            let labels = format!("control={control};outcome={outcome};");
            assert!(metrics.contains(&labels), "nothing was {outcome} by {control}");
        }
        assert!(log.contains(&format!(r#""reason":"{control}."#)), "no audit line of {control}");
    }
    let events = access_log.iter().filter(|line| line["portcullis"].is_string()).count();
    assert!(events >= 2 * refused, "only {events} events in the access log");
    assert!(log.contains(r#""subject":"k1:"#), "nobody was called by a pseudonym");

    let files = ["envoy.log", "access.log"].map(|name| (name, fs::read_to_string(gate.folder().join(name))));
    let mut places = vec![("the metrics".to_owned(), metrics)];
    for (name, text) in files {
        places.push((name.to_owned(), text?));
    }
    places.extend(answers);
    let tokens = token_parts(&rows);
    assert!(tokens.len() > 60, "only {} parts of tokens", tokens.len());
    for (place, text) in &places {
        let found = marks(text);
        assert!(found.is_empty(), "{place}: {found:#?}");
        let token = tokens.iter().find(|part| text.contains(part.as_str()));
        assert!(token.is_none(), "{place}: part of a token: {token:?}");
    }
    Ok(())
}

/// A slip of the policy's author puts a secret where it does not belong: the reasons name the place, never the secret.
#[test]
fn a_policy_that_is_refused_does_not_tell_the_secrets_in_it() -> Result {
    let keys = Keys::generate()?;
    let gate = Gate::before(upstream()?.address())
        .debug()
        .env("LEAKS_SHORT", "zq9short")
        .env("LEAKS_PSEUDONYM", PSEUDONYM_KEY)
        .env("LEAKS_HMAC", HMAC_SECRET)
        .policy(rules(&keys, "begin", "enforce"))
        .start()?;
    let secret_env = r#""secret_env":"LEAKS_HMAC""#;
    let pseudonym = "{ id: k1, secret_env: LEAKS_PSEUDONYM }";
    let short_key = r#""inline":{"keys":[{"kty":"oct","k":"zq9shortkey","kid":"zq9kid"}]}"#;
    let broken_key =
        r#""inline":{"keys":[{"kty":"oct","k":"zq9 not base64 but long enough to be a secret of its own"}]}"#;
    for (row, from, to) in [
        ("the secret for its name", secret_env, r#""secret_env":"zq9-the-secret-itself""#),
        ("a key that is too short", secret_env, short_key),
        ("a key that is not base64", secret_env, broken_key),
        ("a key for a key set", secret_env, r#""inline":"zq9inline""#),
        ("a list of keys for a key set", secret_env, r#""inline":["zq9inline"]"#),
        ("a key for all of `keys`", "{\"secret_env\":\"LEAKS_HMAC\"}", "\"zq9keys\""),
        ("a number for the name", secret_env, "\"secret_env\":9909909909909909"),
        ("an unknown source", secret_env, r#""secret":"zq9secret""#),
        ("a variable that is too short", secret_env, r#""secret_env":"LEAKS_SHORT""#),
        ("the pseudonym's secret itself", pseudonym, "zq9pseudonym"),
        ("a number for the pseudonym's secret", pseudonym, "9909909909909909"),
        ("a number for the pseudonym's variable", pseudonym, "{ id: k1, secret_env: 9909909909909909 }"),
        ("the pseudonym's secret in its field", pseudonym, "{ id: k1, secret_env: zq9-pseudonym }"),
        ("the pseudonym's secret in another field", pseudonym, "{ id: k1, secret: zq9-pseudonym }"),
        ("the pseudonym's secret in a list", pseudonym, "{ id: k1, secret_env: [zq9-pseudonym] }"),
        ("the pseudonym's variable is too short", pseudonym, "{ id: k1, secret_env: LEAKS_SHORT }"),
    ] {
        let before = gate.log()?.len();
        let policy = rules(&keys, "slip", "enforce");
        assert!(policy.contains(from), "{row}: nothing to change");
        assert_eq!(gate.push(&policy.replace(from, to))?, Verdict::Refused, "{row}");
        let log = until("the reasons", || {
            let log = gate.log()?.split_off(before);
            Ok(Some(log).filter(|log| log.contains("the policy is refused")))
        })?;
        let told = marks(&log);
        assert!(told.is_empty() && !log.contains("9909909"), "{row}: {told:#?}\n{log}");
    }
    gate.unharmed()
}
