//! The limiter against a model that is as simple as can be: a time per key, in sevenths of a nanosecond.

use std::num::NonZeroU32;

use proptest::prelude::*;

use super::*;
use crate::control::limits::step::Held;

/// Two tiers whose counts are alike, so that no time is rounded between them.
const TIERS: &str = r#"{ "a": { "key": ["user.sub"], "rate": "7/1s", "burst": 5, "count": [401],
    "tiers": { "by": "user.plan", "values": { "gold": { "rate": "7/100ms", "burst": 12 } } } } }"#;

/// What one request took: whose, until when, how much, and what the limiter holds for it.
struct Taken {
    key: usize,
    charged: i128,
    worth: i128,
    held: Vec<Held>,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn agrees_with_a_time_per_key_whatever_is_asked_and_given_back(
        steps in prop::collection::vec((0_usize..3, any::<bool>(), 1_u32..6, 0_u64..300, 0_u64..100, 0_usize..4), 1..300),
    ) {
        let (store, all) = (InMemory::default(), limits(TIERS));
        let limiter = limiter(&store);
        let (mut model, mut under_way, mut clock) = ([0_i128; 3], Vec::<Taken>::new(), 1_000_000_u64);
        for (key, gold, units, later, behind, answer) in steps {
            clock += later;
            // Clocks of workers differ by less than the grace.
            let now = at_ms(clock - behind);
            let scaled = i128::from(now.0) * 7;
            let (interval, burst) = if gold { (100_000_000, 12) } else { (1_000_000_000, 5) };
            let mut caller = Caller::user(format!("u{key}"));
            if gold {
                caller.claims.push((0, "/plan", "gold".into()));
            }
            let charge = Charge { limit: all.get(0).unwrap(), shadow: false, cost: NonZeroU32::new(units) };
            let outcome = limiter.check(&[charge], &caller, moment(now), &store);
            let worth = i128::from(units) * interval;
            let due = model[key].max(scaled) + worth;
            let want = due <= scaled + burst * interval;
            prop_assert_eq!(outcome.refused.is_empty(), want);
            if want {
                model[key] = due;
                under_way.push(Taken { key, charged: due, worth, held: outcome.held });
            }
            // Some are answered at once, some later, some never.
            if answer < 3 && !under_way.is_empty() {
                let taken = under_way.swap_remove(answer % under_way.len());
                let status = if answer == 0 { 401 } else { 200 };
                limiter.settle(&taken.held, status, now, &store);
                if status == 200 {
                    model[taken.key] -= (taken.charged - scaled).clamp(0, taken.worth);
                }
            }
        }
    }
}
