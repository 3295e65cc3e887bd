//! What the upstream is told of the caller, and by whom.

use portcullis_envoy::{Headers, Protocol, Request, Result, Seen, unix_now as now};
use portcullis_shop::mint::Alg;

use crate::STAGE;

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
