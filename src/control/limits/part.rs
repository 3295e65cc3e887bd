//! The parts of a limit's key, and what becomes of a request that lacks one, as a policy says it.

use crate::control::limits::key::folds;
use crate::control::limits::raw::Around;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::fault::nearest;
use crate::model::value::Source;
use crate::model::value::ValueRef;

/// The most parts of a key.
const MAX_PARTS: usize = 8;

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

/// Reads a key.
pub(super) fn key(node: &Node, around: &Around<'_>, problems: &Problems) -> Option<Box<[KeyPart]>> {
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

/// Reads one part: a value, or a map with one.
pub(super) fn part(node: &Node, around: &Around<'_>, problems: &Problems) -> Option<KeyPart> {
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
pub(super) fn said(key: &[&KeyPart], missing: Option<&Missing>) -> Result<(), Fault> {
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

/// Reads `missing`.
pub(super) fn missing(node: &Node, problems: &Problems) -> Option<Missing> {
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
