//! Patterns and formats that are matched at a glance: what is admitted, the crate's own engine passes.

use proptest::prelude::*;
use serde_json::json;

use crate::control::body::schema::tests::compile;
use crate::control::body::schema::tests::glance::admitted;
use crate::control::body::schema::tests::glance::budget;

#[test]
fn a_run_of_a_class_is_matched_at_a_glance() {
    for (pattern, good, bad) in [
        ("^[A-Z0-9-]{3,20}$", vec!["KETTLE-00001", "A-1"], vec!["A1", "kettle", "A B C", "ABC\n", "ÄBC"]),
        ("^[^<>]*$", vec!["", "tea for two", "Äpfel\n"], vec!["<b>", "a>b"]),
        ("^[^ ]{2}$", vec!["äö", "ab", "€x"], vec!["a", "abc", "a b"]),
        ("^[-a]+$", vec!["-", "a-a"], vec!["", "b"]),
        ("^[a-c_]?$", vec!["", "b", "_"], vec!["aa", "d"]),
    ] {
        let schema = json!({"type": "string", "pattern": pattern});
        for (texts, want) in [(good, true), (bad, false)] {
            for text in texts {
                let text = json!(text).to_string();
                assert_eq!(admitted(&schema, &text, &budget()), want, "{pattern} {text}");
            }
        }
    }
}

/// Runs of a class, most of them; among them what only looks like one.
fn patterns() -> impl Strategy<Value = String> {
    let class = prop::collection::vec(
        prop_oneof![
            6 => prop::sample::select(vec!["a", "b", "_", "0", "a-c", "0-9", "A-Z", "-", ".", " ", "é", ":"]),
            1 => prop::sample::select(vec!["^", "--", "&&", "~~", "[", "]", "\\", "\\d", "\\w", "+--", "c-a", "a-Z", "$", "#"]),
        ],
        0..4,
    );
    let count = prop::sample::select(vec![
        "", "*", "+", "?", "{2}", "{1,}", "{1,3}", "{,2}", "{3,1}", "+?", "{2}{2}", "{ 2 }",
    ]);
    let ends = prop_oneof![8 => Just(("^[", "$")), 1 => Just(("[", "$")), 1 => Just(("^[", "")), 2 => Just(("^[^", "$"))];
    (ends, class, count)
        .prop_map(|((start, end), class, count)| format!("{start}{}]{count}{end}", class.concat()))
}

proptest! {
    #[test]
    fn a_text_that_is_admitted_matches_its_pattern(pattern in patterns(), texts in prop::collection::vec(".{0,6}|[a-c_\\-\n^0]{0,6}", 1..8)) {
        let schema = json!({"type": "string", "pattern": pattern});
        if compile(&schema).is_ok() {
            for text in texts {
                admitted(&schema, &json!(text).to_string(), &budget());
            }
        }
    }

    #[test]
    fn a_text_that_is_admitted_has_its_format(text in "[0-9a-fA-Fg]{8}-[0-9a-f]{4}-[0-9a-f]{3,5}-[0-9a-f]{4}[-_][0-9A-F]{12}|.{36}") {
        admitted(&json!({"type": "string", "format": "uuid"}), &json!(text).to_string(), &budget());
    }
}
