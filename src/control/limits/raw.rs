//! The policy's `limits`, read and compiled.

use std::num::NonZeroU32;
use std::rc::Rc;

use crate::control::limits::gcra::Budget;
use crate::control::limits::key;
use crate::control::limits::limit::Limit;
use crate::control::limits::limit::Stage;
use crate::control::limits::part;
use crate::control::limits::part::KeyPart;
use crate::control::limits::penalty::Penalty;
use crate::control::limits::statuses::Statuses;
use crate::control::limits::table::Memory;
use crate::control::limits::terms::Cost;
use crate::control::limits::terms::Tiers;
use crate::control::limits::terms::units;
use crate::document::Fields;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::quantity::Rate;
use crate::model::quantity::Size;
use crate::model::value::ClaimRef;

/// What limits need to know of the rest of the policy.
pub struct Around<'p> {
    /// The policy's name: counters are kept apart by it.
    pub policy: &'p Name,
    /// The token definitions' names, by index.
    pub tokens: &'p [Name],
    /// Whether a token's `require` has this claim, so that every token that passes carries it.
    pub required: &'p dyn Fn(&ClaimRef) -> bool,
    /// Whether `client.app_version` or `client.platform` is read from a claim.
    pub client_by_claim: bool,
}

/// All limits of a policy.
#[derive(Debug, Default)]
pub struct Limits {
    limits: Vec<Limit>,
    /// Names of limits that did not compile: a route that names one is not at fault.
    broken: Vec<Name>,
}

impl Limits {
    /// Reads the policy's `limits`; what is wrong is noted.
    pub fn compile(node: Option<&Rc<Node>>, around: &Around<'_>, problems: &Problems) -> Self {
        let mut all = Self::default();
        for (name, node) in node.and_then(|node| node.map(problems)).unwrap_or_default() {
            let Some(name) = problems.need(&node.place, name.parse::<Name>()) else { continue };
            match Limit::compile(name.clone(), all.limits.len(), node, around, problems) {
                Some(limit) => all.limits.push(limit),
                None => all.broken.push(name),
            }
        }
        all
    }

    /// All of them, in the order written: the place in it is [`Limit::index`].
    pub fn iter(&self) -> impl Iterator<Item = &Limit> {
        self.limits.iter()
    }

    /// Their names in the same order, and then those of the ones that did not compile: whoever names one is not at fault.
    pub fn names(&self) -> impl Iterator<Item = &Name> {
        self.limits.iter().map(|limit| &limit.name).chain(&self.broken)
    }

    /// The limit with this index.
    pub fn get(&self, index: usize) -> Option<&Limit> {
        self.limits.get(index)
    }

    /// The index of a limit by its name; a fault where there is none, and nothing where it did not compile.
    pub(in crate::control::limits) fn named(&self, name: &str) -> Result<Option<usize>, Fault> {
        if self.broken.iter().any(|known| known.as_str() == name) {
            return Ok(None);
        }
        let found = self.limits.iter().position(|limit| limit.name.as_str() == name);
        found.map(Some).ok_or_else(|| Fault::dangling("limit", name, self.names().map(Name::as_str)))
    }
}

impl Limit {
    fn compile(
        name: Name,
        index: usize,
        node: &Node,
        around: &Around<'_>,
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let key = fields.required("key").and_then(|node| part::key(node, around, problems));
        // Each of these is `None` where it is wrong, and holds `None` where it is not written.
        let missing =
            fields.optional("missing").map_or(Some(None), |node| part::missing(node, problems).map(Some));
        let burst = fields.optional("burst").map_or(Some(None), |node| units(node, problems).map(Some));
        let rate = fields.required("rate").and_then(|node| node.parse::<Rate>(problems));
        let scope = [("process", false), ("global", true)];
        let global = fields.optional("scope").map_or(Some(false), |node| node.word(&scope, problems));
        let tells = fields.optional("headers").map_or(Some(false), |node| node.boolean(problems));
        let written = burst.unwrap_or_default();
        let tiers = fields
            .optional("tiers")
            .map_or(Some(None), |node| Tiers::compile(node, written, around.tokens, problems).map(Some));
        let cost = fields
            .optional("cost")
            .map_or(Some(None), |node| Cost::compile(node, around.tokens, problems).map(Some));
        let count =
            fields.optional("count").map_or(Some(None), |node| Statuses::compile(node, problems).map(Some));
        let penalty =
            fields.optional("penalty").map_or(Some(None), |node| Penalty::compile(node, problems).map(Some));
        let lockout =
            fields.optional("lockout").map_or(Some(false), |node| node.word(&[("accepted", true)], problems));
        let distinct = fields
            .optional("distinct")
            .map_or(Some(None), |node| part::part(node, around, problems).map(Some));
        fields.close();

        let (key, missing, distinct) = (key?, missing?, distinct?);
        let parts: Vec<&KeyPart> = key.iter().chain(&distinct).collect();
        let said = problems.need(&node.place, part::said(&parts, missing.as_ref()));
        let rate = rate?;
        let budget = Budget::new(rate, burst?.unwrap_or(rate.count));
        let budget = problems.need(&node.place, budget)?;
        said?;
        let cost = cost?;
        let costs = cost.is_some();
        let mut limit = Self {
            policy: around.policy.clone(),
            opening: key::opening(around.policy, &name),
            name,
            index,
            key,
            missing,
            budget,
            tiers: tiers?,
            cost: cost.unwrap_or(Cost::Units(NonZeroU32::MIN)),
            count: count?.map(Rc::new),
            penalty: penalty?,
            distinct,
            stage: Stage::BeforeTokens,
            tells: tells?,
            global: global.unwrap_or_default(),
        };
        problems.need(&node.place, limit.fits_together(costs, lockout?))?;
        limit.stage = limit.turn(around.client_by_claim);
        problems.need(&node.place, limit.can_be_shared())?;
        Some(limit)
    }
}

/// Reads the policy's `limits_memory`.
pub fn memory(node: Option<&Rc<Node>>, problems: &Problems) -> Option<Memory> {
    let Some(node) = node else { return Some(Memory::DEFAULT) };
    let size: Size = node.parse(problems)?;
    let memory = Memory::new(size);
    if memory.is_none() {
        let found = cut(node.text(problems)?);
        let fault = Fault::OutOfRange { found, expected: "from 64KiB to 64MiB".into() };
        problems.note(&node.place, fault);
    }
    memory
}
