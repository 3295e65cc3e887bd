//! The keywords that are claimed, each with what passes and what does not. Draft 2020-12.

use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::tests::compile;

#[test]
fn keywords_mean_what_json_schema_says() {
    let rows: Vec<(Value, Vec<Value>, Vec<Value>)> = vec![
        // Any type.
        (json!({}), vec![json!(null), json!({}), json!(1)], vec![]),
        (json!({"type": "null"}), vec![json!(null)], vec![json!(0), json!(false), json!("")]),
        (json!({"type": "boolean"}), vec![json!(true)], vec![json!("true"), json!(1)]),
        (json!({"type": "string"}), vec![json!("")], vec![json!(1), json!(null)]),
        (json!({"type": "integer"}), vec![json!(1), json!(-1), json!(1.0)], vec![json!(1.5), json!("1")]),
        (json!({"type": "number"}), vec![json!(1), json!(1.5)], vec![json!("1"), json!(true)]),
        (json!({"type": "array"}), vec![json!([])], vec![json!({}), json!("[]")]),
        (json!({"type": "object"}), vec![json!({})], vec![json!([]), json!(null)]),
        (json!({"type": ["string", "null"]}), vec![json!("a"), json!(null)], vec![json!(1)]),
        (
            json!({"enum": [1, "a", null, [2]]}),
            vec![json!(1.0), json!("a"), json!([2])],
            vec![json!("A"), json!([])],
        ),
        (json!({"const": {"a": [1]}}), vec![json!({"a": [1]})], vec![json!({"a": [2]}), json!({})]),
        (json!({"const": false}), vec![json!(false)], vec![json!(0), json!(null)]),
        // Numbers.
        (json!({"minimum": 1}), vec![json!(1), json!("0")], vec![json!(0.9)]),
        (json!({"maximum": 1}), vec![json!(1)], vec![json!(1.1), json!(9_007_199_254_740_991_i64)]),
        (json!({"exclusiveMinimum": 1}), vec![json!(1.1)], vec![json!(1), json!(1.0)]),
        (json!({"exclusiveMaximum": 1}), vec![json!(0)], vec![json!(1)]),
        (json!({"multipleOf": 2}), vec![json!(4), json!(-2), json!(0)], vec![json!(3), json!(2.5)]),
        (json!({"multipleOf": 0.01}), vec![json!(19.99), json!(0.1)], vec![json!(0.001)]),
        // Strings: lengths are characters, not bytes.
        (json!({"minLength": 2}), vec![json!("ab"), json!("éé"), json!(1)], vec![json!("a"), json!("😀")]),
        (json!({"maxLength": 2}), vec![json!("éé"), json!("😀😀")], vec![json!("abc")]),
        (json!({"pattern": "b+"}), vec![json!("abc"), json!(1)], vec![json!("ac")]),
        (json!({"pattern": "^[a-z]+$"}), vec![json!("abc")], vec![json!("abc1"), json!("abc\n"), json!("")]),
        (json!({"pattern": "^\\d+$"}), vec![json!("42")], vec![json!("٤٢")]),
        (json!({"pattern": "^\\w$"}), vec![json!("a")], vec![json!("é")]),
        (json!({"pattern": "^\\p{L}+$"}), vec![json!("é")], vec![json!("1")]),
        (json!({"pattern": "^(red|green)$"}), vec![json!("red")], vec![json!("redgreen"), json!("Red")]),
        // Formats.
        (json!({"format": "date"}), vec![json!("2024-02-29")], vec![json!("2023-02-29"), json!("2024-2-9")]),
        (
            json!({"format": "date-time"}),
            vec![json!("2024-01-01T00:00:00Z")],
            vec![json!("2024-01-01"), json!("2024-01-01 00:00")],
        ),
        (json!({"format": "time"}), vec![json!("23:59:59Z")], vec![json!("24:00:00Z"), json!("23:59")]),
        (json!({"format": "duration"}), vec![json!("P1DT2H")], vec![json!("1D"), json!("P")]),
        (
            json!({"format": "email"}),
            vec![json!("a@b.example")],
            vec![json!("a"), json!("a@b@c"), json!("@b")],
        ),
        (
            json!({"format": "hostname"}),
            vec![json!("a-b.example")],
            vec![json!("-a.example"), json!("a_b"), json!("")],
        ),
        (
            json!({"format": "ipv4"}),
            vec![json!("192.0.2.1")],
            vec![json!("192.0.2"), json!("192.0.2.256"), json!("192.0.2.01")],
        ),
        (json!({"format": "ipv6"}), vec![json!("2001:db8::1")], vec![json!("2001:db8"), json!("::1%eth0")]),
        (
            json!({"format": "uri"}),
            vec![json!("https://a.example/b")],
            vec![json!("/b"), json!("https://a b")],
        ),
        (
            json!({"format": "uuid"}),
            vec![json!("2eb8aa08-aa98-11ea-b4aa-73b441d16380")],
            vec![json!("2eb8aa08aa9811eab4aa73b441d16380"), json!("2eb8aa08-aa98-11ea-b4aa-73b441d1638")],
        ),
        (json!({"format": "regex"}), vec![json!("^a+$")], vec![json!("^(a")]),
        (json!({"format": "json-pointer"}), vec![json!("/a/0"), json!("")], vec![json!("a"), json!("/~2")]),
        // Arrays.
        (json!({"minItems": 1}), vec![json!([1]), json!({})], vec![json!([])]),
        (json!({"maxItems": 1}), vec![json!([1])], vec![json!([1, 2])]),
        (
            json!({"uniqueItems": true}),
            vec![json!([1, "1", [1]]), json!([{"a": 1}, {"a": 2}])],
            vec![json!([1, 1.0]), json!([{"a": 1, "b": 2}, {"b": 2, "a": 1}])],
        ),
        (json!({"items": {"type": "string"}}), vec![json!([]), json!(["a"])], vec![json!(["a", 1])]),
        (json!({"items": false}), vec![json!([])], vec![json!([1])]),
        (
            json!({"prefixItems": [{"type": "string"}], "items": {"type": "integer"}}),
            vec![json!([]), json!(["a", 1, 2])],
            vec![json!([1]), json!(["a", "b"])],
        ),
        (json!({"prefixItems": [{}], "items": false}), vec![json!([1])], vec![json!([1, 2])]),
        (json!({"contains": {"const": 1}}), vec![json!([0, 1])], vec![json!([]), json!([0])]),
        (json!({"contains": {"const": 1}, "minContains": 2}), vec![json!([1, 1])], vec![json!([1])]),
        (json!({"contains": {"const": 1}, "maxContains": 1}), vec![json!([1, 0])], vec![json!([1, 1])]),
        (json!({"prefixItems": [true], "unevaluatedItems": false}), vec![json!([1])], vec![json!([1, 2])]),
        // Objects.
        (json!({"required": ["a"]}), vec![json!({"a": null}), json!([])], vec![json!({}), json!({"A": 1})]),
        (json!({"minProperties": 1}), vec![json!({"a": 1})], vec![json!({})]),
        (json!({"maxProperties": 1}), vec![json!({})], vec![json!({"a": 1, "b": 2})]),
        (
            json!({"properties": {"a": {"type": "string"}}}),
            vec![json!({}), json!({"a": "", "b": 1})],
            vec![json!({"a": 1})],
        ),
        (json!({"properties": {"a": false}}), vec![json!({"b": 1})], vec![json!({"a": null})]),
        (
            json!({"properties": {"a": true}, "additionalProperties": false}),
            vec![json!({"a": 1})],
            vec![json!({"a": 1, "b": 1}), json!({"__proto__": 1})],
        ),
        (
            json!({"additionalProperties": {"type": "integer"}}),
            vec![json!({"x": 1})],
            vec![json!({"x": "1"})],
        ),
        (
            json!({"patternProperties": {"^x-": {"type": "string"}}, "additionalProperties": false}),
            vec![json!({"x-a": ""})],
            vec![json!({"x-a": 1}), json!({"y": ""})],
        ),
        (json!({"propertyNames": {"maxLength": 2}}), vec![json!({"ab": 1})], vec![json!({"abc": 1})]),
        (
            json!({"dependentRequired": {"a": ["b"]}}),
            vec![json!({"b": 1}), json!({"a": 1, "b": 1})],
            vec![json!({"a": 1})],
        ),
        (
            json!({"dependentSchemas": {"a": {"maxProperties": 1}}}),
            vec![json!({"a": 1}), json!({"b": 1, "c": 1})],
            vec![json!({"a": 1, "b": 1})],
        ),
        (
            json!({"allOf": [{"properties": {"a": true}}], "unevaluatedProperties": false}),
            vec![json!({"a": 1})],
            vec![json!({"b": 1})],
        ),
        // Schemas put together.
        (json!({"allOf": [{"minimum": 1}, {"maximum": 2}]}), vec![json!(1)], vec![json!(0), json!(3)]),
        (
            json!({"anyOf": [{"type": "string"}, {"minimum": 2}]}),
            vec![json!("a"), json!(2), json!(null)],
            vec![json!(1)],
        ),
        (
            json!({"oneOf": [{"multipleOf": 2}, {"multipleOf": 3}]}),
            vec![json!(2), json!(3)],
            vec![json!(6), json!(1)],
        ),
        (json!({"not": {"type": "string"}}), vec![json!(1)], vec![json!("a")]),
        (
            json!({"if": {"type": "string"}, "then": {"maxLength": 1}, "else": {"maximum": 1}}),
            vec![json!("a"), json!(1)],
            vec![json!("ab"), json!(2)],
        ),
        (
            json!({"$defs": {"a": {"type": "string"}}, "items": {"$ref": "#/$defs/a"}}),
            vec![json!(["a"])],
            vec![json!([1])],
        ),
        (
            json!({"$defs": {"a": {"type": "string"}}, "$ref": "#/$defs/a", "maxLength": 1}),
            vec![json!("a")],
            vec![json!("ab"), json!(1)],
        ),
        (
            json!({"$defs": {"a": {"$anchor": "here", "type": "string"}}, "$ref": "#here"}),
            vec![json!("a")],
            vec![json!(1)],
        ),
        (
            json!({"properties": {"next": {"$ref": "#"}, "v": {"type": "integer"}}}),
            vec![json!({"v": 1, "next": {"v": 2}})],
            vec![json!({"next": {"next": {"v": "x"}}})],
        ),
        (
            json!({"$dynamicAnchor": "n", "properties": {"v": {"type": "integer"}, "next": {"$dynamicRef": "#n"}}}),
            vec![json!({"next": {"v": 1}})],
            vec![json!({"next": {"v": "x"}})],
        ),
        // Words that judge nothing.
        (
            json!({"title": "t", "description": "d", "default": 1, "examples": [1], "deprecated": true, "x-own": 1}),
            vec![json!("a")],
            vec![],
        ),
        (json!({"contentEncoding": "base64"}), vec![json!("not base 64!")], vec![]),
    ];
    assert!(rows.len() >= 60);
    for (document, passes, fails) in rows {
        let schema = compile(&document).unwrap();
        for body in passes {
            assert_eq!(schema.check(&body), Ok(()), "{document} should take {body}");
        }
        for body in fails {
            let errors = schema.check(&body).expect_err(&format!("{document} should refuse {body}"));
            assert!(!errors.is_empty(), "{document} says why it refuses {body}");
        }
    }
}
