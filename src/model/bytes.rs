//! Looks at bytes, eight at a time: in wasm the library goes byte by byte, and a token has a thousand.

/// Whether two texts are the same.
pub fn same(one: &[u8], other: &[u8]) -> bool {
    let ((one_words, one_rest), (other_words, other_rest)) = (one.as_chunks::<8>(), other.as_chunks::<8>());
    let word = |bytes: &[u8; 8]| u64::from_le_bytes(*bytes);
    one.len() == other.len()
        && one_words.iter().map(word).eq(other_words.iter().map(word))
        && one_rest == other_rest
}

/// Whether this byte is anywhere in it.
pub fn has(bytes: &[u8], byte: u8) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let found = words.iter().fold(0, |found, word| found | any_is(u64::from_le_bytes(*word), byte));
    found != 0 || rest.contains(&byte)
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
        fn finds_a_byte_wherever_it_stands(bytes in vec(any::<u8>(), 0..40), byte: u8) {
            prop_assert_eq!(super::has(&bytes, byte), bytes.contains(&byte));
        }

        #[test]
        fn finds_a_byte_that_was_put_in(mut bytes in vec(any::<u8>(), 1..40), byte: u8, at: prop::sample::Index) {
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert!(super::has(&bytes, byte));
        }

        #[test]
        fn tells_texts_apart_that_differ_in_one_byte(bytes in vec(any::<u8>(), 1..40), at: prop::sample::Index, by in 1..=255_u8) {
            let mut other = bytes.clone();
            other[at.index(bytes.len())] ^= by;
            prop_assert!(super::same(&bytes, &bytes.clone()));
            prop_assert!(!super::same(&bytes, &other));
        }
    }
}
