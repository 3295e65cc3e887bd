//! The identity provider's signing keys, and their public halves as a JWKS (RFC 7517).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::KeyPair;
use rcgen::PublicKeyData;
use ring::digest;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature;
use ring::signature::EcdsaKeyPair;
use ring::signature::RsaKeyPair;
use serde_json::Value;
use serde_json::json;

use crate::Error;

/// Making an RSA key takes seconds in a debug build, so two are shipped and taken in turn.
const DEVELOPMENT_RSA: [&str; 2] = [include_str!("../keys/rs256-1.pem"), include_str!("../keys/rs256-2.pem")];

/// One ES256 key and one RS256 key. The shop signs with one set at a time; a rotation makes the next.
pub struct Keys {
    /// P-256, new in every set.
    pub es256: Key,
    /// RSA 2048, one of the two development keys.
    pub rs256: Key,
    generation: usize,
}

/// A key pair for one algorithm.
pub struct Key {
    kid: String,
    jwk: Value,
    public_der: Vec<u8>,
    public_pem: String,
    signer: Signer,
}

enum Signer {
    Es256(EcdsaKeyPair),
    Rs256(RsaKeyPair),
}

impl Keys {
    /// A new set with the first development key.
    pub fn generate() -> Result<Self, Error> {
        Self::of(0)
    }

    /// The set after this one: they share no key, but the set after next has this one's RSA key again.
    pub fn next(&self) -> Result<Self, Error> {
        Self::of(self.generation.wrapping_add(1))
    }

    fn of(generation: usize) -> Result<Self, Error> {
        let [first, second] = DEVELOPMENT_RSA;
        let rsa = if generation.is_multiple_of(2) { first } else { second };
        Ok(Self {
            es256: Key::es256(&KeyPair::generate()?)?,
            rs256: Key::rs256(&KeyPair::from_pem(rsa)?)?,
            generation,
        })
    }

    /// Both public keys, each with `kid`, `use` and `alg`.
    pub fn jwks(&self) -> [Value; 2] {
        [self.es256.jwk.clone(), self.rs256.jwk.clone()]
    }
}

impl Key {
    fn es256(pair: &KeyPair) -> Result<Self, Error> {
        let signer = EcdsaKeyPair::from_pkcs8(
            &signature::ECDSA_P256_SHA256_FIXED_SIGNING,
            pair.serialized_der(),
            &SystemRandom::new(),
        )?;
        // An uncompressed point (SEC 1, 2.3.3): one byte of form, then both coordinates.
        let (x, y) = pair.der_bytes().get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        let members = json!({ "crv": "P-256", "kty": "EC", "x": base64url(x), "y": base64url(y) });
        Ok(Self::new(pair, "ES256", members, Signer::Es256(signer)))
    }

    fn rs256(pair: &KeyPair) -> Result<Self, Error> {
        let signer = RsaKeyPair::from_pkcs8(pair.serialized_der())?;
        let PublicKeyComponents::<Vec<u8>> { n, e } = signer.public().into();
        let members = json!({ "e": base64url(&e), "kty": "RSA", "n": base64url(&n) });
        Ok(Self::new(pair, "RS256", members, Signer::Rs256(signer)))
    }

    /// `members` are those that RFC 7638 takes into the thumbprint, which is the key's id.
    fn new(pair: &KeyPair, alg: &str, members: Value, signer: Signer) -> Self {
        let kid = base64url(digest::digest(&digest::SHA256, members.to_string().as_bytes()).as_ref());
        let mut jwk = members;
        if let Value::Object(jwk) = &mut jwk {
            jwk.extend([("alg", alg), ("kid", &kid), ("use", "sig")].map(|(k, v)| (k.into(), v.into())));
        }
        Self {
            kid,
            jwk,
            public_der: pair.subject_public_key_info(),
            public_pem: pair.public_key_pem(),
            signer,
        }
    }

    /// The id that tokens and the JWKS carry: the key's RFC 7638 thumbprint.
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The public key as a JWK.
    pub fn jwk(&self) -> &Value {
        &self.jwk
    }

    /// The public key, `SubjectPublicKeyInfo`, DER.
    pub fn public_der(&self) -> &[u8] {
        &self.public_der
    }

    /// The same, PEM: the secret in an attack that signs HS256 with a public key.
    pub fn public_pem(&self) -> &str {
        &self.public_pem
    }

    /// A JWS signature (RFC 7518): r and s side by side, or PKCS #1 v1.5.
    #[expect(clippy::expect_used, reason = "it fails only where the system has no randomness or no memory")]
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.signer {
            Signer::Es256(pair) => {
                pair.sign(&random, message).expect("the system is out of randomness").as_ref().into()
            }
            Signer::Rs256(pair) => {
                let mut signature = vec![0; pair.public().modulus_len()];
                pair.sign(&signature::RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("the system is out of randomness");
                signature
            }
        }
    }
}

/// Base64 as JOSE writes it: URL alphabet, no padding (RFC 7515, 2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
