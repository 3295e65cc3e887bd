//! What holds of every schema and every value.

use proptest::prelude::*;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::tests::compile;
use crate::control::body::schema::tests::declared::left;
use crate::control::body::schema::tests::declared::left_once;

fn names() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c", "d"])
}

pub(in crate::control::body::schema::tests) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![Just(json!(1)), Just(json!("s")), Just(json!(null))];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let map = prop::collection::btree_map(names(), inner.clone(), 0..4);
        prop_oneof![
            prop::collection::vec(inner, 0..3).prop_map(Value::Array),
            map.prop_map(|map| Value::Object(
                map.into_iter().map(|(name, it)| (name.to_owned(), it)).collect()
            )),
        ]
    })
}

pub(in crate::control::body::schema::tests) fn schemas() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!({})),
        Just(json!({"type": "integer"})),
        Just(json!(true)),
        Just(json!({"$ref": "#"}))
    ];
    leaf.prop_recursive(3, 20, 3, |inner| {
        let map = prop::collection::btree_map(names(), inner.clone(), 0..4);
        let map = map
            .prop_map(|map| map.into_iter().map(|(name, it)| (name.to_owned(), it)).collect::<Map<_, _>>())
            .boxed();
        let list = prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            map.clone().prop_map(|map| json!({"properties": map})),
            (map.clone(), inner.clone())
                .prop_map(|(map, more)| json!({"properties": map, "additionalProperties": more})),
            map.prop_map(|map| json!({"properties": map, "additionalProperties": false})),
            inner.clone().prop_map(|inner| json!({"items": inner})),
            (prop::sample::select(vec!["allOf", "anyOf", "oneOf"]), list)
                .prop_map(|(word, list)| json!({word: list})),
            (inner.clone(), inner.clone(), inner)
                .prop_map(|(a, b, c)| json!({"if": a, "then": b, "else": c})),
        ]
    })
    .prop_filter("a schema may not be only itself", |schema| compile(schema).is_ok())
}

/// The schema with every object closed that can be closed where it stands.
fn closed(schema: &Value) -> Value {
    let mut schema = schema.clone();
    match &mut schema {
        Value::Object(keywords) => {
            let own: Vec<String> = keywords.keys().cloned().collect();
            for keyword in own {
                let child = &mut keywords[&keyword];
                *child = match (keyword.as_str(), &child) {
                    ("properties", Value::Object(named)) => {
                        Value::Object(named.iter().map(|(name, it)| (name.clone(), closed(it))).collect())
                    }
                    ("items", it) => closed(it),
                    (_, it) => (*it).clone(),
                };
            }
            if keywords.get("additionalProperties").is_none_or(|it| *it == json!(true) || *it == json!({})) {
                keywords.insert("unevaluatedProperties".into(), json!(false));
                keywords.remove("additionalProperties");
            }
        }
        Value::Bool(true) => schema = json!({"unevaluatedProperties": false}),
        _ => {}
    }
    schema
}

/// Whether one value is the other without whole members.
fn is_within(less: &Value, more: &Value) -> bool {
    match (less, more) {
        (Value::Object(less), Value::Object(more)) => {
            less.iter().all(|(name, it)| more.get(name).is_some_and(|more| is_within(it, more)))
        }
        (Value::Array(less), Value::Array(more)) => {
            less.len() == more.len() && less.iter().zip(more).all(|(less, more)| is_within(less, more))
        }
        (less, more) => less == more,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_left_is_the_value_without_whole_members(schema in schemas(), value in values()) {
        let closes = schema.to_string().contains(r#""additionalProperties":false"#);
        let left = if closes { left_once } else { left };
        if let Ok((left, gone)) = left(&schema, &value) {
            prop_assert!(is_within(&left, &value), "{left}");
            prop_assert_eq!(gone == 0, left == value);
        }
    }

    #[test]
    fn what_is_left_fits_the_schema_closed_where_it_fits_it_open(schema in schemas(), value in values()) {
        if let Ok((left, _)) = left_once(&schema, &value)
            && compile(&schema).unwrap().check(&left).is_ok()
            && !schema.to_string().contains("$ref")
        {
            let closed = closed(&schema);
            prop_assert!(compile(&closed).unwrap().check(&left).is_ok(), "{closed} {left}");
        }
    }
}
