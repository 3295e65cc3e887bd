//! What an answer says of its own age (RFC 9111) and state (RFC 9110).

use std::time::Duration;

use crate::model::headers::Found;
use crate::model::headers::Headers;

/// The longest entity tag that is kept.
const MAX_TAG: usize = 255;

/// For how long the answer says that it is still good: `max-age` less the `age` that it has already (RFC 9111, section
/// 4.2). Nothing where it does not say, or says it twice. `no-cache` and `no-store` say how to keep it, not how often
/// to ask.
pub fn freshness(answer: &Headers) -> Option<Duration> {
    let mut ages = answer
        .all("cache-control")
        .flat_map(|line| line.split(|byte| *byte == b','))
        .filter_map(|directive| seconds(strip(directive.trim_ascii(), b"max-age=")?));
    let (Some(max_age), None) = (ages.next(), ages.next()) else { return None };
    let age = answer.single("age").one().and_then(|value| seconds(value.trim_ascii())).unwrap_or_default();
    Some(max_age.saturating_sub(age))
}

/// The answer's entity tag, weak or strong; nothing where it is no tag.
pub fn entity_tag(answer: &Headers) -> Option<&[u8]> {
    let Found::One(tag) = answer.single("etag") else { return None };
    let opaque = tag.strip_prefix(b"W/").unwrap_or(tag);
    let inner = opaque.strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let plain = inner.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'"');
    (plain && tag.len() <= MAX_TAG).then_some(tag)
}

fn strip<'a>(directive: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (head, value) = directive.split_at_checked(name.len())?;
    head.eq_ignore_ascii_case(name).then_some(value)
}

/// Whole seconds, in quotes or without; more than fit are the most there are.
fn seconds(value: &[u8]) -> Option<Duration> {
    let digits = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = std::str::from_utf8(digits).ok()?.parse().unwrap_or(u64::MAX);
    Some(Duration::from_secs(number))
}
