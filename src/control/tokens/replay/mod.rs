//! # Used proofs: each serves once, in all workers of a process
//!
//! **Refuses** with `tokens.proof_replayed` (401) a proof whose `jti` was used with the same key before, with
//! `tokens.proofs_unavailable` (503) one that nobody can tell that of: its bucket is full of proofs that are not over, or
//! it lost too many races for it.
//! One key has a few buckets of the many, so nobody uses up the room of all.
//!
//! **Promises** that of any number of requests with one proof, at any number of workers, at most one passes; that memory
//! does not grow. A proof is remembered until its `iat` is too old for every definition of the policy.
//!
//! **Does not** speak with other processes, and a restart forgets: there a proof serves once more, while its `iat` lets it.

mod slots;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::Duration;

use siphasher::sip128::Hasher128;
use siphasher::sip128::SipHasher24;
use std::hash::Hasher;

use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::Dpop;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::replay::slots::BUCKET;
use crate::control::tokens::replay::slots::Bucket;
use crate::control::tokens::replay::slots::SLOTS;
use crate::control::tokens::replay::slots::Taken;
use crate::model::shared::BucketKey;
use crate::model::shared::Buckets;
use crate::model::shared::TRIES;
use crate::model::shared::Unprepared;
use crate::model::shared::agreed_secret;
use crate::model::shared::make_once;
use crate::model::time::Nanos;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// How many buckets there are: 2 MiB of them. A fixed number, since a proof must be looked for where it was noted.
const BUCKETS: u32 = 2_048;

/// How many of them one key's proofs stand in: 1,312 proofs that are not over, of the one device that has the key.
const SHARE: u32 = 16;

/// When a caller is asked to come back for whom there was no room.
const RETRY: Duration = Duration::from_secs(5);

/// The proofs that were used, in the memory that the workers share.
#[derive(Default)]
pub struct Replays {
    table: Option<Table>,
    counts: Counts,
}

struct Table {
    secret: [u8; 16],
    /// How long a proof counts from its `iat`, in seconds.
    span: u32,
    /// How far `iat` may lie ahead.
    ahead: u32,
}

/// A proof that is used: by what it is known.
pub(crate) struct Used<'u> {
    /// The thumbprint of its key, so that nobody can use up another's.
    pub(crate) key: &'u [u8; 32],
    /// `jti`
    pub(crate) id: &'u str,
    /// `iat`
    pub(crate) issued: f64,
}

/// Where a proof that was not used yet is to be noted.
pub(crate) struct Place {
    key: Key,
    print: u64,
    issued: u32,
    bucket: Bucket,
    stamp: Option<u32>,
}

/// What went on since the last time somebody asked.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Counts {
    kept: u64,
    live: u64,
    replayed: u64,
    full: u64,
    clashes: u64,
    contended: u64,
}

/// A key of the shared memory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Key {
    Secret,
    Made,
    Bucket(u32),
}

impl BucketKey for Key {}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str("portcullis.proofs.secret"),
            Self::Made => f.write_str("portcullis.proofs.v1.made"),
            Self::Bucket(index) => write!(f, "portcullis.proofs.v1.{index}"),
        }
    }
}

impl Replays {
    /// Finds the table in the shared memory, and makes what of it is not there yet; `random` is used where this process
    /// has no secret yet. A policy whose definitions take no proofs has none.
    ///
    /// # Errors
    /// [`Unprepared`] where the shared memory does not keep what is written to it.
    pub fn prepare(
        definitions: &Definitions,
        store: &impl Buckets,
        random: [u8; 16],
    ) -> Result<Self, Unprepared> {
        let taking = || definitions.iter().filter(|definition| definition.dpop != Dpop::Disabled);
        let longest = |of: fn(&Definition) -> Duration| {
            let most = taking().map(of).max().unwrap_or_default();
            u32::try_from(most.as_secs()).unwrap_or(u32::MAX).saturating_add(1)
        };
        if taking().next().is_none() {
            return Ok(Self::default());
        }
        let secret = agreed_secret(store, Key::Secret, random)?;
        let empty = Bucket::empty();
        make_once(store, Key::Made, BUCKETS, |index| {
            // A clash says that it is there already.
            let _ = store.swap(Key::Bucket(index), empty.bytes(), None);
        });
        let span = longest(|definition| definition.proof_max_age.saturating_add(definition.clock_skew));
        let ahead = longest(|definition| definition.clock_skew);
        Ok(Self { table: Some(Table { secret, span, ahead }), counts: Counts::default() })
    }

    /// How many proofs it holds, and in how many bytes, for the start log; nothing where none are taken.
    pub fn capacity(&self) -> Option<(u64, u64)> {
        let all = |each: usize| u64::from(BUCKETS).saturating_mul(u64::try_from(each).unwrap_or(u64::MAX));
        self.table.as_ref().map(|_| (all(SLOTS), all(BUCKET)))
    }

    /// What went on since the last time somebody took it, by name.
    pub fn take_counts(&mut self) -> [(&'static str, u64); 6] {
        let Counts { kept, live, replayed, full, clashes, contended } = std::mem::take(&mut self.counts);
        [
            ("kept", kept),
            ("live", live),
            ("replayed", replayed),
            ("full", full),
            ("clashes", clashes),
            ("contended", contended),
        ]
    }

    /// Looks whether a proof was used. One that was not is to be kept once its signature is known to be good.
    pub(crate) fn look(
        &mut self,
        used: &Used<'_>,
        now: Nanos,
        store: &impl Buckets,
    ) -> Result<Place, Refusal> {
        let Some(table) = &self.table else { return Err(unavailable()) };
        // The window has made sure of it: the cast cuts the fraction.
        let issued = if used.issued >= 1.0 { used.issued as u32 } else { return Err(unavailable()) };
        let (key, print) = table.place(used);
        let (bucket, stamp) = table.read(key, now, store);
        let place = Place { key, print, issued, bucket, stamp };
        if place.bucket.mended() {
            // If another was faster, it has mended that itself.
            let _ = store.swap(key, place.bucket.bytes(), stamp);
        }
        match place.bucket.find(print, issued, table.oldest(now)) {
            Ok(_) => Ok(place),
            Err(taken) => Err(self.refuse(taken)),
        }
    }

    /// Notes a proof as used; after a lost race on what the winner left.
    pub(crate) fn keep(&mut self, mut place: Place, now: Nanos, store: &impl Buckets) -> Result<(), Refusal> {
        let Some(table) = &self.table else { return Err(unavailable()) };
        for _ in 0..TRIES {
            let free = match place.bucket.find(place.print, place.issued, table.oldest(now)) {
                Ok(free) => free,
                Err(taken) => return Err(self.refuse(taken)),
            };
            place.bucket.note(free, place.print, place.issued);
            if store.swap(place.key, place.bucket.bytes(), place.stamp).is_ok() {
                self.counts.kept = self.counts.kept.saturating_add(1);
                self.counts.live = self.counts.live.saturating_add(free.live.into());
                return Ok(());
            }
            self.counts.clashes = self.counts.clashes.saturating_add(1);
            (place.bucket, place.stamp) = table.read(place.key, now, store);
        }
        self.counts.contended = self.counts.contended.saturating_add(1);
        Err(unavailable())
    }

    fn refuse(&mut self, taken: Taken) -> Refusal {
        match taken {
            Taken::Before => {
                self.counts.replayed = self.counts.replayed.saturating_add(1);
                Reason::TokensProofReplayed.into()
            }
            Taken::Full => {
                self.counts.full = self.counts.full.saturating_add(1);
                unavailable()
            }
        }
    }
}

impl Table {
    /// The bucket and the fingerprint of a proof. Keyed, so that nobody chooses where his proofs stand; and one of the few
    /// buckets that its key has, so that whoever makes proofs without end fills those and no others.
    fn place(&self, used: &Used<'_>) -> (Key, u64) {
        let hash = |parts: &[&[u8]]| {
            let mut hasher = SipHasher24::new_with_key(&self.secret);
            parts.iter().for_each(|part| hasher.write(part));
            hasher.finish128()
        };
        let first = hash(&[used.key]).h1;
        // The key has a fixed length, so no two pairs give the same bytes.
        let own = hash(&[used.key, used.id.as_bytes()]);
        // Multiply and shift: as even as a remainder.
        let offset = u128::from(own.h2).saturating_mul(SHARE.into()) >> 64;
        let index = u128::from(first).saturating_add(offset).checked_rem(BUCKETS.into()).unwrap_or_default();
        (Key::Bucket(u32::try_from(index).unwrap_or_default()), own.h1)
    }

    fn read(&self, key: Key, now: Nanos, store: &impl Buckets) -> (Bucket, Option<u32>) {
        let (value, stamp) = store.read(key).unzip();
        (Bucket::read(value, seconds(now).saturating_add(self.ahead)), stamp)
    }

    /// The earliest `iat` that is not over.
    fn oldest(&self, now: Nanos) -> u32 {
        seconds(now).saturating_sub(self.span)
    }
}

fn seconds(now: Nanos) -> u32 {
    u32::try_from(now.0 / 1_000_000_000).unwrap_or(u32::MAX)
}

fn unavailable() -> Refusal {
    Refusal::from(Reason::TokensProofsUnavailable).with(Extra::RetryAfter(RETRY))
}
