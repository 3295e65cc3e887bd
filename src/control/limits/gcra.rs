//! The arithmetic of a budget: the generic cell rate algorithm, exact in whole numbers.
//!
//! All that a key's budget needs to remember is one time, [`Due`]: when it will be whole again. A request that is
//! admitted moves that time on by one interval, `per / count`, for each unit that it costs; a request is refused while
//! that would put it further off than `burst` intervals. `7/1s` is no whole number of nanoseconds, so sums are made in `count`-ths of a
//! nanosecond, where an interval is just `per`. Nothing is rounded, hence in any stretch of time
//! `admitted <= burst + count * time / per`, and a client that asks all the time gets all of it.

use std::num::NonZeroU32;
use std::num::NonZeroU64;
use std::time::Duration;

use crate::fault::Fault;
use crate::model::quantity::Rate;
use crate::model::time::Nanos;

/// The greatest burst, and the greatest count of a rate.
pub const MAX_BURST: u32 = 1_000_000;

/// The longest time that a spent burst may take to come back: far from where sums of times overflow.
pub const MAX_REFILL: Duration = Duration::from_hours(365 * 24);

/// How far apart the clocks of two workers may seem: each reads its own before it looks at a bucket, and may lose
/// its core in between. A step back of no more than this is waited out; a spent slot is kept for this long.
pub const GRACE: Duration = Duration::from_millis(250);

/// When a budget is whole again: nanoseconds since the epoch, and a part of one more in units of `1 / count`.
/// A time that has passed says that the budget is whole now.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub struct Due {
    /// Nanoseconds since the epoch.
    pub nanos: u64,
    /// Below the count of the rate that wrote it; under a smaller count it is taken for the whole nanosecond.
    pub part: u32,
}

impl Due {
    /// Cuts a time that is further off than `reach`, the longest refill of any budget that may have put it there: a
    /// larger burst did, or a clock that has stepped back since. The budget is then spent, not whole.
    pub fn cut(self, reach: u64, now: Nanos) -> Self {
        if self.nanos <= now.plus(GRACE).0.saturating_add(reach) {
            return self;
        }
        Self { nanos: now.0.saturating_add(reach), part: 0 }
    }
}

/// `count` in `per`, and `burst` at once. INVARIANT: `per / count` is at least 1 ns, and `burst` such intervals are
/// at most [`MAX_REFILL`].
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Budget {
    count: NonZeroU32,
    per: u64,
    burst: NonZeroU32,
    /// [`Self::refill`], worked out once.
    refill: u64,
}

impl Budget {
    /// A budget of this rate and burst.
    ///
    /// # Errors
    /// [`Fault::OutOfRange`] for a count or burst above [`MAX_BURST`], [`Fault::Conflict`] where a spent burst would
    /// take longer than [`MAX_REFILL`] to come back.
    pub fn new(rate: Rate, burst: NonZeroU32) -> Result<Self, Fault> {
        for number in [rate.count, burst] {
            if number.get() > MAX_BURST {
                let expected = format!("at most {MAX_BURST}").into();
                return Err(Fault::OutOfRange { found: number.to_string().into(), expected });
            }
        }
        let spent = rate.per.as_nanos().saturating_mul(burst.get().into());
        let longest = MAX_REFILL.as_nanos().saturating_mul(rate.count.get().into());
        match u64::try_from(rate.per.as_nanos()) {
            Ok(per) if spent <= longest => {
                let refill = divided_up(spent, rate.count);
                Ok(Self { count: rate.count, per, burst, refill })
            }
            _ => Err(Fault::conflict(
                "a spent burst would take longer than 365d to come back; raise the rate or lower the burst",
            )),
        }
    }

    /// How many may come at once.
    pub fn burst(&self) -> NonZeroU32 {
        self.burst
    }

    /// The time of the rate.
    pub fn per(&self) -> Duration {
        Duration::from_nanos(self.per)
    }

    /// How many there are in that time.
    pub fn count(&self) -> NonZeroU32 {
        self.count
    }

    /// How long a spent burst takes to come back, in nanoseconds, rounded up.
    pub fn refill(&self) -> u64 {
        self.refill
    }

    /// Takes some units: answers the time to store, or how long to wait until they are there.
    ///
    /// # Errors
    /// The time to wait: a request that comes then, and no other before it, is admitted. More units than the burst
    /// are never there.
    pub fn take(&self, due: Due, units: NonZeroU32, now: Nanos) -> Result<Due, Duration> {
        let Some(rest) = self.burst.get().checked_sub(units.get()) else { return Err(MAX_REFILL) };
        let now = self.scale(Due { nanos: now.0, part: 0 });
        let due = self.scale(due).max(now);
        let allowed = now.saturating_add(self.span(rest));
        match due.saturating_sub(allowed) {
            0 => Ok(self.unscale(due.saturating_add(self.span(units.get())))),
            wait => Err(Duration::from_nanos(self.nanos_up(wait))),
        }
    }

    /// How many units could be taken at once, and how long until that is one more; no time where all are there.
    pub fn left(&self, due: Due, now: Nanos) -> (u32, Option<Duration>) {
        let now = self.scale(Due { nanos: now.0, part: 0 });
        let used = self.scale(due).saturating_sub(now);
        let free = self.span(self.burst.get()).saturating_sub(used);
        let left = free.checked_div(self.span(1)).and_then(|left| u32::try_from(left).ok());
        let left = left.unwrap_or_default().min(self.burst.get());
        // One more is there when no more is used than leaves room for it.
        let more = left.checked_add(1).and_then(|more| self.burst.get().checked_sub(more));
        let wait = more.map(|rest| self.nanos_up(used.saturating_sub(self.span(rest))));
        (left, wait.map(Duration::from_nanos))
    }

    /// The time of a budget that has nothing left, and one unit after `wait`: the latest at which one can stand of which
    /// a unit can be taken then.
    pub fn spent(&self, wait: Duration, now: Nanos) -> Due {
        let then = self.scale(Due { nanos: now.plus(wait).0, part: 0 });
        self.unscale(then.saturating_add(self.span(self.burst.get().saturating_sub(1))))
    }

    /// Gives back units whose taking answered `charged`.
    ///
    /// Never more than they are still worth: a budget that has become whole in the meantime, or would have if they
    /// had not been taken, has already regained (part of) them.
    pub fn give_back(&self, due: Due, charged: Due, units: NonZeroU32, now: Nanos) -> Due {
        let now = self.scale(Due { nanos: now.0, part: 0 });
        let worth = self.scale(charged).saturating_sub(now).min(self.span(units.get()));
        self.unscale(self.scale(due).saturating_sub(worth))
    }

    /// So many intervals, in `count`-ths of a nanosecond.
    fn span(&self, units: u32) -> u128 {
        u128::from(self.per).saturating_mul(units.into())
    }

    fn scale(&self, due: Due) -> u128 {
        let count = u128::from(self.count.get());
        u128::from(due.nanos).saturating_mul(count).saturating_add(count.min(due.part.into()))
    }

    fn unscale(&self, scaled: u128) -> Due {
        let (nanos, part) = divided(scaled, self.count);
        Due { nanos: u64::try_from(nanos).unwrap_or(u64::MAX), part }
    }

    fn nanos_up(&self, scaled: u128) -> u64 {
        divided_up(scaled, self.count)
    }
}

/// Quotient and rest, by long division in words of 32 bits: in wasm a division of 128 bits is a loop over each of them.
fn divided(scaled: u128, by: NonZeroU32) -> (u128, u32) {
    let divisor = NonZeroU64::from(by);
    let (mut quotient, mut rest) = (0_u128, 0_u64);
    for shift in [96, 64, 32, 0] {
        let word = u64::from(low_word(scaled.wrapping_shr(shift)));
        let part = rest.wrapping_shl(32) | word;
        quotient = quotient.wrapping_shl(32) | u128::from(part / divisor);
        rest = part % divisor;
    }
    (quotient, low_word(rest.into()))
}

fn low_word(number: u128) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The quotient, rounded up; the largest there is where it has more than 64 bits.
fn divided_up(scaled: u128, by: NonZeroU32) -> u64 {
    let (quotient, rest) = divided(scaled, by);
    u64::try_from(quotient.saturating_add(u128::from(rest > 0))).unwrap_or(u64::MAX)
}
