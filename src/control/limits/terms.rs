//! What one request is held to by a limit: whose rate it has, and how many units it takes.

use std::num::NonZeroU32;
use std::rc::Rc;

use serde_json::Value;

use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::MAX_BURST;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::quantity::Rate;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::refusal::Reason;

/// The most tiers of a limit.
const MAX_TIERS: usize = 32;

/// `tiers`: other rates for some callers. Whoever has no tier, or one that is not listed, has the limit's own.
#[derive(Debug)]
pub(super) struct Tiers {
    pub(super) by: ValueRef,
    pub(super) budgets: Box<[(Rc<str>, Budget)]>,
}

/// `cost`: how many units a request takes.
#[derive(Debug)]
pub(super) enum Cost {
    /// So many.
    Units(NonZeroU32),
    /// What stands there.
    Value(ValueRef),
}

impl Tiers {
    /// Reads `tiers`. A tier's burst is the limit's `burst` where that is written, else the count of its own rate.
    pub(super) fn compile(
        node: &Rc<Node>,
        burst: Option<NonZeroU32>,
        tokens: &[Name],
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let by = fields.required("by").and_then(|node| by(node, tokens, problems));
        let values = fields.required("values").and_then(|node| {
            let entries = node.map(problems)?;
            if !(1..=MAX_TIERS).contains(&entries.len()) {
                let sentence = format!("`values` names 1 to {MAX_TIERS} tiers, each with its rate");
                problems.note(&node.place, Fault::conflict(sentence));
                return None;
            }
            let read =
                |(name, node): &(Rc<str>, Rc<Node>)| Some((name.clone(), tier(node, burst, problems)?));
            let budgets: Vec<_> = entries.iter().map(read).collect();
            budgets.into_iter().collect::<Option<_>>()
        });
        fields.close();
        Some(Self { by: by?, budgets: values? })
    }

    /// This caller's tier, and its budget; none where it has none, or one that is not listed.
    ///
    /// # Errors
    /// [`Reason::LimitsAmbiguous`] where the tier is given more than once.
    pub(super) fn find(&self, sight: &impl Sight) -> Result<Option<(&Rc<str>, &Budget)>, Reason> {
        let tier = match self.by.read(sight) {
            Seen::Ambiguous => return Err(Reason::LimitsAmbiguous),
            Seen::Json(Value::String(tier)) => tier.as_bytes().to_vec(),
            Seen::Bytes(tier) => tier.into_owned(),
            Seen::Missing | Seen::Json(_) | Seen::Ip(_) | Seen::Each(_) => return Ok(None),
        };
        Ok(self.budgets.iter().find(|(name, _)| name.as_bytes() == tier).map(|(name, budget)| (name, budget)))
    }
}

impl Cost {
    /// Reads `cost`.
    pub(super) fn compile(node: &Node, tokens: &[Name], problems: &Problems) -> Option<Self> {
        let Kind::Text(text) = &node.kind else {
            return units(node, problems).map(Self::Units);
        };
        let value = problems.need(&node.place, ValueRef::parse(text, tokens))?;
        let number = |source: &Source| match source {
            Source::Path(_) | Source::Query(_) | Source::Header(_) | Source::Claim(_) | Source::Body(_) => {
                true
            }
            Source::Ip
            | Source::Response(_)
            | Source::Route
            | Source::Method
            | Source::Host
            | Source::Version
            | Source::Platform => false,
        };
        if !value.sources().iter().all(number) {
            let sentence = format!("a cost is a number in a request, and `{value}` is none");
            problems.note(&node.place, Fault::conflict(sentence));
            return None;
        }
        Some(Self::Value(value))
    }

    /// The units of this request: a whole number that is not 0, in JSON or as bare digits.
    ///
    /// # Errors
    /// [`Reason::LimitsAmbiguous`] where it is given more than once, [`Reason::LimitsCost`] where it is none.
    pub(super) fn units(&self, sight: &impl Sight) -> Result<NonZeroU32, Reason> {
        let value = match self {
            Self::Units(units) => return Ok(*units),
            Self::Value(value) => value,
        };
        let units = match value.read(sight) {
            Seen::Ambiguous => return Err(Reason::LimitsAmbiguous),
            Seen::Json(Value::Number(number)) => number.as_u64(),
            Seen::Bytes(digits) => whole(&digits),
            Seen::Missing | Seen::Json(_) | Seen::Ip(_) | Seen::Each(_) => None,
        };
        let units = units.and_then(|units| u32::try_from(units).ok()).and_then(NonZeroU32::new);
        units.ok_or(Reason::LimitsCost)
    }
}

/// Digits and nothing else; a leading zero is no number here, since readers disagree on `010`.
fn whole(digits: &[u8]) -> Option<u64> {
    let plain = digits.iter().all(u8::is_ascii_digit) && !digits.starts_with(b"0");
    std::str::from_utf8(digits).ok().filter(|_| plain)?.parse().ok()
}

/// A number of units or a burst, as a policy writes it.
pub(super) fn units(node: &Node, problems: &Problems) -> Option<NonZeroU32> {
    let units = node.integer(1..=MAX_BURST.into(), problems)?;
    u32::try_from(units).ok().and_then(NonZeroU32::new)
}

fn by(node: &Node, tokens: &[Name], problems: &Problems) -> Option<ValueRef> {
    let value = problems.need(&node.place, ValueRef::parse(node.text(problems)?, tokens))?;
    if !value.sources().iter().all(|source| matches!(source, Source::Claim(_) | Source::Route)) {
        let sentence = format!(
            "a tier is told by a claim or by `route`: `{value}` is what the client writes, and it would write the best"
        );
        problems.note(&node.place, Fault::conflict(sentence));
        return None;
    }
    Some(value)
}

/// A tier: its rate, or a map of rate and burst.
fn tier(node: &Rc<Node>, burst: Option<NonZeroU32>, problems: &Problems) -> Option<Budget> {
    let (rate, burst) = match &node.kind {
        Kind::Map(_) => {
            let fields = Fields::open(node, problems)?;
            let rate = fields.required("rate").and_then(|node| node.parse::<Rate>(problems));
            let own = fields.optional("burst").map_or(Some(burst), |node| units(node, problems).map(Some));
            fields.close();
            (rate?, own?)
        }
        _ => (node.parse::<Rate>(problems)?, burst),
    };
    problems.need(&node.place, Budget::new(rate, burst.unwrap_or(rate.count)))
}
