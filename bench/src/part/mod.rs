//! What is measured: each part starts its own Envoys and answers its page of the results.

pub(crate) mod bodies;
pub(crate) mod contention;
pub(crate) mod limits;
pub(crate) mod memory;
pub(crate) mod policies;
pub(crate) mod tokens;

use serde_json::{Value, json};

/// The head of a policy that enforces what it says and leaves `transport` and addresses to others, as the native filters
/// that it is measured beside do.
pub(crate) fn policy(rest: Value) -> Value {
    let mut policy = json!({
        "version": 1,
        "name": "bench",
        "mode": "enforce",
        "modes": { "transport": "disabled" },
        "routing": { "hosts": "any", "other_hosts": "refuse", "unmatched": 404, "preflight": "refuse" },
        "transport": { "cleartext": "allow", "min_tls": "1.2" },
    });
    if let (Some(policy), Value::Object(rest)) = (policy.as_object_mut(), rest) {
        policy.extend(rest);
    }
    policy
}
