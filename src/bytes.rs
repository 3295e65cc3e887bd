//! Looks at bytes, many at a time: in wasm the library goes byte by byte, and a token has a thousand.

/// Whether two texts are the same.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    if one.len() != other.len() {
        return false;
    }
    let ((lines, rest), (other_lines, other_rest)) = (one.as_chunks::<32>(), other.as_chunks::<32>());
    let alike = lines.iter().zip(other_lines).all(|(line, other)| {
        let ([a, b, c, d], [e, f, g, h]) = (words(line), words(other));
        (a ^ e) | (b ^ f) | (c ^ g) | (d ^ h) == 0
    });
    alike && short(rest, other_rest)
}

/// [`same`] of two texts of one length that is seldom above 31. What is left over at the end is looked at together with
/// bytes before it.
#[inline]
fn short(one: &[u8], other: &[u8]) -> bool {
    if let (Some(end), Some(other_end)) = (one.last_chunk::<8>(), other.last_chunk::<8>()) {
        let mut words = one.as_chunks::<8>().0.iter().zip(other.as_chunks::<8>().0);
        return end == other_end && words.all(|(one, other)| one == other);
    }
    match (one.first_chunk::<4>(), other.first_chunk::<4>(), one.last_chunk::<4>(), other.last_chunk::<4>()) {
        (Some(start), Some(other_start), Some(end), Some(other_end)) => {
            start == other_start && end == other_end
        }
        _ => one.iter().eq(other),
    }
}

/// 32 bytes as numbers, little endian.
#[inline(always)]
pub(crate) fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let [a, b, c, d] = bytes.as_chunks::<8>().0 else { return [0; 4] };
    [u64::from_le_bytes(*a), u64::from_le_bytes(*b), u64::from_le_bytes(*c), u64::from_le_bytes(*d)]
}

/// Whether this byte is anywhere in it.
pub fn has(bytes: &[u8], byte: u8) -> bool {
    find(bytes, byte).is_some()
}

/// Where this byte stands first.
pub fn find(bytes: &[u8], byte: u8) -> Option<usize> {
    let lines = bytes.as_chunks::<32>().0;
    let without = lines.iter().take_while(|line| {
        let [a, b, c, d] = words(line);
        any_is(a, byte) | any_is(b, byte) | any_is(c, byte) | any_is(d, byte) == 0
    });
    let start = without.count().saturating_mul(32);
    let rest = bytes.get(start..).unwrap_or_default();
    rest.iter().position(|it| *it == byte).map(|at| start.saturating_add(at))
}

/// How many bytes at the head of `text` stand for themselves within a JSON string: up to a quote, a backslash or a control
/// character, eight at a time.
pub fn plain(text: &[u8]) -> usize {
    let mut rest = text;
    let mut plain: usize = 0;
    while let Some((eight, more)) = rest.split_first_chunk::<8>() {
        let special = special(u64::from_le_bytes(*eight));
        if special != 0 {
            // What is marked behind the first may be a borrow; the first is none.
            let first = special.trailing_zeros() / 8;
            return plain.saturating_add(usize::try_from(first).unwrap_or_default());
        }
        plain = plain.saturating_add(8);
        rest = more;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
    plain.saturating_add(rest.iter().position(special).unwrap_or(rest.len()))
}

/// Marks the first of eight bytes that is a quote, a backslash or below 0x20, and perhaps some behind it; 0 where none is.
fn special(eight: u64) -> u64 {
    any_below(eight, 0x20) | any_is(eight, b'"') | any_is(eight, b'\\')
}

/// A number that two names seldom share, which is told at once: most of a few names are told apart by it.
#[inline]
pub(crate) fn mark(name: &[u8]) -> u32 {
    let (Some(first), Some(last)) = (name.first(), name.last()) else { return 0 };
    // Names that are so long share it if they begin and end alike.
    let length = u16::try_from(name.len()).unwrap_or(u16::MAX);
    u32::from(length) << 16 | u32::from(*first) << 8 | u32::from(*last)
}

/// Not 0 where any of eight bytes is this one.
pub(crate) fn any_is(eight: u64, byte: u8) -> u64 {
    any_below(eight ^ ONES.wrapping_mul(u64::from(byte)), 1)
}

/// Not 0 where any of eight bytes is below `least`, which is at most 0x80.
pub(crate) fn any_below(eight: u64, least: u64) -> u64 {
    // Taking `least` off borrows into a high bit that was not set.
    eight.wrapping_sub(ONES.wrapping_mul(least)) & !eight & HIGHS
}

/// 1 in each byte.
const ONES: u64 = 0x0101_0101_0101_0101;
/// The high bit of each byte.
const HIGHS: u64 = 0x8080_8080_8080_8080;

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn finds_a_byte_wherever_it_stands(bytes in vec(any::<u8>(), 0..100), byte: u8) {
            prop_assert_eq!(super::find(&bytes, byte), bytes.iter().position(|it| *it == byte));
            prop_assert_eq!(super::has(&bytes, byte), bytes.contains(&byte));
        }

        #[test]
        fn finds_a_byte_that_was_put_in(mut bytes in vec(any::<u8>(), 1..100), byte: u8, at: prop::sample::Index) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert!(super::has(&bytes, byte));
        }

        #[test]
        fn tells_texts_apart_that_differ_in_one_byte(bytes in vec(any::<u8>(), 1..100), at: prop::sample::Index, by in 1..=255_u8) {
            let mut other = bytes.clone();
            other[at.index(bytes.len())] ^= by;
            prop_assert!(super::same(&bytes, &bytes.clone()));
            prop_assert!(!super::same(&bytes, &other));
        }
    }
}
