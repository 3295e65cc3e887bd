use super::*;

/// Answers as a host with a good verifier would: by the same primitives, so that only the seam is on trial.
pub(super) fn able(question: Question<'_>) -> Option<bool> {
    use p256::ecdsa::signature::Verifier;
    use p256::pkcs8::DecodePublicKey;
    let rsa = |hash| {
        let key = jwt_simple::algorithms::RSAPublicKey::from_der(question.key).ok()?;
        let key = superboring::pkey::PKey::from_rsa(key.as_ref().clone()).ok()?;
        let mut verifier = superboring::sign::Verifier::new(hash, &key).ok()?;
        verifier.set_rsa_padding(superboring::rsa::Padding::PKCS1).ok()?;
        verifier.update(question.text).ok()?;
        verifier.verify(question.signature).ok()
    };
    if let Ok(key) = p256::ecdsa::VerifyingKey::from_public_key_der(question.key) {
        let signature = p256::ecdsa::Signature::from_der(question.signature).ok()?;
        return Some(question.hash == "sha256" && key.verify(question.text, &signature).is_ok());
    }
    if let Ok(key) = p384::ecdsa::VerifyingKey::from_public_key_der(question.key) {
        let signature = p384::ecdsa::Signature::from_der(question.signature).ok()?;
        return Some(question.hash == "sha384" && key.verify(question.text, &signature).is_ok());
    }
    match question.hash {
        "sha256" => rsa(superboring::hash::MessageDigest::sha256()),
        "sha384" => rsa(superboring::hash::MessageDigest::sha384()),
        "sha512" => rsa(superboring::hash::MessageDigest::sha512()),
        _ => None,
    }
}

#[test]
fn trusts_a_host_that_knows_the_known_answers() {
    assert_eq!(HostVerifier::tested(able).name(), "host");
}

#[test]
fn trusts_no_host_that_fails_one_question() {
    let rows: [(&str, Ask); 5] = [
        ("says yes to everything", |_| Some(true)),
        ("says no to everything", |_| Some(false)),
        ("has no such function", |_| None),
        ("knows no SHA-512", |question| able(question).filter(|_| question.hash != "sha512")),
        ("looks at the key and not at the text", |question| Some(!question.key.is_empty())),
    ];
    for (about, ask) in rows {
        assert_eq!(HostVerifier::tested(ask).name(), "wasm", "{about}");
    }
}
