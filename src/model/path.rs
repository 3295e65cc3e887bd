//! A request's path, read from its bytes once, for everybody.

use crate::model::query::Query;

/// A path that every reader sees alike: decoded once, no dot segments, no inner empty segment, no byte that some
/// upstream takes for a separator. What cannot be read so is [`Ambiguous`].
#[derive(Clone, Debug)]
pub struct RequestPath {
    text: Box<str>,
    query: Option<Box<[u8]>>,
}

/// A path that two readers could take for different ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ambiguous;

impl RequestPath {
    /// Reads the `:path` of a request, with or without a query.
    ///
    /// # Errors
    /// [`Ambiguous`]: anything but an absolute path, a byte that is no visible ASCII, a raw `;`, `\` or `#`, a `%`
    /// without two hex digits, an escape that gives `/ \ ; % ? #` or a control character, escapes that are not UTF-8,
    /// a segment `.` or `..`, an empty segment that is not the last.
    pub fn parse(target: &[u8]) -> Result<Self, Ambiguous> {
        let mut halves = target.splitn(2, |byte| *byte == b'?');
        let path = halves.next().unwrap_or_default();
        let query: Option<Box<[u8]>> = halves.next().map(Into::into);
        if path.first() != Some(&b'/') || query.as_ref().is_some_and(|query| query.contains(&b'#')) {
            return Err(Ambiguous);
        }
        let mut escaped = false;
        for byte in path {
            match byte {
                b';' | b'\\' | b'#' => return Err(Ambiguous),
                b'%' => escaped = true,
                b'!'..=b'~' => {}
                _ => return Err(Ambiguous),
            }
        }
        let text =
            if escaped { decode(path)? } else { str::from_utf8(path).map_err(|_| Ambiguous)?.to_owned() };
        if has_unclear_segment(text.as_bytes()) {
            return Err(Ambiguous);
        }
        Ok(Self { text: text.into(), query })
    }

    /// The decoded path; its segments are what stands between the `/`.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The query, if there is a `?`.
    pub fn query(&self) -> Option<Query<'_>> {
        self.query.as_deref().map(Query)
    }
}

/// Whether a segment is `.` or `..`, or is empty and not the last. The path begins with `/`.
fn has_unclear_segment(path: &[u8]) -> bool {
    let mut rest = path;
    while let Some((b'/', after)) = rest.split_first() {
        match after {
            [b'/', ..] | [b'.'] | [b'.', b'/', ..] | [b'.', b'.'] | [b'.', b'.', b'/', ..] => return true,
            _ => {}
        }
        let next = after.iter().position(|byte| *byte == b'/').unwrap_or(after.len());
        rest = after.get(next..).unwrap_or_default();
    }
    false
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
