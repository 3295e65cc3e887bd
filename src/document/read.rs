//! Scalars out of a [`Node`]. Each reader notes what is wrong and answers `None`.

use std::ops::RangeInclusive;
use std::rc::Rc;
use std::str::FromStr;

use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::fault::nearest;

impl Node {
    /// Notes that something else was expected here, and how YAML readers come to such a value.
    pub fn wrong_type(&self, expected: &str, problems: &Problems) {
        let hint = match (&self.kind, expected) {
            (Kind::Bool(_) | Kind::Number(_), "a string") => "; quote it",
            (_, "a number" | "a whole number") => self.number_as_text(),
            _ => "",
        };
        let expected = format!("{expected}{hint}").into();
        problems.note(&self.place, Fault::WrongType { found: self.found().into(), expected });
    }

    /// What to do about a number that arrived as a string; empty for everything else.
    pub(crate) fn number_as_text(&self) -> &'static str {
        match &self.kind {
            Kind::Text(it) if it.parse::<f64>().is_ok() => {
                "; write it without quotes, and hand the policy over as `portcullis bundle` prints it: \
                 some YAML readers make strings of numbers"
            }
            _ => "",
        }
    }

    /// A string.
    pub fn text(&self, problems: &Problems) -> Option<&Rc<str>> {
        match &self.kind {
            Kind::Text(it) => Some(it),
            _ => {
                self.wrong_type("a string", problems);
                None
            }
        }
    }

    /// The name of an environment variable that holds a secret. What stands here instead is never shown: it may be the
    /// secret itself.
    pub fn variable(&self, problems: &Problems) -> Option<&Rc<str>> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        match &self.kind {
            Kind::Text(it) if (1..=128).contains(&it.len()) && it.bytes().all(letter) => Some(it),
            _ => {
                let why = "`secret_env` names a variable, of A-Z a-z 0-9 _; it is not the secret";
                problems.note(&self.place, Fault::conflict(why));
                None
            }
        }
    }

    /// Sees that a map stands here, where a secret could stand by mistake: what does is not shown.
    pub fn discreet_map(&self, expected: &str, problems: &Problems) -> Option<()> {
        if matches!(self.kind, Kind::Map(_)) {
            return Some(());
        }
        problems.note(&self.place, Fault::conflict(format!("expected {expected}")));
        None
    }

    /// `true` or `false`.
    pub fn boolean(&self, problems: &Problems) -> Option<bool> {
        match &self.kind {
            Kind::Bool(it) => Some(*it),
            _ => {
                self.wrong_type("true or false", problems);
                None
            }
        }
    }

    /// A whole number within `range`.
    pub fn integer(&self, range: RangeInclusive<u64>, problems: &Problems) -> Option<u64> {
        let Kind::Number(it) = &self.kind else {
            self.wrong_type("a whole number", problems);
            return None;
        };
        match it.as_u64() {
            Some(it) if range.contains(&it) => Some(it),
            _ => {
                let expected = format!("a whole number from {} to {}", range.start(), range.end()).into();
                problems.note(&self.place, Fault::OutOfRange { found: it.to_string().into(), expected });
                None
            }
        }
    }

    /// A list.
    pub fn list(&self, problems: &Problems) -> Option<&[Rc<Node>]> {
        match &self.kind {
            Kind::List(items) => Some(items),
            _ => {
                self.wrong_type("a list", problems);
                None
            }
        }
    }

    /// A list's elements, or this node itself where it is no list.
    pub fn one_or_list(self: &Rc<Self>) -> &[Rc<Node>] {
        match &self.kind {
            Kind::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }

    /// A map's entries.
    pub fn map(&self, problems: &Problems) -> Option<&[(Rc<str>, Rc<Node>)]> {
        match &self.kind {
            Kind::Map(entries) => Some(entries),
            _ => {
                self.wrong_type("a map", problems);
                None
            }
        }
    }

    /// One of a closed set of words.
    pub fn word<T: Copy>(&self, words: &[(&'static str, T)], problems: &Problems) -> Option<T> {
        let text = match &self.kind {
            Kind::Text(it) => it,
            _ => {
                self.wrong_type(&format!("{}; quote it", one_of(words)), problems);
                return None;
            }
        };
        let found = words.iter().find(|(word, _)| **word == **text).map(|(_, it)| *it);
        if found.is_none() {
            let hint = nearest(text, words.iter().map(|(word, _)| *word));
            let fault = Fault::UnknownWord { found: cut(text), expected: one_of(words).into(), hint };
            problems.note(&self.place, fault);
        }
        found
    }

    /// A string that reads as a `T`.
    pub fn parse<T: FromStr<Err = Fault>>(&self, problems: &Problems) -> Option<T> {
        let text = self.text(problems)?;
        problems.need(&self.place, text.parse())
    }
}

/// `` `a`, `b` or `c` ``.
fn one_of<T>(words: &[(&'static str, T)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
        None => String::new(),
    }
}

/// A text for a message: at most 64 characters, control characters escaped.
pub(crate) fn cut(text: &str) -> Box<str> {
    let short: String = text.chars().take(64).collect();
    crate::document::Printable(&short).to_string().into()
}
