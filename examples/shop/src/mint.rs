//! Tokens of any shape, good and bad, signed with the keys of a running shop.
//!
//! Signed with `ring`, so that what the gate checks was made by another library than the one it checks with.
//!
//! ```
//! use portcullis_shop::keys::Keys;
//! use portcullis_shop::mint::{Alg, Mint};
//!
//! let keys = Keys::generate()?;
//! let good = Mint::new(&keys).sign(Alg::Es256);
//! let forged = Mint::new(&keys).claim("sub", "77").secret(keys.rs256.public_pem()).sign(Alg::Hs256);
//! assert_eq!(good.split('.').count(), forged.split('.').count());
//! # Ok::<(), portcullis_shop::Error>(())
//! ```

use ring::hmac;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::clock;
use crate::data::ALICE;
use crate::keys::Keys;
use crate::keys::base64url;

/// `iss` of every token unless told otherwise.
pub const ISSUER: &str = "https://id.shop.example";
/// `aud` of every token unless told otherwise.
pub const AUDIENCE: &str = "shop-mobile-api";
/// `exp - iat` of every token unless told otherwise: ten minutes, in seconds.
pub const LIFETIME: u64 = 600;

/// How a token is signed. It sets the `alg` and `kid` of the header unless [`Mint::header`] does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Alg {
    /// ECDSA on P-256 with the set's EC key.
    Es256,
    /// RSA PKCS #1 v1.5 with the set's RSA key.
    Rs256,
    /// HMAC with [`Mint::secret`]; the shop itself never signs like this.
    Hs256,
    /// No signature, and an empty third part.
    None,
}

/// A token in the making. A new one is a good access token of alice, as the shop's own login would give.
#[derive(Clone)]
pub struct Mint<'k> {
    keys: &'k Keys,
    claims: Map<String, Value>,
    payload: Option<Vec<u8>>,
    header: Vec<(String, Option<Value>)>,
    secret: Vec<u8>,
}

impl<'k> Mint<'k> {
    /// Starts from a good token, issued now for [`LIFETIME`].
    pub fn new(keys: &'k Keys) -> Self {
        let now = clock::unix_now();
        let mut claims = Map::new();
        let mut put = |name: &str, value: Value| claims.insert(name.into(), value);
        put("iss", ISSUER.into());
        put("sub", ALICE.into());
        put("aud", AUDIENCE.into());
        put("iat", now.into());
        put("exp", now.saturating_add(LIFETIME).into());
        put("auth_time", now.into());
        put("jti", Uuid::new_v4().to_string().into());
        put("sid", Uuid::new_v4().to_string().into());
        put("scope", crate::idp::SCOPE.into());
        put("acr", crate::idp::ACR_PASSWORD.into());
        put("tenant", "shop".into());
        put("plan", "gold".into());
        put("roles", json!(["customer"]));
        Self { keys, claims, payload: None, header: Vec::new(), secret: Vec::new() }
    }

    /// Sets a claim.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.into(), value.into());
        self
    }

    /// Takes a claim away.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.claims.remove(name);
        self
    }

    /// Issued at that Unix second, with the lifetime that it had.
    #[must_use]
    pub fn issued_at(self, iat: u64) -> Self {
        let seconds = |name| self.claims.get(name).and_then(Value::as_u64);
        let lifetime =
            seconds("exp").zip(seconds("iat")).map_or(LIFETIME, |(exp, iat)| exp.saturating_sub(iat));
        self.claim("iat", iat).claim("exp", iat.saturating_add(lifetime))
    }

    /// Expires so many seconds after it was issued.
    #[must_use]
    pub fn lifetime(self, seconds: u64) -> Self {
        let iat = self.claims.get("iat").and_then(Value::as_u64).unwrap_or_else(clock::unix_now);
        self.claim("exp", iat.saturating_add(seconds))
    }

    /// Puts these bytes in place of the claims: two claims of one name, invalid UTF-8, no JSON at all.
    #[must_use]
    pub fn payload(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.payload = Some(bytes.into());
        self
    }

    /// Sets a header parameter, `alg` and `kid` included.
    #[must_use]
    pub fn header(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.header.push((name.into(), Some(value.into())));
        self
    }

    /// Takes a header parameter away, `alg`, `typ` and `kid` included.
    #[must_use]
    pub fn without_header(mut self, name: &str) -> Self {
        self.header.push((name.into(), None));
        self
    }

    /// The secret for [`Alg::Hs256`].
    #[must_use]
    pub fn secret(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.secret = bytes.as_ref().into();
        self
    }

    /// The token in compact form: three parts, the last empty for [`Alg::None`].
    pub fn sign(&self, alg: Alg) -> String {
        let header = self.protected(alg).to_string();
        let claims =
            self.payload.clone().unwrap_or_else(|| Value::from(self.claims.clone()).to_string().into());
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(&claims));
        let signature = match alg {
            Alg::Es256 => self.keys.es256.sign(message.as_bytes()),
            Alg::Rs256 => self.keys.rs256.sign(message.as_bytes()),
            Alg::Hs256 => {
                let key = hmac::Key::new(hmac::HMAC_SHA256, &self.secret);
                hmac::sign(&key, message.as_bytes()).as_ref().into()
            }
            Alg::None => Vec::new(),
        };
        format!("{message}.{}", base64url(&signature))
    }

    fn protected(&self, alg: Alg) -> Value {
        let (name, kid) = match alg {
            Alg::Es256 => ("ES256", Some(self.keys.es256.kid())),
            Alg::Rs256 => ("RS256", Some(self.keys.rs256.kid())),
            Alg::Hs256 => ("HS256", None),
            Alg::None => ("none", None),
        };
        let mut header = Map::new();
        header.insert("alg".into(), name.into());
        header.insert("typ".into(), "at+jwt".into());
        kid.map(|kid| header.insert("kid".into(), kid.into()));
        for (name, value) in &self.header {
            match value {
                Some(value) => header.insert(name.clone(), value.clone()),
                None => header.remove(name),
            };
        }
        header.into()
    }
}
