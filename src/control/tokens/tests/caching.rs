use super::*;
use std::rc::Rc;

fn hs(cache: usize) -> Value {
    let patch = json!({ "algorithms": ["HS256"], "cache": cache });
    merged(definition(&mint::jwks(&["oct"])), &patch)
}

fn numbered(number: usize) -> String {
    mint::hs256_token(json!({ "jti": format!("t{number}") }))
}

#[test]
fn a_token_is_verified_once_and_its_times_each_time() {
    let mut worker = Worker::of_user(&hs(16));
    let token = numbered(0);
    let first = worker.bearer(&token, at(0)).unwrap().first().unwrap().clone();
    let again = worker.bearer(&token, at(1)).unwrap().first().unwrap().clone();
    assert!(Rc::ptr_eq(&first, &again));
    let counts = worker.caches.counts(0);
    assert_eq!((counts.hits, counts.misses), (1, 1));
    assert_eq!(worker.bearer(&token, at(570)).unwrap_err(), Reason::TokensExpired);
    assert_eq!(worker.bearer(&token, at(-91)).unwrap_err(), Reason::TokensNotYetValid);
    assert!(worker.bearer(&token, at(569)).is_ok(), "also when the clock has stepped back");
}

#[test]
fn only_the_very_same_bytes_are_a_hit() {
    let mut worker = Worker::of_user(&hs(16));
    let token = numbered(0);
    worker.bearer(&token, at(0)).unwrap();
    let mut other = token.clone();
    other.push('A');
    assert!(worker.bearer(&other, at(0)).is_err());
    assert!(worker.bearer(&token[..token.len() - 1], at(0)).is_err());
    assert_eq!(worker.caches.counts(0).hits, 0);
}

#[test]
fn a_flood_of_good_tokens_is_bounded_and_what_is_in_use_stays() {
    let mut worker = Worker::of_user(&hs(32));
    let used = numbered(0);
    for number in 1..500 {
        worker.bearer(&used, at(0)).unwrap();
        worker.bearer(&numbered(number), at(0)).unwrap();
        assert!(worker.caches.sizes(0).0 <= 32);
    }
    let counts = worker.caches.counts(0);
    assert_eq!(counts.hits, 498, "the used token was verified once");
    assert!(counts.evictions >= 499 - 32, "{counts:?}");
}

#[test]
fn bad_tokens_are_remembered_apart_with_their_reason() {
    let mut worker = Worker::of_user(&hs(32));
    let good = numbered(0);
    worker.bearer(&good, at(0)).unwrap();
    let header = json!({ "alg": "HS256", "typ": "at+jwt" }).to_string();
    let forged = |number: usize| {
        let claims = merged(mint::claims(), &json!({ "jti": format!("f{number}") }));
        mint::token(&header, claims.to_string(), "hs256-empty")
    };
    for _ in 0..2 {
        assert_eq!(worker.bearer(&forged(0), at(0)).unwrap_err(), Reason::TokensSignature);
    }
    let wrong = mint::hs256_token(json!({ "aud": "other" }));
    for _ in 0..2 {
        assert_eq!(worker.bearer(&wrong, at(0)).unwrap_err(), Reason::TokensAudience);
    }
    assert_eq!(worker.caches.counts(0).bad_hits, 2);
    for number in 1..500 {
        assert!(worker.bearer(&forged(number), at(0)).is_err());
    }
    assert!(worker.caches.sizes(0).1 <= 8);
    let hits = worker.caches.counts(0).hits;
    worker.bearer(&good, at(0)).unwrap();
    assert_eq!(worker.caches.counts(0).hits, hits + 1);
}

#[test]
fn what_time_can_change_is_not_remembered_as_bad() {
    let mut worker = Worker::of_user(&hs(32));
    let token = mint::hs256_token(json!({ "nbf": NOW + 100 }));
    assert_eq!(worker.bearer(&token, at(0)).unwrap_err(), Reason::TokensNotYetValid);
    assert_eq!(worker.bearer(&token, at(3600)).unwrap_err(), Reason::TokensExpired);
    assert_eq!(worker.caches.sizes(0), (0, 0));
    assert!(worker.bearer(&token, at(100)).is_ok());
}

#[test]
fn without_a_cache_each_token_is_verified_each_time() {
    let mut worker = Worker::of_user(&hs(0));
    for _ in 0..3 {
        worker.bearer(&numbered(0), at(0)).unwrap();
    }
    let counts = worker.caches.counts(0);
    assert_eq!((counts.hits, counts.misses, worker.caches.sizes(0)), (0, 3, (0, 0)));
}

#[test]
fn a_long_token_is_verified_each_time() {
    let mut worker = Worker::of_user(&hs(16));
    let token = mint::hs256_token(json!({ "pad": "x".repeat(4000) }));
    worker.bearer(&token, at(0)).unwrap();
    worker.bearer(&token, at(0)).unwrap();
    assert_eq!(worker.caches.counts(0).misses, 2);
}

#[test]
fn other_keys_drop_what_was_verified_with_the_old_ones_and_the_same_keys_do_not() {
    let jwks = json!({ "url": "https://id.shop.example/jwks.json", "cluster": "idp" });
    let tokens = merged(definition(&json!(null)), &json!({ "keys": { "inline": null, "jwks": jwks } }));
    let mut worker = Worker::of_user(&tokens);
    let put = |worker: &mut Worker, names: &[&str]| {
        let user = worker.definitions.get(0).unwrap();
        let set = KeySet::parse(mint::jwks(names).to_string().as_bytes(), &user.algorithms).unwrap().0;
        worker.keys.put(user, Rc::new(set), at(0));
    };
    let token = mint::es256_token(json!({}));
    put(&mut worker, &["es"]);
    worker.bearer(&token, at(0)).unwrap();
    put(&mut worker, &["es"]);
    worker.bearer(&token, at(0)).unwrap();
    assert_eq!(worker.caches.counts(0).hits, 1);
    put(&mut worker, &["es-other"]);
    assert_eq!(worker.bearer(&token, at(0)).unwrap_err(), Reason::TokensUnknownKey);
    put(&mut worker, &["es-other", "es"]);
    worker.bearer(&token, at(0)).unwrap();
    assert_eq!(worker.caches.counts(0).hits, 1);
}

#[test]
fn a_new_policy_keeps_what_is_known_for_definitions_that_stay() {
    let mut worker = Worker::of_user(&hs(16));
    worker.bearer(&numbered(0), at(0)).unwrap();
    let (same, ..) = compile(&json!({ "user": hs(16) }), &[]);
    let caches = Caches::new(&same, Some(std::mem::take(&mut worker.caches)));
    assert_eq!(caches.sizes(0), (1, 0));
    let (other, ..) = compile(&json!({ "user": merged(hs(16), &json!({ "require": ["sid"] })) }), &[]);
    assert_eq!(Caches::new(&other, Some(caches)).sizes(0), (0, 0));
}
