//! What `content-length` says (RFC 9110, section 8.6).

use crate::model::headers::Found;
use crate::model::headers::Headers;

/// A `content-length` that is no number of bytes, or is given more than once: also twice the same, which one hop may
/// have made of two messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unclear;

/// The declared length in bytes; `None` where there is none. A length past 64 bits is the largest there is.
///
/// # Errors
/// [`Unclear`].
pub fn declared(headers: &Headers) -> Result<Option<u64>, Unclear> {
    let value = match headers.single("content-length") {
        Found::Missing => return Ok(None),
        Found::Ambiguous => return Err(Unclear),
        Found::One(value) => value,
    };
    let digits = std::str::from_utf8(value)
        .ok()
        .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()));
    digits.map(|digits| Some(digits.parse().unwrap_or(u64::MAX))).ok_or(Unclear)
}

/// Whether the head says that nothing follows: the stream has ended, or a length of 0 is [`declared`].
///
/// A client of HTTP/2 may declare 0 and end the stream with an empty frame. Where a length is unclear, something may
/// follow.
pub fn nothing_follows(declared: Result<Option<u64>, Unclear>, end_of_stream: bool) -> bool {
    end_of_stream && declared == Ok(None) || declared == Ok(Some(0))
}
