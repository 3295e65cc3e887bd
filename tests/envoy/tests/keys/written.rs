//! Keys that nobody fetches.

use super::*;

#[test]
fn keys_that_stand_in_the_policy_or_the_environment_serve_their_own_algorithms() -> Result {
    const SECRET: &str = "a secret that everybody may know, of 48 bytes...";
    let shop_keys = portcullis_shop::keys::Keys::generate()?;
    let edwards = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let jwk =
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64(edwards.public_key().as_ref()) });
    let [es, rs] = shop_keys.jwks();
    let inline = format!("{{ inline: {} }}", json!({ "keys": [es, rs, jwk] }));
    let mint = || Mint::new(&shop_keys);
    let public = user_tokens(&inline).replace("[ES256, RS256]", "[ES256, RS256, EdDSA]");
    let secret = |variable: &str| {
        let whole =
            user_tokens(&format!("{{ secret_env: {variable} }}")).replace("[ES256, RS256]", "[HS256]");
        whole
            .replace("tokens:\n", "")
            .replace("  user:", "  device:")
            .replace("user.sub", "device.sub")
            .replace("x-user-id", "x-device-id")
    };
    let routes = "routes:
  - { name: user, match: { method: GET, path: /user }, tokens: [user], access: authenticated }
  - { name: device, match: { method: GET, path: /device }, tokens: [device], access: authenticated }";
    let text = |variable| enforcing("keys", &format!("{public}{}\n{routes}", secret(variable)));

    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address())
        .env("SHOP_SECRET", SECRET)
        .env("SHORT_SECRET", "too short to be one")
        .policy(text("SHOP_SECRET"))
        .start()?;
    let hmac = |secret: &str| mint().secret(secret).sign(Alg::Hs256);
    let rows = [
        ("ES256", mint().sign(Alg::Es256), [200, 401]),
        ("RS256", mint().sign(Alg::Rs256), [200, 401]),
        ("EdDSA", eddsa(&edwards), [200, 401]),
        ("HS256", hmac(SECRET), [401, 200]),
        (
            "HS256 with another secret",
            hmac("another secret, just as long as the one that counts"),
            [401, 401],
        ),
        ("HS256 with the public RSA key", hmac(shop_keys.rs256.public_pem()), [401, 401]),
        ("HS256 with the public EC key", hmac(shop_keys.es256.public_pem()), [401, 401]),
        (
            "a good token, cut",
            mint().sign(Alg::Es256).trim_end_matches(char::is_alphanumeric).to_owned(),
            [401, 401],
        ),
    ];
    for protocol in Protocol::BOTH {
        for (row, token, expected) in &rows {
            for (path, status) in ["/user", "/device"].into_iter().zip(expected) {
                let answer = gate.cleartext(protocol).send(&Request::get(path).bearer(token))?;
                assert_eq!(answer.status, *status, "{protocol:?} {row} {path}: {answer:?}");
            }
        }
    }
    for (variable, why) in [("NO_SECRET", "the variable is not set"), ("SHORT_SECRET", "under 32 bytes")] {
        assert_eq!(gate.push(&text(variable))?, Verdict::Refused, "{variable}");
        let told = |log: &String| log.contains("tokens.device.keys.secret_env") && log.contains(why);
        until(why, || Ok(Some(gate.log()?).filter(told)))?;
    }
    let log = gate.log()?;
    assert!(!log.contains(SECRET) && !log.contains("too short to be one"), "a secret in the log");
    assert_eq!(gate.cleartext(Protocol::H1).send(&Request::get("/user").bearer(&rows[0].1))?.status, 200);
    Ok(())
}

/// A good access token of the shop's, but for how it is signed.
fn eddsa(key: &Ed25519KeyPair) -> String {
    let shop_keys = portcullis_shop::keys::Keys::generate().unwrap();
    let like = Mint::new(&shop_keys).sign(Alg::Es256);
    let claims = like.split('.').nth(1).unwrap();
    let header: Value = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed" });
    let input = format!("{}.{claims}", base64(header.to_string()));
    format!("{input}.{}", base64(key.sign(input.as_bytes())))
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
