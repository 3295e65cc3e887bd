use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::quota;
use crate::control::limits::quota::Quota;

const TWO: &str = r#"{ "told": { "key": ["header.x-app"], "missing": "deny", "rate": "6/1m", "burst": 3, "headers": true },
                       "quiet": { "key": ["ip"], "rate": "2/1m" } }"#;

fn caller(app: &str) -> Caller {
    Caller { ip: Some("203.0.113.7".parse().unwrap()), ..Caller::header("x-app", app) }
}

/// Charges both limits, the first one perhaps in shadow.
fn quotas(limiter: &Limiter, limits: &Limits, app: &str, shadow: bool, store: &InMemory) -> Vec<Quota> {
    let charges: Vec<_> = limits
        .iter()
        .map(|limit| Charge { limit, shadow: shadow && limit.index() == 0, cost: None })
        .collect();
    limiter.check(&charges, &caller(app), moment(NOW), store).quotas
}

#[test]
fn tells_of_limits_that_say_so_and_of_those_that_refuse() {
    let (limits, store) = (limits(TWO), InMemory::default());
    let limiter = limiter(&store);
    let told = |quotas: &[Quota]| quotas.iter().map(|quota| quota.limit).collect::<Vec<_>>();
    assert_eq!(told(&quotas(&limiter, &limits, "a", false, &store)), [0]);
    assert_eq!(told(&quotas(&limiter, &limits, "a", true, &store)), [0; 0], "in shadow");
    let refused = quotas(&limiter, &limits, "a", false, &store);
    assert_eq!(told(&refused), [0, 1], "the quiet one refuses");
    let [(_, policy), (_, state)] = quota::fields(&refused, &limits, NOW).unwrap();
    // The first was charged once, and not for what the second refused.
    assert!(state.starts_with("\"told\";r=2;t=10;pk=:"), "{state}");
    assert!(state.contains(", \"quiet\";r=0;t=30;pk=:"), "{state}");
    assert!(policy.starts_with("\"told\";q=3;w=30;pk=:"), "{policy}");
    assert!(policy.contains(", \"quiet\";q=2;w=60;pk=:"), "{policy}");
    let [_, (_, later)] = quota::fields(&refused, &limits, NOW.plus(Duration::from_secs(10))).unwrap();
    assert!(later.starts_with("\"told\";r=3;pk=:"), "nothing to wait for: {later}");
    assert_eq!(quota::fields(&[], &limits, NOW), None);
}

#[test]
fn the_partition_is_the_key_s_own_and_not_its_fingerprint() {
    let (limits, store) = (limits(TWO), InMemory::default());
    let limiter = limiter(&store);
    let partition = |app| quotas(&limiter, &limits, app, false, &store)[0].partition.unwrap();
    let (one, other) = (partition("one"), partition("two"));
    assert_ne!(one, other);
    let sight = caller("one");
    let table =
        crate::control::limits::table::Table::prepare(Memory::new(Memory::LEAST).unwrap(), &store, [9; 16]);
    let limit = limits.get(0).unwrap();
    let digest = crate::control::limits::key::digest(limit, &sight, &table.unwrap()).unwrap().unwrap();
    assert_eq!(digest.partition, one);
    assert!(digest.partition != digest.print && digest.partition != digest.spread);
}

proptest! {
    /// `r` could be taken at once, one more could not, and `t` later it can.
    #[test]
    fn what_is_told_is_true_of_the_budget(
        count in 1_u32..500, per_ms in 1_u64..100_000, burst in 1_u32..50,
        takes in prop::collection::vec(0_u64..2_000, 0..60), later in 0_u64..3_000,
    ) {
        let rate = format!("{count}/{per_ms}ms").parse().unwrap();
        let budget = Budget::new(rate, NonZeroU32::new(burst).unwrap()).unwrap();
        let (mut due, mut ms) = (Due::default(), 0);
        for pause in takes {
            ms += pause;
            due = budget.take(due, NonZeroU32::MIN, at_ms(ms)).unwrap_or(due);
        }
        let now = at_ms(ms + later);
        let (left, next) = budget.left(due, now);
        prop_assert!(left <= burst);
        prop_assert_eq!(next.is_none(), left == burst);
        let all_at = |now| (0..=left).try_fold(due, |due, _| budget.take(due, NonZeroU32::MIN, now));
        let some = (0..left).try_fold(due, |due, _| budget.take(due, NonZeroU32::MIN, now));
        prop_assert!(some.is_ok(), "{left} are there");
        if let Some(next) = next {
            prop_assert_eq!(all_at(now).unwrap_err(), next, "one more is not");
            prop_assert!(all_at(now.plus(next)).is_ok(), "and then it is");
        }
    }
}
