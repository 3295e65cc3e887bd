use std::num::NonZeroU32;

use proptest::prelude::*;

use super::NOW;
use super::at_ms;
use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::gcra::GRACE;
use crate::control::limits::slots::BUCKET;
use crate::control::limits::slots::Bucket;
use crate::control::limits::slots::Kind;
use crate::control::limits::slots::Shape;
use crate::model::time::Nanos;

const ONE: NonZeroU32 = NonZeroU32::MIN;

fn budget(rate: &str, burst: u32) -> Budget {
    Budget::new(rate.parse().unwrap(), NonZeroU32::new(burst).unwrap()).unwrap()
}

/// One request of a key; what the bucket then holds is kept as a worker would keep it.
fn ask(bytes: &mut Vec<u8>, key: u64, limit: u64, budget: &Budget, now: Nanos) -> (bool, Kind) {
    let mut bucket = Bucket::read(Shape::Narrow, Some(bytes.clone()), now);
    let place = bucket.find(key, || limit, budget.refill(), now);
    let verdict = budget.take(place.due, ONE, now);
    if let Ok(due) = verdict {
        bucket.charge(&place, due, None, budget.refill(), now);
    }
    if verdict.is_ok() || bucket.mended() {
        *bytes = bucket.bytes().to_vec();
    }
    (verdict.is_ok(), place.kind)
}

fn empty() -> Vec<u8> {
    Bucket::empty(Shape::Narrow).bytes().to_vec()
}

const LIMIT: u64 = 1 << 40;

#[test]
fn the_bytes_are_laid_out_as_written_down() {
    let mut bytes = empty();
    assert_eq!(bytes.len(), BUCKET);
    assert_eq!(bytes[..8], *b"pclims\x02\0");
    assert_eq!(bytes[8..], [0; BUCKET - 8]);
    ask(&mut bytes, 0x0102_0304_0506_0708, LIMIT, &budget("7/1s", 14), NOW);
    let number = |from: usize, to: usize| {
        let mut word = [0; 8];
        word[..to - from].copy_from_slice(&bytes[from..to]);
        u64::from_le_bytes(word)
    };
    assert_eq!(number(8, 16), 0x0102_0304_0506_0708, "fingerprint");
    assert_eq!(number(16, 24), NOW.0 + 142_857_142, "1/7 s in ns");
    assert_eq!(number(24, 28), 6 | 1 << 20, "and 6/7 of one more; its first use");
    assert_eq!(number(28, 32), 2, "s for a spent burst to come back");
    assert_eq!(bytes[32..], [0; BUCKET - 32], "room for a penalty, and the other slots");
}

#[test]
fn a_live_slot_is_never_taken_and_newcomers_share_the_overflow_slot() {
    let (budget, mut bytes) = (budget("1/1m", 3), empty());
    for key in 1..=24 {
        assert_eq!(ask(&mut bytes, key, LIMIT, &budget, NOW), (true, Kind::New { reused: false }), "{key}");
    }
    let before = bytes[..8 + 24 * 32].to_vec();
    let shared: Vec<_> = (100..110).map(|key| ask(&mut bytes, key, LIMIT, &budget, NOW)).collect();
    assert_eq!(shared.iter().filter(|(admitted, _)| *admitted).count(), 3, "one budget for all newcomers");
    assert!(shared.iter().all(|(_, kind)| *kind == Kind::Shared));
    assert_eq!(bytes[..8 + 24 * 32], before, "no key's slot was touched");
    assert_eq!(ask(&mut bytes, 1, LIMIT, &budget, NOW), (true, Kind::Own), "nor its budget");
    let other = LIMIT + 1;
    assert!(ask(&mut bytes, 111, other, &budget, NOW).0, "another limit has an overflow slot of its own");
}

#[test]
fn a_spent_slot_is_taken_and_nothing_is_lost() {
    let (budget, mut bytes) = (budget("1/1s", 1), empty());
    for key in 1..=24 {
        ask(&mut bytes, key, LIMIT, &budget, NOW);
    }
    assert_eq!(
        ask(&mut bytes, 100, LIMIT, &budget, at_ms(1_250)).1,
        Kind::Shared,
        "kept for a late worker's clock"
    );
    let later = at_ms(4_000);
    assert_eq!(ask(&mut bytes, 101, LIMIT, &budget, later), (true, Kind::New { reused: true }));
    assert_eq!(
        ask(&mut bytes, 1, LIMIT, &budget, later),
        (true, Kind::New { reused: true }),
        "whole all the same"
    );
    assert_eq!(ask(&mut bytes, 101, LIMIT, &budget, later), (false, Kind::Own));
}

#[test]
fn a_key_that_leaves_the_overflow_slot_does_not_start_anew() {
    let (quick, slow, mut bytes) = (budget("1/1s", 1), budget("1/1m", 2), empty());
    for key in 1..=24 {
        ask(&mut bytes, key, LIMIT, &quick, NOW);
    }
    let other = LIMIT + 1;
    assert_eq!(ask(&mut bytes, 100, other, &slow, NOW), (true, Kind::Shared));
    assert_eq!(ask(&mut bytes, 100, other, &slow, NOW), (true, Kind::Shared));
    assert_eq!(ask(&mut bytes, 100, other, &slow, NOW), (false, Kind::Shared));
    let free = at_ms(5_000);
    assert_eq!(
        ask(&mut bytes, 100, other, &slow, free),
        (false, Kind::New { reused: true }),
        "a slot, no new burst"
    );
    assert_eq!(ask(&mut bytes, 100, other, &slow, at_ms(60_000)), (true, Kind::New { reused: true }));
}

#[test]
fn limits_beyond_the_overflow_slots_share_the_last_without_starving_each_other() {
    let (slow, quick, mut bytes) = (budget("1/1d", 2), budget("1/1s", 2), empty());
    for key in 1..=24 {
        ask(&mut bytes, key, LIMIT, &slow, NOW);
    }
    for limit in 1..=6 {
        assert!(ask(&mut bytes, 100, LIMIT + limit, &slow, NOW).0, "overflow slot {limit}");
    }
    let (day, second) = (LIMIT + 100, LIMIT + 200);
    assert!(ask(&mut bytes, 200, day, &slow, NOW).0);
    assert!(ask(&mut bytes, 200, day, &slow, NOW).0);
    assert!(!ask(&mut bytes, 200, day, &slow, NOW).0, "the last slot counts too");
    assert!(!ask(&mut bytes, 300, second, &quick, NOW).0, "and is believed spent by the next limit");
    assert!(
        ask(&mut bytes, 300, second, &quick, at_ms(1_000)).0,
        "which need not wait for the first one's day"
    );
    assert!(!ask(&mut bytes, 301, second, &quick, at_ms(1_000)).0);
    assert!(!ask(&mut bytes, 200, day, &slow, at_ms(10_000)).0, "nor is the day shorter for it");
}

#[test]
fn a_limit_that_leaves_the_last_slot_does_not_start_anew() {
    let (slow, quick, mut bytes) = (budget("1/1m", 2), budget("1/1s", 1), empty());
    for key in 1..=24 {
        ask(&mut bytes, key, LIMIT, &slow, NOW);
    }
    assert!(ask(&mut bytes, 100, LIMIT + 1, &quick, NOW).0, "this overflow slot will be spent soon");
    for limit in 2..=6 {
        ask(&mut bytes, 100, LIMIT + limit, &slow, NOW);
    }
    let late = LIMIT + 7;
    assert!(ask(&mut bytes, 200, late, &slow, NOW).0);
    assert!(ask(&mut bytes, 200, late, &slow, NOW).0);
    assert!(!ask(&mut bytes, 200, late, &slow, at_ms(2_000)).0, "a slot, no new burst");
    assert!(ask(&mut bytes, 200, late, &slow, at_ms(60_000)).0);
}

#[test]
fn a_value_that_is_no_bucket_holds_spent_budgets_that_come_back() {
    let budget = budget("1/1s", 2);
    let mut long = empty();
    long.push(0);
    let mut version = empty();
    version[6] = 1;
    for (row, value) in [("too long", long), ("another version", version), ("a byte", vec![0])] {
        let mut bytes = value;
        assert!(!ask(&mut bytes, 1, LIMIT, &budget, NOW).0, "{row}");
        assert_eq!(bytes.len(), BUCKET, "{row}: made anew at once");
        assert!(ask(&mut bytes, 1, LIMIT, &budget, at_ms(1_000)).0, "{row}: one interval later");
        assert!(!ask(&mut bytes, 1, LIMIT, &budget, at_ms(1_000)).0, "{row}: and no more");
        assert!(ask(&mut bytes, 3, LIMIT, &budget, at_ms(2_000)).0, "{row}: so has every other key");
    }
    for (row, value) in [("absent", None), ("removed", Some(Vec::new()))] {
        assert_eq!(Bucket::read(Shape::Narrow, value, NOW).bytes(), empty(), "{row}");
    }
}

#[test]
fn times_that_a_clock_left_behind_are_cut_for_keys_that_never_come_again() {
    let (budget, mut bytes) = (budget("1/1s", 2), empty());
    let ahead = at_ms(1_000_000_000);
    for key in 1..=24 {
        ask(&mut bytes, key, LIMIT, &budget, ahead);
    }
    assert_eq!(ask(&mut bytes, 100, LIMIT, &budget, NOW), (true, Kind::Shared), "still live");
    let soon = at_ms(2_000 + 251);
    assert_eq!(ask(&mut bytes, 101, LIMIT, &budget, soon).1, Kind::New { reused: true }, "no longer");
}

#[test]
fn the_last_slot_forgets_a_clock_that_has_stepped_back() {
    let (slow, ahead, mut bytes) = (budget("1/1m", 2), at_ms(1_000_000_000), empty());
    for key in 1..=24 {
        ask(&mut bytes, key, LIMIT, &slow, ahead);
    }
    for limit in 1..=7 {
        for _ in 0..2 {
            ask(&mut bytes, 100, LIMIT + limit, &slow, ahead);
        }
    }
    let late = LIMIT + 7;
    assert!(!ask(&mut bytes, 100, late, &slow, NOW).0, "spent, now as then");
    assert!(ask(&mut bytes, 100, late, &slow, at_ms(60_000)).0, "one is back in its time");
}

#[test]
fn a_larger_burst_than_before_keeps_the_count_and_a_smaller_one_cuts_it() {
    let (large, small, mut bytes) = (budget("1/1s", 100), budget("1/1s", 2), empty());
    for _ in 0..100 {
        ask(&mut bytes, 1, LIMIT, &large, NOW);
    }
    assert!(!ask(&mut bytes, 1, LIMIT, &small, NOW).0, "spent by either");
    assert!(ask(&mut bytes, 1, LIMIT, &small, at_ms(1_000)).0, "but not for 99 s");
    assert!(!ask(&mut bytes, 1, LIMIT, &small, at_ms(1_000)).0);
    assert!(ask(&mut bytes, 1, LIMIT, &large, at_ms(1_000)).0, "the larger burst is there at once");
}

#[test]
fn a_unit_goes_back_to_the_slot_it_came_from_or_nowhere() {
    let (budget, now) = (budget("1/1m", 1), NOW);
    let mut bucket = Bucket::empty(Shape::Narrow);
    let place = bucket.find(1, || LIMIT, budget.refill(), now);
    let due = budget.take(place.due, ONE, now).unwrap();
    bucket.charge(&place, due, None, budget.refill(), now);
    let charged = bucket.bytes().to_vec();
    assert!(bucket.give_back(&place, due, (&budget, ONE), now));
    assert!(ask(&mut bucket.bytes().to_vec(), 1, LIMIT, &budget, now).0, "it is there again");

    let mut later = Bucket::read(Shape::Narrow, Some(charged), at_ms(120_000));
    let taken = later.find(2, || LIMIT, budget.refill(), at_ms(120_000));
    let other = budget.take(taken.due, ONE, at_ms(120_000)).unwrap();
    later.charge(&taken, other, None, budget.refill(), at_ms(120_000));
    assert!(!later.give_back(&place, due, (&budget, ONE), at_ms(120_000)), "the slot is another's");
    assert!(!ask(&mut later.bytes().to_vec(), 2, LIMIT, &budget, at_ms(120_000)).0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    /// Sixty keys of ten limits in one bucket of 24 + 7 slots, and a clock that steps where it likes.
    #[test]
    fn no_key_gets_more_than_its_own_however_crowded_the_bucket(
        steps in prop::collection::vec((0_u64..10, 0_u64..6, -30_i64..100, 0_u32..9), 1..600),
    ) {
        let budgets: Vec<Budget> = (1..=10).map(|n| budget(&format!("{n}/{}s", n * n), n % 4 + 1)).collect();
        // What each key may still have by a clock that only goes forward: in `count`-ths of a ns, filled as it goes.
        let mut may = vec![vec![None::<(i128, i128)>; 6]; 10];
        let (mut bytes, mut now, mut forward) = (empty(), NOW, 0_i128);
        for (limit, key, step, scale) in steps {
            let nanos = step * 10_i64.pow(scale);
            let nanos = if scale == 8 { nanos * 20 } else { nanos };
            now = Nanos(now.0.saturating_add_signed(nanos));
            forward += i128::from(nanos.max(0));
            let n = usize::try_from(limit).unwrap();
            let budget = &budgets[n];
            let (count, per) = (i128::from(limit + 1), i128::from((limit + 1) * (limit + 1)) * 1_000_000_000);
            let full = per * i128::from(budget.burst().get());
            let (tokens, last) = may[n][usize::try_from(key).unwrap()].unwrap_or((full, forward));
            let mut tokens = full.min(tokens + (forward - last) * count);
            if ask(&mut bytes, limit * 100 + key + 1, LIMIT + limit, budget, now).0 {
                tokens -= per;
                prop_assert!(tokens >= 0, "limit {} key {} got more than its own", limit, key);
            }
            may[n][usize::try_from(key).unwrap()] = Some((tokens, forward));
        }
        // Whoever asks now, and again when a spent burst must have come back, is admitted.
        for (limit, budget) in (0..).zip(&budgets) {
            for key in 0..8 {
                let (mut rest, key) = (bytes.clone(), limit * 100 + key + 1);
                ask(&mut rest, key, LIMIT + limit, budget, now);
                let later = Nanos(now.plus(GRACE).0 + budget.refill());
                let (admitted, _) = ask(&mut rest, key, LIMIT + limit, budget, later);
                prop_assert!(admitted, "none waits for longer than its burst");
            }
        }
    }
}

#[test]
fn a_never_used_slot_is_a_spent_one() {
    let mut bucket = Bucket::empty(Shape::Narrow);
    let place = bucket.find(0, || 0, budget("1/1s", 1).refill(), NOW);
    assert_eq!((place.due, place.live), (Due::default(), 0));
}
