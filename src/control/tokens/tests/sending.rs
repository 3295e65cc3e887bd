//! Several tokens, choices, guests, and keys that are not there.

use super::*;
use crate::refusal::Extra;
use std::rc::Rc;

fn of(patch: Value) -> Value {
    merged(merged(definition(&mint::jwks(&["es"])), &json!({ "algorithms": ["ES256"] })), &patch)
}

/// By index `app`, `staff`, `user`.
const APP: usize = 0;
const STAFF: usize = 1;
const USER: usize = 2;

fn tokens() -> Value {
    json!({
        "user": of(json!({})),
        "staff": of(json!({ "issuer": "https://staff.example", "audience": "staff-api", "keys": { "inline": mint::jwks(&["es-other"]) } })),
        "app": of(json!({ "issuer": "https://app.example", "in": { "header": "x-app" } })),
    })
}

fn user() -> String {
    mint::es256_token(json!({}))
}

fn app() -> String {
    mint::es256_token(json!({ "iss": "https://app.example", "sub": "app-1" }))
}

fn staff() -> String {
    let claims = json!({ "iss": "https://staff.example", "aud": "staff-api", "sub": "s1" });
    let header = json!({ "alg": "ES256", "kid": "es-other", "typ": "at+jwt" });
    mint::token(header.to_string(), merged(mint::claims(), &claims).to_string(), "es256-other")
}

#[test]
fn every_entry_must_hold() {
    let mut worker = Worker::new(&tokens(), &json!(["app", "user"]));
    let (bearer, app) = (format!("Bearer {}", user()), app());
    type Row<'r> = (&'r str, &'r [(&'r str, &'r [u8])], Option<Reason>);
    let rows: [Row<'_>; 4] = [
        ("both", &[("authorization", bearer.as_bytes()), ("x-app", app.as_bytes())], None),
        ("only the user's", &[("authorization", bearer.as_bytes())], Some(Reason::TokensMissing)),
        ("only the app's", &[("x-app", app.as_bytes())], Some(Reason::TokensMissing)),
        (
            "the user's in the app's place",
            &[("authorization", bearer.as_bytes()), ("x-app", bearer.get(7..).unwrap().as_bytes())],
            Some(Reason::TokensIssuer),
        ),
    ];
    for (row, headers, expected) in rows {
        let outcome = worker.check(headers, at(0));
        assert_eq!(outcome.as_ref().err().map(|refusal| refusal.reason), expected, "{row}");
        let Ok(subjects) = outcome else { continue };
        assert_eq!(subjects.first().unwrap().sub(), Some("app-1"), "the order is the route's");
        assert_eq!(subjects.of(USER).unwrap().sub(), Some("u1"));
        assert_eq!(subjects.of(USER).unwrap().issuer(), "https://id.shop.example");
        assert!(subjects.of(STAFF).is_none());
    }
}

#[test]
fn any_is_picked_by_the_exact_issuer_and_held_to_that_one() {
    let mut worker = Worker::new(&tokens(), &json!([{ "any": ["user", "staff"] }]));
    for _ in ["verified", "remembered"] {
        assert_eq!(worker.bearer(&user(), at(0)).unwrap().first().unwrap().token(), USER);
        assert_eq!(worker.bearer(&staff(), at(0)).unwrap().first().unwrap().token(), STAFF);
    }
    // Claims to be staff, and is signed with the key of the other definition.
    let forged = mint::es256_token(json!({ "iss": "https://staff.example", "aud": "staff-api" }));
    assert_eq!(worker.bearer(&forged, at(0)).unwrap_err(), Reason::TokensUnknownKey);
    let unnamed = json!({ "alg": "ES256", "typ": "at+jwt" });
    let claims = merged(mint::claims(), &json!({ "iss": "https://staff.example", "aud": "staff-api" }));
    let forged = mint::token(unnamed.to_string(), claims.to_string(), "es256");
    assert_eq!(worker.bearer(&forged, at(0)).unwrap_err(), Reason::TokensSignature);
    for (issuer, expected) in [
        (json!("https://else.example"), Reason::TokensIssuer),
        (json!(null), Reason::TokensIssuer),
        (json!(["https://staff.example"]), Reason::TokensMalformed),
    ] {
        let token = mint::es256_token(json!({ "iss": issuer }));
        assert_eq!(worker.bearer(&token, at(0)).unwrap_err(), expected);
    }
}

#[test]
fn any_over_two_headers_takes_one_token_and_not_two() {
    let mut worker = Worker::new(&tokens(), &json!([{ "any": ["user", "app"] }]));
    let (bearer, app) = (format!("Bearer {}", user()), app());
    let bearer: (&str, &[u8]) = ("authorization", bearer.as_bytes());
    let app: (&str, &[u8]) = ("x-app", app.as_bytes());
    assert_eq!(worker.check(&[bearer], at(0)).unwrap().first().unwrap().token(), USER);
    assert_eq!(worker.check(&[app], at(0)).unwrap().first().unwrap().token(), APP);
    assert_eq!(worker.check(&[bearer, app], at(0)).unwrap_err().reason, Reason::TokensAmbiguous);
    assert_eq!(worker.check(&[], at(0)).unwrap_err().reason, Reason::TokensMissing);
}

#[test]
fn a_guest_sends_nothing_and_a_bad_token_makes_no_guest() {
    let mut worker = Worker::new(&tokens(), &json!([{ "optional": { "any": ["user", "staff"] } }]));
    assert!(worker.check(&[], at(0)).unwrap().is_empty());
    assert_eq!(worker.bearer(&user(), at(0)).unwrap().first().unwrap().sub(), Some("u1"));
    assert_eq!(worker.bearer(&user(), at(3600)).unwrap_err(), Reason::TokensExpired);
    assert_eq!(worker.bearer("", at(0)).unwrap_err(), Reason::TokensMalformed);
    for (value, expected) in [("Basic eDp5", Reason::TokensMissing), ("", Reason::TokensMissing)] {
        let outcome = worker.check(&[("authorization", value.as_bytes())], at(0));
        assert_eq!(outcome.unwrap_err().reason, expected, "{value:?}");
    }
}

#[test]
fn nothing_demanded_proves_nobody() {
    let mut worker = Worker::new(&tokens(), &json!("none"));
    assert!(worker.bearer(&user(), at(0)).unwrap().is_empty());
    assert!(worker.bearer("nonsense", at(0)).unwrap().is_empty());
}

fn fetched() -> Value {
    of(
        json!({ "keys": { "inline": null, "jwks": { "url": "https://id.shop.example/jwks.json", "cluster": "idp", "max_stale": "1h" } } }),
    )
}

fn key_set(worker: &Worker, names: &[&str]) -> Rc<KeySet> {
    let algorithms = &worker.definitions.get(0).unwrap().algorithms;
    Rc::new(KeySet::parse(mint::jwks(names).to_string().as_bytes(), algorithms).unwrap().0)
}

fn put(worker: &mut Worker, names: &[&str], when: Nanos) {
    let set = key_set(worker, names);
    worker.keys.put(worker.definitions.get(0).unwrap(), set, when);
}

#[test]
fn without_keys_a_token_cannot_be_checked_and_a_malformed_one_is_refused_all_the_same() {
    let mut worker = Worker::of_user(&fetched());
    let value = format!("Bearer {}", user());
    let refusal = worker.check(&[("authorization", value.as_bytes())], at(0)).unwrap_err();
    assert_eq!(refusal.reason, Reason::TokensKeysUnavailable);
    assert_eq!(refusal.reason.status(), 503);
    assert!(matches!(refusal.extra, Extra::RetryAfter(_)));
    assert_eq!(worker.bearer("x.y", at(0)).unwrap_err(), Reason::TokensMalformed);

    put(&mut worker, &["es"], at(0));
    assert!(worker.bearer(&user(), at(0)).is_ok());
}

#[test]
fn keys_that_are_too_old_verify_nothing_not_even_what_is_remembered() {
    let mut worker = Worker::of_user(&fetched());
    put(&mut worker, &["es"], at(-3600));
    assert!(worker.bearer(&user(), at(0)).is_ok());
    assert_eq!(worker.bearer(&user(), at(1)).unwrap_err(), Reason::TokensKeysUnavailable);
    put(&mut worker, &["es"], at(1));
    assert!(worker.bearer(&user(), at(1)).is_ok());
}

#[test]
fn an_unknown_kid_asks_once_for_an_early_fetch() {
    let mut worker = Worker::of_user(&fetched());
    put(&mut worker, &["es-other"], at(0));
    assert!(!worker.keys.take_refresh_wish(0));
    assert_eq!(worker.bearer(&user(), at(0)).unwrap_err(), Reason::TokensUnknownKey);
    assert!(worker.keys.take_refresh_wish(0));
    assert!(!worker.keys.take_refresh_wish(0));
    put(&mut worker, &["es"], at(0));
    assert!(worker.bearer(&user(), at(0)).is_ok());
    assert!(!worker.keys.take_refresh_wish(0));

    let mut inline = Worker::of_user(&of(json!({ "keys": { "inline": mint::jwks(&["es-other"]) } })));
    assert_eq!(inline.bearer(&user(), at(0)).unwrap_err(), Reason::TokensUnknownKey);
    assert!(!inline.keys.take_refresh_wish(0), "nothing can be fetched");
}

#[test]
fn a_new_policy_keeps_the_keys_of_definitions_that_stay() {
    let mut worker = Worker::of_user(&fetched());
    put(&mut worker, &["es"], at(0));
    let (same, ..) = compile(&json!({ "user": fetched() }), &[]);
    assert!(Keys::new(&same, Some(&worker.keys)).current(0, at(0)).is_some());
    let (other, ..) =
        compile(&json!({ "user": merged(fetched(), &json!({ "algorithms": ["RS256"] })) }), &[]);
    assert!(Keys::new(&other, Some(&worker.keys)).current(0, at(0)).is_none());
}
