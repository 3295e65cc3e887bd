use serde_json::json;

use crate::control::request::Request;
use crate::control::request::tests::code;
use crate::control::request::tests::compile;
use crate::control::request::tests::headers;
use crate::model::headers::Headers;
use crate::refusal::Extra;

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_route_takes_no_body_unless_its_request_says_which() {
    for request in
        [Request::default(), compile(&json!({})).unwrap(), compile(&json!({"max_bytes": "1KiB"})).unwrap()]
    {
        assert!(request.takes_none() && !request.needs_body() && !request.counts_body());
        for (row, pairs, end_of_stream, want) in [
            ("nothing at all", &[][..], true, "ok"),
            ("a declared zero", &[("content-length", "0")], true, "ok"),
            ("a declared zero, the stream still open", &[("content-length", "0")], false, "ok"),
            ("a content type alone", &[JSON], true, "ok"),
            ("a coding alone", &[("content-encoding", "gzip")], true, "ok"),
            ("a declared body", &[("content-length", "1")], false, "request.body_unexpected"),
            (
                "a declared body, the stream at its end",
                &[("content-length", "1")],
                true,
                "request.body_unexpected",
            ),
            ("a chunked body", &[("transfer-encoding", "chunked")], false, "request.body_unexpected"),
            ("an open stream", &[], false, "request.body_unexpected"),
            ("two lengths", &[("content-length", "0"), ("content-length", "5")], false, "request.ambiguous"),
        ] {
            assert_eq!(code(request.check_form(&headers(pairs), end_of_stream)), want, "{row}");
        }
        assert_eq!(code(request.check_size(0)), "ok");
        assert_eq!(code(request.check_size(1)), "request.body_unexpected");
        assert_eq!(code(request.check_json(&Headers::default(), b"{}")), "request.body_unexpected");
    }
}

#[test]
fn a_body_is_held_for_a_schema_only() {
    let held = compile(&json!({"schema": "order"})).unwrap();
    assert!(held.needs_body() && !held.counts_body() && !held.takes_none());
    for content in [json!("json"), json!("any"), json!(["image/jpeg"])] {
        let streamed = compile(&json!({"content": content})).unwrap();
        assert!(!streamed.needs_body() && streamed.counts_body() && !streamed.takes_none());
        assert_eq!(streamed.max_bytes(), 64 << 10);
    }
}

#[test]
fn the_route_says_what_a_body_is_and_the_header_must_agree() {
    let json = compile(&json!({"schema": "order"})).unwrap();
    let images = compile(&json!({"content": ["image/jpeg", "image/png"]})).unwrap();
    let patch = compile(&json!({"content": "application/merge-patch+json", "schema": "order"})).unwrap();
    let any = compile(&json!({"content": "any"})).unwrap();
    let (ok, wrong, twice) = ("ok", "request.content_type", "request.ambiguous");
    for (given, on_json, on_images, on_patch, on_any) in [
        (&["application/json"][..], ok, wrong, wrong, ok),
        (&["Application/JSON; charset=UTF-8"], ok, wrong, wrong, ok),
        (&["application/json;charset=utf-16"], wrong, wrong, wrong, ok),
        (&["application/json;charset=utf-8;charset=utf-16"], wrong, wrong, wrong, ok),
        (&["application/merge-patch+json"], ok, wrong, ok, ok),
        (&["application/merge-patch+json;charset=utf-7"], wrong, wrong, wrong, ok),
        (&["text/plain"], wrong, wrong, wrong, ok),
        (&["text/json"], wrong, wrong, wrong, ok),
        (&["application/x-www-form-urlencoded"], wrong, wrong, wrong, ok),
        (&["image/png"], wrong, ok, wrong, ok),
        (&["IMAGE/PNG; q=1"], wrong, ok, wrong, ok),
        (&["image/gif"], wrong, wrong, wrong, ok),
        (&["image/*"], wrong, wrong, wrong, ok),
        (&["nonsense"], wrong, wrong, wrong, ok),
        (&[""], wrong, wrong, wrong, ok),
        (&[], wrong, wrong, wrong, ok),
        (&["application/json", "application/json"], twice, twice, twice, twice),
        (&["application/json, text/plain"], twice, twice, twice, twice),
    ] {
        let pairs: Vec<(&str, &str)> = given.iter().map(|value| ("content-type", *value)).collect();
        for (request, want) in [(&json, on_json), (&images, on_images), (&patch, on_patch), (&any, on_any)] {
            assert_eq!(code(request.check_form(&headers(&pairs), false)), want, "{given:?}");
        }
    }
}

#[test]
fn a_declared_zero_before_an_open_stream_does_not_spare_the_header() {
    let zero = ("content-length", "0");
    let images = compile(&json!({"content": ["image/png"]})).unwrap();
    assert_eq!(code(images.check_form(&headers(&[zero]), true)), "ok");
    assert_eq!(code(images.check_form(&headers(&[zero]), false)), "request.content_type");
    let gzip = headers(&[zero, ("content-type", "image/png"), ("content-encoding", "gzip")]);
    assert_eq!(code(images.check_form(&gzip, false)), "request.content_encoding");
}

#[test]
fn an_encoded_body_is_refused_whatever_the_content() {
    for content in ["json", "any"] {
        let request = compile(&json!({"content": content})).unwrap();
        for (codings, want) in [
            (&[][..], "ok"),
            (&["identity"], "ok"),
            (&["Identity "], "ok"),
            (&["gzip"], "request.content_encoding"),
            (&["br"], "request.content_encoding"),
            (&["zstd"], "request.content_encoding"),
            (&["x-unknown"], "request.content_encoding"),
            (&[""], "request.content_encoding"),
            (&["identity", "gzip"], "request.ambiguous"),
            (&["identity, gzip"], "request.ambiguous"),
        ] {
            let mut pairs = vec![JSON];
            pairs.extend(codings.iter().map(|value| ("content-encoding", *value)));
            assert_eq!(code(request.check_form(&headers(&pairs), false)), want, "{content} {codings:?}");
        }
    }
}

#[test]
fn a_length_that_is_unclear_is_refused_before_all_else() {
    let request = compile(&json!({"schema": "order"})).unwrap();
    for lengths in [&["5", "5"][..], &["5", "6"], &["+5"], &["5, 6"], &["five"], &[""]] {
        let mut pairs = vec![("content-type", "text/plain")];
        pairs.extend(lengths.iter().map(|value| ("content-length", *value)));
        assert_eq!(code(request.check_form(&headers(&pairs), false)), "request.ambiguous", "{lengths:?}");
    }
}

#[test]
fn a_missing_body_is_told_as_soon_as_it_is_known() {
    let streamed = compile(&json!({"content": "json"})).unwrap();
    assert_eq!(code(streamed.check_form(&headers(&[]), true)), "request.body_missing");
    assert_eq!(
        code(streamed.check_form(&headers(&[JSON, ("content-length", "0")]), false)),
        "request.body_missing"
    );
    let held = compile(&json!({"schema": "order"})).unwrap();
    assert_eq!(code(held.check_form(&headers(&[]), true)), "ok", "left to request.json");
    assert_eq!(code(held.check_json(&Headers::default(), b"")), "request.body_missing");
    let any = compile(&json!({"content": "any"})).unwrap();
    assert_eq!(code(any.check_form(&headers(&[]), true)), "ok");
}

#[test]
fn more_bytes_than_the_route_takes_are_refused_declared_or_counted() {
    for request in
        [json!({"schema": "order", "max_bytes": "1KiB"}), json!({"content": "any", "max_bytes": "1KiB"})]
    {
        let request = compile(&request).unwrap();
        for (length, want) in [
            (None, "ok"),
            (Some("1024"), "ok"),
            (Some("1025"), "request.too_large"),
            (Some("99999999999999999999999999"), "request.too_large"),
            (Some("1025, 1"), "ok"),
        ] {
            let pairs: Vec<(&str, &str)> =
                length.map(|value| ("content-length", value)).into_iter().collect();
            assert_eq!(code(request.check_declared_size(&headers(&pairs))), want, "{length:?}");
        }
        assert_eq!(code(request.check_size(1024)), "ok");
        assert_eq!(code(request.check_size(1025)), "request.too_large");
    }
}

#[test]
fn a_body_is_strict_json_then_judged_by_its_schema() {
    let request = compile(&json!({"schema": "order"})).unwrap();
    for (text, want) in [
        ("{\"id\":\"a\"}", "ok"),
        ("{\"id\":\"a\"", "request.malformed"),
        ("{\"id\":\"a\"} {}", "request.malformed"),
        ("{\"id\":\"a\",\"id\":\"b\"}", "request.duplicate_name"),
        ("{\"id\":\"a\",\"n\":1e400}", "request.number"),
        ("{\"id\":\"a\",\"n\":9007199254740993}", "request.number"),
        (&format!("{}1{}", "[".repeat(200), "]".repeat(200)), "request.structure"),
        ("{\"id\":\"abcde\"}", "request.schema"),
        ("{}", "request.schema"),
        ("[]", "request.schema"),
    ] {
        let judged = request
            .check_json(&Headers::default(), text.as_bytes())
            .and_then(|value| request.check_schema(&value));
        assert_eq!(code(judged), want, "{text}");
    }
    let refusal = request.check_schema(&json!({"id": "secret"})).unwrap_err();
    let Extra::Errors(errors) = refusal.extra else { panic!("errors") };
    assert_eq!((&*errors[0].pointer, &*errors[0].keyword), ("/id", "maxLength"));
}

#[test]
fn any_number_passes_where_the_route_says_so() {
    let request = compile(&json!({"schema": "order", "numbers": "any"})).unwrap();
    assert_eq!(code(request.check_json(&Headers::default(), b"{\"n\":9007199254740993}")), "ok");
    assert_eq!(code(request.check_json(&Headers::default(), b"{\"n\":1e400}")), "request.number");
}
