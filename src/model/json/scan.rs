//! How far something of a JSON text goes, by its bytes alone.

/// The bytes at the head of `text` of which a number could be made, and the rest.
pub(crate) fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let end = text.iter().position(|byte| !part(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
}

/// How many bytes at the head of `text` stand for themselves within a string: up to a quote, a backslash or a control
/// character, eight at a time.
pub(crate) fn plain(text: &[u8]) -> usize {
    let mut rest = text;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        if has_special(u64::from_le_bytes(*eight)) {
            break;
        }
        rest = more;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    let tail = rest.iter().position(special).unwrap_or(rest.len());
    text.len().saturating_sub(rest.len()).saturating_add(tail)
}

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Whether any of eight bytes is a quote, a backslash or below 0x20.
fn has_special(eight: u64) -> bool {
    // A byte is below `least` (at most 0x80) if taking it off borrows into a high bit that was not set.
    let any_below = |eight: u64, least: u64| eight.wrapping_sub(ONES.wrapping_mul(least)) & !eight & HIGHS;
    let any_is = |byte: u8| any_below(eight ^ ONES.wrapping_mul(u64::from(byte)), 1);
    any_below(eight, 0x20) | any_is(b'"') | any_is(b'\\') != 0
}
