//! What a policy is called by: a digest of its text.

use std::fmt;

use arrayvec::ArrayString;

use crate::document::Node;

/// SHA-256 of a policy as JSON with its keys sorted, so that it is the same however the document was written and on
/// whichever way it came. Shown by its first 12 hex
/// digits in the gauge, the logs and audit events, so that everybody can tell which policy is in force.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest {
    bytes: [u8; 32],
    /// The first of its hex digits: each audit event has them.
    short: ArrayString<12>,
}

impl Digest {
    /// The digest of a policy.
    pub fn of(policy: &Node) -> Self {
        Self::of_text(&policy.canonical())
    }

    /// The digest of the policy that has this canonical text.
    pub(crate) fn of_text(canonical: &[u8]) -> Self {
        let bytes = hmac_sha256::Hash::hash(canonical);
        let digit = |value: u8| char::from_digit(value.into(), 16).unwrap_or_default();
        let mut short = ArrayString::new();
        // Six bytes have twelve digits.
        for digit in bytes.iter().take(6).flat_map(|byte| [byte >> 4, byte & 15]).map(digit) {
            let _ = short.try_push(digit);
        }
        Self { bytes, short }
    }

    /// All 64 hex digits.
    pub fn full(&self) -> String {
        self.bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The first 12 of them.
    pub fn short(&self) -> &str {
        &self.short
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.short())
    }
}
