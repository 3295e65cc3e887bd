use super::*;
use proptest::prelude::*;

fn worker() -> Worker {
    Worker::of_user(&definition(&mint::jwks(&["es", "rs", "ed"])))
}

/// Every token that differs from a good one in one bit, `step` bits apart.
fn no_flipped_bit_passes(token: &str, step: usize) {
    let mut worker = worker();
    assert!(worker.bearer(token, at(0)).is_ok());
    for bit in (0..token.len() * 8).step_by(step) {
        let mut value = format!("Bearer {token}").into_bytes();
        value[7 + bit / 8] ^= 1 << (bit % 8);
        let outcome = worker.check(&[("authorization", &value)], at(0));
        assert!(outcome.is_err(), "bit {bit}");
    }
}

#[test]
fn no_one_bit_change_of_a_good_token_passes() {
    no_flipped_bit_passes(&mint::es256_token(json!({})), 1);
    let header = json!({ "alg": "EdDSA", "kid": "ed", "typ": "at+jwt" }).to_string();
    no_flipped_bit_passes(&mint::token(header, mint::claims().to_string(), "eddsa"), 1);
    let header = json!({ "alg": "RS256", "kid": "rs", "typ": "at+jwt" }).to_string();
    no_flipped_bit_passes(&mint::token(header, mint::claims().to_string(), "rs256"), 7);
}

#[test]
fn no_beginning_and_no_end_of_a_good_token_passes() {
    let token = mint::es256_token(json!({}));
    let mut worker = worker();
    for at_byte in 0..token.len() {
        assert!(worker.bearer(&token[..at_byte], at(0)).is_err(), "up to {at_byte}");
        assert!(at_byte == 0 || worker.bearer(&token[at_byte..], at(0)).is_err(), "from {at_byte}");
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        prop::sample::select(vec!["none", "ES256", "HS256", "at+jwt", "es", "shop"]).prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,4}", inner, 0..4)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn members(names: &'static [&'static str]) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(prop::sample::select(names), json_value(), 0..5).prop_map(|map| {
        Value::Object(map.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_bytes_never_pass(value in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(worker().check(&[("authorization", &value)], at(0)).is_err());
        let bearer = [b"Bearer ".as_slice(), &value].concat();
        prop_assert!(worker().check(&[("authorization", &bearer)], at(0)).is_err());
    }

    #[test]
    fn arbitrary_parts_never_pass(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..7)) {
        let token = parts.iter().map(mint::base64).collect::<Vec<_>>().join(".");
        prop_assert!(worker().bearer(&token, at(0)).is_err());
    }

    /// A header and claims of any shape, without the key: nothing passes, and a refusal is always one of ours.
    #[test]
    fn unsigned_json_never_passes(
        header in members(&["alg", "kid", "typ", "crit", "b64", "jwk", "x5c", "zip"]),
        claims in members(&["iss", "aud", "sub", "exp", "iat", "nbf", "cnf", "jti", "tenant"]),
    ) {
        let header = merged(mint::header(), &header).to_string();
        let token = mint::token(header, merged(mint::claims(), &claims).to_string(), "es256-other");
        prop_assert!(worker().bearer(&token, at(0)).is_err());
    }

    /// Claims of any shape that the issuer did sign: whatever passes has what the definition asks for.
    #[test]
    fn signed_claims_pass_only_where_they_are_what_the_definition_says(
        claims in members(&["iss", "aud", "sub", "exp", "iat", "nbf", "jti", "tenant", "x"]),
        now in -2000_i64..2000,
    ) {
        let claims = merged(mint::claims(), &claims);
        let token = mint::es256_token(claims.clone());
        if let Ok(subjects) = worker().bearer(&token, at(now)) {
            let subject = subjects.first().unwrap();
            let seconds = NOW.checked_add_signed(now).unwrap() as f64;
            let date = |name: &str| subject.claims().number(name);
            prop_assert_eq!(subject.issuer(), "https://id.shop.example");
            prop_assert_eq!(subject.claims().text("tenant"), Some("shop"));
            prop_assert!(subject.sub().is_some_and(|sub| !sub.is_empty()));
            prop_assert!(date("exp").unwrap() + 30.0 > seconds);
            prop_assert!(date("exp").unwrap() - date("iat").unwrap() <= 900.0);
            prop_assert!(date("nbf").unwrap_or(0.0) <= seconds + 30.0);
        }
    }

    #[test]
    fn arbitrary_key_sets_never_panic(text in prop::collection::vec(any::<u8>(), 0..100), set in members(&["keys", "kty", "n"])) {
        let algorithms = [Algorithm::Es256, Algorithm::Rs256];
        prop_assert!(KeySet::parse(&text, &algorithms).is_err());
        prop_assert!(KeySet::parse(set.to_string().as_bytes(), &algorithms).is_err());
    }

    #[test]
    fn keys_of_any_members_never_panic(
        name in prop::sample::select(vec!["es", "es384", "ed", "rs", "oct"]),
        patch in members(&["kty", "crv", "x", "y", "n", "e", "k", "use", "alg", "key_ops", "kid"]),
    ) {
        let set = json!({ "keys": [merged(mint::jwk(name), &patch)] });
        let algorithms = [Algorithm::Es256, Algorithm::Es384, Algorithm::EdDsa, Algorithm::Rs256];
        drop(KeySet::parse(set.to_string().as_bytes(), &algorithms));
    }
}
