//! Whose object a request means, and whether that is the caller.

use std::borrow::Cow;
use std::collections::HashSet;

use serde_json::Value;

use crate::control::access::Condition;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// One owner rule.
#[derive(Clone, Debug)]
pub struct Owner {
    /// Where the id stands; several places must agree.
    pub(super) values: Vec<ValueRef>,
    /// The claim that it must equal.
    pub(super) is: ValueRef,
    pub(super) kind: IdKind,
    /// Who may act on others' objects.
    pub(super) unless: Vec<Condition>,
}

/// How ids are compared.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) enum IdKind {
    /// Strings alone, byte for byte.
    #[default]
    Text,
    /// `-?(0|[1-9][0-9]*)` within 64 bits, written as a number or a string.
    Integer,
    /// 8-4-4-4-12 hex digits in any case.
    Uuid,
}

/// An id in the one form in which it is compared.
#[derive(Debug, Eq, Hash, PartialEq)]
pub(super) enum Id<'a> {
    Text(Cow<'a, [u8]>),
    Integer(i128),
    Uuid(u128),
}

/// How an owner rule was held.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Ownership {
    /// The object is the caller's.
    Own,
    /// The caller may act on others' objects: `unless` said so.
    Exempted,
}

impl Owner {
    /// The path parameters that this rule protects.
    pub fn path_parameters(&self) -> impl Iterator<Item = &str> {
        self.sources().filter_map(|source| match source {
            Source::Path(name) => Some(&**name),
            _ => None,
        })
    }

    /// The query parameters that this rule reads.
    pub fn query_parameters(&self) -> impl Iterator<Item = &str> {
        self.sources().filter_map(|source| match source {
            Source::Query(name) => Some(&**name),
            _ => None,
        })
    }

    /// Whether any place is in the request's body, so that the whole rule is judged once that was read.
    pub fn on_body(&self) -> bool {
        self.values.iter().any(ValueRef::needs_request_body)
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.values.iter().flat_map(|value| value.sources())
    }

    /// Judges one request. `unless` is looked at first.
    ///
    /// # Errors
    /// `access.owner_missing` where a place is empty, `access.ambiguous` where one place holds two values or two
    /// places differ, `access.foreign` where an object is not the caller's.
    pub fn check(&self, sight: &impl Sight) -> Result<Ownership, Refusal> {
        if self.exempts(sight) {
            return Ok(Ownership::Exempted);
        }
        if let [only] = &*self.values {
            // One place with one id, as nearly always: no sets.
            match only.read(sight) {
                seen @ Seen::Each(_) => drop(seen),
                seen => {
                    let id = self.id(seen)?;
                    return if self.owns(&id, sight) {
                        Ok(Ownership::Own)
                    } else {
                        Err(Reason::AccessForeign.into())
                    };
                }
            }
        }
        let mut named: HashSet<Id<'_>> = HashSet::new();
        for value in &self.values {
            for seen in each(value.read(sight)) {
                named.insert(self.id(seen)?);
                // One list may name several objects, as long as all are the caller's; several places name one.
                if self.values.len() > 1 && named.len() > 1 {
                    return Err(Reason::AccessAmbiguous.into());
                }
            }
        }
        let own = self.own(sight);
        match named.is_empty() {
            true => Err(Reason::AccessOwnerMissing.into()),
            false if named.is_subset(&own) => Ok(Ownership::Own),
            false => Err(Reason::AccessForeign.into()),
        }
    }

    /// Whether `unless` says that the caller may act on others' objects.
    pub(super) fn exempts(&self, sight: &impl Sight) -> bool {
        self.unless.iter().any(|condition| condition.holds(sight))
    }

    /// The ids that are the caller's. A claim that is a list must contain it; a string is whole, never split.
    pub(super) fn own<'s>(&self, sight: &'s impl Sight) -> HashSet<Id<'s>> {
        match self.is.read(sight) {
            Seen::Json(Value::Array(items)) => {
                items.iter().filter_map(|item| self.kind.read(Seen::Json(item))).collect()
            }
            seen => self.kind.read(seen).into_iter().collect(),
        }
    }

    /// Whether one of [`Self::own`] is this id.
    fn owns(&self, id: &Id<'_>, sight: &impl Sight) -> bool {
        let is = |own: Seen<'_>| self.kind.read(own).is_some_and(|own| own == *id);
        match self.is.read(sight) {
            Seen::Json(Value::Array(items)) => items.iter().any(|item| is(Seen::Json(item))),
            seen => is(seen),
        }
    }

    /// The id at one place.
    pub(super) fn id<'a>(&self, seen: Seen<'a>) -> Result<Id<'a>, Reason> {
        let missing = match &seen {
            Seen::Ambiguous => return Err(Reason::AccessAmbiguous),
            Seen::Bytes(bytes) => bytes.is_empty(),
            Seen::Json(Value::String(text)) => text.is_empty(),
            Seen::Json(value) => matches!(value, Value::Null | Value::Array(_) | Value::Object(_)),
            Seen::Missing | Seen::Each(_) => true,
            Seen::Ip(_) => false,
        };
        if missing {
            return Err(Reason::AccessOwnerMissing);
        }
        self.kind.read(seen).ok_or(Reason::AccessForeign)
    }
}

/// What stands at one place, or at each element of a list.
fn each(seen: Seen<'_>) -> Vec<Seen<'_>> {
    match seen {
        Seen::Each(values) => values.into_iter().map(Seen::Json).collect(),
        seen => vec![seen],
    }
}

impl IdKind {
    /// The id in what was seen; `None` for what is no id of this kind. Empty strings, null, lists and maps never are.
    fn read<'a>(self, seen: Seen<'a>) -> Option<Id<'a>> {
        let text: Cow<'a, [u8]> = match seen {
            Seen::Bytes(bytes) => bytes,
            Seen::Json(Value::String(text)) => Cow::Borrowed(text.as_bytes()),
            Seen::Json(Value::Number(number)) if self == Self::Integer => {
                return number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)).map(Id::Integer);
            }
            _ => return None,
        };
        match self {
            Self::Text if text.is_empty() => None,
            Self::Text => Some(Id::Text(text)),
            Self::Integer => integer(&text).map(Id::Integer),
            Self::Uuid => uuid(&text).map(Id::Uuid),
        }
    }
}

/// `-?(0|[1-9][0-9]*)` within 64 bits, signed or unsigned.
fn integer(text: &[u8]) -> Option<i128> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let canonical = match digits {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let number: i128 =
        std::str::from_utf8(text).ok().filter(|_| canonical && text.len() <= 20)?.parse().ok()?;
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&number).then_some(number)
}

/// 8-4-4-4-12 hex digits (RFC 9562, section 4).
fn uuid(text: &[u8]) -> Option<u128> {
    if text.len() != 36 {
        return None;
    }
    let mut number: u128 = 0;
    for (at, byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        number = number.wrapping_shl(4) | u128::from(char::from(*byte).to_digit(16)?);
    }
    Some(number)
}
