//! Every way in which a policy can be wrong, and where.
//!
//! A reader notes each [`Problem`] and goes on, so that the author sees all of them at once. Messages follow one
//! form: lower case, no full stop, the author's own words in backticks, and what to do about it.

mod place;

use std::cell::RefCell;
use std::collections::HashSet;
use std::fmt;

pub use crate::fault::place::Mark;
pub use crate::fault::place::Place;

/// One thing that is wrong, and its place.
#[derive(Clone, Debug)]
pub struct Problem {
    /// Where it stands.
    pub at: Place,
    /// What is wrong.
    pub fault: Fault,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.at, self.fault)
    }
}

/// What can be wrong with a policy. Each of them refuses the whole document.
#[derive(Clone, Debug)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant's own line says what its fields hold")]
pub enum Fault {
    /// The text is not JSON (or YAML): the reader's own words.
    Unreadable(Box<str>),
    /// A field that the language does not have here, with the nearest one that it has.
    UnknownField { name: Box<str>, hint: Option<Box<str>> },
    /// A field that must be written is not.
    MissingField(Box<str>),
    /// Another type than the language has here.
    WrongType { found: Box<str>, expected: Box<str> },
    /// Not one of the words that may stand here.
    UnknownWord { found: Box<str>, expected: Box<str>, hint: Option<Box<str>> },
    /// A text of the right type that does not read as what it must be.
    Malformed { what: &'static str, found: Box<str>, expected: &'static str },
    /// A number, size, duration or count outside its bounds.
    OutOfRange { found: Box<str>, expected: Box<str> },
    /// The same name, key or pattern twice.
    Duplicate { what: &'static str, name: Box<str>, first: Option<Place> },
    /// A name that nothing in the document has.
    Dangling { what: &'static str, name: Box<str>, hint: Option<Box<str>> },
    /// Part of the language, but not of this version of the filter.
    NotSupportedYet(Box<str>),
    /// Two things that cannot stand together, or one that needs another: the whole sentence.
    Conflict(Box<str>),
}

impl Fault {
    /// A [`Fault::Conflict`] from its sentence.
    pub fn conflict(sentence: impl Into<Box<str>>) -> Self {
        Self::Conflict(sentence.into())
    }

    /// A [`Fault::Dangling`] with the nearest of `known` as its hint.
    pub fn dangling<'a>(what: &'static str, name: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        Self::Dangling { what, name: name.into(), hint: nearest(name, known) }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hint = |f: &mut fmt::Formatter<'_>, hint: &Option<Box<str>>| match hint {
            Some(hint) => write!(f, "; did you mean `{hint}`?"),
            None => Ok(()),
        };
        match self {
            Self::Unreadable(why) => write!(f, "cannot be read: {why}"),
            Self::UnknownField { name, hint: near } => {
                write!(f, "unknown field `{name}`")?;
                hint(f, near)
            }
            Self::MissingField(name) => write!(f, "`{name}` must be written"),
            Self::WrongType { found, expected } => write!(f, "found {found}, expected {expected}"),
            Self::UnknownWord { found, expected, hint: near } => {
                write!(f, "found `{found}`, expected {expected}")?;
                hint(f, near)
            }
            Self::Malformed { what, found, expected } => write!(f, "`{found}` is no {what}; {expected}"),
            Self::OutOfRange { found, expected } => write!(f, "`{found}` is out of range: {expected}"),
            Self::Duplicate { what, name, first } => {
                write!(f, "the {what} `{name}` is given twice")?;
                match first {
                    Some(first) => write!(f, "; the first stands at {first}"),
                    None => Ok(()),
                }
            }
            Self::Dangling { what, name, hint: near } => {
                write!(f, "there is no {what} called `{name}`")?;
                hint(f, near)
            }
            Self::NotSupportedYet(what) => write!(f, "{what} is not supported yet"),
            Self::Conflict(sentence) => f.write_str(sentence),
        }
    }
}

/// Something to look at that is no error: `check` prints it, the filter logs it.
#[derive(Clone, Debug)]
pub struct Remark {
    /// Where it stands.
    pub at: Place,
    /// A short stable name for the kind of remark, such as `open-schema`.
    pub kind: &'static str,
    /// The sentence.
    pub text: Box<str>,
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} [{}]", self.at, self.text, self.kind)
    }
}

/// All that was found wrong (or worth a remark) so far.
#[derive(Debug, Default)]
pub struct Problems {
    faults: RefCell<Vec<Problem>>,
    remarks: RefCell<Vec<Remark>>,
}

impl Problems {
    /// Notes a fault.
    pub fn note(&self, at: &Place, fault: Fault) {
        self.faults.borrow_mut().push(Problem { at: at.clone(), fault });
    }

    /// Notes a remark.
    pub fn remark(&self, at: &Place, kind: &'static str, text: impl Into<Box<str>>) {
        self.remarks.borrow_mut().push(Remark { at: at.clone(), kind, text: text.into() });
    }

    /// Passes `good` on, or notes the fault.
    pub fn need<T>(&self, at: &Place, good: Result<T, Fault>) -> Option<T> {
        good.map_err(|fault| self.note(at, fault)).ok()
    }

    /// Whether nothing is wrong so far.
    pub fn none(&self) -> bool {
        self.faults.borrow().is_empty()
    }

    /// How many faults were found so far.
    pub fn count(&self) -> usize {
        self.faults.borrow().len()
    }

    /// The faults, in the order in which they were found, and the remarks. What a group hands to many routes is read for
    /// each of them, and told once.
    pub fn into_parts(self) -> (Vec<Problem>, Vec<Remark>) {
        (told_once(self.faults.into_inner()), told_once(self.remarks.into_inner()))
    }
}

fn told_once<T: fmt::Display>(mut told: Vec<T>) -> Vec<T> {
    let mut seen = HashSet::new();
    told.retain(|it| seen.insert(it.to_string()));
    told
}

/// The name of `known` that `name` was most likely meant to be; none where nothing is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<Box<str>> {
    known
        .into_iter()
        .map(|candidate| (strsim::jaro_winkler(name, candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.into())
}
