use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::json;

use super::message;
use crate::model::name::Name;
use crate::model::pointer::Pointer;
use crate::model::value::ClaimRef;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::model::value::claim_name;
use crate::model::value::header_name;

fn tokens() -> Vec<Name> {
    ["user", "staff"].map(|name| name.parse().unwrap()).to_vec()
}

fn parse(text: &str) -> Result<ValueRef, crate::fault::Fault> {
    ValueRef::parse(text, &tokens())
}

#[test]
fn the_notation_names_every_place() {
    let claim = |token, place: &str| Source::Claim(ClaimRef { token, claim: place.parse().unwrap() });
    let pointer = |text: &str| -> Pointer { text.parse().unwrap() };
    for (text, wanted) in [
        ("ip", vec![Source::Ip]),
        ("route", vec![Source::Route]),
        ("method", vec![Source::Method]),
        ("host", vec![Source::Host]),
        ("client.version", vec![Source::Version]),
        ("client.platform", vec![Source::Platform]),
        ("path.order_id", vec![Source::Path("order_id".into())]),
        ("query.q[]", vec![Source::Query("q[]".into())]),
        ("header.X-App", vec![Source::Header("x-app".into())]),
        ("body:/a/*/b", vec![Source::Body(pointer("/a/*/b"))]),
        ("response:/id", vec![Source::Response(pointer("/id"))]),
        ("user.sub", vec![claim(0, "/sub")]),
        ("staff:/https:~1~1example~1role", vec![claim(1, "/https:~1~1example~1role")]),
        ("user.sub|staff.sub|ip", vec![claim(0, "/sub"), claim(1, "/sub"), Source::Ip]),
    ] {
        let value = parse(text).unwrap();
        assert_eq!(value.sources(), wanted, "{text}");
        assert_eq!(value.to_string(), text);
    }
    let either = parse("user.sub|header.x|body:/a").unwrap();
    assert_eq!((either.claims().count(), either.needs_body()), (1, true));
    assert!(!parse("user.sub").unwrap().needs_body());
}

#[test]
fn what_the_notation_does_not_have_is_refused() {
    let expected = "write ip, path.NAME, query.NAME, header.NAME, TOKEN.CLAIM, TOKEN:/pointer, body:/pointer, \
                    response:/pointer, route, method, host, client.version or client.platform";
    for text in ["", "IP", "body", "user", "path.", "user.", "cookie", "|ip", "ip|", "ip||ip", " ip"] {
        let one = text.split('|').find(|one| *one != "ip").unwrap_or_default();
        assert_eq!(message(parse(text)), format!("`{one}` is no value; {expected}"), "{text}");
    }
    for (text, wanted) in [
        ("usr.sub", "there is no token called `usr`; did you mean `user`?"),
        ("client.ip", "there is no token called `client`"),
        ("cookie.sid", "there is no token called `cookie`"),
        ("header.:path", "`:path` is no header name; such as x-app-version"),
        ("header.a b", "`a b` is no header name; such as x-app-version"),
        ("body:a", "`a` is no JSON Pointer; write it as in RFC 6901, such as /account/id"),
        ("user:", "`` is no JSON Pointer; write it as in RFC 6901, such as /account/id"),
        (
            "user.a.b",
            "`a.b` is no claim; write a name of A-Z a-z 0-9 _ -, and every other claim as a pointer: user:/https:~1~1example~1role",
        ),
    ] {
        assert_eq!(message(parse(text)), wanted, "{text}");
    }
}

#[test]
fn names_of_headers_and_claims_are_held_to_their_characters() {
    assert_eq!(&*header_name("X-User").unwrap(), "x-user");
    assert!(header_name(&"a".repeat(129)).is_err() && header_name(&"a".repeat(128)).is_ok());
    assert_eq!(claim_name("roles").unwrap(), Pointer::member("roles"));
    assert_eq!(claim_name("/a/b").unwrap().steps().len(), 2);
    for text in ["", "a b", "a.b", "ü", "a/b"] {
        assert!(claim_name(text).is_err(), "{text}");
    }
}

/// Sees the query's `there` and `twice`, and the claim `/n` as a JSON null.
struct Looking(serde_json::Value);

impl Sight for Looking {
    fn see(&self, source: &Source) -> Seen<'_> {
        match source {
            Source::Query(name) if &**name == "there" => Seen::Bytes(Cow::Borrowed(b"1")),
            Source::Query(name) if &**name == "twice" => Seen::Ambiguous,
            Source::Claim(claim) => claim.claim.find(&self.0).map_or(Seen::Missing, Seen::Json),
            _ => Seen::Missing,
        }
    }
}

#[test]
fn the_first_alternative_that_is_there_counts_and_an_ambiguous_one_ends_the_search() {
    let looking = Looking(json!({ "sub": "u1" }));
    let sub = json!("u1");
    for (text, wanted, at) in [
        ("query.there", Seen::Bytes(Cow::Borrowed(&b"1"[..])), Some(0)),
        ("query.none|query.there", Seen::Bytes(Cow::Borrowed(b"1")), Some(1)),
        ("user.sub|query.there", Seen::Json(&sub), Some(0)),
        ("query.twice|query.there", Seen::Ambiguous, Some(0)),
        ("query.there|query.twice", Seen::Bytes(Cow::Borrowed(b"1")), Some(0)),
        ("query.none|user.none", Seen::Missing, None),
    ] {
        let value = parse(text).unwrap();
        assert_eq!(value.read(&looking), wanted, "{text}");
        assert_eq!(
            value.find(&looking).map(|(source, _)| source),
            at.map(|at: usize| &value.sources()[at]),
            "{text}"
        );
    }
}

proptest! {
    #[test]
    fn no_text_makes_it_panic_and_what_reads_is_written_back(text in "([a-z.:/|~*]|user|body|header|\\PC){0,12}") {
        if let Ok(value) = parse(&text) {
            prop_assert_eq!(value.to_string(), text.clone());
            prop_assert_eq!(value.sources().len(), text.split('|').count());
        }
    }
}
