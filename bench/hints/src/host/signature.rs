//! The host's `verify_signature`, as Envoy has it: a protobuf message in, one out.

use std::collections::BTreeMap;

use ring::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};

/// What stands in front of the key itself in a SubjectPublicKeyInfo (RFC 5280, section 4.1), and how long the whole is for a
/// curve's key. An RSA key is longer, whatever its size.
const P256: (usize, usize) = (26, 91);
const P384: (usize, usize) = (23, 120);
const RSA: usize = 24;

/// The answer to a question: empty for a bad signature, since protobuf leaves out what is false. `None`: not a question.
pub(super) fn verify(question: &[u8]) -> Option<&'static [u8]> {
    let fields = fields(question)?;
    let [hash, key, signature, text] = [1, 2, 3, 4].map(|field| fields.get(&field).copied());
    let (hash, key) = (hash?, key?);
    let algorithm: (&'static dyn VerificationAlgorithm, usize) = match (hash, key.len()) {
        (b"sha256", length) if length == P256.1 => (&ECDSA_P256_SHA256_ASN1, P256.0),
        (b"sha384", length) if length == P384.1 => (&ECDSA_P384_SHA384_ASN1, P384.0),
        (b"sha256", _) => (&RSA_PKCS1_2048_8192_SHA256, RSA),
        (b"sha384", _) => (&RSA_PKCS1_2048_8192_SHA384, RSA),
        (b"sha512", _) => (&RSA_PKCS1_2048_8192_SHA512, RSA),
        _ => return None,
    };
    let (algorithm, head) = algorithm;
    let good = UnparsedPublicKey::new(algorithm, key.get(head..)?).verify(text?, signature?).is_ok();
    Some(if good { &[0x08, 0x01] } else { &[] })
}

/// The fields of a message that has bytes only, by their numbers.
fn fields(mut message: &[u8]) -> Option<BTreeMap<u64, &[u8]>> {
    let mut fields = BTreeMap::new();
    while !message.is_empty() {
        let (tag, rest) = varint(message)?;
        let (length, rest) = varint(rest)?;
        let (bytes, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        // The wire type of bytes is 2.
        if tag & 7 != 2 {
            return None;
        }
        fields.insert(tag >> 3, bytes);
        message = rest;
    }
    Some(fields)
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let last = bytes.iter().take(9).position(|byte| *byte < 0x80)?;
    let (digits, rest) = bytes.split_at_checked(last.checked_add(1)?)?;
    Some((digits.iter().rev().fold(0, |number, byte| number << 7 | u64::from(byte & 0x7f)), rest))
}
