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

/// Whether no value meets more than [`MAX_STEPS`] schemas at any place.
pub(crate) fn is_bounded(document: &Value) -> bool {
    let mut known = HashMap::new();
    let mut open = vec![document];
    while let Some(node) = open.pop() {
        if steps(node, document, 0, &mut known) > MAX_STEPS {
            return false;
        }
        match node {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    true
}

/// How many schemas judge the value that `node` judges.
fn steps<'d>(
    node: &'d Value,
    document: &'d Value,
    way: usize,
    known: &mut HashMap<*const Value, usize>,
) -> usize {
    let Value::Object(members) = node else { return 1 };
    if let Some(steps) = known.get(&std::ptr::from_ref(node)) {
        return *steps;
    }
    if way > MAX_WAY {
        return usize::MAX;
    }
    // Whoever comes here again meanwhile goes round in a circle, which the crate ends by itself.
    known.insert(std::ptr::from_ref(node), 1);
    let mut sum = 1_usize;
    let mut add = |inner: &'d Value| {
        sum = sum.saturating_add(steps(inner, document, way.saturating_add(1), known));
    };
    for (key, child) in members {
        match (key.as_str(), child) {
            ("allOf" | "anyOf" | "oneOf", Value::Array(items)) => items.iter().for_each(&mut add),
            ("not" | "if" | "then" | "else", child) => add(child),
            ("dependentSchemas" | "dependencies", Value::Object(inner)) => inner.values().for_each(&mut add),
            ("$ref", Value::String(to)) => {
                if let Some(target) = target(document, to) {
                    add(target);
                }
            }
            _ => {}
        }
    }
    known.insert(std::ptr::from_ref(node), sum);
    sum
}
