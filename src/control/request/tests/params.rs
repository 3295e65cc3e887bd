use serde_json::Value;
use serde_json::json;

use crate::control::request::QueryEdit;
use crate::control::request::tests::code;
use crate::control::request::tests::compile;
use crate::control::request::tests::headers;
use crate::model::headers::Headers;
use crate::model::query::Query;
use crate::refusal::Extra;
use crate::refusal::Refusal;

fn check_query(request: &Value, query: &[u8]) -> Result<Option<QueryEdit>, Refusal> {
    compile(request).unwrap().check_params(&[], Some(Query(query)), &Headers::default())
}

const BAD: &str = "request.parameter";
const TWICE: &str = "request.ambiguous";

#[test]
fn values_are_typed_by_their_schema() {
    let list = |item: Value| json!({"type": "array", "items": item, "maxItems": 3});
    for (schema, rows) in [
        (
            json!({"type": "integer", "minimum": -5}),
            &[
                ("v=0", "ok"),
                ("v=-5", "ok"),
                ("v=42", "ok"),
                ("v=9223372036854775807", "ok"),
                ("v=-6", BAD),
                ("v=", BAD),
                ("v", BAD),
                ("v=+4", BAD),
                ("v=%2B4", BAD),
                ("v=04", BAD),
                ("v=4.0", BAD),
                ("v=4e0", BAD),
                ("v=%204", BAD),
                ("v=4%20", BAD),
                ("v=4%00", BAD),
                ("v=0x4", BAD),
                ("v=4_0", BAD),
                ("v=-", BAD),
                ("v=%D9%A4", BAD),
                ("v=null", BAD),
                ("v=%224%22", BAD),
                ("v=%FF", BAD),
                ("v=4&v=4", TWICE),
                ("v=4&%76=4", TWICE),
                ("v=4&v", TWICE),
                ("v=%34", "ok"),
            ][..],
        ),
        (
            json!({"type": "number", "exclusiveMaximum": 10}),
            &[
                ("v=4", "ok"),
                ("v=4.5", "ok"),
                ("v=-4e-1", "ok"),
                ("v=10", BAD),
                ("v=.5", BAD),
                ("v=5.", BAD),
                ("v=1e400", BAD),
                ("v=NaN", BAD),
                ("v=Infinity", BAD),
                ("v=4%0A", BAD),
            ],
        ),
        (
            json!({"type": "boolean"}),
            &[
                ("v=true", "ok"),
                ("v=false", "ok"),
                ("v=True", BAD),
                ("v=1", BAD),
                ("v=", BAD),
                ("v=null", BAD),
            ],
        ),
        (
            json!({"type": "string", "format": "uuid"}),
            &[("v=2eb8aa08-aa98-11ea-b4aa-73b441d16380", "ok"), ("v=2eb8aa08", BAD), ("v=", BAD)],
        ),
        (
            json!({"type": "string", "format": "date-time"}),
            &[
                ("v=2024-01-01T00:00:00Z", "ok"),
                ("v=2024-01-01T00:00:00%2B02:00", "ok"),
                ("v=2024-01-01", BAD),
            ],
        ),
        (
            json!({"enum": ["new", "old"]}),
            &[("v=new", "ok"), ("v=New", BAD), ("v=new,old", BAD), ("v=new&v=old", TWICE)],
        ),
        (
            json!({"type": "string", "maxLength": 3}),
            &[
                ("v=abc", "ok"),
                ("v=%C3%A9%C3%A9%C3%A9", "ok"),
                ("v=a+b", "ok"),
                ("v=", "ok"),
                ("v=true", BAD),
                ("v=%C3%28", BAD),
                ("v=%ED%A0%80", BAD),
            ],
        ),
        (
            list(json!({"type": "integer"})),
            &[
                ("v=1", "ok"),
                ("v=1,2,3", "ok"),
                ("v=1&v=2", "ok"),
                ("v=1,2,3,4", BAD),
                ("v=1&v=2&v=3&v=4", BAD),
                ("v=1,x", BAD),
                ("v=1,", BAD),
                ("v=", BAD),
                ("v=1,%202", BAD),
                ("v=1,2&v=3", TWICE),
            ],
        ),
        (
            list(json!({"enum": ["a", "b"]})),
            &[("v=a,b", "ok"), ("v=a&v=b", "ok"), ("v=a%2Cb", "ok"), ("v=a,c", BAD), ("v=a&v=b,c", TWICE)],
        ),
    ] {
        for (query, want) in rows {
            let request = json!({"params": {"query.v": schema}});
            assert_eq!(code(check_query(&request, query.as_bytes())), *want, "{schema} {query}");
        }
    }
}

#[test]
fn the_same_values_are_judged_wherever_they_stand() {
    let request = json!({"params": {
        "path.order_id": {"type": "integer", "maximum": 9},
        "query.limit": {"type": "integer", "maximum": 9},
        "header.X-Count": {"type": "integer", "maximum": 9},
        "header.x-tags": {"type": "array", "items": {"enum": ["a", "b"]}},
        "path.kind": "id",
    }});
    let request = compile(&request).unwrap();
    let good: (&str, &str, &[u8], &[(&str, &str)]) =
        ("7", "abcd", b"limit=7", &[("x-count", "7"), ("x-tags", "a, b")]);
    for (row, (id, kind, query, pairs), want) in [
        ("all good", good, "ok"),
        ("the path's", ("10", good.1, good.2, good.3), BAD),
        ("the path's, by a named schema", (good.0, "abcde", good.2, good.3), BAD),
        ("the query's", (good.0, good.1, b"limit=10", good.3), BAD),
        ("the header's", (good.0, good.1, good.2, &[("x-count", "10")]), BAD),
        ("two headers", (good.0, good.1, good.2, &[("x-count", "7"), ("x-count", "7")]), TWICE),
        ("two headers, joined by a host", (good.0, good.1, good.2, &[("x-count", "7, 7")]), BAD),
        ("a header list in two lines", (good.0, good.1, good.2, &[("x-tags", "a,b"), ("x-tags", "a")]), "ok"),
        ("a header list with another", (good.0, good.1, good.2, &[("x-tags", "a, c")]), BAD),
    ] {
        let path = [("order_id", id), ("kind", kind)];
        let got = request.check_params(&path, Some(Query(query)), &headers(pairs));
        assert_eq!(code(got), want, "{row}");
    }
    let not_utf8 = Headers::from_pairs([("x-tags", b"\xff")]);
    assert_eq!(code(request.check_params(&[("order_id", "7"), ("kind", "a")], None, &not_utf8)), BAD);
}

#[test]
fn path_parameters_are_always_there_and_others_where_required() {
    let request = json!({
        "params": {"query.q": {"type": "string"}, "header.x-a": {"type": "string"}, "query.r": {"type": "string"}},
        "required": ["query.q", "header.x-a"],
    });
    let request = compile(&request).unwrap();
    let with = |query: &'static [u8], pairs: &[(&str, &str)]| {
        request.check_params(&[], Some(Query(query)), &headers(pairs))
    };
    assert_eq!(code(with(b"q=", &[("x-a", "1")])), "ok");
    assert_eq!(code(request.check_params(&[], None, &headers(&[("x-a", "1")]))), BAD);
    let refusal = with(b"r=1", &[]).unwrap_err();
    let Extra::Errors(errors) = refusal.extra else { panic!("errors") };
    let errors: Vec<(&str, &str)> = errors.iter().map(|error| (&*error.pointer, &*error.keyword)).collect();
    assert_eq!(errors, [("header.x-a", "required"), ("query.q", "required")]);
    let path = compile(&json!({"params": {"path.kind": {"type": "string"}}})).unwrap();
    assert_eq!(code(path.check_params(&[], None, &Headers::default())), BAD, "a router that lost one");
}

#[test]
fn errors_name_the_parameter_and_never_its_value() {
    let request = json!({"params": {"query.limit": {"type": "integer", "maximum": 100}}});
    for (query, keyword) in [("limit=1000", "maximum"), ("limit=secret", "type"), ("limit=%FF", "type")] {
        let refusal = check_query(&request, query.as_bytes()).unwrap_err();
        let Extra::Errors(errors) = refusal.extra else { panic!("errors") };
        assert_eq!((&*errors[0].pointer, &*errors[0].keyword), ("query.limit", keyword), "{query}");
    }
}

#[test]
fn an_unknown_query_is_rejected_stripped_or_allowed() {
    let known = json!({"query.q": {"type": "string"}, "query.a b": {"type": "string"}});
    let with = |mode: &str, query: &'static [u8]| {
        let got = check_query(&json!({"params": known, "unknown_query": mode}), query);
        got.map(|edit| edit.map(|QueryEdit(text)| String::from_utf8(text).unwrap()))
    };
    for (query, stripped) in [
        (&b""[..], None),
        (b"q=1", None),
        (b"%71=1&a+b=2", None),
        (b"q=1&&", None),
        (b"x=1", Some("")),
        (b"x", Some("")),
        (b"x=1&q=%31", Some("q=%31")),
        (b"q=1&x=1&a%20b=2&y", Some("q=1&a%20b=2")),
        (b"Q=1", Some("")),
        (b"q[]=1", Some("")),
        (b"%FF=1", Some("")),
        (b"=1", Some("")),
    ] {
        assert_eq!(with("allow", query), Ok(None));
        assert_eq!(with("strip", query), Ok(stripped.map(str::to_owned)));
        let want = if stripped.is_some() { "request.unknown_query" } else { "ok" };
        assert_eq!(code(with("reject", query)), want, "{}", String::from_utf8_lossy(query));
    }
}

#[test]
fn naming_one_query_parameter_closes_the_query() {
    for (request, want) in [
        (json!({}), "ok"),
        (json!({"params": {"header.x-a": {"type": "string"}}}), "ok"),
        (json!({"params": {"query.q": {"type": "string"}}}), "request.unknown_query"),
        (json!({"unknown_query": "reject"}), "request.unknown_query"),
    ] {
        assert_eq!(code(check_query(&request, b"x=1")), want, "{request}");
    }
}
