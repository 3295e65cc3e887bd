use super::*;
use crate::fault::Problems;

fn read(text: &str) -> (Option<Rc<Node>>, Vec<String>) {
    let problems = Problems::default();
    let node = Node::from_json(text.as_bytes(), &problems);
    (node, problems.into_parts().0.iter().map(ToString::to_string).collect())
}

#[test]
fn places_call_list_elements_by_their_names() {
    let (node, faults) = read(r#"{"routes": [{"name": "orders.get", "access": {"owner": 1}}, {"x": 2}]}"#);
    assert!(faults.is_empty());
    let node = node.unwrap();
    let Kind::List(routes) = &node.get("routes").unwrap().kind else { panic!("a list") };
    let owner = routes[0].get("access").unwrap().get("owner").unwrap();
    assert_eq!(owner.place.to_string(), "routes[orders.get].access.owner");
    assert_eq!(routes[1].get("x").unwrap().place.to_string(), "routes[1].x");
}

#[test]
fn notes_every_key_that_comes_twice() {
    let (_, faults) = read(r#"{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}"#);
    assert_eq!(
        faults,
        [
            "b.c: the field `c` is given twice; the first stands at b.c",
            "a: the field `a` is given twice; the first stands at a"
        ]
    );
}

#[test]
fn refuses_what_is_not_json_and_what_nests_too_deep() {
    let deep = format!("{}1{}", "[".repeat(MAX_DEPTH + 1), "]".repeat(MAX_DEPTH + 1));
    for text in ["", "{", "{} x", "nul", &deep] {
        let (node, faults) = read(text);
        assert!(node.is_none() && faults.len() == 1, "{text}");
    }
}

#[test]
fn the_canonical_text_is_that_of_the_value_with_sorted_keys() {
    for (text, want) in [
        (r#" { "b" : [ 1, null, true, {} ], "a": -0.5 } "#, r#"{"a":-0.5,"b":[1,null,true,{}]}"#),
        (
            r#"{"a": 1e2, "ab": 18446744073709551615, "Z": 1E-7, "": -1}"#,
            r#"{"":-1,"Z":1e-7,"a":100.0,"ab":18446744073709551615}"#,
        ),
        (r#"{"\u0022\\\n\u001f": "é\u2028\/"}"#, "{\"\\\"\\\\\\n\\u001f\":\"é\u{2028}/\"}"),
        ("[]", "[]"),
    ] {
        let node = read(text).0.unwrap();
        assert_eq!(String::from_utf8(node.canonical()).unwrap(), want);
        // serde_json's maps are sorted.
        assert_eq!(node.to_json().to_string(), want);
    }
}

#[test]
fn unknown_fields_are_named_with_the_nearest_known_one() {
    let problems = Problems::default();
    let node = Node::from_json(br#"{"audiense": [], "zzz": 1}"#, &problems).unwrap();
    let fields = Fields::open(&node, &problems).unwrap();
    assert!(fields.optional("audience").is_none());
    assert!(fields.required("issuer").is_none());
    fields.close();
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    assert_eq!(
        faults,
        [
            "policy: `issuer` must be written",
            "audiense: unknown field `audiense`; did you mean `audience`?",
            "zzz: unknown field `zzz`"
        ]
    );
}

#[test]
fn writes_what_it_read_in_the_same_order() {
    let text = r#"{"z":[1,0.5,-3,3000000000],"a":{"k":null,"b":true},"é\u007f\u2028😀":"\"\\\n"}"#;
    let (node, faults) = read(text);
    assert!(faults.is_empty());
    let written = node.unwrap().to_compact_json().unwrap();
    assert_eq!(written, r#"{"z":[1,0.5,-3,3000000000],"a":{"k":null,"b":true},"é\u007f\u2028😀":"\"\\\n"}"#);
    let again = read(&written).0.unwrap().to_compact_json().unwrap();
    assert_eq!(again, written);
}

#[test]
fn a_policy_has_one_digest_however_it_is_written() {
    let digest = |text| digest::Digest::of(&read(text).0.unwrap());
    assert_eq!(digest(r#"{"a": 1, "b": [true]}"#), digest(r#"{ "b":[true],"a":1 }"#));
    assert_ne!(digest(r#"{"a": 1}"#), digest(r#"{"a": 2}"#));
    let digest = digest("{}");
    // SHA-256 of the two bytes `{}`.
    assert_eq!(digest.to_string(), "44136fa355b3");
    assert!(digest.full().starts_with("44136fa355b3") && digest.full().len() == 64);
}

#[test]
fn patches_as_rfc_7396_appendix_a_says() {
    for (target, patch, result) in [
        (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
        (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
        (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
        (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
        (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
        (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
        (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
        (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
        (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
        (r#"{"a":"foo"}"#, "null", "null"),
        (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
        (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
        ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
        ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
    ] {
        let node = |text| read(text).0.unwrap();
        let merged = patched(&node(target), &node(patch)).to_compact_json().unwrap();
        assert_eq!(merged, result, "{target} with {patch}");
    }
}

/// One field of wire type 2, its length in two bytes.
fn message(field: u8, bytes: &[u8]) -> Vec<u8> {
    let [low, high] = u16::try_from(bytes.len()).unwrap().wrapping_shl(1).to_le_bytes();
    [&[field << 3 | 2, low >> 1 | 0x80, high], bytes].concat()
}

fn entry(key: &str, value: &[u8]) -> Vec<u8> {
    message(1, &[message(1, key.as_bytes()), message(2, value)].concat())
}

/// The wire form of a `Struct`: `{"version": 1, "name": "a", "on": true, "nil": null, "rate": 0.5, "list": ["x", {"k":
/// -3}]}`, its entries apart.
fn wire() -> Vec<Vec<u8>> {
    let double = |it: f64| [&[0x11], it.to_le_bytes().as_slice()].concat();
    let inner = message(5, &entry("k", &double(-3.0)));
    let list = message(6, &[message(1, &message(3, b"x")), message(1, &inner)].concat());
    vec![
        entry("version", &double(1.0)),
        entry("name", &message(3, b"a")),
        entry("on", &[0x20, 1]),
        entry("nil", &[0x08, 0]),
        entry("rate", &double(0.5)),
        entry("list", &list),
    ]
}

#[test]
fn reads_the_wire_form_of_a_struct_as_the_json_that_it_stands_for() {
    let problems = Problems::default();
    let node = Node::from_struct(&wire().concat(), &problems).unwrap();
    let json = r#"{"version":1,"name":"a","on":true,"nil":null,"rate":0.5,"list":["x",{"k":-3}]}"#;
    assert_eq!(node.to_compact_json().unwrap(), json);
    assert!(problems.none());
    let twice = [wire(), wire()].concat().concat();
    assert!(Node::from_struct(&twice, &problems).is_some() && !problems.none(), "a name twice");
}

#[test]
fn refuses_what_is_no_struct_and_what_nests_too_deep() {
    let problems = Problems::default();
    let (whole, mut ends) = (wire().concat(), Vec::new());
    wire()
        .iter()
        .for_each(|entry| ends.push(ends.last().copied().unwrap_or(0_usize).saturating_add(entry.len())));
    for cut in 1..whole.len() {
        assert_eq!(Node::from_struct(&whole[..cut], &problems).is_some(), ends.contains(&cut), "{cut}");
    }
    let nested = |levels| (0..levels).fold(vec![0x08, 0], |inner, _| message(6, &message(1, &inner)));
    assert!(Node::from_struct(&entry("d", &nested(MAX_DEPTH - 1)), &problems).is_some());
    assert!(Node::from_struct(&entry("d", &nested(MAX_DEPTH)), &problems).is_none());
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_reader_of_structs_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let _ = Node::from_struct(&bytes, &Problems::default());
    }
}

#[test]
fn reads_a_block_that_is_written_as_before_no_second_time() {
    let mut blocks = Blocks::default();
    let mut read = |text: &str| {
        let problems = Problems::default();
        let node = blocks.read(text.as_bytes(), &problems).unwrap();
        assert!(problems.none(), "{text}");
        node
    };
    let first = read(r#"{"a": {"x": [1, {"name": "n", "y": 1}]}, "b": "c"}"#);
    let second = read(r#"{"b": "d", "a": {"x": [1, {"name": "n", "y": 1}]}, "c": {"x": [1]}}"#);
    assert!(Rc::ptr_eq(first.get("a").unwrap(), second.get("a").unwrap()));
    assert!(!Rc::ptr_eq(first.get("b").unwrap(), second.get("b").unwrap()));
    let third = read(r#"{"a": {"x": [1, {"name": "n", "y": 2}]}}"#);
    assert!(!Rc::ptr_eq(second.get("a").unwrap(), third.get("a").unwrap()));
    let Kind::List(items) = &third.get("a").unwrap().get("x").unwrap().kind else { panic!("a list") };
    assert_eq!(items[1].get("y").unwrap().place.to_string(), "a.x[n].y");
}

#[test]
fn one_document_after_another_reads_as_each_alone() {
    let deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(MAX_DEPTH - 1), "]".repeat(MAX_DEPTH - 1));
    let too_deep = format!(r#"{{"a": {}1{}}}"#, "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
    let texts = [
        r#"{"a": {"b": 1, "c": [true, null]}, "d": "e"}"#,
        r#"{"a": {"b": 1, "c": [true, null]}, "a": {"b": 1, "c": [true, null]}}"#,
        r#"{"a": {"b": 1, "b": 2}, "d": "e"}"#,
        r#"{"d": "e", "a": {"b": 1, "b": 2}}"#,
        "{\"d\": \"e\",\n \"a\": {\"b\": 1,}}",
        r#"{"d": "e", "a": 1e999}"#,
        r#"{"d": "e", "a": "\ud800"}"#,
        r#"{"d": "e"} {"d": "e"}"#,
        r#"{"d": "e",}"#,
        r#"{"d": "e" "a": 1}"#,
        r#"{"d"  "e"}"#,
        r#"{d: "e"}"#,
        r#"{"d": 1 2}"#,
        r#"{"d": {"e": 1]}"#,
        r#"{"$serde_json::private::RawValue": "[1]"}"#,
        r#"{"d": {"$serde_json::private::RawValue": "[1]"}, "n": -0, "m": 1.0e2}"#,
        r#"{"d": "e", "a": 00}"#,
        r#"{"d": "e", "#,
        "[]",
        "null",
        "",
        "{}",
        &deep,
        &too_deep,
        r#" { "a" : {"b":1, "c":[true,null] } , "\u0064": "e" } "#,
        r#"{"a": {"b": 1, "c": [true, null]}, "d": "e"}"#,
    ];
    let mut blocks = Blocks::default();
    for text in texts.iter().chain(texts.iter().rev()) {
        let problems = Problems::default();
        let node = blocks.read(text.as_bytes(), &problems);
        let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
        let (alone, faults_alone) = read(text);
        assert_eq!(faults, faults_alone, "{text}");
        let canonical = alone.map(|it| it.canonical());
        assert_eq!(node.as_ref().map(|it| it.canonical()), canonical, "{text}");
        assert_eq!(node.map(|it| blocks.canonical(&it)), canonical, "{text}");
    }
}
