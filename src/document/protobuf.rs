//! A `google.protobuf.Struct` to [`Node`]: what reaches the filter where a manifest writes the policy as a `Struct`.
//! Envoy hands over its wire form, not JSON as its documentation says.
//!
//! The messages are those of `google/protobuf/struct.proto`: a `Struct` has entries (1) of a key (1) and a `Value` (2);
//! a `Value` is null (1), a number (2), a string (3), a boolean (4), a `Struct` (5) or a list (6) of values (1).

use std::rc::Rc;

use serde_json::Number;

use crate::document::Kind;
use crate::document::MAX_DEPTH;
use crate::document::Node;
use crate::document::json::Entries;
use crate::document::wire::Field;
use crate::document::wire::Fields;
use crate::fault::Place;
use crate::fault::Problems;

/// The largest whole number that every double keeps.
const MAX_WHOLE: f64 = 9_007_199_254_740_992.0;

impl Node {
    /// Reads a whole `Struct`; `None` where the bytes are none. A key given twice is noted.
    pub fn from_struct(bytes: &[u8], problems: &Problems) -> Option<Rc<Node>> {
        read_struct(bytes, Place::root(None), 0, problems)
    }
}

fn read_struct(bytes: &[u8], place: Place, depth: usize, problems: &Problems) -> Option<Rc<Node>> {
    let mut entries = Entries::new(place.clone());
    for field in Fields::of(bytes) {
        let Field::Bytes(1, entry) = field? else { return None };
        let (mut key, mut value) = ("", [].as_slice());
        for field in Fields::of(entry) {
            match field? {
                Field::Bytes(1, bytes) => key = std::str::from_utf8(bytes).ok()?,
                Field::Bytes(2, bytes) => value = bytes,
                _ => return None,
            }
        }
        let key: Rc<str> = key.into();
        let node = read_value(value, place.field(key.clone(), None), depth.checked_add(1)?, problems)?;
        entries.push(key, node, problems);
    }
    Some(Rc::new(Node { place, kind: entries.into_kind() }))
}

fn read_value(bytes: &[u8], place: Place, depth: usize, problems: &Problems) -> Option<Rc<Node>> {
    if depth > MAX_DEPTH {
        return None;
    }
    // Of several the last counts; there is never more than one.
    let kind = match Fields::of(bytes).last()?? {
        Field::Varint(1, _) => Kind::Null,
        Field::Fixed(2, double) => Kind::Number(number(f64::from_le_bytes(double.try_into().ok()?))?),
        Field::Bytes(3, text) => Kind::Text(std::str::from_utf8(text).ok()?.into()),
        Field::Varint(4, truth) => Kind::Bool(truth != 0),
        Field::Bytes(5, inner) => return read_struct(inner, place, depth, problems),
        Field::Bytes(6, list) => {
            let mut items = Vec::new();
            for field in Fields::of(list) {
                let Field::Bytes(1, item) = field? else { return None };
                let at = place.element(items.len(), None);
                items.push(read_value(item, at, depth.checked_add(1)?, problems)?);
            }
            Kind::List(items)
        }
        _ => return None,
    };
    Some(Rc::new(Node { place, kind }))
}

/// A `Struct` has doubles alone: a whole one is the integer that its author wrote.
fn number(double: f64) -> Option<Number> {
    if double.fract() == 0.0 && double.abs() <= MAX_WHOLE {
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within what 64 bits keep")]
        return Some(Number::from(double as i64));
    }
    Number::from_f64(double)
}
