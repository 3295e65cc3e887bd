//! Logins, keys and the revocation feed.

use std::time::Duration;
use std::time::Instant;

use jwt_simple::prelude::*;
use portcullis_shop::Certificates;
use portcullis_shop::Config;
use portcullis_shop::Shop;
use portcullis_shop::data::ALICE;
use portcullis_shop::idp::Feed;
use portcullis_shop::idp::Login;
use portcullis_shop::idp::Revoke;
use portcullis_shop::idp::Trouble;
use serde_json::Value;
use serde_json::json;

use crate::client::handshake;
use crate::client::send;
use crate::client::tls;
use crate::client::tls_send;

const ALICE_LOGIN: &str = r#"{"email":"alice@shop.example","password":"alice-likes-tea"}"#;

fn shop() -> Shop {
    Shop::start(Config::default()).unwrap()
}

/// The claims of a token, checked with the key that the shop publishes for it.
fn verified(shop: &Shop, token: &str) -> Value {
    let metadata = Token::decode_metadata(token).unwrap();
    assert_eq!(metadata.signature_type(), Some("at+jwt"));
    let published = tls(shop, "GET", "/jwks.json", "").json();
    let mut keys = published["keys"].as_array().unwrap().iter();
    let jwk = keys.find(|key| key["kid"].as_str() == metadata.key_id()).expect("the key is published");
    assert_eq!((&jwk["alg"], &jwk["use"]), (&json!(metadata.algorithm()), &json!("sig")));
    let options = VerificationOptions {
        allowed_issuers: Some(["https://id.shop.example".into()].into()),
        allowed_audiences: Some(["shop-mobile-api".into()].into()),
        ..VerificationOptions::default()
    };
    let claims: JWTClaims<Value> = match metadata.algorithm() {
        "ES256" => {
            ES256PublicKey::from_jwk(&jwk.to_string()).unwrap().verify_token(token, Some(options)).unwrap()
        }
        "RS256" => {
            RS256PublicKey::from_jwk(&jwk.to_string()).unwrap().verify_token(token, Some(options)).unwrap()
        }
        other => panic!("an unexpected algorithm {other}"),
    };
    let mut all = claims.custom.clone();
    all["sub"] = json!(claims.subject);
    all["lifetime"] = json!(
        claims.expires_at.zip(claims.issued_at).map(|(exp, iat)| exp.as_secs().checked_sub(iat.as_secs()))
    );
    assert!(claims.jwt_id.is_some());
    all
}

#[test]
fn a_login_gives_a_token_that_the_published_key_verifies() {
    let shop = shop();
    for (alg, target, body) in [
        ("ES256", "/login", ALICE_LOGIN.to_owned()),
        ("RS256", "/login?alg=RS256", ALICE_LOGIN.to_owned()),
        ("RS256", "/login", ALICE_LOGIN.replace('}', r#","alg":"RS256"}"#)),
    ] {
        let answer = tls_send(&shop, target, &body);
        assert_eq!(
            (answer.status, answer.header("cache-control")),
            (200, Some("no-store")),
            "{alg} {target}"
        );
        let token = answer.json()["access_token"].as_str().unwrap().to_owned();
        assert_eq!(Token::decode_metadata(&token).unwrap().algorithm(), alg);
        let claims = verified(&shop, &token);
        assert_eq!((&claims["sub"], &claims["lifetime"]), (&json!(ALICE), &json!(600)));
        assert_eq!((&claims["tenant"], &claims["plan"]), (&json!("shop"), &json!("gold")));
        assert_eq!((&claims["acr"], &claims["roles"]), (&json!("urn:shop:pwd"), &json!(["customer"])));
        assert!(claims["sid"].is_string() && claims["auth_time"].is_u64() && claims["scope"].is_string());
    }
}

#[test]
fn the_api_passes_logins_on_and_copies_version_and_factor_into_the_token() {
    let shop = shop();
    let body = ALICE_LOGIN.replace('}', r#","otp":"004217","app_version":"5.2.0"}"#);
    let tokens = send(shop.api, "POST", "/v1/login", &body).json();
    let claims = verified(&shop, tokens["access_token"].as_str().unwrap());
    assert_eq!((&claims["acr"], &claims["app_version"]), (&json!("urn:shop:mfa"), &json!("5.2.0")));
}

#[test]
fn a_wrong_password_an_unknown_address_and_a_wrong_code_answer_alike() {
    let shop = shop();
    let answers = [
        ALICE_LOGIN.replace("tea", "beer"),
        ALICE_LOGIN.replace("alice@", "nobody@"),
        ALICE_LOGIN.replace('}', r#","otp":"000000"}"#),
    ]
    .map(|body| tls_send(&shop, "/login", &body));
    for answer in &answers {
        assert_eq!((answer.status, answer.json()), (401, json!({ "error": "invalid_grant" })));
    }
    assert_eq!(tls_send(&shop, "/login", "{").status, 400);
}

#[test]
fn a_refresh_token_serves_once_and_keeps_the_session() {
    let shop = shop();
    let first = tls_send(&shop, "/login", ALICE_LOGIN).json();
    let refresh = json!({ "refresh_token": first["refresh_token"] }).to_string();
    let second = send(shop.api, "POST", "/v1/refresh", &refresh).json();
    let session = |tokens: &Value| verified(&shop, tokens["access_token"].as_str().unwrap())["sid"].clone();
    assert_eq!(session(&first), session(&second));
    assert_eq!(tls_send(&shop, "/refresh", &refresh).status, 401);
}

#[test]
fn a_logout_reaches_the_feed_and_ends_the_session() {
    let shop = shop();
    let tokens = tls_send(&shop, "/login", ALICE_LOGIN).json();
    let sid = verified(&shop, tokens["access_token"].as_str().unwrap())["sid"].clone();
    let refresh = json!({ "refresh_token": tokens["refresh_token"] }).to_string();
    assert_eq!(send(shop.api, "POST", "/v1/logout", &refresh).status, 204);
    assert_eq!(send(shop.api, "POST", "/v1/refresh", &refresh).status, 401);
    assert_eq!(tls(&shop, "GET", "/revoked", "").json()["sid"], json!([sid]));
    assert_eq!(tls_send(&shop, "/logout", r#"{"refresh_token":"nobody's"}"#).status, 204);
}

#[test]
fn a_logout_everywhere_revokes_the_subject_and_all_its_sessions() {
    let shop = shop();
    let [phone, tablet] = [0; 2].map(|_| tls_send(&shop, "/login", ALICE_LOGIN).json());
    let everywhere = json!({ "refresh_token": phone["refresh_token"], "everywhere": true }).to_string();
    assert_eq!(tls_send(&shop, "/logout", &everywhere).status, 204);
    let other = json!({ "refresh_token": tablet["refresh_token"] }).to_string();
    assert_eq!(tls_send(&shop, "/refresh", &other).status, 401);
    let feed = tls(&shop, "GET", "/revoked", "").json();
    assert_eq!((&feed["iss"], &feed["sub"][0]["sub"]), (&json!("https://id.shop.example"), &json!(ALICE)));
    assert!(feed["sub"][0]["issued_before"].as_u64() > Some(1_700_000_000));
}

#[test]
fn the_control_port_revokes_token_ids_and_subjects() {
    let shop = shop();
    assert_eq!(send(shop.control, "POST", "/control/revoke", r#"{"jti":"j1"}"#).status, 204);
    shop.provider().revoke(Revoke::Sub("77".into()));
    let feed = tls(&shop, "GET", "/revoked", "").json();
    assert_eq!((&feed["jti"], &feed["sub"][0]["sub"]), (&json!(["j1"]), &json!("77")));
}

#[test]
fn a_rotation_keeps_or_drops_the_old_keys() {
    let shop = shop();
    let login = || {
        shop.provider().login(&Login {
            email: "bob@shop.example".into(),
            password: "bob-likes-coffee".into(),
            ..Login::default()
        })
    };
    let published = || tls(&shop, "GET", "/jwks.json", "").json()["keys"].as_array().unwrap().len();
    let before = login().unwrap().access_token;
    assert_eq!(send(shop.control, "POST", "/control/rotate?keep=true", "").status, 204);
    assert_eq!(published(), 4);
    verified(&shop, &before);
    let between = login().unwrap().access_token;
    verified(&shop, &between);

    shop.provider().rotate(false).unwrap();
    assert_eq!(published(), 2);
    let kid = |token: &str| Token::decode_metadata(token).unwrap().key_id().unwrap().to_owned();
    let jwks = tls(&shop, "GET", "/jwks.json", "").json().to_string();
    assert!(!jwks.contains(&kid(&before)) && !jwks.contains(&kid(&between)));
    verified(&shop, &login().unwrap().access_token);
}

#[test]
fn the_key_set_has_a_tag_and_counts_its_fetches() {
    let shop = shop();
    let first = tls(&shop, "GET", "/jwks.json", "");
    assert_eq!(first.header("cache-control"), Some("public, max-age=300"));
    let tag = first.header("etag").unwrap();
    let again = tls(&shop, "GET", "/jwks.json", &format!("if-none-match: {tag}\r\n"));
    assert_eq!((again.status, again.body.len()), (304, 0));
    assert_eq!(shop.provider().fetches(Feed::Jwks), 2);
    let counted = crate::client::get(shop.control, "/control/jwks").json();
    assert_eq!(counted, json!({ "fetches": 2, "trouble": { "kind": "none" } }));
}

#[test]
fn the_key_set_misbehaves_when_told_to() {
    let shop = shop();
    let fetch = |trouble: &str| {
        assert_eq!(send(shop.control, "PUT", "/control/jwks", trouble).status, 204, "{trouble}");
        tls(&shop, "GET", "/jwks.json", "")
    };
    assert_eq!(fetch(r#"{"kind":"down"}"#).status, 503);
    let html = fetch(r#"{"kind":"html"}"#);
    assert_eq!((html.status, html.header("content-type")), (200, Some("text/html")));
    let huge = fetch(r#"{"kind":"huge","mib":3}"#);
    assert!(huge.body.len() > 3 << 20 && huge.json()["keys"][0]["kid"].is_string());
    assert_eq!(fetch(r#"{"kind":"many","entries":500}"#).json()["keys"].as_array().unwrap().len(), 502);
    assert_eq!(fetch(r#"{"kind":"empty"}"#).json(), json!({ "keys": [] }));
    let begun = clock();
    assert_eq!(fetch(r#"{"kind":"slow","ms":300}"#).status, 200);
    assert!(clock().duration_since(begun) >= Duration::from_millis(300));
    assert_eq!(fetch(r#"{"kind":"none"}"#).json()["keys"].as_array().unwrap().len(), 2);
}

#[test]
fn the_revocation_feed_misbehaves_too() {
    let shop = shop();
    shop.provider().set_trouble(Feed::Revoked, Trouble::Many { entries: 7 });
    assert_eq!(tls(&shop, "GET", "/revoked", "").json()["jti"].as_array().unwrap().len(), 7);
    shop.provider().set_trouble(Feed::Revoked, Trouble::Down);
    assert_eq!(tls(&shop, "GET", "/revoked", "").status, 503);
    assert_eq!(tls(&shop, "GET", "/jwks.json", "").status, 200);
}

#[test]
fn a_client_that_pinned_the_authority_of_a_directory_trusts_the_shop_after_a_restart() {
    use std::io::Write;
    let dir = std::env::temp_dir().join(format!("shop-ca-{}", std::process::id()));
    let start =
        || Shop::start(Config { certificates: Certificates::In(dir.clone()), ..Config::default() }).unwrap();
    let first = start();
    let pinned = std::fs::read_to_string(dir.join("ca.pem")).unwrap();
    first.stop();
    let second = start();
    assert_eq!(pinned, second.ca.pem());
    assert_eq!(std::fs::read_to_string(dir.join("server.pem")).unwrap(), second.server.cert_pem);
    handshake(second.idp, &pinned, "id.shop.example").write_all(b"x").expect("a handshake");
    std::fs::remove_dir_all(&dir).unwrap();

    let stranger = shop();
    handshake(stranger.idp, &pinned, "id.shop.example").write_all(b"x").expect_err("another authority");
    handshake(stranger.idp, stranger.ca.pem(), "id.evil.example").write_all(b"x").expect_err("another name");
}

#[expect(clippy::disallowed_methods, reason = "the test measures how long an answer took")]
fn clock() -> Instant {
    Instant::now()
}
