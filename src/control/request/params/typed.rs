//! Text to a typed value: a parameter arrives as text, and its schema says what it stands for.

use serde_json::Value;

use crate::control::body::budget::Budget;
use crate::control::body::budget::Numbers;
use crate::control::body::schema::Schema;
use crate::control::body::strict;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// A parameter's schema, and how its text becomes a value.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub(crate) scalar: Scalar,
    /// Whether it is declared an array: then it comes by repetition or with commas.
    pub(crate) list: bool,
    pub(crate) schema: Schema,
}

/// What one text stands for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scalar {
    /// Itself.
    Text,
    /// An integer in JSON's grammar: no `+`, no leading zero, no point, no exponent.
    Integer,
    /// A number in JSON's grammar.
    Number,
    /// `true` or `false`.
    Boolean,
}

impl Typed {
    /// Judges the values of one parameter; at least one.
    pub(crate) fn judge(&self, texts: &[&str], header: bool) -> Result<Result<(), String>, Refusal> {
        let value = match (self.list, texts) {
            (true, _) => self.array(texts, header)?,
            (false, [text]) => self.scalar.value(text),
            (false, _) => return Err(Reason::RequestAmbiguous.into()),
        };
        let Some(value) = value else { return Ok(Err("type".into())) };
        Ok(self.schema.check(&value).map_err(|errors| {
            errors.into_iter().next().map_or_else(|| "false".into(), |error| error.keyword)
        }))
    }

    /// Repeated, or parted by commas. Both at once leaves open whether a comma parts or belongs to an element; but for
    /// headers, where several lines mean the same as one with commas (RFC 9110, section 5.3).
    fn array(&self, texts: &[&str], header: bool) -> Result<Option<Value>, Refusal> {
        let repeated = texts.len() > 1;
        if repeated && !header && texts.iter().any(|text| text.contains(',')) {
            return Err(Reason::RequestAmbiguous.into());
        }
        let parts = texts.iter().flat_map(|text| text.split(','));
        let part = |text: &str| self.scalar.value(if header { text.trim_matches([' ', '\t']) } else { text });
        Ok(parts.map(part).collect::<Option<Vec<_>>>().map(Value::Array))
    }
}

impl Scalar {
    /// The value that a text stands for; `None` where it stands for none of this type.
    pub(crate) fn value(self, text: &str) -> Option<Value> {
        match self {
            Self::Text => Some(Value::String(text.to_owned())),
            Self::Boolean if text == "true" => Some(Value::Bool(true)),
            Self::Boolean if text == "false" => Some(Value::Bool(false)),
            Self::Boolean => None,
            Self::Integer if text.bytes().any(|byte| !matches!(byte, b'-' | b'0'..=b'9')) => None,
            Self::Integer | Self::Number => number(text),
        }
    }
}

/// A number and nothing around it. What it may be is the schema's to bound: ids of 64 bits are common in paths.
fn number(text: &str) -> Option<Value> {
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit())
        || text.ends_with(char::is_whitespace)
    {
        return None;
    }
    let budget = Budget::request(u64::MAX, Numbers::Any);
    strict::read(text.as_bytes(), &budget).ok().filter(Value::is_number)
}
