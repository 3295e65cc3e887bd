use std::rc::Rc;

use serde_json::Value;
use serde_json::json;

use super::*;
use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;

const CLOSED_ANSWER: Use = Use::Answer { decided: true };
const OPEN_ANSWER: Use = Use::Answer { decided: false };

fn node(value: &Value) -> Rc<Node> {
    Node::from_json(value.to_string().as_bytes(), &Problems::default()).unwrap()
}

/// What is told of the schema `root` of these: `place: kind`, the place from `root` on where it stands there.
fn told(schemas: &Value, used: Use) -> Vec<String> {
    let schemas = node(schemas);
    let (compiling, problems) = (Problems::default(), Problems::default());
    Schemas::compile(&schemas, &mut SchemaStore::default(), &compiling);
    assert!(compiling.none(), "{schemas:?}: {:?}", compiling.into_parts().0);
    Written::of(&schemas).remark(&node(&json!("root")), used, &problems);
    let remarks = problems.into_parts().1;
    let short = |pointer: String| pointer.trim_start_matches("root").trim_start_matches('.').to_owned();
    remarks.iter().map(|it| format!("{}: {}", short(it.at.pointer()), it.kind)).collect()
}

fn told_of(root: &Value, used: Use) -> Vec<String> {
    told(&json!({ "root": root }), used)
}

fn none() -> [&'static str; 0] {
    []
}

#[test]
fn a_text_is_bounded_by_its_length_its_values_its_pattern_or_its_format() {
    for (bounded, schema) in [
        (false, json!({"type": "string"})),
        (false, json!({"type": "string", "minLength": 1})),
        (true, json!({"type": "string", "maxLength": 10})),
        (true, json!({"type": "string", "const": "a"})),
        (true, json!({"enum": ["a", "b"]})),
        (true, json!({"type": "string", "format": "uuid"})),
        (false, json!({"type": "string", "format": "uri"})),
        (true, json!({"type": "string", "pattern": "^[a-z]{1,20}$"})),
        (true, json!({"type": "string", "pattern": "^(?:ab|c\\d?)$"})),
        (false, json!({"type": "string", "pattern": "[a-z]{1,20}"})),
        (false, json!({"type": "string", "pattern": "^[a-z]{1,20}"})),
        (false, json!({"type": "string", "pattern": "^[a-z]+$"})),
        (false, json!({"type": "string", "pattern": "^a$|b"})),
        (false, json!({"type": ["string", "null"]})),
        (true, json!({"type": ["integer", "null"]})),
        (true, json!({"type": "string", "allOf": [{"maxLength": 3}]})),
        (true, json!({"type": "string", "anyOf": [{"maxLength": 3}, {"format": "uuid"}]})),
        (false, json!({"type": "string", "anyOf": [{"maxLength": 3}, {"minLength": 9}]})),
        (
            true,
            json!({"type": "string", "if": {"pattern": "^a"}, "then": {"maxLength": 3}, "else": {"maxLength": 9}}),
        ),
        (false, json!({"type": "string", "if": {"pattern": "^a"}, "then": {"maxLength": 3}})),
    ] {
        let want: &[&str] = if bounded { &[] } else { &[": unbounded-string"] };
        assert_eq!(told_of(&schema, Use::Request), want, "{schema}");
    }
}

/// Those that are said to bound a text refuse a long one of their own kind, and the others take one.
#[test]
fn the_formats_that_bound_are_those_that_no_long_text_has() {
    let long = "1".repeat(5_000);
    let dotted = |label: &str| vec![label; 1_000].join(".");
    for (format, text) in [
        ("date", format!("{long}-01-01")),
        ("email", format!("{}@{}", "a".repeat(5_000), "example.com")),
        ("email", format!("a@{}", dotted("example"))),
        ("email", format!("\"{}\"@example.com", "a".repeat(5_000))),
        ("email", format!("a({})@example.com", "b".repeat(5_000))),
        ("email", format!("{} <a@example.com>", "b".repeat(5_000))),
        ("email", format!("a@[IPv6:{}]", "0:".repeat(5_000))),
        ("hostname", dotted("example")),
        ("hostname", "a".repeat(5_000)),
        ("ipv4", format!("{long}.1.1.1")),
        ("ipv4", format!("{}1.1.1.1", "0".repeat(5_000))),
        ("ipv6", format!("::{}1", "0".repeat(5_000))),
        ("ipv6", format!("fe80::1%{long}")),
        ("uuid", format!("2eb8aa08-aa98-11ea-b4aa-73b441d1{long}")),
    ] {
        assert!(text::format_bounds(format), "{format}");
        assert!(!takes(format, &text), "{format}: {text:.60}");
    }
    for (format, text) in [
        ("date-time", format!("2026-01-01T00:00:00.{long}Z")),
        ("time", format!("00:00:00.{long}Z")),
        ("duration", format!("P{long}D")),
        ("uri", format!("https://a.example/{long}")),
        ("uri-reference", long.clone()),
        ("iri", format!("https://a.example/{long}")),
        ("iri-reference", long.clone()),
        ("uri-template", long.clone()),
        ("json-pointer", format!("/{long}")),
        ("relative-json-pointer", long.clone()),
        ("regex", long.clone()),
    ] {
        assert!(!text::format_bounds(format), "{format}");
        assert!(takes(format, &text), "{format}: {text:.60}");
    }
}

fn takes(format: &str, text: &str) -> bool {
    let schema = node(&json!({ "format": format }));
    let schema = Schema::compile(&schema, &mut SchemaStore::default(), &Problems::default()).unwrap();
    schema.check(&text.into()).is_ok()
}

#[test]
fn a_list_is_bounded_by_its_number_and_says_what_its_elements_are() {
    let draft = |word: &str| format!("http://json-schema.org/draft-{word}/schema#");
    for (schema, want) in [
        (json!({"type": "array", "maxItems": 2, "items": {"type": "integer"}}), &[][..]),
        (json!({"type": "array", "items": {"type": "integer"}}), &[": unbounded-list"]),
        (json!({"type": "array", "maxItems": 2}), &[": any-value"]),
        (json!({"type": "array", "maxItems": 2, "items": {}}), &["items: any-value"]),
        (json!({"type": "array", "maxItems": 2, "items": true}), &["items: any-value"]),
        (json!({"type": "array", "items": false}), &[]),
        (json!({"type": "array", "prefixItems": [{"type": "integer"}], "items": false}), &[]),
        (json!({"type": "array", "prefixItems": [{"type": "integer"}], "unevaluatedItems": false}), &[]),
        (json!({"type": "array", "prefixItems": [{"type": "integer"}], "maxItems": 1}), &[]),
        (json!({"type": "array", "prefixItems": [{"type": "integer"}], "maxItems": 2}), &[": any-value"]),
        (
            json!({"type": "array", "maxItems": 1, "prefixItems": [{"type": "string"}]}),
            &["prefixItems[0]: unbounded-string"],
        ),
        (
            json!({"$schema": draft("07"), "type": "array", "items": [{"type": "integer"}], "additionalItems": false}),
            &[],
        ),
        (
            json!({"$schema": draft("07"), "type": "array", "items": [{}], "additionalItems": {"type": "integer"}}),
            &[": unbounded-list", "items[0]: any-value"],
        ),
        (
            json!({"type": "array", "maxItems": 1, "contains": {"type": "string"}, "items": {"type": "null"}}),
            &[],
        ),
    ] {
        assert_eq!(told_of(&schema, Use::Request), want, "{schema}");
    }
}

#[test]
fn an_object_is_closed_or_a_map_of_so_many() {
    let map = json!({"type": "string", "maxLength": 9});
    for (schema, request, closed_answer) in [
        (json!({"type": "object", "additionalProperties": false}), &[][..], &[][..]),
        (json!({"type": "object", "unevaluatedProperties": false}), &[], &[]),
        (json!({"type": "object", "allOf": [{"additionalProperties": false}]}), &[], &[]),
        (json!({"type": "object"}), &[": open-object"], &[]),
        (json!({"type": "object", "additionalProperties": true}), &[": open-object"], &[]),
        (json!({"type": "object", "maxProperties": 5}), &[": open-object"], &[]),
        (json!({"type": "object", "additionalProperties": map}), &[": open-object"], &[": open-object"]),
        (json!({"type": "object", "additionalProperties": map, "maxProperties": 5}), &[], &[]),
        (json!({"type": "object", "additionalProperties": map, "propertyNames": {"enum": ["a"]}}), &[], &[]),
        (
            json!({"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 5}),
            &["additionalProperties: unbounded-string"],
            &["additionalProperties: unbounded-string"],
        ),
        (
            json!({"type": "object", "unevaluatedProperties": {}, "maxProperties": 5}),
            &["unevaluatedProperties: any-value"],
            &["unevaluatedProperties: any-value"],
        ),
        (
            json!({"type": "object", "patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}),
            &["patternProperties.^x-: unbounded-string"],
            &["patternProperties.^x-: unbounded-string"],
        ),
    ] {
        assert_eq!(told_of(&schema, Use::Request), request, "{schema}");
        assert_eq!(told_of(&schema, OPEN_ANSWER), request, "{schema}");
        assert_eq!(told_of(&schema, CLOSED_ANSWER), closed_answer, "{schema}");
    }
}

#[test]
fn without_a_type_anything_passes() {
    let meant =
        json!({"properties": {"a": {"type": "string"}}, "items": {"type": "integer"}, "minLength": 3});
    for (schema, want) in [
        (json!({}), &[": any-value"][..]),
        (json!({"minimum": 3}), &[": any-value"]),
        (json!({"not": {"type": "string"}}), &[": any-value"]),
        (json!({"anyOf": [{"required": ["a"]}, {"required": ["b"]}]}), &[": any-value"]),
        (json!({"anyOf": [{"type": "null"}, {}]}), &[": any-value"]),
        (json!({"oneOf": [{"type": "null"}, {"type": "integer"}]}), &[]),
        (json!({"if": {"type": "null"}, "else": {"type": "integer"}}), &[]),
        (
            meant,
            &[
                ": any-value",
                ": unbounded-string",
                ": unbounded-list",
                ": open-object",
                "properties.a: unbounded-string",
            ],
        ),
    ] {
        assert_eq!(told_of(&schema, Use::Request), want, "{schema}");
    }
}

#[test]
fn what_judges_a_member_is_looked_at_together_wherever_it_is_written() {
    let closed = |fields: Value| {
        let mut schema = json!({"type": "object", "unevaluatedProperties": false});
        schema.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        schema
    };
    for (schema, want) in [
        (
            closed(
                json!({"properties": {"a": {"type": "string"}}, "allOf": [{"properties": {"a": {"maxLength": 1}}}]}),
            ),
            &[][..],
        ),
        (
            closed(json!({"properties": {"a": {"type": "string"}},
                "oneOf": [{"properties": {"a": {"maxLength": 1}}}, {"properties": {"a": {"format": "uuid"}}}]})),
            &[],
        ),
        (
            closed(json!({"properties": {"a": {"type": "string"}},
                "oneOf": [{"properties": {"a": {"maxLength": 1}}}, {"properties": {"b": {"type": "null"}}}]})),
            &["properties.a: unbounded-string"],
        ),
        (
            closed(
                json!({"properties": {"a": {"type": "string"}}, "anyOf": [{"properties": {"a": {"maxLength": 1}}}],
                "oneOf": [{"required": ["a"]}, {"required": ["b"]}]}),
            ),
            &[],
        ),
        (
            closed(json!({"properties": {"a": {"type": "null"}},
                "dependentSchemas": {"a": {"properties": {"b": {"type": "string"}}}}})),
            &["dependentSchemas.a.properties.b: unbounded-string"],
        ),
        // The bound that one use adds is not another's.
        (
            closed(json!({"$defs": {"name": {"type": "string"}},
                "properties": {"a": {"$ref": "#/$defs/name", "maxLength": 1}, "b": {"$ref": "#/$defs/name"}}})),
            &["$defs.name: unbounded-string"],
        ),
        (
            closed(
                json!({"$defs": {"name": {"type": "string"}}, "properties": {"a": {"$ref": "#/$defs/name", "maxLength": 1}}}),
            ),
            &[],
        ),
        (
            closed(
                json!({"$defs": {"name": {"$anchor": "name", "type": "string"}}, "properties": {"a": {"$ref": "#name"}}}),
            ),
            &["$defs.name: unbounded-string"],
        ),
        // Before 2019-09 what stands beside a `$ref` judges nothing.
        (
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "additionalProperties": false,
                "definitions": {"name": {"type": "string"}},
                "properties": {"a": {"$ref": "#/definitions/name", "maxLength": 1}}}),
            &["definitions.name: unbounded-string"],
        ),
        // A tree tells its leaf once.
        (
            closed(
                json!({"properties": {"left": {"$ref": "#"}, "right": {"$ref": "#"}, "leaf": {"type": "string"}}}),
            ),
            &["properties.leaf: unbounded-string"],
        ),
    ] {
        assert_eq!(told_of(&schema, Use::Request), want, "{schema}");
    }
}

#[test]
fn what_another_schema_leaves_open_is_told_where_it_is_written() {
    let schemas = json!({
        "root": {"type": "object", "additionalProperties": false, "properties": {"a": {"$ref": "schemas:name"}, "b": {"$ref": "schemas:name"}}},
        "name": {"type": "string"},
        "unused": {},
    });
    assert_eq!(told(&schemas, Use::Request), ["name: unbounded-string"]);
}

#[test]
fn openapi_is_read_as_the_way_that_the_body_goes() {
    let schema = json!({"$schema": "https://spec.openapis.org/oas/3.0/schema/2021-09-28", "type": "object", "additionalProperties": false, "properties": {
        "id": {"type": "string", "readOnly": true}, "secret": {"type": "string", "writeOnly": true}, "name": {"type": "string", "nullable": true},
        "known": {"type": "string", "x-accepted": ["unbounded-string"]},
    }});
    let request = ["properties.name: unbounded-string", "properties.secret: unbounded-string"];
    assert_eq!(told_of(&schema, Use::Request), request);
    let answer = ["properties.id: unbounded-string", "properties.name: unbounded-string"];
    assert_eq!(told_of(&schema, OPEN_ANSWER), answer);
}

#[test]
fn an_author_who_knows_says_so_in_the_schema() {
    let schema = json!({"type": "object", "x-accepted": ["open-object"], "properties": {
        "note": {"type": "string", "x-accepted": ["unbounded-string"]},
        "list": {"type": "array", "x-accepted": ["unbounded-string"], "items": {"x-accepted": ["any-value"]}},
    }});
    assert_eq!(told_of(&schema, Use::Request), ["properties.list: unbounded-list"]);
    assert_eq!(told_of(&json!({"x-accepted": ["any-value"]}), Use::Request), none());
}

#[test]
fn a_schema_of_too_many_ways_says_that_it_was_not_looked_at_whole() {
    let branch = |name: String| json!({"properties": {name: {"type": "integer"}}});
    let choice = |n: usize| json!({"anyOf": [branch(format!("a{n}")), branch(format!("b{n}"))]});
    let all: Vec<Value> = (0..20).map(choice).collect();
    let schema = json!({"type": "object", "additionalProperties": false, "allOf": all});
    assert_eq!(told_of(&schema, Use::Request), [": any-value"]);
}
