//! Looks at bytes, eight at a time: in wasm the library goes byte by byte, and a token has a thousand.

/// One byte in each place of a word.
const EACH: u64 = 0x0101_0101_0101_0101;

/// The highest bit of each byte of a word.
const HIGHEST: u64 = 0x8080_8080_8080_8080;

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
    let wanted = u64::from(byte).wrapping_mul(EACH);
    let (words, rest) = bytes.as_chunks::<8>();
    // A word has a byte that is 0 where taking one from each byte borrows from a highest bit that was not set.
    let found = words.iter().fold(0, |found, word| {
        let differs = u64::from_le_bytes(*word) ^ wanted;
        found | (differs.wrapping_sub(EACH) & !differs & HIGHEST)
    });
    found != 0 || rest.contains(&byte)
}

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
