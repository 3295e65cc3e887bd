//! Real tokens under real keys, made before anything is measured.

use anyhow::{Context, Result, anyhow};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis::document::wire::put_bytes;
use portcullis_envoy::unix_now;
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{AUDIENCE, Alg, ISSUER, Mint};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// How many callers there are.
pub(crate) const CALLERS: usize = 64;

/// The scope and the role that routes demand.
pub(crate) const SCOPE: &str = "orders:read";
pub(crate) const ROLE: &str = "customer";

/// How a token is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Signed {
    Rs256,
    Es256,
    EdDsa,
}

impl Signed {
    pub(crate) const ALL: [Self; 3] = [Self::Rs256, Self::Es256, Self::EdDsa];

    /// `alg`.
    pub(crate) fn algorithm(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
            Self::EdDsa => "EdDSA",
        }
    }

    /// Its definition's name, and the first segment of the paths that demand it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "rs",
            Self::Es256 => "es",
            Self::EdDsa => "ed",
        }
    }

    /// The paths that demand it.
    pub(crate) fn prefix(self) -> &'static str {
        match self {
            Self::Rs256 => "/rs/",
            Self::Es256 => "/es/",
            Self::EdDsa => "/ed/",
        }
    }
}

/// The identity provider's keys.
pub(crate) struct Issuer {
    keys: Keys,
    ed: Ed25519KeyPair,
}

impl Issuer {
    pub(crate) fn new() -> Result<Self> {
        let keys = Keys::generate().map_err(|error| anyhow!("{error}"))?;
        let document =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|error| anyhow!("{error}"))?;
        let ed = Ed25519KeyPair::from_pkcs8(document.as_ref()).map_err(|error| anyhow!("{error}"))?;
        Ok(Self { keys, ed })
    }

    /// The public key.
    pub(crate) fn jwk(&self, signed: Signed) -> Value {
        match signed {
            Signed::Rs256 => self.keys.rs256.jwk().clone(),
            Signed::Es256 => self.keys.es256.jwk().clone(),
            Signed::EdDsa => json!({
                "kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "ed",
                "x": base64url(self.ed.public_key().as_ref()),
            }),
        }
    }

    /// A caller's token. Two numbers make two tokens of the same length.
    fn token(&self, signed: Signed, caller: usize, number: usize) -> String {
        let now = unix_now();
        let claims = json!({
            "iss": ISSUER,
            "sub": name(caller),
            "aud": AUDIENCE,
            "iat": now,
            "exp": now.saturating_add(900),
            "auth_time": now,
            "jti": format!("01890a5d-ac96-774b-bcce-{number:012}"),
            "sid": "7b0fe4a2-11c8-4bbb-9bd4-9a2f8c2f1c1d",
            "scope": format!("{SCOPE} orders:write profile"),
            "acr": "urn:shop:pwd",
            "tenant": "shop",
            "plan": "gold",
            "roles": [ROLE],
        })
        .to_string();
        let mint = || Mint::new(&self.keys).payload(claims.clone());
        match signed {
            Signed::Rs256 => mint().sign(Alg::Rs256),
            Signed::Es256 => mint().sign(Alg::Es256),
            Signed::EdDsa => {
                let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed" }).to_string();
                let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
                let signature = self.ed.sign(message.as_bytes());
                format!("{message}.{}", base64url(signature.as_ref()))
            }
        }
    }

    /// What the host's `verify_signature` is asked of an RS256 token, in base64url: the hash (1), the key (2), the signature
    /// (3) and the text (4).
    pub(crate) fn question(&self) -> Result<String> {
        let token = self.token(Signed::Rs256, 0, 0);
        let (text, signature) = token.rsplit_once('.').context("a token has three parts")?;
        let signature = URL_SAFE_NO_PAD.decode(signature)?;
        let mut question = Vec::new();
        let fields = [b"sha256", self.keys.rs256.public_der(), &signature, text.as_bytes()];
        for (field, bytes) in (1_u8..).zip(fields) {
            put_bytes(&mut question, field, bytes);
        }
        Ok(base64url(&question))
    }

    /// `count` requests of all callers in turn, each with a token of its own.
    pub(crate) fn requests(&self, signed: Signed, count: usize) -> Vec<Vec<u8>> {
        let request = |number: usize| {
            let caller = number.checked_rem(CALLERS).unwrap_or_default();
            let token = self.token(signed, caller, number);
            get(
                &format!("{}{}", signed.prefix(), name(caller)),
                &format!("authorization: Bearer {token}\r\n"),
            )
        };
        (0..count).map(request).collect()
    }
}

/// A caller's `sub`.
pub(crate) fn name(caller: usize) -> String {
    format!("0b7e5b9c-3f6e-4a36-8a57-{caller:012}")
}

/// A request as an app sends it; `lines` end with a line break.
pub(crate) fn get(path: &str, lines: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nhost: api.shop.example\r\nuser-agent: shop-ios/5.1.0\r\naccept: application/json\r\n\
         accept-language: en-GB\r\nx-app-platform: ios\r\nx-app-version: 5.1.0\r\n{lines}\r\n"
    )
    .into_bytes()
}

fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
