use std::collections::HashMap;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::*;
use crate::control::limits::gcra::Due;

const HOT: &str = r#"{ "a": { "key": ["ip"], "rate": "5/1h", "burst": 5 } }"#;

#[test]
fn a_million_cold_keys_neither_disturb_a_hot_one_nor_take_memory() {
    let (store, all) = (InMemory::default(), limits(HOT));
    let limiter = Limiter::prepare(Memory::DEFAULT, &store, [3; 16]).unwrap();
    let (size, hot) = (store.size(), Caller::ip("192.0.2.1"));
    assert_eq!(admitted(&limiter, &all, &hot, NOW, 3, &store), 3);
    let charges = [Charge { limit: all.get(0).unwrap(), shadow: false, cost: None }];
    let (mut overflowed, mut admitted_cold) = (0, 0);
    for n in 0..1_000_000 {
        let outcome = limiter.check(&charges, &Caller::nth(n), moment(NOW), &store);
        overflowed += outcome.stats.overflowed;
        admitted_cold += u32::from(outcome.refused.is_empty());
    }
    assert_eq!(store.size(), size, "memory is fixed");
    let capacity = limiter.capacity();
    let most = capacity.keys + capacity.buckets * 5;
    assert!(
        overflowed > 0 && admitted_cold <= most,
        "{admitted_cold}: a slot each, and one budget a bucket for the rest"
    );
    assert_eq!(admitted(&limiter, &all, &hot, NOW, 9, &store), 2, "the hot key has what it had");
    assert_eq!(admitted(&limiter, &all, &hot, at_ms(720_000), 9, &store), 1, "and gets back what it should");
}

#[test]
fn strangers_do_not_crowd_those_who_have_signed_in_nor_the_shadow() {
    let all = limits(
        r#"{ "open": { "key": ["ip"], "rate": "1/1h" }, "claimed": { "key": ["user.sub"], "rate": "1/1h" } }"#,
    );
    let store = InMemory::default();
    let limiter = limiter(&store);
    let (open, claimed) = (all.get(0).unwrap(), all.get(1).unwrap());
    for n in 0..20_000 {
        limiter.check(
            &[Charge { limit: open, shadow: false, cost: None }],
            &Caller::nth(n),
            moment(NOW),
            &store,
        );
    }
    for n in 0..100 {
        let user = Caller::user(format!("u{n}"));
        let enforced = limiter.check(
            &[Charge { limit: claimed, shadow: false, cost: None }],
            &user,
            moment(NOW),
            &store,
        );
        assert!(enforced.refused.is_empty() && enforced.stats.overflowed == 0, "user {n}");
        let shadow = limiter.check(
            &[Charge { limit: open, shadow: true, cost: None }],
            &Caller::nth(n),
            moment(NOW),
            &store,
        );
        assert!(shadow.refused.is_empty() && shadow.stats.overflowed == 0, "shadow {n}");
    }
}

/// How many of a thousand newcomers find no slot of their own where so many strangers' keys are live, in 4 MiB. README
/// says so under what limits do not promise.
#[test]
fn newcomers_share_a_slot_only_once_strangers_fill_the_table() {
    let all = limits(r#"{ "a": { "key": ["ip"], "rate": "5/1d" } }"#);
    for (live, least, most) in [
        (12_000, 0, 6),
        (16_000, 10, 60),
        (20_000, 140, 230),
        (24_000, 420, 540),
        (30_000, 820, 900),
        (40_000, 980, 1_000),
        (1_000_000, 1_000, 1_000),
    ] {
        let store = InMemory::default();
        let limiter = Limiter::prepare(Memory::DEFAULT, &store, [7; 16]).unwrap();
        let charges = [Charge { limit: all.get(0).unwrap(), shadow: false, cost: None }];
        let overflowed = |keys: std::ops::Range<u32>| -> u32 {
            keys.map(|n| limiter.check(&charges, &Caller::nth(n), moment(NOW), &store).stats.overflowed).sum()
        };
        overflowed(0..live);
        // So few that they fill nothing themselves.
        let shared = overflowed(live..live + 1_000);
        println!("{live} live keys: {shared} of 1000 newcomers share a slot");
        assert!((least..=most).contains(&shared), "{live} live keys: {shared} of 1000 share");
    }
}

#[test]
fn the_stats_say_what_went_on_in_the_table() {
    let (store, all) = (InMemory::default(), limits(HOT));
    let limiter = limiter(&store);
    let charges = [Charge { limit: all.get(0).unwrap(), shadow: false, cost: None }];
    let sum = |now, callers: std::ops::Range<u32>| {
        let mut sum = Stats::default();
        for n in callers {
            let stats = limiter.check(&charges, &Caller::nth(n), moment(now), &store).stats;
            sum.reused += stats.reused;
            sum.overflowed += stats.overflowed;
            sum.looked += stats.looked;
            sum.live = stats.live;
        }
        sum
    };
    let first = sum(NOW, 0..5_000);
    assert_eq!((first.reused, first.looked, first.live), (0, 5_000, 24), "every bucket is full");
    assert!(first.overflowed > 0);
    let second = sum(at_ms(36_000_000), 10_000..10_100);
    assert_eq!((second.reused, second.overflowed), (100, 0), "all were spent by then");
}

#[test]
fn workers_at_once_admit_just_the_burst() {
    for _ in 0..5 {
        let store = InMemory::default();
        let count = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for worker in 0..4 {
                let (store, count) = (&store, &count);
                scope.spawn(move || {
                    // Each worker compiles the policy and finds the table by itself, as in the host.
                    let all = limits(r#"{ "a": { "key": ["ip"], "rate": "1/1h", "burst": 200 } }"#);
                    let limiter = Limiter::prepare(Memory::new(Memory::LEAST).unwrap(), store, [worker; 16]);
                    let (limiter, caller) = (limiter.unwrap(), Caller::ip("192.0.2.1"));
                    for n in 0..500 {
                        // Clocks that differ by less than the grace give nothing away.
                        let now = at_ms(n % 7 * 10);
                        count.fetch_add(admitted(&limiter, &all, &caller, now, 1, store), Ordering::Relaxed);
                    }
                });
            }
        });
        assert_eq!(count.into_inner(), 200);
    }
}

#[test]
fn workers_at_once_charge_two_limits_or_neither() {
    let both = r#"{ "wide": { "key": ["ip"], "rate": "1/1h", "burst": 300 },
                    "narrow": { "key": ["header.x"], "missing": "skip", "rate": "1/1h", "burst": 100 } }"#;
    let store = InMemory::default();
    let count = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for worker in 0..4 {
            let (store, count) = (&store, &count);
            scope.spawn(move || {
                let (all, caller) =
                    (limits(both), Caller { ip: "192.0.2.1".parse().ok(), ..Caller::header("x", "a") });
                let limiter = Limiter::prepare(Memory::DEFAULT, store, [worker; 16]).unwrap();
                count.fetch_add(admitted(&limiter, &all, &caller, NOW, 100, store), Ordering::Relaxed);
            });
        }
    });
    assert_eq!(count.into_inner(), 100, "the narrow one");
    let (all, limiter) = (limits(both), Limiter::prepare(Memory::DEFAULT, &store, [9; 16]).unwrap());
    let rest = admitted(&limiter, &all, &Caller::ip("192.0.2.1"), NOW, 500, &store);
    assert_eq!(rest, 200, "the wide one was charged for those alone");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// With room for every key the table decides as if each key had a budget of its own and nothing else existed.
    #[test]
    fn agrees_with_one_budget_per_key_where_there_is_room(
        steps in prop::collection::vec((0_u32..30, 0_usize..2, 0_u64..4_000, 0_u64..250), 1..400),
    ) {
        let all = limits(
            r#"{ "a": { "key": ["ip"], "rate": "7/1s", "burst": 3 }, "b": { "key": ["ip"], "rate": "2/3s", "burst": 5 } }"#,
        );
        let store = InMemory::default();
        let limiter = limiter(&store);
        let mut model: HashMap<(u32, usize), Due> = HashMap::new();
        let mut clock = 1_000;
        for (key, limit, later, behind) in steps {
            clock += later / 10;
            let now = at_ms(clock - behind);
            let limit = all.get(limit).unwrap();
            let due = model.entry((key, limit.index())).or_default();
            let want = limit.budget().take(*due, std::num::NonZeroU32::MIN, now);
            let outcome = limiter.check(&[Charge { limit, shadow: false, cost: None }], &Caller::nth(key), moment(now), &store);
            prop_assert_eq!(wait_of(&outcome), want.err());
            prop_assert_eq!(outcome.stats.overflowed, 0);
            *due = want.unwrap_or(*due);
        }
    }
}
