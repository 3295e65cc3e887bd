//! Bodies that some parser takes for something else, or that cost more than they weigh.

use serde_json::json;

use crate::control::body::budget::Budget;
use crate::control::body::budget::Numbers;
use crate::control::body::strict::Unfit;
use crate::control::body::strict::Unfit::DuplicateName;
use crate::control::body::strict::Unfit::Malformed;
use crate::control::body::strict::Unfit::Number;
use crate::control::body::strict::Unfit::Structure;
use crate::control::body::strict::read;

const MAX: u64 = 64 << 10;

fn strict(text: &[u8]) -> Result<serde_json::Value, Unfit> {
    read(text, &Budget::request(MAX, Numbers::Interoperable))
}

#[test]
fn refuses_hostile_bodies_each_with_its_reason() {
    let rows: &[(&str, &[u8], Unfit)] = &[
        ("no bytes", b"", Malformed),
        ("only white space", b" \r\n\t ", Malformed),
        ("byte order mark, UTF-8", b"\xef\xbb\xbf{}", Malformed),
        ("byte order mark, UTF-16", b"\xff\xfe{\0}\0", Malformed),
        ("UTF-16 without a mark", b"{\0}\0", Malformed),
        ("UTF-32", b"{\0\0\0}\0\0\0", Malformed),
        ("bytes after the value", b"{} x", Malformed),
        ("a second value", b"{}{}", Malformed),
        ("a second value on a new line", b"{}\n{}", Malformed),
        ("NUL after the value", b"{}\0", Malformed),
        ("form feed as white space", b"{}\x0c", Malformed),
        ("no-break space as white space", b"{\xc2\xa0}", Malformed),
        ("cut off in an object", b"{\"a\":1", Malformed),
        ("cut off in a string", b"{\"a\":\"b", Malformed),
        ("cut off in an escape", b"\"\\u00", Malformed),
        ("cut off after a backslash", b"\"\\", Malformed),
        ("wrong closing bracket", b"[1}", Malformed),
        ("comma at the end of an object", b"{\"a\":1,}", Malformed),
        ("comma at the end of a list", b"[1,]", Malformed),
        ("comma at the start", b"[,1]", Malformed),
        ("two commas", b"[1,,2]", Malformed),
        ("no comma", b"[1 2]", Malformed),
        ("no colon", b"{\"a\" 1}", Malformed),
        ("name without a value", b"{\"a\"}", Malformed),
        ("name without quotes", b"{a:1}", Malformed),
        ("name that is a number", b"{1:1}", Malformed),
        ("single quotes", b"{'a':1}", Malformed),
        ("line comment", b"{} // x", Malformed),
        ("block comment", b"{/**/}", Malformed),
        ("hash comment", b"# x\n{}", Malformed),
        ("prefix against hijacking", b")]}',\n{}", Malformed),
        ("NaN", b"[NaN]", Malformed),
        ("Infinity", b"[Infinity]", Malformed),
        ("minus Infinity", b"[-Infinity]", Malformed),
        ("undefined", b"[undefined]", Malformed),
        ("True as in Python", b"[True]", Malformed),
        ("leading zero", b"[010]", Malformed),
        ("leading zero behind a minus", b"[-01]", Malformed),
        ("leading plus", b"[+1]", Malformed),
        ("hexadecimal", b"[0x10]", Malformed),
        ("no digit before the point", b"[.5]", Malformed),
        ("no digit after the point", b"[5.]", Malformed),
        ("no digit in the exponent", b"[1e]", Malformed),
        ("two points", b"[1.2.3]", Malformed),
        ("only a minus", b"[-]", Malformed),
        ("underscores in a number", b"[1_000]", Malformed),
        ("invalid UTF-8 in a string", b"\"\xff\"", Malformed),
        ("invalid UTF-8 in a name", b"{\"\xc3\x28\":1}", Malformed),
        ("overlong UTF-8 quote", b"\"\xc0\xa2\"", Malformed),
        ("surrogate encoded as UTF-8", b"\"\xed\xa0\x80\"", Malformed),
        ("beyond U+10FFFF", b"\"\xf4\x90\x80\x80\"", Malformed),
        ("truncated UTF-8", b"\"\xe2\x82\"", Malformed),
        ("lone leading surrogate", b"\"\\ud800\"", Malformed),
        ("lone trailing surrogate", b"\"\\udc00\"", Malformed),
        ("two leading surrogates", b"\"\\ud800\\ud800\"", Malformed),
        ("leading surrogate and a letter", b"\"\\ud800x\"", Malformed),
        ("surrogates in the wrong order", b"\"\\udc00\\ud800\"", Malformed),
        ("lone surrogate in a name", b"{\"\\ud800\":1}", Malformed),
        ("escape that JSON does not have", b"\"\\x41\"", Malformed),
        ("escaped single quote", b"\"\\'\"", Malformed),
        ("raw line break in a string", b"\"a\nb\"", Malformed),
        ("raw NUL in a string", b"\"a\0b\"", Malformed),
        ("raw tab in a name", b"{\"a\tb\":1}", Malformed),
        ("name twice", b"{\"a\":1,\"a\":2}", DuplicateName),
        ("name twice, same value", b"{\"a\":1,\"a\":1}", DuplicateName),
        ("name twice, once escaped", b"{\"role\":1,\"r\\u006fle\":2}", DuplicateName),
        ("name twice, escaped solidus", b"{\"a/b\":1,\"a\\/b\":2}", DuplicateName),
        ("name twice, escaped pair", b"{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", DuplicateName),
        ("name twice, far apart", b"{\"a\":{\"x\":[1,2]},\"b\":2,\"a\":null}", DuplicateName),
        ("name twice, inside", b"[{\"b\":{\"c\":1,\"c\":2}}]", DuplicateName),
        ("empty name twice", b"{\"\":1,\"\":2}", DuplicateName),
        ("__proto__ twice", b"{\"__proto__\":1,\"__proto__\":2}", DuplicateName),
        ("beyond a double", b"[1e400]", Number),
        ("beyond a double, below", b"[-1e400]", Number),
        ("beyond a double, written out", b"[1e309]", Number),
        ("exponent beyond 64 bits", b"[1e99999999999999999999]", Number),
        ("2^53", b"[9007199254740992]", Number),
        ("-2^53", b"[-9007199254740992]", Number),
        ("2^53 as a fraction", b"[9007199254740992.0]", Number),
        ("2^53 with an exponent", b"[9.007199254740992e15]", Number),
        ("2^64", b"[18446744073709551616]", Number),
        ("large and round", b"[1e20]", Number),
        ("more digits than a double keeps", b"[0.12345678901234567890]", Number),
        ("pi from RFC 7493", b"[3.141592653589793238462643383279]", Number),
        ("an integer to some, not to others", b"[1.00000000000000000001]", Number),
        ("so small that a double makes it 0", b"[1e-400]", Number),
        ("a number in a duplicated member", b"{\"a\":1,\"a\":1e400}", Number),
    ];
    assert!(rows.len() >= 80);
    for (row, text, want) in rows {
        assert_eq!(strict(text), Err(*want), "{row}");
    }
}

#[test]
fn takes_what_every_reader_takes_alike() {
    for (text, want) in [
        ("{}", json!({})),
        (" [ ] \r\n", json!([])),
        ("null", json!(null)),
        ("\"\"", json!("")),
        ("0", json!(0)),
        ("-0", json!(-0.0)),
        ("-1.5e-3", json!(-0.0015)),
        ("1E+2", json!(100.0)),
        ("9007199254740991", json!(9_007_199_254_740_991_u64)),
        ("-9007199254740991", json!(-9_007_199_254_740_991_i64)),
        ("0.10000000000000001", json!(0.1)),
        ("1.50000000000000000000000000", json!(1.5)),
        ("0.0e-400", json!(0.0)),
        ("0e400", json!(0.0)),
        ("5e-324", json!(5e-324)),
        ("\"\\ud83d\\ude00\"", json!("😀")),
        ("\"\\u0000\\/\\b\"", json!("\0/\u{8}")),
        ("\"1e400 and 9007199254740992, \\\" 1e400\"", json!("1e400 and 9007199254740992, \" 1e400")),
        ("{\"a\":{\"a\":1},\"b\":{\"a\":2}}", json!({"a": {"a": 1}, "b": {"a": 2}})),
        ("{\"a\":1,\"A\":2}", json!({"a": 1, "A": 2})),
        ("{\"__proto__\":1,\"constructor\":2}", json!({"__proto__": 1, "constructor": 2})),
    ] {
        assert_eq!(strict(text.as_bytes()), Ok(want), "{text}");
    }
}

#[test]
fn any_number_is_what_a_double_can_reach() {
    let any = Budget::request(MAX, Numbers::Any);
    for text in [
        "9007199254740993",
        "18446744073709551615",
        "36893488147419103232",
        "1e308",
        "1e-400",
        "0.123456789012345678901",
    ] {
        assert!(read(text.as_bytes(), &any).is_ok(), "{text}");
    }
    assert_eq!(read(b"18446744073709551615", &any), Ok(json!(u64::MAX)), "64 bits are kept as they are");
    for text in ["1e400", "-1e400", "[1,{\"a\":2e308}]"] {
        assert_eq!(read(text.as_bytes(), &any), Err(Number), "{text}");
    }
}

#[test]
fn refuses_structure_beyond_its_budget_and_takes_just_as_much() {
    let budget = Budget { depth: 3, parts: 5, name: 4, text: 6, numbers: Numbers::Interoperable };
    for (row, text, fits) in [
        ("three levels", "[[[1]]]", true),
        ("four levels", "[[[[1]]]]", false),
        ("four levels of both kinds", "[{\"a\":[{}]}]", false),
        ("three levels twice", "[[[1]],[[1]]]", false),
        ("five elements", "[1,2,3,4,5]", true),
        ("six elements", "[1,2,3,4,5,6]", false),
        ("five parts in all", "{\"a\":[1,2],\"b\":{\"c\":3}}", true),
        ("six parts in all", "{\"a\":[1,2],\"b\":{\"c\":3,\"d\":4}}", false),
        ("a name of four bytes", "{\"abcd\":1}", true),
        ("a name of five bytes", "{\"abcde\":1}", false),
        ("a name of five bytes in three letters", "{\"aéé\":1}", false),
        ("an escaped name of one byte", "{\"\\u0061\":1}", true),
        ("a string of six bytes", "[\"abcdef\"]", true),
        ("a string of seven bytes", "[\"abcdefg\"]", false),
    ] {
        let want = if fits { None } else { Some(Structure) };
        assert_eq!(read(text.as_bytes(), &budget).err(), want, "{row}");
    }
}

#[test]
fn depth_costs_no_stack() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let text = |levels: usize| format!("{}1{}", open.repeat(levels), close.repeat(levels));
        assert!(strict(text(32).as_bytes()).is_ok());
        for levels in [33, 200, 20_000] {
            assert_eq!(strict(text(levels).as_bytes()), Err(Structure), "{levels} of {open}");
        }
    }
    assert_eq!(strict("[".repeat(60_000).as_bytes()), Err(Structure), "never closed");
}

#[test]
fn many_names_take_time_by_their_number() {
    let object = |count: usize| {
        let members: Vec<String> = (0..count).map(|index| format!("\"k{index}\":0")).collect();
        format!("{{{}}}", members.join(","))
    };
    let wide = Budget { parts: 1_000_000, ..Budget::request(u64::MAX, Numbers::Interoperable) };
    assert!(strict(object(10_000).as_bytes()).is_ok());
    assert_eq!(strict(object(10_001).as_bytes()), Err(Structure));
    // A comparison of each name with each other would be 20 thousand million of them.
    assert!(read(object(200_000).as_bytes(), &wide).is_ok());
}
