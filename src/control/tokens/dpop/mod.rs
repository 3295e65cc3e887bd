//! # A proof of possession (RFC 9449, sections 4.2 and 4.3)
//!
//! **Refuses** a proof, in this order, the cheap before the dear, and the first that fails is the reason:
//!
//! 1. `proof_invalid`: longer than [`MAX_PROOF`], no compact JWS of strict JSON, `typ` other than `dpop+jwt`, an algorithm
//!    that is not one of [`ALGORITHMS`], no public key in `jwk`, a claim that is missing or of the wrong type;
//! 2. `proof_key`: made for another token (`ath`), or with another key than the token's (`cnf.jkt`);
//! 3. `proof_target`: for another method (`htm`) or address (`htu`);
//! 4. `proof_time`: too old, or of the future;
//! 5. `proof_replayed`, `proofs_unavailable`: used before, or nobody can tell;
//! 6. `proof_invalid`: a key that is none, a signature that is not its own.
//!
//! A signature is verified for the holder of the very token that came with it alone: a stranger's proof costs two hashes.
//!
//! **Does not** know nonces: whoever could have stored proofs up has `iat` and `jti` against him. It looks at no key but
//! the one whose thumbprint the token's issuer signed.

mod target;
mod thumbprint;

use std::time::Duration;

use hmac_sha256::Hash;
use serde_json::Map;
use serde_json::Value;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::cnf;
use crate::control::tokens::form::Parts;
use crate::control::tokens::host_signature::HostVerifier;
use crate::control::tokens::json;
use crate::control::tokens::key::Key;
use crate::control::tokens::replay::Replays;
use crate::control::tokens::replay::Used;
use crate::control::tokens::rules;
use crate::control::tokens::signature;
use crate::model::claims::Claims;
use crate::model::headers::Headers;
use crate::model::shared::Buckets;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::refusal::Refusal;

#[cfg(test)]
pub(in crate::control::tokens) use crate::control::tokens::dpop::target::matches;
#[cfg(test)]
pub(in crate::control::tokens) use crate::control::tokens::dpop::thumbprint::thumbprint;

/// The header that a proof stands in.
pub const HEADER: &str = "dpop";

/// The longest proof, in bytes: one with an RSA key of 4096 bits has 2.5 KiB.
pub(crate) const MAX_PROOF: usize = 4 * 1024;

/// What a proof may be signed with, and what the challenge tells: all that have a public key.
pub const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::Es256,
    Algorithm::Es384,
    Algorithm::EdDsa,
    Algorithm::Ps256,
    Algorithm::Ps384,
    Algorithm::Ps512,
    Algorithm::Rs256,
    Algorithm::Rs384,
    Algorithm::Rs512,
];

/// What a proof must prove.
pub(crate) struct Wanted<'w> {
    /// The thumbprint that the token is bound to.
    pub(crate) key: [u8; 32],
    /// The token itself, as it was sent.
    pub(crate) token: &'w [u8],
    /// The request's head.
    pub(crate) headers: &'w Headers,
    /// Whether the client came without TLS.
    pub(crate) in_cleartext: &'w dyn Fn() -> bool,
    /// The time.
    pub(crate) now: Nanos,
    /// How old it may be.
    pub(crate) max_age: Duration,
    /// How far clocks may differ.
    pub(crate) clock_skew: Duration,
    /// Who may verify beside this module.
    pub(crate) host: HostVerifier,
}

/// What a proof says before anybody vouches for it.
struct Proof<'p> {
    parts: Parts<'p>,
    algorithm: Algorithm,
    jwk: Map<String, Value>,
    id: String,
    method: String,
    address: String,
    token: [u8; 32],
    issued: f64,
    times: Times,
}

/// Dates that a proof need not have, and is held to where it has them (RFC 7519, sections 4.1.4 and 4.1.5).
struct Times {
    expires: Option<f64>,
    not_before: Option<f64>,
}

/// Judges the proof that came with a token, and remembers it so that it serves once.
///
/// # Errors
/// The reasons of the module's page.
pub(crate) fn check(
    proof: &[u8],
    wanted: &Wanted<'_>,
    replays: &mut Replays,
    store: &impl Buckets,
) -> Result<(), Refusal> {
    let proof = Proof::read(proof).ok_or(Reason::TokensProofInvalid)?;
    let thumbprint = thumbprint::thumbprint(&proof.jwk).ok_or(Reason::TokensProofInvalid)?;
    if proof.token != Hash::hash(wanted.token) || thumbprint != wanted.key {
        return Err(Reason::TokensProofKey.into());
    }
    let method = wanted.headers.single(":method").one();
    let same_method = method == Some(proof.method.as_bytes());
    if !same_method || !target::matches(&proof.address, wanted.headers, wanted.in_cleartext) {
        return Err(Reason::TokensProofTarget.into());
    }
    if !proof.is_of_now(wanted) {
        return Err(Reason::TokensProofTime.into());
    }
    let used = Used { key: &thumbprint, id: &proof.id, issued: proof.issued };
    let place = replays.look(&used, wanted.now, store)?;
    if !proof.verifies(wanted.host) {
        return Err(Reason::TokensProofInvalid.into());
    }
    replays.keep(place, wanted.now, store)
}

impl<'p> Proof<'p> {
    fn read(text: &'p [u8]) -> Option<Self> {
        if text.len() > MAX_PROOF {
            return None;
        }
        let mut parts = Parts::read(text).ok()?;
        if parts.header.get("typ")?.as_str()? != "dpop+jwt" {
            return None;
        }
        let algorithm = Algorithm::named(parts.header.get("alg")?.as_str()?)?;
        let Value::Object(jwk) = parts.header.remove("jwk")? else { return None };
        let claims = Claims::new(json::object(&parts.payload)?);
        let text = |name| claims.text(name).filter(|text| !text.is_empty()).map(str::to_owned);
        let date = |name| rules::date(&claims, name).ok();
        Some(Self {
            algorithm: Some(algorithm).filter(|it| ALGORITHMS.contains(it))?,
            jwk,
            id: text("jti")?,
            method: text("htm")?,
            address: text("htu")?,
            token: claims.member("ath").and_then(cnf::digest)?,
            issued: date("iat")??,
            times: Times { expires: date("exp")?, not_before: date("nbf")? },
            parts,
        })
    }

    fn is_of_now(&self, wanted: &Wanted<'_>) -> bool {
        let (now, skew) = (wanted.now.as_secs_f64(), wanted.clock_skew.as_secs_f64());
        // Written so that a comparison that fails refuses.
        let fresh = self.issued >= now - wanted.max_age.as_secs_f64() - skew;
        let begun = |date: f64| date <= now + skew;
        fresh
            && begun(self.issued)
            && self.times.not_before.is_none_or(begun)
            && self.times.expires.is_none_or(|date| date > now - skew)
    }

    fn verifies(self, host: HostVerifier) -> bool {
        Key::from_jwk(&Value::Object(self.jwk), &[self.algorithm]).is_ok_and(|key| {
            signature::verify(host, &key, self.algorithm, self.parts.input, &self.parts.signature)
        })
    }
}
