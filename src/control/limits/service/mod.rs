//! # The rate limit service: one budget for the processes of a fleet
//!
//! A limit with `scope: global` is counted twice: here, by a local limit of the same shape that stands guard, and, where
//! that lets a request pass, by a service that speaks `envoy.service.ratelimit.v3` and that all processes ask.
//!
//! **Asks** once for all global limits of a stage that are enforced, so that the service charges all or none. Limits in
//! shadow are not asked for: they would use up what others are held to.
//!
//! **Tells** the service the limit's name, the name of a tier that the policy lists, and a hash of the key. No address, no
//! body value and no other claim leaves.
//!
//! **Does not** send anything or wait: `wire` makes the question and reads the reply, the engine waits, the filter sends.

pub mod raw;
#[cfg(test)]
mod tests;
pub mod wire;

use std::rc::Rc;
use std::time::Duration;

use crate::control::limits::gcra::Budget;
use crate::control::limits::raw::Limits;
use crate::control::limits::service::wire::Descriptor;
use crate::control::limits::service::wire::Reply;
use crate::control::limits::service::wire::Status;
use crate::control::limits::service::wire::Verdict;

/// The entry of a descriptor with the limit's name.
pub const LIMIT: &str = "limit";
/// The entry with the caller's tier, between the two, where the limit has tiers and the caller one of them.
pub const TIER: &str = "tier";
/// The entry with the key's hash.
pub const KEY: &str = "key";

/// The entry of the first descriptor with the tier. No limit's name has a colon.
pub fn tier_of(limit: &str) -> String {
    format!("{limit}:{TIER}")
}

/// Where the service is, and what its silence means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Service {
    /// The host's name for where to connect.
    pub cluster: Box<str>,
    /// The domain that the service knows the limits by.
    pub domain: Box<str>,
    /// How long a request waits for it.
    pub timeout: Duration,
    /// What becomes of a request that it says nothing of.
    pub on_error: OnError,
    /// What keys are hashed with, beside their names; empty where the policy names no secret.
    pub secret: Secret,
}

impl Service {
    /// What keys are hashed with.
    pub fn secret(&self) -> &[u8] {
        &self.secret.0
    }

    /// The message that asks.
    pub fn question(&self, asks: &[Ask], limits: &Limits) -> Vec<u8> {
        let named = || asks.iter().filter_map(|ask| Some((limits.get(ask.limit)?.name().as_str(), ask)));
        // Limitador looks at one descriptor by its place: the first has every limit's key under the limit's name. Envoy's
        // ratelimit knows no limit for it, and looks at the others one by one.
        let tiers: Vec<_> =
            named().filter_map(|(name, ask)| Some((tier_of(name), ask.tier.as_deref()?))).collect();
        let keys = named().map(|(name, ask)| (name, &*ask.key));
        let entries = keys.chain(tiers.iter().map(|(name, tier)| (&**name, *tier))).collect();
        let hits = asks.iter().map(|ask| ask.hits).max().unwrap_or_default();
        let mut descriptors = vec![Descriptor { entries, hits }];
        descriptors.extend(named().map(|(name, ask)| {
            let tier = ask.tier.as_deref().map(|tier| (TIER, tier));
            let entries = [Some((LIMIT, name)), tier, Some((KEY, &*ask.key))];
            Descriptor { entries: entries.into_iter().flatten().collect(), hits: ask.hits }
        }));
        wire::request(&self.domain, &descriptors)
    }
}

/// Bytes that are not shown.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Secret(pub(in crate::control::limits) Box<[u8]>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What becomes of a request that the service says nothing of.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnError {
    /// It goes on, and the local guard gives back what it took.
    Allow,
    /// It is refused.
    Deny,
    /// It goes on, since the local guard let it pass, and the guard keeps what it took.
    Local,
}

/// One global limit that the service is asked about.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Ask {
    /// The limit's index in the policy.
    pub limit: usize,
    /// What the service knows the key by.
    pub key: Box<str>,
    /// The caller's tier, where it has one that the limit lists.
    pub tier: Option<Rc<str>>,
    /// The caller's budget.
    pub budget: Budget,
    /// How many units the request takes.
    pub hits: u32,
}

/// Why the service said nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Failure {
    /// It could not be reached.
    Unreachable,
    /// It did not answer in time.
    Timeout,
    /// It answered with an error.
    Failed,
    /// What it said is no answer.
    Garbage,
    /// It was not asked: too many requests of this worker wait for it.
    Crowded,
}

/// What a call came to, for the metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Called {
    /// The request is within all limits.
    Within,
    /// It is over one.
    Over,
    /// Nobody knows.
    Failed(Failure),
}

impl Called {
    /// What this verdict is.
    pub fn of(verdict: &Result<Option<Spent>, Failure>) -> Self {
        match verdict {
            Ok(None) => Self::Within,
            Ok(Some(_)) => Self::Over,
            Err(failure) => Self::Failed(*failure),
        }
    }

    /// All of them, in the order of [`Calls`].
    pub const ALL: [Self; 7] = [
        Self::Within,
        Self::Over,
        Self::Failed(Failure::Unreachable),
        Self::Failed(Failure::Timeout),
        Self::Failed(Failure::Failed),
        Self::Failed(Failure::Garbage),
        Self::Failed(Failure::Crowded),
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Within => "within",
            Self::Over => "over",
            Self::Failed(Failure::Unreachable) => "unreachable",
            Self::Failed(Failure::Timeout) => "timeout",
            Self::Failed(Failure::Failed) => "failed",
            Self::Failed(Failure::Garbage) => "garbage",
            Self::Failed(Failure::Crowded) => "crowded",
        }
    }
}

/// Calls of the service, by what they came to.
#[derive(Clone, Copy, Debug, Default)]
pub struct Calls([u64; Called::ALL.len()]);

impl Calls {
    /// Counts one.
    pub fn add(&mut self, called: Called) {
        for (count, known) in self.0.iter_mut().zip(Called::ALL) {
            *count = count.saturating_add(u64::from(known == called));
        }
    }

    /// What came together since the last time, by name.
    pub fn take(&mut self) -> impl Iterator<Item = (&'static str, u64)> {
        Called::ALL.map(Called::as_str).into_iter().zip(std::mem::take(&mut self.0))
    }
}

/// A limit that the service says is spent, and how long until it has room.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spent {
    /// The limit's index in the policy.
    pub limit: usize,
    /// The caller's budget.
    pub budget: Budget,
    /// The time that the service says; else the limit's own window, since the service's ends within that.
    pub wait: Duration,
}

/// Reads the service's reply to these questions: nothing where the request is within all limits, else the limit that
/// takes longest to have room.
///
/// # Errors
/// The failure, where it is no answer.
pub fn judge(reply: Result<&[u8], Failure>, asks: &[Ask]) -> Result<Option<Spent>, Failure> {
    let Reply { overall, statuses } = wire::reply(reply?).ok_or(Failure::Garbage)?;
    match overall {
        Verdict::Within => Ok(None),
        Verdict::Unknown => Err(Failure::Garbage),
        Verdict::Over => Ok(spent(&statuses, asks)),
    }
}

fn spent(statuses: &[Status], asks: &[Ask]) -> Option<Spent> {
    // Some services say nothing of the single questions. Then it could be any.
    // The first status is that of the descriptor with all of them.
    let statuses = statuses.get(1..).unwrap_or_default();
    let told = statuses.len() == asks.len() && statuses.iter().any(|it| it.verdict == Verdict::Over);
    let spent = asks.iter().enumerate().filter_map(|(at, ask)| {
        let status = if told { statuses.get(at) } else { None };
        if status.is_some_and(|status| status.verdict != Verdict::Over) {
            return None;
        }
        let wait = status.and_then(|status| status.until_reset).unwrap_or(ask.budget.per());
        Some(Spent { limit: ask.limit, budget: ask.budget, wait })
    });
    spent.max_by_key(|spent| spent.wait)
}
