//! Which members of a value a schema declares, and what goes where the others must.
//!
//! A member is declared if any schema that applies to its object names it: by `properties`, by `patternProperties`, by an
//! `additionalProperties` or `unevaluatedProperties` that says what such a member is. `true` and `{}` there say nothing,
//! so they declare nothing; nor does a member's schema that is `false` or `writeOnly`, which is no part of an answer.
//!
//! What applies: the schema, where `$ref` leads, `allOf`; of `anyOf` and `oneOf` the branches that fit, of `if` what its
//! condition chooses, of `dependentSchemas` those whose member is there. Whether something fits is asked first of the
//! value as it came, with all that closes objects left out of the question: extra members must not decide what is extra.
//! Then, with the question whole, of what is left, until nothing more goes.
//!
//! **Does not** judge: what is left is the schema's to judge. `not`, `contains` and `propertyNames` declare nothing.

mod compile;
mod relax;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jsonschema::Validator;
use serde_json::Value;

use crate::model::cut::Cut;

/// How often a value is asked. A schema whose conditions hang on each other in a longer chain is none that
/// anybody could read.
const MAX_ROUNDS: usize = 8;

/// What a schema declares.
pub struct Declared {
    /// The schema and all in it, the root first.
    parts: Vec<Part>,
    /// Whether anything applies on a condition only.
    conditional: bool,
}

/// After [`MAX_ROUNDS`] something more would still go.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsettled;

/// A schema within the schema; others by their place in [`Declared::parts`].
#[derive(Default)]
struct Part {
    /// What it describes is no part of an answer: `false`, `writeOnly`.
    hidden: bool,
    properties: BTreeMap<Box<str>, usize>,
    patterns: Vec<(Validator, usize)>,
    /// `additionalProperties`, and whether it says what such a member is.
    additional: Option<(usize, bool)>,
    /// `unevaluatedProperties`, where it says what such a member is.
    unevaluated: Option<usize>,
    prefix: Vec<usize>,
    items: Option<usize>,
    /// What applies to the same value.
    always: Vec<usize>,
    /// What applies to it if it fits.
    fitting: Vec<(Condition, usize)>,
    choice: Option<Choice>,
    /// What applies to an object that has the member.
    dependent: Vec<(Box<str>, usize)>,
}

/// `if`, `then`, `else`.
struct Choice {
    condition: Condition,
    fits: Vec<usize>,
    fails: Vec<usize>,
}

/// Whether a schema fits a value.
struct Condition {
    /// The question without what closes objects.
    open: Validator,
    /// The whole question, where it is another.
    whole: Option<Validator>,
}

impl Condition {
    fn fits(&self, value: &Value, round: usize) -> bool {
        let whole = self.whole.as_ref().filter(|_| round > 0);
        whole.unwrap_or(&self.open).is_valid(value)
    }
}

impl Declared {
    /// What goes of the value.
    ///
    /// # Errors
    /// [`Unsettled`].
    pub fn undeclared(&self, value: &Value) -> Result<Cut, Unsettled> {
        let mut left = Cow::Borrowed(value);
        let mut all = Cut::default();
        for round in 0..MAX_ROUNDS {
            let cut = self.in_round(round, vec![0], &left);
            if !self.conditional {
                return Ok(cut);
            }
            if cut.is_empty() && round > 0 {
                return Ok(all);
            }
            if !cut.is_empty() {
                cut.prune(left.to_mut());
            }
            all.merge(cut);
        }
        Err(Unsettled)
    }

    /// What goes of a value to which these parts apply.
    fn in_round(&self, round: usize, parts: Vec<usize>, value: &Value) -> Cut {
        let mut cut = Cut::default();
        match value {
            Value::Object(members) => {
                let parts = self.applying(parts, value, round);
                for (name, member) in members {
                    let (within, declared) = self.of_member(&parts, name);
                    if declared {
                        cut.within_member(name, self.in_round(round, within, member));
                    } else {
                        cut.drop_member(name);
                    }
                }
            }
            Value::Array(items) => {
                let parts = self.applying(parts, value, round);
                for (index, item) in items.iter().enumerate() {
                    let of_item = |part: &Part| part.prefix.get(index).copied().or(part.items);
                    let within = parts.iter().filter_map(|part| of_item(part)).collect();
                    cut.within_element(index, self.in_round(round, within, item));
                }
            }
            _ => {}
        }
        cut
    }

    /// The parts with all that applies together with them, each once.
    fn applying(&self, mut open: Vec<usize>, value: &Value, round: usize) -> Vec<&Part> {
        let mut met: Vec<usize> = Vec::with_capacity(open.len());
        let mut applying = Vec::with_capacity(open.len());
        while let Some(index) = open.pop() {
            let Some(part) = self.parts.get(index).filter(|_| !met.contains(&index)) else { continue };
            met.push(index);
            applying.push(part);
            open.extend_from_slice(&part.always);
            let fits = part.fitting.iter().filter(|(condition, _)| condition.fits(value, round));
            open.extend(fits.map(|(_, index)| index));
            if let Some(choice) = &part.choice {
                let fits = choice.condition.fits(value, round);
                open.extend_from_slice(if fits { &choice.fits } else { &choice.fails });
            }
            let there = part.dependent.iter().filter(|(name, _)| value.get(&**name).is_some());
            open.extend(there.map(|(_, index)| index));
        }
        applying
    }

    /// The parts that apply to a member, and whether any of them declares it.
    fn of_member(&self, parts: &[&Part], name: &str) -> (Vec<usize>, bool) {
        let (mut within, mut declared) = (Vec::new(), false);
        let mut evaluated = false;
        let shown = |index: usize| self.parts.get(index).is_some_and(|part| !part.hidden);
        for part in parts {
            let property = part.properties.get(name).copied();
            let text = (!part.patterns.is_empty()).then(|| Value::String(name.to_owned()));
            let patterns = part
                .patterns
                .iter()
                .filter(|(pattern, _)| text.as_ref().is_some_and(|text| pattern.is_valid(text)));
            let before = within.len();
            within.extend(property);
            within.extend(patterns.map(|(_, index)| *index));
            let named = within.iter().skip(before).any(|index| shown(*index));
            let (met, mut says) = (within.len() > before, named);
            if let Some((index, speaks)) = part.additional.filter(|_| !met) {
                within.push(index);
                says = speaks && shown(index);
            }
            evaluated |= met || part.additional.is_some();
            declared |= says;
        }
        if !evaluated {
            for index in parts.iter().filter_map(|part| part.unevaluated) {
                within.push(index);
                declared |= shown(index);
            }
        }
        (within, declared)
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
