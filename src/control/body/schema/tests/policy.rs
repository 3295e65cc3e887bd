//! The policy's schemas among each other, and the dialect of OpenAPI 3.0.

use std::rc::Rc;

use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::document::Node;
use crate::fault::Problems;

const OAS: &str = "https://spec.openapis.org/oas/3.0/schema/2021-09-28";

fn node(value: &Value) -> Rc<Node> {
    Node::from_json(value.to_string().as_bytes(), &Problems::default()).unwrap()
}

/// The schema `root` of a policy with these schemas, as requests and as answers have it.
fn compile(schemas: &Value) -> Result<(Schema, Schema), String> {
    let problems = Problems::default();
    let all = Schemas::compile(&node(schemas), &mut SchemaStore::default(), &problems);
    let root = node(&json!("root"));
    let both = all.named(&root, &problems).zip(all.answer(&root, &problems));
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    both.filter(|_| faults.is_empty()).ok_or(faults.join("\n"))
}

fn judge(schema: &Schema, value: &Value) -> bool {
    schema.check(value).is_ok()
}

#[test]
fn schemas_refer_to_each_other_by_name() {
    let schemas = json!({
        "root": {"type": "object", "properties": {
            "line": {"$ref": "schemas:line"}, "price": {"$ref": "schemas:line#/$defs/price"}, "tree": {"$ref": "schemas:tree"}, "self": {"$ref": "schemas:root"},
        }, "additionalProperties": false},
        "line": {"type": "object", "required": ["sku"], "properties": {"sku": {"$ref": "schemas:sku"}, "price": {"$ref": "#/$defs/price"}},
            "$defs": {"price": {"type": "integer", "minimum": 0}}},
        "sku": {"type": "string", "maxLength": 3},
        "tree": {"type": "object", "properties": {"left": {"$ref": "#"}, "leaf": {"$ref": "schemas:sku"}, "back": {"$ref": "schemas:root"}}, "additionalProperties": false},
    });
    let (schema, _) = compile(&schemas).unwrap();
    for (value, want) in [
        (json!({"line": {"sku": "abc", "price": 1}, "price": 0}), true),
        (json!({"line": {"sku": "abcd"}}), false),
        (json!({"line": {"sku": "abc", "price": -1}}), false),
        (json!({"line": {}}), false),
        (json!({"price": -1}), false),
        (json!({"tree": {"left": {"left": {"leaf": "abc"}}}}), true),
        (json!({"tree": {"left": {"left": {"leaf": "abcd"}}}}), false),
        (json!({"tree": {"back": {"self": {"line": {"sku": "abc"}}}}}), true),
        (json!({"tree": {"back": {"self": {"line": {"sku": "abcd"}}}}}), false),
    ] {
        assert_eq!(judge(&schema, &value), want, "{value}");
    }
}

#[test]
fn a_reference_that_leads_nowhere_or_out_is_refused_at_its_place() {
    for (schemas, want) in [
        (
            json!({"root": {"$ref": "schemas:lin"}, "line": {}}),
            "root.$ref: there is no schema called `lin`; did you mean `line`?",
        ),
        (json!({"root": {"$ref": "schemas:line#/$defs/x"}, "line": {}}), "a reference leads nowhere"),
        (
            json!({"root": {"$ref": "schemas:line#x"}, "line": {}}),
            "write schemas:NAME, or schemas:NAME#/a/pointer",
        ),
        (json!({"root": {"$ref": "https://a.example/x"}}), "leads out of this schema"),
        (json!({"root": {"$ref": "line"}, "line": {}}), "leads out of this schema"),
        (
            json!({"root": {"$ref": "schemas:line"}, "line": {"$id": "https://a.example/x"}}),
            "has no other names in it",
        ),
        (
            json!({"root": {"$ref": "schemas:line"}, "line": {"$schema": "http://json-schema.org/draft-07/schema#"}}),
            "have the same `$schema`",
        ),
    ] {
        let faults = compile(&schemas).err().unwrap_or_default();
        assert!(faults.contains(want), "{schemas}: {faults}");
    }
}

#[test]
fn a_change_of_one_schema_is_one_of_those_that_refer_to_it() {
    let schemas = |length: u32| json!({"root": {"$ref": "schemas:line"}, "line": {"type": "string", "maxLength": length}});
    let (problems, mut store) = (Problems::default(), SchemaStore::default());
    let mut root = |length: u32| {
        let all = Schemas::compile(&node(&schemas(length)), &mut store, &problems);
        all.named(&node(&json!("root")), &problems).unwrap()
    };
    let (one, two, again) = (root(1), root(2), root(1));
    assert!(!Rc::ptr_eq(&one.0, &two.0));
    assert!(Rc::ptr_eq(&one.0, &again.0));
}

#[test]
fn what_takes_exponential_time_is_refused() {
    let chain = |last: usize, each: usize| {
        let mut defs = serde_json::Map::new();
        for at in 0..last {
            let to = json!({ "$ref": format!("#/$defs/a{}", at + 1) });
            defs.insert(format!("a{at}"), json!({ "allOf": vec![to; each] }));
        }
        defs.insert(format!("a{last}"), json!({ "type": "string" }));
        json!({ "root": { "$ref": "#/$defs/a0", "$defs": defs } })
    };
    assert!(compile(&chain(10, 2)).is_ok());
    assert!(compile(&chain(60, 1)).is_ok());
    for schemas in [chain(14, 2), chain(40, 2), chain(9, 3), chain(300, 1)] {
        let faults = compile(&schemas).err().unwrap_or_default();
        assert!(faults.starts_with("root: with its references followed"), "{faults}");
    }
}

#[test]
fn openapi_3_0_means_what_it_says_there() {
    let schema = |fields: Value| {
        let mut schema = fields;
        schema["$schema"] = json!(OAS);
        compile(&json!({ "root": schema }))
    };
    for (fields, value, want) in [
        (json!({"type": "string"}), json!(null), false),
        (json!({"type": "string", "nullable": true}), json!(null), true),
        (json!({"type": "string", "nullable": true}), json!(1), false),
        (json!({"type": "string", "nullable": true, "enum": ["a"]}), json!(null), false),
        (json!({"nullable": true, "allOf": [{"type": "string"}]}), json!(null), false),
        (json!({"type": "number", "minimum": 1, "exclusiveMinimum": true}), json!(1), false),
        (json!({"type": "number", "minimum": 1, "exclusiveMinimum": true}), json!(1.5), true),
        (json!({"type": "number", "minimum": 1, "exclusiveMinimum": false}), json!(1), true),
        (json!({"type": "number", "maximum": 1, "exclusiveMaximum": true}), json!(1), false),
        (json!({"type": "number", "exclusiveMaximum": true}), json!(1), true),
        (json!({"type": "integer", "format": "int32"}), json!(2_147_483_648_u64), false),
        (json!({"type": "integer", "format": "int32", "allOf": [{"minimum": 5}]}), json!(4), false),
        (json!({"type": "integer", "format": "int64"}), json!(u64::MAX), false),
        (json!({"type": "string", "format": "uuid"}), json!("x"), false),
        (json!({"type": "string", "format": "password"}), json!("x"), true),
        (json!({"type": "array", "items": {"type": "string", "nullable": true}}), json!(["a", null]), true),
        (
            json!({"oneOf": [{"type": "string"}, {"type": "integer"}], "discriminator": {"propertyName": "t"}}),
            json!(true),
            false,
        ),
        (json!({"additionalProperties": {"type": "string", "nullable": true}}), json!({"a": null}), true),
        (json!({"properties": {"nullable": {"type": "string"}}}), json!({"nullable": null}), false),
        (
            json!({"type": "string", "example": 7, "xml": {}, "externalDocs": {}, "x-any": 1, "default": 1}),
            json!("a"),
            true,
        ),
    ] {
        let (schema, _) = schema(fields.clone()).unwrap_or_else(|why| panic!("{fields}: {why}"));
        assert_eq!(judge(&schema, &value), want, "{fields} of {value}");
    }
    for (fields, want) in [
        (json!({"const": 1}), "root.const: `const` is no word of OpenAPI 3.0's schemas"),
        (json!({"properties": {"a": {"patternProperties": {}}}}), "root.properties.a.patternProperties: "),
        (json!({"exclusiveMinimum": 1}), "root.exclusiveMinimum: found the number 1, expected true or false"),
        (
            json!({"type": "object", "discriminator": {"propertyName": "t"}}),
            "write `oneOf` or `anyOf` beside it",
        ),
        (json!({"type": "string", "format": "card"}), "found `card`"),
    ] {
        let faults = schema(fields.clone()).err().unwrap_or_default();
        assert!(faults.contains(want), "{fields}: {faults}");
    }
}

#[test]
fn what_is_read_only_stands_in_no_request_and_what_is_write_only_in_no_answer() {
    let (request, answer) = compile(&json!({
        "root": { "$schema": OAS, "type": "object", "required": ["id", "name", "password"], "additionalProperties": false, "properties": {
            "id": {"type": "string", "readOnly": true}, "name": {"type": "string"}, "password": {"type": "string", "writeOnly": true},
            "inner": {"$ref": "schemas:inner"},
        } },
        "inner": { "$schema": OAS, "type": "object", "properties": { "role": {"type": "string", "readOnly": true} } },
    }))
    .unwrap();
    for (value, in_request, in_answer) in [
        (json!({"name": "a", "password": "b"}), true, false),
        (json!({"id": "1", "name": "a"}), false, true),
        (json!({"id": "1", "name": "a", "password": "b"}), false, false),
        (json!({"name": "a"}), false, false),
        (json!({"name": "a", "password": "b", "inner": {"role": "admin"}}), false, false),
        (json!({"id": "1", "name": "a", "inner": {"role": "admin"}}), false, true),
    ] {
        assert_eq!(judge(&request, &value), in_request, "a request with {value}");
        assert_eq!(judge(&answer, &value), in_answer, "an answer with {value}");
    }
}

#[test]
fn the_schemas_of_a_node_are_compiled_once_and_what_is_wrong_is_said_each_time() {
    let mut store = SchemaStore::default();
    let mut named = |node: &Rc<Node>| {
        let problems = Problems::default();
        (store.named(node, &problems), problems.count())
    };
    let good = node(&json!({"root": {"type": "string"}}));
    let ((first, faults), (again, _)) = (named(&good), named(&good));
    assert!(faults == 0 && Rc::ptr_eq(&first, &again));
    let bad = node(&json!({"root": {"type": "strin"}}));
    assert_eq!([named(&bad).1, named(&bad).1], [1, 1]);
}
