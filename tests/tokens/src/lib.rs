//! Tokens for tests, honest and not, and the tables of them in `tests/cases/tokens`: natively and through Envoy it is the
//! same row that is made, sent and judged.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "it serves tests only: a table that is wrong says where"
)]

pub mod mint;
pub mod table;

use serde_json::Value;
use serde_json::json;

/// RFC 7396: lays `patch` over `target`.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let Some(target) = target.as_object_mut() else { return };
    for (name, value) in patch {
        match value {
            Value::Null => drop(target.remove(name)),
            _ => merge(target.entry(name).or_insert(Value::Null), value),
        }
    }
}

/// `target` with `patch` laid over it.
pub fn merged(mut target: Value, patch: &Value) -> Value {
    merge(&mut target, patch);
    target
}

/// A definition as the policy page has it, with this key set.
pub fn definition(jwks: &Value) -> Value {
    json!({
        "issuer": "https://id.shop.example",
        "audience": ["shop-mobile-api"],
        "algorithms": ["ES256", "RS256", "EdDSA"],
        "keys": { "inline": jwks },
        "max_lifetime": "15m",
        "require": ["sub", "jti"],
        "claims": [{ "claim": "tenant", "is": "shop" }],
        "keep": false,
    })
}
