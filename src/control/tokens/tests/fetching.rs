//! Documents that definitions share, and keys that are missed.

use std::rc::Rc;
use std::time::Duration;

use super::super::polled::Document;
use super::super::polled::Heard;
use super::super::polled::Sheet;
use super::super::strangers;
use super::super::strangers::Strangers;
use super::*;

fn jwks(url: &str, more: &Value) -> Value {
    let jwks = merged(json!({ "url": url, "cluster": "idp" }), more);
    merged(definition(&mint::jwks(&["es"])), &json!({ "keys": { "inline": null, "jwks": jwks } }))
}

fn set(names: &[&str]) -> Rc<KeySet> {
    Rc::new(KeySet::parse(mint::jwks(names).to_string().as_bytes(), &[Algorithm::Es256]).unwrap().0)
}

/// The sheet after a fetch that was sent at this second, by one that was sent before.
fn after_fetch(before: Sheet, definitions: &Definitions, second: i64, changed: bool) -> Sheet {
    let document = Document::all(definitions).remove(0);
    let heard = Heard { changed, whole: true, fresh: None };
    let leased = before.take(at(second), &document.source, || true).unwrap();
    leased.kept(at(second), &document.source, heard, 0.0)
}

#[test]
fn definitions_that_share_an_address_share_a_document() {
    let url = "https://id.shop.example/k";
    let other = |patch: &Value| merged(jwks(url, &json!({ "refresh": "1m", "timeout": "4s" })), patch);
    let tokens = json!({
        "user": jwks(url, &json!({})),
        "staff": other(&json!({ "audience": ["staff"] })),
        "app": merged(jwks("https://id.shop.example/app", &json!({})), &json!({ "audience": ["app"] })),
        "inline": merged(definition(&mint::jwks(&["es"])), &json!({ "audience": ["inline"] })),
    });
    let (definitions, faults, _) = compile(&tokens, &[]);
    assert_eq!(faults, [""; 0]);
    let documents = Document::all(&definitions);
    let told: Vec<_> = documents
        .iter()
        .map(|it| (it.definitions.len(), it.source.refresh.as_secs(), it.source.timeout.as_secs()))
        .collect();
    assert_eq!(told, [(1, 300, 2), (2, 60, 4)], "as often as the one, as patient as the other");
    let [app, shared] = &documents[..] else { panic!("two documents") };
    assert_ne!(shared.name(), app.name());
    let (again, ..) = compile(&json!({ "user": jwks(url, &json!({ "refresh": "2m" })) }), &[]);
    assert_eq!(Document::all(&again)[0].name(), shared.name(), "a new policy finds what the old one fetched");
}

#[test]
fn a_missed_key_may_come_while_a_fetch_can_bring_it_and_not_again_after_it_did_not() {
    let mut worker = Worker::of_user(&jwks("https://id.shop.example/k", &json!({})));
    let other = set(&["es-other"]);
    let sheet = after_fetch(Sheet::default(), &worker.definitions, 0, true);
    let look = |worker: &mut Worker, sheet: &Sheet, set: Option<Rc<KeySet>>| {
        let definition = worker.definitions.get(0).unwrap();
        worker.keys.look(definition, sheet, set);
    };
    look(&mut worker, &sheet, Some(other.clone()));
    let token = mint::es256_token(json!({}));
    let third = json!({ "alg": "ES256", "kid": "third", "typ": "at+jwt" });
    let third = mint::token(third.to_string(), mint::claims().to_string(), "es256");
    let may_come = |worker: &mut Worker, second: i64| {
        assert_eq!(worker.bearer(&token, at(second)).unwrap_err(), Reason::TokensUnknownKey);
        worker.keys.may_come(&worker.definitions, at(second), at(second + 2))
    };
    assert!(may_come(&mut worker, 12));
    assert!(!worker.keys.may_come(&worker.definitions, at(12), at(14)), "it answers once");
    assert!(worker.keys.take_refresh_wish(0));

    let sheet = after_fetch(sheet, &worker.definitions, 13, false);
    look(&mut worker, &sheet, None);
    assert!(!may_come(&mut worker, 13), "the fetch did not bring it");
    assert!(!worker.keys.take_refresh_wish(0), "and nobody asks for it again");
    assert_eq!(worker.bearer(&third, at(33)).unwrap_err(), Reason::TokensUnknownKey);
    assert!(worker.keys.may_come(&worker.definitions, at(33), at(35)), "another name is another matter");
    assert!(may_come(&mut worker, 80), "after a while it is asked for again");

    let rotated = set(&["es"]);
    let sheet = after_fetch(sheet, &worker.definitions, 81, true);
    look(&mut worker, &sheet, Some(rotated));
    assert!(worker.bearer(&token, at(81)).is_ok());
}

#[test]
fn a_set_is_as_fresh_as_the_sheet_says_that_it_is_on() {
    let mut worker =
        Worker::of_user(&jwks("https://id.shop.example/k", &json!({ "refresh": "1m", "max_stale": "1m" })));
    let first = after_fetch(Sheet::default(), &worker.definitions, 0, true);
    let same = after_fetch(first, &worker.definitions, 50, false);
    let other = after_fetch(same, &worker.definitions, 100, true);
    let definition = worker.definitions.get(0).unwrap();
    worker.keys.look(definition, &first, Some(set(&["es"])));
    assert!(worker.keys.current(0, at(60)).is_some());
    assert!(worker.keys.current(0, at(61)).is_none());
    worker.keys.look(definition, &same, None);
    assert!(worker.keys.current(0, at(110)).is_some(), "the provider stands by it");
    worker.keys.look(definition, &other, None);
    assert!(worker.keys.current(0, at(110)).is_some());
    assert!(worker.keys.current(0, at(111)).is_none(), "what came since has no key for this definition");
}

#[test]
fn a_flood_of_names_grows_no_memory_and_hides_no_new_one() {
    let strangers = Strangers::default();
    for name in 0..100_000 {
        assert!(strangers.meet(&name.to_string(), at(0), at(-1)), "{name}");
    }
    assert_eq!(strangers.len(), strangers::MAX);
    let life = i64::try_from(strangers::LIFE.as_secs()).unwrap();
    assert!(strangers.meet("new", at(1), at(-1)));
    assert!(!strangers.meet("new", at(life), at(2)), "a fetch did not bring it");
    assert!(strangers.meet("new", at(life + 1), at(2)));
    assert!(strangers.meet("new", at(-5), at(-9)), "the clock stepped back");
    assert!(strangers::LIFE >= Duration::from_secs(10));
}
