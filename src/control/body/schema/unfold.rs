//! Whether a schema is judged in bounded time.
//!
//! Judging remembers what it made of objects and lists, not of texts and numbers: a schema whose `allOf` leads twice to
//! a second, which leads twice to a third, takes time exponential in their number for one word.

use std::collections::HashMap;

use serde_json::Value;

use crate::control::body::schema::outline::target;

/// How many schemas may judge one value, with every reference followed.
const MAX_STEPS: usize = 10_000;
/// How long a way of references and conditions may be.
const MAX_WAY: usize = 256;

/// What following every reference of a schema leads to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Unfolded {
    /// No value meets more than [`MAX_STEPS`] schemas at any place.
    Bounded,
    /// The same, though some schema judges a value by itself again. JSON Schema does not say what that means; the crate
    /// ends it, by whatever it met first.
    Circular,
    /// More.
    Unbounded,
}

/// Follows every reference.
pub(crate) fn unfolded(document: &Value) -> Unfolded {
    let mut unfold = Unfold { document, known: HashMap::new(), circular: false };
    let mut open = vec![document];
    while let Some(node) = open.pop() {
        if unfold.steps(node, 0) > MAX_STEPS {
            return Unfolded::Unbounded;
        }
        match node {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    if unfold.circular { Unfolded::Circular } else { Unfolded::Bounded }
}

struct Unfold<'d> {
    document: &'d Value,
    /// By the place in memory; `None` while a schema's steps are being counted.
    known: HashMap<*const Value, Option<usize>>,
    circular: bool,
}

impl<'d> Unfold<'d> {
    /// How many schemas judge the value that `node` judges.
    fn steps(&mut self, node: &'d Value, way: usize) -> usize {
        let Value::Object(members) = node else { return 1 };
        if let Some(steps) = self.known.get(&std::ptr::from_ref(node)) {
            self.circular |= steps.is_none();
            return steps.unwrap_or(1);
        }
        if way > MAX_WAY {
            return usize::MAX;
        }
        self.known.insert(std::ptr::from_ref(node), None);
        let (document, mut sum) = (self.document, 1_usize);
        let mut add = |inner: &'d Value| {
            sum = sum.saturating_add(self.steps(inner, way.saturating_add(1)));
        };
        for (key, child) in members {
            match (key.as_str(), child) {
                ("allOf" | "anyOf" | "oneOf", Value::Array(items)) => items.iter().for_each(&mut add),
                ("not" | "if" | "then" | "else", child) => add(child),
                ("dependentSchemas" | "dependencies", Value::Object(inner)) => {
                    inner.values().for_each(&mut add);
                }
                _ => {}
            }
        }
        if let Some(Value::String(to)) = members.get("$ref")
            && let Some(target) = target(document, to)
        {
            add(target);
        }
        self.known.insert(std::ptr::from_ref(node), Some(sum));
        sum
    }
}
