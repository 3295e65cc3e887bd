//! Makes tokens of every kind, honest and not. The keys are fixed and known to everybody.

use ct_codecs::Base64UrlSafeNoPadding;
use ct_codecs::Encoder;
use jwt_simple::algorithms::*;
use p256::ecdsa::signature::Signer as _;
use serde_json::Value;
use serde_json::json;
use superboring::hash::MessageDigest;
use superboring::pkey::PKey;
use superboring::rsa::Padding;
use superboring::sign::Signer;

use crate::merged;

/// The time at which every token is made that is not told another, in seconds since the epoch.
pub const NOW: u64 = 1_800_000_000;

const RSA_PEM: &str = include_str!("../rsa-dev.pem");
/// The secret of the key called `oct`.
pub const SECRET: &str = "a secret that everybody may know, of 48 bytes...";

/// Base64url without padding.
pub fn base64(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap()
}

fn es256(seed: u8) -> ES256KeyPair {
    ES256KeyPair::from_bytes(&[seed; 32]).unwrap()
}

fn es384() -> ES384KeyPair {
    ES384KeyPair::from_bytes(&[7; 48]).unwrap()
}

fn ed25519() -> ed25519_compact::KeyPair {
    ed25519_compact::KeyPair::from_seed(ed25519_compact::Seed::new([7; 32]))
}

fn rsa() -> RS256KeyPair {
    RS256KeyPair::from_pem(RSA_PEM).unwrap()
}

/// The public key called `name`, as a JSON Web Key with that `kid`.
pub fn jwk(name: &str) -> Value {
    let ec = |crv: &str, point: Vec<u8>| {
        let half = point.len() / 2;
        json!({ "kty": "EC", "crv": crv, "x": base64(&point[1..=half]), "y": base64(&point[half + 1..]) })
    };
    let mut jwk = match name {
        "es" => ec("P-256", es256(7).public_key().public_key().to_bytes_uncompressed()),
        "es-other" => ec("P-256", es256(9).public_key().public_key().to_bytes_uncompressed()),
        "es384" => ec("P-384", es384().public_key().public_key().to_bytes_uncompressed()),
        "ed" => json!({ "kty": "OKP", "crv": "Ed25519", "x": base64(*ed25519().pk) }),
        "rs" => {
            let key = rsa().public_key().to_components();
            json!({ "kty": "RSA", "n": base64(key.n), "e": base64(key.e) })
        }
        "oct" => json!({ "kty": "oct", "k": base64(SECRET) }),
        _ => panic!("no key is called {name}"),
    };
    jwk["kid"] = name.into();
    jwk
}

/// A key set of those names.
pub fn jwks(names: &[&str]) -> Value {
    json!({ "keys": names.iter().map(|name| jwk(name)).collect::<Vec<_>>() })
}

/// A signature over `input`, made the way called `how`.
pub fn sign(how: &str, input: &[u8]) -> Vec<u8> {
    let rsa_with = |digest, padding| {
        let key = PKey::from_rsa(rsa().key_pair().as_ref().clone()).unwrap();
        let mut signer = Signer::new(digest, &key).unwrap();
        signer.set_rsa_padding(padding).unwrap();
        signer.update(input).unwrap();
        signer.sign_to_vec().unwrap()
    };
    let p256 = |seed: u8| -> p256::ecdsa::Signature { es256(seed).key_pair().as_ref().sign(input) };
    match how {
        "none" => Vec::new(),
        "es256" => p256(7).to_vec(),
        "es256-other" => p256(9).to_vec(),
        "es256-der" => p256(7).to_der().as_bytes().to_vec(),
        "es384" => {
            let signature: p384::ecdsa::Signature = es384().key_pair().as_ref().sign(input);
            signature.to_vec()
        }
        "eddsa" => ed25519().sk.sign(input, None).to_vec(),
        "rs256" => rsa_with(MessageDigest::sha256(), Padding::PKCS1),
        "rs384" => rsa_with(MessageDigest::sha384(), Padding::PKCS1),
        "rs512" => rsa_with(MessageDigest::sha512(), Padding::PKCS1),
        "ps256" => rsa_with(MessageDigest::sha256(), Padding::PKCS1_PSS),
        "ps384" => rsa_with(MessageDigest::sha384(), Padding::PKCS1_PSS),
        "ps512" => rsa_with(MessageDigest::sha512(), Padding::PKCS1_PSS),
        "hs256" => HS256Key::from_bytes(SECRET.as_bytes()).authentication_tag(input),
        "hs384" => HS384Key::from_bytes(SECRET.as_bytes()).authentication_tag(input),
        "hs512" => HS512Key::from_bytes(SECRET.as_bytes()).authentication_tag(input),
        "hs256-nul" => HS256Key::from_bytes(b"\0").authentication_tag(input),
        "hs256-empty" => HS256Key::from_bytes(b"").authentication_tag(input),
        // The classic: the public key, which everybody has, taken for the secret.
        "hs256-with-rsa-pem" => {
            let pem = rsa().public_key().to_pem().unwrap();
            HS256Key::from_bytes(pem.as_bytes()).authentication_tag(input)
        }
        "hs256-with-rsa-der" => {
            let der = rsa().public_key().to_der().unwrap();
            HS256Key::from_bytes(&der).authentication_tag(input)
        }
        "hs256-with-rsa-pem-trimmed" => {
            let pem = rsa().public_key().to_pem().unwrap();
            HS256Key::from_bytes(pem.trim().as_bytes()).authentication_tag(input)
        }
        "hs256-with-rsa-modulus" => {
            HS256Key::from_bytes(&rsa().public_key().to_components().n).authentication_tag(input)
        }
        "hs256-with-ec-pem" => {
            let pem = es256(7).public_key().public_key().to_pem().unwrap();
            HS256Key::from_bytes(pem.as_bytes()).authentication_tag(input)
        }
        "hs256-with-ec-der" => {
            let der = es256(7).public_key().public_key().to_der().unwrap();
            HS256Key::from_bytes(&der).authentication_tag(input)
        }
        "hs256-with-ec-point" => {
            let point = es256(7).public_key().public_key().to_bytes_uncompressed();
            HS256Key::from_bytes(&point).authentication_tag(input)
        }
        "hs256-with-rsa-jwk" => {
            HS256Key::from_bytes(jwk("rs").to_string().as_bytes()).authentication_tag(input)
        }
        "hs256-with-jwks" => {
            HS256Key::from_bytes(jwks(&["es", "rs", "ed"]).to_string().as_bytes()).authentication_tag(input)
        }
        "hs256-with-ec-jwk" => {
            HS256Key::from_bytes(jwk("es").to_string().as_bytes()).authentication_tag(input)
        }
        "zeros" => vec![0; 64],
        _ => panic!("no way of signing is called {how}"),
    }
}

/// The header of an honest ES256 token.
pub fn header() -> Value {
    json!({ "alg": "ES256", "kid": "es", "typ": "at+jwt" })
}

/// The claims of an honest token that was issued a minute before [`NOW`].
pub fn claims() -> Value {
    json!({
        "iss": "https://id.shop.example", "aud": "shop-mobile-api", "sub": "u1", "jti": "t1", "tenant": "shop",
        "iat": NOW - 60, "exp": NOW + 540,
    })
}

/// A token of these bytes, signed `how`.
pub fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>, how: &str) -> String {
    let input = format!("{}.{}", base64(header), base64(claims));
    let signature = base64(sign(how, input.as_bytes()));
    format!("{input}.{signature}")
}

/// An honest ES256 token with other claims laid over.
pub fn es256_token(patch: Value) -> String {
    token(header().to_string(), merged(claims(), &patch).to_string(), "es256")
}

/// An HS256 token with other claims laid over; cheap to make and to verify.
pub fn hs256_token(patch: Value) -> String {
    let header = json!({ "alg": "HS256", "typ": "at+jwt" });
    token(header.to_string(), merged(claims(), &patch).to_string(), "hs256")
}
