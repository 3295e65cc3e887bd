use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::control::request::Readers;
use crate::control::request::Request;
use crate::control::request::tests::compile;
use crate::document::Node;
use crate::fault::Problems;

fn faults(request: &Value) -> String {
    compile(request).expect_err(&format!("{request} should be refused")).join("\n")
}

#[test]
fn a_value_in_the_body_makes_it_json_that_is_held() {
    let compile = |request: Value, readers: Readers| {
        let problems = Problems::default();
        let node = Node::from_json(request.to_string().as_bytes(), &problems).unwrap();
        let (schemas, mut store) = (Schemas::default(), SchemaStore::default());
        let request = Request::compile(&node, &schemas, &mut store, &[], &["POST"], readers, &problems);
        let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
        (request.map(|it| (it.takes_none(), it.needs_body())), faults.join("; "))
    };
    let (owner, limit) = (Readers { owner: true, limit: false }, Readers { owner: false, limit: true });
    let said = |what: &str| (None, format!("content: {what}"));
    let instead = "an owner's `body:` value stands in JSON: write `json` or leave `content` out";
    for (request, readers, want) in [
        (json!({}), Readers::default(), (Some((true, false)), String::new())),
        (json!({}), owner, (Some((false, true)), String::new())),
        (json!({}), limit, (Some((false, true)), String::new())),
        (json!({"content": "json"}), owner, (Some((false, true)), String::new())),
        (json!({"content": "any"}), owner, said(instead)),
        // The key is missing there, and `missing` says what becomes of it.
        (json!({"content": "any"}), limit, (Some((false, false)), String::new())),
        (json!({"max_bytes": "17MiB"}), limit, (None, "max_bytes: `17MiB` is out of range: at most 16MiB where a schema or a `body:` value needs the whole body".into())),
    ] {
        assert_eq!(compile(request.clone(), readers), want, "{request} {readers:?}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_place() {
    for (request, want) in [
        (json!([]), "found a list, expected a map"),
        (json!({"content": "form", "schema": "id"}), "declares its fields in `properties` of its own"),
        (json!({"content": "form", "schema": "upload"}), "found `object`, expected `string`, `integer`"),
        (json!({"content": "jsn"}), "did you mean `json`?"),
        (json!({"content": []}), "content: the list is empty"),
        (json!({"content": ["image/*"]}), "content[0]: `image/*` is no media type"),
        (json!({"content": ["Image/png"]}), "content[0]: `Image/png` is no media type"),
        (json!({"content": ["image/png; q=1"]}), "is no media type"),
        (json!({"content": true}), "content: found the boolean true"),
        (json!({"content": "any", "schema": "order"}), "content: a schema judges JSON"),
        (json!({"content": ["image/png"], "schema": "order"}), "content: a schema judges JSON"),
        (json!({"schema": "ordr"}), "schema: there is no schema called `ordr`; did you mean `order`?"),
        (json!({"schema": {"type": "object"}}), "schema: found a map, expected a string"),
        (json!({"schema": "order", "max_bytes": "0B"}), "max_bytes: `0B` is out of range"),
        (json!({"schema": "order", "max_bytes": "17MiB"}), "at most 16MiB"),
        (json!({"schema": "order", "max_bytes": 4096}), "max_bytes: found the number 4096"),
        (json!({"max_bytes": "4KB"}), "`4KB` is no size"),
        (json!({"numbers": "all"}), "numbers: found `all`, expected `any`"),
        (json!({"shema": "order"}), "unknown field `shema`; did you mean `schema`?"),
        (json!({"unknown_query": "drop"}), "expected `reject`, `strip` or `allow`"),
        (json!({"params": {"order_id": {"type": "string"}}}), "`order_id` is no parameter; write path.NAME"),
        (json!({"params": {"body.x": {"type": "string"}}}), "`body.x` is no parameter"),
        (json!({"params": {"query.": {"type": "string"}}}), "`query.` is no parameter"),
        (
            json!({"params": {"path.ordr_id": {"type": "string"}}}),
            "called `ordr_id`; did you mean `order_id`?",
        ),
        (json!({"params": {"header.:path": {"type": "string"}}}), "is no header name"),
        (
            json!({"params": {"header.x-a": {"type": "string"}, "header.X-A": {"type": "string"}}}),
            "` is given twice",
        ),
        (json!({"params": {"query.q": {}}}), "its schema's `type` says what it stands for"),
        (json!({"params": {"query.q": {"enum": [1, 2]}}}), "its schema's `type` says what it stands for"),
        (json!({"params": {"query.q": {"const": 1}}}), "its schema's `type` says what it stands for"),
        (json!({"params": {"query.q": "order"}}), "found `object`, expected `string`, `integer`"),
        (json!({"params": {"query.q": {"type": ["string", "null"]}}}), "found a list, expected `string`"),
        (json!({"params": {"query.q": {"type": "array"}}}), "needs `items`"),
        (json!({"params": {"query.q": {"type": "array", "items": {"type": "array"}}}}), "found `array`"),
        (json!({"params": {"query.q": {"type": "string", "pattern": "(?=a)"}}}), "params.query.q.pattern: "),
        (json!({"params": {"query.q": "ids"}}), "there is no schema called `ids`"),
        (json!({"required": ["query.q"]}), "there is no parameter in `params` called `query.q`"),
        (
            json!({"params": {"path.kind": {"type": "string"}}, "required": ["path.kind"]}),
            "path parameters are always there",
        ),
        (json!({"required": "query.q"}), "required: found the string `query.q`, expected a list"),
    ] {
        let faults = faults(&request);
        assert!(faults.contains(want), "{request}\n{faults}");
    }
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let request = json!({
        "content": "frm", "schema": "ordr", "max_bytes": "x", "numbers": "all", "nonsense": 1,
        "params": {"query.q": {}, "path.none": {"type": "string"}}, "required": ["query.z"], "unknown_query": "x",
    });
    assert_eq!(compile(&request).unwrap_err().len(), 9);
}

#[test]
fn a_body_on_get_is_remarked() {
    for (request, method, remarks) in
        [("{\"content\":\"json\"}", "GET", 1), ("{\"content\":\"json\"}", "POST", 0), ("{}", "GET", 0)]
    {
        let problems = Problems::default();
        let node = Node::from_json(request.as_bytes(), &problems).unwrap();
        let mut store = SchemaStore::default();
        Request::compile(
            &node,
            &Schemas::default(),
            &mut store,
            &[],
            &[method],
            Readers::default(),
            &problems,
        )
        .unwrap();
        assert_eq!(problems.into_parts().1.len(), remarks, "{method} {request}");
    }
}
