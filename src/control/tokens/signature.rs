//! The one place where a signature is verified.
//!
//! jwt-simple imports the keys, under its policy for them; what verifies are the primitives that it hands out. Its own
//! reading of a token is left aside: that would be a second reader of header and claims, with a clock of its own and
//! 15 minutes of drift. A host's `verify_signature` is chosen here, for the algorithms that it has, and nothing else
//! differs between the two.

use ed25519_compact::Signature as EdSignature;
use jwt_simple::algorithms::HS256Key;
use jwt_simple::algorithms::HS384Key;
use jwt_simple::algorithms::HS512Key;
use jwt_simple::algorithms::MACLike;
use p256::ecdsa::Signature as P256Signature;
use p256::ecdsa::signature::Verifier as _;
use p384::ecdsa::Signature as P384Signature;
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::pkey::Public;
use superboring::rsa::Padding;
use superboring::sign::Verifier;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::host_signature::HostVerifier;
use crate::control::tokens::key::Key;
use crate::control::tokens::key::Material;

/// Whether `signature` over `input` is this key's by this algorithm. A key that does not serve the algorithm never
/// verifies.
pub(crate) fn verify(
    host: HostVerifier,
    key: &Key,
    algorithm: Algorithm,
    input: &[u8],
    signature: &[u8],
) -> bool {
    if !key.serves(algorithm) {
        return false;
    }
    if let Some(verdict) = host.verify(key, algorithm, input, signature) {
        return verdict;
    }
    match &key.material {
        // RFC 8017, sections 8.1.2 and 8.2.2: a signature has just the modulus' length.
        Material::Rsa { key, signature_len } => {
            signature.len() == *signature_len && rsa(key, algorithm, input, signature).unwrap_or(false)
        }
        Material::P256(key) => {
            P256Signature::from_slice(signature).is_ok_and(|signature| key.verify(input, &signature).is_ok())
        }
        Material::P384(key) => {
            P384Signature::from_slice(signature).is_ok_and(|signature| key.verify(input, &signature).is_ok())
        }
        Material::Ed25519(key) => {
            EdSignature::from_slice(signature).is_ok_and(|signature| key.verify(input, &signature).is_ok())
        }
        Material::Secret(secret) => {
            mac(secret, algorithm, input).is_some_and(|tag| ct_codecs::verify(&tag, signature))
        }
    }
}

fn rsa(key: &PKey<Public>, algorithm: Algorithm, input: &[u8], signature: &[u8]) -> Option<bool> {
    let (digest, padding) = match algorithm {
        Algorithm::Rs256 => (MessageDigest::sha256(), Padding::PKCS1),
        Algorithm::Rs384 => (MessageDigest::sha384(), Padding::PKCS1),
        Algorithm::Rs512 => (MessageDigest::sha512(), Padding::PKCS1),
        Algorithm::Ps256 => (MessageDigest::sha256(), Padding::PKCS1_PSS),
        Algorithm::Ps384 => (MessageDigest::sha384(), Padding::PKCS1_PSS),
        Algorithm::Ps512 => (MessageDigest::sha512(), Padding::PKCS1_PSS),
        _ => return None,
    };
    let mut verifier = Verifier::new(digest, key).ok()?;
    verifier.set_rsa_padding(padding).ok()?;
    verifier.update(input).ok()?;
    verifier.verify(signature).ok()
}

fn mac(secret: &[u8], algorithm: Algorithm, input: &[u8]) -> Option<Vec<u8>> {
    match algorithm {
        Algorithm::Hs256 => Some(HS256Key::from_bytes(secret).authentication_tag(input)),
        Algorithm::Hs384 => Some(HS384Key::from_bytes(secret).authentication_tag(input)),
        Algorithm::Hs512 => Some(HS512Key::from_bytes(secret).authentication_tag(input)),
        _ => None,
    }
}
