use super::*;

const ALL: &[Algorithm] =
    &[Algorithm::Rs256, Algorithm::Ps256, Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa];

fn parse(set: &Value, algorithms: &[Algorithm]) -> Result<(usize, Vec<Skipped>), KeyFault> {
    KeySet::parse(set.to_string().as_bytes(), algorithms).map(|(set, skipped)| (set.len(), skipped))
}

#[test]
fn takes_every_kind_of_key_that_serves() {
    let set = mint::jwks(&["es", "es384", "ed", "rs"]);
    assert_eq!(parse(&set, ALL), Ok((4, vec![])));
    assert_eq!(parse(&mint::jwks(&["oct"]), &[Algorithm::Hs256]), Ok((1, vec![])));
    let named = merged(mint::jwk("ed"), &json!({ "alg": "Ed25519", "use": "sig", "key_ops": ["verify"] }));
    assert_eq!(parse(&json!({ "keys": [named] }), ALL), Ok((1, vec![])));
    // A sign byte in front of the modulus, as some issuers have it.
    let n = super::super::form::decode(mint::jwk("rs")["n"].as_str().unwrap()).unwrap();
    let signed = merged(mint::jwk("rs"), &json!({ "n": mint::base64([vec![0], n].concat()) }));
    assert_eq!(parse(&json!({ "keys": [signed] }), ALL), Ok((1, vec![])));
}

#[test]
fn passes_over_a_key_that_does_not_serve_and_says_why() {
    let weak = mint::base64([vec![0xc4], vec![0xff; 127]].concat());
    let huge = mint::base64([vec![0xc4], vec![0xff; 1023]].concat());
    let rows = [
        ("es", json!({ "kty": null }), Unusable::Malformed),
        ("es", json!({ "kty": 1 }), Unusable::Malformed),
        ("es", json!({ "kty": "ec" }), Unusable::UnknownType),
        ("es", json!({ "crv": "secp256k1" }), Unusable::UnknownType),
        ("es", json!({ "crv": "P-521" }), Unusable::UnknownType),
        ("ed", json!({ "crv": "X25519" }), Unusable::UnknownType),
        ("es", json!({ "d": "AAAA" }), Unusable::Private),
        ("rs", json!({ "p": "AAAA" }), Unusable::Private),
        ("es", json!({ "use": "enc" }), Unusable::NotForSignatures),
        ("es", json!({ "use": "SIG" }), Unusable::NotForSignatures),
        ("es", json!({ "use": 1 }), Unusable::Malformed),
        ("es", json!({ "key_ops": ["sign"] }), Unusable::NotForSignatures),
        ("es", json!({ "key_ops": [] }), Unusable::NotForSignatures),
        ("es", json!({ "key_ops": "verify" }), Unusable::NotForSignatures),
        ("es", json!({ "alg": "ES384" }), Unusable::OtherAlgorithm),
        ("es", json!({ "alg": "ECDH-ES" }), Unusable::OtherAlgorithm),
        ("rs", json!({ "alg": "HS256" }), Unusable::OtherAlgorithm),
        ("rs", json!({ "alg": "RS512" }), Unusable::OtherAlgorithm),
        ("oct", json!({}), Unusable::OtherAlgorithm),
        ("oct", json!({ "k": mint::base64("31 bytes are not enough, are the") }), Unusable::OtherAlgorithm),
        ("oct", json!({ "k": mint::base64("too short") }), Unusable::TooWeak),
        ("es", json!({ "kid": 1 }), Unusable::Malformed),
        ("es", json!({ "x": null }), Unusable::Malformed),
        ("es", json!({ "x": "AAAA" }), Unusable::Malformed),
        ("es", json!({ "x": "===" }), Unusable::Malformed),
        ("es", json!({ "y": mint::jwk("es")["x"] }), Unusable::Invalid),
        ("ed", json!({ "x": mint::base64([0; 32]) }), Unusable::Invalid),
        ("ed", json!({ "x": mint::base64([1]) }), Unusable::Invalid),
        ("rs", json!({ "n": weak }), Unusable::TooWeak),
        ("rs", json!({ "n": "" }), Unusable::Malformed),
        ("rs", json!({ "n": "AAAA" }), Unusable::Malformed),
        ("rs", json!({ "n": huge }), Unusable::Invalid),
        ("rs", json!({ "e": "AQ" }), Unusable::Invalid),
        ("rs", json!({ "e": "" }), Unusable::Invalid),
        ("rs", json!({ "e": "Aw" }), Unusable::Invalid),
    ];
    for (name, patch, why) in rows {
        let bad = merged(mint::jwk(name), &patch);
        assert_eq!(
            parse(&json!({ "keys": [bad] }), ALL),
            Err(KeyFault::NoUsableKey(Some(why))),
            "{name} {patch}"
        );
        let beside = json!({ "keys": [mint::jwk("es384"), bad] });
        assert_eq!(parse(&beside, ALL), Ok((1, vec![Skipped { index: 1, why }])), "{name} {patch}");
    }
}

#[test]
fn refuses_what_is_no_key_set() {
    let many = json!({ "keys": vec![mint::jwk("es"); MAX_KEYS + 1] });
    assert_eq!(parse(&many, ALL), Err(KeyFault::TooManyKeys));
    let large = json!({ "keys": [mint::jwk("es")], "pad": "x".repeat(MAX_BYTES) });
    assert_eq!(parse(&large, ALL), Err(KeyFault::TooLarge));
    assert_eq!(parse(&json!({ "keys": [] }), ALL), Err(KeyFault::NoUsableKey(None)));
    assert_eq!(parse(&json!({ "keys": ["es"] }), ALL), Err(KeyFault::NoUsableKey(Some(Unusable::Malformed))));
    let es = mint::jwk("es");
    for text in [
        String::new(),
        "[]".into(),
        "{}".into(),
        r#"{"keys":{}}"#.into(),
        es.to_string(),
        format!(r#"{{"keys":[],"keys":[{es}]}}"#),
        format!(r#"{{"keys":[{es}]}} x"#),
        format!(r#"{{"keys":[{}]}}"#, es.to_string().replace('{', r#"{"kid":"a","#)),
        "<html>".into(),
    ] {
        let outcome = KeySet::parse(text.as_bytes(), ALL).map(|(set, _)| set.len());
        assert_eq!(outcome, Err(KeyFault::NotAKeySet), "{text}");
    }
}
