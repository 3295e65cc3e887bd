use serde_json::json;

use super::*;
use crate::control::limits::key::Digest;
use crate::control::limits::key::MAX_PART;
use crate::control::limits::key::digest;
use crate::control::limits::key::overflow;
use crate::control::limits::table::Table;

fn table() -> Table {
    Table::prepare(Memory::DEFAULT, &InMemory::default(), [7; 16]).unwrap()
}

fn of(key: &str, caller: &Caller) -> Result<Option<Digest>, Reason> {
    let all = limits(&format!(r#"{{ "a": {{ "key": {key}, "missing": "deny", "rate": "1/1s" }} }}"#));
    digest(all.get(0).unwrap(), caller, &table())
}

fn print(key: &str, caller: &Caller) -> u64 {
    of(key, caller).unwrap().unwrap().print
}

#[test]
fn text_that_a_client_may_spell_as_it_likes_is_one_key() {
    let key = r#"["query.email"]"#;
    let one = print(key, &Caller::query("email", "ann@shop.example"));
    for same in ["ANN@Shop.Example", "  ann@shop.example\t", "\u{2003}Ann@shop.example\u{a0}"] {
        assert_eq!(print(key, &Caller::query("email", same)), one, "{same:?}");
    }
    for other in ["ann@shop.exampl", "ann @shop.example", "", "ann@shop.example\0"] {
        assert_ne!(print(key, &Caller::query("email", other)), one, "{other:?}");
    }
    let greek = print(key, &Caller::query("email", "ΆΝΝΑ"));
    assert_eq!(print(key, &Caller::query("email", "άννα")), greek, "not only of ASCII");
}

#[test]
fn exact_text_is_not_folded_nor_is_a_path_or_a_claim() {
    let exact = r#"[{ "value": "query.x", "as": "exact" }]"#;
    assert_ne!(print(exact, &Caller::query("x", "A")), print(exact, &Caller::query("x", "a")));
    let path = |id: &str| Caller { path: vec![("id", id.into())], ..Caller::default() };
    assert_ne!(print(r#"["path.id"]"#, &path("A")), print(r#"["path.id"]"#, &path("a")));
    assert_ne!(print(r#"["user.sub"]"#, &Caller::user("A")), print(r#"["user.sub"]"#, &Caller::user("a")));
}

#[test]
fn bytes_that_are_no_utf8_are_a_key_of_their_own() {
    let key = r#"["header.x"]"#;
    let bytes = print(key, &Caller::header("x", [0xff, b'A']));
    assert_ne!(bytes, print(key, &Caller::header("x", [0xff, b'a'])), "as they are");
    assert_ne!(bytes, print(key, &Caller::header("x", "\u{fffd}a")));
}

#[test]
fn parts_cannot_run_into_one_another() {
    let key = r#"["query.a", "query.b"]"#;
    let pair =
        |a: &str, b: &str| Caller { query: vec![("a", a.into()), ("b", b.into())], ..Caller::default() };
    assert_ne!(print(key, &pair("ab", "c")), print(key, &pair("a", "bc")));
    assert_ne!(print(key, &pair("", "abc")), print(key, &pair("abc", "")));
}

#[test]
fn types_are_told_apart_and_numbers_are_not_by_their_spelling() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let of = |text: &str| print(r#"["user.sub"]"#, &Caller::user(json(text)));
    assert_ne!(of("1"), of("\"1\""));
    assert_ne!(of("true"), of("\"true\""));
    assert_ne!(of("true"), of("1"));
    assert_ne!(of("1"), of("1.5"));
    assert_ne!(of("18446744073709551615"), of("-1"));
    for same in ["1.0", "1e0", "10e-1"] {
        assert_eq!(of(same), of("1"), "{same}");
    }
    assert_eq!(of("-0.0"), of("0"));
}

#[test]
fn a_claim_counts_together_with_its_issuer() {
    let key = r#"["user.sub"]"#;
    let (here, mut elsewhere) = (Caller::user("42"), Caller::user("42"));
    elsewhere.issuer = Some("https://other");
    assert_ne!(print(key, &here), print(key, &elsewhere));
    let text = r#"["query.sub|user.sub"]"#;
    assert_ne!(print(text, &Caller::query("sub", "42")), print(text, &here), "text is no claim");
}

#[test]
fn a_key_is_claimed_only_where_a_claim_was_there() {
    let key = r#"["user.sub|ip"]"#;
    assert!(of(key, &Caller::user("42")).unwrap().unwrap().claimed);
    assert!(!of(key, &Caller::ip("192.0.2.1")).unwrap().unwrap().claimed);
}

#[test]
fn lists_objects_null_and_long_texts_are_missing() {
    let long = "x".repeat(MAX_PART + 1);
    let missing = Err(Reason::LimitsKeyMissing);
    for value in [json!([]), json!(["a"]), json!({ "a": 1 }), Value::Null, json!(long.clone())] {
        assert_eq!(of(r#"["user.sub"]"#, &Caller::user(value.clone())), missing, "{value}");
        assert_eq!(
            of(r#"["user.sub|ip"]"#, &Caller { ip: "::1".parse().ok(), ..Caller::user(value) }),
            missing
        );
    }
    assert_eq!(of(r#"["query.x"]"#, &Caller::query("x", &long)), missing);
    assert!(of(r#"["query.x"]"#, &Caller::query("x", "x".repeat(MAX_PART))).is_ok());
    assert!(of(r#"["query.x"]"#, &Caller::query("x", "")).is_ok(), "an empty text is a text");
}

#[test]
fn what_is_given_twice_is_ambiguous_whatever_is_missing_beside_it() {
    let mut twice = Caller::query("x", "a");
    twice.query.push(("x", b"a".to_vec()));
    for key in [r#"["query.x"]"#, r#"["query.x|ip"]"#, r#"["ip", "query.x"]"#] {
        assert_eq!(of(key, &twice), Err(Reason::LimitsAmbiguous), "{key}");
    }
}

#[test]
fn missing_is_what_the_policy_says_and_a_missing_address_is_refused() {
    let all = limits(
        r#"{
        "deny": { "key": ["header.x", "ip"], "missing": "deny", "rate": "1/1s" },
        "skip": { "key": ["header.x", "ip"], "missing": "skip", "rate": "1/1s" },
        "text": { "key": ["header.x", "ip"], "missing": "nobody", "rate": "1/1s" },
        "said": { "key": ["user.sub"], "rate": "1/1s" }
    }"#,
    );
    let table = table();
    let of = |at, caller: &Caller| digest(all.get(at).unwrap(), caller, &table);
    let (lacking, refused) = (Caller::ip("192.0.2.1"), Err(Reason::LimitsKeyMissing));
    assert_eq!(of(0, &lacking), refused);
    assert_eq!(of(1, &lacking), Ok(None));
    assert_eq!(of(2, &lacking), of(2, &Caller::ip("192.0.2.2")), "all who lack it share one budget");
    assert_ne!(of(2, &lacking), of(2, &Caller { ip: lacking.ip, ..Caller::header("x", "nobody") }));
    assert_eq!(of(3, &Caller::default()), refused, "a token in shadow that did not verify");
    for at in 0..3 {
        assert_eq!(of(at, &Caller::header("x", "a")), refused, "no address, limit {at}");
        assert_eq!(of(at, &Caller::default()), refused, "neither, limit {at}");
    }
}

#[test]
fn a_counter_is_of_its_policy_limit_key_and_process() {
    let all = limits(r#"{ "a": { "key": ["ip"], "rate": "1/1s" }, "b": { "key": ["ip"], "rate": "1/1s" } }"#);
    let (a, b) = (all.get(0).unwrap(), all.get(1).unwrap());
    let caller = Caller::ip("192.0.2.1");
    let (table, other) = (table(), Table::prepare(Memory::DEFAULT, &InMemory::default(), [8; 16]).unwrap());
    assert_ne!(digest(a, &caller, &table), digest(b, &caller, &table));
    assert_ne!(digest(a, &caller, &table), digest(a, &caller, &other), "another process has another secret");
    assert_ne!(overflow(a, &table), overflow(b, &table));
    let slower = limits(r#"{ "a": { "key": ["ip"], "rate": "1/1h", "burst": 9 } }"#);
    assert_eq!(
        digest(a, &caller, &table),
        digest(slower.get(0).unwrap(), &caller, &table),
        "its rate is not in it"
    );
    let v6 = |ip| digest(a, &Caller::ip(ip), &table);
    assert_ne!(v6("::c000:201"), v6("192.0.2.1"), "an address of the other kind is another");
}
