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
    /// What its conditions and patterns ask.
    asked: Vec<Validator>,
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
    /// By the place in [`Declared::asked`].
    patterns: Vec<(usize, usize)>,
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
    /// It and all that applies together with it, where none of that hangs on a condition.
    together: Option<Box<[usize]>>,
}

/// `if`, `then`, `else`.
struct Choice {
    condition: Condition,
    fits: Vec<usize>,
    fails: Vec<usize>,
}

/// Whether a schema fits a value; questions by their place in [`Declared::asked`].
struct Condition {
    /// The question without what closes objects.
    open: usize,
    /// The whole question, where it is another.
    whole: Option<usize>,
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
            let cut = self.in_round(round, &[0], &left);
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

    fn fits(&self, condition: &Condition, value: &Value, round: usize) -> bool {
        let whole = condition.whole.filter(|_| round > 0);
        self.says(whole.unwrap_or(condition.open), value)
    }

    fn says(&self, question: usize, value: &Value) -> bool {
        self.asked.get(question).is_some_and(|question| question.is_valid(value))
    }

    /// What goes of a value to which these parts apply.
    fn in_round(&self, round: usize, parts: &[usize], value: &Value) -> Cut {
        let mut cut = Cut::default();
        // One list for all members: most answers are many small objects.
        let mut within = Vec::new();
        match value {
            Value::Object(members) => {
                let parts = self.applying(parts, value, round);
                for (name, member) in members {
                    within.clear();
                    if self.of_member(&parts, name, &mut within) {
                        cut.within_member(name, self.in_round(round, &within, member));
                    } else {
                        cut.drop_member(name);
                    }
                }
            }
            Value::Array(items) => {
                let parts = self.applying(parts, value, round);
                let listed = self.those(&parts).map(|part| part.prefix.len()).max().unwrap_or_default();
                for (index, item) in items.iter().enumerate() {
                    // Behind the last that is listed one by one, all are alike.
                    if index <= listed {
                        let of_item = |part: &Part| part.prefix.get(index).copied().or(part.items);
                        within.clear();
                        within.extend(self.those(&parts).filter_map(of_item));
                    }
                    cut.within_element(index, self.in_round(round, &within, item));
                }
            }
            _ => {}
        }
        cut
    }

    fn those(&self, parts: &[usize]) -> impl Iterator<Item = &Part> {
        parts.iter().filter_map(|index| self.parts.get(*index))
    }

    /// The parts with all that applies together with them, each once.
    fn applying<'p>(&'p self, parts: &'p [usize], value: &Value, round: usize) -> Cow<'p, [usize]> {
        match parts {
            [] => return Cow::Borrowed(parts),
            [only] => {
                if let Some(together) = self.parts.get(*only).and_then(|part| part.together.as_deref()) {
                    return Cow::Borrowed(together);
                }
            }
            _ => {}
        }
        let mut open = parts.to_vec();
        let mut met: Vec<usize> = Vec::with_capacity(open.len());
        while let Some(index) = open.pop() {
            let Some(part) = self.parts.get(index).filter(|_| !met.contains(&index)) else { continue };
            met.push(index);
            open.extend_from_slice(&part.always);
            let fits = part.fitting.iter().filter(|(condition, _)| self.fits(condition, value, round));
            open.extend(fits.map(|(_, index)| index));
            if let Some(choice) = &part.choice {
                let fits = self.fits(&choice.condition, value, round);
                open.extend_from_slice(if fits { &choice.fits } else { &choice.fails });
            }
            let there = part.dependent.iter().filter(|(name, _)| value.get(&**name).is_some());
            open.extend(there.map(|(_, index)| index));
        }
        Cow::Owned(met)
    }

    /// Adds the parts that apply to a member, and answers whether any of them declares it.
    fn of_member(&self, parts: &[usize], name: &str, within: &mut Vec<usize>) -> bool {
        let (mut declared, mut evaluated) = (false, false);
        let shown = |index: usize| self.parts.get(index).is_some_and(|part| !part.hidden);
        for part in self.those(parts) {
            let property = part.properties.get(name).copied();
            let text = (!part.patterns.is_empty()).then(|| Value::String(name.to_owned()));
            let patterns = part
                .patterns
                .iter()
                .filter(|(pattern, _)| text.as_ref().is_some_and(|text| self.says(*pattern, text)));
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
            for index in self.those(parts).filter_map(|part| part.unevaluated) {
                within.push(index);
                declared |= shown(index);
            }
        }
        declared
    }
}

impl fmt::Debug for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Declared").field("parts", &self.parts.len()).finish_non_exhaustive()
    }
}
