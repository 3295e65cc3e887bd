//! What a token says of the key that its holder must have: the claim `cnf` (RFC 7800).

use serde_json::Value;

use crate::control::tokens::form::decode;
use crate::model::claims::Claims;

/// The keys that a token is bound to; none for a bearer's.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Binding {
    /// `jkt`: the thumbprint of the key that signs the proof (RFC 9449, section 6.1).
    pub(crate) key: Option<[u8; 32]>,
    /// `x5t#S256`: SHA-256 of the certificate that the client shows (RFC 8705, section 3.1).
    pub(crate) certificate: Option<[u8; 32]>,
    /// The issuer bound it in a way that cannot be proved here: another method, no thumbprint, no object.
    pub(crate) unprovable: bool,
}

impl Binding {
    /// Reads `cnf`.
    pub(crate) fn read(claims: &Claims) -> Self {
        let methods = match claims.member("cnf") {
            None | Some(Value::Null) => return Self::default(),
            Some(Value::Object(methods)) => methods,
            Some(_) => return Self { unprovable: true, ..Self::default() },
        };
        let [key, certificate] = ["jkt", "x5t#S256"].map(|name| methods.get(name).map(digest));
        let unread = matches!(key, Some(None)) || matches!(certificate, Some(None));
        let unprovable = unread || (key.is_none() && certificate.is_none());
        Self { key: key.flatten(), certificate: certificate.flatten(), unprovable }
    }
}

/// A SHA-256 as JOSE writes it.
pub(crate) fn digest(value: &Value) -> Option<[u8; 32]> {
    value.as_str().and_then(decode)?.try_into().ok()
}
