//! A query string, read as `application/x-www-form-urlencoded`: names and values decoded once, `+` is a space.

use std::borrow::Cow;

use crate::model::headers::Found;

/// The part of a request target behind the first `?`.
#[derive(Clone, Copy, Debug)]
pub struct Query<'r>(pub &'r [u8]);

impl<'r> Query<'r> {
    /// All parameters in order, decoded; one without `=` has an empty value.
    pub fn iter(self) -> impl Iterator<Item = (Cow<'r, [u8]>, Cow<'r, [u8]>)> {
        self.0.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()).map(|pair| {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            (decode(halves.next().unwrap_or_default()), decode(halves.next().unwrap_or_default()))
        })
    }

    /// The value of the parameter `name`, where only one may stand.
    pub fn single(self, name: &str) -> Found<Cow<'r, [u8]>> {
        let mut values = self.iter().filter(|(known, _)| **known == *name.as_bytes()).map(|(_, value)| value);
        match (values.next(), values.next()) {
            (None, _) => Found::Missing,
            (Some(value), None) => Found::One(value),
            (Some(_), Some(_)) => Found::Ambiguous,
        }
    }
}

fn decode(text: &[u8]) -> Cow<'_, [u8]> {
    if !text.iter().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    Cow::Owned(percent_encoding::percent_decode(&spaced).collect())
}
