//! One limit, compiled: what it counts by, how much, and what it looks at.

use std::iter;
use std::num::NonZeroU32;
use std::rc::Rc;

use crate::control::limits::gcra::Budget;
use crate::control::limits::part::KeyPart;
use crate::control::limits::part::Missing;
use crate::control::limits::penalty::Penalty;
use crate::control::limits::seen;
use crate::control::limits::statuses::Statuses;
use crate::control::limits::terms::Cost;
use crate::control::limits::terms::Tiers;
use crate::fault::Fault;
use crate::model::name::Name;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::refusal::Reason;

/// One budget per key.
#[derive(Debug)]
pub struct Limit {
    pub(super) policy: Name,
    pub(super) name: Name,
    /// What of it is hashed in front of a key.
    pub(super) opening: Box<[u8]>,
    pub(super) index: usize,
    pub(super) key: Box<[KeyPart]>,
    pub(super) missing: Option<Missing>,
    pub(super) budget: Budget,
    pub(super) tiers: Option<Tiers>,
    pub(super) cost: Cost,
    pub(super) count: Option<Rc<Statuses>>,
    pub(super) penalty: Option<Penalty>,
    pub(super) distinct: Option<KeyPart>,
    pub(super) stage: Stage,
    pub(super) tells: bool,
    pub(super) global: bool,
}

/// When a limit's turn comes.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Before any signature is verified: no claim in the key.
    BeforeTokens,
    /// Right after the tokens.
    AfterTokens,
    /// Once the body was read.
    AfterBody,
}

impl Limit {
    /// Whether what is written goes together.
    pub(super) fn fits_together(&self, costs: bool, lockout: bool) -> Result<(), Fault> {
        if let Cost::Units(units) = self.cost {
            self.affords(units)?;
        }
        if self.distinct.is_some() {
            let most = u32::try_from(seen::MOST).unwrap_or(u32::MAX);
            if costs || self.count.is_some() {
                let sentence = "`distinct` counts each value once: `cost` and `count` do not go with it";
                return Err(Fault::conflict(sentence));
            }
            if matches!(self.missing, Some(Missing::StandIn(_))) {
                return Err(Fault::conflict(
                    "a text cannot stand in for a value of `distinct`: write `deny` or `skip`",
                ));
            }
            if let Some(budget) = self.budgets().find(|budget| budget.burst().get() > most) {
                let found = format!("a burst of {}", budget.burst()).into();
                let expected = format!("at most {most} beside `distinct`; the rate may be higher").into();
                return Err(Fault::OutOfRange { found, expected });
            }
        }
        match (&self.penalty, lockout) {
            (None, true) => Err(Fault::conflict("`lockout` stands beside a `penalty`")),
            (Some(_), false) if !self.is_ones_own() => Err(Fault::conflict(
                "a penalty blocks a key, and anybody can bring this one: he could lock out whom he likes. Put `ip` or \
                 a claim in the key, without alternatives that a client writes and without a text for `missing`, or \
                 write `lockout: accepted`",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the rate limit service can count it, where it is to: it adds up what it is told at once, and nothing else.
    pub(super) fn can_be_shared(&self) -> Result<(), Fault> {
        let beside = [
            (
                self.count.is_some(),
                "`count` holds a unit until the answer is known and gives it back, and a rate limit service gives nothing \
                 back: a limit with `count` holds in each process. Beside it a limit with `scope: global` and the same key \
                 can count all requests",
            ),
            (
                self.penalty.is_some(),
                "a rate limit service knows no blocks: write the `penalty` in a limit with `scope: process` and the same \
                 key, beside this one",
            ),
            (
                self.distinct.is_some(),
                "a rate limit service counts requests, and each process would count the same value once more: a limit with \
                 `distinct` holds in each process. Beside it a limit with `scope: global` and the same key can count all \
                 requests",
            ),
        ];
        match beside.into_iter().find(|(there, _)| *there && self.global) {
            Some((_, why)) => Err(Fault::conflict(format!("not with `scope: global`: {why}"))),
            None => Ok(()),
        }
    }

    /// Whether nobody can bring another's key: an address or a claim is always in it.
    fn is_ones_own(&self) -> bool {
        let own = |source: &Source| matches!(source, Source::Ip | Source::Claim(_));
        !matches!(self.missing, Some(Missing::StandIn(_)))
            && self.key.iter().any(|part| part.value.sources().iter().all(own))
    }

    /// Whether a request may cost so many units: each tier's burst has them, and it is not values that are counted.
    pub(super) fn affords(&self, units: NonZeroU32) -> Result<(), Fault> {
        if self.distinct.is_some() && units.get() > 1 {
            return Err(Fault::conflict("`distinct` counts each value once: a `cost` does not go with it"));
        }
        let burst = self.budgets().map(Budget::burst).min().unwrap_or(units);
        if units <= burst {
            return Ok(());
        }
        let expected = format!("at most {burst}, the burst: such a request would never pass").into();
        Err(Fault::OutOfRange { found: format!("a cost of {units}").into(), expected })
    }

    /// When its turn comes: as soon as all that it looks at can be there.
    pub(super) fn turn(&self, client_by_claim: bool) -> Stage {
        let stage = |source: &Source| match source {
            Source::Body(_) => Stage::AfterBody,
            Source::Claim(_) => Stage::AfterTokens,
            Source::Version | Source::Platform if client_by_claim => Stage::AfterTokens,
            _ => Stage::BeforeTokens,
        };
        let stages = self.values().flat_map(ValueRef::sources).map(stage);
        stages.max().unwrap_or(Stage::BeforeTokens)
    }

    fn budgets(&self) -> impl Iterator<Item = &Budget> {
        iter::once(&self.budget).chain(self.tiers().map(|(_, budget)| budget))
    }

    /// All that it looks at in a request.
    pub fn values(&self) -> impl Iterator<Item = &ValueRef> {
        let parts = self.key.iter().chain(&self.distinct).map(|part| &part.value);
        let cost = match &self.cost {
            Cost::Value(value) => Some(value),
            Cost::Units(_) => None,
        };
        parts.chain(self.tiers.as_ref().map(|tiers| &tiers.by)).chain(cost)
    }

    /// What a request is held to, whose route has a `cost` of its own or none.
    ///
    /// # Errors
    /// [`Reason::LimitsAmbiguous`] for a tier or cost given more than once, [`Reason::LimitsCost`] for a cost that is
    /// no number, or above the burst.
    pub fn terms(
        &self,
        cost: Option<NonZeroU32>,
        sight: &impl Sight,
    ) -> Result<(&Budget, NonZeroU32), Reason> {
        let budget = self.tier(sight)?.map_or(&self.budget, |(_, budget)| budget);
        let units = cost.map_or_else(|| self.cost.units(sight), Ok)?;
        if units > budget.burst() { Err(Reason::LimitsCost) } else { Ok((budget, units)) }
    }

    /// A caller's tier, with its budget; none for whoever has the limit's own.
    ///
    /// # Errors
    /// [`Reason::LimitsAmbiguous`] for a tier given more than once.
    pub fn tier(&self, sight: &impl Sight) -> Result<Option<(&Rc<str>, &Budget)>, Reason> {
        self.tiers.as_ref().map_or(Ok(None), |tiers| tiers.find(sight))
    }

    /// The tiers, in the order written, each with its budget.
    pub fn tiers(&self) -> impl Iterator<Item = (&str, &Budget)> {
        self.tiers.iter().flat_map(|tiers| tiers.budgets.iter()).map(|(name, budget)| (&**name, budget))
    }

    /// The longest time that a spent burst of any tier takes to come back, in nanoseconds: no time that this limit put
    /// down is further off.
    pub fn reach(&self) -> u64 {
        self.budgets().map(Budget::refill).max().unwrap_or_default()
    }

    /// Its name: its mode is that of the rule `limits.NAME`.
    pub fn name(&self) -> &Name {
        &self.name
    }

    /// Its place among the policy's limits.
    pub fn index(&self) -> usize {
        self.index
    }

    /// The parts of its key.
    pub fn key(&self) -> &[KeyPart] {
        &self.key
    }

    /// What the policy says of a request without its key; a request is refused where it says nothing.
    pub fn missing(&self) -> Option<&Missing> {
        self.missing.as_ref()
    }

    /// Its rate and burst, for whoever has no tier.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// The answers for which a request keeps what it took; `None` for all.
    pub fn count(&self) -> Option<&Rc<Statuses>> {
        self.count.as_ref()
    }

    /// What becomes of a key that goes on.
    pub fn penalty(&self) -> Option<&Penalty> {
        self.penalty.as_ref()
    }

    /// Whose values are counted once, instead of requests.
    pub fn distinct(&self) -> Option<&KeyPart> {
        self.distinct.as_ref()
    }

    /// Whether a client is told of its budget also where it is admitted.
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// Whether the rate limit service counts it too.
    pub fn is_global(&self) -> bool {
        self.global
    }

    /// When its turn comes.
    pub fn stage(&self) -> Stage {
        self.stage
    }
}
