//! What the client is told.

use std::time::Duration;

use crate::control::tokens::Schemes;
use crate::engine::answer::Answer;
use crate::engine::challenge::Realm;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::refusal::SchemaError;

#[test]
fn an_answer_says_what_its_reason_and_what_stands_beside_it_say() {
    let seconds = Duration::from_secs;
    let challenge = |rest: &str| Some(("www-authenticate", format!("Bearer realm=\"shop\"{rest}")));
    let header = |name, value: &str| Some((name, value.to_owned()));
    for (reason, extra, status, wanted) in [
        (Reason::TokensMissing, Extra::Nothing, 401, challenge("")),
        (Reason::TokensExpired, Extra::Nothing, 401, challenge(", error=\"invalid_token\"")),
        (Reason::TokensAmbiguous, Extra::Nothing, 400, challenge(", error=\"invalid_request\"")),
        (
            Reason::AccessScope,
            Extra::Scopes(vec!["a".into(), "b".into()]),
            403,
            challenge(", error=\"insufficient_scope\", scope=\"a b\""),
        ),
        (Reason::AccessForeign, Extra::Nothing, 403, challenge(", error=\"insufficient_scope\"")),
        (
            Reason::AccessStepUp,
            Extra::StepUp { acr: vec!["m".into()], max_age: Some(seconds(60)) },
            401,
            challenge(", error=\"insufficient_user_authentication\", acr_values=\"m\", max_age=\"60\""),
        ),
        (
            Reason::AccessStepUp,
            Extra::StepUp { acr: Vec::new(), max_age: None },
            401,
            challenge(", error=\"insufficient_user_authentication\""),
        ),
        (Reason::TokensKeysUnavailable, Extra::RetryAfter(seconds(5)), 503, header("retry-after", "5")),
        (
            Reason::LimitsExceeded,
            Extra::RetryAfter(Duration::from_millis(1001)),
            429,
            header("retry-after", "2"),
        ),
        (Reason::LimitsExceeded, Extra::RetryAfter(Duration::ZERO), 429, header("retry-after", "1")),
        (
            Reason::TransportRedirect,
            Extra::Location("https://a.example/b".into()),
            308,
            header("location", "https://a.example/b"),
        ),
        (Reason::RoutingMethod, Extra::Allow("GET, HEAD".into()), 405, header("allow", "GET, HEAD")),
        (
            Reason::ClientOutdated,
            Extra::Upgrade("https://a.example".into()),
            426,
            header("link", "<https://a.example>; rel=\"latest-version\""),
        ),
        (Reason::RoutingUnmatched, Extra::Nothing, 404, None),
        (Reason::ResponseSchema, Extra::Nothing, 502, None),
    ] {
        let refusal = Refusal::new(reason).with(extra);
        let answer = Answer::to(&refusal, shop(), Some("id-1"), None);
        let mut headers =
            vec![("content-type", "application/problem+json".into()), ("cache-control", "no-store".into())];
        headers.extend(wanted);
        assert_eq!((answer.status, answer.headers), (status, headers), "{}", reason.code());
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["type"], format!("urn:portcullis:reason:{}", reason.code()));
        assert_eq!((&body["status"], &body["reason"]), (&status.into(), &reason.code().into()));
        assert_eq!((&body["title"], &body["request_id"]), (&reason.title().into(), &"id-1".into()));
    }
}

#[test]
fn a_challenge_offers_each_scheme_that_would_do_and_says_why_in_the_one_that_was_used() {
    let algs = "algs=\"ES256 ES384 EdDSA PS256 PS384 PS512 RS256 RS384 RS512\"";
    let bearer = |rest: &str| format!("Bearer realm=\"shop\"{rest}");
    let dpop = |rest: &str| format!("DPoP realm=\"shop\"{rest}, {algs}");
    let schemes = |bearer, dpop, came_by_dpop| Schemes { bearer, dpop, came_by_dpop };
    let scopes = || Extra::Scopes(vec!["a\"b\\".into(), "c d".into(), "e\r\nx: y".into(), "f".into()]);
    let invalid = ", error=\"invalid_token\"";
    for (row, reason, extra, schemes, wanted) in [
        (
            "no token",
            Reason::TokensMissing,
            Extra::Nothing,
            schemes(true, true, false),
            vec![bearer(""), dpop("")],
        ),
        (
            "no token where all are bound",
            Reason::TokensMissing,
            Extra::Nothing,
            schemes(false, true, false),
            vec![dpop("")],
        ),
        (
            "no token where none is",
            Reason::TokensMissing,
            Extra::Nothing,
            schemes(true, false, false),
            vec![bearer("")],
        ),
        (
            "a bad token as a bearer's",
            Reason::TokensExpired,
            Extra::Nothing,
            schemes(true, true, false),
            vec![bearer(invalid), dpop("")],
        ),
        (
            "a bad token with a proof",
            Reason::TokensExpired,
            Extra::Nothing,
            schemes(true, true, true),
            vec![bearer(""), dpop(invalid)],
        ),
        (
            "a bad token as a bearer's where all are bound",
            Reason::TokensExpired,
            Extra::Nothing,
            schemes(false, true, false),
            vec![dpop(invalid)],
        ),
        (
            "a bad proof beside a bearer's token",
            Reason::TokensProofTime,
            Extra::Nothing,
            schemes(true, true, false),
            vec![bearer(""), dpop(", error=\"invalid_dpop_proof\"")],
        ),
        (
            "too little, and another scheme is no help; and words that would end the string, or the line",
            Reason::AccessScope,
            scopes(),
            schemes(true, true, true),
            vec![dpop(", error=\"insufficient_scope\", scope=\"a\\\"b\\\\ f\"")],
        ),
        ("no memory", Reason::TokensProofsUnavailable, Extra::Nothing, schemes(true, true, true), vec![]),
    ] {
        let realm = Realm { name: "shop", schemes };
        let answer = Answer::to(&Refusal::new(reason).with(extra), realm, None, None);
        let found: Vec<String> = answer
            .headers
            .into_iter()
            .filter(|(name, _)| *name == "www-authenticate")
            .map(|it| it.1)
            .collect();
        assert_eq!(found, wanted, "{row}");
    }
}

/// The realm of a policy of that name, on a route that takes bearers.
fn shop() -> Realm<'static> {
    Realm { name: "shop", schemes: Schemes::default() }
}

#[test]
fn errors_of_a_request_are_told_and_those_of_an_upstream_are_not() {
    let errors = || Extra::Errors(vec![SchemaError { pointer: "/a".into(), keyword: "type".into() }]);
    let body = |reason: Reason| {
        let answer = Answer::to(&Refusal::new(reason).with(errors()), shop(), None, None);
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()
    };
    let told = serde_json::json!([{ "pointer": "/a", "keyword": "type" }]);
    assert_eq!(body(Reason::RequestSchema)["errors"], told);
    assert_eq!(body(Reason::RequestParameter)["errors"], told);
    assert_eq!(body(Reason::ResponseSchema).get("errors"), None);
}

#[test]
fn every_answer_carries_the_hsts_that_is_due() {
    let answer = Answer::to(&Reason::RoutingUnmatched.into(), shop(), None, Some("max-age=1"));
    assert_eq!(answer.headers.last(), Some(&("strict-transport-security", "max-age=1".into())));
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body.get("request_id"), None);
}
