//! The revocation feed.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

/// What `GET /revoked` answers with, as JSON:
///
/// ```json
/// {
///   "iss": "https://id.shop.example",
///   "jti": ["6f1c…"],
///   "sid": ["0b7d…"],
///   "sub": [{ "sub": "42", "issued_before": 1767225600 }],
///   "cursor": "5d0e…-118"
/// }
/// ```
///
/// A token of that issuer is revoked when its `jti` or its `sid` stands there, or when an entry has its `sub` and its `iat` is
/// **not later than** `issued_before` (Unix seconds): a token of that very second is revoked too, since a second is all that
/// `iat` tells. An entry stays until every token it can concern has expired.
///
/// `GET /revoked?after=CURSOR` answers with what was added since that state, and says so: `"since": "CURSOR"`. A cursor that
/// this provider does not know, as after a restart, is answered with the whole feed.
#[derive(Clone, Debug, Default)]
pub struct Revoked {
    iss: String,
    /// Tells this run's cursors from another's.
    run: String,
    /// How many entries were ever added: the number of the last.
    added: u64,
    /// By kind and id.
    entries: BTreeMap<(Kind, String), Entry>,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Kind {
    Jti,
    Sid,
    Sub,
}

#[derive(Clone, Debug)]
struct Entry {
    number: u64,
    /// For a subject: tokens with `iat` up to this second, and including it.
    issued_before: u64,
    /// The second after which it may be forgotten.
    keep_until: u64,
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

impl Revoked {
    pub(super) fn of(issuer: &str) -> Self {
        Self { iss: issuer.into(), run: Uuid::new_v4().simple().to_string(), ..Self::default() }
    }

    pub(super) fn add_jti(&mut self, jti: String, keep_until: u64) {
        self.add((Kind::Jti, jti), 0, keep_until);
    }

    pub(super) fn add_sid(&mut self, sid: String, keep_until: u64) {
        self.add((Kind::Sid, sid), 0, keep_until);
    }

    pub(super) fn add_sub(&mut self, sub: String, issued_before: u64, keep_until: u64) {
        self.add((Kind::Sub, sub), issued_before, keep_until);
    }

    fn add(&mut self, key: (Kind, String), issued_before: u64, keep_until: u64) {
        self.added = self.added.saturating_add(1);
        self.entries.insert(key, Entry { number: self.added, issued_before, keep_until });
    }

    /// Drops what concerns only tokens that have expired, with a minute for clocks that are behind.
    pub(super) fn forget(&mut self, now: u64) {
        self.entries.retain(|_, entry| now <= entry.keep_until.saturating_add(60));
    }

    /// The feed as JSON: whole, or what was added after that state.
    pub fn to_json(&self, after: Option<&str>) -> Value {
        let number = |cursor: &str| cursor.strip_prefix(&*self.run)?.strip_prefix('-')?.parse::<u64>().ok();
        let since = after.and_then(number).filter(|number| *number <= self.added);
        let new = |kind| {
            let entries = self.entries.iter().filter(move |((known, _), _)| *known == kind);
            entries.filter(|(_, entry)| entry.number > since.unwrap_or_default())
        };
        let ids = |kind| new(kind).map(|((_, id), _)| id).collect::<Vec<_>>();
        let subjects: Vec<_> = new(Kind::Sub)
            .map(|((_, sub), entry)| json!({ "sub": sub, "issued_before": entry.issued_before }))
            .collect();
        let mut feed = json!({
            "iss": self.iss,
            "jti": ids(Kind::Jti),
            "sid": ids(Kind::Sid),
            "sub": subjects,
            "cursor": format!("{}-{}", self.run, self.added),
        });
        if let (Some(_), Some(after), Value::Object(feed)) = (since, after, &mut feed) {
            feed.insert("since".into(), after.into());
        }
        feed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(feed: &Value, list: &str) -> Vec<String> {
        feed[list].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn an_entry_stays_until_the_last_token_it_concerns_has_expired() {
        let mut revoked = Revoked::of("issuer");
        revoked.add_jti("j".into(), 600);
        revoked.add_sid("s".into(), 700);
        revoked.add_sub("42".into(), 100, 800);
        revoked.forget(660);
        let feed = revoked.to_json(None);
        assert_eq!((ids(&feed, "jti"), ids(&feed, "sid")), (vec!["j".into()], vec!["s".into()]));
        assert_eq!(feed["sub"], json!([{ "sub": "42", "issued_before": 100 }]));
        assert_eq!((feed["iss"].as_str(), feed.get("since")), (Some("issuer"), None));
        revoked.forget(661);
        assert_eq!(revoked.to_json(None)["jti"], json!([]));
        revoked.forget(861);
        let feed = revoked.to_json(None);
        assert_eq!((&feed["jti"], &feed["sid"], &feed["sub"]), (&json!([]), &json!([]), &json!([])));
    }

    #[test]
    fn a_difference_has_what_was_added_since() {
        let mut revoked = Revoked::of("issuer");
        revoked.add_jti("one".into(), 600);
        let cursor = revoked.to_json(None)["cursor"].as_str().unwrap().to_owned();
        assert_eq!(ids(&revoked.to_json(Some(&cursor)), "jti"), [""; 0]);
        revoked.add_jti("two".into(), 600);
        // What is revoked again is new again.
        revoked.add_jti("one".into(), 700);
        let difference = revoked.to_json(Some(&cursor));
        assert_eq!(ids(&difference, "jti"), ["one", "two"]);
        assert_eq!(difference["since"], json!(cursor));
        for unknown in ["", "1", "another-1", &format!("{cursor}0"), &format!("{cursor}x")] {
            let feed = revoked.to_json(Some(unknown));
            assert_eq!((ids(&feed, "jti").len(), feed.get("since")), (2, None), "{unknown}");
        }
    }
}
