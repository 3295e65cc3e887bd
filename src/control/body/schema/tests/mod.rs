mod batch;
mod declared;
mod glance;
mod keywords;
mod matcher;
mod policy;

use std::rc::Rc;

use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::FORMATS;
use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::document::Node;
use crate::fault::Problems;

fn node(document: &Value, problems: &Problems) -> Rc<Node> {
    Node::from_json(document.to_string().as_bytes(), problems).unwrap()
}

fn compile(document: &Value) -> Result<Schema, Vec<String>> {
    let (problems, mut store) = (Problems::default(), SchemaStore::default());
    let node = node(document, &problems);
    // With another beside it, as a policy's are compiled.
    let other = self::node(&json!({"title": "other"}), &problems);
    let _ready = Schema::prepare(&[&*node, &*other], &mut store);
    let schema = Schema::compile(&node, &mut store, &problems);
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    assert_eq!(schema.is_none(), !faults.is_empty(), "a schema or faults: {faults:?}");
    schema.ok_or(faults)
}

fn told(document: &Value, body: &Value) -> Vec<(String, String)> {
    let errors = compile(document).unwrap().check(body).err().unwrap_or_default();
    errors.into_iter().map(|error| (error.pointer, error.keyword)).collect()
}

#[test]
fn faults_of_a_schema_have_a_place_and_say_what_to_do() {
    let rows = [
        (json!({"type": "strnig"}), "type: found the string `strnig`, expected what JSON Schema has here"),
        (json!({"properties": {"a/b": {"required": "x"}}}), "properties.a/b.required: found the string `x`"),
        (json!({"maxLength": -1}), "maxLength: found the number -1"),
        (json!({"items": [{"type": "string"}]}), "items: found a list"),
        (json!({"allOf": []}), "allOf: found a list"),
        (
            json!({"properties": {"a": {"pattern": "(?=x)y"}}}),
            "properties.a.pattern: the string `(?=x)y` is no pattern",
        ),
        (json!({"pattern": "(a)\\1"}), "pattern: the string `(a)\\1` is no pattern"),
        (json!({"pattern": "("}), "pattern: the string `(` is no pattern"),
        (json!({"pattern": "^(a{1000}){1000}$"}), "is no pattern that surely ends in linear time"),
        (json!({"patternProperties": {"(?<!a)b": {}}}), "is no pattern"),
        (json!({"format": "uid"}), "format: found `uid`, expected date, date-time"),
        (json!({"format": "uid"}), "did you mean `uuid`?"),
        (
            json!({"$schema": "http://json-schema.org/draft-07/schema#", "format": "uuid"}),
            "format: found `uuid`",
        ),
        (
            json!({"$ref": "https://evil.example/x.json"}),
            "$ref: `https://evil.example/x.json` leads out of this schema",
        ),
        (json!({"items": {"$ref": "file:///etc/passwd"}}), "items.$ref: `file:///etc/passwd` leads out"),
        (json!({"$id": "https://a.example/a", "$ref": "b"}), "$ref: `b` leads out"),
        (json!({"$dynamicRef": "https://e.example/#x"}), "$dynamicRef: `https://e.example/#x` leads out"),
        (json!({"$ref": "#/$defs/none"}), "a reference leads nowhere"),
        (json!({"$ref": "#anchor"}), "a reference leads nowhere"),
        (json!({"$schema": "https://example.com/own"}), "https://example.com/own"),
        (json!(true), "found the boolean true, expected a map"),
        (json!("order"), "found the string `order`, expected a map"),
    ];
    for (document, want) in rows {
        let faults = compile(&document).expect_err("a fault").join("\n");
        assert!(faults.contains(want), "{document}\n{faults}");
    }
}

#[test]
fn every_reference_that_leads_out_is_noted() {
    let document = json!({"$ref": "a", "items": {"$ref": "#"}, "allOf": [{"$ref": "b"}]});
    let faults = compile(&document).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
}

#[test]
fn formats_are_asserted_in_every_draft_that_has_them() {
    for format in FORMATS {
        let schema = compile(&json!({"format": format})).unwrap();
        if !matches!(format, "uri-reference" | "iri-reference" | "json-pointer" | "regex" | "uri-template") {
            assert!(schema.check(&json!("")).is_err(), "{format}");
        }
        assert!(schema.check(&json!("\\{(")).is_err(), "{format}");
        assert_eq!(schema.check(&json!(7)), Ok(()), "{format} is a word for strings");
    }
    let draft_4 = json!({"$schema": "http://json-schema.org/draft-04/schema#", "format": "ipv4"});
    assert!(compile(&draft_4).unwrap().check(&json!("1.2.3")).is_err());
}

#[test]
fn the_draft_is_the_one_that_the_schema_names() {
    let exclusive = json!({"maximum": 3, "exclusiveMaximum": true});
    assert!(compile(&exclusive).is_err(), "2020-12 has a number there");
    for (draft, document, three_fits) in [
        ("http://json-schema.org/draft-04/schema#", exclusive, false),
        ("http://json-schema.org/draft-06/schema#", json!({"exclusiveMaximum": 3}), false),
        ("http://json-schema.org/draft-07/schema#", json!({"if": {"const": 3}, "then": false}), false),
        (
            "https://json-schema.org/draft/2019-09/schema",
            json!({"$defs": {"a": {"maximum": 3}}, "$ref": "#/$defs/a"}),
            true,
        ),
        (
            "https://json-schema.org/draft/2020-12/schema",
            json!({"$defs": {"a": {"minimum": 4}}, "$ref": "#/$defs/a"}),
            false,
        ),
    ] {
        let mut document = document;
        document["$schema"] = draft.into();
        assert_eq!(compile(&document).unwrap().check(&json!(3)).is_ok(), three_fits, "{draft}");
    }
}

#[test]
fn errors_name_place_and_keyword() {
    let order = json!({
        "type": "object", "required": ["id", "lines"], "additionalProperties": false,
        "properties": {
            "id": {"type": "string", "maxLength": 3},
            "lines": {"type": "array", "items": {"properties": {"a/b~c": {"minimum": 1}}}},
            "never": false,
        },
    });
    for (body, want) in [
        (json!({"id": "a", "lines": []}), vec![]),
        (json!({"id": "abcd", "lines": []}), vec![("/id", "maxLength")]),
        (json!({"id": "a", "lines": [{}, {"a/b~c": 0}]}), vec![("/lines/1/a~1b~0c", "minimum")]),
        (json!({}), vec![("", "required")]),
        (json!({"id": "a", "lines": [], "never": 1}), vec![("/never", "false")]),
        (json!({"id": "a", "lines": [], "role": "admin"}), vec![("", "additionalProperties")]),
        (json!([]), vec![("", "type")]),
    ] {
        let got = told(&order, &body);
        let got: Vec<(&str, &str)> = got.iter().map(|(pointer, keyword)| (&**pointer, &**keyword)).collect();
        assert_eq!(got, want, "{body}");
    }
}

#[test]
fn errors_hold_nothing_that_the_client_chose() {
    let rows = [
        json!({"additionalProperties": false}),
        json!({"additionalProperties": {"type": "string"}}),
        json!({"additionalProperties": {"properties": {"inner": {"type": "string"}}}}),
        json!({"patternProperties": {"^sec": {"type": "string"}}}),
        json!({"propertyNames": {"maxLength": 2}}),
        json!({"propertyNames": {"enum": ["a"]}}),
        json!({"unevaluatedProperties": false}),
        json!({"unevaluatedProperties": {"type": "string"}}),
        json!({"maxProperties": 0}),
        json!({"not": {"required": ["inner"]}, "additionalProperties": {"const": 1}}),
        json!({"anyOf": [{"additionalProperties": false}, {"type": "string"}]}),
        json!({"properties": {"list": {"type": "array"}}, "additionalProperties": {"required": ["list"]}}),
    ];
    let body = json!({"secret-name-7": {"inner": ["secret-value-7"], "0": "secret-value-7"}});
    for document in rows {
        let got = told(&document, &body);
        assert!(!got.is_empty(), "{document}");
        for (pointer, keyword) in got {
            assert_eq!(pointer, "", "{document}");
            assert!(!keyword.contains("secret") && !keyword.is_empty(), "{document}");
        }
    }
}

#[test]
fn a_member_that_looks_like_an_index_is_still_the_clients_text() {
    let document = json!({"additionalProperties": {"type": "string"}});
    assert_eq!(told(&document, &json!({"4111111111111111": 1})), [(String::new(), "type".to_owned())]);
}

#[test]
fn ten_errors_are_told_at_most_and_none_twice() {
    let document = json!({"items": {"type": "string"}});
    let body: Value = (0..50).collect();
    let got = told(&document, &body);
    assert_eq!(got.len(), 10);
    assert_eq!(got[9], ("/9".to_owned(), "type".to_owned()));
    let document = json!({"required": ["a", "b", "c"]});
    assert_eq!(told(&document, &json!({})).len(), 1);
}

#[test]
fn of_a_large_body_the_first_error_is_told_alone() {
    let document = json!({"items": {"type": "string"}});
    let body: Value = (0..1_001).collect();
    assert_eq!(told(&document, &body), [("/0".to_owned(), "type".to_owned())]);
}

#[test]
fn a_recursive_schema_is_judged_in_bounded_time() {
    // Listing these errors doubles its time with every level; 30 of them would take hours.
    let branch =
        |name: &str| json!({"required": [name], "properties": {"a": {"$ref": "#"}}, "type": "object"});
    let mut body = json!({"bad": 1});
    for _ in 0..30 {
        body = json!({"a": body, "x": 1, "y": 1});
    }
    for document in [
        json!({"anyOf": [branch("x"), branch("y")]}),
        json!({"oneOf": [branch("x"), branch("y")]}),
        json!({"$defs": {"n": {"anyOf": [branch("x"), branch("y")]}}, "$ref": "#/$defs/n"}),
    ] {
        assert_eq!(told(&document, &body), [(String::new(), "$ref".to_owned())], "{document}");
    }
    let fine = json!({"x": 1, "a": {"x": 1}});
    assert_eq!(told(&json!({"anyOf": [branch("x"), branch("y")]}), &fine), []);
}

#[test]
fn a_schema_that_only_names_itself_neither_loops_nor_overflows() {
    for document in [
        json!({"$ref": "#"}),
        json!({"allOf": [{"$ref": "#"}]}),
        json!({"not": {"not": {"$ref": "#"}}}),
        json!({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}),
    ] {
        let schema = compile(&document).unwrap();
        for body in [json!(1), json!({"a": [1]})] {
            let _ = schema.check(&body);
        }
    }
}

#[test]
fn references_that_unfold_to_too_much_are_not_listed() {
    // Each level names the one below twice: 2^15 nodes when unfolded.
    let mut defs = json!({"d0": {"type": "string"}});
    for level in 1..16 {
        let below = json!({"$ref": format!("#/$defs/d{}", level - 1)});
        defs[format!("d{level}")] = json!({"type": "object", "properties": {"x": below.clone(), "y": below}});
    }
    let document = json!({"$defs": defs, "$ref": "#/$defs/d15"});
    assert_eq!(told(&document, &json!(1)), [(String::new(), "$ref".to_owned())]);
    let plain = json!({"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}});
    assert_eq!(told(&plain, &json!([1])), [("/0".to_owned(), "type".to_owned())]);
}

#[test]
fn a_hostile_text_takes_linear_time_to_match() {
    let schema = compile(&json!({"pattern": "^(a|a|aa)+$"})).unwrap();
    assert!(schema.check(&json!(format!("{}b", "a".repeat(50_000)))).is_err());
}

#[test]
fn the_store_hands_out_what_a_policy_still_holds_and_forgets_the_rest() {
    let problems = Problems::default();
    let mut store = SchemaStore::default();
    let (a, b) = (node(&json!({"maxLength": 3}), &problems), node(&json!({"maxLength": 4}), &problems));
    let first = Schema::compile(&a, &mut store, &problems).unwrap();
    assert!(!Rc::ptr_eq(&first.0, &Schema::compile(&b, &mut store, &problems).unwrap().0));
    let again = Schema::compile(&a, &mut store, &problems).unwrap();
    assert!(Rc::ptr_eq(&first.0, &again.0));
    drop((first, again));
    let _other = Schema::compile(&b, &mut store, &problems).unwrap();
    store.rest();
    assert_eq!(store.kept.len(), 1);
}

#[test]
fn named_schemas_are_found_and_files_are_not_read() {
    let problems = Problems::default();
    let mut store = SchemaStore::default();
    let document = json!({
        "order": {"type": "object"},
        "login": {"file": "schemas/login.json"},
        "broken": {"type": "x"},
        "Upper": {"type": "object"},
    });
    let schemas = Schemas::compile(&node(&document, &problems), &mut store, &problems);
    let name = |name: &str| node(&json!(name), &problems);
    assert!(schemas.named(&name("order"), &problems).is_some());
    assert!(schemas.named(&name("broken"), &problems).is_none());
    assert!(schemas.named(&name("ordr"), &problems).is_none());
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    assert_eq!(faults.len(), 4, "{faults:?}");
    for want in [
        "login.file: the filter reads no files; run `portcullis bundle`",
        "broken.type: found the string `x`",
        "Upper: `Upper` is no name",
        "there is no schema called `ordr`; did you mean `order`?",
    ] {
        assert!(faults.iter().any(|fault| fault.contains(want)), "{want}\n{faults:?}");
    }
}
