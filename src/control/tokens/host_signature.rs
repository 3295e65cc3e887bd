//! A host that verifies signatures, trusted only after it gave the right answers to questions whose answers are known.

use std::fmt;

use serde_json::Value;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::form::decode;
use crate::control::tokens::key::Key;

/// What the known answers were signed over.
const TEXT: &[u8] = b"portcullis known answer";
/// A key and its good signature over [`TEXT`], for every algorithm that a host may serve.
const KNOWN_ANSWERS: &str = include_str!("known_answers.json");

/// One question to a host.
#[derive(Clone, Copy, Debug)]
pub struct Question<'q> {
    /// The hash by the host's name for it: `sha256`, `sha384` or `sha512`.
    pub hash: &'static str,
    /// The public key, DER of its SubjectPublicKeyInfo (RFC 5280, section 4.1).
    pub key: &'q [u8],
    /// The signature: PKCS #1 v1.5, or the DER of an ECDSA signature (RFC 3279, section 2.2.3).
    pub signature: &'q [u8],
    /// What was signed.
    pub text: &'q [u8],
}

/// A host's answer: whether the signature is good; `None` where the host could not say.
pub type Ask = fn(Question<'_>) -> Option<bool>;

/// The host's verifier, if there is one that can be trusted.
#[derive(Clone, Copy, Default)]
pub struct HostVerifier(Option<Ask>);

impl fmt::Debug for HostVerifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl HostVerifier {
    /// Puts the host to the test: every known good signature must be good to it, and the same over another text bad.
    /// A host that fails one question serves none.
    pub fn tested(ask: Ask) -> Self {
        let host = Self(Some(ask));
        if known_answers().is_some_and(|known| {
            known.iter().all(|(key, algorithm, signature)| {
                let verdict = |text| host.verify(key, *algorithm, text, signature);
                verdict(TEXT) == Some(true) && verdict(b"portcullis known answer.") == Some(false)
            })
        }) {
            return host;
        }
        Self(None)
    }

    /// Who verifies, for the log and the metric.
    pub fn name(&self) -> &'static str {
        if self.0.is_some() { "host" } else { "wasm" }
    }

    /// Asks the host, where it serves this algorithm. `None`: ask nobody but yourself.
    pub(crate) fn verify(
        &self,
        key: &Key,
        algorithm: Algorithm,
        text: &[u8],
        signature: &[u8],
    ) -> Option<bool> {
        let ask = self.0?;
        let spki = key.spki.as_deref()?;
        let hash = match algorithm {
            Algorithm::Rs256 | Algorithm::Es256 => "sha256",
            Algorithm::Rs384 | Algorithm::Es384 => "sha384",
            Algorithm::Rs512 => "sha512",
            _ => return None,
        };
        let der;
        let signature = match algorithm {
            Algorithm::Es256 => {
                der = der_signature(signature, 32)?;
                &der
            }
            Algorithm::Es384 => {
                der = der_signature(signature, 48)?;
                &der
            }
            _ => signature,
        };
        ask(Question { hash, key: spki, signature, text })
    }
}

fn known_answers() -> Option<Vec<(Key, Algorithm, Vec<u8>)>> {
    let known: Vec<Value> = serde_json::from_str(KNOWN_ANSWERS).ok()?;
    let read = |row: &Value| {
        let algorithm = Algorithm::named(row.get("alg")?.as_str()?)?;
        let key = Key::from_jwk(row.get("jwk")?, &[algorithm]).ok()?;
        Some((key, algorithm, decode(row.get("signature")?.as_str()?)?))
    };
    let known: Vec<_> = known.iter().map(read).collect::<Option<_>>()?;
    (!known.is_empty()).then_some(known)
}

/// `r || s`, each of just `half` bytes (RFC 7518, section 3.4), as a DER sequence of two integers; nothing for every
/// other length, although DER could say it. A half is short enough that no length needs more than one byte.
fn der_signature(signature: &[u8], half: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(half).filter(|(_, s)| s.len() == half)?;
    let integer = |number: &[u8]| {
        let start = number.iter().position(|byte| *byte != 0)?;
        let digits = number.get(start..)?;
        // A leading bit of one would make it negative.
        let sign: &[u8] = if digits.first().is_some_and(|byte| *byte >= 0x80) { &[0] } else { &[] };
        let length = u8::try_from(digits.len().saturating_add(sign.len())).ok()?;
        Some([&[0x02, length][..], sign, digits].concat())
    };
    let body = [integer(r)?, integer(s)?].concat();
    let length = u8::try_from(body.len()).ok().filter(|length| *length < 0x80)?;
    Some([&[0x30, length][..], &body].concat())
}
