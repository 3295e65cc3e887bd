//! What a policy is called by: a digest of its text.

use std::fmt;

use crate::document::Node;

/// SHA-256 of a policy as JSON with its keys sorted, so that it is the same however the document was written and on
/// whichever way it came. Shown by its first 12 hex
/// digits in the gauge, the logs and audit events, so that everybody can tell which policy is in force.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub struct Digest([u8; 32]);

impl Digest {
    /// The digest of a policy.
    pub fn of(policy: &Node) -> Self {
        Self(hmac_sha256::Hash::hash(&policy.canonical()))
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
