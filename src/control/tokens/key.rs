//! One key of a set (RFC 7517, section 4), bound to what it may verify.

use std::fmt;

use jwt_simple::algorithms::ECDSAP256PublicKeyLike;
use jwt_simple::algorithms::ECDSAP384PublicKeyLike;
use jwt_simple::algorithms::ES256PublicKey;
use jwt_simple::algorithms::ES384PublicKey;
use jwt_simple::algorithms::Ed25519PublicKey;
use jwt_simple::algorithms::EdDSAPublicKeyLike;
use jwt_simple::algorithms::RS256PublicKey;
use jwt_simple::algorithms::RSAPublicKeyLike;
use serde_json::Map;
use serde_json::Value;
use superboring::pkey::PKey;
use superboring::pkey::Public;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::algorithm::KeyKind;
use crate::control::tokens::form::decode;

/// The shortest secret for HMAC, in bytes.
pub const MIN_SECRET: usize = 32;

/// A key that can verify signatures. It has no `Debug`: it may be a secret.
pub(crate) struct Key {
    pub(crate) kid: Option<Box<str>>,
    /// `alg`, where the key set names it: then this key serves that algorithm only.
    algorithm: Option<Algorithm>,
    pub(crate) material: Material,
    /// DER of the SubjectPublicKeyInfo, of the kinds of key that a host may verify with.
    pub(crate) spki: Spki,
}

/// DER of a SubjectPublicKeyInfo, where a key has one.
type Spki = Option<Box<[u8]>>;

/// What a key verifies with: the primitives under jwt-simple's keys.
pub(crate) enum Material {
    Rsa { key: Box<PKey<Public>>, signature_len: usize },
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Ed25519(ed25519_compact::PublicKey),
    Secret(Box<[u8]>),
}

/// Why a key of a set is passed over. Tells nothing of the key itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// Not an object, or a member of the wrong type.
    Malformed,
    /// A private key has no place in a set of public ones: whoever can read the set can sign tokens.
    Private,
    /// `use` or `key_ops` says that it is for something else.
    NotForSignatures,
    /// A `kty` or `crv` that this filter does not know.
    UnknownType,
    /// Its type or `alg` serves none of the definition's algorithms.
    OtherAlgorithm,
    /// An RSA key under 2048 bits, or a secret under [`MIN_SECRET`] bytes.
    TooWeak,
    /// Its numbers make no key: off the curve, a weak point, above 4096 bits, or another exponent than 65537.
    Invalid,
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "it is not a JSON Web Key",
            Self::Private => "it holds private members; publish the public key only, and replace this one",
            Self::NotForSignatures => "`use` or `key_ops` says that it is not for verifying signatures",
            Self::UnknownType => "its `kty` or `crv` is not known here",
            Self::OtherAlgorithm => "it serves none of the listed algorithms",
            Self::TooWeak => "it is too short: RSA needs 2048 bits, a secret 32 bytes",
            Self::Invalid => "its numbers make no key that is accepted here",
        })
    }
}

impl Key {
    /// Reads a JSON Web Key that must serve one of `algorithms`.
    pub(crate) fn from_jwk(jwk: &Value, algorithms: &[Algorithm]) -> Result<Self, Unusable> {
        let jwk = jwk.as_object().ok_or(Unusable::Malformed)?;
        let kty = string(jwk, "kty")?.ok_or(Unusable::Malformed)?;
        let private = ["d", "p", "q", "dp", "dq", "qi", "oth"];
        if private.iter().any(|member| jwk.contains_key(*member)) {
            return Err(Unusable::Private);
        }
        if string(jwk, "use")?.is_some_and(|it| it != "sig") {
            return Err(Unusable::NotForSignatures);
        }
        match jwk.get("key_ops") {
            None => {}
            Some(Value::Array(operations)) if operations.iter().any(|it| it == "verify") => {}
            Some(_) => return Err(Unusable::NotForSignatures),
        }
        // RFC 9864 calls it `Ed25519`; tokens and older sets say `EdDSA`.
        let algorithm = match string(jwk, "alg")? {
            None => None,
            Some("Ed25519") => Some(Algorithm::EdDsa),
            Some(name) => Some(Algorithm::named(name).ok_or(Unusable::OtherAlgorithm)?),
        };
        let kid = string(jwk, "kid")?.map(Box::from);
        let (material, spki) = Material::from_jwk(kty, jwk)?;
        let key = Self { kid, algorithm, material, spki };
        if algorithms.iter().any(|algorithm| key.serves(*algorithm)) {
            Ok(key)
        } else {
            Err(Unusable::OtherAlgorithm)
        }
    }

    /// A secret without a name.
    pub(crate) fn from_secret(secret: &[u8]) -> Result<Self, Unusable> {
        if secret.len() < MIN_SECRET {
            return Err(Unusable::TooWeak);
        }
        Ok(Self { kid: None, algorithm: None, material: Material::Secret(secret.into()), spki: None })
    }

    /// Whether it may verify this algorithm's signatures (RFC 8725, section 3.1).
    pub(crate) fn serves(&self, algorithm: Algorithm) -> bool {
        self.material.kind() == algorithm.kind() && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

impl Material {
    fn kind(&self) -> KeyKind {
        match self {
            Self::Rsa { .. } => KeyKind::Rsa,
            Self::P256(_) => KeyKind::P256,
            Self::P384(_) => KeyKind::P384,
            Self::Ed25519(_) => KeyKind::Ed25519,
            Self::Secret(_) => KeyKind::Secret,
        }
    }

    fn from_jwk(kty: &str, jwk: &Map<String, Value>) -> Result<(Self, Spki), Unusable> {
        let der = |der: Result<Vec<u8>, jwt_simple::Error>| der.ok().map(Vec::into_boxed_slice);
        match kty {
            "RSA" => Self::rsa(&bytes(jwk, "n")?, &bytes(jwk, "e")?),
            "EC" => match string(jwk, "crv")? {
                Some("P-256") => {
                    let key = ES256PublicKey::from_bytes(&point(jwk, 32)?).map_err(|_| Unusable::Invalid)?;
                    Ok((Self::P256(*key.public_key().as_ref()), der(key.public_key().to_der())))
                }
                Some("P-384") => {
                    let key = ES384PublicKey::from_bytes(&point(jwk, 48)?).map_err(|_| Unusable::Invalid)?;
                    Ok((Self::P384(*key.public_key().as_ref()), der(key.public_key().to_der())))
                }
                _ => Err(Unusable::UnknownType),
            },
            "OKP" => match string(jwk, "crv")? {
                Some("Ed25519") => {
                    let key = Ed25519PublicKey::from_bytes(&bytes(jwk, "x")?);
                    Ok((Self::Ed25519(*key.map_err(|_| Unusable::Invalid)?.public_key().as_ref()), None))
                }
                _ => Err(Unusable::UnknownType),
            },
            "oct" => match bytes(jwk, "k")? {
                secret if secret.len() < MIN_SECRET => Err(Unusable::TooWeak),
                secret => Ok((Self::Secret(secret.into()), None)),
            },
            _ => Err(Unusable::UnknownType),
        }
    }

    fn rsa(n: &[u8], e: &[u8]) -> Result<(Self, Spki), Unusable> {
        // Some issuers put a sign byte in front of the modulus.
        let n = n.strip_prefix(&[0]).unwrap_or(n);
        let top = n.first().copied().filter(|top| *top != 0).ok_or(Unusable::Malformed)?;
        let spare = usize::try_from(top.leading_zeros()).map_err(|_| Unusable::Malformed)?;
        if n.len().saturating_mul(8).saturating_sub(spare) < 2048 {
            return Err(Unusable::TooWeak);
        }
        let key = RS256PublicKey::from_components(n, e).map_err(|_| Unusable::Invalid)?;
        let spki = key.public_key().to_der().ok().map(Vec::into_boxed_slice);
        let key = PKey::from_rsa(key.public_key().as_ref().clone()).map_err(|_| Unusable::Invalid)?;
        Ok((Self::Rsa { key: Box::new(key), signature_len: n.len() }, spki))
    }
}

fn string<'j>(jwk: &'j Map<String, Value>, name: &str) -> Result<Option<&'j str>, Unusable> {
    match jwk.get(name) {
        None => Ok(None),
        Some(Value::String(it)) => Ok(Some(it)),
        Some(_) => Err(Unusable::Malformed),
    }
}

fn bytes(jwk: &Map<String, Value>, name: &str) -> Result<Vec<u8>, Unusable> {
    string(jwk, name)?.and_then(decode).ok_or(Unusable::Malformed)
}

/// An uncompressed point of two coordinates, each of its full size (RFC 7518, section 6.2.1.2).
fn point(jwk: &Map<String, Value>, size: usize) -> Result<Vec<u8>, Unusable> {
    let (x, y) = (bytes(jwk, "x")?, bytes(jwk, "y")?);
    if x.len() != size || y.len() != size {
        return Err(Unusable::Malformed);
    }
    Ok([&[0x04][..], &x, &y].concat())
}
