//! Charging the limits of one step: all or none.
//!
//! All buckets are read and judged first; only if every limit admits is any written. A write that another worker
//! forestalled is judged anew on what that worker left. If that turns an admission into a refusal, the units taken
//! by then are given back.

use std::num::NonZeroU32;
use std::rc::Rc;
use std::time::Duration;

use crate::control::limits::Charge;
use crate::control::limits::Moment;
use crate::control::limits::Outcome;
use crate::control::limits::Refused;
use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::key;
use crate::control::limits::key::Digest;
use crate::control::limits::key::KeySight;
use crate::control::limits::limit::Limit;
use crate::control::limits::quota::Quota;
use crate::control::limits::slots::Bucket;
use crate::control::limits::slots::Kind;
use crate::control::limits::slots::Place;
use crate::control::limits::slots::Shape;
use crate::control::limits::statuses::Statuses;
use crate::control::limits::store::Key;
use crate::control::limits::store::Part;
use crate::control::limits::table::Table;
use crate::model::shared::Buckets;
use crate::model::shared::Clash;
use crate::model::shared::TRIES;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// How long a request waits that lost too many races: others are through by then.
const CONTENDED: Duration = Duration::from_secs(1);

/// One request at the limits of one step.
pub(super) struct Step<'s, B> {
    table: &'s Table,
    moment: Moment<'s>,
    store: &'s B,
    pub(super) outcome: Outcome,
}

/// One limit that the request is to be charged to.
pub(super) struct Entry<'l> {
    limit: &'l Limit,
    shadow: bool,
    key: Key,
    shape: Shape,
    print: u64,
    partition: u64,
    /// The value that is counted once, where the limit counts distinct ones.
    value: Option<u32>,
    budget: &'l Budget,
    units: NonZeroU32,
    look: Option<Look>,
}

/// What a request took from one limit, so that it can be given back.
#[derive(Clone, Debug)]
pub struct Taken {
    key: Key,
    shape: Shape,
    place: Place,
    charged: Due,
    budget: Budget,
    units: NonZeroU32,
}

/// A bucket as it was read, and what that says about the request.
struct Look {
    bucket: Bucket,
    stamp: Option<u32>,
    place: Place,
    verdict: Verdict,
}

/// What a bucket says about a request.
#[derive(Clone, Copy)]
enum Verdict {
    /// It is admitted, and its budget is whole again then.
    Takes(Due),
    /// It is admitted and costs nothing: its value was counted before.
    Free,
    /// Its budget comes back after this wait.
    Spent(Duration),
    /// Its key is blocked for so long.
    Blocked(Duration),
}

impl Verdict {
    fn admits(self) -> bool {
        matches!(self, Self::Takes(_) | Self::Free)
    }
}

/// Units that stay with their limit only if the request is answered as the limit counts.
#[derive(Clone, Debug)]
pub struct Held {
    statuses: Rc<Statuses>,
    taken: Taken,
}

impl<'s, B: Buckets> Step<'s, B> {
    pub(super) fn new(table: &'s Table, moment: Moment<'s>, store: &'s B) -> Self {
        Self { table, moment, store, outcome: Outcome::default() }
    }

    /// Works out the key and what the request costs. Nothing where the limit does not count this request, or refuses
    /// for want of either.
    pub(super) fn entry<'l>(&mut self, charge: &Charge<'l>, sight: &impl KeySight) -> Option<Entry<'l>> {
        let Charge { limit, shadow, cost } = *charge;
        let read = key::digest(limit, sight, self.table).and_then(|digest| match digest {
            Some(digest) => limit.terms(cost, sight).map(|terms| Some((digest, terms))),
            None => Ok(None),
        });
        match read {
            Ok(Some((Digest { print, spread, claimed, partition, value }, (budget, units)))) => {
                let part = match (shadow, claimed) {
                    (true, _) => Part::Shadow,
                    (false, true) => Part::Claimed,
                    (false, false) => Part::Open,
                };
                let shape = if value.is_some() { Shape::Wide } else { Shape::Narrow };
                let key = self.table.bucket(part, shape, spread);
                Some(Entry { limit, shadow, key, shape, print, partition, value, budget, units, look: None })
            }
            Ok(None) => None,
            Err(reason) => {
                self.refuse(limit, shadow, reason.into());
                None
            }
        }
    }

    /// Charges all entries, or none and notes who refused.
    pub(super) fn charge(&mut self, entries: &mut [Entry<'_>]) {
        let mut admitted = true;
        for entry in &mut *entries {
            let verdict = self.look(entry);
            admitted &= verdict.admits();
            if !verdict.admits() {
                self.exceeded(entry);
            }
        }
        if !admitted {
            return;
        }
        let failed = entries.iter_mut().position(|entry| !self.commit(entry));
        for taken in entries.iter().take(failed.unwrap_or_default()).filter_map(Entry::taken) {
            self.undo(&taken);
        }
        if failed.is_none() {
            self.outcome.held.extend(entries.iter().filter_map(Entry::held));
            // What stands guard for a service is given back where the service is silent and the policy allows that.
            let guards = entries.iter().filter(|entry| entry.limit.is_global() && !entry.shadow);
            self.outcome.guards.extend(guards.filter_map(Entry::taken));
        }
    }

    /// Notes how the budgets of enforced entries stand that the client is told of.
    pub(super) fn tell(&mut self, entries: &[Entry<'_>]) {
        let (admitted, now) = (self.outcome.refused.is_empty(), self.moment.now);
        for entry in entries {
            let Entry { limit, partition, look: Some(look), .. } = entry else { continue };
            let due = match look.verdict {
                Verdict::Blocked(wait) => entry.budget.spent(wait, now).max(look.place.due),
                Verdict::Spent(_) => look.place.due,
                Verdict::Takes(_) | Verdict::Free if !limit.tells() => continue,
                Verdict::Takes(charged) if admitted => charged,
                Verdict::Takes(_) | Verdict::Free => look.place.due,
            };
            let (limit, budget) = (limit.index(), *entry.budget);
            self.outcome.quotas.push(Quota { limit, partition: Some(*partition), budget, due });
        }
    }

    /// Reads an entry's bucket and judges it.
    fn look(&mut self, entry: &mut Entry<'_>) -> Verdict {
        let now = self.moment.now;
        let (value, stamp) = self.store.read(entry.key).unzip();
        let mut bucket = Bucket::read(entry.shape, value, now);
        let reach = entry.limit.reach();
        let mut place = bucket.find(entry.print, || key::overflow(entry.limit, self.table), reach, now);
        let mut blocked = None;
        // Those who share a slot are strangers: none is blocked for what another did.
        if let (Some(penalty), true) = (entry.limit.penalty(), place.kind != Kind::Shared) {
            (place.strikes, blocked) = penalty.look(place.strikes, now);
        }
        let known = |value| bucket.remembers(&place, value);
        let verdict = match blocked {
            Some(wait) => Verdict::Blocked(wait),
            None if entry.value.is_some_and(known) => Verdict::Free,
            None => match entry.budget.take(place.due, entry.units, now) {
                Ok(due) => Verdict::Takes(due),
                Err(wait) => Verdict::Spent(wait),
            },
        };
        let stats = &mut self.outcome.stats;
        stats.looked = stats.looked.saturating_add(1);
        stats.live = stats.live.saturating_add(place.live);
        stats.slots = stats.slots.saturating_add(u32::try_from(entry.shape.own()).unwrap_or_default());
        entry.look = Some(Look { bucket, stamp, place, verdict });
        verdict
    }

    /// Writes an admitted entry's charge; after a lost race on what the winner left. False where it refuses in the
    /// end, which is noted.
    fn commit(&mut self, entry: &mut Entry<'_>) -> bool {
        for _ in 0..TRIES {
            if self.write(entry).is_ok() {
                return true;
            }
            self.clashed();
            if !self.look(entry).admits() {
                self.exceeded(entry);
                return false;
            }
        }
        let stats = &mut self.outcome.stats;
        stats.contended = stats.contended.saturating_add(1);
        let wait = self.jittered(CONTENDED);
        let refusal = Refusal::new(Reason::LimitsContended).with(Extra::RetryAfter(wait));
        self.refuse(entry.limit, entry.shadow, refusal);
        false
    }

    fn write(&mut self, entry: &mut Entry<'_>) -> Result<(), Clash> {
        let Some(look) = &mut entry.look else { return Err(Clash) };
        let due = match look.verdict {
            Verdict::Takes(due) => due,
            Verdict::Free => return Ok(()),
            Verdict::Spent(_) | Verdict::Blocked(_) => return Err(Clash),
        };
        look.bucket.charge(&look.place, due, entry.value, entry.limit.reach(), self.moment.now);
        self.store.swap(entry.key, look.bucket.bytes(), look.stamp)?;
        let stats = &mut self.outcome.stats;
        match look.place.kind {
            Kind::Own | Kind::New { reused: false } => {}
            Kind::New { reused: true } => stats.reused = stats.reused.saturating_add(1),
            Kind::Shared => stats.overflowed = stats.overflowed.saturating_add(1),
        }
        Ok(())
    }

    /// Gives units back. Where that cannot be done the key has less: never more.
    pub(super) fn undo(&mut self, taken: &Taken) {
        if !self.give_back(taken) {
            let stats = &mut self.outcome.stats;
            stats.kept = stats.kept.saturating_add(1);
        }
    }

    /// Gives back what a request took that was answered in a way that does not count.
    pub(super) fn settle(&mut self, held: &Held) {
        let returned = self.give_back(&held.taken);
        let stats = &mut self.outcome.stats;
        let count = if returned { &mut stats.returned } else { &mut stats.kept };
        *count = count.saturating_add(1);
    }

    fn give_back(&mut self, taken: &Taken) -> bool {
        let Taken { key, shape, place, charged, budget, units } = taken;
        let now = self.moment.now;
        for _ in 0..TRIES {
            let (value, stamp) = self.store.read(*key).unzip();
            let mut bucket = Bucket::read(*shape, value, now);
            if !bucket.give_back(place, *charged, (budget, *units), now) {
                return false;
            }
            if self.store.swap(*key, bucket.bytes(), stamp).is_ok() {
                return true;
            }
            self.clashed();
        }
        false
    }

    /// Notes that a budget is spent or a key blocked.
    fn exceeded(&mut self, entry: &mut Entry<'_>) {
        let struck = self.strike(entry);
        let Some(look) = &entry.look else { return };
        // What was mended in its bucket is written; if another was faster, it has mended that itself.
        if !struck && look.bucket.mended() {
            let _ = self.store.swap(entry.key, look.bucket.bytes(), look.stamp);
        }
        let (reason, wait) = match look.verdict {
            Verdict::Blocked(wait) => (Reason::LimitsPenalty, wait),
            Verdict::Spent(wait) => (Reason::LimitsExceeded, wait),
            Verdict::Takes(_) | Verdict::Free => (Reason::LimitsExceeded, CONTENDED),
        };
        if look.place.kind == Kind::Shared {
            self.outcome.stats.overflowed = self.outcome.stats.overflowed.saturating_add(1);
        }
        let refusal = Refusal::new(reason).with(Extra::RetryAfter(self.jittered(wait)));
        self.refuse(entry.limit, entry.shadow, refusal);
    }

    /// Counts a refusal against a key whose limit has a penalty; the key may be blocked from now on. False where
    /// nothing was counted: a key is not struck while it is blocked, nor in a slot that it shares.
    fn strike(&mut self, entry: &mut Entry<'_>) -> bool {
        let (Some(penalty), now) = (entry.limit.penalty(), self.moment.now) else { return false };
        for _ in 0..TRIES {
            let Some(look) = &mut entry.look else { return false };
            let Verdict::Spent(wait) = look.verdict else { return false };
            if look.place.kind == Kind::Shared {
                return false;
            }
            let (strikes, blocked) = penalty.strike(look.place.strikes, now);
            look.bucket.strike(&look.place, strikes, entry.limit.reach());
            if self.store.swap(entry.key, look.bucket.bytes(), look.stamp).is_ok() {
                if let Some(block) = blocked {
                    look.verdict = Verdict::Blocked(block.max(wait));
                    let stats = &mut self.outcome.stats;
                    stats.blocked = stats.blocked.saturating_add(1);
                }
                return true;
            }
            self.clashed();
            self.look(entry);
        }
        false
    }

    fn clashed(&mut self) {
        let stats = &mut self.outcome.stats;
        stats.clashes = stats.clashes.saturating_add(1);
    }

    fn refuse(&mut self, limit: &Limit, shadow: bool, refusal: Refusal) {
        self.outcome.refused.push(Refused { limit: limit.index(), shadow, refusal });
    }

    fn jittered(&self, wait: Duration) -> Duration {
        self.moment.jittered(wait)
    }
}

impl Entry<'_> {
    /// The units that the request holds until it is answered, where the limit counts answers.
    fn held(&self) -> Option<Held> {
        Some(Held { statuses: self.limit.count()?.clone(), taken: self.taken()? })
    }

    /// What was taken, once it was.
    fn taken(&self) -> Option<Taken> {
        let Some(Look { place, verdict: Verdict::Takes(charged), .. }) = self.look else { return None };
        let Self { key, shape, units, .. } = *self;
        Some(Taken { key, shape, place, charged, budget: *self.budget, units })
    }
}

impl Held {
    /// Whether they stay taken after an answer with this status.
    pub fn counts(&self, status: u16) -> bool {
        self.statuses.has(status)
    }
}
