//! Charging the limits of one step: all or none.
//!
//! All buckets are read and judged first; only if every limit admits is any written. A write that another worker
//! forestalled is judged anew on what that worker left. If that turns an admission into a refusal, the units taken
//! by then are given back.

use std::time::Duration;

use crate::control::limits::Charge;
use crate::control::limits::Moment;
use crate::control::limits::Outcome;
use crate::control::limits::Refused;
use crate::control::limits::gcra::Due;
use crate::control::limits::key;
use crate::control::limits::key::Digest;
use crate::control::limits::key::KeySight;
use crate::control::limits::quota::Quota;
use crate::control::limits::raw::Limit;
use crate::control::limits::slots::Bucket;
use crate::control::limits::slots::Kind;
use crate::control::limits::slots::Place;
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
    moment: Moment,
    store: &'s B,
    pub(super) outcome: Outcome,
}

/// One limit that the request is to be charged to.
pub(super) struct Entry<'l> {
    limit: &'l Limit,
    shadow: bool,
    key: Key,
    print: u64,
    partition: u64,
    look: Option<Look>,
}

/// A bucket as it was read, and what that says about the request.
struct Look {
    bucket: Bucket,
    stamp: Option<u32>,
    place: Place,
    verdict: Result<Due, Duration>,
}

impl<'s, B: Buckets> Step<'s, B> {
    pub(super) fn new(table: &'s Table, moment: Moment, store: &'s B) -> Self {
        Self { table, moment, store, outcome: Outcome::default() }
    }

    /// Works out the key. Nothing where the limit does not count this request, or refuses for want of a key.
    pub(super) fn entry<'l>(&mut self, charge: &Charge<'l>, sight: &impl KeySight) -> Option<Entry<'l>> {
        let Charge { limit, shadow } = *charge;
        match key::digest(limit, sight, self.table) {
            Ok(Some(Digest { print, spread, claimed, partition })) => {
                let part = match (shadow, claimed) {
                    (true, _) => Part::Shadow,
                    (false, true) => Part::Claimed,
                    (false, false) => Part::Open,
                };
                let key = self.table.bucket(part, spread);
                Some(Entry { limit, shadow, key, print, partition, look: None })
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
            admitted &= verdict.is_ok();
            if let Err(wait) = verdict {
                self.exceeded(entry, wait);
            }
        }
        if !admitted {
            return;
        }
        let failed = entries.iter_mut().position(|entry| !self.commit(entry));
        for entry in entries.iter_mut().take(failed.unwrap_or_default()) {
            self.give_back(entry);
        }
    }

    /// Notes how the budgets of enforced entries stand that the client is told of.
    pub(super) fn tell(&mut self, entries: &[Entry<'_>]) {
        let admitted = self.outcome.refused.is_empty();
        for entry in entries {
            let Entry { limit, partition, look: Some(look), .. } = entry else { continue };
            let due = match look.verdict {
                Err(_) => look.place.due,
                Ok(_) if !limit.tells() => continue,
                Ok(charged) if admitted => charged,
                Ok(_) => look.place.due,
            };
            let (limit, budget) = (limit.index(), *limit.budget());
            self.outcome.quotas.push(Quota { limit, partition: *partition, budget, due });
        }
    }

    /// Reads an entry's bucket and judges it.
    fn look(&mut self, entry: &mut Entry<'_>) -> Result<(), Duration> {
        let now = self.moment.now;
        let budget = entry.limit.budget();
        let (value, stamp) = self.store.read(entry.key).unzip();
        let mut bucket = Bucket::read(value, now);
        let place = bucket.find(entry.print, || key::overflow(entry.limit, self.table), budget, now);
        let verdict = budget.take(place.due, now);
        let stats = &mut self.outcome.stats;
        stats.looked = stats.looked.saturating_add(1);
        stats.live = stats.live.saturating_add(place.live);
        entry.look = Some(Look { bucket, stamp, place, verdict });
        verdict.map(|_| ())
    }

    /// Writes an admitted entry's charge; after a lost race on what the winner left. False where it refuses in the
    /// end, which is noted.
    fn commit(&mut self, entry: &mut Entry<'_>) -> bool {
        for _ in 0..TRIES {
            if self.write(entry).is_ok() {
                return true;
            }
            let stats = &mut self.outcome.stats;
            stats.clashes = stats.clashes.saturating_add(1);
            if let Err(wait) = self.look(entry) {
                self.exceeded(entry, wait);
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
        let Ok(due) = look.verdict else { return Err(Clash) };
        look.bucket.charge(&look.place, due, entry.limit.budget(), self.moment.now);
        self.store.swap(entry.key, look.bucket.bytes(), look.stamp)?;
        let stats = &mut self.outcome.stats;
        match look.place.kind {
            Kind::Own | Kind::New { reused: false } => {}
            Kind::New { reused: true } => stats.reused = stats.reused.saturating_add(1),
            Kind::Shared => stats.overflowed = stats.overflowed.saturating_add(1),
        }
        Ok(())
    }

    /// Gives a charged entry's unit back. Where that cannot be done the key has one less: never one more.
    fn give_back(&mut self, entry: &Entry<'_>) {
        let Some(Look { place, verdict: Ok(charged), .. }) = &entry.look else { return };
        let now = self.moment.now;
        for _ in 0..TRIES {
            let (value, stamp) = self.store.read(entry.key).unzip();
            let mut bucket = Bucket::read(value, now);
            if !bucket.give_back(place, *charged, entry.limit.budget(), now) {
                break;
            }
            if self.store.swap(entry.key, bucket.bytes(), stamp).is_ok() {
                return;
            }
        }
        let stats = &mut self.outcome.stats;
        stats.kept = stats.kept.saturating_add(1);
    }

    /// Notes that a budget is spent. What was mended in its bucket is written; if another was faster, it has mended
    /// that itself.
    fn exceeded(&mut self, entry: &Entry<'_>, wait: Duration) {
        if let Some(look) = entry.look.as_ref().filter(|look| look.bucket.mended()) {
            let _ = self.store.swap(entry.key, look.bucket.bytes(), look.stamp);
        }
        let wait = self.jittered(wait);
        let refusal = Refusal::new(Reason::LimitsExceeded).with(Extra::RetryAfter(wait));
        self.refuse(entry.limit, entry.shadow, refusal);
    }

    fn refuse(&mut self, limit: &Limit, shadow: bool, refusal: Refusal) {
        self.outcome.refused.push(Refused { limit: limit.index(), shadow, refusal });
    }

    /// The wait and up to a quarter more, at least a second and at most a minute: never earlier than true.
    fn jittered(&self, wait: Duration) -> Duration {
        let quarter = wait.checked_div(4).unwrap_or_default();
        let spread = quarter.clamp(Duration::from_secs(1), Duration::from_secs(60));
        // `min` drops what is no number, and the cast makes 0 of what is below.
        let share = (self.moment.jitter.min(1.0) * spread.as_nanos() as f64) as u64;
        wait.saturating_add(Duration::from_nanos(share))
    }
}
