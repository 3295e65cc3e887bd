use serde_json::Value;
use serde_json::json;

use super::*;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::document::Node;
use crate::fault::Problems;

fn compile(response: &Value) -> Result<Response, Vec<String>> {
    let problems = Problems::default();
    let read = |value: &Value| Node::from_json(value.to_string().as_bytes(), &problems).unwrap();
    let named = json!({"order": {"type": "object", "required": ["id"], "properties": {"id": {}}}, "any": {}});
    let schemas = Schemas::compile(&read(&named), &mut SchemaStore::default(), &problems);
    let response = Response::compile(&read(response), &schemas, &problems);
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    response.filter(|_| faults.is_empty()).ok_or(faults)
}

fn told<T: std::fmt::Debug>(result: Result<T, Refusal>) -> String {
    result.map_or_else(|refusal| refusal.reason.code().into(), |it| format!("{it:?}"))
}

const JSON: (&str, &str) = ("content-type", "application/json");

#[test]
fn a_route_that_asks_nothing_of_its_answers_never_holds_one() {
    for response in
        [Response::default(), compile(&json!({})).unwrap(), compile(&json!({"max_bytes": "1B"})).unwrap()]
    {
        assert!(!response.reads_body());
        assert_eq!(response.max_bytes(), None);
        let stream =
            Headers::from_pairs([("content-type", "text/event-stream"), ("content-encoding", "gzip")]);
        for status in [200, 206, 404, 500] {
            assert_eq!(response.plan(false, status, &stream, false), Ok(Plan::Pass));
        }
        assert_eq!(response.check_size(u64::MAX), Ok(()));
    }
}

#[test]
fn answers_are_held_passed_or_refused_by_their_heads() {
    let response = compile(&json!({"schema": "order", "max_bytes": "1KiB"})).unwrap();
    assert!(response.reads_body());
    let (hold, pass) = ("Hold", "Pass");
    let (content, large) = ("response.content", "response.too_large");
    for (row, status, pairs, want) in [
        ("an object", 200, &[JSON][..], hold),
        ("an object with its size", 201, &[JSON, ("content-length", "1024")], hold),
        ("another 2xx", 299, &[JSON], hold),
        ("+json", 200, &[("content-type", "application/hal+json; charset=utf-8")], hold),
        ("identity", 200, &[JSON, ("content-encoding", "identity")], hold),
        ("no content", 204, &[], pass),
        ("reset content", 205, &[], pass),
        ("a declared empty body, the stream still open", 200, &[("content-length", "0")], hold),
        ("not modified", 304, &[JSON], "Bare"),
        ("a redirect", 302, &[("content-type", "text/html")], pass),
        ("the upstream's 404", 404, &[("content-type", "text/html")], pass),
        ("the upstream's 500, encoded", 500, &[("content-encoding", "gzip")], pass),
        ("a part", 206, &[JSON], content),
        ("a part without a body", 206, &[("content-length", "0")], content),
        ("gzip", 200, &[JSON, ("content-encoding", "gzip")], content),
        (
            "two codings",
            200,
            &[JSON, ("content-encoding", "identity"), ("content-encoding", "gzip")],
            content,
        ),
        ("two codings in one line", 200, &[JSON, ("content-encoding", "identity, gzip")], content),
        ("no type", 200, &[], content),
        ("HTML", 200, &[("content-type", "text/html")], content),
        ("an event stream", 200, &[("content-type", "text/event-stream")], content),
        ("UTF-16", 200, &[("content-type", "application/json;charset=utf-16")], content),
        ("two types", 200, &[JSON, ("content-type", "text/html")], content),
        ("two lengths", 200, &[JSON, ("content-length", "1"), ("content-length", "2")], content),
        ("too large", 200, &[JSON, ("content-length", "1025")], large),
        ("far too large", 200, &[JSON, ("content-length", "99999999999999999999999")], large),
    ] {
        let headers = Headers::from_pairs(pairs.iter().copied());
        assert_eq!(told(response.plan(false, status, &headers, false)), want, "{row}");
        let spoken_of = status == 304 || (200..300).contains(&status) && !matches!(status, 204 | 205);
        let want = if spoken_of { "Bare" } else { pass };
        assert_eq!(told(response.plan(true, status, &headers, true)), want, "{row}, to HEAD");
    }
    for headers in [Headers::default(), Headers::from_pairs([("content-length", "0")])] {
        assert_eq!(told(response.plan(false, 200, &headers, true)), pass, "nothing behind the head");
    }
}

#[test]
fn a_held_body_is_whole_strict_json_that_passes_its_schema() {
    let response = compile(&json!({"schema": "order"})).unwrap();
    assert_eq!(response.max_bytes(), Some(1 << 20));
    assert_eq!(told(response.check_size(1 << 20)), "()");
    assert_eq!(told(response.check_size((1 << 20) + 1)), "response.too_large");
    for (text, want) in [
        ("{\"id\":1}", "()"),
        ("", "()"),
        ("{\"id\":1,\"id\":2}", "response.malformed"),
        ("{\"id\":1", "response.malformed"),
        ("{\"id\":9007199254740993}", "response.malformed"),
        ("<html>", "response.malformed"),
        ("{}", "response.schema"),
        ("[]", "response.schema"),
    ] {
        let judged = response.check_json(text.as_bytes()).and_then(|value| match value {
            Some(value) => response.check_schema(200, &value),
            None => Ok(()),
        });
        assert_eq!(told(judged), want, "{text}");
    }
    let any = compile(&json!({"schema": "order", "numbers": "any"})).unwrap();
    assert!(any.check_json(b"{\"id\":9007199254740993}").is_ok());
}

#[test]
fn a_long_list_is_no_structural_fault_of_an_answer() {
    let response = compile(&json!({"schema": "order"})).unwrap();
    let list = |count: usize| format!("[{}]", vec!["0"; count].join(","));
    assert!(response.check_json(list(100_000).as_bytes()).is_ok());
    assert_eq!(told(response.check_json(list(100_001).as_bytes())), "response.malformed");
}

#[test]
fn what_is_wrong_or_not_built_is_refused_with_its_place() {
    for (response, want) in [
        (json!({"undeclared": "remove"}), "undeclared: `undeclared` needs a `schema` that declares"),
        (
            json!({"schema": "order", "undeclared": "strip"}),
            "undeclared: found `strip`, expected `remove` or `refuse`",
        ),
        (json!({"statuses": {}}), "statuses: `statuses` has nothing in it"),
        (
            json!({"statuses": {"2xx": "order"}, "schema": "order"}),
            "statuses.2xx: `schema` speaks for 2xx already",
        ),
        (
            json!({"statuses": {"4xx": "ordr"}}),
            "statuses.4xx: there is no schema called `ordr`; did you mean `order`?",
        ),
        (
            json!({"statuses": {"1xx": "order"}}),
            "statuses.1xx: `1xx` is no status with a whole body; write a status",
        ),
        (json!({"statuses": {"206": "order"}}), "statuses.206: `206` is no status with a whole body"),
        (json!({"statuses": {"+40": "order"}}), "statuses.+40: `+40` is no status with a whole body"),
        (json!({"statuses": {"600": "order"}}), "statuses.600: `600` is no status"),
        (json!({"statuses": {"04xx": "order"}}), "statuses.04xx: `04xx` is no status"),
        (json!({"schema": "ordr"}), "did you mean `order`?"),
        (json!({"max_bytes": "0B"}), "max_bytes: `0B` is out of range"),
        (json!({"schema": "order", "max_bytes": "64MiB"}), "at most 16MiB"),
        (json!({"numbers": 1}), "numbers: found the number 1"),
        (json!({"shema": "order"}), "did you mean `schema`?"),
        (json!("order"), "found the string `order`, expected a map"),
    ] {
        let faults = compile(&response).expect_err("a fault").join("\n");
        assert!(faults.contains(want), "{response}\n{faults}");
    }
}

#[test]
fn each_status_has_the_schema_that_names_it_most_exactly() {
    let response =
        compile(&json!({"schema": "order", "statuses": {"4xx": "order", "404": "any", "201": "any"}}))
            .unwrap();
    for (status, value, want) in [
        (200, json!({}), "response.schema"),
        (201, json!({}), "()"),
        (204, json!({}), "response.schema"),
        (400, json!({}), "response.schema"),
        (404, json!({}), "()"),
        (500, json!({}), "()"),
    ] {
        assert_eq!(told(response.check_schema(status, &value)), want, "{status}");
    }
    let headers = Headers::from_pairs([JSON]);
    for (status, head, want) in [
        (404, false, "Hold"),
        (500, false, "Pass"),
        (404, true, "Bare"),
        (304, false, "Bare"),
        (500, true, "Pass"),
    ] {
        assert_eq!(told(response.plan(head, status, &headers, head)), want, "{status} {head}");
    }
    let errors = compile(&json!({"statuses": {"5xx": "order"}})).unwrap();
    assert_eq!(told(errors.plan(false, 304, &headers, true)), "Pass", "a 304 is about a 200");
}

#[test]
fn what_goes_is_told_or_refuses() {
    let (some, none) = (json!({"id": 1, "x": {"y": 2}}), json!({"id": 1}));
    for (word, some_want, none_want) in [("remove", "1", "0"), ("refuse", "response.undeclared", "0")] {
        let response = compile(&json!({"schema": "order", "undeclared": word})).unwrap();
        let count = |value| told(response.check_undeclared(200, value).map(|cut| cut.count()));
        assert_eq!((&*count(&some), &*count(&none)), (some_want, none_want), "{word}");
        assert_eq!(
            told(response.check_undeclared(404, &some).map(|cut| cut.count())),
            "0",
            "{word}, not judged"
        );
    }
}
