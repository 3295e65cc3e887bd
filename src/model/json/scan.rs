//! How far something of a JSON text goes, by its bytes alone.

use crate::model::bytes;

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
    bytes::any_below(eight, 0x20) | bytes::any_is(eight, b'"') | bytes::any_is(eight, b'\\')
}

/// A text that is gone over once.
pub(crate) struct Cursor<'t> {
    pub(crate) text: &'t str,
    /// How far it is read, in bytes.
    pub(crate) at: usize,
}

impl<'t> Cursor<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, at: 0 }
    }

    /// What is not read yet.
    pub(crate) fn rest(&self) -> &'t [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    pub(crate) fn step(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    /// The next byte that is no white space.
    pub(crate) fn past_space(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at) {
                Some(b' ' | b'\n' | b'\t' | b'\r') => self.step(1),
                other => return other.copied(),
            }
        }
    }
}
