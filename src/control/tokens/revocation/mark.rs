//! What an entry is filed under.

use hmac_sha256::Hash;

use crate::model::claims::Claims;

/// The first 128 bits of SHA-256 over kind, issuer and id: nobody finds two ids with one.
pub(super) type Print = [u8; 16];

/// What an entry can be about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// One token.
    Jti,
    /// All tokens of one login.
    Sid,
    /// All tokens that a subject got so far.
    Sub,
}

pub(super) fn print(kind: Kind, issuer: &str, id: &str) -> Print {
    let mut hash = Hash::new();
    let kind: &[u8] = match kind {
        Kind::Jti => b"jti",
        Kind::Sid => b"sid",
        Kind::Sub => b"sub",
    };
    for part in [kind, issuer.as_bytes()] {
        hash.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_le_bytes());
        hash.update(part);
    }
    hash.update(id.as_bytes());
    let mut print = Print::default();
    print.iter_mut().zip(hash.finalize()).for_each(|(to, from)| *to = from);
    print
}

/// What entries about one token are filed under.
#[derive(Clone, Debug, Default)]
pub(in crate::control::tokens) struct Marks(Vec<Print>);

impl Marks {
    /// The marks of a token with these claims.
    pub(in crate::control::tokens) fn of(issuer: &str, claims: &Claims) -> Self {
        let kinds = [(Kind::Jti, "jti"), (Kind::Sid, "sid"), (Kind::Sub, "sub")];
        let mark = |(kind, name)| Some(print(kind, issuer, claims.text(name)?));
        Self(kinds.into_iter().filter_map(mark).collect())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Print> {
        self.0.iter()
    }
}
