//! A request's path, read from its bytes once, for everybody.

use std::borrow::Cow;

use crate::model::query::Query;

/// A path that every reader sees alike: decoded once, no dot segments, no inner empty segment, no byte that some
/// upstream takes for a separator. What cannot be read so is [`Ambiguous`].
#[derive(Clone, Debug)]
pub struct RequestPath<'r> {
    text: Cow<'r, str>,
    query: Option<Query<'r>>,
}

/// A path that two readers could take for different ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ambiguous;

impl<'r> RequestPath<'r> {
    /// Reads the `:path` of a request, with or without a query.
    ///
    /// # Errors
    /// [`Ambiguous`]: anything but an absolute path, a byte that is no visible ASCII, a raw `;`, `\` or `#`, a `%`
    /// without two hex digits, an escape that gives `/ \ ; % ? #` or a control character, escapes that are not UTF-8,
    /// a segment `.` or `..`, an empty segment that is not the last.
    pub fn parse(target: &'r [u8]) -> Result<Self, Ambiguous> {
        let mut halves = target.splitn(2, |byte| *byte == b'?');
        let path = halves.next().unwrap_or_default();
        let query = halves.next().map(Query);
        if path.first() != Some(&b'/') || query.is_some_and(|query| query.0.contains(&b'#')) {
            return Err(Ambiguous);
        }
        if path.iter().any(|byte| !byte.is_ascii_graphic() || matches!(byte, b';' | b'\\' | b'#')) {
            return Err(Ambiguous);
        }
        let text = if path.contains(&b'%') { Cow::Owned(decode(path)?) } else { utf8(path)? };
        let mut segments = text.split('/').skip(1).peekable();
        while let Some(segment) = segments.next() {
            let inner = segments.peek().is_some();
            if matches!(segment, "." | "..") || segment.is_empty() && inner {
                return Err(Ambiguous);
            }
        }
        Ok(Self { text, query })
    }

    /// The decoded path; its segments are what stands between the `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The query, if there is a `?`.
    pub fn query(&self) -> Option<Query<'r>> {
        self.query
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, Ambiguous> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|_| Ambiguous)
}

fn decode(path: &[u8]) -> Result<String, Ambiguous> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || bytes.next().and_then(|byte| char::from(byte).to_digit(16)).ok_or(Ambiguous);
        let code = digit()?.wrapping_shl(4) | digit()?;
        match u8::try_from(code).map_err(|_| Ambiguous)? {
            b'/' | b'\\' | b';' | b'%' | b'?' | b'#' => return Err(Ambiguous),
            decoded => out.push(decoded),
        }
    }
    let text = String::from_utf8(out).map_err(|_| Ambiguous)?;
    if text.chars().any(char::is_control) { Err(Ambiguous) } else { Ok(text) }
}
