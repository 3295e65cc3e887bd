//! The thumbprint of a key (RFC 7638).

use hmac_sha256::Hash;
use serde_json::Map;
use serde_json::Value;

/// SHA-256 of the members that make the key, in order and without white space; `None` for what is no public key of a
/// kind that is known here.
pub(crate) fn thumbprint(jwk: &Map<String, Value>) -> Option<[u8; 32]> {
    // Each kind's members in the order of their names (RFC 7638, section 3.2; RFC 8037, section 2).
    let names: &[&str] = match jwk.get("kty")?.as_str()? {
        "EC" => &["crv", "kty", "x", "y"],
        "OKP" => &["crv", "kty", "x"],
        "RSA" => &["e", "kty", "n"],
        _ => return None,
    };
    let mut text = String::with_capacity(160);
    for name in names {
        let value = jwk.get(*name)?.as_str()?;
        // Nothing that JSON would have to escape.
        if !value.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')) {
            return None;
        }
        text.push(if text.is_empty() { '{' } else { ',' });
        for part in ["\"", name, "\":\"", value, "\""] {
            text.push_str(part);
        }
    }
    text.push('}');
    Some(Hash::hash(text.as_bytes()))
}
