//! What must be known of a schema beside its verdict, to tell its errors: which property names it declares, and whether
//! they can be listed in bounded time.

use std::collections::HashSet;

use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::refusal::SchemaError;

/// A schema seen from outside.
#[derive(Debug)]
pub(crate) struct Outline {
    names: HashSet<Box<str>>,
    listable: bool,
}

/// How many nodes a schema may have, with every reference followed, for its errors to be listed.
const MAX_NODES: usize = 10_000;

impl Outline {
    pub(crate) fn of(document: &Value) -> Self {
        let mut names = HashSet::new();
        declared_names(document, &mut names);
        Self { names, listable: unfolds_within(document, MAX_NODES) }
    }

    /// Whether its errors can be listed. Judging remembers what it saw and takes linear time; listing goes down every
    /// branch of an `anyOf` anew, so that a recursive schema takes time exponential in the depth of the body.
    pub(crate) fn listable(&self) -> bool {
        self.listable
    }

    /// An error without any text of the client's.
    pub(crate) fn tell(&self, value: &Value, error: &ValidationError<'_>) -> SchemaError {
        let pointer = self.declared_pointer(value, error.instance_path().as_str());
        SchemaError { pointer, keyword: keyword(error).into() }
    }

    /// The part of `pointer` that holds no text of the client's: up to the first member that the schema does not
    /// declare.
    fn declared_pointer(&self, mut value: &Value, pointer: &str) -> String {
        let mut declared = String::new();
        for step in pointer.split('/').skip(1) {
            let name = step.replace("~1", "/").replace("~0", "~");
            let child = match value {
                Value::Array(items) => name.parse().ok().and_then(|index: usize| items.get(index)),
                Value::Object(members) if self.names.contains(&*name) => members.get(&name),
                _ => None,
            };
            let Some(child) = child else { break };
            declared.push('/');
            declared.push_str(step);
            value = child;
        }
        declared
    }
}

/// The keyword that an error comes from; of a schema `false`, the one that it stands under where that says more.
fn keyword<'e>(error: &'e ValidationError<'_>) -> &'e str {
    let ValidationErrorKind::FalseSchema = error.kind() else {
        return error.kind().keyword();
    };
    let under = error.schema_path().as_str().rsplit('/').next();
    under.filter(|it| matches!(*it, "additionalProperties" | "items" | "additionalItems")).unwrap_or("false")
}

/// The names under any `properties`. One that stands in an example is taken too: it is the author's text as well.
fn declared_names(node: &Value, names: &mut HashSet<Box<str>>) {
    match node {
        Value::Array(items) => items.iter().for_each(|item| declared_names(item, names)),
        Value::Object(members) => {
            for (key, child) in members {
                if let ("properties", Value::Object(properties)) = (key.as_str(), child) {
                    names.extend(properties.keys().map(|name| name.as_str().into()));
                }
                declared_names(child, names);
            }
        }
        _ => {}
    }
}

/// Whether the schema with each reference replaced by what it leads to has at most so many nodes. One that contains
/// itself never ends, and is told by that. What cannot be followed here counts as endless: dynamic references,
/// anchors, and any reference beside an inner `$id`, which moves what `#` means.
fn unfolds_within(document: &Value, max: usize) -> bool {
    let mut left = max;
    let mut open = vec![document];
    while let Some(node) = open.pop() {
        let Some(fewer) = left.checked_sub(1) else { return false };
        left = fewer;
        match node {
            Value::Array(items) => open.extend(items),
            Value::Object(members) => {
                let inner = !std::ptr::eq(node, document);
                for (key, child) in members {
                    match (key.as_str(), child) {
                        ("$ref", Value::String(to)) => match target(document, to) {
                            Some(target) => open.push(target),
                            None => return false,
                        },
                        ("$dynamicRef" | "$recursiveRef", Value::String(_)) => return false,
                        ("$id" | "id", Value::String(_)) if inner => return false,
                        _ => open.push(child),
                    }
                }
            }
            _ => {}
        }
    }
    true
}

/// What a reference within the document leads to.
pub(crate) fn target<'d>(document: &'d Value, reference: &str) -> Option<&'d Value> {
    let pointer = reference.strip_prefix('#')?;
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8().ok()?;
    document.pointer(&pointer)
}
