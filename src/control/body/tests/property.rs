use proptest::prelude::*;
use serde_json::Value;

use crate::control::body::budget::Budget;
use crate::control::body::budget::Numbers;
use crate::control::body::strict::read;

/// What accepted bodies promise.
fn holds(text: &[u8]) {
    for numbers in [Numbers::Interoperable, Numbers::Any] {
        let budget = Budget::request(1 << 16, numbers);
        let Ok(value) = read(text, &budget) else { continue };
        assert_eq!(serde_json::from_slice::<Value>(text).unwrap(), value, "serde_json reads the same value");
        let again = value.to_string();
        assert_eq!(read(again.as_bytes(), &budget), Ok(value), "what is written back is accepted: {again}");
    }
}

fn fragment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"a\"",
        "\"\\u0061\"",
        "\"b\"",
        "\"\\ud83d\\ude00\"",
        "\"\\ud800\"",
        "\"\"",
        "1",
        "-0",
        "1e400",
        "1e-7",
        "0.1",
        "9007199254740991",
        "9007199254740993",
        "5e-324",
        "true",
        "null",
        " ",
        "\\",
        "\"",
        "\u{feff}",
        "é",
    ])
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(text in prop::collection::vec(any::<u8>(), 0..256)) {
        holds(&text);
    }

    #[test]
    fn pieces_of_json_in_any_order_keep_the_promise(pieces in prop::collection::vec(fragment(), 0..24)) {
        holds(pieces.concat().as_bytes());
    }

    #[test]
    fn json_with_one_byte_changed_keeps_the_promise(value in value(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut text = value.to_string().into_bytes();
        holds(&text);
        let at = at.index(text.len());
        text[at] = byte;
        holds(&text);
    }

    #[test]
    fn every_value_within_the_budget_is_accepted(value in value()) {
        let budget = Budget::request(1 << 16, Numbers::Any);
        prop_assert_eq!(read(value.to_string().as_bytes(), &budget), Ok(value));
    }
}
