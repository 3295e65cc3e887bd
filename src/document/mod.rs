//! A policy document as a tree whose every node knows its place.
//!
//! The filter reads it from JSON ([`Blocks::read`], [`Node::from_json`]), the command line from YAML with lines and columns; both end
//! in the same [`Node`]. Controls read it with [`Fields`] and the scalar readers in `read`, which note every problem
//! and go on. Serde's derived readers stop at the first error, and the author of a policy wants all of them.

mod blocks;
mod canonical;
pub mod digest;
mod fields;
mod json;
mod merge;
mod protobuf;
mod read;
#[cfg(test)]
mod tests;
pub mod wire;
mod write;

use std::fmt;
use std::rc::Rc;

use serde_json::Number;
use serde_json::Value;

pub use crate::document::blocks::Blocks;
pub(crate) use crate::document::canonical::write_text;
pub use crate::document::fields::Fields;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) use crate::document::json::Entries;
pub use crate::document::json::MAX_DEPTH;
pub use crate::document::merge::over;
pub use crate::document::merge::patched;
pub(crate) use crate::document::read::cut;
use crate::fault::Place;

/// A value of a document, with its place.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where it was written.
    pub place: Place,
    /// What it is.
    pub kind: Kind,
}

/// What a [`Node`] is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, its text kept.
    Number(Number),
    /// A string.
    Text(Rc<str>),
    /// A list.
    List(Vec<Rc<Node>>),
    /// A map, in the order written, no key twice.
    Map(Vec<(Rc<str>, Rc<Node>)>),
}

impl Node {
    /// The value under `name`, if this is a map that has it.
    pub fn get(&self, name: &str) -> Option<&Rc<Node>> {
        match &self.kind {
            Kind::Map(entries) => entries.iter().find(|(key, _)| &**key == name).map(|(_, node)| node),
            _ => None,
        }
    }

    /// The same value without places.
    pub fn to_json(&self) -> Value {
        match &self.kind {
            Kind::Null => Value::Null,
            Kind::Bool(it) => Value::Bool(*it),
            Kind::Number(it) => Value::Number(it.clone()),
            Kind::Text(it) => Value::String(it.to_string()),
            Kind::List(items) => Value::Array(items.iter().map(|item| item.to_json()).collect()),
            Kind::Map(entries) => {
                Value::Object(entries.iter().map(|(key, node)| (key.to_string(), node.to_json())).collect())
            }
        }
    }

    /// What arrived, for a message, in the author's own writing: `the number 5.10`, `a list`. Long texts are cut.
    pub fn found(&self) -> String {
        let written = self.place.mark().and_then(|mark| mark.written.as_deref());
        match &self.kind {
            Kind::Null => "nothing (null)".into(),
            Kind::Bool(it) => format!("the boolean {it}"),
            Kind::Number(it) => match written {
                Some(written) => format!("the number {written}"),
                None => format!("the number {it}"),
            },
            Kind::Text(it) if it.chars().count() <= 64 => format!("the string `{}`", Printable(it)),
            Kind::Text(_) => "a long string".into(),
            Kind::List(_) => "a list".into(),
            Kind::Map(_) => "a map".into(),
        }
    }
}

/// A text fit for one line of a log: control characters escaped.
pub struct Printable<'a>(pub &'a str);

impl fmt::Display for Printable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(f, "{}", c.escape_default()),
            c => write!(f, "{c}"),
        })
    }
}
