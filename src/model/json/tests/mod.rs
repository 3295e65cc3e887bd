//! The reader that serves, held against the one that it is defined by.

mod reference;

use proptest::prelude::*;
use serde_json::Value;

use crate::bytes;
use crate::model::json::Budget;
use crate::model::json::Numbers;
use crate::model::json::Unfit;
use crate::model::json::read;

/// Budgets that let through, and such as are soon spent.
fn budgets() -> impl Strategy<Value = Budget> {
    let numbers = prop_oneof![Just(Numbers::Interoperable), Just(Numbers::Any)];
    let bound = |small: std::ops::Range<usize>| prop_oneof![3 => Just(1_usize << 20), 1 => small];
    let depth = prop_oneof![2 => Just(127_usize), 1 => 0_usize..6];
    (depth, bound(0..8), bound(0..6), bound(0..10), numbers)
        .prop_map(|(depth, parts, name, text, numbers)| Budget { depth, parts, name, text, numbers })
}

/// The same value to the last bit, or the same reason.
fn same(text: &[u8], budget: &Budget) {
    let (fast, slow) = (read(text, budget), reference::read(text, budget));
    // Written out, because `-0.0` is equal to `0.0`.
    assert_eq!(fast.as_ref().map(Value::to_string), slow.as_ref().map(Value::to_string), "{text:?}");
    assert_eq!(fast, slow, "{:?}", String::from_utf8_lossy(text));
}

/// Pieces that are JSON together more often than not, and whatever spoils it.
fn pieces() -> impl Strategy<Value = &'static [u8]> {
    let good: Vec<&'static str> = vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\t\r",
        "\"a\":",
        "\"b\":",
        "\"\\u0061\":",
        "\"a\"",
        "\"\"",
        "\"plain and longer than eight\"",
        "\"\u{e9}\u{20ac}\u{10348}\"",
        "\"\\ud83d\\ude00\"",
        "\"\\\\\\\"\\/\\b\\f\\n\\r\\t\"",
        "true",
        "false",
        "null",
        "0",
        "-0",
        "-0.0",
        "7",
        "-12",
        "1.5",
        "39.90",
        "0.1",
        "0.000",
        "123456789012345",
        "12345678901234.5",
        "1234567890123456",
        "9007199254740991",
        "9007199254740992",
        "-9007199254740993",
        "18446744073709551615",
        "18446744073709551616",
        "1e2",
        "1E-2",
        "1e400",
        "1e-400",
        "5e-324",
        "0e1",
        "0.1234567890123456789",
        "100000000000000000000000",
    ];
    let bad: Vec<&'static [u8]> = vec![
        b"01",
        b"1.",
        b".5",
        b"-",
        b"+1",
        b"1e",
        b"1-2",
        b"--1",
        b"1.2.3",
        b"NaN",
        b"nul",
        b"truex",
        b"'a'",
        b"\"",
        b"\\",
        b"\"\\x\"",
        b"\"\\ud800\"",
        b"\"\\udc00\"",
        b"\"\\ud800\\u0041\"",
        b"\"\\u00\"",
        b"\"a\x01\"",
        b"\"12345678\x1f\"",
        b"\x00",
        b"\xff",
        b"\"\xff\"",
        b"\"\xc3\"",
        b"\"\xed\xa0\x80\"",
        b"\xef\xbb\xbf",
        b"//",
        b"\x0b",
        b"\xc2\xa0",
    ];
    let good = prop::sample::select(good).prop_map(str::as_bytes);
    prop_oneof![12 => good, 1 => prop::sample::select(bad)]
}

fn values() -> impl Strategy<Value = Value> {
    let number = prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-100_000_i64..100_000).prop_map(|it| Value::from(it as f64 / 100.0)),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        number,
        ".{0,24}".prop_map(Value::from),
        "[a-z\"\\\\\u{1}-\u{1f}]{0,24}".prop_map(Value::from),
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
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn any_bytes_read_alike(text in prop::collection::vec(any::<u8>(), 0..64), budget in budgets()) {
        same(&text, &budget);
    }

    #[test]
    fn pieces_of_json_read_alike(pieces in prop::collection::vec(pieces(), 0..24), budget in budgets()) {
        same(&pieces.concat(), &budget);
    }

    #[test]
    fn lists_and_objects_of_pieces_read_alike(pieces in prop::collection::vec(pieces(), 0..8), budget in budgets()) {
        same(&[b"[", pieces.join(&b","[..]).as_slice(), b"]"].concat(), &budget);
        let named = pieces.iter().enumerate().map(|(at, piece)| [format!("\"{}\":", at % 5).as_bytes(), piece].concat());
        same(&[b"{", named.collect::<Vec<_>>().join(&b","[..]).as_slice(), b"}"].concat(), &budget);
    }

    #[test]
    fn json_that_was_written_out_reads_alike(
        value in values(), pretty in any::<bool>(), budget in budgets(), at in any::<prop::sample::Index>(), byte in any::<u8>()
    ) {
        let mut text = if pretty { serde_json::to_vec_pretty(&value).unwrap() } else { value.to_string().into_bytes() };
        same(&text, &budget);
        let at = at.index(text.len());
        text[at] = byte;
        same(&text, &budget);
        text.truncate(at);
        same(&text, &budget);
    }

    #[test]
    fn numbers_read_alike(text in "-?[0-9]{1,20}([.][0-9]{0,20})?([eE][+-]?[0-9]{0,3})?", budget in budgets()) {
        same(text.as_bytes(), &budget);
    }

    #[test]
    fn short_numbers_read_alike(text in "-?(0|[1-9][0-9]{0,7})([.][0-9]{1,8})?") {
        for numbers in [Numbers::Interoperable, Numbers::Any] {
            let budget = Budget::request(64, numbers);
            same(text.as_bytes(), &budget);
            prop_assert!(read(text.as_bytes(), &budget).is_ok());
        }
    }

    #[test]
    fn what_stands_for_itself_in_a_string_ends_where_it_must(text in prop::collection::vec(any::<u8>(), 0..40)) {
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..0x20);
        prop_assert_eq!(bytes::plain(&text), text.iter().position(special).unwrap_or(text.len()));
    }
}

#[test]
fn each_byte_at_each_place_of_eight_ends_a_string_or_does_not() {
    for byte in 0..=u8::MAX {
        for beside in [b'a', 0x7f, 0x80, 0xff, b' ', b'!', b'#', b'[', b']'] {
            for place in 0..8 {
                let mut text = [beside; 8];
                text[place] = byte;
                let want = if matches!(byte, b'"' | b'\\' | ..0x20) { place } else { 8 };
                assert_eq!(bytes::plain(&text), want, "{byte:#x} at {place} beside {beside:#x}");
            }
        }
    }
}

#[test]
fn nothing_deeper_than_the_budget_or_the_parsers_own_bound_is_read() {
    for depth in [31, 32, 33, 126, 127, 128, 129, 5000] {
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            let text = format!("{}1{}", open.repeat(depth), close.repeat(depth));
            for bound in [32, 127, usize::MAX] {
                let budget = Budget { depth: bound, ..Budget::request(1 << 20, Numbers::Any) };
                same(text.as_bytes(), &budget);
                assert_eq!(
                    read(text.as_bytes(), &budget).is_ok(),
                    depth <= bound.min(127),
                    "{depth} of {bound}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_number_as_a_whole_is_met_where_its_first_number_ends() {
    let rests = [
        "1.2.3", "1-2", "1e2e3", "-1.5-", "0.5.", "1.", "1.e", "1e", "1e+", "01", "-01", "-", "--1", "-.5",
        "00", "1e400.5",
    ];
    for rest in rests {
        for parts in [0, 1, 2] {
            let budget = Budget { parts, ..Budget::request(1 << 20, Numbers::Any) };
            for text in
                [rest.to_owned(), format!("[{rest}]"), format!("[1,{rest}]"), format!("{{\"a\":{rest}}}")]
            {
                same(text.as_bytes(), &budget);
                assert!(read(text.as_bytes(), &budget).is_err(), "{text}");
            }
        }
    }
}

#[test]
fn a_number_that_is_not_allowed_goes_before_all_else() {
    let budget = Budget { depth: 1, ..Budget::request(1 << 20, Numbers::Interoperable) };
    for text in ["[1e400", "[[1e400]]", "{\"a\":1,\"a\":1e400}", "nope 1e400", "[\"\u{0}\",9007199254740993]"]
    {
        assert_eq!(read(text.as_bytes(), &budget), Err(Unfit::Number), "{text}");
        same(text.as_bytes(), &budget);
    }
}
