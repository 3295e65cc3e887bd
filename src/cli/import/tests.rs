use serde_json::json;

use crate::cli::import::flow::field;
use crate::cli::import::flow::inline;
use crate::cli::import::names::slug;
use crate::cli::import::names::unused;
use crate::cli::import::schema::Way;
use crate::cli::import::schema::convert;
use crate::cli::import::write::prefix;

#[test]
fn names_of_the_contract_become_names_of_a_policy() {
    for (row, text, name) in [
        ("words in capitals", "getOrderById", "get-order-by-id"),
        ("a number ends a word", "verify2FACode", "verify2-facode"),
        ("spaces and underscores", "Order_List of All", "order-list-of-all"),
        ("dots stay", "orders.get", "orders.get"),
        ("a path", "post-/v1/orders/{order_id}", "post-v1-orders-order-id"),
        ("letters that a policy has not", "größe", "gr-e"),
        ("nothing at all", "{}", "unnamed"),
    ] {
        assert_eq!(slug(text), name, "{row}");
    }
    assert!(slug(&"long-".repeat(40)).len() <= 56);
}

#[test]
fn no_two_routes_get_one_name() {
    let mut taken = Vec::new();
    let names = ["order", "order", "order"].map(|name| unused(name.into(), &mut taken));
    assert_eq!(names, ["order", "order-2", "order-3"]);
}

#[test]
fn what_yaml_could_read_as_something_else_is_quoted() {
    for (value, written) in [
        (json!("off"), r#""off""#),
        (json!("No"), r#""No""#),
        (json!("1.10"), r#""1.10""#),
        (json!("a: b"), r#""a: b""#),
        (json!("ends:"), r#""ends:""#),
        (json!("orders:read"), "orders:read"),
        (json!("path.order_id"), "path.order_id"),
        (json!({ "$ref": "#/x", "y": [1, null] }), r##"{ "$ref": "#/x", "y": [1, null] }"##),
        (json!({}), "{}"),
    ] {
        assert_eq!(inline(&value), written);
    }
}

#[test]
fn a_written_value_reads_back_as_itself() {
    let long = "x".repeat(70);
    let value = json!({
        "deep": { "list": [{ "a": long, "b": { "c": long } }, long, [], {}], "text": "it's \"so\"\n" },
        "on": false, "n": 1.5, "empty": null,
    });
    let mut lines = Vec::new();
    field("root", &value, 0, &mut lines);
    let problems = crate::fault::Problems::default();
    let spot = crate::cli::yaml::Spot::Root;
    let node = crate::cli::yaml::read(&lines.join("\n"), &"file".into(), spot, &problems);
    assert!(problems.into_parts().0.is_empty(), "{}", lines.join("\n"));
    assert_eq!(node.map(|node| node.to_json()), Some(json!({ "root": value })));
}

#[test]
fn a_group_is_what_the_first_word_of_its_paths_says() {
    for (path, group) in [
        ("/v1/orders/{id}/lines", "/v1/orders"),
        ("/api/v2/orders", "/api/v2/orders"),
        ("/orders", "/orders"),
        ("/{tenant}/orders", ""),
        ("/v1/{tenant}/orders", "/v1"),
        ("/", ""),
    ] {
        assert_eq!(prefix(path), group, "{path}");
    }
}

/// A contract of one file that holds `schemas`, and the schema called `A` of it.
fn converted(version: &str, schemas: &serde_json::Value, way: Way) -> Result<serde_json::Value, String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let path = folder.path().join("contract.json");
    let document = json!({ "openapi": version, "components": { "schemas": schemas } });
    std::fs::write(&path, document.to_string()).map_err(|error| error.to_string())?;
    let mut contract = crate::cli::import::contract::Contract::default();
    contract.legacy = version.starts_with("3.0");
    let a = contract.open(&path)?.get("components").get("schemas").get("A");
    convert(&mut contract, a, way)
}

#[test]
fn schemas_of_both_versions_become_the_same_draft_2020_12() {
    let old = json!({ "A": { "type": "integer", "nullable": true, "minimum": 1, "exclusiveMinimum": true, "example": 3 } });
    let new = json!({ "A": { "type": ["integer", "null"], "exclusiveMinimum": 1, "examples": [3] } });
    let expected = json!({ "type": ["integer", "null"], "exclusiveMinimum": 1 });
    assert_eq!(converted("3.0.3", &old, Way::In), Ok(expected.clone()));
    assert_eq!(converted("3.1.0", &new, Way::In), Ok(expected));
}

#[test]
fn what_only_the_server_writes_may_not_come_in_and_what_only_a_client_writes_is_not_declared() {
    let schemas = json!({
        "A": { "type": "object", "required": ["id", "pin", "b"], "properties": {
            "id": { "$ref": "#/components/schemas/Id" }, "pin": { "type": "string", "writeOnly": true }, "b": {} } },
        "Id": { "type": "string", "readOnly": true },
    });
    let within = json!({ "type": "object", "required": ["pin", "b"],
        "properties": { "id": false, "pin": { "type": "string" }, "b": {} } });
    let out = json!({ "type": "object", "required": ["id", "b"],
        "properties": { "id": { "$ref": "#/$defs/Id" }, "b": {} }, "$defs": { "Id": { "type": "string" } } });
    assert_eq!(converted("3.1.0", &schemas, Way::In), Ok(within));
    assert_eq!(converted("3.1.0", &schemas, Way::Out), Ok(out));
}

#[test]
fn references_that_lead_nowhere_are_told() {
    for (row, reference, told) in [
        ("remote", "https://elsewhere.example/a.json", "a remote reference: nothing is fetched"),
        ("an anchor", "#thing", "names an anchor"),
        ("nothing there", "#/components/schemas/B", "there is nothing at"),
        ("round in a circle", "#/components/schemas/A", "round in a circle"),
        ("no such file", "other.yaml#/A", "other.yaml"),
    ] {
        let schemas = json!({ "A": { "$ref": reference } });
        let why = converted("3.1.0", &schemas, Way::In).err().unwrap_or_default();
        assert!(why.contains(told), "{row}: {why}");
    }
}
