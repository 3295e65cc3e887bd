//! The claims of a verified token, and the conditions that a policy puts on them.

use serde_json::Map;
use serde_json::Value;

use crate::bytes::mark;
use crate::bytes::same;
use crate::document::Fields;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::pointer;
use crate::model::pointer::Pointer;
use crate::model::pointer::Step;

/// The claims of one token whose signature and claims were checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Claims(Box<[Claim]>);

/// A top-level claim. A token has few and each request asks for some of them: the mark of its name tells most apart.
#[derive(Clone, Debug, PartialEq)]
struct Claim {
    mark: u32,
    name: String,
    value: Value,
}

impl Claims {
    /// Claims from a token's payload.
    pub fn new(payload: Map<String, Value>) -> Self {
        let claim = |(name, value): (String, Value)| Claim { mark: mark(name.as_bytes()), name, value };
        Self(payload.into_iter().map(claim).collect())
    }

    /// The claim at `place`; `null` counts as absent.
    pub fn get(&self, place: &Pointer) -> Option<&Value> {
        let (Step::Key(name), below) = place.steps().split_first()? else { return None };
        pointer::follow(below, self.member(name)?).filter(|value| !value.is_null())
    }

    /// A top-level claim as it stands; here `null` is there.
    pub fn member(&self, name: &str) -> Option<&Value> {
        let mark = mark(name.as_bytes());
        let named = |claim: &&Claim| claim.mark == mark && same(claim.name.as_bytes(), name.as_bytes());
        self.0.iter().find(named).map(|claim| &claim.value)
    }

    /// The names of all claims.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|claim| claim.name.as_str())
    }

    /// A top-level claim that is a string.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.member(name)?.as_str()
    }

    /// A top-level claim that is a number, such as a NumericDate.
    pub fn number(&self, name: &str) -> Option<f64> {
        self.member(name)?.as_f64()
    }
}

/// What a claim must be: `is`, `has` or `any` of an entry of `claims` or `unless`.
#[derive(Clone, Debug, PartialEq)]
pub enum ClaimTest {
    /// The claim is this value.
    Is(Value),
    /// The claim is a list that contains this value, or is this string as a whole.
    Has(Value),
    /// The claim is one of these values.
    Any(Box<[Value]>),
}

impl ClaimTest {
    /// Reads `is`, `has` or `any` off an entry; just one of them must stand there.
    pub fn compile(fields: &Fields<'_>, problems: &Problems) -> Option<Self> {
        let scalar = |node: &crate::document::Node| {
            let value = node.to_json();
            let fits = matches!(value, Value::String(_) | Value::Number(_) | Value::Bool(_));
            if !fits {
                node.wrong_type("a string, a number or a boolean", problems);
            }
            fits.then_some(value)
        };
        let (is, has, any) = (fields.optional("is"), fields.optional("has"), fields.optional("any"));
        match (is, has, any) {
            (Some(node), None, None) => scalar(node).map(Self::Is),
            (None, Some(node), None) => scalar(node).map(Self::Has),
            (None, None, Some(node)) => {
                let values: Option<Box<[Value]>> =
                    node.list(problems)?.iter().map(|item| scalar(item)).collect();
                let values = values?;
                if values.is_empty() {
                    problems.note(&node.place, Fault::conflict("an empty `any` would never hold"));
                    return None;
                }
                Some(Self::Any(values))
            }
            _ => {
                problems.note(&fields.node.place, Fault::conflict("write just one of `is`, `has` and `any`"));
                None
            }
        }
    }

    /// Whether a claim passes; an absent one never does.
    pub fn holds(&self, claim: Option<&Value>) -> bool {
        let Some(claim) = claim else { return false };
        match (self, claim) {
            (Self::Is(wanted), claim) => claim == wanted,
            (Self::Has(wanted), Value::Array(items)) => items.contains(wanted),
            (Self::Has(wanted), claim) => claim == wanted,
            (Self::Any(wanted), claim) => wanted.contains(claim),
        }
    }
}
