//! A glance at a body: strict JSON and passing its schema, told while the text is read, without making a value of it.
//!
//! A glance **admits or says nothing**. What it admits the strict reader reads and the schema passes; whatever it does not
//! understand, in the schema or in the text, is theirs to judge, and every refusal and every error is theirs to tell. So
//! it knows few keywords and no draft but the default one. Most bodies are good, and most schemas are made of these words.
//!
//! Where undeclared members go, it finds them on the way, and what it admits is what is left.
//!
//! **Does not** match patterns and formats itself, but for the plainest: each is a schema of its own.

mod compile;
mod matcher;
mod reader;

use std::ops::Range;

use serde_json::Value;

use crate::bytes;
use crate::control::body::schema::glance::matcher::Matcher;
use crate::model::cut;
use crate::model::json::Budget;

/// What is asked of a schema for a glance: all in it, where it is understood.
pub(crate) struct Shape {
    nodes: Vec<Node>,
    root: usize,
}

/// What became of a text that a glance admits.
#[derive(Debug, Default, Eq, PartialEq)]
pub struct Glance {
    /// What goes of the text, in order.
    gone: Vec<Range<usize>>,
    /// How many members those are.
    count: usize,
}

/// A schema within the schema; others by their place in [`Shape::nodes`]. The default is the schema that takes everything.
#[derive(Default)]
struct Node {
    /// It says something that a glance does not understand: no value is admitted here.
    unsure: bool,
    /// It is no part of an answer (`writeOnly`).
    hidden: bool,
    /// The types that it does not take.
    not: Types,
    /// The only values that it takes: texts, booleans, nulls.
    words: Option<Vec<Value>>,
    /// The bounds of numbers.
    bounds: Vec<Bound>,
    text: Span,
    /// Its pattern and its format.
    matches: Vec<Matcher>,
    elements: Span,
    items: usize,
    size: Span,
    /// The members that are named.
    members: Vec<Named>,
    /// How many of them must be there.
    required: usize,
    others: Others,
}

/// A member's name, and what the schema says of it.
struct Named {
    /// The name's [`mark`](bytes::mark).
    mark: u32,
    name: Box<str>,
    member: Member,
}

impl Named {
    fn new(name: &str, member: Member) -> Self {
        Self { mark: bytes::mark(name.as_bytes()), name: name.into(), member }
    }
}

/// What the schema says of a named member.
#[derive(Clone, Copy)]
struct Member {
    node: usize,
    required: bool,
}

/// Members that are not named.
#[derive(Clone, Copy, Default)]
enum Others {
    /// Nothing is said of them.
    #[default]
    Any,
    /// There may be none.
    None,
    /// They are what a schema says that says something.
    Node(usize),
}

/// Kinds of values, as a set.
#[derive(Clone, Copy, Default, Eq, PartialEq)]
struct Types(u8);

impl Types {
    const NULL: Self = Self(1);
    const BOOLEAN: Self = Self(2);
    /// Numbers that are written without a point and without an exponent.
    const INTEGER: Self = Self(4);
    /// All other numbers: whether one is whole is not for a glance to say.
    const OTHER_NUMBER: Self = Self(8);
    const STRING: Self = Self(16);
    const ARRAY: Self = Self(32);
    const OBJECT: Self = Self(64);

    fn has(self, one: Self) -> bool {
        self.0 & one.0 != 0
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn others(self) -> Self {
        Self(!self.0)
    }
}

/// A least and a greatest count.
#[derive(Clone, Copy, Debug)]
struct Span(u64, u64);

impl Default for Span {
    fn default() -> Self {
        Self(0, u64::MAX)
    }
}

impl Span {
    fn has(self, count: usize) -> bool {
        u64::try_from(count).is_ok_and(|count| self.0 <= count && count <= self.1)
    }

    /// Whether a text has so many characters. Each is one to four bytes: most texts need not be counted.
    fn has_chars(self, text: &str) -> bool {
        self.has(text.len()) && self.has(text.len() / 4) || self.has(text.chars().count())
    }
}

/// One bound of a number.
#[derive(Clone, Copy)]
enum Bound {
    Least(f64),
    Above(f64),
    Greatest(f64),
    Below(f64),
}

impl Shape {
    /// The whole text as it is.
    pub(crate) fn admits(&self, text: &[u8], budget: &Budget) -> bool {
        reader::glance(self, text, budget, false).is_some()
    }

    /// The text without the members that the schema does not declare.
    pub(crate) fn trims(&self, text: &[u8], budget: &Budget) -> Option<Glance> {
        reader::glance(self, text, budget, true)
    }

    fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }
}

impl Glance {
    /// How many members go.
    pub fn count(&self) -> usize {
        self.count
    }

    /// What is left of the text; `None` where it is not the one that was looked at.
    pub fn left(&self, text: &[u8]) -> Option<Vec<u8>> {
        cut::without(text, &self.gone)
    }
}
