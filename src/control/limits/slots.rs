//! One bucket of the table: a fixed number of slots in fixed bytes, edited where they stand.
//!
//! All numbers are little endian. A bucket is 8 bytes that say what it is, then 31 slots of 32 bytes:
//!
//! | slots | belong to |
//! | --- | --- |
//! | 0..24 | one key each |
//! | 24..30 | one limit each: what newcomers share when every slot above is live (overflow) |
//! | 30 | all limits: when the overflow slots are live too and other limits' |
//!
//! | bytes of a slot | hold |
//! | --- | --- |
//! | 0..8 | fingerprint of the key, or of the limit; 0 in the last slot |
//! | 8..16 | when the budget is whole again, in ns since the epoch |
//! | 16..20 | and the part of one more, see [`Due`] |
//! | 20..24 | how long a spent burst takes to come back, in s, rounded up; so that whoever comes by can tell a time that only a clock that has stepped back since can have left |
//! | 24..32 | zero, for a key's penalty; in the last slot the time of its last use |
//!
//! A slot whose time has passed (by [`GRACE`]) is spent: it says what no slot would say, so a newcomer takes it and
//! nothing is lost. A live slot is never taken. No key ever gets more than its own rate and burst, however full the
//! bucket: a key that has no slot may have been counted in the overflow slot of its limit or in the last slot, so
//! when it is given one of its own it starts from where those stand, not from a whole budget.

use std::ops::Range;

use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::gcra::GRACE;
use crate::control::limits::gcra::MAX_REFILL;
use crate::model::time::Nanos;

/// What every bucket of this layout begins with; the seventh byte is the layout's version.
const HEADER: [u8; 8] = *b"pclims\x01\0";

/// The bytes of one slot.
const SLOT: usize = 32;

/// The bytes of a bucket. With what an allocator adds to them they are 1 KiB.
pub(super) const BUCKET: usize = 1_000;

/// How many keys have a slot of their own in one bucket.
pub(super) const OWN: usize = 24;

/// The slot that all limits share; the overflow slots lie between.
const LAST: usize = 30;

/// The bytes of a bucket while a request looks at it.
#[derive(Debug)]
pub(super) struct Bucket {
    bytes: Vec<u8>,
    mended: bool,
}

/// Where a key is counted in a bucket, before it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Place {
    /// The slot's number.
    index: usize,
    /// The fingerprint that the slot has, or is to have.
    print: u64,
    /// Whose slot it is.
    pub(super) kind: Kind,
    /// What it starts from.
    pub(super) due: Due,
    /// How many of the keys' slots are live.
    pub(super) live: u32,
}

/// Whose slot a key is counted in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// Its own, from before.
    Own,
    /// Its own from now on; whether another key's spent slot was taken for it.
    New {
        /// It was used before.
        reused: bool,
    },
    /// The overflow slot of its limit, or the one of all limits.
    Shared,
}

#[derive(Clone, Copy)]
struct Slot {
    print: u64,
    due: Due,
    refill: u32,
    more: u64,
}

/// What a look over some slots found.
#[derive(Default)]
struct Scan {
    mine: Option<(usize, Due)>,
    spent: Option<(usize, bool)>,
    live: u32,
}

impl Bucket {
    /// Reads a bucket off the shared memory. Absent or empty is a new one. Bytes that are no bucket have lost what
    /// was counted in them, so every budget in it is held for spent, and comes back at its own rate from `now` on.
    pub(super) fn read(value: Option<Vec<u8>>, now: Nanos) -> Self {
        match value {
            Some(bytes) if bytes.len() == BUCKET && bytes.starts_with(&HEADER) => {
                Self { bytes, mended: false }
            }
            None => Self::empty(),
            Some(bytes) if bytes.is_empty() => Self::empty(),
            Some(_) => {
                let mut bucket = Self::empty();
                let due = Due { nanos: now.plus(MAX_REFILL).0, part: 0 };
                bucket.set(LAST, Slot { print: 0, due, refill: 0, more: now.0 });
                Self { mended: true, ..bucket }
            }
        }
    }

    /// A bucket in which nothing was counted.
    pub(super) fn empty() -> Self {
        let mut bytes = Vec::with_capacity(BUCKET);
        bytes.extend_from_slice(&HEADER);
        bytes.resize(BUCKET, 0);
        Self { bytes, mended: false }
    }

    /// What is written back.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether a time was cut or the whole bucket made anew: that is written back even if nobody is admitted, else
    /// it would be cut to a later time again and again.
    pub(super) fn mended(&self) -> bool {
        self.mended
    }

    /// Where the key with the fingerprint `key` is counted; `limit` is its limit's.
    pub(super) fn find(
        &mut self,
        key: u64,
        limit: impl FnOnce() -> u64,
        budget: &Budget,
        now: Nanos,
    ) -> Place {
        let own = self.scan(0..OWN, key, budget, now);
        let live = own.live;
        if let Some((index, due)) = own.mine {
            return Place { index, print: key, kind: Kind::Own, due, live };
        }
        let limit = limit();
        let shared = self.scan(OWN..LAST, limit, budget, now);
        let last = self.last(budget, now);
        if let Some((index, reused)) = own.spent {
            let due = shared.mine.map_or(last, |(_, due)| last.max(due));
            return Place { index, print: key, kind: Kind::New { reused }, due, live };
        }
        let (index, print, due) = match (shared.mine, shared.spent) {
            (Some((index, due)), _) => (index, limit, due),
            (None, Some((index, _))) => (index, limit, last),
            (None, None) => (LAST, 0, last),
        };
        Place { index, print, kind: Kind::Shared, due, live }
    }

    /// Counts at `place`: its budget is whole again at `due`.
    pub(super) fn charge(&mut self, place: &Place, due: Due, budget: &Budget, now: Nanos) {
        let Some(mut slot) = self.get(place.index) else { return };
        if place.index == LAST {
            slot.due = slot.due.max(due);
            slot.more = slot.more.max(now.0);
        } else {
            let more = if slot.print == place.print { slot.more } else { 0 };
            let refill = u32::try_from(budget.refill().div_ceil(1_000_000_000)).unwrap_or(u32::MAX);
            slot = Slot { print: place.print, due, refill, more };
        }
        self.set(place.index, slot);
    }

    /// Gives back the unit whose taking at `place` answered `charged`. False where it is kept: the slot was spent
    /// and is another's by now, or it is the last one, whose time is not one limit's alone.
    pub(super) fn give_back(&mut self, place: &Place, charged: Due, budget: &Budget, now: Nanos) -> bool {
        match self.get(place.index) {
            Some(slot) if place.index != LAST && slot.print == place.print => {
                let due = budget.give_back(slot.due, charged, now);
                self.set(place.index, Slot { due, ..slot });
                true
            }
            _ => false,
        }
    }

    /// Looks for `print` among some slots and cuts the times that lie too far off.
    fn scan(&mut self, range: Range<usize>, print: u64, budget: &Budget, now: Nanos) -> Scan {
        let mut scan = Scan::default();
        let mut mended = false;
        for (index, bytes) in self.slots().iter_mut().enumerate().take(range.end).skip(range.start) {
            let mut slot = Slot::load(bytes);
            let mine = slot.print == print;
            let due = if mine { budget.cut(slot.due, now) } else { slot.cut(now) };
            if due != slot.due {
                slot.due = due;
                slot.store(bytes);
                mended = true;
            }
            if mine {
                scan.mine = Some((index, due));
            }
            if slot.is_live(now) {
                scan.live = scan.live.saturating_add(1);
            } else if scan.spent.is_none() {
                scan.spent = Some((index, slot.due != Due::default()));
            }
        }
        self.mended |= mended;
        scan
    }

    /// From where the last slot lets a limit start.
    ///
    /// Limits of unlike rates share it, and its time is the latest that any of them put there. But after an admitted
    /// request no budget is further off than its own refill, so a limit need not believe more than that since the
    /// slot was last used: a limit by the second does not wait for one by the day.
    fn last(&mut self, budget: &Budget, now: Nanos) -> Due {
        let Some(mut slot) = self.get(LAST) else { return Due::default() };
        if slot.more > now.plus(GRACE).0 {
            slot.more = now.0;
            self.set(LAST, slot);
            self.mended = true;
        }
        slot.due.min(Due { nanos: slot.more.saturating_add(budget.refill()), part: 0 })
    }

    fn slots(&mut self) -> &mut [[u8; SLOT]] {
        self.bytes.get_mut(HEADER.len()..).unwrap_or_default().as_chunks_mut().0
    }

    fn get(&mut self, index: usize) -> Option<Slot> {
        self.slots().get(index).map(Slot::load)
    }

    fn set(&mut self, index: usize, slot: Slot) {
        if let Some(bytes) = self.slots().get_mut(index) {
            slot.store(bytes);
        }
    }
}

impl Slot {
    fn load(bytes: &[u8; SLOT]) -> Self {
        let words = bytes.as_chunks::<8>().0;
        let word = |at: usize| words.get(at).map_or(0, |word| u64::from_le_bytes(*word));
        let [a, b, c, d, e, f, g, h] = word(2).to_le_bytes();
        Self {
            print: word(0),
            due: Due { nanos: word(1), part: u32::from_le_bytes([a, b, c, d]) },
            refill: u32::from_le_bytes([e, f, g, h]),
            more: word(3),
        }
    }

    fn store(&self, bytes: &mut [u8; SLOT]) {
        let mixed = u64::from(self.due.part) | u64::from(self.refill) << 32;
        let words = [self.print, self.due.nanos, mixed, self.more];
        for (place, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
            *place = word.to_le_bytes();
        }
    }

    /// Whether its time has not passed; for [`GRACE`] longer, since a worker may be that late with its own clock.
    fn is_live(&self, now: Nanos) -> bool {
        Nanos(self.due.nanos).plus(GRACE) >= now
    }

    /// The time of a slot whose budget is not at hand, cut to what the slot says of it.
    fn cut(&self, now: Nanos) -> Due {
        let refill = u64::from(self.refill).saturating_mul(1_000_000_000);
        if self.due.nanos <= now.plus(GRACE).0.saturating_add(refill) {
            return self.due;
        }
        Due { nanos: now.0.saturating_add(refill), part: 0 }
    }
}
