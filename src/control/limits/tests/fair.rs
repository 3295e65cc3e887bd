//! Costs, tiers, counted answers and distinct values, as the table keeps them.

use super::*;
use crate::control::limits::step::Held;

fn charges(limits: &Limits) -> Vec<Charge<'_>> {
    limits.iter().map(|limit| Charge { limit, shadow: false, cost: None }).collect()
}

/// Whether a request is admitted, and what it holds.
fn hold(limiter: &Limiter, all: &Limits, caller: &Caller, now: Nanos, store: &InMemory) -> Option<Vec<Held>> {
    let outcome = limiter.check(&charges(all), caller, moment(now), store);
    outcome.refused.is_empty().then_some(outcome.held)
}

#[test]
fn whoever_changes_tiers_gains_nothing() {
    let all = limits(
        r#"{ "a": { "key": ["user.sub"], "rate": "6/1m", "burst": 6,
                    "tiers": { "by": "user.plan", "values": { "gold": { "rate": "600/1m", "burst": 1000 } } } } }"#,
    );
    let store = InMemory::default();
    let limiter = limiter(&store);
    let plain = Caller::user("u1");
    let mut gold = Caller::user("u1");
    gold.claims.push((0, "/plan", "gold".into()));
    assert_eq!(admitted(&limiter, &all, &gold, NOW, 1_100, &store), 1_000);
    // The base rate sees a time that is further off than its own burst, and must not cut it.
    for _ in 0..50 {
        assert_eq!(
            admitted(&limiter, &all, &plain, NOW, 5, &store),
            0,
            "the debt of the other tier is one here"
        );
        assert_eq!(
            admitted(&limiter, &all, &gold, NOW, 5, &store),
            0,
            "one burst, however often the tier changes"
        );
    }
    assert_eq!(admitted(&limiter, &all, &gold, at_ms(1_000), 100, &store), 10);
}

#[test]
fn a_cost_takes_that_many_units_or_none() {
    let (store, all) = (InMemory::default(), limits(r#"{ "a": { "key": ["ip"], "rate": "10/1m" } }"#));
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    let ask = |units, now| {
        let cost = std::num::NonZeroU32::new(units);
        let charge = Charge { limit: all.get(0).unwrap(), shadow: false, cost };
        limiter.check(&[charge], &caller, moment(now), &store).answer().map(|refused| refused.refusal.reason)
    };
    assert_eq!(ask(7, NOW), None);
    assert_eq!(ask(4, NOW), Some(Reason::LimitsExceeded));
    assert_eq!(ask(3, NOW), None);
    assert_eq!(
        ask(11, at_ms(3_600_000)),
        Some(Reason::LimitsCost),
        "never there, so nobody is told to wait for it"
    );
    assert_eq!(ask(10, at_ms(3_600_000)), None);
}

#[test]
fn what_is_held_is_taken_until_the_answer_and_comes_back_once() {
    let (store, all) = (
        InMemory::default(),
        limits(r#"{ "a": { "key": ["ip"], "rate": "5/10m", "count": [401, "5xx"] } }"#),
    );
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    let under_way: Vec<_> = (0..500).filter_map(|_| hold(&limiter, &all, &caller, NOW, &store)).collect();
    assert_eq!(under_way.len(), 5, "of 500 at once the upstream sees 5");
    let settle = |held: &[Held], status, now| limiter.settle(held, status, now, &store);
    assert_eq!(settle(&under_way[0], 401, NOW).returned, 0);
    assert_eq!(settle(&under_way[1], 503, NOW).returned, 0, "a class counts");
    assert_eq!(settle(&under_way[2], 200, NOW).returned, 1);
    assert_eq!(admitted(&limiter, &all, &caller, NOW, 9, &store), 1, "one came back, and the rest is taken");
    let late = at_ms(24 * 3_600_000);
    assert_eq!(admitted(&limiter, &all, &caller, late, 9, &store), 5);
    settle(&under_way[3], 200, late);
    settle(&under_way[4], 200, late);
    assert_eq!(
        admitted(&limiter, &all, &caller, late, 9, &store),
        0,
        "what had come back by itself does not come twice"
    );
}

#[test]
fn after_a_change_of_the_policy_what_is_held_makes_no_fresh_budget() {
    let of = |rate: &str| {
        limits(&format!(r#"{{ "a": {{ "key": ["ip"], "rate": "{rate}", "burst": 10, "count": [401] }} }}"#))
    };
    let (slow, quick) = (of("1/1h"), of("1/1m"));
    let store = InMemory::default();
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    let held: Vec<_> = (0..10).filter_map(|_| hold(&limiter, &slow, &caller, NOW, &store)).collect();
    assert_eq!(
        admitted(&limiter, &quick, &caller, NOW, 9, &store),
        0,
        "ten hours of debt are cut to ten minutes"
    );
    let kept: u32 = held.iter().map(|held| limiter.settle(held, 200, NOW, &store).kept).sum();
    assert_eq!(kept, 10, "an hour back for a minute that is owed would be a fresh budget");
    assert_eq!(admitted(&limiter, &quick, &caller, NOW, 9, &store), 0);
    assert_eq!(admitted(&limiter, &quick, &caller, at_ms(60_000), 9, &store), 1);
}

#[test]
fn what_is_held_in_a_slot_that_is_another_s_by_now_is_kept() {
    let (store, all) =
        (InMemory::default(), limits(r#"{ "a": { "key": ["ip"], "rate": "2/1s", "count": [401] } }"#));
    let (limiter, caller) = (limiter(&store), Caller::ip("192.0.2.1"));
    let held = hold(&limiter, &all, &caller, NOW, &store).unwrap();
    for n in 0..5_000 {
        hold(&limiter, &all, &Caller::nth(n), at_ms(5_000), &store);
    }
    assert_eq!(limiter.settle(&held, 200, at_ms(5_000), &store).kept, 1);
}

#[test]
fn a_penalty_is_the_keys_own_and_stands_through_a_flood() {
    let all = limits(
        r#"{ "a": { "key": ["ip"], "rate": "1/1s", "penalty": { "after": 2, "within": "1m", "block": "1h", "factor": 1, "max": "1h" } } }"#,
    );
    let store = InMemory::default();
    let limiter = limiter(&store);
    let pest = Caller::ip("192.0.2.1");
    let told: Vec<_> = (0..4).map(|_| ask(&limiter, &all, &pest, NOW, &store)).collect();
    let blocked = Some(Reason::LimitsPenalty);
    assert_eq!(told, [None, Some(Reason::LimitsExceeded), blocked, blocked]);
    // Every bucket is full of live keys, and those who share a slot do all they can to be blocked in it.
    for n in 0..20_000 {
        let now = at_ms(1_000 + u64::from(n % 100));
        let reason = ask(&limiter, &all, &Caller::nth(n), now, &store);
        assert!(reason != blocked, "a stranger is blocked for what another did");
    }
    assert_eq!(ask(&limiter, &all, &pest, at_ms(1_200), &store), blocked, "the flood does not set it free");
    assert_eq!(ask(&limiter, &all, &pest, at_ms(3_602_000), &store), None);
}

#[test]
fn a_blocked_key_costs_a_read_and_writes_nothing() {
    let all = limits(
        r#"{ "a": { "key": ["ip"], "rate": "1/1m", "penalty": { "after": 1, "within": "1m", "block": "1h", "factor": 1, "max": "1h" } } }"#,
    );
    let store = InMemory::default();
    let (limiter, pest) = (limiter(&store), Caller::ip("192.0.2.1"));
    ask(&limiter, &all, &pest, NOW, &store);
    let began = limiter.check(&charges(&all), &pest, moment(NOW), &store);
    assert_eq!((began.stats.blocked, wait_of(&began)), (1, Some(Duration::from_hours(1))));
    let before = store.size();
    let after = limiter.check(&charges(&all), &pest, moment(at_ms(60_000)), &store);
    assert_eq!((after.stats.blocked, after.stats.clashes), (0, 0));
    assert_eq!(wait_of(&after), Some(Duration::from_mins(59)));
    assert_eq!(store.size(), before);
}

#[test]
fn of_ten_thousand_values_fifty_pass_and_they_stay_free() {
    let all =
        limits(r#"{ "a": { "key": ["ip"], "rate": "50/1h", "missing": "deny", "distinct": "query.id" } }"#);
    let store = InMemory::default();
    let limiter = limiter(&store);
    let caller = |id: u32| Caller { ip: "192.0.2.1".parse().ok(), ..Caller::query("id", id.to_string()) };
    let passed: Vec<u32> =
        (0..10_000).filter(|id| ask(&limiter, &all, &caller(*id), NOW, &store).is_none()).collect();
    assert_eq!(passed, (0..50).collect::<Vec<_>>());
    for round in 0..20 {
        for id in 0..50 {
            assert_eq!(ask(&limiter, &all, &caller(id), at_ms(round * 3_000), &store), None, "{round} {id}");
        }
    }
    assert_eq!(ask(&limiter, &all, &caller(77), at_ms(71_999), &store), Some(Reason::LimitsExceeded));
    assert_eq!(ask(&limiter, &all, &caller(77), at_ms(72_000), &store), None, "one more each 72 s");
    assert_eq!(ask(&limiter, &all, &Caller::ip("192.0.2.1"), NOW, &store), Some(Reason::LimitsKeyMissing));
}

#[test]
fn workers_at_once_count_each_value_once() {
    let store = InMemory::default();
    let count = std::sync::atomic::AtomicU32::new(0);
    let json = r#"{ "a": { "key": ["ip"], "rate": "1/1d", "burst": 30, "missing": "deny", "distinct": "query.id" } }"#;
    std::thread::scope(|scope| {
        for worker in 0..4_u8 {
            let (store, count) = (&store, &count);
            scope.spawn(move || {
                let all = limits(json);
                let limiter = Limiter::prepare(Memory::DEFAULT, store, [worker; 16]).unwrap();
                for id in 0..30 {
                    let caller =
                        Caller { ip: "192.0.2.1".parse().ok(), ..Caller::query("id", id.to_string()) };
                    let passed = ask(&limiter, &all, &caller, NOW, store).is_none();
                    count.fetch_add(u32::from(passed), std::sync::atomic::Ordering::Relaxed);
                }
            });
        }
    });
    assert_eq!(
        count.into_inner(),
        120,
        "thirty values, each by four workers, and none cost more than one unit"
    );
}

#[test]
fn newcomers_to_a_full_wide_bucket_gain_nothing_and_share_what_is_left() {
    let all =
        limits(r#"{ "a": { "key": ["ip"], "rate": "5/1h", "missing": "deny", "distinct": "query.id" } }"#);
    let store = InMemory::default();
    let limiter = limiter(&store);
    let mut passed = 0;
    for n in 0..2_000 {
        for id in 0..8 {
            let caller = Caller { ip: Caller::nth(n).ip, ..Caller::query("id", format!("{n}/{id}")) };
            passed += u32::from(ask(&limiter, &all, &caller, NOW, &store).is_none());
        }
    }
    let capacity = limiter.capacity();
    // Each key with a slot has five values, and each bucket five units for all who have none.
    assert_eq!(passed, capacity.wide_keys * 5 + capacity.wide_keys / 4 * 5);
}
