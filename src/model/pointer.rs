//! JSON Pointers (RFC 6901), with `*` for every element of an array.

use std::fmt;
use std::str::FromStr;

use serde_json::Value;

use crate::document::cut;
use crate::fault::Fault;

/// A place in a JSON value.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Pointer {
    text: Box<str>,
    steps: Box<[Step]>,
}

/// One step of a [`Pointer`].
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub enum Step {
    /// A member of an object, or an element of an array by its number.
    Key(Box<str>),
    /// Every element of an array.
    Each,
}

impl Pointer {
    /// The pointer that leads to a top-level member.
    pub fn member(name: &str) -> Self {
        let text = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        Self { text: text.into(), steps: [Step::Key(name.into())].into() }
    }

    /// The steps from the root.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether it leads over every element of some array.
    pub fn has_each(&self) -> bool {
        self.steps.contains(&Step::Each)
    }

    /// The value it leads to; `None` where there is none, and always where it has a `*`.
    pub fn find<'v>(&self, value: &'v Value) -> Option<&'v Value> {
        follow(&self.steps, value)
    }

    /// All values that it leads to, over every element of each list at a `*`. `None` where a `*` stands over anything
    /// but a list, and where an element has no value at the end of the way; `null` is none.
    pub fn spread<'v>(&self, value: &'v Value) -> Option<Spread<'v>> {
        let mut spread = Spread { values: vec![value], has_empty: false };
        for step in &self.steps {
            let mut next = Vec::with_capacity(spread.values.len());
            for value in spread.values {
                match step {
                    Step::Key(key) => next.push(child(value, key)?),
                    Step::Each => {
                        let items = value.as_array()?;
                        spread.has_empty |= items.is_empty();
                        next.extend(items);
                    }
                }
            }
            spread.values = next;
        }
        spread.values.iter().all(|value| !value.is_null()).then_some(spread)
    }
}

/// Everything that a pointer with `*` leads to.
#[derive(Debug, Default, PartialEq)]
pub struct Spread<'v> {
    /// The values, in order.
    pub values: Vec<&'v Value>,
    /// Whether a list on the way has no elements, so that nobody can say what its elements would be.
    pub has_empty: bool,
}

/// The value that some steps lead to from `value`; `None` where there is none, and always at a `*`.
pub(crate) fn follow<'v>(steps: &[Step], value: &'v Value) -> Option<&'v Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => child(value, key),
        Step::Each => None,
    })
}

/// The member or element `key` of a value.
pub fn child<'v>(value: &'v Value, key: &str) -> Option<&'v Value> {
    match value {
        Value::Object(map) => map.get(key),
        Value::Array(list) => {
            let plain = key == "0" || !key.starts_with('0') && key.bytes().all(|byte| byte.is_ascii_digit());
            list.get(key.parse::<usize>().ok().filter(|_| plain)?)
        }
        _ => None,
    }
}

impl FromStr for Pointer {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let malformed = || Fault::Malformed {
            what: "JSON Pointer",
            found: cut(text),
            expected: "write it as in RFC 6901, such as /account/id",
        };
        let rest = text.strip_prefix('/').ok_or_else(malformed)?;
        let step = |raw: &str| {
            if raw == "*" {
                return Ok(Step::Each);
            }
            // `~` stands only before 0 or 1.
            let well_formed = raw.split('~').skip(1).all(|rest| rest.starts_with(['0', '1']));
            let key = raw.replace("~1", "/").replace("~0", "~");
            if well_formed { Ok(Step::Key(key.into())) } else { Err(malformed()) }
        };
        let steps = rest.split('/').map(step).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), steps })
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
