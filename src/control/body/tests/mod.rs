mod hostile;
mod property;

use crate::control::body::length;
use crate::control::body::media::MediaType;
use crate::model::headers::Headers;

#[test]
fn reads_media_types_and_refuses_what_two_readers_could_read_differently() {
    // essence, JSON, UTF-8; nothing for what is not read.
    type Row = (&'static str, Option<(&'static str, bool, bool)>);
    let rows: &[Row] = &[
        ("application/json", Some(("application/json", true, true))),
        (" Application/JSON\t", Some(("application/json", true, true))),
        ("application/json;charset=utf-8", Some(("application/json", true, true))),
        ("application/json ; charset=\"UTF-8\"", Some(("application/json", true, true))),
        ("application/json; charset=\"utf\\-8\"", Some(("application/json", true, true))),
        ("application/json;", Some(("application/json", true, true))),
        ("application/json;charset=utf-16", Some(("application/json", true, false))),
        ("application/json; v=1; charset=latin1", Some(("application/json", true, false))),
        ("application/json; charset=", None),
        ("application/json;charset=utf-8;charset=utf-16", None),
        ("application/json;charset=utf-8;CHARSET=utf-8", None),
        ("application/json;charset=\"utf-8", None),
        ("application/json; charset", None),
        ("application/json; charset =utf-8", None),
        ("application/json charset=utf-8", None),
        ("application/merge-patch+json", Some(("application/merge-patch+json", true, true))),
        ("application/problem+json; charset=utf-8", Some(("application/problem+json", true, true))),
        ("application/jsonp", Some(("application/jsonp", false, true))),
        ("application/json-seq", Some(("application/json-seq", false, true))),
        ("text/json", Some(("text/json", false, true))),
        ("text/plain", Some(("text/plain", false, true))),
        ("image/svg+json", Some(("image/svg+json", false, true))),
        ("multipart/form-data; boundary=\"a;b\"", Some(("multipart/form-data", false, true))),
        ("application", None),
        ("/json", None),
        ("application/", None),
        ("application/json/x", None),
        ("appl ication/json", None),
        ("application/json\0", None),
        ("", None),
    ];
    for (text, want) in rows {
        let got = MediaType::read(text.as_bytes());
        let got = got.as_ref().map(|it| (it.essence(), it.is_json(), it.is_utf8()));
        assert_eq!(got, *want, "{text}");
    }
    assert_eq!(MediaType::read(b"application/\xff"), None);
}

#[test]
fn a_length_is_digits_and_stands_once() {
    type Row = (&'static [&'static str], Result<Option<u64>, length::Unclear>);
    let rows: &[Row] = &[
        (&[], Ok(None)),
        (&["0"], Ok(Some(0))),
        (&["007"], Ok(Some(7))),
        (&["65536"], Ok(Some(65536))),
        (&["99999999999999999999999"], Ok(Some(u64::MAX))),
        (&["5", "5"], Err(length::Unclear)),
        (&["5", "6"], Err(length::Unclear)),
        (&["5, 5"], Err(length::Unclear)),
        (&[""], Err(length::Unclear)),
        (&["+5"], Err(length::Unclear)),
        (&["-1"], Err(length::Unclear)),
        (&["0x10"], Err(length::Unclear)),
        (&["5 "], Err(length::Unclear)),
        (&["1e3"], Err(length::Unclear)),
    ];
    for (values, want) in rows {
        let headers = Headers::from_pairs(values.iter().map(|value| ("content-length", value)));
        assert_eq!(length::declared(&headers), *want, "{values:?}");
    }
}

#[test]
fn nothing_follows_an_ended_stream_or_a_declared_zero() {
    for (length, end_of_stream, want) in [
        (None, true, true),
        (None, false, false),
        (Some("0"), true, true),
        (Some("0"), false, true),
        (Some("5"), true, false),
        (Some("5"), false, false),
        (Some("x"), true, false),
    ] {
        let headers = Headers::from_pairs(length.map(|value| ("content-length", value)));
        assert_eq!(
            length::nothing_follows(length::declared(&headers), end_of_stream),
            want,
            "{length:?} {end_of_stream}"
        );
    }
}
