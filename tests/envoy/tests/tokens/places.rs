//! Where a token stands, and how several go together.

use portcullis_envoy::{Protocol, Request, Result, unix_now as now};
use portcullis_shop::mint::Alg;

use crate::{STAGE, refused};

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
