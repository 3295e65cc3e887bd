//! Who calls: a hostile token is a stated refusal and costs no worker, a good one is told apart from what a client says.
#![cfg(test)]

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_envoy::{
    Answer, Gate, Headers, Protocol, Recorder, Request, Result, Seen, Shared, cases, policy, user_token,
};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint, hostile};
use serde_json::{Value, json};

struct Stage {
    upstream: Recorder,
    gate: Gate,
    keys: Keys,
    /// The keys of the app's own attestation, and of an issuer of old.
    app: Keys,
    legacy: Keys,
}

static STAGE: Shared<Stage> = Shared::new(|| {
    let keys = Keys::generate()?;
    let (app, legacy) = (keys.next()?, keys.next()?.next()?);
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    // Names with an underscore reach the filter only where the host lets them through.
    let setup = Gate::before(upstream.address()).workers(4).h1_trailers().without_normalisation();
    let gate = setup.policy(policy("begin", "enforce", "routes: []")).start()?;
    Ok(Stage { upstream, gate, keys, app, legacy })
});

/// Enough connections that every worker has had one.
const EVERY_WORKER: usize = 16;

impl Stage {
    fn tokens(&self, name: &str, mode: &str, more: &str) -> String {
        let mut legacy = user_token(&self.legacy);
        legacy["issuer"] = json!("https://legacy.shop.example");
        legacy["forward"] = json!({ "x-user-id": "legacy.sub" });
        let mut app = user_token(&self.app);
        app["in"] = json!({ "header": "x-app-token" });
        app["issuer"] = json!("https://app.shop.example");
        app["forward"] = json!({ "x-app-id": "app.sub" });
        app["keep"] = json!(true);
        let tokens = json!({ "user": user_token(&self.keys), "legacy": legacy, "app": app });
        let routes = format!(
            r#"
{more}
tokens: {tokens}
schemas: {{ object: {{ type: object }} }}
defaults: {{ request: {{ content: any }} }}
routes:
  - {{ name: user, match: {{ method: [GET, POST], path: /user }}, tokens: [user], access: authenticated }}
  - {{ name: held, match: {{ method: POST, path: /held }}, tokens: [user], access: authenticated, request: {{ content: json, schema: object }} }}
  - {{ name: open, match: {{ method: [GET, POST], path: /open }}, tokens: none }}
  - {{ name: guest, match: {{ method: [GET, POST], path: /guest }}, tokens: [{{ optional: user }}] }}
  - {{ name: either, match: {{ method: [GET, POST], path: /either }}, tokens: [{{ any: [user, legacy] }}], access: authenticated }}
  - {{ name: both, match: {{ method: [GET, POST], path: /both }}, tokens: [app, user], access: authenticated }}
"#
        );
        policy(name, mode, &routes)
    }

    fn alice(&self) -> Mint<'_> {
        Mint::new(&self.keys)
    }

    fn app(&self) -> Mint<'_> {
        Mint::new(&self.app).claim("iss", "https://app.shop.example").claim("sub", "install-1")
    }

    fn legacy(&self) -> Mint<'_> {
        Mint::new(&self.legacy).claim("iss", "https://legacy.shop.example").claim("sub", "old-42")
    }

    /// The one request that the upstream saw since the last time.
    fn seen(&self, row: &str) -> Seen {
        let mut seen = self.upstream.take();
        assert_eq!(seen.len(), 1, "{row}: {seen:?}");
        seen.remove(0)
    }

    fn get(&self, protocol: Protocol, path: &str, token: &str) -> Result<Answer> {
        self.gate.client(protocol).send(&Request::get(path).bearer(token))
    }
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// That it is a refusal of the token for this reason, told as RFC 6750, section 3 has it.
fn refused(row: &str, answer: &Answer, realm: &str, reason: &str) {
    let (status, error) = match reason {
        "tokens.missing" => (401, None),
        "tokens.ambiguous" => (400, Some("invalid_request")),
        _ => (401, Some("invalid_token")),
    };
    assert_eq!((answer.status, answer.reason().as_deref()), (status, Some(reason)), "{row}: {answer:?}");
    let error = error.map(|error| format!(", error=\"{error}\"")).unwrap_or_default();
    let challenge = format!("Bearer realm=\"{realm}\"{error}");
    assert_eq!(answer.header("www-authenticate"), Some(challenge), "{row}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{row}");
}

/// The same signature as DER, which is how most libraries give it and no JWS has it.
fn der(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let integer = |half: &[u8]| {
        let half: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if half.first().is_some_and(|byte| *byte >= 0x80) { &[0][..] } else { &[] };
        let body = [sign, &half].concat();
        [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let (r, s) = raw.split_at(32);
    let body = [integer(r), integer(s)].concat();
    let sequence = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sequence))
}

/// Tokens that the shop's list does not have, each with its reason.
fn more_hostile(stage: &Stage) -> Vec<(&'static str, String, &'static str)> {
    const YEAR: u64 = 365 * 86_400;
    let (now, alice) = (now(), || stage.alice());
    let good = alice().sign(Alg::Es256);
    let es = |mint: Mint<'_>| mint.sign(Alg::Es256);
    let (head, tail) = good.split_at(20);
    vec![
        ("a signature in DER", der(&good), "tokens.signature"),
        (
            "the signature of another token",
            {
                let other = es(alice().claim("sub", "77"));
                let (message, _) = other.rsplit_once('.').unwrap();
                format!("{message}.{}", good.rsplit_once('.').unwrap().1)
            },
            "tokens.signature",
        ),
        (
            "ten years of life, near their end",
            es(alice().issued_at(now - 10 * YEAR + 60).lifetime(10 * YEAR)),
            "tokens.lifetime",
        ),
        ("over for longer than clocks differ", es(alice().issued_at(now - 640)), "tokens.expired"),
        ("issued in two minutes", es(alice().issued_at(now + 120)), "tokens.not_yet_valid"),
        ("valid in two minutes", es(alice().claim("nbf", now + 120)), "tokens.not_yet_valid"),
        ("another tenant", es(alice().claim("tenant", "market")), "tokens.claim"),
        ("a tenant that is a list", es(alice().claim("tenant", json!(["shop"]))), "tokens.claim"),
        ("an empty sub", es(alice().claim("sub", "")), "tokens.claim"),
        ("a sub that is a number", es(alice().claim("sub", 42)), "tokens.malformed"),
        ("an ID token", es(alice().header("typ", "JWT")), "tokens.type"),
        (
            "a signed key set's address, and a stranger's key",
            Mint::new(&stage.app)
                .header("jku", "https://id.shop.example/jwks.json")
                .header("kid", stage.keys.es256.kid())
                .sign(Alg::Es256),
            "tokens.signature",
        ),
        ("a space inside", format!("{head} {tail}"), "tokens.malformed"),
        ("a tab inside", format!("{head}\t{tail}"), "tokens.malformed"),
        ("padding inside", format!("{head}={tail}"), "tokens.malformed"),
        ("the classic alphabet", format!("{head}+/{tail}"), "tokens.malformed"),
        ("in quotes", format!("\"{good}\""), "tokens.malformed"),
        ("percent-encoded dots", good.replace('.', "%2e"), "tokens.malformed"),
        ("the app's token", stage.app().sign(Alg::Es256), "tokens.unknown_key"),
        (
            "the token of an issuer that this route does not take",
            stage.legacy().sign(Alg::Es256),
            "tokens.unknown_key",
        ),
    ]
}

#[test]
fn a_hostile_token_is_a_stated_401_and_the_worker_lives_on() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("hostile", "enforce", ""))?;
    let reasons: BTreeMap<String, String> = cases("tokens/shop")?.into_iter().collect();
    let mut rows = more_hostile(&stage);
    for (name, token) in hostile(&stage.keys)? {
        let reason = reasons.get(name).unwrap_or_else(|| panic!("no reason for {name}"));
        rows.push((name, token, reason));
    }
    let _ = stage.upstream.take();
    let good = stage.alice().sign(Alg::Es256);
    for protocol in Protocol::BOTH {
        for (name, token, reason) in &rows {
            let row = format!("{protocol:?} {name}");
            let answer = stage.get(protocol, "/user", token)?;
            refused(&row, &answer, "hostile", reason);
            assert!(!answer.text().contains(token.as_str()), "{row}: {answer:?}");
            assert_eq!(stage.get(protocol, "/user", &good)?.status, 200, "{row}: a good token after it");
            stage.seen(&row);
        }
    }
    stage.gate.unharmed()
}

#[test]
fn an_odd_token_that_is_good_passes() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("odd", "enforce", ""))?;
    let _ = stage.upstream.take();
    let stranger = stage.app.es256.jwk().clone();
    let rows = [
        ("RS256", stage.alice().sign(Alg::Rs256)),
        ("no kid", stage.alice().without_header("kid").sign(Alg::Es256)),
        ("keys of a stranger beside its own signature", {
            let mint = stage.alice().header("jwk", stranger).header("jku", "https://evil.example/jwks.json");
            mint.header("x5u", "https://evil.example/x5u").sign(Alg::Es256)
        }),
        ("over for less than clocks differ", stage.alice().issued_at(now() - 610).sign(Alg::Es256)),
        ("issued in ten seconds", stage.alice().issued_at(now() + 10).sign(Alg::Es256)),
        ("a media type for a type", stage.alice().header("typ", "application/AT+JWT").sign(Alg::Es256)),
        ("several audiences", stage.alice().claim("aud", json!(["x", "shop-mobile-api"])).sign(Alg::Es256)),
        ("7 KiB", stage.alice().claim("pad", "x".repeat(4_500)).sign(Alg::Es256)),
    ];
    for protocol in Protocol::BOTH {
        for (name, token) in &rows {
            let row = format!("{protocol:?} {name}");
            let answer = stage.get(protocol, "/user", token)?;
            assert_eq!(answer.status, 200, "{row}: {answer:?}");
            assert_eq!(stage.seen(&row).headers.get("x-user-id").as_deref(), Some("42"), "{row}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn a_token_counts_in_its_one_place_only_and_once() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("places", "enforce", ""))?;
    let _ = stage.upstream.take();
    let good = stage.alice().sign(Alg::Es256);
    let other = stage.alice().claim("sub", "77").sign(Alg::Es256);
    let bearer = format!("Bearer {good}");
    let get = || Request::get("/user");
    let with = |value: &str| get().header("authorization", value);
    let query = format!("/user?access_token={good}&token={good}");
    let not_text = |value: &[u8]| get().header("authorization", [value, b"\xa1\xc0"].concat());
    let rows = [
        ("nothing", get(), Some("tokens.missing")),
        ("an empty header", with(""), Some("tokens.missing")),
        ("another scheme", with("Basic dXNlcjpwYXNz"), Some("tokens.missing")),
        ("no scheme", with(&good), Some("tokens.missing")),
        ("a scheme that begins alike", with(&format!("Bearerx {good}")), Some("tokens.missing")),
        ("the scheme alone", with("Bearer"), Some("tokens.malformed")),
        ("two lines", get().bearer(&good).bearer(&other), Some("tokens.ambiguous")),
        ("two lines, the same token", get().bearer(&good).bearer(&good), Some("tokens.ambiguous")),
        ("two lines, a password first", with("Basic dXNlcjpwYXNz").bearer(&good), Some("tokens.ambiguous")),
        ("two in one line", with(&format!("{bearer}, Bearer {other}")), Some("tokens.ambiguous")),
        ("two in one line, without a space", with(&format!("{bearer},{good}")), Some("tokens.ambiguous")),
        ("two tokens behind one scheme", with(&format!("{bearer} {other}")), Some("tokens.malformed")),
        ("bytes that are not UTF-8", not_text(b""), Some("tokens.missing")),
        ("bytes that are not UTF-8 behind it", not_text(bearer.as_bytes()), Some("tokens.malformed")),
        ("in the query", Request::get(&query), Some("tokens.missing")),
        ("in a cookie", get().header("cookie", format!("access_token={good}")), Some("tokens.missing")),
        ("in another header", get().header("x-authorization", &bearer), Some("tokens.missing")),
        ("where the app's token stands", get().header("x-app-token", &good), Some("tokens.missing")),
        ("in lower case", with(&format!("bearer {good}")), None),
        ("in upper case", with(&format!("BEARER {good}")), None),
        ("behind several spaces", with(&format!("Bearer   {good}")), None),
        (
            "with another's in the query",
            Request::get(format!("/user?access_token={other}")).bearer(&good),
            None,
        ),
        ("beside a header that is not UTF-8", get().bearer(&good).header("x-odd", b"caf\xe9\xff"), None),
    ];
    for protocol in Protocol::BOTH {
        for (name, request, reason) in &rows {
            let row = format!("{protocol:?} {name}");
            let answer = stage.gate.client(protocol).send(request)?;
            match reason {
                Some(reason) => refused(&row, &answer, "places", reason),
                None => {
                    assert_eq!(answer.status, 200, "{row}: {answer:?}");
                    assert_eq!(stage.seen(&row).headers.get("x-user-id").as_deref(), Some("42"), "{row}");
                }
            }
            assert!(stage.upstream.take().is_empty(), "{row}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn optional_any_and_several_tokens_hold_as_they_are_written() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("combined", "enforce", ""))?;
    let _ = stage.upstream.take();
    let (user, legacy, app) = (stage.alice(), stage.legacy(), stage.app());
    let [user, legacy, app] = [user, legacy, app].map(|mint| mint.sign(Alg::Es256));
    let stranger = stage.alice().claim("iss", "https://evil.example").sign(Alg::Es256);
    let legacy_by_user = stage.alice().claim("iss", "https://legacy.shop.example").sign(Alg::Es256);
    let expired = stage.alice().issued_at(now() - 86_400).sign(Alg::Es256);
    let get = |path: &str, bearer: Option<&str>, app: Option<&str>| {
        let request = bearer.iter().fold(Request::get(path), |request, token| request.bearer(token));
        app.iter().fold(request, |request, token| request.header("x-app-token", token))
    };
    // What is sent, and why it is refused or whom the upstream is told.
    let rows = [
        ("a guest", get("/guest", None, None), Ok((None, None))),
        ("a guest with a token", get("/guest", Some(&user), None), Ok((Some("42"), None))),
        ("a bad token makes no guest", get("/guest", Some(&expired), None), Err("tokens.expired")),
        ("nor does a forged one", get("/guest", Some("x.y.z"), None), Err("tokens.malformed")),
        ("nor another's", get("/guest", Some(&legacy), None), Err("tokens.unknown_key")),
        ("the one", get("/either", Some(&user), None), Ok((Some("42"), None))),
        ("the other", get("/either", Some(&legacy), None), Ok((Some("old-42"), None))),
        ("neither", get("/either", Some(&stranger), None), Err("tokens.issuer")),
        (
            "the one's key for the other",
            get("/either", Some(&legacy_by_user), None),
            Err("tokens.unknown_key"),
        ),
        ("none of them", get("/either", None, None), Err("tokens.missing")),
        ("both", get("/both", Some(&user), Some(&app)), Ok((Some("42"), Some("install-1")))),
        ("the first is missing", get("/both", Some(&user), None), Err("tokens.missing")),
        ("the second is missing", get("/both", None, Some(&app)), Err("tokens.missing")),
        ("the second is bad", get("/both", Some(&expired), Some(&app)), Err("tokens.expired")),
        ("changed about", get("/both", Some(&app), Some(&user)), Err("tokens.unknown_key")),
    ];
    for protocol in Protocol::BOTH {
        for (name, request, want) in &rows {
            let row = format!("{protocol:?} {name}");
            let answer = stage.gate.client(protocol).send(request)?;
            match want {
                Err(reason) => refused(&row, &answer, "combined", reason),
                Ok((user, app)) => {
                    assert_eq!(answer.status, 200, "{row}: {answer:?}");
                    let seen = stage.seen(&row).headers;
                    assert_eq!(seen.get("x-user-id").as_deref(), *user, "{row}");
                    assert_eq!(seen.get("x-app-id").as_deref(), *app, "{row}");
                    // `keep: false` for the one, `keep: true` for the other.
                    assert!(!seen.has("authorization"), "{row}");
                    assert_eq!(seen.has("x-app-token"), app.is_some(), "{row}");
                }
            }
            assert!(stage.upstream.take().is_empty(), "{row}");
        }
    }
    stage.gate.unharmed()
}

/// Names by which a client could speak for somebody else, or name another method or path, to some upstream.
const UNTRUSTED: [&str; 14] = [
    "x-user-id",
    "X-User-Id",
    "x_user_id",
    "X_USER_ID",
    "x-user_id",
    "x-app-id",
    "X_App_Id",
    "x-http-method-override",
    "X-HTTP-Method",
    "x_method_override",
    "X-Method-Override",
    "X-Original-URL",
    "x-rewrite-url",
    "x_rewrite_url",
];

fn folded(name: &[u8]) -> String {
    String::from_utf8_lossy(name).to_lowercase().replace('_', "-")
}

/// That nothing of [`UNTRUSTED`] is there but `x-user-id`, once, with this value.
fn trusted(row: &str, seen: &Seen, user: Option<&str>) {
    let names: Vec<_> = UNTRUSTED.iter().map(|name| folded(name.as_bytes())).collect();
    let untrusted = |headers: &Headers| {
        let all = headers.0.iter().map(|(name, value)| (folded(name), value.clone()));
        all.filter(|(name, _)| names.contains(name)).collect::<Vec<_>>()
    };
    let want = user.map(|user| ("x-user-id".to_owned(), user.as_bytes().to_vec()));
    assert_eq!(untrusted(&seen.headers), Vec::from_iter(want), "{row}: headers");
    assert_eq!(untrusted(&seen.trailers), [], "{row}: trailers");
    let honest = (seen.method != "OPTIONS").then_some("1");
    assert_eq!(seen.trailers.get("x-check").as_deref(), honest, "{row}: an honest trailer");
}

#[test]
fn nobody_but_the_gate_says_who_calls_in_any_mode_on_any_path() -> Result {
    let stage = STAGE.enter()?;
    let good = stage.alice().sign(Alg::Es256);
    let bad = stage.alice().issued_at(now() - 86_400).sign(Alg::Es256);
    let plain = |method: &str, path: &str| {
        let request = Request::new(method, path).header("content-type", "application/json").chunk("{}");
        let request = UNTRUSTED.iter().fold(request, |request, name| request.header(name, "77"));
        UNTRUSTED.iter().fold(request.trailer("x-check", "1"), |request, name| request.trailer(name, "77"))
    };
    let post = |path: &str, token: &str| plain("POST", path).bearer(token);
    // Without a body, and so without trailers: with one it would not pass.
    let preflight = UNTRUSTED.iter().fold(Request::new("OPTIONS", "/user"), |it, name| it.header(name, "77"));
    let preflight = preflight.header("origin", "https://evil.example");
    let preflight = preflight.header("access-control-request-method", "POST");
    let alice = Some("42");
    let everywhere = |name: &str| {
        vec![
            (format!("{name}: without a token"), plain("POST", "/user"), None),
            (format!("{name}: with a bad token"), post("/user", &bad), None),
            (format!("{name}: a path that nobody has"), post("/nowhere", &good), None),
            (format!("{name}: an ambiguous path"), post("/user;x", &good), None),
            (format!("{name}: a method that nobody has"), plain("DELETE", "/user").bearer(&good), None),
            (format!("{name}: two tokens"), post("/user", &good).bearer(&good), None),
        ]
    };
    let enforced = vec![
        ("a verified caller".to_owned(), post("/user", &good), alice),
        ("a held body".to_owned(), post("/held", &good), alice),
        ("an open route".to_owned(), plain("POST", "/open"), None),
        ("an open route and a token".to_owned(), post("/open", &good), None),
        ("an open route and a bad token".to_owned(), post("/open", &bad), None),
        ("a guest".to_owned(), plain("POST", "/guest"), None),
    ];
    let shadow_alice = ("in shadow: a verified caller".to_owned(), post("/user", &good), alice);
    let passing = |from: &str, to: &str, name: &str| stage.tokens(name, "enforce", "").replace(from, to);
    let policies = [
        (stage.tokens("enforced", "enforce", ""), enforced.clone()),
        (stage.tokens("stream", "enforce", "body_hold: stream"), enforced),
        (stage.tokens("shadow", "shadow", ""), [vec![shadow_alice], everywhere("in shadow")].concat()),
        (stage.tokens("disabled", "disabled", ""), everywhere("disabled")),
        (
            passing("preflight: refuse", "preflight: pass", "preflight"),
            vec![("a preflight".to_owned(), preflight, None)],
        ),
        (
            passing("hosts: any, other_hosts: refuse", "hosts: [a.example], other_hosts: pass", "elsewhere"),
            vec![("another host".to_owned(), post("/user", &good), None)],
        ),
    ];
    let _ = stage.upstream.take();
    for (policy, rows) in &policies {
        stage.gate.adopt(policy)?;
        for protocol in Protocol::BOTH {
            for (name, request, user) in rows {
                let row = format!("{protocol:?} {name}");
                let answer = stage.gate.client(protocol).send(request)?;
                assert_eq!(answer.status, 200, "{row}: {answer:?}");
                trusted(&row, &stage.seen(&row), *user);
            }
        }
    }
    stage.gate.unharmed()
}

#[test]
fn a_token_that_is_not_kept_goes_no_further_unless_in_shadow() -> Result {
    let stage = STAGE.enter()?;
    let good = stage.alice().sign(Alg::Es256);
    let bad = stage.alice().issued_at(now() - 86_400).sign(Alg::Es256);
    let app = stage.app().sign(Alg::Es256);
    let _ = stage.upstream.take();
    for (mode, goes_on) in [("enforce", false), ("shadow", true), ("disabled", true)] {
        stage.gate.adopt(&stage.tokens(&format!("kept-{mode}"), mode, ""))?;
        for protocol in Protocol::BOTH {
            for (path, token) in
                [("/user", &good), ("/guest", &good), ("/open", &good), ("/open", &bad), ("/user", &bad)]
            {
                let row = format!("{mode} {protocol:?} {path}");
                let request = Request::get(path).bearer(token).header("x-app-token", &app);
                let answer = stage.gate.client(protocol).send(&request)?;
                if path == "/user" && token == &bad && mode == "enforce" {
                    assert_eq!(answer.status, 401, "{row}");
                    continue;
                }
                let seen = stage.seen(&row).headers;
                let sent = |name: &str| seen.get(name).is_some();
                // The app's token is to be kept, but no route here demands it.
                assert_eq!((sent("authorization"), sent("x-app-token")), (goes_on, goes_on), "{row}");
                if goes_on {
                    assert_eq!(seen.get("authorization"), Some(format!("Bearer {token}")), "{row}");
                }
            }
        }
    }
    stage.gate.unharmed()
}

#[test]
fn a_flood_of_bad_tokens_leaves_the_good_one_alone() -> Result {
    const BAD: usize = 3_000;
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("flood", "enforce", ""))?;
    let _ = stage.upstream.take();
    let good = stage.alice().sign(Alg::Es256);
    let forged = |at: usize| {
        let mint = Mint::new(&stage.app).claim("n", at);
        match at % 3 {
            0 => mint.header("kid", stage.keys.es256.kid()).sign(Alg::Es256),
            1 => mint.header("kid", format!("kid-{at}")).sign(Alg::Es256),
            _ => format!("{at}.{good}"),
        }
    };
    let mut connections = Vec::new();
    for at in 0..EVERY_WORKER {
        let protocol = if at % 2 == 0 { Protocol::H1 } else { Protocol::H2 };
        connections.push(stage.gate.client(protocol).connect()?);
    }
    let mut count = BTreeMap::<Option<String>, usize>::new();
    for at in 0..BAD {
        let connection = &mut connections[at % EVERY_WORKER];
        let answer = connection.send(&Request::get("/user").bearer(&forged(at)))?;
        assert_eq!(answer.status, 401, "{at}: {answer:?}");
        *count.entry(answer.reason()).or_default() += 1;
        if at % 100 == 0 {
            let answer = connection.send(&Request::get("/user").bearer(&good))?;
            assert_eq!(answer.status, 200, "{at}: {answer:?}");
        }
    }
    let want = ["tokens.malformed", "tokens.signature", "tokens.unknown_key"];
    let want = want.map(|reason| (Some(reason.to_owned()), BAD / 3));
    assert_eq!(count, BTreeMap::from(want));
    for connection in &mut connections {
        assert_eq!(connection.send(&Request::get("/user").bearer(&good))?.status, 200);
    }
    assert_eq!(stage.upstream.take().len(), BAD / 100 + EVERY_WORKER);
    stage.gate.unharmed()
}

/// What a challenge may say of a token is nothing: neither what it holds nor which of its claims was wrong.
#[test]
fn a_refusal_tells_nothing_of_the_token() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("silent", "enforce", ""))?;
    let told: Vec<_> = more_hostile(&stage)
        .into_iter()
        .map(|(_, token, reason)| {
            let answer = stage.get(Protocol::H2, "/user", &token)?;
            let mut problem: Value = answer.json()?;
            for member in ["request_id", "reason", "type"] {
                problem[member] = Value::Null;
            }
            assert_eq!(answer.reason().as_deref(), Some(reason));
            Ok((answer.header("www-authenticate"), problem))
        })
        .collect::<Result<_>>()?;
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    Ok(())
}
