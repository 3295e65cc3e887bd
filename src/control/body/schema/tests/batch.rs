//! Schemas that are compiled together judge as each does that is compiled alone.

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::tests::declared::properties::schemas;
use crate::control::body::schema::tests::declared::properties::values;
use crate::control::body::schema::tests::node;
use crate::fault::Problems;

/// What each schema makes of each value, compiled together or one by one: errors, or what is wrong with the schema.
fn judged(documents: &[Value], values: &[Value], together: bool) -> Vec<String> {
    let mut store = SchemaStore::default();
    let nodes: Vec<_> = documents.iter().map(|it| node(it, &Problems::default())).collect();
    let ready = match together {
        true => Schema::prepare(&nodes.iter().map(|it| &**it).collect::<Vec<_>>(), &mut store),
        false => vec![None; nodes.len()],
    };
    let mut of = |node, ready: Option<Schema>| {
        let problems = Problems::default();
        match ready.or_else(|| Schema::compile(node, &mut store, &problems)) {
            Some(schema) => {
                format!("{:?}", values.iter().map(|value| schema.check(value)).collect::<Vec<_>>())
            }
            None => problems.into_parts().0.iter().map(ToString::to_string).collect(),
        }
    };
    nodes.iter().zip(ready).map(|(it, ready)| of(it, ready)).collect()
}

fn assert_same(documents: &[Value], values: &[Value]) {
    let (together, alone) = (judged(documents, values, true), judged(documents, values, false));
    for ((document, together), alone) in documents.iter().zip(together).zip(alone) {
        assert_eq!(together, alone, "{document}");
    }
}

/// Schemas that could disturb each other, or mean something else where they do not stand alone.
fn touchy() -> Vec<Value> {
    let draft_4 = "http://json-schema.org/draft-04/schema#";
    let draft_7 = "http://json-schema.org/draft-07/schema#";
    let draft_2019 = "https://json-schema.org/draft/2019-09/schema";
    vec![
        json!({"$id": "https://a.example/x", "type": "object"}),
        json!({"$id": "https://a.example/x", "type": "integer"}),
        json!({"$id": "json-schema:///0", "type": "string"}),
        json!({"$defs": {"a": {"$id": "https://a.example/y", "type": "integer"}}, "$ref": "#/$defs/a"}),
        json!({"$defs": {"a": {"$id": "https://a.example/y", "type": "string"}}, "$ref": "#/$defs/a"}),
        json!({"$defs": {"a": {"$anchor": "here", "type": "integer"}}, "$ref": "#here"}),
        json!({"$defs": {"a": {"$anchor": "here", "type": "string"}}, "$ref": "#here"}),
        json!({"$dynamicAnchor": "node", "properties": {"a": {"$dynamicRef": "#node"}}, "required": ["b"]}),
        json!({"$schema": draft_2019, "$recursiveAnchor": true, "properties": {"a": {"$recursiveRef": "#"}}, "required": ["b"]}),
        json!({"properties": {"a": {"$ref": "#"}}, "additionalProperties": false}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {"properties": {"a": {"$ref": "#/$defs/a"}, "b": {"$ref": "#"}}, "required": ["b"]}}}),
        json!({"$ref": "#/properties/a", "properties": {"a": {"type": "object"}}}),
        json!({"properties": {"$id": {"type": "string"}, "id": {"type": "integer"}, "default": {"$id": "https://a.example/z"}}}),
        json!({"default": {"$id": "https://a.example/z", "pattern": "("}, "type": "object"}),
        json!({"enum": [{"id": "x", "$schema": "y"}, "a"]}),
        json!({"$schema": draft_4, "id": "https://a.example/x", "maximum": 3, "exclusiveMaximum": true}),
        json!({"$schema": draft_4, "maximum": 3, "exclusiveMaximum": true}),
        json!({"$schema": draft_4, "type": "integer"}),
        json!({"$schema": draft_7, "definitions": {"a": {"type": "integer"}}, "$ref": "#/definitions/a", "minimum": 4}),
        json!({"$schema": draft_7, "items": [{"type": "integer"}], "additionalItems": false}),
        json!({"$schema": draft_2019, "items": [{"type": "integer"}], "unevaluatedItems": false}),
        json!({"prefixItems": [{"type": "integer"}], "items": false}),
        json!({"items": [{"type": "integer"}]}),
        json!({"items": {"$schema": draft_4, "maximum": 3, "exclusiveMaximum": true}}),
        json!({"$schema": "https://a.example/own", "type": "object"}),
        json!({"type": "strnig"}),
        json!({"pattern": "(?=x)y"}),
        json!({"pattern": "("}),
        json!({"pattern": "^(a{1000}){1000}$"}),
        json!({"pattern": 3}),
        json!({"$ref": "#/$defs/none"}),
        json!({"format": "uid"}),
        json!({"$schema": draft_7, "format": "uuid"}),
        json!({"$schema": draft_4, "format": "ipv4"}),
        json!({"pattern": "^[a-z]$", "minLength": 2, "maxLength": 3, "type": "string", "enum": ["x"]}),
        json!({"properties": {"a": {"pattern": "^[a-z]$"}, "b": {"pattern": "^b"}}, "patternProperties": {"^a": {"type": "string"}}}),
        json!({"$schema": draft_7, "properties": {"a": {"pattern": "^[a-z]$"}}, "propertyNames": {"pattern": "^[a-z]$"}}),
        json!({"unevaluatedProperties": false, "anyOf": [{"properties": {"a": {"pattern": "^[a-z]$"}}}, {"properties": {"b": true}}]}),
        json!({"not": {"pattern": "^[a-z]$"}, "contains": {"pattern": "a"}}),
        json!({}),
        json!({"title": "nothing"}),
    ]
}

fn bodies() -> Vec<Value> {
    vec![
        json!(null),
        json!(3),
        json!(4),
        json!("a"),
        json!("x"),
        json!("Ab"),
        json!("1.2.3"),
        json!([]),
        json!([1]),
        json!(["a", 2]),
        json!([3, "b", {}]),
        json!({}),
        json!({"a": "Ab", "b": "ab"}),
        json!({"a": {"a": {"c": 1}}, "b": {"b": 3}}),
        json!({"$id": 3, "id": "x", "default": 3}),
        json!({"id": "x", "$schema": "y"}),
    ]
}

#[test]
fn none_disturbs_another() {
    assert_same(&touchy(), &bodies());
    let mut backwards = touchy();
    backwards.reverse();
    assert_same(&backwards, &bodies());
}

#[test]
fn a_lot_may_be_of_any_size() {
    let of = |at: usize| json!({"maxLength": at, "pattern": format!("^[a-z]{{{}}}$", at % 7), "minimum": at});
    for count in [1, 2, 39, 40, 41, 100] {
        let documents: Vec<Value> = (0..count).map(of).collect();
        assert_same(&documents, &[json!("abc"), json!("abcdefgh"), json!(20)]);
    }
}

#[test]
fn one_that_is_faulty_or_has_a_name_in_it_is_left_and_the_others_are_ready() {
    let plain = [
        json!({"maxLength": 3}),
        json!({"pattern": "^[a-z]$"}),
        json!({"$ref": "#/$defs/a", "$defs": {"a": {}}}),
    ];
    for left in [
        json!({"type": "strnig"}),
        json!({"pattern": "("}),
        json!({"$ref": "#/$defs/none"}),
        json!({"$id": "https://a.example/x"}),
        json!({"$defs": {"a": {"$anchor": "here"}}}),
        json!({"oneOf": [{"$ref": "#"}, {}]}),
    ] {
        let documents: Vec<_> =
            plain.iter().chain([&left]).map(|it| node(it, &Problems::default())).collect();
        let nodes: Vec<_> = documents.iter().map(|it| &**it).collect();
        let ready = Schema::prepare(&nodes, &mut SchemaStore::default());
        let ready: Vec<bool> = ready.iter().map(Option::is_some).collect();
        assert_eq!(ready, [true, true, true, false], "{left}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn any_schemas_judge_any_value_the_same(
        schemas in prop::collection::vec(schemas(), 2..5),
        values in prop::collection::vec(values(), 1..4),
    ) {
        assert_same(&schemas, &values);
    }
}
