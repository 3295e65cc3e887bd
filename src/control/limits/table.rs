//! The table: which bucket a key has, and making all of them before a worker serves.

use std::fmt;

use siphasher::sip128::SipHasher24;

use crate::control::limits::slots::Bucket;
use crate::control::limits::slots::Shape;
use crate::control::limits::store::Key;
use crate::control::limits::store::Part;
use crate::model::quantity::Size;
use crate::model::shared::Buckets;
use crate::model::shared::Unprepared;
use crate::model::shared::agreed_secret;
use crate::model::shared::make_once;

/// What a bucket is reckoned at: its bytes and what an allocator adds. The host's map adds about a tenth to that.
const RECKONED: u64 = 1_024;

/// The policy's `limits_memory`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Memory(Size);

impl Memory {
    /// The least: 16 buckets of each part, and 5 wide ones.
    pub const LEAST: Size = Size(64 << 10);
    /// What a policy has that does not say.
    pub const DEFAULT: Memory = Memory(Size(4 << 20));
    /// The most.
    pub const MOST: Size = Size(64 << 20);

    /// A size within the bounds.
    pub fn new(size: Size) -> Option<Self> {
        (Self::LEAST..=Self::MOST).contains(&size).then_some(Self(size))
    }

    /// How many buckets of a shape each part has: a quarter of all is for limits that count distinct values.
    fn buckets(self, shape: Shape) -> u32 {
        let share = match shape {
            Shape::Narrow => 4,
            Shape::Wide => 12,
        };
        let each = self.0.0.checked_div(RECKONED).and_then(|all| all.checked_div(share));
        each.and_then(|each| u32::try_from(each).ok()).unwrap_or_default().max(1)
    }
}

/// The secret, and how many buckets there are; all else is in the shared memory.
#[derive(Clone)]
pub struct Table {
    secret: [u8; 16],
    narrow: u32,
    wide: u32,
}

/// How much a table holds, for the start log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Capacity {
    /// Bytes of all the buckets, what an allocator adds among them.
    pub bytes: u64,
    /// Buckets of each of the three parts, the wide ones aside.
    pub buckets: u32,
    /// Live keys that each part has a slot for, if they spread evenly.
    pub keys: u32,
    /// The same for limits that count distinct values.
    pub wide_keys: u32,
}

impl fmt::Display for Capacity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { bytes, buckets, keys, wide_keys } = self;
        write!(f, "{bytes} bytes: {buckets} buckets and {keys} live keys in each of three parts, ")?;
        write!(f, "and {wide_keys} of limits that count distinct values")
    }
}

impl Table {
    /// Finds the table in the shared memory, and makes what of it is not there yet: the secret, from `random`, and
    /// the buckets. What is there stays as it is, so every worker may call this with random bytes of its own, at
    /// every start and every change of the policy, and all hold the same table.
    ///
    /// Another `memory` than before gives most keys another bucket, so what was counted is forgotten.
    ///
    /// # Errors
    /// [`Unprepared`] where the shared memory does not do what [`Buckets`] says.
    pub fn prepare(memory: Memory, store: &impl Buckets, random: [u8; 16]) -> Result<Self, Unprepared> {
        let (narrow, wide) = (memory.buckets(Shape::Narrow), memory.buckets(Shape::Wide));
        // A clash says that a bucket is there already. One that cannot be made is made when a key comes.
        make_once(store, Key::Made, narrow, |index| {
            for part in Part::ALL {
                let _ = store.swap(Key::Bucket(part, index), Bucket::empty(Shape::Narrow).bytes(), None);
            }
        });
        make_once(store, Key::MadeWide, wide, |index| {
            for part in Part::ALL {
                let _ = store.swap(Key::Wide(part, index), Bucket::empty(Shape::Wide).bytes(), None);
            }
        });
        Ok(Self { secret: agreed_secret(store, Key::Secret, random)?, narrow, wide })
    }

    /// How much it holds.
    pub fn capacity(&self) -> Capacity {
        let parts = u64::try_from(Part::ALL.len()).unwrap_or(u64::MAX);
        let each = u64::from(self.narrow).saturating_add(self.wide.into());
        let keys = |buckets: u32, shape: Shape| {
            buckets.saturating_mul(u32::try_from(shape.own()).unwrap_or(u32::MAX))
        };
        Capacity {
            bytes: each.saturating_mul(parts).saturating_mul(RECKONED),
            buckets: self.narrow,
            keys: keys(self.narrow, Shape::Narrow),
            wide_keys: keys(self.wide, Shape::Wide),
        }
    }

    /// A hash that only this process's secret can repeat.
    pub fn hasher(&self) -> SipHasher24 {
        SipHasher24::new_with_key(&self.secret)
    }

    /// The bucket for a hash whose other half is the fingerprint.
    pub(super) fn bucket(&self, part: Part, shape: Shape, hash: u64) -> Key {
        // Multiply and shift: as even as a remainder, and no division.
        let index = |buckets: u32| {
            let index = u128::from(hash).saturating_mul(buckets.into()) >> 64;
            u32::try_from(index).unwrap_or_default()
        };
        match shape {
            Shape::Narrow => Key::Bucket(part, index(self.narrow)),
            Shape::Wide => Key::Wide(part, index(self.wide)),
        }
    }
}
