//! What a `content-type` says (RFC 9110, section 8.3).

use crate::bytes;
use crate::model::headers::is_token;

/// A media type as a header names it; its parameters are read, and kept only where they change how a body is read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MediaType {
    essence: Box<str>,
    charset: Option<Box<str>>,
    boundary: Option<Box<str>>,
}

const SPACE: [char; 2] = [' ', '\t'];

impl MediaType {
    /// Reads a header's value. `None` for what is not in the grammar, and for a parameter that is given twice: two
    /// readers could take different ones.
    pub fn read(value: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(value).ok()?.trim_matches(SPACE);
        let (essence, rest) = text.split_at_checked(text.find(';').unwrap_or(text.len()))?;
        let essence = essence.trim_end_matches(SPACE);
        let (kind, subtype) = essence.split_once('/')?;
        if !is_token(kind) || !is_token(subtype) {
            return None;
        }
        let mut parameters = parameters(rest)?;
        let mut take = |wanted: &str| {
            let at = parameters.iter().position(|(name, _)| name == wanted)?;
            Some(parameters.swap_remove(at).1.into())
        };
        let (charset, boundary) = (take("charset"), take("boundary"));
        Some(Self { essence: essence.to_ascii_lowercase().into(), charset, boundary })
    }

    /// `type/subtype` in lower case.
    pub fn essence(&self) -> &str {
        &self.essence
    }

    /// Whether a body of this type is JSON: `application/json` or a type that ends in `+json` (RFC 6839).
    pub fn is_json(&self) -> bool {
        let subtype = self.essence.strip_prefix("application/");
        subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
    }

    /// What parts a multipart body (RFC 2046, section 5.1.1): 1 to 70 characters, the last no space.
    pub fn boundary(&self) -> Option<&str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"'()+_,-./:=? ".contains(&byte);
        let boundary = self.boundary.as_deref()?;
        let good =
            (1..=70).contains(&boundary.len()) && boundary.bytes().all(fits) && !boundary.ends_with(' ');
        good.then_some(boundary)
    }

    /// Whether it names no character set but UTF-8, the only one that JSON has (RFC 8259, section 8.1).
    pub fn is_utf8(&self) -> bool {
        self.charset.as_deref().is_none_or(|charset| charset.eq_ignore_ascii_case("utf-8"))
    }
}

/// The parameters behind a value, their names in lower case; `None` for what is not in the grammar, and for a name
/// that is given twice.
pub(crate) fn parameters(mut rest: &str) -> Option<Vec<(String, String)>> {
    let mut seen: Vec<(String, String)> = Vec::new();
    while let Some(after) = rest.strip_prefix(';') {
        rest = after.trim_start_matches(SPACE);
        if rest.is_empty() || rest.starts_with(';') {
            continue;
        }
        let (name, after) = rest.split_once('=')?;
        let name = name.to_ascii_lowercase();
        if !is_token(&name) || seen.iter().any(|(known, _)| *known == name) {
            return None;
        }
        let (value, after) = parameter_value(after)?;
        seen.push((name, value));
        rest = after.trim_start_matches(SPACE);
    }
    rest.is_empty().then_some(seen)
}

/// Whether a `content-type` says [JSON](MediaType::is_json), in the only character set that it has.
pub fn is_json(value: &[u8]) -> bool {
    // Nearly all bodies that are read say just this.
    bytes::same(value, b"application/json")
        || MediaType::read(value).is_some_and(|given| given.is_json() && given.is_utf8())
}

/// Whether a `content-encoding` is none: what is encoded hides what it holds.
pub fn is_identity(coding: &[u8]) -> bool {
    coding.trim_ascii().eq_ignore_ascii_case(b"identity")
}

/// A token or a quoted string, and what follows it.
fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([';', ' ', '\t']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return is_token(value).then(|| (value.to_owned(), rest));
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            plain => value.push(plain),
        }
    }
}
