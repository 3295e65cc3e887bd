//! The 32 bytes of one slot. All numbers are little endian.
//!
//! | bytes | hold |
//! | --- | --- |
//! | 0..8 | fingerprint of the key, or of the limit; 0 in a bucket's last slot |
//! | 8..16 | when the budget is whole again, in ns since the epoch |
//! | 16..20 | the part of one more (20 bits, see [`Due`]), and the slot's mark (12 bits) |
//! | 20..24 | how long a spent burst takes to come back, in s, rounded up; so that whoever comes by can tell a time that only a clock that has stepped back since can have left |
//! | 24..32 | a key's [`Strikes`]; in the last slot the time of its last use |
//!
//! The mark changes whenever the time is no longer the sum of what was charged: another key took the slot, or the time
//! was cut. Whoever holds units of before cannot give them back, so that nobody's budget grows by what it never paid.

use crate::bytes::words;
use crate::control::limits::gcra::Due;
use crate::control::limits::gcra::GRACE;
use crate::control::limits::penalty::Strikes;
use crate::model::time::Nanos;

/// The bytes of one slot.
pub(super) const SLOT: usize = 32;

/// How many bits of a time's part and mark are the part's: a count is at most a million.
const PART_BITS: u32 = 20;

/// One slot, as it was read or is to be written.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Slot {
    /// Whose it is.
    pub(super) print: u64,
    /// When the budget is whole again.
    pub(super) due: Due,
    /// In seconds, how long a spent burst takes to come back.
    pub(super) refill: u32,
    /// 12 bits that tell this use of the slot from earlier ones.
    pub(super) mark: u16,
    /// The last eight bytes.
    pub(super) more: u64,
}

impl Slot {
    /// Whether these are the bytes of [`Slot::default`].
    #[inline]
    pub(super) fn is_unused(bytes: &[u8; SLOT]) -> bool {
        let [a, b, c, d] = words(bytes);
        a | b | c | d == 0
    }

    /// Reads one.
    #[inline]
    pub(super) fn load(bytes: &[u8; SLOT]) -> Self {
        let [print, nanos, mixed, more] = words(bytes);
        let [a, b, c, d, e, f, g, h] = mixed.to_le_bytes();
        let mixed = u32::from_le_bytes([a, b, c, d]);
        Self {
            print,
            due: Due { nanos, part: mixed & ((1 << PART_BITS) - 1) },
            refill: u32::from_le_bytes([e, f, g, h]),
            mark: u16::try_from(mixed >> PART_BITS).unwrap_or_default(),
            more,
        }
    }

    /// Writes it.
    pub(super) fn store(&self, bytes: &mut [u8; SLOT]) {
        let mixed = u64::from(self.due.part) | u64::from(self.mark) << PART_BITS;
        let words = [self.print, self.due.nanos, mixed | u64::from(self.refill) << 32, self.more];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
    }

    /// Whether its time has not passed (for [`GRACE`] longer, since a worker may be that late with its own clock), or
    /// its key has strikes against it.
    pub(super) fn is_live(&self, now: Nanos) -> bool {
        Nanos(self.due.nanos).plus(GRACE) >= now || Strikes::from_bits(self.more).is_live(now)
    }

    /// The mark of the slot's next use.
    pub(super) fn next_mark(&self) -> u16 {
        self.mark.wrapping_add(1) & 0xfff
    }

    /// Cuts what only a clock that has stepped back since can have left. `reach` is the longest refill of the limit,
    /// where it is at hand; else what the slot says of it. Whether anything changed.
    pub(super) fn cut(&mut self, reach: Option<u64>, now: Nanos) -> bool {
        let reach = reach.unwrap_or_else(|| u64::from(self.refill).saturating_mul(1_000_000_000));
        let before = *self;
        self.due = self.due.cut(reach, now);
        if self.due != before.due {
            self.mark = self.next_mark();
            self.refill = seconds(reach);
        }
        self.more = Strikes::from_bits(self.more).cut(now).to_bits();
        *self != before
    }
}

/// Nanoseconds as whole seconds, rounded up.
pub(super) fn seconds(nanos: u64) -> u32 {
    u32::try_from(nanos.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}
