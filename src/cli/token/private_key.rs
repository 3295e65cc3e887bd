//! A private key in a file, as a JSON Web Key (RFC 7517): made, read, and signed with. Nothing that is printed from here
//! holds a private member, and no error quotes the file.

use std::path::Path;

use ct_codecs::Base64UrlSafeNoPadding;
use ct_codecs::Decoder;
use ct_codecs::Encoder;
use jwt_simple::algorithms::ECDSAP256KeyPairLike;
use jwt_simple::algorithms::ECDSAP384KeyPairLike;
use jwt_simple::algorithms::ES256KeyPair;
use jwt_simple::algorithms::ES384KeyPair;
use jwt_simple::algorithms::Ed25519KeyPair;
use jwt_simple::algorithms::EdDSAKeyPairLike;
use jwt_simple::algorithms::HS256Key;
use jwt_simple::algorithms::HS384Key;
use jwt_simple::algorithms::HS512Key;
use jwt_simple::algorithms::MACLike;
use jwt_simple::algorithms::RS256KeyPair;
use jwt_simple::algorithms::RSAKeyPairLike;
use p256::ecdsa::signature::Signer as _;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign::Signer;

use crate::control::tokens::Algorithm;
use crate::control::tokens::KeyKind;
use crate::control::tokens::MIN_SECRET;

/// Long enough for every algorithm here, and made quickly.
const RSA_BITS: usize = 2048;

/// A key that can sign, with the one algorithm that it is for.
pub(super) struct PrivateKey {
    pub(super) algorithm: Algorithm,
    pub(super) kid: Option<String>,
    material: Material,
}

enum Material {
    P256(ES256KeyPair),
    P384(ES384KeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa(Box<RS256KeyPair>),
    Secret(Vec<u8>),
}

/// The name of an algorithm.
pub(super) fn name(algorithm: Algorithm) -> &'static str {
    Algorithm::WORDS.iter().find(|(_, known)| *known == algorithm).map_or("", |(name, _)| name)
}

pub(super) fn base64(bytes: impl AsRef<[u8]>) -> Result<String, String> {
    Base64UrlSafeNoPadding::encode_to_string(bytes).map_err(|_| "too much for one token".to_owned())
}

impl PrivateKey {
    /// A new key.
    pub(super) fn generate(algorithm: Algorithm, kid: Option<String>) -> Result<Self, String> {
        let material = match algorithm.kind() {
            KeyKind::P256 => Material::P256(ES256KeyPair::generate()),
            KeyKind::P384 => Material::P384(ES384KeyPair::generate()),
            KeyKind::Ed25519 => Material::Ed25519(Ed25519KeyPair::generate()),
            KeyKind::Rsa => {
                let key = RS256KeyPair::generate(RSA_BITS);
                Material::Rsa(Box::new(key.map_err(|_| "no RSA key could be made".to_owned())?))
            }
            KeyKind::Secret => {
                let mut secret = vec![0; 64];
                getrandom::fill(&mut secret).map_err(|error| format!("no randomness: {error}"))?;
                Material::Secret(secret)
            }
        };
        Ok(Self { algorithm, kid, material })
    }

    /// Reads a private key that says its `alg`.
    pub(super) fn read(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let text =
            std::fs::read(path).map_err(|error| format!("{shown}: cannot be read: {}", error.kind()))?;
        let jwk: Map<String, Value> =
            serde_json::from_slice(&text).map_err(|_| format!("{shown}: this is no JSON Web Key"))?;
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let algorithm = text("alg").and_then(Algorithm::named).ok_or_else(|| {
            format!("{shown}: the key must say its `alg`, one of those that a policy may list")
        })?;
        let secret = if algorithm.kind() == KeyKind::Secret { "k" } else { "d" };
        if !jwk.contains_key(secret) {
            return Err(format!("{shown}: the key has no `{secret}`: this is no private key"));
        }
        let material = Material::from_jwk(algorithm.kind(), &jwk)
            .ok_or_else(|| format!("{shown}: its members make no key for {}", name(algorithm)))?;
        Ok(Self { algorithm, kid: text("kid").map(str::to_owned), material })
    }

    /// The whole key, for a file that nobody else can read.
    pub(super) fn private_jwk(&self) -> Result<Value, String> {
        let text = match &self.material {
            Material::P256(key) => key.to_jwk(),
            Material::P384(key) => key.to_jwk(),
            Material::Ed25519(key) => key.to_jwk(),
            Material::Rsa(key) => key.to_jwk(),
            Material::Secret(secret) => json!({ "kty": "oct", "k": base64(secret)? }).to_string(),
        };
        self.named(&text)
    }

    /// The half that verifies; nothing where there is only one.
    pub(super) fn public_jwk(&self) -> Result<Option<Value>, String> {
        let text = match &self.material {
            Material::P256(key) => key.public_key().to_jwk(),
            Material::P384(key) => key.public_key().to_jwk(),
            Material::Ed25519(key) => key.public_key().to_jwk(),
            Material::Rsa(key) => key.public_key().to_jwk(),
            Material::Secret(_) => return Ok(None),
        };
        self.named(&text).map(Some)
    }

    fn named(&self, text: &str) -> Result<Value, String> {
        let mut jwk: Map<String, Value> =
            serde_json::from_str(text).map_err(|_| "the key cannot be written".to_owned())?;
        jwk.insert("alg".into(), name(self.algorithm).into());
        jwk.insert("use".into(), "sig".into());
        if let Some(kid) = &self.kid {
            jwk.insert("kid".into(), kid.as_str().into());
        }
        Ok(jwk.into())
    }

    /// A signature as a JWS has it (RFC 7518, section 3).
    pub(super) fn sign(&self, input: &[u8]) -> Option<Vec<u8>> {
        Some(match &self.material {
            Material::P256(key) => {
                let signature: p256::ecdsa::Signature = key.key_pair().as_ref().try_sign(input).ok()?;
                signature.to_vec()
            }
            Material::P384(key) => {
                let signature: p384::ecdsa::Signature = key.key_pair().as_ref().try_sign(input).ok()?;
                signature.to_vec()
            }
            Material::Ed25519(key) => key.key_pair().as_ref().sk.sign(input, None).to_vec(),
            Material::Rsa(key) => rsa(key, self.algorithm, input)?,
            Material::Secret(secret) => match self.algorithm {
                Algorithm::Hs384 => HS384Key::from_bytes(secret).authentication_tag(input),
                Algorithm::Hs512 => HS512Key::from_bytes(secret).authentication_tag(input),
                _ => HS256Key::from_bytes(secret).authentication_tag(input),
            },
        })
    }
}

impl Material {
    fn from_jwk(kind: KeyKind, jwk: &Map<String, Value>) -> Option<Self> {
        // The library reads a key for one algorithm; which of an RSA key's it is does not change the key.
        let mut jwk = jwk.clone();
        if kind == KeyKind::Rsa {
            jwk.insert("alg".into(), "RS256".into());
        }
        let text = Value::from(jwk.clone()).to_string();
        Some(match kind {
            KeyKind::P256 => Self::P256(ES256KeyPair::from_jwk(&text).ok()?),
            KeyKind::P384 => Self::P384(ES384KeyPair::from_jwk(&text).ok()?),
            KeyKind::Ed25519 => Self::Ed25519(Ed25519KeyPair::from_jwk(&text).ok()?),
            KeyKind::Rsa => Self::Rsa(Box::new(RS256KeyPair::from_jwk(&text).ok()?)),
            KeyKind::Secret => {
                let secret = Base64UrlSafeNoPadding::decode_to_vec(jwk.get("k")?.as_str()?, None).ok()?;
                Self::Secret(Some(secret).filter(|secret| secret.len() >= MIN_SECRET)?)
            }
        })
    }
}

fn rsa(key: &RS256KeyPair, algorithm: Algorithm, input: &[u8]) -> Option<Vec<u8>> {
    let digest = match algorithm {
        Algorithm::Rs384 | Algorithm::Ps384 => MessageDigest::sha384(),
        Algorithm::Rs512 | Algorithm::Ps512 => MessageDigest::sha512(),
        _ => MessageDigest::sha256(),
    };
    let padding = match algorithm {
        Algorithm::Ps256 | Algorithm::Ps384 | Algorithm::Ps512 => Padding::PKCS1_PSS,
        _ => Padding::PKCS1,
    };
    let key = PKey::from_rsa(key.key_pair().as_ref().clone()).ok()?;
    let mut signer = Signer::new(digest, &key).ok()?;
    signer.set_rsa_padding(padding).ok()?;
    signer.update(input).ok()?;
    signer.sign_to_vec().ok()
}
