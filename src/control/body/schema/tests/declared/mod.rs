//! What of a value is declared, and goes where it is not.

pub(super) mod properties;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::Unsettled;
use crate::control::body::schema::tests::compile;
use crate::control::body::schema::tests::node;
use crate::fault::Problems;

/// What is left of a value, and how much went. Of what is left nothing more would go.
fn left(schema: &Value, value: &Value) -> Result<(Value, usize), Unsettled> {
    let (left, gone) = left_once(schema, value)?;
    assert_eq!(left_once(schema, &left).map(|(_, gone)| gone), Ok(0), "{schema}: {left}");
    Ok((left, gone))
}

/// The same of a schema that asks, in a condition, whether an object has no other members: the answer may be another for
/// what is left.
fn left_once(schema: &Value, value: &Value) -> Result<(Value, usize), Unsettled> {
    let problems = Problems::default();
    let declared = compile(schema).unwrap().declared(&node(schema, &problems), &problems);
    let declared = declared.expect("a schema that can be followed");
    let mut value = value.clone();
    let cut = declared.undeclared(&value)?;
    cut.prune(&mut value);
    Ok((value, cut.count()))
}

fn check(rows: &[(&str, Value, Value, Value)]) {
    for (row, schema, value, want) in rows {
        assert_eq!(left(schema, value).map(|it| it.0), Ok(want.clone()), "{row}: {schema}");
    }
}

#[test]
fn a_condition_that_closes_an_object_is_asked_of_the_value_as_it_came() {
    let schema = json!({
        "if": {"properties": {"a": {"type": "integer"}}, "additionalProperties": false},
        "else": {"properties": {"b": true}},
    });
    // `a` is no integer, so the other branch applies, and `b` is its own; it still is once `a` went.
    let (left, gone) = left_once(&schema, &json!({"a": "s", "b": 1})).unwrap();
    assert_eq!((left, gone), (json!({"b": 1}), 1));
    // Alone, `b` may be what the condition is to be asked without.
    assert_eq!(left_once(&schema, &json!({"b": 1})).unwrap().0, json!({}));
}

#[test]
fn a_member_is_declared_by_its_name_or_by_what_describes_it() {
    let named = json!({"properties": {"a": true, "b": {"type": "string"}}});
    let any = json!({"a": {"x": 1}, "b": "s", "x": 1});
    check(&[
        (
            "by name, and what a schema says nothing of is empty",
            named.clone(),
            any.clone(),
            json!({"a": {}, "b": "s"}),
        ),
        ("a wrong type is the schema's to judge", named.clone(), json!({"b": 1, "x": 1}), json!({"b": 1})),
        ("nothing is declared", json!({"type": "object"}), any.clone(), json!({})),
        ("no object, no members", json!({"type": "object"}), json!([1, "x", null]), json!([1, "x", null])),
        (
            "by a pattern",
            json!({"patternProperties": {"^x-": {}}}),
            json!({"x-a": 1, "y": 2}),
            json!({"x-a": 1}),
        ),
        (
            "a pattern as ECMA has it",
            json!({"patternProperties": {"^\\d$": {}}}),
            json!({"1": 1, "a": 2}),
            json!({"1": 1}),
        ),
        (
            "by what describes it",
            json!({"additionalProperties": {"type": "integer"}}),
            json!({"a": 1, "b": {"c": 1}}),
            json!({"a": 1, "b": {}}),
        ),
        ("true describes nothing", json!({"additionalProperties": true}), any.clone(), json!({})),
        ("nor does an empty schema", json!({"additionalProperties": {}}), any.clone(), json!({})),
        (
            "closed",
            json!({"properties": {"b": true}, "additionalProperties": false}),
            any.clone(),
            json!({"b": "s"}),
        ),
        (
            "what describes the others leaves the named alone",
            json!({"properties": {"a": {}}, "additionalProperties": {"properties": {"x": {}}}}),
            json!({"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
            json!({"a": {}, "b": {"x": 1}}),
        ),
        (
            "what describes what nothing else does",
            json!({"allOf": [{"properties": {"a": {}}}], "unevaluatedProperties": {"properties": {"x": {}}}}),
            json!({"a": {"x": 1}, "b": {"x": 1, "y": 2}}),
            json!({"a": {}, "b": {"x": 1}}),
        ),
        (
            "unevaluated true describes nothing",
            json!({"unevaluatedProperties": true}),
            any.clone(),
            json!({}),
        ),
        (
            "a member that may not be there",
            json!({"properties": {"a": false, "b": {}}}),
            any.clone(),
            json!({"b": "s"}),
        ),
        (
            "one that is only written",
            json!({"properties": {"a": {"type": "object", "writeOnly": true}, "b": {}}}),
            any.clone(),
            json!({"b": "s"}),
        ),
        (
            "one that is only written, by reference",
            json!({"properties": {"a": {"$ref": "#/$defs/w"}, "b": {}}, "$defs": {"w": {"allOf": [{"writeOnly": true}]}}}),
            any.clone(),
            json!({"b": "s"}),
        ),
        (
            "one that another schema declares",
            json!({"allOf": [{"properties": {"b": {"writeOnly": true}}}, {"properties": {"b": {}}}]}),
            any.clone(),
            json!({"b": "s"}),
        ),
        (
            "names of members that are keywords",
            json!({"properties": {"properties": {"properties": {"a": {}}}, "$ref": {}, "allOf": {}}}),
            json!({"properties": {"a": 1, "b": 2}, "$ref": "#", "allOf": [], "items": 1}),
            json!({"properties": {"a": 1}, "$ref": "#", "allOf": []}),
        ),
        (
            "not, contains and names declare nothing",
            json!({"not": {"properties": {"a": {}}, "required": ["q"]}, "propertyNames": {"enum": ["a", "b", "x"]}}),
            any,
            json!({}),
        ),
    ]);
}

#[test]
fn lists_and_depths_are_gone_through() {
    let a = || json!({"properties": {"a": {}}});
    check(&[
        (
            "every element",
            json!({"items": a()}),
            json!([{"a": 1, "x": 2}, {"x": 1}, 3]),
            json!([{"a": 1}, {}, 3]),
        ),
        ("an element that nothing describes", json!({"type": "array"}), json!([{"a": 1}]), json!([{}])),
        (
            "by place",
            json!({"prefixItems": [a(), {"properties": {"b": {}}}]}),
            json!([{"a": 1, "b": 2}, {"a": 1, "b": 2}, {"a": 1}]),
            json!([{"a": 1}, {"b": 2}, {}]),
        ),
        (
            "by place and the rest",
            json!({"prefixItems": [a()], "items": {"properties": {"b": {}}}}),
            json!([{"a": 1, "b": 2}, {"a": 1, "b": 2}]),
            json!([{"a": 1}, {"b": 2}]),
        ),
        (
            "by place in draft 7",
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "items": [a()], "additionalItems": {"properties": {"b": {}}}}),
            json!([{"a": 1, "b": 2}, {"a": 1, "b": 2}]),
            json!([{"a": 1}, {"b": 2}]),
        ),
        (
            "a tree by reference to itself",
            json!({"properties": {"name": {}, "children": {"items": {"$ref": "#"}}}}),
            json!({"name": "r", "x": 1, "children": [{"name": "c", "x": 1, "children": [{"x": 1}]}]}),
            json!({"name": "r", "children": [{"name": "c", "children": [{}]}]}),
        ),
        (
            "a reference in a circle",
            json!({"$ref": "#/$defs/a", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/b"}]}, "b": {"allOf": [{"$ref": "#/$defs/a"}], "properties": {"a": {}}}}}),
            json!({"a": 1, "b": 2}),
            json!({"a": 1}),
        ),
        (
            "beside a reference, today",
            json!({"$ref": "#/$defs/a", "properties": {"b": {}}, "$defs": {"a": a()}}),
            json!({"a": 1, "b": 2, "c": 3}),
            json!({"a": 1, "b": 2}),
        ),
        (
            "beside a reference, in draft 7",
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "allOf": [{"$ref": "#/definitions/a", "properties": {"b": {}}}], "definitions": {"a": a()}}),
            json!({"a": 1, "b": 2, "c": 3}),
            json!({"a": 1}),
        ),
        (
            "a reference with escapes",
            json!({"$ref": "#/$defs/a~1%25%20b", "$defs": {"a/% b": a()}}),
            json!({"a": 1, "b": 2}),
            json!({"a": 1}),
        ),
    ]);
}

#[test]
fn of_alternatives_those_count_that_fit() {
    let public = json!({"properties": {"kind": {"const": "public"}, "name": {}}, "required": ["kind"]});
    let private =
        json!({"properties": {"kind": {"const": "private"}, "name": {}, "hash": {}}, "required": ["kind"]});
    let of = |word: &str| json!({word: [public, private]});
    let mut closed = of("oneOf");
    for branch in closed["oneOf"].as_array_mut().unwrap() {
        branch["additionalProperties"] = json!(false);
    }
    let value = json!({"kind": "public", "name": "n", "hash": "h", "x": 1});
    let want = json!({"kind": "public", "name": "n"});
    let guarded = json!({"properties": {"kind": {}}, "if": {"properties": {"kind": {"const": "public"}}},
        "then": {"properties": {"name": {}}}, "else": {"properties": {"hash": {}}}});
    check(&[
        ("one of", of("oneOf"), value.clone(), want.clone()),
        ("any of", of("anyOf"), value.clone(), want.clone()),
        ("one of, closed", closed.clone(), value.clone(), want.clone()),
        ("all of", of("allOf"), value.clone(), json!({"kind": "public", "name": "n", "hash": "h"})),
        ("none fits", of("oneOf"), json!({"kind": "other", "name": "n"}), json!({})),
        ("then", guarded.clone(), value.clone(), want.clone()),
        (
            "else",
            guarded,
            json!({"kind": "private", "name": "n", "hash": "h"}),
            json!({"kind": "private", "hash": "h"}),
        ),
        (
            "a condition declares what it names",
            json!({"if": {"properties": {"a": {"const": 1}}}}),
            json!({"a": 1, "b": 1}),
            json!({"a": 1}),
        ),
        (
            "but not where it fails",
            json!({"if": {"properties": {"a": {"const": 1}}}}),
            json!({"a": 2, "b": 1}),
            json!({}),
        ),
        (
            "what hangs on a member",
            json!({"properties": {"a": {}}, "dependentSchemas": {"a": {"properties": {"b": {}}}}}),
            json!({"a": 1, "b": 1, "c": 1}),
            json!({"a": 1, "b": 1}),
        ),
        (
            "what hangs on one that went",
            json!({"properties": {"a": {}}, "dependentSchemas": {"x": {"properties": {"b": {}}}}}),
            json!({"a": 1, "b": 1, "x": 1}),
            json!({"a": 1}),
        ),
        (
            "a name and what hangs on it in draft 7",
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a": {}}, "dependencies": {"a": {"properties": {"b": {}}}, "b": ["a"]}}),
            json!({"a": 1, "b": 1, "c": 1}),
            json!({"a": 1, "b": 1}),
        ),
        (
            "a closed branch that more than its members fit",
            json!({"anyOf": [
            {"properties": {"a": {}, "secret": {}}, "additionalProperties": false}, {"properties": {"a": {}, "b": {}}}]}),
            json!({"a": 1, "secret": 1, "b": 1}),
            json!({"a": 1, "b": 1}),
        ),
        (
            "a branch that counts members",
            json!({"oneOf": [{"properties": {"a": {}}, "maxProperties": 1}]}),
            json!({"a": 1, "x": 1}),
            json!({"a": 1}),
        ),
        (
            "within a list",
            json!({"items": closed}),
            json!([value, {"kind": "private", "hash": "h", "y": 1}]),
            json!([want, {"kind": "private", "hash": "h"}]),
        ),
    ]);
}

#[test]
fn a_chain_of_conditions_comes_to_an_end_or_is_told() {
    let chain = |length: usize| {
        let one = |n: usize| (format!("m{n}"), json!({"properties": {format!("m{}", n + 1): {}}}));
        json!({"dependentSchemas": (0..length).map(one).collect::<Map<_, _>>()})
    };
    let value = |length: usize| Value::Object((0..length).map(|n| (format!("m{n}"), json!(n))).collect());
    assert_eq!(left(&chain(6), &value(7)), Ok((json!({}), 7)));
    assert_eq!(left(&chain(9), &value(10)), Err(Unsettled));
}

#[test]
fn what_cannot_be_followed_is_told_with_its_place() {
    for (schema, want) in [
        (
            json!({"items": {"$dynamicRef": "#x"}, "$defs": {"x": {"$dynamicAnchor": "x"}}}),
            "items.$dynamicRef: with `undeclared`, only `$ref` is followed",
        ),
        (
            json!({"items": {"$ref": "#x"}, "$defs": {"x": {"$anchor": "x"}}}),
            "items.$ref: with `undeclared`, a reference is `#` and a JSON Pointer",
        ),
        (
            json!({"properties": {"a": {"$id": "https://a.example/"}}}),
            "properties.a.$id: with `undeclared`, no schema within a schema has a name",
        ),
    ] {
        let problems = Problems::default();
        assert!(compile(&schema).unwrap().declared(&node(&schema, &problems), &problems).is_none());
        let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
        assert!(faults.join("\n").contains(want), "{faults:?}");
    }
}
