//! # Limits: so many per key, exact across the workers of a process, in memory of a fixed size
//!
//! **Refuses** with `limits.exceeded` (429) a request whose key has spent its budget, with `limits.penalty` (429) one
//! whose key is blocked because it went on, with `limits.key_missing` (429) one that lacks the key, with
//! `limits.ambiguous` (400) one that gives a part of it twice, with `limits.cost` (400) one that does not say what it
//! costs or costs more than the burst, with `limits.contended` (429) one that lost too many races for its bucket.
//!
//! **Needs** the compiled limits of one [`Stage`] of a route, someone who sees the request ([`KeySight`]), the time,
//! and the memory that the workers share ([`Buckets`]).
//!
//! **Promises** that of the limits of one step all are charged or none; that no key is ever admitted more than
//! `burst + rate * time`, however many other keys there are; that memory does not grow. A limit in shadow counts in
//! slots of its own and touches no enforced one.
//!
//! **Does not** decide modes, read a clock or draw random numbers: they are arguments. Another process has budgets
//! of its own, but for what `service` asks for.
//!
//! **Tells** a client that is refused how its budget stands; one that is admitted too where the limit says `headers`.
//!
//! `gcra` is the arithmetic of budgets, `penalty` that of blocks, `slot`, `seen` and `slots` the bytes of a bucket,
//! `table` the buckets, `key` the fingerprints, `terms` whose rate and what cost, `statuses` what counts, `step` the
//! charging, `quota` what a client is told of it, `store` the names in shared memory, `limit` what is compiled, `raw`,
//! `part` and `route` what the policy says.

pub mod gcra;
pub mod key;
pub mod limit;
mod part;
pub mod penalty;
pub mod quota;
pub mod raw;
pub mod route;
mod seen;
pub mod service;
mod slot;
mod slots;
mod statuses;
mod step;
pub mod store;
pub mod table;
mod terms;
#[cfg(test)]
mod tests;

use std::cell::OnceCell;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::control::limits::key::KeySight;
use crate::control::limits::limit::Limit;
use crate::control::limits::quota::Quota;
use crate::control::limits::table::Capacity;
use crate::control::limits::table::Memory;
use crate::control::limits::table::Table;
use crate::model::shared::Buckets;
use crate::model::shared::Unprepared;
use crate::model::time::Nanos;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

pub use crate::control::limits::limit::Stage;
pub use crate::control::limits::raw::Limits;
pub use crate::control::limits::step::Held;
pub use crate::control::limits::step::Taken;

/// Charges requests to their limits.
#[derive(Clone)]
pub struct Limiter {
    table: Table,
}

/// A limit that a request is held to. Disabled ones are left out.
#[derive(Clone, Copy)]
pub struct Charge<'l> {
    /// The limit.
    pub limit: &'l Limit,
    /// Whether it is in shadow.
    pub shadow: bool,
    /// What the request costs, where its route says so.
    pub cost: Option<NonZeroU32>,
}

/// When a request is judged.
pub struct Moment<'m> {
    now: Nanos,
    jitter: &'m dyn Fn() -> f64,
    /// Drawn where the first limit refuses, and the same for all: of several waits the longest is told.
    lot: OnceCell<f64>,
}

impl<'m> Moment<'m> {
    /// `jitter` is a random number from 0 to 1: how much of the spread is added to `Retry-After`, so that those who were
    /// refused together do not come back together.
    pub fn new(now: Nanos, jitter: &'m dyn Fn() -> f64) -> Self {
        Self { now, jitter, lot: OnceCell::new() }
    }

    /// A moment in which nobody is told to come back.
    fn plain(now: Nanos) -> Self {
        Self::new(now, &|| 0.0)
    }

    /// The wait and up to a quarter more, at least a second and at most a minute: never earlier than true.
    pub fn jittered(&self, wait: Duration) -> Duration {
        let quarter = wait.checked_div(4).unwrap_or_default();
        let spread = quarter.clamp(Duration::from_secs(1), Duration::from_secs(60));
        // `min` drops what is no number, and the cast makes 0 of what is below.
        let lot = self.lot.get_or_init(self.jitter);
        let share = (lot.min(1.0) * spread.as_nanos() as f64) as u64;
        wait.saturating_add(Duration::from_nanos(share))
    }
}

/// What a step came to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Every limit that refuses, or would if it were enforced. Empty, and not allocated, where all admit.
    pub refused: Vec<Refused>,
    /// How the budgets stand that the client is told of: those of enforced limits that refuse or say `headers`.
    pub quotas: Vec<Quota>,
    /// What the request took and gives back unless it is answered as its limits count.
    pub held: Vec<Held>,
    /// What enforced global limits took, where the request was admitted.
    pub guards: Vec<Taken>,
    /// For the metrics.
    pub stats: Stats,
}

/// A limit's refusal.
#[derive(Clone, Debug, PartialEq)]
pub struct Refused {
    /// The limit's index in the policy.
    pub limit: usize,
    /// Whether it is in shadow, so that the request goes on.
    pub shadow: bool,
    /// What the client is told, or would be.
    pub refusal: Refusal,
}

/// What went on in the table during a step.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Stats {
    /// Buckets looked at.
    pub looked: u32,
    /// Keys' slots in them.
    pub slots: u32,
    /// Live ones among those: `live / slots` is how full the table is.
    pub live: u32,
    /// Spent slots that were given to another key.
    pub reused: u32,
    /// Requests counted in a slot that their key shares, because every slot of the bucket is live, or refused by it.
    pub overflowed: u32,
    /// Races lost for a bucket, and run again.
    pub clashes: u32,
    /// Limits that refused because they lost too many.
    pub contended: u32,
    /// Limits to which a request gave back what it took, since its answer does not count.
    pub returned: u32,
    /// Limits to which it could not be given back: the time had passed, or been cut, or too many races were lost.
    pub kept: u32,
    /// Blocks that began.
    pub blocked: u32,
}

impl Stats {
    /// Both together.
    pub fn and(self, more: Self) -> Self {
        Self {
            looked: self.looked.saturating_add(more.looked),
            slots: self.slots.saturating_add(more.slots),
            live: self.live.saturating_add(more.live),
            reused: self.reused.saturating_add(more.reused),
            overflowed: self.overflowed.saturating_add(more.overflowed),
            clashes: self.clashes.saturating_add(more.clashes),
            contended: self.contended.saturating_add(more.contended),
            returned: self.returned.saturating_add(more.returned),
            kept: self.kept.saturating_add(more.kept),
            blocked: self.blocked.saturating_add(more.blocked),
        }
    }
}

impl Limiter {
    /// Finds the table in the shared memory, or makes it: see [`Table::prepare`]. `random` is used where this process
    /// has no secret yet.
    ///
    /// # Errors
    /// [`Unprepared`] where the shared memory does not keep what is written to it.
    pub fn prepare(memory: Memory, store: &impl Buckets, random: [u8; 16]) -> Result<Self, Unprepared> {
        Ok(Self { table: Table::prepare(memory, store, random)? })
    }

    /// How much the table holds.
    pub fn capacity(&self) -> Capacity {
        self.table.capacity()
    }

    /// Charges each limit of a step with what the request costs.
    ///
    /// If any enforced limit refuses, no enforced one is charged, and the ones in shadow are not asked: the request
    /// ends here. Else each limit in shadow is asked on its own, as if it were the only one enforced.
    ///
    /// A limit costs one read and one swap of a bucket; a refusal costs the read alone. There is one allocation for
    /// the step beside the host's buffers.
    pub fn check(
        &self,
        charges: &[Charge<'_>],
        sight: &impl KeySight,
        moment: Moment<'_>,
        store: &impl Buckets,
    ) -> Outcome {
        let mut step = step::Step::new(&self.table, moment, store);
        let mut entries = Vec::with_capacity(charges.len());
        for charge in charges.iter().filter(|charge| !charge.shadow) {
            entries.extend(step.entry(charge, sight));
        }
        if step.outcome.refused.is_empty() {
            step.charge(&mut entries);
        }
        step.tell(&entries);
        if step.outcome.refused.is_empty() {
            for charge in charges.iter().filter(|charge| charge.shadow) {
                if let Some(entry) = step.entry(charge, sight) {
                    step.charge(&mut [entry]);
                }
            }
        }
        step.outcome
    }

    /// Gives back what a request held, by the final status of its answer. What is answered as its limit counts stays
    /// taken; so does all of a request that is never answered, for which nobody calls this.
    pub fn settle(&self, held: &[Held], status: u16, now: Nanos, store: &impl Buckets) -> Stats {
        let mut step = step::Step::new(&self.table, Moment::plain(now), store);
        for held in held.iter().filter(|held| !held.counts(status)) {
            step.settle(held);
        }
        step.outcome.stats
    }

    /// Gives back what a request took, for a reason that the caller has.
    pub fn give_back(&self, taken: &[Taken], now: Nanos, store: &impl Buckets) -> Stats {
        let mut step = step::Step::new(&self.table, Moment::plain(now), store);
        taken.iter().for_each(|taken| step.undo(taken));
        step.outcome.stats
    }
}

impl Outcome {
    /// The enforced refusal that the client is told: what it can mend comes first, then the longest wait.
    pub fn answer(&self) -> Option<&Refused> {
        self.refused.iter().filter(|refused| !refused.shadow).max_by_key(|refused| refused.weight())
    }
}

impl Refused {
    fn weight(&self) -> (u8, Duration) {
        let rank = match self.refusal.reason {
            Reason::LimitsAmbiguous => 2,
            Reason::LimitsKeyMissing => 1,
            _ => 0,
        };
        match self.refusal.extra {
            Extra::RetryAfter(wait) => (rank, wait),
            _ => (rank, Duration::ZERO),
        }
    }
}
