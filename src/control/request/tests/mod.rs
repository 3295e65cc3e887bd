mod bodies;
mod fields;
mod params;
mod policy;

use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::control::request::Readers;
use crate::control::request::Request;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::headers::Headers;
use crate::refusal::Refusal;

/// Compiles a `request` on `/v1/orders/{order_id}/{kind}`; gives the faults and remarks where there are any.
fn compile(request: &Value) -> Result<Request, Vec<String>> {
    let problems = Problems::default();
    let read = |value: &Value| Node::from_json(value.to_string().as_bytes(), &problems).unwrap();
    let named = json!({
        "order": {"type": "object", "required": ["id"], "properties": {"id": {"type": "string", "maxLength": 4}}},
        "id": {"type": "string", "maxLength": 4},
        "form": {"type": "object", "required": ["id"], "additionalProperties": false, "properties": {
            "id": {"type": "string"}, "n": {"type": "integer"}, "ok": {"type": "boolean"}, "user_id": {"type": "string"},
            "tag": {"type": "array", "items": {"type": "string"}, "maxItems": 2},
        }},
        "upload": {
            "type": "object", "required": ["id"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string"}, "n": {"type": "integer"}, "file": {"$ref": "#/$defs/file", "type": "object"},
                "more": {"type": "array", "maxItems": 2, "items": {"$ref": "#/$defs/file", "type": "object"}},
            },
            "$defs": {"file": {"type": "object", "additionalProperties": false, "required": ["type", "bytes"],
                "properties": {"type": {"const": "image/png"}, "bytes": {"maximum": 4}}}},
        },
    });
    let mut store = SchemaStore::default();
    let schemas = Schemas::compile(&read(&named), &mut store, &problems);
    let (path, methods) = (["order_id", "kind"], ["POST"]);
    let request = Request::compile(
        &read(request),
        &schemas,
        &mut store,
        &path,
        &methods,
        Readers::default(),
        &problems,
    );
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    request.filter(|_| faults.is_empty()).ok_or(faults)
}

fn headers(pairs: &[(&str, &str)]) -> Headers {
    Headers::from_pairs(pairs.iter().copied())
}

/// `ok`, or the reason's code.
fn code<T>(result: Result<T, Refusal>) -> &'static str {
    result.map_or_else(|refusal| refusal.reason.code(), |_| "ok")
}
