//! The last good document, as it stands in shared memory.

/// A document that was good, and what the provider calls this state of it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Kept {
    /// Its entity tag (RFC 9110, section 8.8.3); empty where the provider gave none.
    pub tag: Vec<u8>,
    /// The document, in the form in which its kind keeps it.
    pub body: Vec<u8>,
}

impl Kept {
    /// Reads what [`Kept::to_bytes`] wrote.
    pub fn read(mut bytes: Vec<u8>) -> Option<Self> {
        let (size, rest) = bytes.split_first()?;
        let tag = rest.get(..usize::from(*size))?.to_vec();
        let body = bytes.split_off(tag.len().saturating_add(1));
        Some(Self { tag, body })
    }

    /// The document for shared memory. A tag of more bytes than fit is left out.
    pub fn to_bytes(&self) -> Vec<u8> {
        let size = u8::try_from(self.tag.len()).unwrap_or(0);
        let tag = self.tag.get(..usize::from(size)).unwrap_or_default();
        [&[size], tag, &self.body].concat()
    }
}
