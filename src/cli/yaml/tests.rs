use super::*;

fn read_all(text: &str) -> (Option<Rc<Node>>, Vec<String>) {
    let problems = Problems::default();
    let node = read(text, &"p.yaml".into(), Spot::Root, &problems);
    (node, problems.into_parts().0.iter().map(ToString::to_string).collect())
}

/// The value of a text that must be fine, as JSON.
fn json(text: &str) -> String {
    let (node, faults) = read_all(text);
    assert!(faults.is_empty(), "{text}: {faults:?}");
    node.unwrap().to_compact_json().unwrap()
}

fn faults(text: &str) -> Vec<String> {
    read_all(text).1
}

#[test]
fn reads_words_that_other_readers_take_for_booleans_as_strings() {
    for word in ["off", "no", "yes", "on", "y", "n", "NO", "Off", "Y", "ON", "tRue", "nUll"] {
        assert_eq!(json(word), format!("\"{word}\""));
    }
}

#[test]
fn reads_scalars_on_which_all_readers_agree() {
    for (text, want) in [
        ("0.5", "0.5"),
        ("3000000000", "3000000000"),
        ("18446744073709551615", "18446744073709551615"),
        ("-3", "-3"),
        ("0", "0"),
        ("1e3", "1000.0"),
        ("true", "true"),
        ("False", "false"),
        ("~", "null"),
        ("null", "null"),
        ("a: ", r#"{"a":null}"#),
        ("2026-12-01T00:00:00Z", r#""2026-12-01T00:00:00Z""#),
        ("2026-12-01", r#""2026-12-01""#),
        ("5.1.0", r#""5.1.0""#),
        ("5/1m", r#""5/1m""#),
        ("16KiB", r#""16KiB""#),
        ("user:/a", r#""user:/a""#),
        ("'010'", r#""010""#),
        ("\"5.10\"", r#""5.10""#),
        ("|\n  a\n  b\n", r#""a\nb\n""#),
        (">\n  a\n  b\n", r#""a b\n""#),
        ("_1", r#""_1""#),
        ("e5", r#""e5""#),
        ("1E", r#""1E""#),
        (".", r#"".""#),
        ("-", "[null]"),
        ("::1", r#""::1""#),
        ("10:300", r#""10:300""#),
    ] {
        assert_eq!(json(text), want, "{text}");
    }
}

#[test]
fn refuses_plain_scalars_on_which_readers_disagree() {
    for text in [
        "010",
        "0o10",
        "0x1F",
        "0b11",
        "1_000",
        "+5",
        "5.",
        ".5",
        "12:30",
        "1:30:00",
        "1:30:00.5",
        "00",
        "-010",
        "0_7",
        ".inf",
        "-.INF",
        ".NaN",
        "1e400",
        "18446744073709551616",
        "-9223372036854775809",
        "01.5",
        "-0x1f",
    ] {
        let faults = faults(&format!("a: {text}"));
        let want = format!(
            "p.yaml:1 a: YAML readers disagree on the plain `{text}`; quote it if it is a string, \
             and write a number plainly, such as 10 or 0.5"
        );
        assert_eq!(faults, [want], "{text}");
    }
}

#[test]
fn a_number_where_a_string_belongs_is_shown_as_written() {
    let (node, _) = read_all("app: 5.10");
    let problems = Problems::default();
    assert!(node.unwrap().get("app").unwrap().text(&problems).is_none());
    let faults = problems.into_parts().0;
    assert_eq!(faults[0].to_string(), "p.yaml:1 app: found the number 5.10, expected a string; quote it");
}

#[test]
fn marks_the_value_or_the_line_of_its_key() {
    let text =
        "routes:\n  - name: a\n    access:\n      owner: {is: x}\n    list:\n    - 1\n  - {x: [7, 8]}\n";
    let (node, faults) = read_all(text);
    assert!(faults.is_empty());
    let node = node.unwrap();
    let routes = node.get("routes").unwrap();
    let Kind::List(items) = &routes.kind else { panic!("a list") };
    let access = items[0].get("access").unwrap();
    let Kind::List(numbers) = &items[1].get("x").unwrap().kind else { panic!("a list") };
    for (node, want, column) in [
        (&node, "p.yaml:1", 1),
        (routes, "p.yaml:1 routes", 1),
        (&items[0], "p.yaml:2 routes[a]", 5),
        (access, "p.yaml:3 routes[a].access", 5),
        (access.get("owner").unwrap(), "p.yaml:4 routes[a].access.owner", 14),
        (access.get("owner").unwrap().get("is").unwrap(), "p.yaml:4 routes[a].access.owner.is", 19),
        (items[0].get("list").unwrap(), "p.yaml:5 routes[a].list", 5),
        (&numbers[1], "p.yaml:7 routes[1].x[1]", 13),
    ] {
        assert_eq!(node.place.to_string(), want);
        assert_eq!(node.place.mark().unwrap().column, column, "{want}");
    }
}

#[test]
fn reads_json_with_places() {
    assert_eq!(
        json("{\n\t\"a\": [1, 2.5, \"x\\u00e9\\/\"],\n\t\"b\": {\"c\": null}\n}\n"),
        r#"{"a":[1,2.5,"xé/"],"b":{"c":null}}"#
    );
    assert_eq!(json("{\"a\":{\"b\":true}}"), r#"{"a":{"b":true}}"#);
    let written = r#"{"😀\u0085\u2028\ufeff":"\u0000\"\\\t\n"}"#;
    assert_eq!(json(written), written, "what `bundle` writes reads as the same");
}

#[test]
fn writes_anchors_out_where_their_aliases_stand() {
    assert_eq!(
        json("a: &x [1, {b: 2}]\nc: *x\nd: &s off\ne: *s"),
        r#"{"a":[1,{"b":2}],"c":[1,{"b":2}],"d":"off","e":"off"}"#
    );
    let (node, _) = read_all("a: &x {b: 1}\nc: *x");
    let shared = node.unwrap().get("c").unwrap().get("b").unwrap().place.to_string();
    assert_eq!(shared, "p.yaml:1 a.b", "a value keeps the place where it was written");
}

#[test]
fn refuses_aliases_that_grow_without_bound() {
    let mut text = String::from("a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
    for level in 1..10 {
        let below = format!("*a{}", level - 1);
        text.push_str(&format!("a{level}: &a{level} [{}]\n", [below.as_str(); 10].join(", ")));
    }
    let faults = faults(&text);
    assert_eq!(faults, ["p.yaml:6: cannot be read: more than 200000 values, with every alias written out"]);
}

#[test]
fn refuses_what_a_policy_has_no_use_for() {
    let twice = "p.yaml:3 b.c: the field `c` is given twice; the first stands at p.yaml:2 b.c";
    for (row, text, want) in [
        (
            "merge key",
            "a: {<<: {b: 1}}",
            "p.yaml:1 a.<<: merge keys are not read, since YAML 1.2 has none; write the fields out, or use a group",
        ),
        (
            "tag",
            "a: !!str 1",
            "p.yaml:1 a: a policy has no use for YAML tags; quote a string, write all else plainly",
        ),
        (
            "tag on a map",
            "a: !x {b: 1}",
            "p.yaml:1 a: a policy has no use for YAML tags; quote a string, write all else plainly",
        ),
        (
            "second document",
            "a: 1\n---\nb: 1",
            "p.yaml:2: cannot be read: a second document begins here; a file holds one",
        ),
        ("key twice", "b:\n  c: 1\n  c: 2", twice),
        ("number as key", "a: {200: x}", "p.yaml:1 a.200: a key must be a string; quote it"),
        ("boolean as key", "true: x", "p.yaml:1 true: a key must be a string; quote it"),
        ("null as key", "~: x", "p.yaml:1 ~: a key must be a string; quote it"),
        ("list as key", "? [a]\n: b", "p.yaml:1: cannot be read: a key must be a plain or quoted string"),
        ("map as key", "{a: 1}: b", "p.yaml:1: cannot be read: a key must be a plain or quoted string"),
        (
            "alias as key",
            "a: &x b\n*x : c",
            "p.yaml:2: cannot be read: a key must be a plain or quoted string",
        ),
        ("alias in itself", "a: &x [*x]", "p.yaml:1: cannot be read: this alias stands inside what it names"),
        ("nothing", "", "p.yaml:1: cannot be read: the file is empty"),
        ("only a comment", "# x\n", "p.yaml:1: cannot be read: the file is empty"),
    ] {
        assert_eq!(faults(text), [want], "{row}");
    }
}

#[test]
fn the_readers_own_errors_have_their_line() {
    for (row, text, line) in [
        ("tab", "a:\n\tb: 1", "p.yaml:2"),
        ("unclosed", "a: [1,\nb: 2", "p.yaml:"),
        ("unknown alias", "a: *x", "p.yaml:1"),
        ("bad indent", "a:\n  b: 1\n c: 2", "p.yaml:3"),
    ] {
        let (node, faults) = read_all(text);
        assert!(node.is_none(), "{row}");
        assert_eq!(faults.len(), 1, "{row}");
        assert!(
            faults[0].starts_with(line) && faults[0].contains("cannot be read: "),
            "{row}: {}",
            faults[0]
        );
    }
}

#[test]
fn nests_no_deeper_than_the_filter_reads() {
    let nested = |depth: usize| format!("{}1{}", "[".repeat(depth), "]".repeat(depth));
    assert!(faults(&nested(MAX_DEPTH)).is_empty());
    assert_eq!(faults(&nested(MAX_DEPTH + 1)), ["p.yaml:1: cannot be read: nested too deep"]);
    let by_alias = format!("a: &x {}\nb: {}", nested(60), "[".repeat(60) + "*x" + &"]".repeat(60));
    assert_eq!(faults(&by_alias), ["p.yaml:2: cannot be read: nested too deep"]);
}

proptest::proptest! {
    #[test]
    fn no_text_makes_it_panic_and_none_without_a_value_goes_unsaid(text in "([a-c:&*! \n\t\\[\\]{}?#|>'\"0-9.~<-]|\\PC){0,60}") {
        let (node, faults) = read_all(&text);
        assert!(node.is_some() || !faults.is_empty());
    }
}
