//! How far something of a JSON text goes, by its bytes alone.

/// The bytes at the head of `text` of which a number could be made, and the rest.
pub(crate) fn number(text: &[u8]) -> (&[u8], &[u8]) {
    let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    let end = text.iter().position(|byte| !part(byte)).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, &[]))
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
