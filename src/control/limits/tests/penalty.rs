use proptest::prelude::*;

use super::*;
use crate::control::limits::penalty::Penalty;
use crate::control::limits::penalty::Strikes;

/// After 3 within 30 s: 10 s, then three times as long, up to 100 s.
fn penalty() -> Penalty {
    Penalty::new(3, 30, 10, 3, 100)
}

fn at(seconds: u64) -> Nanos {
    Nanos(NOW.0 + seconds * 1_000_000_000)
}

/// One refusal at this second; how long the key is blocked from then on, in seconds.
fn refuse(penalty: &Penalty, strikes: &mut Strikes, now: Nanos) -> u64 {
    let (looked, blocked) = penalty.look(*strikes, now);
    let (after, began) = match blocked {
        Some(_) => (looked, blocked),
        None => penalty.strike(looked, now),
    };
    *strikes = Strikes::from_bits(after.to_bits());
    assert_eq!(*strikes, after, "8 bytes hold it all");
    began.map_or(0, |wait| wait.as_secs())
}

#[test]
fn refusals_within_the_window_block_and_each_further_time_for_longer() {
    let (penalty, mut strikes) = (penalty(), Strikes::default());
    for (row, second, want) in [
        ("one", 0, 0),
        ("two", 10, 0),
        ("three within 30 s", 29, 10),
        ("a refusal in a block prolongs nothing", 33, 6),
        ("nor counts", 38, 1),
        ("the block is over", 39, 0),
        ("two", 39, 0),
        ("three again", 39, 30),
        ("after it", 69, 0),
        ("two", 69, 0),
        ("three a third time", 69, 90),
        ("after that", 159, 0),
        ("two", 159, 0),
        ("three a fourth time: no longer than the most", 159, 100),
        ("after two windows of rest", 319, 0),
        ("two", 319, 0),
        ("three: two levels were taken back", 319, 90),
        ("after a long rest", 3_600, 0),
        ("two", 3_600, 0),
        ("three: as if it were the first time", 3_600, 10),
    ] {
        assert_eq!(refuse(&penalty, &mut strikes, at(second)), want, "{row}");
    }
}

#[test]
fn refusals_two_windows_apart_are_not_taken_together() {
    let (penalty, mut strikes) = (penalty(), Strikes::default());
    for second in (0..1_000).step_by(61) {
        assert_eq!(refuse(&penalty, &mut strikes, at(second)), 0);
        assert_eq!(refuse(&penalty, &mut strikes, at(second)), 0);
    }
}

#[test]
fn a_policy_that_changes_keeps_the_strikes_and_blocks_no_longer_than_it_says() {
    let (strict, mild, mut strikes) = (Penalty::new(1, 30, 3_600, 2, 86_400), penalty(), Strikes::default());
    assert_eq!(refuse(&strict, &mut strikes, at(0)), 3_600);
    assert_eq!(
        mild.look(strikes, at(1)).1.map(|wait| wait.as_secs()),
        Some(11),
        "its own block and the grace"
    );
    let (after, wait) = mild.look(strikes, at(4_000));
    assert_eq!((wait, mild.strike(after, at(4_000)).1), (None, None));
}

#[test]
fn a_clock_that_steps_back_blocks_for_no_longer_than_a_block() {
    let (penalty, mut strikes) = (penalty(), Strikes::default());
    for _ in 0..3 {
        refuse(&penalty, &mut strikes, at(1_000_000));
    }
    let (strikes, wait) = penalty.look(strikes, at(0));
    assert_eq!(wait.map(|wait| wait.as_secs()), Some(11));
    assert_eq!(penalty.look(strikes, at(11)).1, None);
    let far = Strikes::from_bits(1 << 57 | u64::from(u32::MAX));
    let cut = far.cut(at(0));
    assert!(
        cut.is_live(at(86_400)) && !cut.is_live(at(3 * 86_400)),
        "whoever comes by cuts it to the longest block"
    );
}

proptest! {
    /// Against a list of all refusals: whoever is refused `after` times within a window is blocked, and whoever is
    /// blocked was refused so often within two.
    #[test]
    fn no_offender_is_missed_and_nobody_is_taken_for_one(
        after in 1_u16..6, within in 1_u32..40, block in 1_u32..20, factor in 1_u32..4,
        steps in prop::collection::vec(0_u64..30, 1..200),
    ) {
        let penalty = Penalty::new(after, within, block, factor, block * 10);
        let (mut strikes, mut second) = (Strikes::default(), 0);
        // Refusals since the last block.
        let mut counted: Vec<u64> = Vec::new();
        let mut ends = 0;
        let mut last = 0;
        for step in steps {
            second += step;
            let blocked = refuse(&penalty, &mut strikes, at(second));
            if second < ends {
                prop_assert_eq!(blocked, ends - second, "during a block nothing changes");
                continue;
            }
            counted.push(second);
            let within_of = |span: u64| counted.iter().filter(|then| second - **then < span).count();
            if within_of(within.into()) >= usize::from(after) {
                prop_assert!(blocked > 0, "an offender is missed");
            }
            if blocked > 0 {
                prop_assert!(within_of(2 * u64::from(within)) >= usize::from(after), "nobody did that");
                let fresh = ends == 0 || second >= ends + u64::from(within) * 40;
                prop_assert!(blocked <= u64::from(block) * 10);
                prop_assert!(!fresh || blocked == u64::from(block), "a key that has rested begins anew");
                prop_assert!(second >= ends + u64::from(within) || ends == 0 || blocked >= last, "no shorter at once");
                (ends, last) = (second + blocked, blocked);
                counted.clear();
            }
            prop_assert!(strikes.is_live(at(second)), "what may count is live");
        }
        prop_assert!(!strikes.is_live(at(second + 100 * 86_400)), "and is forgotten in the end");
    }

    #[test]
    fn whatever_eight_bytes_hold_is_read_without_harm(bits: u64, now: u64) {
        let strikes = Strikes::from_bits(bits);
        prop_assert_eq!(strikes.to_bits(), bits & (u64::MAX >> 1), "all but one bit are used");
        let (looked, wait) = penalty().look(strikes.cut(Nanos(now)), Nanos(now));
        prop_assert!(wait.is_none_or(|wait| wait <= Duration::from_secs(102)));
        penalty().strike(looked, Nanos(now));
        strikes.is_live(Nanos(now));
    }
}
