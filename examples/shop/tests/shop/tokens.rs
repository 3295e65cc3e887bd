//! Minted tokens: good ones are good, bad ones are bad for the reason they name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jwt_simple::prelude::*;
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::Alg;
use portcullis_shop::mint::Mint;
use serde_json::Value;

/// What a gate does: bounds, header, key by kid and algorithm, signature, claims.
fn admits(keys: &Keys, token: &str) -> bool {
    let header = || {
        let bytes = URL_SAFE_NO_PAD.decode(token.split('.').next()?).ok()?;
        serde_json::from_slice::<Value>(&bytes).ok()
    };
    let Some(header) = header() else { return false };
    if token.len() > 8192 || header.get("crit").is_some() || header["typ"] != "at+jwt" {
        return false;
    }
    let options = VerificationOptions {
        allowed_issuers: Some(["https://id.shop.example".into()].into()),
        allowed_audiences: Some(["shop-mobile-api".into()].into()),
        time_tolerance: Some(Duration::from_secs(30)),
        ..VerificationOptions::default()
    };
    let es256 = || ES256PublicKey::from_jwk(&keys.es256.jwk().to_string()).unwrap();
    let rs256 = || RS256PublicKey::from_jwk(&keys.rs256.jwk().to_string()).unwrap();
    let claims = match (header["alg"].as_str(), header["kid"].as_str()) {
        (Some("ES256"), Some(kid)) if kid == keys.es256.kid() => {
            es256().verify_token::<NoCustomClaims>(token, Some(options))
        }
        (Some("RS256"), Some(kid)) if kid == keys.rs256.kid() => {
            rs256().verify_token::<NoCustomClaims>(token, Some(options))
        }
        _ => return false,
    };
    let Ok(claims) = claims else { return false };
    let (Some(iat), Some(exp)) = (claims.issued_at, claims.expires_at) else { return false };
    claims.subject.is_some() && claims.jwt_id.is_some() && exp.as_secs().saturating_sub(iat.as_secs()) <= 900
}

#[test]
fn a_token_is_good_unless_told_otherwise() {
    let keys = Keys::generate().unwrap();
    assert!(admits(&keys, &Mint::new(&keys).sign(Alg::Es256)));
    assert!(admits(&keys, &Mint::new(&keys).sign(Alg::Rs256)));
    assert!(admits(&keys, &Mint::new(&keys).claim("sub", "77").lifetime(900).sign(Alg::Es256)));
    assert!(!admits(&keys, &Mint::new(&keys).lifetime(901).sign(Alg::Es256)));
}

#[test]
fn a_changed_token_says_what_it_was_told_to_say() {
    let keys = Keys::generate().unwrap();
    let token = Mint::new(&keys)
        .issued_at(1_000)
        .without("jti")
        .header("kid", "k")
        .without_header("typ")
        .sign(Alg::None);
    let part = |n| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(n).unwrap()).unwrap()).unwrap()
    };
    assert_eq!(part(0), serde_json::json!({ "alg": "none", "kid": "k" }));
    assert_eq!((&part(1)["iat"], &part(1)["exp"]), (&1_000.into(), &1_600.into()));
    assert!(part(1).get("jti").is_none() && token.ends_with('.'));
}

#[test]
fn sets_of_keys_that_follow_each_other_share_none() {
    let first = Keys::generate().unwrap();
    let second = first.next().unwrap();
    let third = second.next().unwrap();
    assert_ne!(first.es256.kid(), second.es256.kid());
    assert_ne!(first.rs256.kid(), second.rs256.kid());
    assert_ne!(first.es256.kid(), third.es256.kid());
    assert_eq!(first.rs256.kid(), third.rs256.kid());
}
