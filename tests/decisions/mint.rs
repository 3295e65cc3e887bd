//! Tokens that a definition accepts, made from what it says. The keys stand in for the issuer's: they are fixed and
//! known to everybody.

use ct_codecs::Base64UrlSafeNoPadding;
use ct_codecs::Decoder;
use ct_codecs::Encoder;
use jwt_simple::algorithms::ECDSAP256KeyPairLike;
use jwt_simple::algorithms::ECDSAP256PublicKeyLike;
use jwt_simple::algorithms::ES256KeyPair;
use p256::ecdsa::Signature;
use p256::ecdsa::signature::Signer;
use portcullis::control::tokens::Algorithm;
use portcullis::control::tokens::Definition;
use portcullis::model::claims::ClaimTest;
use portcullis::model::pointer::Pointer;
use portcullis::model::pointer::Step;
use portcullis::model::time::Nanos;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::case::Credential;
use crate::case::Forge;
use crate::case::Proof;
use crate::case::SigningKey;

/// What every `secret_env` of a case's policy holds.
pub(crate) const SECRET: &str = "a secret that everybody may know, of 48 bytes...";

/// The key set that stands in for every fetched one.
pub(crate) fn jwks() -> String {
    let mut jwk = jwk(&key(SigningKey::Issuer));
    lay(&mut jwk, &members(json!({ "kid": "test" })));
    json!({ "keys": [jwk] }).to_string()
}

/// The text of a token.
pub(crate) fn text(definition: &Definition, token: &Credential, forge: &Forge, now: Nanos) -> String {
    match token {
        Credential::Raw(text) => text.clone(),
        Credential::Claims(patch) => mint(definition, patch, forge, now),
    }
}

/// The header line in which a token stands.
pub(crate) fn line(definition: &Definition, text: &str, proof: Option<&Proof>) -> (String, Vec<u8>) {
    let header = definition.carrier.header.to_string();
    let scheme = match definition.carrier.scheme.as_deref() {
        Some("bearer") => proof.map(|proof| proof.scheme.as_deref().unwrap_or("DPoP")).or(Some("bearer")),
        own => own,
    };
    match scheme {
        Some(scheme) => (header, format!("{scheme} {text}").into_bytes()),
        None => (header, text.as_bytes().to_vec()),
    }
}

/// A proof for this token by the device's key, with these claims.
pub(crate) fn proof(proof: &Proof, mut claims: Value, token: &str, now: Nanos) -> Vec<u8> {
    let key = device(proof.stranger);
    let mut header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": jwk(&key) });
    lay(&mut header, &proof.header);
    let ath = base64(hmac_sha256::Hash::hash(token.as_bytes()));
    lay(&mut claims, &members(json!({ "iat": now.0 / 1_000_000_000, "ath": ath })));
    lay(&mut claims, &proof.claims);
    let input = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let signature: Signature = key.key_pair().as_ref().sign(input.as_bytes());
    format!("{input}.{}", base64(signature.to_vec())).into_bytes()
}

fn members(object: Value) -> Map<String, Value> {
    if let Value::Object(members) = object { members } else { Map::new() }
}

/// A digest as JOSE writes it.
pub(crate) fn digest(text: &str) -> [u8; 32] {
    Base64UrlSafeNoPadding::decode_to_vec(text, None).unwrap().try_into().unwrap()
}

/// The key of the caller's device, or of another's.
fn device(stranger: bool) -> ES256KeyPair {
    ES256KeyPair::from_bytes(&[if stranger { 12 } else { 11 }; 32]).unwrap()
}

fn jwk(key: &ES256KeyPair) -> Value {
    let point = key.public_key().public_key().to_bytes_uncompressed();
    let half = |range| base64(point.get(range).unwrap_or_default());
    json!({ "crv": "P-256", "kty": "EC", "x": half(1..33), "y": half(33..65) })
}

/// RFC 7638: the members of an EC key stand in order above.
fn thumbprint(key: &ES256KeyPair) -> String {
    base64(hmac_sha256::Hash::hash(jwk(key).to_string().as_bytes()))
}

fn mint(definition: &Definition, patch: &Map<String, Value>, forge: &Forge, now: Nanos) -> String {
    let es256 = definition.algorithms.contains(&Algorithm::Es256);
    assert!(es256 || definition.algorithms.contains(&Algorithm::Hs256), "cases sign with ES256 or HS256");
    let kind = definition.types.as_ref().and_then(|types| types.first()).map_or("at+jwt", |kind| kind);
    let mut header = match es256 {
        true => json!({ "alg": "ES256", "kid": "test", "typ": kind }),
        false => json!({ "alg": "HS256", "typ": kind }),
    };
    lay(&mut header, &forge.header);
    let mut claims = good_claims(definition, now);
    lay(&mut claims, patch);
    if let Some(bound) = claims.pointer_mut("/cnf/jkt") {
        *bound = match bound.as_str() {
            Some("device") => thumbprint(&device(false)).into(),
            Some("another device") => thumbprint(&device(true)).into(),
            _ => bound.take(),
        };
    }
    let input = format!("{}.{}", base64(header.to_string()), base64(claims.to_string()));
    let signature = match forge.key {
        SigningKey::None => Vec::new(),
        whose if es256 => {
            let signature: Signature = key(whose).key_pair().as_ref().sign(input.as_bytes());
            signature.to_vec()
        }
        SigningKey::Issuer => hmac_sha256::HMAC::mac(&input, SECRET).to_vec(),
        SigningKey::Stranger => hmac_sha256::HMAC::mac(&input, "another secret").to_vec(),
    };
    format!("{input}.{}", base64(signature))
}

/// All that the definition asks for, and a subject.
fn good_claims(definition: &Definition, now: Nanos) -> Value {
    let seconds = now.0 / 1_000_000_000;
    let lifetime = definition.max_lifetime.map_or(300, |longest| longest.as_secs().min(300));
    let mut claims = json!({ "sub": "someone", "iat": seconds, "exp": seconds.saturating_add(lifetime) });
    let mut put = |place: &Pointer, value: Value| {
        if let ([Step::Key(name)], Some(claims)) = (place.steps(), claims.as_object_mut()) {
            claims.entry(&**name).or_insert(value);
        }
    };
    let member = Pointer::member;
    put(&member("iss"), definition.issuer.as_deref().unwrap_or("https://issuer.example").into());
    let audience = definition.audience.as_ref().and_then(|all| all.first()).map_or("anybody", |one| one);
    put(&member("aud"), audience.into());
    for condition in &definition.claims {
        let fitting = match &condition.test {
            ClaimTest::Is(value) => value.clone(),
            ClaimTest::Has(value) => json!([value]),
            ClaimTest::Any(values) => values.first().cloned().unwrap_or_default(),
        };
        put(&condition.claim, fitting);
    }
    definition.require.iter().for_each(|place| put(place, "x".into()));
    claims
}

pub(crate) fn lay(target: &mut Value, patch: &Map<String, Value>) {
    let Value::Object(target) = target else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            value => drop(target.insert(name.clone(), value.clone())),
        }
    }
}

fn key(whose: SigningKey) -> ES256KeyPair {
    let seed = if whose == SigningKey::Stranger { 9 } else { 7 };
    ES256KeyPair::from_bytes(&[seed; 32]).unwrap()
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    Base64UrlSafeNoPadding::encode_to_string(bytes).unwrap()
}
