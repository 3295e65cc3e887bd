//! The policy language as its page has it: what the whole example still lacks, what each later part is refused with, and
//! what becomes of values that a YAML reader other than ours made something else of.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::path::Path;
use std::rc::Rc;

use portcullis::cli;
use portcullis::document::Node;
use portcullis::document::patched;
use portcullis::fault::Problems;
use portcullis::model::secrets::Secrets;
use portcullis::model::time::Nanos;
use portcullis::policy::Circumstances;
use portcullis::policy::Kept;
use portcullis::policy::Policy;
use serde_json::Value;
use serde_json::json;

/// The parts of the page's example that are refused as not supported yet. An issue that builds one takes it off.
const STILL_REFUSED: &[&str] = &["routes[users.update].modes.request"];

/// 2026-11-20T00:00:00Z: the example's override has not ended, and ends within 30 days.
const NOW: Nanos = Nanos(1_795_132_800_000_000_000);

/// Whether a document compiles, and what is wrong with it: where, and what.
fn compile(node: &Rc<Node>) -> (bool, Vec<(String, String)>) {
    let problems = Problems::default();
    let env = |_: &str| None;
    let circumstances = Circumstances { now: NOW, secrets: Secrets::if_there(&env) };
    let policy = Policy::compile(node, &mut Kept::default(), circumstances, &problems);
    let faults = problems.into_parts().0;
    (policy.is_some(), faults.iter().map(|it| (it.at.pointer(), it.fault.to_string())).collect())
}

fn page() -> Rc<Node> {
    let problems = Problems::default();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/page.yaml");
    let node = cli::read(&path, &problems);
    assert!(problems.none(), "{:?}", problems.into_parts().0);
    node.unwrap()
}

fn node(value: &Value) -> Rc<Node> {
    Node::from_json(value.to_string().as_bytes(), &Problems::default()).unwrap()
}

/// A small policy that is fine, with a part of it replaced (RFC 7396). Its one route is `route`.
fn small(patch: &Value) -> Rc<Node> {
    let policy = json!({
        "version": 1, "name": "small", "client": { "ip": "connection" },
        "tokens": { "user": {
            "issuer": "https://id.example", "audience": ["shop"], "algorithms": ["ES256"], "max_lifetime": "15m",
            "keys": { "jwks": { "url": "https://id.example/k", "cluster": "idp" } }, "require": ["sub"], "keep": false,
        } },
        "schemas": { "order": { "type": "object", "additionalProperties": false, "properties": {} } },
        "limits": { "one": { "key": ["ip"], "rate": "5/1m" } },
        "route": {
            "name": "orders", "match": { "method": "POST", "path": "/orders/{id}" }, "tokens": ["user"],
            "limits": ["one"], "access": { "owner": { "value": "path.id", "is": "user.sub" } },
            "request": { "schema": "order" }, "response": { "schema": "order" },
        },
    });
    let mut policy = patched(&node(&policy), &node(patch)).to_json();
    let fields = policy.as_object_mut().unwrap();
    let route = fields.remove("route").unwrap();
    fields.insert("routes".into(), json!([route]));
    node(&policy)
}

#[test]
fn the_pages_example_is_refused_for_nothing_but_what_is_listed() {
    assert!(STILL_REFUSED.is_sorted());
    let (compiled, faults) = compile(&page());
    let mut places: Vec<&str> = faults.iter().map(|(at, _)| at.as_str()).collect();
    places.sort_unstable();
    assert_eq!(places, STILL_REFUSED);
    assert_eq!(compiled, STILL_REFUSED.is_empty());
    for (at, fault) in &faults {
        assert!(fault.ends_with(" is not supported yet"), "{at}: {fault}");
    }
}

#[test]
fn without_what_is_listed_the_pages_example_is_fine() {
    let mut page = page().to_json();
    page["routes"][2]["modes"]["request"] = json!("shadow");
    assert_eq!(compile(&node(&page)), (true, Vec::new()));
}

#[test]
fn the_small_policy_is_fine() {
    assert_eq!(compile(&small(&json!({}))), (true, Vec::new()));
}

/// What a later issue builds is refused by its name, at its place, and by nothing else.
#[test]
fn what_is_built_later_is_refused_and_never_ignored() {
    let route = |field: &str, value: Value| json!({ "route": { field: value } });
    let owner = |field: &str, value: Value| route("access", json!({ "owner": { field: value } }));
    let when = json!([{ "when": { "percent": 5 }, "use": "enforce" }, { "use": "shadow" }]);
    let instead = json!([{ "route": "orders", "control": "*", "mode": "shadow", "until": "2026-12-01T00:00:00Z", "owner": "o", "reason": "r",
        "when": { "platform": "ios" } }]);
    for (at, what, patch) in [
        (
            "routes[orders].access.owner.lookup",
            "`lookup`",
            owner("lookup", json!({ "cluster": "owners", "path": "/o/{id}", "pointer": "/owner" })),
        ),
        ("modes.request", "a list of `when` rules", json!({ "modes": { "request": when } })),
        (
            "routes[orders].modes.limits.one",
            "a list of `when` rules",
            route("modes", json!({ "limits.one": when })),
        ),
        ("overrides[0].when", "`when`", json!({ "overrides": instead })),
        ("host_modes", "`host_modes`", json!({ "host_modes": "tighten" })),
    ] {
        let (compiled, faults) = compile(&small(&patch));
        assert!(!compiled, "{patch}");
        assert_eq!(faults, [(at.to_owned(), format!("{what} is not supported yet"))], "{patch}");
    }
}

/// Words that say what is so anyway are no such part.
#[test]
fn what_asks_for_nothing_later_is_accepted() {
    for patch in [
        json!({ "limits": { "one": { "scope": "process" } } }),
        json!({ "body_hold": "hold", "first_keys_wait": "1s", "limits_memory": "1MiB" }),
    ] {
        assert_eq!(compile(&small(&patch)), (true, Vec::new()), "{patch}");
    }
}

/// As JSON a policy reaches the filter through Envoy's own YAML too, which makes a boolean of `NO` and `off`, a string of
/// `0.5` and of 3000000000, and a number of `5.10`. What can be told is refused, with what to do about it.
#[test]
fn what_another_reader_made_of_a_value_is_read_right_or_refused_with_a_hint() {
    let bundle = "; write it without quotes, and hand the policy over as `portcullis bundle` prints it: \
                  some YAML readers make strings of numbers";
    let user = |field: &str, value: Value| json!({ "tokens": { "user": { field: value } } });
    let schema = |schema: Value| json!({ "schemas": { "order": schema } });
    let version = |value: Value| json!({ "client": { "platform": "header.p", "app_version": { "from": "header.v", "unknown": "allow", "minimum": { "ios": value } } } });
    for (row, patch, at, fault) in [
        (
            "bare off",
            json!({ "name": false }),
            "name",
            "found the boolean false, expected a string; quote it".to_owned(),
        ),
        (
            "bare y",
            json!({ "name": true }),
            "name",
            "found the boolean true, expected a string; quote it".into(),
        ),
        (
            "bare NO in a list",
            user("audience", json!(["shop", false])),
            "tokens.user.audience[1]",
            "found the boolean false, expected a string; quote it".into(),
        ),
        (
            "bare off for a mode",
            json!({ "mode": false }),
            "mode",
            "found the boolean false, expected `disabled`, `shadow` or `enforce`; quote it".into(),
        ),
        (
            "bare 5.10",
            version(json!(5.1)),
            "client.app_version.minimum.ios",
            "found the number 5.1, expected a string; quote it".into(),
        ),
        (
            "bare 1.2",
            json!({ "transport": { "min_tls": 1.2 } }),
            "transport.min_tls",
            "found the number 1.2, expected `1.2` or `1.3`; quote it".into(),
        ),
        (
            "a string of a number",
            json!({ "version": "1" }),
            "version",
            format!("found the string `1`, expected a whole number{bundle}"),
        ),
        (
            "a string of a large number",
            json!({ "limits": { "one": { "burst": "3000000000" } } }),
            "limits.one.burst",
            format!("found the string `3000000000`, expected a whole number{bundle}"),
        ),
        (
            "a string of a fraction",
            json!({ "limits": { "one": { "burst": "0.5" } } }),
            "limits.one.burst",
            format!("found the string `0.5`, expected a whole number{bundle}"),
        ),
        (
            "a fraction",
            json!({ "limits": { "one": { "burst": 0.5 } } }),
            "limits.one.burst",
            "`0.5` is out of range: a whole number from 1 to 1000000".into(),
        ),
        (
            "a string of a boolean",
            user("keep", json!("false")),
            "tokens.user.keep",
            "found the string `false`, expected true or false".into(),
        ),
        (
            "a number for a duration",
            user("max_lifetime", json!(900)),
            "tokens.user.max_lifetime",
            "found the number 900, expected a string; quote it".into(),
        ),
        (
            "a number for a rate",
            json!({ "limits": { "one": { "rate": 5 } } }),
            "limits.one.rate",
            "found the number 5, expected a string; quote it".into(),
        ),
        (
            "a string in a schema",
            schema(json!({ "type": "integer", "maximum": "3000000000" })),
            "schemas.order.maximum",
            format!(
                "found the string `3000000000`, expected what JSON Schema has here (`type` of its meta-schema){bundle}"
            ),
        ),
        (
            "a fraction in a schema",
            schema(json!({ "type": "number", "multipleOf": "0.5" })),
            "schemas.order.multipleOf",
            format!(
                "found the string `0.5`, expected what JSON Schema has here (`type` of its meta-schema){bundle}"
            ),
        ),
    ] {
        let (compiled, faults) = compile(&small(&patch));
        assert!(!compiled, "{row}");
        assert_eq!(faults, [(at.to_owned(), fault)], "{row}");
    }
    for (row, patch) in [
        (
            "a number past 32 bits where one may stand",
            schema(json!({ "type": "integer", "maximum": 3_000_000_000_u64 })),
        ),
        ("a fraction where one may stand", schema(json!({ "type": "number", "multipleOf": 0.5 }))),
        ("a quoted version", version(json!("5.10"))),
        ("a quoted word", json!({ "name": "off" })),
    ] {
        assert_eq!(compile(&small(&patch)), (true, Vec::new()), "{row}");
    }
}
