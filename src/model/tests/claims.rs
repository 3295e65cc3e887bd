use serde_json::Value;
use serde_json::json;

use crate::document::Fields;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::claims::ClaimTest;
use crate::model::claims::Claims;

fn compile(entry: &Value) -> (Option<ClaimTest>, Vec<String>) {
    let problems = Problems::default();
    let node = Node::from_json(entry.to_string().as_bytes(), &problems).unwrap();
    let fields = Fields::open(&node, &problems).unwrap();
    let test = ClaimTest::compile(&fields, &problems);
    fields.close();
    (test, problems.into_parts().0.iter().map(ToString::to_string).collect())
}

#[test]
fn a_claim_holds_as_its_word_says_and_an_absent_one_never() {
    for (row, entry, claim, holds) in [
        ("is", json!({ "is": "a" }), json!("a"), true),
        ("is another", json!({ "is": "a" }), json!("A"), false),
        ("is of another type", json!({ "is": "1" }), json!(1), false),
        ("is a boolean", json!({ "is": true }), json!(true), true),
        ("is never a list that has it", json!({ "is": "a" }), json!(["a"]), false),
        ("has in a list", json!({ "has": "a" }), json!(["b", "a"]), true),
        ("has not in a list", json!({ "has": "a" }), json!(["ab"]), false),
        ("has the whole string", json!({ "has": "a" }), json!("a"), true),
        ("has no word of a string", json!({ "has": "a" }), json!("a b"), false),
        ("has in a list of lists", json!({ "has": "a" }), json!([["a"]]), false),
        ("any", json!({ "any": ["a", 1] }), json!(1), true),
        ("any other", json!({ "any": ["a", 1] }), json!("1"), false),
        ("any of a list's elements", json!({ "any": ["a"] }), json!(["a"]), false),
    ] {
        let (test, faults) = compile(&entry);
        assert_eq!(faults, [""; 0], "{row}");
        let test = test.unwrap();
        assert_eq!(test.holds(Some(&claim)), holds, "{row}");
        assert!(!test.holds(None), "{row}: absent");
    }
}

#[test]
fn an_entry_says_one_word_of_scalars() {
    let scalar = "expected a string, a number or a boolean";
    for (entry, fault) in [
        (json!({}), "policy: write just one of `is`, `has` and `any`".to_owned()),
        (json!({ "is": "a", "has": "a" }), "policy: write just one of `is`, `has` and `any`".into()),
        (json!({ "any": [] }), "any: an empty `any` would never hold".into()),
        (json!({ "any": "a" }), "any: found the string `a`, expected a list".into()),
        (json!({ "is": null }), format!("is: found nothing (null), {scalar}")),
        (json!({ "has": ["a"] }), format!("has: found a list, {scalar}")),
        (json!({ "any": ["a", {}] }), format!("any[1]: found a map, {scalar}")),
    ] {
        let (test, faults) = compile(&entry);
        assert_eq!((test, faults), (None, vec![fault]), "{entry}");
    }
}

#[test]
fn null_is_an_absent_claim_but_a_member_that_is_there() {
    let Value::Object(payload) = json!({ "a": null, "n": 1.5, "t": "x", "o": { "b": [7, null] } }) else {
        panic!()
    };
    let claims = Claims::new(payload);
    let at = |pointer: &str| claims.get(&pointer.parse().unwrap());
    assert_eq!((at("/a"), claims.member("a")), (None, Some(&Value::Null)));
    assert_eq!((at("/o/b/0"), at("/o/b/1"), at("/o/c")), (Some(&json!(7)), None, None));
    assert_eq!(
        (claims.number("n"), claims.number("t"), claims.text("t"), claims.text("n")),
        (Some(1.5), None, Some("x"), None)
    );
}
