//! What a glance admits, the strict reader reads and the schema passes.

use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::control::body::budget::Budget;
use crate::control::body::budget::Numbers;
use crate::control::body::schema::tests::compile;
use crate::control::body::schema::tests::node;
use crate::control::body::strict;
use crate::fault::Problems;

pub(super) fn budget() -> Budget {
    Budget::request(1 << 16, Numbers::Interoperable)
}

/// Whether the text is admitted; then it must be what others pass.
pub(super) fn admitted(schema: &Value, text: &str, budget: &Budget) -> bool {
    let compiled = compile(schema).unwrap();
    let admitted = compiled.admits(text.as_bytes(), budget);
    if admitted {
        let value = strict::read(text.as_bytes(), budget).expect("strict JSON");
        assert_eq!(compiled.check(&value), Ok(()), "{schema}: {text}");
    }
    admitted
}

/// What is left of a text, and how much went, where that is admitted; then it must be what others make of it.
fn trimmed(schema: &Value, text: &str, budget: &Budget) -> Option<(String, usize)> {
    let compiled = compile(schema).unwrap();
    let glance = compiled.trims(text.as_bytes(), budget)?;
    let left = glance.left(text.as_bytes()).expect("the text that was looked at");
    let problems = Problems::default();
    let declared =
        compiled.declared(&node(schema, &problems), &problems).expect("a schema that can be followed");
    let mut value = strict::read(text.as_bytes(), budget).expect("strict JSON");
    let cut = declared.undeclared(&value).expect("a schema without conditions");
    assert_eq!(glance.count(), cut.count(), "{schema}: {text}");
    let left = String::from_utf8(left).unwrap();
    assert_eq!(
        Ok(left.clone()),
        cut.splice(text.as_bytes()).map(|it| String::from_utf8(it).unwrap()),
        "{schema}: {text}"
    );
    cut.prune(&mut value);
    assert_eq!(compiled.check(&value), Ok(()), "{schema}: {text}");
    Some((left, glance.count()))
}

fn order() -> Value {
    json!({
        "type": "object", "required": ["id", "items"], "additionalProperties": false, "title": "an order", "x-owner": "shop",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "currency": {"enum": ["EUR", "USD"]},
            "note": {"type": ["string", "null"], "minLength": 1, "maxLength": 5},
            "items": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"$ref": "#/$defs/item"}},
            "secret": {"type": "string", "writeOnly": true},
            "more": {"type": "object", "additionalProperties": {"type": "integer"}, "maxProperties": 2},
            "any": true,
        },
        "$defs": {"item": {
            "type": "object", "required": ["sku"], "properties": {
                "sku": {"type": "string", "pattern": "^[A-Z]{2}$"},
                "count": {"type": "integer", "minimum": 1, "maximum": 99},
                "price": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1e6},
                "gift": {"type": "boolean"}, "of": {"$ref": "#/$defs/item"},
            },
        }},
    })
}

const ID: &str = r#""id":"6e1f6a1e-55b1-4f0e-9f2b-0d4cf8a1b2c3""#;

#[test]
fn a_glance_admits_what_is_plainly_good() {
    for rest in [
        r#","items":[{"sku":"AB"}]"#,
        r#", "items" : [ {"sku":"AB", "count": 99, "price":0.5, "gift":false, "of": {"sku":"CD"} }, {"x":{"y":[1]},"sku":"XX"} ] "#,
        r#","items":[{"sku":"AB","count":1,"price":999999}],"currency":"EUR","note":null,"more":{},"any":{"a":[{}, 1e2]}"#,
        r#","items":[{"sku":"\u0041B"}],"note":"\u20ac€é\n\"","more":{"a":1,"b":-0.5e1}"#,
    ] {
        let text = format!("{{{ID}{rest}}}");
        // The last has a number of which only the schema can say that it is whole.
        let want = !rest.contains("-0.5e1");
        assert_eq!(admitted(&order(), &text, &budget()), want, "{text}");
    }
}

#[test]
fn a_glance_says_nothing_of_what_is_wrong() {
    for rest in [
        "",
        r#","items":[]"#,
        r#","items":[{"sku":"AB"},{"sku":"AB"},{"sku":"AB"},{"sku":"AB"}]"#,
        r#","items":[{"sku":"AB","sku":"AB"}]"#,
        r#","items":[{"sku":"AB","\u0073ku":"AB"}]"#,
        r#","items":[{"sku":"ab"}]"#,
        r#","items":[{"sku":"AB","count":0}]"#,
        r#","items":[{"sku":"AB","count":100}]"#,
        r#","items":[{"sku":"AB","count":1.5}]"#,
        r#","items":[{"sku":"AB","price":0}]"#,
        r#","items":[{"sku":"AB","price":1000000}]"#,
        r#","items":[{"sku":"AB","of":{}}]"#,
        r#","items":[{"sku":"AB"}],"currency":"CHF""#,
        r#","items":[{"sku":"AB"}],"currency":null"#,
        r#","items":[{"sku":"AB"}],"note":"""#,
        r#","items":[{"sku":"AB"}],"note":"123456""#,
        r#","items":[{"sku":"AB"}],"more":{"a":"1"}"#,
        r#","items":[{"sku":"AB"}],"more":{"a":1,"b":2,"c":3}"#,
        r#","items":[{"sku":"AB"}],"x":1"#,
        r#","items":[{"sku":"AB"}],"any":9007199254740993"#,
        r#","items":[{"sku":"AB"}],"any":nul"#,
        r#","items":[{"sku":"AB"}],"any":[1,]"#,
        r#","items":[{"sku":"AB"}],"#,
        r#","items":[{"sku":"AB"}],"any":"\ud800""#,
        r#","items":[{"sku":"AB"}]} {"#,
    ] {
        assert!(!admitted(&order(), &format!("{{{ID}{rest}}}"), &budget()), "{rest}");
        assert_eq!(
            trimmed(&order(), &format!("{{{ID}{rest}}}"), &budget())
                .map(|it| it.0)
                .filter(|_| rest != r#","items":[{"sku":"AB"}],"x":1"#),
            None,
            "{rest}"
        );
    }
    assert!(!admitted(
        &order(),
        &format!("{{{},\"items\":[{{\"sku\":\"AB\"}}]}}", ID.replace('-', "")),
        &budget()
    ));
}

#[test]
fn what_is_not_declared_goes_on_the_way() {
    for (rest, want, count) in [
        (r#","items":[{"sku":"AB"}]"#, r#","items":[{"sku":"AB"}]"#, 0),
        (
            r#","items":[{"x":1,"sku":"AB","y":[{}]},{"sku":"AB" , "z": "}" }]"#,
            r#","items":[{"sku":"AB"},{"sku":"AB" }]"#,
            3,
        ),
        (
            r#","secret":"s","items":[{"sku":"AB"}],"any":{"a":1, "b":{"c":2}}, "q":0"#,
            r#","items":[{"sku":"AB"}],"any":{}"#,
            4,
        ),
        (
            r#","items":[{"sku":"AB"}],"any":[[{"a":1}]],"more":{"a":1}"#,
            r#","items":[{"sku":"AB"}],"any":[[{}]],"more":{"a":1}"#,
            1,
        ),
    ] {
        let (text, want) = (format!("{{{ID}{rest}}}"), format!("{{{ID}{want}}}"));
        assert_eq!(trimmed(&order(), &text, &budget()), Some((want, count)), "{text}");
    }
    assert_eq!(
        trimmed(
            &json!({"required": ["a"], "properties": {"a": {"writeOnly": true}}}),
            r#"{"a":1}"#,
            &budget()
        ),
        None
    );
}

#[test]
fn each_bound_of_the_budget_holds_at_a_glance() {
    let schema = json!({"type": ["array", "object", "string"]});
    for (text, budget) in [
        (r#"[[1]]"#, Budget { depth: 1, ..budget() }),
        (r#"{"a":[1,2]}"#, Budget { parts: 2, ..budget() }),
        (r#"{"abc":1}"#, Budget { name: 2, ..budget() }),
        (r#""abc""#, Budget { text: 2, ..budget() }),
        (r#"["\u0061\u0062c"]"#, Budget { text: 2, ..budget() }),
    ] {
        assert!(!admitted(&schema, text, &budget), "{text}");
        let more = Budget {
            depth: budget.depth.saturating_add(1),
            parts: budget.parts.saturating_add(1),
            name: budget.name.saturating_add(1),
            text: budget.text.saturating_add(1),
            ..budget
        };
        assert!(admitted(&schema, text, &more), "{text}");
    }
}

#[test]
fn words_that_are_not_understood_leave_it_to_others() {
    for schema in [
        json!({"allOf": [{"type": "object"}]}),
        json!({"not": {"type": "string"}}),
        json!({"type": "object", "patternProperties": {"^x": false}}),
        json!({"required": ["a"]}),
        json!({"properties": {}, "required": ["a"]}),
        json!({"enum": [{}, 1]}),
        json!({"const": {}}),
        json!({"const": "a", "enum": ["a", "b"]}),
        json!({"propertyNames": {"maxLength": 1}}),
        json!({"unevaluatedProperties": false}),
        json!({"dependentRequired": {"a": ["b"]}}),
        json!({"$ref": "#/$defs/a", "minProperties": 1, "$defs": {"a": {}}}),
        json!({"$id": "https://shop.example/a"}),
        json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
        json!({"$defs": {"a": {"$anchor": "a"}}}),
    ] {
        for text in ["{}", r#""a""#, r#"{"a":1,"b":2}"#] {
            assert!(!admitted(&schema, text, &budget()), "{schema}: {text}");
        }
    }
    let inner = json!({"properties": {"a": {"multipleOf": 2}}});
    assert!(admitted(&inner, r#"{"b":1}"#, &budget()), "what is not met need not be understood");
    assert!(!admitted(&inner, r#"{"a":2}"#, &budget()));
}

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "d", "é"])
}

fn leaves() -> impl Strategy<Value = Value> {
    let texts = vec![
        "",
        "a",
        "ab",
        "abc",
        "é€",
        "a\n\"",
        "2026-11-28",
        "6e1f6a1e-55b1-4f0e-9f2b-0d4cf8a1b2c3",
        "long enough to be passed by eights",
    ];
    prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        (-3_i64..4).prop_map(Value::from),
        (-12_i32..12).prop_map(|it| json!(f64::from(it) / 4.0)),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        prop::sample::select(texts).prop_map(Value::from),
    ]
}

fn values() -> impl Strategy<Value = Value> {
    leaves().prop_recursive(4, 24, 4, |inner| {
        let map = prop::collection::btree_map(names(), inner.clone(), 0..4);
        let map = map
            .prop_map(|map| Value::Object(map.into_iter().map(|(name, it)| (name.to_owned(), it)).collect()));
        prop_oneof![1 => prop::collection::vec(inner, 0..3).prop_map(Value::Array), 2 => map]
    })
}

/// One keyword or a few that belong together.
fn keywords(inner: BoxedStrategy<Value>) -> impl Strategy<Value = Value> {
    let map = prop::collection::btree_map(names(), inner.clone(), 1..4)
        .prop_map(|map| map.into_iter().map(|(name, it)| (name.to_owned(), it)).collect::<Map<_, _>>())
        .boxed();
    let types = prop::sample::subsequence(
        vec!["null", "boolean", "integer", "number", "string", "array", "object"],
        1..7,
    );
    let count = || 0_u64..4;
    let edge =
        prop_oneof![(-2_i64..3).prop_map(Value::from), (-6_i32..6).prop_map(|it| json!(f64::from(it) / 4.0))];
    let bound = prop::sample::select(vec!["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"]);
    let counted = prop::sample::select(vec![
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
        "minProperties",
        "maxProperties",
    ]);
    let others = vec![
        json!({}),
        json!({"pattern": "^a"}),
        json!({"pattern": "[^a]"}),
        json!({"format": "uuid"}),
        json!({"format": "date"}),
        json!({"pattern": "a", "format": "date"}),
        json!({"enum": ["a", "ab", null, true]}),
        json!({"enum": ["a", 1]}),
        json!({"const": "a"}),
        json!({"const": 1}),
        json!({"multipleOf": 2}),
        json!({"uniqueItems": true}),
        json!({"uniqueItems": false}),
        json!({"not": {"type": "string"}}),
        json!({"writeOnly": true}),
        json!({"readOnly": true}),
        json!({"title": "t", "x-t": 1}),
        json!({"$ref": "#"}),
        json!({"$ref": "#/$defs/a"}),
        json!({"$defs": {"a": {"type": "object", "properties": {"a": {"$ref": "#"}}}}}),
        json!({"propertyNames": {"maxLength": 1}}),
    ];
    prop_oneof![
        4 => map.clone().prop_map(|map| json!({"properties": map})),
        3 => (map.clone(), prop::sample::subsequence(vec!["a", "b", "c"], 1..3))
            .prop_map(|(map, names)| json!({"properties": map, "required": names})),
        2 => inner.clone().prop_map(|it| json!({"additionalProperties": it})),
        1 => Just(json!({"additionalProperties": false})),
        2 => inner.clone().prop_map(|it| json!({"items": it})),
        3 => types.prop_map(|types| json!({"type": types})),
        2 => (bound, edge).prop_map(|(word, edge)| json!({word: edge})),
        2 => (counted, count()).prop_map(|(word, count)| json!({word: count})),
        1 => prop::collection::vec(inner, 1..3).prop_map(|list| json!({"anyOf": list})),
        4 => prop::sample::select(others),
    ]
}

fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![3 => Just(json!({})), 1 => Just(json!(true)), 1 => Just(json!(false))];
    let merged = |parts: Vec<Value>| {
        parts.into_iter().filter_map(|it| it.as_object().cloned()).flatten().collect::<Map<_, _>>().into()
    };
    leaf.prop_recursive(4, 24, 3, move |inner| {
        prop::collection::vec(keywords(inner.boxed()), 1..4).prop_map(merged)
    })
    .prop_filter("a schema that can be compiled", |schema| schema.is_object() && compile(schema).is_ok())
}

/// The text of a value, as it is or otherwise.
fn texts() -> impl Strategy<Value = String> {
    (values(), 0..9).prop_map(|(value, how)| match how {
        0 => serde_json::to_string_pretty(&value).unwrap(),
        1 => value.to_string().replacen(":1", ":1.0", 1),
        2 => value.to_string().replacen(":2", ":20e-1", 1),
        3 => value.to_string().replacen("\"a\"", "\"\\u0061\"", 1),
        4 => value.to_string().replacen('{', "{\"a\":1,", 1),
        5 => value.to_string().replacen("{\"", "{ \"x\" : {\"a\":[]} ,\n\"", 1),
        6 => value.to_string().replacen('}', ",\"y\":0}", 1),
        _ => value.to_string(),
    })
}

fn budgets() -> impl Strategy<Value = Budget> {
    let bound = |small: std::ops::Range<usize>| prop_oneof![7 => Just(1_usize << 16), 1 => small];
    (bound(0..4), bound(0..6), bound(0..3), bound(0..8), any::<bool>()).prop_map(
        |(depth, parts, name, text, any)| {
            let numbers = if any { Numbers::Any } else { Numbers::Interoperable };
            Budget { depth, parts, name, text, numbers }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn what_is_admitted_is_read_and_passes(schema in schemas(), texts in prop::collection::vec(texts(), 1..8), budget in budgets()) {
        for text in texts {
            admitted(&schema, &text, &budget);
        }
    }

    #[test]
    fn what_is_trimmed_is_what_others_leave(schema in schemas(), texts in prop::collection::vec(texts(), 1..8), budget in budgets()) {
        for text in texts {
            trimmed(&schema, &text, &budget);
        }
    }
}
