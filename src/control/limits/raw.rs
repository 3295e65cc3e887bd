//! The policy's `limits`, read and compiled.

use std::num::NonZeroU32;
use std::rc::Rc;

use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::MAX_BURST;
use crate::control::limits::key::folds;
use crate::control::limits::table::Memory;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::fault::nearest;
use crate::model::name::Name;
use crate::model::quantity::Rate;
use crate::model::quantity::Size;
use crate::model::value::ClaimRef;
use crate::model::value::Source;
use crate::model::value::ValueRef;

/// The most parts of a key.
const MAX_PARTS: usize = 8;

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

/// One budget per key.
#[derive(Debug)]
pub struct Limit {
    policy: Name,
    name: Name,
    index: usize,
    key: Box<[KeyPart]>,
    missing: Option<Missing>,
    budget: Budget,
    stage: Stage,
    tells: bool,
}

/// One part of a key.
#[derive(Debug)]
pub struct KeyPart {
    /// Where it stands.
    pub value: ValueRef,
    /// `as: exact`: text is not folded.
    pub exact: bool,
    /// Whether a request that passed every control before can still lack it.
    pub(in crate::control::limits) lacking: Lacking,
}

/// Whether a part can be missing, and what that hangs on.
#[derive(Debug)]
pub(in crate::control::limits) enum Lacking {
    /// A source is always there, or is `ip`, which is refused where it is missing.
    Never,
    /// Only where the route demands none of these tokens without fail: each `require`s the claim.
    Without(Box<[usize]>),
    /// It can be missing anywhere.
    Anywhere,
}

/// What becomes of a request that lacks a part of the key. A missing `ip` is refused whatever this says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Missing {
    /// It is refused.
    Deny,
    /// It is not counted by this limit.
    Skip,
    /// This text stands in for the whole key: all who lack a part share one budget.
    StandIn(Box<str>),
}

/// When a limit's turn comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// Before any signature is verified: no claim in the key.
    BeforeTokens,
    /// Right after the tokens.
    AfterTokens,
    /// Once the request's body was read.
    AfterBody,
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
        let key = fields.required("key").and_then(|node| key(node, around, problems));
        // Each of the two is `None` where it is wrong, and holds `None` where it is not written.
        let missing = fields.optional("missing").map_or(Some(None), |node| missing(node, problems).map(Some));
        let burst = fields.optional("burst").map_or(Some(None), |node| burst(node, problems).map(Some));
        let rate = fields.required("rate").and_then(|node| node.parse::<Rate>(problems));
        if let Some(node) = fields.optional("scope") {
            scope(node, problems);
        }
        let tells = fields.optional("headers").map_or(Some(false), |node| node.boolean(problems));
        for later in ["tiers", "penalty", "count", "cost", "distinct", "lockout"] {
            fields.not_yet(later);
        }
        fields.close();

        let (key, missing) = (key?, missing?);
        let said = problems.need(&node.place, said(&key, missing.as_ref()));
        let rate = rate?;
        let budget = Budget::new(rate, burst?.unwrap_or(rate.count));
        let budget = problems.need(&node.place, budget)?;
        said?;
        let claim = |source: &Source| match source {
            Source::Claim(_) => true,
            Source::Version | Source::Platform => around.client_by_claim,
            _ => false,
        };
        let claimed = key.iter().any(|part| part.value.sources().iter().any(claim));
        let stage = if claimed { Stage::AfterTokens } else { Stage::BeforeTokens };
        Some(Self { policy: around.policy.clone(), name, index, key, missing, budget, stage, tells: tells? })
    }

    /// The policy that it belongs to.
    pub fn policy(&self) -> &str {
        self.policy.as_str()
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

    /// Its rate and burst.
    pub fn budget(&self) -> &Budget {
        &self.budget
    }

    /// Whether a client is told of its budget also where it is admitted.
    pub fn tells(&self) -> bool {
        self.tells
    }

    /// When its turn comes.
    pub fn stage(&self) -> Stage {
        self.stage
    }
}

fn key(node: &Node, around: &Around<'_>, problems: &Problems) -> Option<Box<[KeyPart]>> {
    let items = node.list(problems)?;
    if !(1..=MAX_PARTS).contains(&items.len()) {
        let sentence = format!("a key has 1 to {MAX_PARTS} parts, such as [ip]");
        problems.note(&node.place, Fault::conflict(sentence));
        return None;
    }
    // Every part is read, so that all problems are noted.
    let parts: Vec<_> = items.iter().map(|item| part(item, around, problems)).collect();
    let parts = parts.into_iter().collect::<Option<Box<[KeyPart]>>>()?;
    let twice = parts.iter().zip(items).enumerate().find(|(at, (part, _))| {
        parts.iter().take(*at).any(|earlier| earlier.value.to_string() == part.value.to_string())
    });
    if let Some((_, (part, item))) = twice {
        let name = part.value.to_string().into();
        problems.note(&item.place, Fault::Duplicate { what: "part of the key", name, first: None });
        return None;
    }
    Some(parts)
}

fn part(node: &Node, around: &Around<'_>, problems: &Problems) -> Option<KeyPart> {
    let (node, exact) = match &node.kind {
        Kind::Map(_) => {
            let fields = Fields::open(node, problems)?;
            let value = fields.required("value");
            let exact = fields.optional("as").map(|node| node.word(&[("exact", true)], problems));
            fields.close();
            (&**value?, exact.map_or(Some(false), |exact| exact)?)
        }
        _ => (node, false),
    };
    let text = node.text(problems)?;
    let value = problems.need(&node.place, ValueRef::parse(text, around.tokens))?;
    let fault = value.sources().iter().find_map(|source| match source {
        Source::Response(_) => Some(Fault::conflict(
            "a limit is decided before there is an answer: `response:` cannot be in its key",
        )),
        Source::Body(_) => Some(Fault::NotSupportedYet("`body:` in a limit's key".into())),
        _ => None,
    });
    let fault = fault.or_else(|| {
        (exact && !value.sources().iter().any(folds))
            .then(|| Fault::conflict(format!("`as: exact` changes nothing: `{value}` is never folded")))
    });
    if let Some(fault) = fault {
        problems.note(&node.place, fault);
        return None;
    }
    let lacking = lacking(&value, around);
    Some(KeyPart { value, exact, lacking })
}

/// A part is missing where all of its alternatives are.
fn lacking(value: &ValueRef, around: &Around<'_>) -> Lacking {
    let always = |source: &Source| match source {
        Source::Ip | Source::Path(_) | Source::Route | Source::Method | Source::Host => true,
        Source::Query(_)
        | Source::Header(_)
        | Source::Claim(_)
        | Source::Body(_)
        | Source::Response(_)
        | Source::Version
        | Source::Platform => false,
    };
    if value.sources().iter().any(always) {
        return Lacking::Never;
    }
    let tokens: Box<[usize]> =
        value.claims().filter(|claim| (around.required)(claim)).map(|claim| claim.token).collect();
    if tokens.is_empty() { Lacking::Anywhere } else { Lacking::Without(tokens) }
}

/// Whether `missing` says what has to be said, and nothing that never applies.
fn said(key: &[KeyPart], missing: Option<&Missing>) -> Result<(), Fault> {
    let open = key.iter().find(|part| matches!(part.lacking, Lacking::Anywhere));
    let always = key.iter().all(|part| matches!(part.lacking, Lacking::Never));
    match (missing, open) {
        (None, Some(KeyPart { value, .. })) => Err(Fault::conflict(format!(
            "`{value}` can be missing: write `missing: deny`, `skip` or a text that stands in"
        ))),
        (Some(Missing::Skip | Missing::StandIn(_)), _) if always => Err(Fault::conflict(
            "`missing` would never apply: a missing `ip` is refused, and the rest of the key is always there",
        )),
        _ => Ok(()),
    }
}

fn burst(node: &Node, problems: &Problems) -> Option<NonZeroU32> {
    let burst = node.integer(1..=MAX_BURST.into(), problems)?;
    u32::try_from(burst).ok().and_then(NonZeroU32::new)
}

fn missing(node: &Node, problems: &Problems) -> Option<Missing> {
    let text = node.text(problems)?;
    let fault = match &**text {
        "deny" => return Some(Missing::Deny),
        "skip" => return Some(Missing::Skip),
        text if (1..=64).contains(&text.len()) => match nearest(text, ["deny", "skip"]) {
            None => return Some(Missing::StandIn(text.into())),
            hint => Fault::UnknownWord {
                found: text.into(),
                expected: "`deny`, `skip` or a text unlike them".into(),
                hint,
            },
        },
        _ => Fault::conflict("the text that stands in for a missing key has 1 to 64 bytes"),
    };
    problems.note(&node.place, fault);
    None
}

fn scope(node: &Node, problems: &Problems) {
    if node.word(&[("process", false), ("global", true)], problems) == Some(true) {
        problems.note(&node.place, Fault::NotSupportedYet("`scope: global`".into()));
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
