use std::cell::Cell;

use super::*;

const TWO: &str = r#"{
    "wide": { "key": ["ip"], "rate": "10/1m", "burst": 10 },
    "narrow": { "key": ["header.x"], "missing": "skip", "rate": "3/1m", "burst": 3 }
}"#;

fn both() -> Caller {
    Caller { ip: "192.0.2.1".parse().ok(), ..Caller::header("x", "a") }
}

#[test]
fn admits_the_burst_and_says_when_to_come_back() {
    let (store, all) =
        (InMemory::default(), limits(r#"{ "a": { "key": ["ip"], "rate": "10/1m", "burst": 10 } }"#));
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    assert_eq!(admitted(&limiter, &all, &caller, NOW, 100, &store), 10);
    let charges = [Charge { limit: all.get(0).unwrap(), shadow: false, cost: None }];
    let outcome = limiter.check(&charges, &caller, moment(NOW), &store);
    let refusal = Refusal::new(Reason::LimitsExceeded).with(Extra::RetryAfter(Duration::from_secs(6)));
    assert_eq!(outcome.refused, [Refused { limit: 0, shadow: false, refusal }]);
    assert_eq!(ask(&limiter, &all, &caller, at_ms(5_999), &store), Some(Reason::LimitsExceeded));
    assert_eq!(ask(&limiter, &all, &caller, at_ms(6_000), &store), None, "not before, and no later");
    assert_eq!(
        ask(&limiter, &all, &Caller::ip("192.0.2.2"), NOW, &store),
        None,
        "another key is another budget"
    );
}

#[test]
fn the_wait_is_never_told_shorter_than_it_is() {
    let (store, all) = (InMemory::default(), limits(r#"{ "a": { "key": ["ip"], "rate": "1/1m" } }"#));
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    ask(&limiter, &all, &caller, NOW, &store);
    let charges = [Charge { limit: all.get(0).unwrap(), shadow: false, cost: None }];
    for (jitter, want) in
        [(0.0, 60), (1.0, 75), (7.0, 75), (-1.0, 60), (f64::NAN, 75), (f64::NEG_INFINITY, 60)]
    {
        let outcome = limiter.check(&charges, &caller, Moment::new(NOW, &|| jitter), &store);
        assert_eq!(wait_of(&outcome), Some(Duration::from_secs(want)), "{jitter}");
    }
}

#[test]
fn of_the_limits_of_one_step_all_are_charged_or_none() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    assert_eq!(admitted(&limiter, &all, &both(), NOW, 50, &store), 3, "the narrow one holds");
    let lacking = Caller::ip("192.0.2.1");
    assert_eq!(
        admitted(&limiter, &all, &lacking, NOW, 50, &store),
        7,
        "and the wide one was charged for 3 only"
    );
}

#[test]
fn a_key_that_cannot_be_read_charges_nothing() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    let mut twice = both();
    twice.headers.push(("x", b"b".to_vec()));
    assert_eq!(ask(&limiter, &all, &twice, NOW, &store), Some(Reason::LimitsAmbiguous));
    let nowhere = Caller::header("x", "a");
    assert_eq!(ask(&limiter, &all, &nowhere, NOW, &store), Some(Reason::LimitsKeyMissing));
    assert_eq!(admitted(&limiter, &all, &Caller::ip("192.0.2.1"), NOW, 50, &store), 10);
}

#[test]
fn the_client_is_told_the_longest_of_the_waits() {
    let (store, all) = (
        InMemory::default(),
        limits(
            r#"{ "a": { "key": ["ip"], "rate": "1/1m" }, "b": { "key": ["ip"], "rate": "1/1h" },
                 "c": { "key": ["ip"], "rate": "1/1s" } }"#,
        ),
    );
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    let charges: Vec<_> = all.iter().map(|limit| Charge { limit, shadow: false, cost: None }).collect();
    assert!(limiter.check(&charges, &caller, moment(NOW), &store).answer().is_none());
    let outcome = limiter.check(&charges, &caller, moment(NOW), &store);
    assert_eq!(outcome.refused.len(), 3, "each refusal is told to the metrics");
    assert_eq!(outcome.answer().map(|refused| refused.limit), Some(1));
    assert_eq!(wait_of(&outcome), Some(Duration::from_secs(3_600)));
}

#[test]
fn a_limit_in_shadow_counts_apart_and_refuses_nobody() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    let (wide, narrow) = (all.get(0).unwrap(), all.get(1).unwrap());
    let ask = |charges: &[Charge<'_>]| limiter.check(charges, &both(), moment(NOW), &store);
    let mixed = [
        Charge { limit: narrow, shadow: true, cost: None },
        Charge { limit: wide, shadow: false, cost: None },
    ];
    for n in 0..10 {
        let outcome = ask(&mixed);
        assert!(outcome.answer().is_none(), "{n}");
        let would: Vec<_> = outcome.refused.iter().map(|refused| (refused.limit, refused.shadow)).collect();
        assert_eq!(would, if n < 3 { vec![] } else { vec![(1, true)] }, "{n}");
    }
    let outcome = ask(&mixed);
    assert_eq!(
        outcome.refused.iter().map(|refused| refused.limit).collect::<Vec<_>>(),
        [0],
        "the request ended there"
    );
    let enforced = [Charge { limit: narrow, shadow: false, cost: None }];
    for n in 0..3 {
        assert!(ask(&enforced).answer().is_none(), "the enforced budget is whole: {n}");
    }
    assert!(ask(&enforced).answer().is_some());
}

#[test]
fn nobody_is_asked_where_no_limit_applies() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    let skipped = [Charge { limit: all.get(1).unwrap(), shadow: false, cost: None }];
    for charges in [&skipped[..], &[]] {
        let outcome = limiter.check(charges, &Caller::default(), moment(NOW), &store);
        assert!(outcome.refused.is_empty());
        assert_eq!(outcome.stats, Stats::default());
    }
}

#[test]
fn a_change_of_the_rate_keeps_the_count() {
    let store = InMemory::default();
    let limiter = limiter(&store);
    let of = |rate: &str| limits(&format!(r#"{{ "a": {{ "key": ["ip"], "rate": "{rate}", "burst": 4 }} }}"#));
    let caller = Caller::ip("192.0.2.1");
    assert_eq!(admitted(&limiter, &of("4/1m"), &caller, NOW, 9, &store), 4);
    assert_eq!(admitted(&limiter, &of("7/1m"), &caller, NOW, 9, &store), 0);
    assert_eq!(
        admitted(&limiter, &of("1/1h"), &caller, NOW, 9, &store),
        3,
        "60 s of debt are one of an hour"
    );
}

#[test]
fn after_a_step_of_the_clock_back_a_spent_key_waits_for_one_interval() {
    let (store, all) =
        (InMemory::default(), limits(r#"{ "a": { "key": ["ip"], "rate": "1/1s", "burst": 3 } }"#));
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    assert_eq!(admitted(&limiter, &all, &caller, at_ms(3_600_000), 9, &store), 3);
    assert_eq!(admitted(&limiter, &all, &caller, NOW, 9, &store), 0, "nothing is refilled");
    assert_eq!(admitted(&limiter, &all, &caller, at_ms(999), 9, &store), 0);
    assert_eq!(admitted(&limiter, &all, &caller, at_ms(1_000), 9, &store), 1, "and no hour is waited for");
}

/// Shared memory in which other workers are at work: before the swap with this number, `meddle` is called.
struct Busy<'s, F: Fn(&InMemory, &str)> {
    inner: &'s InMemory,
    swaps: Cell<u32>,
    meddle_before: u32,
    meddle: F,
    reads: Cell<u32>,
}

impl<'s, F: Fn(&InMemory, &str)> Busy<'s, F> {
    fn new(inner: &'s InMemory, meddle_before: u32, meddle: F) -> Self {
        Self { inner, swaps: Cell::new(0), meddle_before, meddle, reads: Cell::new(0) }
    }
}

impl<F: Fn(&InMemory, &str)> Buckets for Busy<'_, F> {
    fn read(&self, key: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        self.reads.set(self.reads.get() + 1);
        self.inner.read(key)
    }

    fn swap(&self, key: impl BucketKey, value: &[u8], seen: Option<u32>) -> Result<(), Clash> {
        self.swaps.set(self.swaps.get() + 1);
        if self.swaps.get() == self.meddle_before {
            (self.meddle)(self.inner, &key.to_string());
        }
        self.inner.swap(key, value, seen)
    }
}

#[test]
fn an_admission_costs_one_read_and_one_swap_of_each_limit_and_a_refusal_no_swap() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    let busy = Busy::new(&store, 0, |_, _| {});
    assert_eq!(admitted(&limiter, &all, &both(), NOW, 3, &busy), 3);
    assert_eq!((busy.reads.get(), busy.swaps.get()), (6, 6));
    assert_eq!(admitted(&limiter, &all, &both(), NOW, 3, &busy), 0);
    assert_eq!((busy.reads.get(), busy.swaps.get()), (12, 6));
}

#[test]
fn a_lost_race_is_judged_anew_and_what_was_charged_by_then_is_given_back() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    // Another worker takes all of the narrow budget after both were judged, before its charge is written.
    let other = limits(TWO);
    let busy = Busy::new(&store, 2, |inner, _| {
        let charges = [Charge { limit: other.get(1).unwrap(), shadow: false, cost: None }];
        for _ in 0..3 {
            assert!(limiter.check(&charges, &both(), moment(NOW), inner).answer().is_none());
        }
    });
    let charges: Vec<_> = all.iter().map(|limit| Charge { limit, shadow: false, cost: None }).collect();
    let outcome = limiter.check(&charges, &both(), moment(NOW), &busy);
    assert_eq!(outcome.answer().map(|refused| refused.limit), Some(1));
    assert_eq!((outcome.stats.clashes, outcome.stats.kept), (1, 0));
    assert_eq!(
        admitted(&limiter, &all, &Caller::ip("192.0.2.1"), NOW, 50, &store),
        10,
        "the wide budget is whole"
    );
}

#[test]
fn a_lost_race_that_leaves_room_is_won_at_the_next_try() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let limiter = limiter(&store);
    let touch = |inner: &InMemory, key: &str| {
        let (value, stamp) = inner.read(key).unwrap();
        inner.swap(key, &value, Some(stamp)).unwrap();
    };
    let busy = Busy::new(&store, 1, touch);
    let charges: Vec<_> = all.iter().map(|limit| Charge { limit, shadow: false, cost: None }).collect();
    let outcome = limiter.check(&charges, &both(), moment(NOW), &busy);
    assert!(outcome.answer().is_none());
    assert_eq!(outcome.stats.clashes, 1);
}

/// Shared memory in which others are always faster.
struct Hopeless<'s>(&'s InMemory, Cell<u32>);

impl Buckets for Hopeless<'_> {
    fn read(&self, key: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        self.0.read(key)
    }

    fn swap(&self, _: impl BucketKey, _: &[u8], _: Option<u32>) -> Result<(), Clash> {
        self.1.set(self.1.get() + 1);
        Err(Clash)
    }
}

#[test]
fn a_request_that_loses_too_many_races_is_refused_and_counted() {
    let (store, all) = (InMemory::default(), limits(TWO));
    let (limiter, hopeless) = (limiter(&store), Hopeless(&store, Cell::new(0)));
    let charges = [Charge { limit: all.get(0).unwrap(), shadow: false, cost: None }];
    let outcome = limiter.check(&charges, &both(), moment(NOW), &hopeless);
    let told = outcome.answer().map(|refused| refused.refusal.reason);
    assert_eq!(told, Some(Reason::LimitsContended));
    assert_eq!((outcome.stats.contended, outcome.stats.clashes, hopeless.1.get()), (1, 64, 64));
    assert_eq!(wait_of(&outcome), Some(Duration::from_secs(1)));
}

#[test]
fn two_limits_of_one_bucket_are_both_charged() {
    let names: Vec<String> =
        (0..16).map(|n| format!(r#""a{n}": {{ "key": ["ip"], "rate": "2/1h" }}"#)).collect();
    let (store, all) = (InMemory::default(), limits(&format!("{{ {} }}", names.join(", "))));
    let limiter = limiter(&store);
    let charges: Vec<_> = all.iter().map(|limit| Charge { limit, shadow: false, cost: None }).collect();
    let first = limiter.check(&charges, &both(), moment(NOW), &store);
    assert!(first.refused.is_empty());
    assert!(
        first.stats.clashes > 0,
        "16 limits and 21 buckets: some share one, and the second write clashes"
    );
    assert!(limiter.check(&charges, &both(), moment(NOW), &store).refused.is_empty());
    assert_eq!(limiter.check(&charges, &both(), moment(NOW), &store).refused.len(), 16);
}
