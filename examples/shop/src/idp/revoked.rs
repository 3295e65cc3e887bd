//! The revocation feed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

/// What `GET /revoked` answers with, as JSON:
///
/// ```json
/// {
///   "iss": "https://id.shop.example",
///   "jti": ["6f1c…"],
///   "sid": ["0b7d…"],
///   "sub": [{ "sub": "42", "issued_before": 1767225600 }]
/// }
/// ```
///
/// A token of that issuer is revoked when its `jti` or its `sid` stands there, or when an entry has its `sub` and its `iat` is
/// **not later than** `issued_before` (Unix seconds): a token of that very second is revoked too, since a second is all that
/// `iat` tells. The feed is always whole, never a difference. An entry stays until every token it can concern has expired.
#[derive(Clone, Debug, Default)]
pub struct Revoked {
    iss: String,
    /// Each with the second after which it may be forgotten.
    jti: BTreeMap<String, u64>,
    sid: BTreeMap<String, u64>,
    sub: BTreeMap<String, (RevokedSubject, u64)>,
}

/// What to call back: `{"jti": ...}`, `{"sid": ...}` or `{"sub": ...}`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Revoke {
    /// One token.
    Jti(String),
    /// All tokens of one login.
    Sid(String),
    /// All tokens that a subject got until now.
    Sub(String),
}

/// A subject whose tokens up to a second are revoked.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct RevokedSubject {
    /// The subject.
    pub sub: String,
    /// Tokens with `iat` up to this Unix second, and including it, are revoked.
    pub issued_before: u64,
}

impl Revoked {
    pub(super) fn of(issuer: &str) -> Self {
        Self { iss: issuer.into(), ..Self::default() }
    }

    pub(super) fn add_jti(&mut self, jti: String, keep_until: u64) {
        self.jti.insert(jti, keep_until);
    }

    pub(super) fn add_sid(&mut self, sid: String, keep_until: u64) {
        self.sid.insert(sid, keep_until);
    }

    pub(super) fn add_sub(&mut self, sub: String, issued_before: u64, keep_until: u64) {
        self.sub.insert(sub.clone(), (RevokedSubject { sub, issued_before }, keep_until));
    }

    /// Drops what concerns only tokens that have expired, with a minute for clocks that are behind.
    pub(super) fn forget(&mut self, now: u64) {
        let alive = |keep_until: u64| now <= keep_until.saturating_add(60);
        self.jti.retain(|_, until| alive(*until));
        self.sid.retain(|_, until| alive(*until));
        self.sub.retain(|_, (_, until)| alive(*until));
    }

    /// The feed as JSON.
    pub fn to_json(&self) -> Value {
        let subjects: Vec<_> = self.sub.values().map(|(subject, _)| subject).collect();
        json!({
            "iss": self.iss,
            "jti": self.jti.keys().collect::<Vec<_>>(),
            "sid": self.sid.keys().collect::<Vec<_>>(),
            "sub": subjects,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_stays_until_the_last_token_it_concerns_has_expired() {
        let mut revoked = Revoked::of("issuer");
        revoked.add_jti("j".into(), 600);
        revoked.add_sid("s".into(), 700);
        revoked.add_sub("42".into(), 100, 800);
        revoked.forget(660);
        let all = json!({ "iss": "issuer", "jti": ["j"], "sid": ["s"], "sub": [{ "sub": "42", "issued_before": 100 }] });
        assert_eq!(revoked.to_json(), all);
        revoked.forget(661);
        assert_eq!(revoked.to_json()["jti"], json!([]));
        revoked.forget(861);
        assert_eq!(revoked.to_json(), json!({ "iss": "issuer", "jti": [], "sid": [], "sub": [] }));
    }
}
