#![expect(clippy::arithmetic_side_effects, reason = "a test that overflows fails, as it must")]

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::held::Held;
use super::mark::Marks;
use super::*;
use crate::model::claims::Claims;

const ISSUER: &str = "https://id.example";
const NOW: u64 = 1_800_000_000;
const CONCERNS: Duration = Duration::from_secs(960);
const MAX: usize = 1_000;

fn at(second: u64) -> Nanos {
    Nanos((NOW + second) * 1_000_000_000)
}

fn feed(patch: &Value) -> Value {
    let mut feed = json!({ "iss": ISSUER, "jti": [], "sid": [], "sub": [] });
    for (name, value) in patch.as_object().unwrap() {
        match value {
            Value::Null => drop(feed.as_object_mut().unwrap().remove(name)),
            value => feed[name] = value.clone(),
        }
    }
    feed
}

fn parse(feed: &Value) -> Result<Feed, FeedFault> {
    Feed::parse(feed.to_string().as_bytes(), ISSUER, MAX, Some("7"))
}

/// What is held after this feed came at that second.
fn after(held: &Held, patch: &Value, second: u64) -> Held {
    held.with(parse(&feed(patch)).unwrap(), CONCERNS, MAX, at(second)).unwrap()
}

fn revokes(held: &Held, claims: &Value) -> bool {
    let Value::Object(claims) = claims.clone() else { panic!("claims are an object") };
    let claims = Claims::new(claims);
    held.revokes(&Marks::of(ISSUER, &claims), claims.number("iat"))
}

#[test]
fn a_token_is_revoked_by_its_id_its_session_or_its_subject() {
    let patch = json!({ "jti": ["j"], "sid": ["s"], "sub": [{ "sub": "42", "issued_before": NOW }] });
    let held = after(&Held::default(), &patch, 0);
    assert_eq!(held.len(), 3);
    for (row, claims, revoked) in [
        ("its id", json!({ "jti": "j", "iat": NOW + 9 }), true),
        ("its session", json!({ "sid": "s", "iat": NOW + 9 }), true),
        ("its subject, before", json!({ "sub": "42", "iat": NOW - 1 }), true),
        ("its subject, in that second", json!({ "sub": "42", "iat": NOW as f64 + 0.9 }), true),
        ("its subject, after", json!({ "sub": "42", "iat": NOW + 1 }), false),
        ("its subject, at no time", json!({ "sub": "42" }), true),
        ("ids of another kind", json!({ "jti": "s", "sid": "42", "sub": "j", "iat": NOW }), false),
        ("none of them", json!({ "jti": "j ", "sid": "S", "sub": "4", "iat": NOW }), false),
        ("nothing to look up", json!({}), false),
    ] {
        assert_eq!(revokes(&held, &claims), revoked, "{row}");
    }
    let Value::Object(claims) = json!({ "jti": "j" }) else { panic!() };
    let others = Marks::of("https://id.example2", &Claims::new(claims));
    assert!(!held.revokes(&others, None), "the same id of another issuer");
}

#[test]
fn an_entry_stays_until_the_longest_token_has_expired_whatever_the_feed_says() {
    let patch = json!({ "jti": ["j"], "sub": [{ "sub": "42", "issued_before": NOW - 100 }] });
    let first = after(&Held::default(), &patch, 0);
    let token = json!({ "jti": "j", "iat": NOW });
    let subject = json!({ "sub": "42", "iat": NOW - 100 });
    let later = after(&first, &json!({}), 860);
    assert!(revokes(&later, &token) && revokes(&later, &subject));
    let later = after(&later, &json!({}), 861);
    assert!(revokes(&later, &token) && !revokes(&later, &subject));
    assert!(after(&later, &json!({}), 961).is_empty());
    // Named again and again, it is remembered from when it was named first; a later logout counts anew.
    let again = after(&after(&first, &patch, 500), &patch, 961);
    assert_eq!(again.len(), 1, "only as long as it is named");
    let logout = json!({ "sub": [{ "sub": "42", "issued_before": NOW + 5 }] });
    let again = after(&after(&first, &logout, 5), &patch, 6);
    assert!(revokes(&again, &json!({ "sub": "42", "iat": NOW + 5 })), "an older logout takes nothing back");
    // What concerned nobody any more when it came.
    let old = json!({ "sub": [{ "sub": "42", "issued_before": NOW - 961 }] });
    assert!(after(&Held::default(), &old, 0).is_empty());
}

#[test]
fn differences_add_to_what_is_held_and_only_those_that_were_asked_for() {
    let whole = after(&Held::default(), &json!({ "jti": ["one"], "cursor": "7" }), 0);
    assert_eq!(whole.cursor(CONCERNS), Some("7"));
    assert_eq!(whole.cursor(CONCERNS * 2), None, "entries that such a policy needs may be gone");
    let difference = json!({ "jti": ["two"], "cursor": "8", "since": "7" });
    assert!(!parse(&feed(&difference)).unwrap().is_whole());
    let both = after(&whole, &difference, 1);
    assert_eq!((both.len(), both.cursor(CONCERNS)), (2, Some("8")));
    assert!(revokes(&both, &json!({ "jti": "one" })));
    let text = feed(&difference).to_string();
    for after in [None, Some("6")] {
        assert_eq!(Feed::parse(text.as_bytes(), ISSUER, MAX, after), Err(FeedFault::Unusable), "{after:?}");
    }
    assert_eq!(
        after(&both, &json!({ "jti": ["three"] }), 2).cursor(CONCERNS),
        None,
        "it serves none any more"
    );
}

#[test]
fn longer_lives_keep_entries_longer_from_the_next_whole_feed_on() {
    let first = after(&Held::default(), &json!({ "jti": ["j"] }), 0);
    assert!(first.covers(CONCERNS) && !first.covers(CONCERNS * 2));
    let named = parse(&feed(&json!({ "jti": ["j"] }))).unwrap();
    let held = first.with(named, CONCERNS * 2, MAX, at(900)).unwrap();
    assert!(revokes(&after(&held, &json!({}), 961), &json!({ "jti": "j" })));
}

#[test]
fn what_does_not_fit_is_an_error_and_never_a_shorter_feed() {
    let ids = |from: usize, to: usize| (from..to).map(|n| format!("id-{n}")).collect::<Vec<_>>();
    assert_eq!(after(&Held::default(), &json!({ "jti": ids(0, MAX) }), 0).len(), MAX);
    assert_eq!(parse(&feed(&json!({ "jti": ids(0, MAX + 1) }))), Err(FeedFault::TooMany));
    assert_eq!(
        parse(&feed(&json!({ "jti": ids(0, MAX), "sub": [{ "sub": "1", "issued_before": 1 }] }))),
        Err(FeedFault::TooMany)
    );
    let half = after(&Held::default(), &json!({ "jti": ids(0, MAX) }), 0);
    let more = parse(&feed(&json!({ "jti": ["new"] }))).unwrap();
    assert_eq!(half.with(more.clone(), CONCERNS, MAX, at(1)), Err(FeedFault::TooMany));
    assert!(half.with(more, CONCERNS, MAX, at(961)).is_ok(), "what is over makes room");
}

#[test]
fn refuses_whatever_is_no_feed_of_this_issuer() {
    for (row, patch) in [
        ("another issuer", json!({ "iss": "https://id.example/" })),
        ("no issuer", json!({ "iss": null })),
        ("a list is missing", json!({ "sid": null })),
        ("a list is none", json!({ "jti": "one" })),
        ("an id is no text", json!({ "jti": [1] })),
        ("an id is nothing", json!({ "sid": [null] })),
        ("a subject without a time", json!({ "sub": [{ "sub": "42" }] })),
        (
            "a time in milliseconds",
            json!({ "sub": [{ "sub": "42", "issued_before": 1_800_000_000_000_u64 }] }),
        ),
        ("a time that is text", json!({ "sub": [{ "sub": "42", "issued_before": "1800000000" }] })),
        ("a subject with more", json!({ "sub": [{ "sub": "42", "issued_before": 1, "x": 1 }] })),
        ("a member that is not known", json!({ "client": [] })),
        ("a cursor that is no word", json!({ "cursor": "a b" })),
        ("a cursor of another query", json!({ "cursor": "1&x=2" })),
        ("an empty cursor", json!({ "cursor": "" })),
        ("a long cursor", json!({ "cursor": "x".repeat(256) })),
        ("a difference from elsewhere", json!({ "since": "8" })),
    ] {
        assert_eq!(parse(&feed(&patch)), Err(FeedFault::Unusable), "{row}");
    }
    for text in [
        "",
        "{}",
        "[]",
        "null",
        "<html>",
        "{\"iss\"",
        r#"{"iss":"https://id.example","jti":[],"sid":[],"sub":[]} x"#,
        r#"{"iss":"https://id.example","jti":["a"],"jti":[],"sid":[],"sub":[]}"#,
    ] {
        assert_eq!(Feed::parse(text.as_bytes(), ISSUER, MAX, None), Err(FeedFault::Unusable), "{text}");
    }
}

#[test]
fn of_two_revocations_of_one_sub_in_a_feed_the_later_counts() {
    for times in [[259, 0], [0, 259]] {
        let sub: Vec<Value> =
            times.map(|time| json!({ "sub": "2", "issued_before": NOW + time })).into_iter().collect();
        let held = after(&Held::default(), &json!({ "sub": sub }), 1);
        assert!(revokes(&held, &json!({ "sub": "2", "iat": NOW + 259 })), "{times:?}");
        assert!(!revokes(&held, &json!({ "sub": "2", "iat": NOW + 260 })), "{times:?}");
    }
}

proptest! {
    /// Against a model: a map from (kind, id) to the last second up to which tokens are revoked.
    #[test]
    fn what_was_revoked_and_can_still_come_is_refused_and_nothing_else(
        feeds in prop::collection::vec(
            (prop::collection::vec((0_u8..3, 0_u8..20, 0_u64..400), 0..12), 1_u64..100), 1..12),
        probes in prop::collection::vec((0_u8..3, 0_u8..20, 0_u64..1_500), 1..40),
    ) {
        let (mut held, mut second) = (Held::default(), 0);
        let mut model: BTreeMap<(u8, u8), (u64, u64)> = BTreeMap::new();
        for (entries, wait) in feeds {
            second += wait;
            let ids = |kind| entries.iter().filter(|it| it.0 == kind).map(|it| it.1.to_string()).collect::<Vec<_>>();
            let subs: Vec<Value> = entries.iter().filter(|it| it.0 == 2)
                .map(|it| json!({ "sub": it.1.to_string(), "issued_before": NOW + it.2 })).collect();
            held = after(&held, &json!({ "jti": ids(0), "sid": ids(1), "sub": subs }), second);
            model.retain(|_, (_, until)| *until >= NOW + second);
            for (kind, id, time) in entries {
                let (upto, revoked) = if kind == 2 { (NOW + time, NOW + time) } else { (u64::MAX, NOW + second) };
                let new = (upto, revoked + CONCERNS.as_secs());
                let known = model.entry((kind, id)).or_insert(new);
                if upto > known.0 { *known = new }
            }
            let read = Held::read(&held.to_bytes());
            prop_assert_eq!(read.as_ref(), Some(&held));
        }
        prop_assert_eq!(held.len(), model.len());
        for (kind, id, issued) in probes {
            let name = ["jti", "sid", "sub"][usize::from(kind)];
            let wanted = model.get(&(kind, id)).is_some_and(|(upto, _)| NOW + issued <= *upto);
            prop_assert_eq!(revokes(&held, &json!({ name: id.to_string(), "iat": NOW + issued })), wanted);
        }
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Feed::parse(&bytes, ISSUER, 3, None);
        let _ = Held::read(&bytes);
        let _ = Held::read(&[&b"rev\x01"[..], &bytes].concat());
    }
}
