use proptest::prelude::*;
use serde_json::Value;
use serde_json::json;

use super::message;
use crate::model::pointer::Pointer;
use crate::model::pointer::Step;

/// RFC 6901, section 5.
#[test]
fn finds_what_the_rfcs_examples_find() {
    let document = json!({
        "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8,
    });
    for (pointer, wanted) in [
        ("/foo", json!(["bar", "baz"])),
        ("/foo/0", json!("bar")),
        ("/", json!(0)),
        ("/a~1b", json!(1)),
        ("/c%d", json!(2)),
        ("/e^f", json!(3)),
        ("/g|h", json!(4)),
        ("/i\\j", json!(5)),
        ("/k\"l", json!(6)),
        ("/ ", json!(7)),
        ("/m~0n", json!(8)),
    ] {
        let read: Pointer = pointer.parse().unwrap();
        assert_eq!(read.find(&document), Some(&wanted), "{pointer}");
        assert_eq!(read.to_string(), pointer);
    }
}

#[test]
fn what_is_not_there_is_not_found() {
    let document = json!({ "list": [1, [2]], "text": "ab", "null": null });
    for pointer in [
        "/none",
        "/list/2",
        "/list/-",
        "/list/00",
        "/list/01",
        "/list/+1",
        "/list/ 1",
        "/list/1/0/0",
        "/text/0",
        "/list/99999999999999999999",
    ] {
        assert_eq!(pointer.parse::<Pointer>().unwrap().find(&document), None, "{pointer}");
    }
    assert_eq!("/null".parse::<Pointer>().unwrap().find(&document), Some(&Value::Null));
}

#[test]
fn a_star_is_every_element_and_finds_no_one_value() {
    let each: Pointer = "/orders/*/id".parse().unwrap();
    assert!(each.has_each());
    assert_eq!(each.steps()[1], Step::Each);
    assert_eq!(each.find(&json!({ "orders": [{ "id": 1 }] })), None);
    let literal: Pointer = "/orders/~0*".parse().unwrap();
    assert!(!literal.has_each());
}

#[test]
fn a_star_spreads_over_lists_alone_and_every_element_has_the_value() {
    let (one, two, three) = (json!(1), json!(2), json!(3));
    for (pointer, document, wanted) in [
        ("/a", json!({ "a": 1 }), Some((vec![&one], false))),
        ("/*", json!([1, 2]), Some((vec![&one, &two], false))),
        ("/a/*/b", json!({ "a": [{ "b": 1 }, { "b": 2 }] }), Some((vec![&one, &two], false))),
        ("/*/b/*", json!([{ "b": [1, 2] }, { "b": [3] }]), Some((vec![&one, &two, &three], false))),
        ("/*/b/*", json!([{ "b": [1] }, { "b": [] }]), Some((vec![&one], true))),
        ("/a/*", json!({ "a": [] }), Some((vec![], true))),
        ("/a/*/b", json!({ "a": [{ "b": 1 }, {}] }), None),
        ("/a/*/b", json!({ "a": [{ "b": 1 }, { "b": null }] }), None),
        ("/a/*/b", json!({ "a": [{ "b": 1 }, 7] }), None),
        ("/a/*/b", json!({ "a": { "*": { "b": 1 } } }), None),
        ("/a/*", json!({ "a": "text" }), None),
        ("/a/*", json!({}), None),
    ] {
        let pointer: Pointer = pointer.parse().unwrap();
        let got = pointer.spread(&document).map(|it| (it.values, it.has_empty));
        assert_eq!(got, wanted, "{pointer} of {document}");
    }
}

#[test]
fn what_is_no_pointer_is_refused() {
    for text in ["", "a", "a/b", "/a~", "/a~2", "/~", "#/a"] {
        assert_eq!(
            message(text.parse::<Pointer>()),
            format!("`{text}` is no JSON Pointer; write it as in RFC 6901, such as /account/id")
        );
    }
}

proptest! {
    #[test]
    fn a_member_is_found_by_its_own_pointer_whatever_it_is_called(name in "\\PC{0,12}") {
        let document = json!({ name.clone(): 7 });
        let pointer = Pointer::member(&name);
        prop_assert_eq!(pointer.find(&document), Some(&json!(7)));
        // Written out and read again, unless the name is the one that a pointer has another use for.
        if name != "*" {
            let again: Pointer = pointer.to_string().parse().unwrap();
            prop_assert_eq!(again.find(&document), Some(&json!(7)));
        }
    }

    #[test]
    fn no_text_makes_it_panic_and_what_reads_is_written_back(text in "/?[a-c~01*/ü]{0,12}") {
        if let Ok(pointer) = text.parse::<Pointer>() {
            prop_assert_eq!(pointer.to_string(), text);
        }
    }
}
