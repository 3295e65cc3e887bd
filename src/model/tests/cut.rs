use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use crate::model::cut::Cut;
use crate::model::cut::Differs;

/// A cut by JSON Pointers to what goes.
fn cut(gone: &[&str]) -> Cut {
    let ways: Vec<Vec<&str>> = gone.iter().map(|place| place.split('/').skip(1).collect()).collect();
    nested(&ways.iter().map(Vec::as_slice).collect::<Vec<_>>())
}

fn nested(ways: &[&[&str]]) -> Cut {
    let mut cut = Cut::default();
    for step in ways.iter().map(|way| way[0]).collect::<BTreeSet<_>>() {
        let inner: Vec<&[&str]> = ways.iter().filter(|way| way[0] == step).map(|way| &way[1..]).collect();
        match (step.parse::<usize>(), inner.iter().any(|way| way.is_empty())) {
            (Ok(index), true) => cut.drop_element(index),
            (Ok(index), false) => cut.within_element(index, nested(&inner)),
            (Err(_), true) => cut.drop_member(step),
            (Err(_), false) => cut.within_member(step, nested(&inner)),
        }
    }
    cut
}

fn spliced(text: &str, gone: &[&str]) -> String {
    let cut = cut(gone);
    let out = String::from_utf8(cut.splice(text.as_bytes()).unwrap()).unwrap();
    let mut value: Value = serde_json::from_str(text).unwrap();
    cut.prune(&mut value);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap(), value, "{text}");
    out
}

#[test]
fn what_stays_keeps_its_order_and_every_byte() {
    for (text, gone, want) in [
        (r#"{"z":1.50,"a":2}"#, &[][..], r#"{"z":1.50,"a":2}"#),
        (r#"{"z":1.50,"x":0,"a":1e2}"#, &["/x"], r#"{"z":1.50,"a":1e2}"#),
        (r#"{"x":0,"z":1.50,"a":1e2}"#, &["/x"], r#"{"z":1.50,"a":1e2}"#),
        (r#"{"z":1.50,"a":1e2,"x":0}"#, &["/x"], r#"{"z":1.50,"a":1e2}"#),
        (r#"{"x":0,"y":0,"a":1,"w":0,"v":0}"#, &["/x", "/y", "/w", "/v"], r#"{"a":1}"#),
        (r#"{"x":0,"a":1,"y":0,"b":2,"w":0}"#, &["/x", "/y", "/w"], r#"{"a":1,"b":2}"#),
        (r#" { "x" : { "a" : [ 1 , "}" ] } , "y" : 0 } "#, &["/x", "/y"], " {} "),
        ("{\n  \"a\": 1,\n  \"x\": 2\n}\n", &["/x"], "{\n  \"a\": 1}\n"),
        ("{\n  \"x\": 1,\n  \"a\": 2\n}\n", &["/x"], "{\n  \"a\": 2\n}\n"),
        (r#"[1, 2 ,3]"#, &["/1"], "[1,3]"),
        (r#"[1,2,3]"#, &["/0", "/1", "/2"], "[]"),
        (r#"[{"a":1,"x":{"a":2}},{"x":[]},[]]"#, &["/0/x", "/1/x"], r#"[{"a":1},{},[]]"#),
        (
            r#"{"a":{"b":[0,{"x":1,"c":2}]},"x":"]}"}"#,
            &["/a/b/0", "/a/b/1/x", "/x"],
            r#"{"a":{"b":[{"c":2}]}}"#,
        ),
        (r#"{"\u0078":1,"a\"":2,"a":"\\"}"#, &["/x", "/a\""], r#"{"a":"\\"}"#),
        (r#"{"a":"\"x\":1","x":1}"#, &["/x"], r#"{"a":"\"x\":1"}"#),
        (r#"{"":1,"é":2,"a":[]}"#, &["/", "/é"], r#"{"a":[]}"#),
    ] {
        assert_eq!(spliced(text, gone), want, "{text} without {gone:?}");
        assert_eq!(cut(gone).count(), gone.len(), "{gone:?}");
    }
}

#[test]
fn a_text_that_is_not_the_values_is_told() {
    for (text, gone) in [
        ("{}", "/x"),
        ("[]", "/0"),
        ("1", "/x"),
        (r#"{"a":1}"#, "/a/x"),
        (r#"{"x""#, "/x"),
        ("", "/x"),
        ("{", "/x"),
    ] {
        assert_eq!(cut(&[gone]).splice(text.as_bytes()), Err(Differs), "{text}");
    }
}

/// A text in pieces, and which of them go.
#[derive(Clone, Debug)]
enum Tree {
    Leaf(String),
    List(Vec<(String, bool, Tree, String)>),
    Map(Vec<(String, bool, String, Tree, String)>),
}

fn trees() -> impl Strategy<Value = Tree> {
    let space = || prop_oneof![Just(String::new()), Just(" ".to_owned()), Just("\n\t ".to_owned())];
    let texts: Vec<&str> = vec![
        "0",
        "-1.500",
        "1e2",
        "true",
        "null",
        r#""""#,
        r#""a,b]}\"\\""#,
        r#""\u0041é""#,
        "12345678901234567890",
    ];
    let leaf = prop::sample::select(texts).prop_map(|text| Tree::Leaf(text.to_owned()));
    let name = prop::sample::select(&["a", "b", "x", "yy", r#"q\""#, r"\u0063", "é", ""]);
    leaf.prop_recursive(4, 40, 6, move |inner| {
        let list = (space(), any::<bool>(), inner.clone(), space());
        let map = (space(), any::<bool>(), name.clone().prop_map(str::to_owned), inner, space());
        prop_oneof![
            prop::collection::vec(list, 0..5).prop_map(Tree::List),
            prop::collection::vec(map, 0..6).prop_map(|members| {
                let mut seen = BTreeSet::new();
                Tree::Map(members.into_iter().filter(|member| seen.insert(member.2.clone())).collect())
            }),
        ]
    })
}

/// The text as it is, or without what goes: what stays stands as it stood, white space around it and all.
fn text(tree: &Tree, whole: bool) -> String {
    match tree {
        Tree::Leaf(text) => text.clone(),
        Tree::List(items) => {
            let items = items.iter().filter(|item| whole || !item.1);
            let items =
                items.map(|(before, _, item, behind)| format!("{before}{}{behind}", text(item, whole)));
            format!("[{}]", items.collect::<Vec<_>>().join(","))
        }
        Tree::Map(members) => {
            let members = members.iter().filter(|member| whole || !member.1);
            let members = members.map(|(before, _, name, member, behind)| {
                format!("{before}\"{name}\"{behind}:{before}{}{behind}", text(member, whole))
            });
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}

fn cut_of(tree: &Tree) -> Cut {
    let mut cut = Cut::default();
    match tree {
        Tree::Leaf(_) => {}
        Tree::List(items) => {
            for (index, (_, gone, item, _)) in items.iter().enumerate() {
                if *gone { cut.drop_element(index) } else { cut.within_element(index, cut_of(item)) }
            }
        }
        Tree::Map(members) => {
            for (_, gone, name, member, _) in members {
                let name: String = serde_json::from_str(&format!("\"{name}\"")).unwrap();
                if *gone { cut.drop_member(&name) } else { cut.within_member(&name, cut_of(member)) }
            }
        }
    }
    cut
}

proptest! {
    #[test]
    fn a_cut_text_is_the_text_without_whole_parts(tree in trees()) {
        let (before, cut) = (text(&tree, true), cut_of(&tree));
        let out = cut.splice(before.as_bytes()).unwrap();
        prop_assert_eq!(String::from_utf8(out.clone()).unwrap(), text(&tree, false));
        let mut value: Value = serde_json::from_str(&before).unwrap();
        cut.prune(&mut value);
        prop_assert_eq!(serde_json::from_slice::<Value>(&out).unwrap(), value);
        prop_assert_eq!(cut.is_empty(), cut.count() == 0);
    }

    #[test]
    fn no_text_makes_it_fall(text in r#"[\[\]{},:" \\a1]{0,24}"#, gone in prop::sample::select(&["/a", "/0", "/a/0", "/"])) {
        let _ = cut(&[gone]).splice(text.as_bytes());
    }
}

#[test]
fn a_value_of_another_kind_stays_as_it_is() {
    for mut value in [json!(1), json!([]), json!({}), json!({"b": 1})] {
        let before = value.clone();
        cut(&["/x", "/a/y"]).prune(&mut value);
        assert_eq!(value, before);
    }
}
