//! What a policy is called by: a digest of its text.

use std::fmt;

/// SHA-256 of a policy's JSON text, as `bundle` writes it and as the filter receives it. Shown by its first 12 hex
/// digits in the gauge, the logs and audit events, so that everybody can tell which policy is in force.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a policy's text, byte for byte.
    pub fn of(policy: &[u8]) -> Self {
        Self(hmac_sha256::Hash::hash(policy))
    }

    /// All 64 hex digits.
    pub fn full(&self) -> String {
        self.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().take(6).try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
