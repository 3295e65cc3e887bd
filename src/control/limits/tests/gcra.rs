use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;

use super::NOW;
use super::at_ms;
use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::gcra::GRACE;
use crate::model::time::Nanos;

const ONE: NonZeroU32 = NonZeroU32::MIN;

fn budget(rate: &str, burst: u32) -> Budget {
    Budget::new(rate.parse().unwrap(), NonZeroU32::new(burst).unwrap()).unwrap()
}

#[test]
fn admits_the_burst_then_one_for_each_interval() {
    let (budget, mut due) = (budget("60/1m", 2), Due::default());
    let wait = |ms| Err(Duration::from_millis(ms));
    for (row, at, want) in [
        ("the first", 0, Ok(())),
        ("the second takes the burst", 0, Ok(())),
        ("the third finds it empty", 0, wait(1_000)),
        ("nearly there", 999, wait(1)),
        ("one has come back", 1_000, Ok(())),
        ("and was taken", 1_000, wait(1_000)),
        ("the wait was true", 2_000, Ok(())),
        ("a long rest brings back the burst", 60_000, Ok(())),
        ("all of it", 60_000, Ok(())),
        ("and no more", 60_000, wait(1_000)),
    ] {
        let got = budget.take(due, ONE, at_ms(at));
        due = got.unwrap_or(due);
        assert_eq!(got.map(|_| ()), want, "{row}");
    }
}

#[test]
fn an_interval_that_is_no_whole_nanosecond_is_kept_exactly() {
    for (rate, count) in [("7/1s", 7), ("999999/1s", 999_999), ("3/1ms", 3), ("120/1m", 120)] {
        let (budget, mut due) = (budget(rate, count), Due::default());
        let per = rate.parse::<crate::model::quantity::Rate>().unwrap().per;
        for round in 0..3_u32 {
            let now = NOW.plus(per * round);
            for unit in 0..count {
                due = budget
                    .take(due, ONE, now)
                    .unwrap_or_else(|wait| panic!("{rate} {round} {unit} {wait:?}"));
            }
            assert!(budget.take(due, ONE, now).is_err(), "{rate}: one more than the burst");
            assert!(
                budget.take(due, ONE, Nanos(now.plus(per).0 - 1)).is_ok(),
                "{rate}: some are back before all are"
            );
        }
    }
}

#[test]
fn a_clock_that_steps_back_neither_refills_nor_blocks_for_longer_than_the_burst() {
    let (budget, mut due) = (budget("60/1m", 3), Due::default());
    for _ in 0..3 {
        due = budget.take(due, ONE, at_ms(86_400_000)).unwrap();
    }
    let cut = due.cut(budget.refill(), NOW);
    assert_eq!(cut, Due { nanos: at_ms(3_000).0, part: 0 }, "a spent burst by the new clock");
    assert_eq!(budget.take(cut, ONE, NOW), Err(Duration::from_secs(1)));
    let a_little = Nanos(at_ms(86_400_000).0 - u64::try_from(GRACE.as_nanos()).unwrap());
    assert_eq!(due.cut(budget.refill(), a_little), due, "how workers' clocks differ is no step");
}

#[test]
fn a_unit_is_given_back_for_what_it_is_still_worth() {
    let budget = budget("60/1m", 10);
    let taken = budget.take(Due::default(), ONE, NOW).unwrap();
    let whole = |due: Due, now: Nanos| due.nanos <= now.0;
    assert!(whole(budget.give_back(taken, taken, ONE, NOW), NOW), "at once: all of it");

    let again = budget.take(taken, ONE, at_ms(400)).unwrap();
    let back = budget.give_back(again, taken, ONE, at_ms(400));
    assert_eq!(back, Due { nanos: at_ms(1_400).0, part: 0 }, "0.4 of it had come back by itself");

    let later = budget.take(taken, ONE, at_ms(5_000)).unwrap();
    assert_eq!(budget.give_back(later, taken, ONE, at_ms(5_000)), later, "all of it had");
}

#[test]
fn a_part_of_another_rate_is_taken_for_the_whole_nanosecond() {
    let coarse = budget("7/1s", 1);
    let due = Due { nanos: NOW.0 + 5, part: 999_998 };
    assert_eq!(coarse.take(due, ONE, NOW), Err(Duration::from_nanos(6)));
}

#[test]
fn refuses_budgets_whose_sums_could_overflow() {
    for (rate, burst) in
        [("2000000/1s", 1), ("1/1s", 1_000_001), ("1/1d", 366), ("1/366d", 1), ("1/10000d", 1)]
    {
        let got = Budget::new(rate.parse().unwrap(), NonZeroU32::new(burst).unwrap());
        assert!(got.is_err(), "{rate} {burst}");
    }
    let slow = budget("1/365d", 1);
    let due = slow.take(Due::default(), ONE, Nanos(u64::MAX)).unwrap();
    assert_eq!(due.nanos, u64::MAX, "the end of time is no overflow");
}

/// The same limiter said another way: a vessel of tokens, filled by the passing time, all in whole numbers.
struct Vessel {
    count: i128,
    per: i128,
    full: i128,
    tokens: i128,
    last: i128,
}

impl Vessel {
    fn admits(&mut self, now: Nanos) -> bool {
        let now = i128::from(now.0);
        self.tokens = self.full.min(self.tokens + (now - self.last) * self.count);
        self.last = now;
        let refill = (self.full + self.count - 1) / self.count;
        if (self.full - self.tokens) / self.count > refill + i128::try_from(GRACE.as_nanos()).unwrap() {
            self.tokens = self.full - refill * self.count; // the clock has stepped back: spent
        }
        let admits = self.tokens >= self.per;
        if admits {
            self.tokens -= self.per;
        }
        admits
    }
}

proptest! {
    #[test]
    fn agrees_with_a_vessel_of_tokens_whatever_the_clock_does(
        count in 1_u32..2_000, per_ms in 1_u64..100_000, burst in 1_u32..50,
        steps in prop::collection::vec((-9_i64..100, 0_u32..7), 1..300),
    ) {
        let budget = budget(&format!("{count}/{per_ms}ms"), burst);
        let per = i128::from(per_ms) * 1_000_000;
        let full = per * i128::from(burst);
        let mut vessel = Vessel { count: count.into(), per, full, tokens: full, last: 0 };
        let (mut due, mut now, mut forward, mut total) = (Due::default(), NOW, 0_i128, 0_i128);
        let interval = i64::try_from(per).unwrap() / i64::from(count);
        for (tenths, scale) in steps {
            let step = (interval / 10).max(1) * tenths * i64::from(10_i32.pow(scale / 2));
            now = Nanos(now.0.saturating_add_signed(step).max(1));
            forward += i128::from(step.max(0));
            due = due.cut(budget.refill(), now);
            let got = budget.take(due, ONE, now);
            prop_assert_eq!(got.is_ok(), vessel.admits(now));
            match got {
                Ok(taken) => { due = taken; total += 1; }
                Err(wait) => {
                    prop_assert!(budget.take(due, ONE, now.plus(wait)).is_ok(), "the wait is long enough");
                    let early = Nanos(now.0 + u64::try_from(wait.as_nanos()).unwrap() - 1);
                    prop_assert!(budget.take(due, ONE, early).is_err(), "and no longer");
                }
            }
            prop_assert!(total * per <= full + forward * i128::from(count), "burst + rate * time");
        }
    }
}
