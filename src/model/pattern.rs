//! A route's path as a policy writes it: literals, `{name}`, and `{name*}` at the end.

use std::fmt;
use std::str::FromStr;

use crate::document::cut;
use crate::fault::Fault;
use crate::model::path::RequestPath;

/// A path pattern. Literals are kept decoded, as [`RequestPath`] shows a request's.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathPattern {
    text: Box<str>,
    segments: Box<[Segment]>,
}

/// One segment of a [`PathPattern`].
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Segment {
    /// Just this text.
    Literal(Box<str>),
    /// One non-empty segment.
    Parameter(Box<str>),
    /// All that follows, at least one byte.
    Rest(Box<str>),
}

impl PathPattern {
    /// The segments, in order; none for `/`.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The names of its parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments.iter().filter_map(|segment| match segment {
            Segment::Literal(_) => None,
            Segment::Parameter(name) | Segment::Rest(name) => Some(&**name),
        })
    }
}

impl FromStr for PathPattern {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let malformed = |expected| Fault::Malformed { what: "path", found: cut(text), expected };
        let rest = text.strip_prefix('/').ok_or_else(|| malformed("begin it with /"))?;
        let mut segments: Vec<Segment> = Vec::new();
        let mut raw = if rest.is_empty() { None } else { Some(rest) };
        while let Some(here) = raw {
            let (segment, next) = here.split_once('/').map_or((here, None), |(a, b)| (a, Some(b)));
            if matches!(segments.last(), Some(Segment::Rest(_))) {
                return Err(malformed("a rest such as {name*} stands last"));
            }
            segments.push(Segment::parse(segment).map_err(malformed)?);
            raw = next;
        }
        let pattern = Self { text: text.into(), segments: segments.into() };
        let names: Vec<&str> = pattern.parameters().collect();
        let twice =
            names.iter().enumerate().find(|(index, name)| names.iter().take(*index).any(|it| it == *name));
        match twice {
            Some((_, name)) => {
                Err(Fault::Duplicate { what: "path parameter", name: (*name).into(), first: None })
            }
            None => Ok(pattern),
        }
    }
}

impl Segment {
    fn parse(raw: &str) -> Result<Self, &'static str> {
        let inside = raw.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        if let Some(inside) = inside {
            let name = inside.strip_suffix('*').unwrap_or(inside);
            let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
            if name.is_empty() || name.len() > 64 || !name.bytes().all(word) {
                return Err("name a parameter with 1 to 64 of A-Z a-z 0-9 _");
            }
            return Ok(if name == inside { Self::Parameter(name.into()) } else { Self::Rest(name.into()) });
        }
        if raw.is_empty() {
            return Err("leave out empty segments and the last slash");
        }
        if raw.contains(['{', '}', '?', '*']) {
            return Err("a parameter takes a whole segment, such as /{name}/");
        }
        let literal = format!("/{raw}");
        match RequestPath::parse(literal.as_bytes()) {
            Ok(path) => Ok(Self::Literal(path.as_str().trim_start_matches('/').into())),
            Err(_) => Err("no request with such a segment would be let through: it is ambiguous"),
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
