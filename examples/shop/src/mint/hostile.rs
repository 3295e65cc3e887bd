//! Tokens that no gate may let pass, each with a name.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use serde_json::json;

use super::Alg;
use super::Mint;
use crate::Error;
use crate::clock;
use crate::keys::Keys;
use crate::keys::base64url;

const YEAR: u64 = 365 * 86_400;

/// Hostile tokens for a gate that trusts `keys`, demands [`super::ISSUER`], [`super::AUDIENCE`], `typ` at+jwt, `sub` and `jti`,
/// allows ES256 and RS256 with at most 15 minutes of life, and takes at most 8 KiB.
///
/// A row is bad for the reason that its name tells; what else it says is as in a good token, wherever that can be.
pub fn hostile(keys: &Keys) -> Result<Vec<(&'static str, String)>, Error> {
    let mut rows = algorithms(keys);
    rows.extend(headers(keys, &keys.next()?));
    rows.extend(claims(keys));
    rows.extend(forms(keys));
    Ok(rows)
}

/// RFC 8725, 2.1 and 3.1: the algorithm is the verifier's choice, and a key serves for one only.
fn algorithms(keys: &Keys) -> Vec<(&'static str, String)> {
    let mint = || Mint::new(keys);
    let (es, rs) = (&keys.es256, &keys.rs256);
    let confused = |secret: &[u8], kid: &str| mint().secret(secret).header("kid", kid).sign(Alg::Hs256);
    vec![
        ("alg none", mint().sign(Alg::None)),
        ("alg none with a known kid", mint().header("kid", es.kid()).sign(Alg::None)),
        ("alg nOnE", mint().header("alg", "nOnE").sign(Alg::None)),
        ("alg none with a signature", mint().header("alg", "none").sign(Alg::Es256)),
        ("alg in lower case", mint().header("alg", "es256").sign(Alg::Es256)),
        ("no alg", mint().without_header("alg").sign(Alg::Es256)),
        ("HS256 with the EC key's PEM", confused(es.public_pem().as_bytes(), es.kid())),
        ("HS256 with the EC key's PEM, trimmed", confused(es.public_pem().trim().as_bytes(), es.kid())),
        ("HS256 with the EC key's DER", confused(es.public_der(), es.kid())),
        ("HS256 with the RSA key's PEM", confused(rs.public_pem().as_bytes(), rs.kid())),
        ("HS256 with the RSA key's PEM, trimmed", confused(rs.public_pem().trim().as_bytes(), rs.kid())),
        ("HS256 with the RSA key's DER", confused(rs.public_der(), rs.kid())),
        ("HS256 with an empty secret", mint().sign(Alg::Hs256)),
        ("ES256 with the RSA key's kid", mint().header("kid", rs.kid()).sign(Alg::Es256)),
        ("RS256 with the EC key's kid", mint().header("kid", es.kid()).sign(Alg::Rs256)),
        ("RS256 called PS256", mint().header("alg", "PS256").sign(Alg::Rs256)),
    ]
}

/// Header parameters that bring a key, name another one, or demand what nobody understood.
fn headers(keys: &Keys, stranger: &Keys) -> Vec<(&'static str, String)> {
    let mint = || Mint::new(keys);
    let forged = || Mint::new(stranger);
    let known = keys.es256.kid();
    vec![
        ("a stranger's key", forged().sign(Alg::Es256)),
        ("a stranger's key under a known kid", forged().header("kid", known).sign(Alg::Es256)),
        ("a stranger's key without kid", forged().without_header("kid").sign(Alg::Es256)),
        ("a stranger's RSA key under a known kid", forged().header("kid", keys.rs256.kid()).sign(Alg::Rs256)),
        ("a key in the header", forged().header("jwk", stranger.es256.jwk().clone()).sign(Alg::Es256)),
        (
            "a key set's address in the header",
            forged().header("jku", "https://evil.example/jwks").sign(Alg::Es256),
        ),
        ("an unknown kid", mint().header("kid", "nobody").sign(Alg::Es256)),
        ("a kid that is a path", mint().header("kid", "../../dev/null").sign(Alg::Es256)),
        ("a kid that is a number", mint().header("kid", 7).sign(Alg::Es256)),
        ("crit with an unknown name", mint().header("crit", json!(["exp"])).sign(Alg::Es256)),
        ("crit that is empty", mint().header("crit", json!([])).sign(Alg::Es256)),
        ("b64 false", mint().header("crit", json!(["b64"])).header("b64", false).sign(Alg::Es256)),
        ("another typ", mint().header("typ", "dpop+jwt").sign(Alg::Es256)),
        ("no typ", mint().without_header("typ").sign(Alg::Es256)),
    ]
}

/// Well signed, but not for this gate, not now, or not sayable.
fn claims(keys: &Keys) -> Vec<(&'static str, String)> {
    let mint = || Mint::new(keys);
    let es = |mint: Mint<'_>| mint.sign(Alg::Es256);
    let now = clock::unix_now();
    let past = now.saturating_sub(86_400);
    let twice = format!(
        r#"{{"iss":"{}","aud":"{}","sub":"42","sub":"77","jti":"j","iat":{now},"exp":{}}}"#,
        super::ISSUER,
        super::AUDIENCE,
        now.saturating_add(super::LIFETIME)
    );
    vec![
        ("expired", es(mint().issued_at(past))),
        ("issued tomorrow", es(mint().issued_at(now.saturating_add(86_400)))),
        ("not yet valid", es(mint().claim("nbf", now.saturating_add(86_400)))),
        ("no exp", es(mint().without("exp"))),
        ("exp is text", es(mint().claim("exp", now.saturating_add(300).to_string()))),
        ("exp is null", es(mint().claim("exp", Value::Null))),
        ("exp beyond any clock", es(mint().claim("exp", 1e300))),
        ("exp below zero", es(mint().claim("exp", -1))),
        ("no iat", es(mint().without("iat"))),
        ("a year of life", es(mint().lifetime(YEAR))),
        ("no jti", es(mint().without("jti"))),
        ("no sub", es(mint().without("sub"))),
        ("no iss", es(mint().without("iss"))),
        ("no aud", es(mint().without("aud"))),
        ("another issuer", es(mint().claim("iss", "https://id.evil.example"))),
        ("the issuer with a slash", es(mint().claim("iss", format!("{}/", super::ISSUER)))),
        ("another audience", es(mint().claim("aud", "shop-web"))),
        ("an empty audience list", es(mint().claim("aud", json!([])))),
        ("an audience that begins alike", es(mint().claim("aud", format!("{}-admin", super::AUDIENCE)))),
        ("sub twice", es(mint().payload(twice))),
        ("claims that are a list", es(mint().payload("[]"))),
        ("claims that are not JSON", es(mint().payload("sub=42"))),
        ("claims that are not UTF-8", es(mint().payload(b"{\"sub\":\"\xff\"}"))),
    ]
}

/// Not three parts of clean base64url, or not what was signed.
fn forms(keys: &Keys) -> Vec<(&'static str, String)> {
    let good = Mint::new(keys).sign(Alg::Es256);
    let (message, signature) = good.rsplit_once('.').unwrap_or_default();
    let (header, _) = message.split_once('.').unwrap_or_default();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap_or_default();
    let other = Mint::new(keys).claim("sub", "77").sign(Alg::Es256);
    let other_claims = other.split('.').nth(1).unwrap_or_default();
    let shorter = raw.split_last().map(|(_, rest)| base64url(rest)).unwrap_or_default();
    vec![
        ("claims of another token", format!("{header}.{other_claims}.{signature}")),
        ("no signature", format!("{message}.")),
        ("a signature cut short", format!("{message}.{shorter}")),
        ("a signature of zeros", format!("{message}.{}", base64url(&[0; 64]))),
        ("a signature with padding", format!("{message}.{signature}==")),
        ("one part", header.into()),
        ("two parts", message.into()),
        ("four parts", format!("{good}.{signature}")),
        ("five parts", format!("{header}.a.b.c.{signature}")),
        ("only dots", "..".into()),
        ("not base64url", format!("{header}.*.{signature}")),
        ("10 KiB", Mint::new(keys).claim("pad", "x".repeat(10_240)).sign(Alg::Es256)),
    ]
}
