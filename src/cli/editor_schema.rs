//! `schemas/policy.schema.json` must say of the language what the language is.

use std::collections::BTreeSet;
use std::rc::Rc;

use jsonschema::Validator;
use serde_json::Value;
use serde_json::json;

use crate::cli::yaml;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::mode::Rule;

/// The whole example of the language's page.
const PAGE: &str = include_str!("../../tests/policies/page.yaml");
const SAMPLE: &str = include_str!("../../envoy/policy.yaml");
const SCHEMA: &str = include_str!("../../schemas/policy.schema.json");

/// Every field of the language, by the block that has it.
const FIELDS: &str = "
    version name revision mode modes host_modes routing transport client tokens first_keys_wait schemas limits
    limits_memory rate_limit_service defaults body_hold include routes audit overrides
    hosts other_hosts unmatched preflight
    cleartext min_tls forwarded_proto hsts max_age include_subdomains preload proof_max_age
    ip platform app_version from minimum unknown upgrade tracked_versions
    in header scheme issuer audience algorithms type keys jwks url cluster refresh timeout max_stale inline secret_env
    max_lifetime clock_skew require claims claim is has any revocation on_error max_entries dpop forward keep cache signatures
    file
    key rate burst missing headers scope tiers by values count penalty after within block factor max lockout cost distinct
    limit
    value as domain
    group team path match method host upgrade access request response optional
    scopes acr max_auth_age owner unless on_foreign lookup pointer shared conceal
    content schema max_bytes max_string numbers params required unknown_query
    undeclared statuses
    when percent use spoofable
    pseudonym id max_per_second
    route control until reason
";

fn schema() -> Value {
    serde_json::from_str(SCHEMA).unwrap()
}

fn validator() -> Validator {
    jsonschema::draft202012::options().should_validate_formats(true).build(&schema()).unwrap()
}

fn read(text: &str) -> Rc<Node> {
    let problems = Problems::default();
    let node = yaml::read(text, &"policy.yaml".into(), yaml::Spot::Root, &problems);
    assert!(problems.none());
    node.unwrap()
}

fn errors(policy: &Value) -> Vec<String> {
    validator().iter_errors(policy).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

/// The names of all `properties` of a JSON Schema, wherever they stand in it.
fn properties(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Array(items) => items.iter().for_each(|item| properties(item, found)),
        Value::Object(members) => {
            for (key, member) in members {
                if let ("properties", Value::Object(named)) = (key.as_str(), member) {
                    found.extend(named.keys().cloned());
                }
                properties(member, found);
            }
        }
        _ => {}
    }
}

#[test]
fn the_page_s_whole_example_fits() {
    assert_eq!(errors(&read(PAGE).to_json()), Vec::<String>::new());
}

#[test]
fn the_sample_policy_fits() {
    assert_eq!(errors(&read(SAMPLE).to_json()), Vec::<String>::new());
}

#[test]
fn it_describes_every_field_of_the_language_and_no_other() {
    let mut described = BTreeSet::new();
    properties(&schema(), &mut described);
    let fields: BTreeSet<String> = FIELDS.split_whitespace().map(String::from).collect();
    assert_eq!(described, fields);
}

#[test]
fn it_knows_every_control_and_rule() {
    for rule in Rule::ALL.map(Rule::as_str).into_iter().chain(["limits.per-ip"]) {
        let policy = json!({ "version": 1, "name": "shop", "modes": { rule: "shadow" } });
        assert_eq!(errors(&policy), Vec::<String>::new(), "{rule}");
    }
}

#[test]
fn it_refuses_what_the_language_does_not_have() {
    let example = read(PAGE).to_json();
    for (row, pointer, value) in [
        ("another version", "/version", json!(2)),
        ("a name with capitals", "/name", json!("Shop")),
        ("a word that is none", "/mode", json!("off")),
        ("a mode of nothing", "/modes", json!({ "acces": "shadow" })),
        ("an unknown field", "/transport", json!({ "hsts": { "max_age": "1d", "includes": true } })),
        ("a number for a string", "/transport/min_tls", json!(1.2)),
        ("a duration without unit", "/tokens/user/max_lifetime", json!(900)),
        ("a rate of zero", "/limits/per-ip/rate", json!("0/1m")),
        ("a claim test that is two", "/tokens/user/claims", json!([{ "claim": "a", "is": 1, "has": 1 }])),
        (
            "two sources of keys",
            "/tokens/user/keys",
            json!({ "secret_env": "A", "inline": { "keys": [{}] } }),
        ),
        ("a schema file and more", "/schemas/login", json!({ "file": "a.json", "type": "object" })),
        ("a schema that is none", "/schemas/login", json!({ "type": "objekt" })),
        ("an empty demand", "/routes/0/tokens", json!([])),
        ("a percentage above 100", "/routes/2/modes/request/0/when/percent", json!(101)),
        ("a date that is none", "/overrides/0/until", json!("soon")),
    ] {
        let mut policy = example.clone();
        *policy.pointer_mut(pointer).unwrap() = value;
        assert!(!errors(&policy).is_empty(), "{row}");
    }
    for pointer in ["/routes/0/name", "/routes/0/match", "/tokens/user/audience", "/limits/per-ip/key"] {
        let mut policy = example.clone();
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        assert!(policy.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(field).is_some());
        assert!(!errors(&policy).is_empty(), "without {pointer}");
    }
}
