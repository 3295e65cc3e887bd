//! Reads `audit`: what events say of the caller, and how many are written.

use crate::document::Fields;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::secrets::Secrets;

/// The compiled `audit` of a policy.
#[derive(Clone, Debug)]
pub struct Audit {
    /// The key by whose pseudonyms subjects are called; without one they are left out.
    pub pseudonym: Option<PseudonymKey>,
    /// Whether events carry the address's prefix (IPv4 /24, IPv6 /48).
    pub ip_prefix: bool,
    /// Events written to the log per second and worker; the access log has them all.
    pub max_per_second: u64,
}

impl Default for Audit {
    fn default() -> Self {
        Self { pseudonym: None, ip_prefix: false, max_per_second: 100 }
    }
}

/// A secret from which pseudonyms are made, and the name by which events tell which one it was.
#[derive(Clone)]
pub struct PseudonymKey {
    id: Name,
    secret: Box<[u8]>,
}

impl std::fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PseudonymKey({})", self.id)
    }
}

impl PseudonymKey {
    /// `k1:` and 32 hex digits of HMAC-SHA-256 over issuer, NUL and subject: the same person in every event of this
    /// key, and nobody without it.
    pub fn pseudonym(&self, issuer: &str, subject: &str) -> String {
        let mut mac = hmac_sha256::HMAC::new(&self.secret);
        mac.update(issuer.as_bytes());
        mac.update([0]);
        mac.update(subject.as_bytes());
        let hex: String = mac.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{hex}", self.id)
    }
}

impl Audit {
    pub(crate) fn compile(node: &Node, secrets: Secrets<'_>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let mut audit = Self::default();
        if let Some(node) = fields.optional("pseudonym") {
            audit.pseudonym = pseudonym(node, secrets, problems);
        }
        if let Some(node) = fields.optional("ip") {
            audit.ip_prefix = node.word(&[("prefix", true), ("none", false)], problems).unwrap_or(false);
        }
        if let Some(node) = fields.optional("max_per_second") {
            audit.max_per_second = node.integer(0..=10_000, problems).unwrap_or(audit.max_per_second);
        }
        fields.close();
        Some(audit)
    }
}

fn pseudonym(node: &Node, secrets: Secrets<'_>, problems: &Problems) -> Option<PseudonymKey> {
    node.discreet_map("the `id` of a key and the `secret_env` that holds it", problems)?;
    let fields = Fields::open(node, problems)?;
    let id = fields.required("id").and_then(|node| node.parse::<Name>(problems));
    let secret = fields.required("secret_env").and_then(|node| {
        let name = node.variable(problems)?;
        problems.need(&node.place, secrets.key(name))
    });
    fields.close();
    Some(PseudonymKey { id: id?, secret: secret? })
}
