mod faults;
mod merging;
mod modes;
mod remarks;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::document::Node;
use crate::document::patched;
use crate::fault::Problems;
use crate::model::secrets::Secrets;
use crate::model::time::Nanos;

/// 2027-01-15T08:00:00Z.
const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

/// What came of a document.
struct Compiled {
    policy: Option<Policy>,
    faults: Vec<String>,
    remarks: Vec<String>,
}

impl Compiled {
    /// The route called `name` of a policy that is fine.
    fn route(&self, name: &str) -> &Route {
        assert_eq!(self.faults, [""; 0]);
        self.policy.as_ref().unwrap().routes.iter().find(|route| route.name.as_str() == name).unwrap()
    }
}

/// Compiles a document whose secrets are there and long enough, but for the variable `SHORT`, and `GONE`.
fn compile(document: &Value) -> Compiled {
    let problems = Problems::default();
    let env = |name: &str| match name {
        "GONE" => None,
        "SHORT" => Some("short".into()),
        _ => Some("x".repeat(32)),
    };
    let circumstances = Circumstances { now: NOW, secrets: Secrets::needed(&env) };
    let node = Node::from_json(document.to_string().as_bytes(), &problems);
    let policy = node.and_then(|node| Policy::compile(&node, &mut Kept::default(), circumstances, &problems));
    let (faults, remarks) = problems.into_parts();
    Compiled {
        policy,
        faults: faults.iter().map(ToString::to_string).collect(),
        remarks: remarks.iter().map(ToString::to_string).collect(),
    }
}

/// A policy that is fine: a token, two limits, a route without a token, a group of one route with one.
fn fine() -> Value {
    json!({
        "version": 1, "name": "shop", "client": { "ip": "connection" },
        "tokens": { "user": {
            "issuer": "https://id.example", "audience": ["shop"], "algorithms": ["ES256"], "max_lifetime": "15m",
            "keys": { "jwks": { "url": "https://id.example/k", "cluster": "idp" } }, "require": ["sub"], "keep": false,
        } },
        "limits": { "per-ip": { "key": ["ip"], "rate": "5/1m" }, "per-user": { "key": ["user.sub"], "rate": "5/1m" } },
        "routes": [
            { "name": "health", "match": { "method": "GET", "path": "/health" }, "tokens": "none", "limits": ["per-ip"] },
            { "group": "orders", "path": "/orders", "tokens": ["user"], "limits": ["per-user"], "routes": [
                { "name": "orders.list", "match": { "method": "GET", "path": "" }, "access": "authenticated" },
            ] },
        ],
    })
}

/// [`fine`] with a merge patch laid over.
fn with(patch: &Value) -> Value {
    let node = |value: &Value| Node::from_json(value.to_string().as_bytes(), &Problems::default()).unwrap();
    patched(&node(&fine()), &node(patch)).to_json()
}

/// [`fine`] with these routes instead.
fn with_routes(routes: Value) -> Value {
    with(&json!({ "routes": routes }))
}

#[test]
fn the_policy_that_others_are_made_of_is_fine() {
    let compiled = compile(&fine());
    assert_eq!((&*compiled.faults, &*compiled.remarks), (&[][..], &[][..]));
    let policy = compiled.policy.unwrap();
    assert_eq!(policy.routes.len(), 2);
    assert!(policy.needs_ip && policy.holds_heads);
    assert_eq!(format!("{policy:?}"), format!("Policy(shop {})", policy.digest));
}
