//! One bucket of the table: a fixed number of slots in fixed bytes, edited where they stand.
//!
//! A bucket is 8 bytes that say what it is, then slots of 32 bytes ([`Slot`]); in a wide bucket each key's slot is
//! followed by 204 bytes that remember values, for limits that count distinct ones ([`seen`](super::seen)).
//!
//! | slots | of a wide bucket | belong to |
//! | --- | --- | --- |
//! | 0..24 | 0..4 | one key each |
//! | 24..30 | none | one limit each: what newcomers share when every slot above is live (overflow) |
//! | 30 | 4 | all limits: when the overflow slots are live too and other limits' |
//!
//! A slot whose time has passed (by [`GRACE`]) and whose key has no strikes is spent: it says what no slot would say,
//! so a newcomer takes it and nothing is lost. A live slot is never taken. No key ever gets more than its own rate and
//! burst, however full the bucket: a key that has no slot may have been counted in the overflow slot of its limit or
//! in the last slot, so when it is given one of its own it starts from where those stand, not from a whole budget.
//!
//! Strikes are a key's own: in a slot that keys share none are counted, since they would block strangers.

use std::num::NonZeroU32;
use std::ops::Range;

use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::gcra::GRACE;
use crate::control::limits::gcra::MAX_REFILL;
use crate::control::limits::penalty::Strikes;
use crate::control::limits::seen::SEEN;
use crate::control::limits::seen::Seen;
use crate::control::limits::slot::SLOT;
use crate::control::limits::slot::Slot;
use crate::control::limits::slot::seconds;
use crate::model::time::Nanos;

/// The bytes of a bucket. With what an allocator adds to them they are 1 KiB.
pub(super) const BUCKET: usize = 1_000;

/// How many bytes say what a bucket is.
const HEAD: usize = 8;

/// What a bucket's slots are like.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// A slot for each of 24 keys.
    Narrow,
    /// A slot and remembered values for each of 4 keys.
    Wide,
}

impl Shape {
    /// What every bucket of this shape begins with; the seventh byte is the layout's version.
    const fn head(self) -> &'static [u8; HEAD] {
        match self {
            Self::Narrow => b"pclims\x02\0",
            Self::Wide => b"pclims\x02\x01",
        }
    }

    /// How many keys have a slot of their own.
    pub(super) const fn own(self) -> usize {
        match self {
            Self::Narrow => 24,
            Self::Wide => 4,
        }
    }

    /// The slot that all limits share; the overflow slots lie between.
    const fn last(self) -> usize {
        match self {
            Self::Narrow => 30,
            Self::Wide => 4,
        }
    }

    /// From one key's slot to the next.
    const fn stride(self) -> usize {
        match self {
            Self::Narrow => SLOT,
            Self::Wide => SLOT.saturating_add(SEEN),
        }
    }

    /// Where the slot with this number begins.
    #[inline]
    fn at(self, index: usize) -> usize {
        let own = self.own().min(index).saturating_mul(self.stride());
        let shared = index.saturating_sub(self.own()).saturating_mul(SLOT);
        HEAD.saturating_add(own).saturating_add(shared)
    }
}

/// The bytes of a bucket while a request looks at it.
#[derive(Debug)]
pub(super) struct Bucket {
    shape: Shape,
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
    /// Which use of the slot this is.
    mark: u16,
    /// Whose slot it is.
    pub(super) kind: Kind,
    /// What it starts from.
    pub(super) due: Due,
    /// What the key did before.
    pub(super) strikes: Strikes,
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

/// What a look over some slots found.
#[derive(Default)]
struct Scan {
    mine: Option<(usize, Slot)>,
    spent: Option<usize>,
    live: u32,
}

impl Bucket {
    /// Reads a bucket off the shared memory. Absent or empty is a new one. Bytes that are no bucket have lost what
    /// was counted in them, so every budget in it is held for spent, and comes back at its own rate from `now` on.
    pub(super) fn read(shape: Shape, value: Option<Vec<u8>>, now: Nanos) -> Self {
        match value {
            Some(bytes) if bytes.len() == BUCKET && bytes.starts_with(shape.head()) => {
                Self { shape, bytes, mended: false }
            }
            None => Self::empty(shape),
            Some(bytes) if bytes.is_empty() => Self::empty(shape),
            Some(_) => {
                let mut bucket = Self::empty(shape);
                let due = Due { nanos: now.plus(MAX_REFILL).0, part: 0 };
                bucket.set(shape.last(), Slot { due, more: now.0, ..Slot::default() });
                Self { mended: true, ..bucket }
            }
        }
    }

    /// A bucket in which nothing was counted.
    pub(super) fn empty(shape: Shape) -> Self {
        let mut bytes = Vec::with_capacity(BUCKET);
        bytes.extend_from_slice(shape.head());
        bytes.resize(BUCKET, 0);
        Self { shape, bytes, mended: false }
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

    /// Where the key with the fingerprint `key` is counted; `limit` is its limit's, `reach` the longest time that a
    /// spent burst of it takes to come back.
    pub(super) fn find(&mut self, key: u64, limit: impl FnOnce() -> u64, reach: u64, now: Nanos) -> Place {
        let own = self.scan(0..self.shape.own(), key, reach, now);
        let at = |index: usize, slot: &Slot, print: u64, kind: Kind, due: Due| Place {
            index,
            print,
            mark: if slot.print == print { slot.mark } else { slot.next_mark() },
            kind,
            due,
            strikes: if kind == Kind::Own { Strikes::from_bits(slot.more) } else { Strikes::default() },
            live: own.live,
        };
        if let Some((index, slot)) = own.mine {
            return at(index, &slot, key, Kind::Own, slot.due);
        }
        let limit = limit();
        let shared = self.scan(self.shape.own()..self.shape.last(), limit, reach, now);
        let (last, latest) = self.last(reach, now);
        if let Some(index) = own.spent {
            let slot = self.get(index).unwrap_or_default();
            let reused = slot.due != Due::default();
            let due = shared.mine.map_or(latest, |(_, slot)| latest.max(slot.due));
            return at(index, &slot, key, Kind::New { reused }, due);
        }
        match (shared.mine, shared.spent) {
            (Some((index, slot)), _) => at(index, &slot, limit, Kind::Shared, slot.due),
            (None, Some(index)) => {
                at(index, &self.get(index).unwrap_or_default(), limit, Kind::Shared, latest)
            }
            (None, None) => at(self.shape.last(), &last, 0, Kind::Shared, latest),
        }
    }

    /// Counts at `place`: its budget is whole again at `due`. A wide bucket remembers the `value`.
    pub(super) fn charge(&mut self, place: &Place, due: Due, value: Option<u32>, reach: u64, now: Nanos) {
        if place.index == self.shape.last() {
            let Some(slot) = self.get(place.index) else { return };
            let (due, more) = (slot.due.max(due), slot.more.max(now.0));
            return self.set(place.index, Slot { due, more, ..slot });
        }
        self.put(place, due, place.strikes, reach);
        if let (Some(value), Some(mut seen)) = (value, self.seen(place)) {
            if place.kind != Kind::Own {
                seen.forget();
            }
            seen.remember(value);
        }
    }

    /// Whether the value was counted for this key and is remembered.
    pub(super) fn remembers(&mut self, place: &Place, value: u32) -> bool {
        place.kind == Kind::Own && self.seen(place).is_some_and(|seen| seen.has(value))
    }

    /// Notes strikes against the key at `place`, which is its own.
    pub(super) fn strike(&mut self, place: &Place, strikes: Strikes, reach: u64) {
        self.put(place, place.due, strikes, reach);
        if let (Kind::New { .. }, Some(mut seen)) = (place.kind, self.seen(place)) {
            seen.forget();
        }
    }

    /// Gives back units whose taking at `place` answered `charged`. False where they are kept: the slot was spent and
    /// is another's by now, its time was cut, it is the last one, whose time is not one limit's alone, or a value is
    /// remembered for them.
    pub(super) fn give_back(
        &mut self,
        place: &Place,
        charged: Due,
        (budget, units): (&Budget, NonZeroU32),
        now: Nanos,
    ) -> bool {
        match self.get(place.index) {
            Some(slot)
                if self.shape == Shape::Narrow
                    && place.index != self.shape.last()
                    && (slot.print, slot.mark) == (place.print, place.mark) =>
            {
                let due = budget.give_back(slot.due, charged, units, now);
                self.set(place.index, Slot { due, ..slot });
                true
            }
            _ => false,
        }
    }

    /// Looks for `print` among some slots and cuts the times that lie too far off.
    fn scan(&mut self, range: Range<usize>, print: u64, reach: u64, now: Nanos) -> Scan {
        let mut scan = Scan::default();
        // A slot that nobody used yet says nothing: most are told by that alone.
        let unused = Slot::default();
        let skips = print != unused.print && !unused.is_live(now);
        // No range has both kinds of slots.
        let step = if range.start < self.shape.own() { self.shape.stride() } else { SLOT };
        let mut next = self.shape.at(range.start);
        for index in range {
            let Some(bytes) = self.bytes.get(next..).and_then(<[u8]>::first_chunk) else { break };
            next = next.saturating_add(step);
            if skips && Slot::is_unused(bytes) {
                scan.spent.get_or_insert(index);
                continue;
            }
            let mut slot = Slot::load(bytes);
            let mine = slot.print == print;
            if slot.cut(mine.then_some(reach), now) {
                self.set(index, slot);
                self.mended = true;
            }
            if mine {
                scan.mine = Some((index, slot));
            }
            if slot.is_live(now) {
                scan.live = scan.live.saturating_add(1);
            } else {
                scan.spent.get_or_insert(index);
            }
        }
        scan
    }

    /// The last slot, and from where it lets a limit start.
    ///
    /// Limits of unlike rates share it, and its time is the latest that any of them put there. But after an admitted
    /// request no budget is further off than its own refill, so a limit need not believe more than that since the
    /// slot was last used: a limit by the second does not wait for one by the day.
    fn last(&mut self, reach: u64, now: Nanos) -> (Slot, Due) {
        let index = self.shape.last();
        let mut slot = self.get(index).unwrap_or_default();
        if slot.more > now.plus(GRACE).0 {
            slot.more = now.0;
            self.set(index, slot);
            self.mended = true;
        }
        (slot, slot.due.min(Due { nanos: slot.more.saturating_add(reach), part: 0 }))
    }

    /// Writes the slot of a key or of one limit.
    fn put(&mut self, place: &Place, due: Due, strikes: Strikes, reach: u64) {
        let Place { index, print, mark, .. } = *place;
        self.set(index, Slot { print, due, refill: seconds(reach), mark, more: strikes.to_bits() });
    }

    #[inline]
    fn get(&self, index: usize) -> Option<Slot> {
        self.slot(index).map(Slot::load)
    }

    #[inline]
    fn slot(&self, index: usize) -> Option<&[u8; SLOT]> {
        self.bytes.get(self.shape.at(index)..)?.first_chunk()
    }

    fn set(&mut self, index: usize, slot: Slot) {
        let bytes = self.bytes.get_mut(self.shape.at(index)..);
        if let Some(bytes) = bytes.and_then(|bytes| bytes.first_chunk_mut()) {
            slot.store(bytes);
        }
    }

    /// What a wide bucket remembers for the key at `place`.
    fn seen(&mut self, place: &Place) -> Option<Seen<'_>> {
        if self.shape == Shape::Narrow || place.kind == Kind::Shared {
            return None;
        }
        let bytes = self.bytes.get_mut(self.shape.at(place.index).saturating_add(SLOT)..)?;
        bytes.first_chunk_mut().map(Seen)
    }
}
