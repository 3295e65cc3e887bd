//! Bodies with a schema and without one, on their way in and on their way out.

use portcullis_tokens::{merge, merged};
use serde_json::{Value, json};

use crate::traffic::{Exchange, Outcome, Scene, policy};

pub(super) fn scene() -> Scene {
    let order = order(json!({ "price": 39.90, "gift": false }));
    let shown = self::order(json!({}));
    let wrong = merged(order.clone(), &json!({ "currency": "XXX" })).to_string();
    // Letters beyond ASCII and what must be escaped are as usual as not.
    let elsewhere = json!({ "note": "Bitte zweimal läuten,\nlinke Tür" });
    let (lang, lang_shown) =
        (merged(order.clone(), &elsewhere).to_string(), merged(shown.clone(), &elsewhere).to_string());
    let (order, shown) = (order.to_string(), shown.to_string());
    let post = |name, path, body: &String| Exchange::post(name, path, body.clone());
    let get = |name, path, answer: &String| Exchange::get(name, path).answered(answer.clone());
    let exchanges = vec![
        post("in, no schema", "/in/plain", &order),
        post("in, a schema", "/in/valid", &order),
        post("in, a schema, another language", "/in/valid", &lang),
        post("in, against its schema", "/in/valid", &wrong).refused(422),
        get("out, no schema", "/out/plain", &order),
        get("out, long strings", "/out/text", &json!(["x".repeat(1_000)]).to_string()),
        get("out, a schema", "/out/valid", &order),
        get("out, against its schema", "/out/valid", &wrong).refused(502),
        get("out, undeclared members", "/out/pruned", &order).expect(Outcome::Answered(shown)),
        get("out, another language", "/out/pruned", &lang).expect(Outcome::Answered(lang_shown)),
    ];
    Scene { name: "bodies", policy: policy(shaped()), exchanges, questions: 0 }
}

/// An order of about 1 KiB, whose items have some fields more.
fn order(more: Value) -> Value {
    let item = |at: usize| {
        let item = json!({ "sku": format!("KETTLE-{at:05}"), "quantity": 2, "title": "Kettle, steel, 1.7 l, with a lid" });
        merged(item, &more)
    };
    json!({
        "id": "6e1f6a1e-55b1-4f0e-9f2b-0d4cf8a1b2c3",
        "customer_id": "0b7e5b9c-3f6e-4a36-8a57-000000000001",
        "currency": "EUR",
        "note": "Please ring twice.",
        "items": (0..8).map(item).collect::<Vec<_>>(),
    })
}

/// An order, as far as it is shown: two of the fields of each item are nobody's business.
fn shown() -> Value {
    json!({
        "type": "object",
        "required": ["id", "customer_id", "currency", "items"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "customer_id": { "type": "string", "format": "uuid" },
            "currency": { "enum": ["EUR", "USD", "GBP"] },
            "note": { "type": "string", "maxLength": 500 },
            "items": { "type": "array", "minItems": 1, "maxItems": 5000, "items": {
                "type": "object",
                "required": ["sku", "quantity"],
                "additionalProperties": false,
                "properties": {
                    "sku": { "type": "string", "pattern": "^[A-Z0-9-]{3,20}$" },
                    "title": { "type": "string", "minLength": 1, "maxLength": 300 },
                    "quantity": { "type": "integer", "minimum": 1, "maximum": 99 },
                },
            } },
        },
    })
}

fn shaped() -> Value {
    let fields = json!({ "price": { "type": "number", "minimum": 0 }, "gift": { "type": "boolean" } });
    let mut order = shown();
    merge(&mut order, &json!({ "properties": { "items": { "items": { "properties": fields } } } }));
    let most = "512KiB";
    let route = |name: &str, method: &str, rest: Value| {
        let path = format!("/{}", name.replace('.', "/"));
        merged(json!({ "name": name, "tokens": "none", "match": { "method": method, "path": path } }), &rest)
    };
    let taken = |request: Value| json!({ "request": merged(request, &json!({ "max_bytes": most })) });
    let given = |response: Value| json!({ "response": merged(response, &json!({ "max_bytes": most })) });
    json!({
        "schemas": {
            "order": order, "shown": shown(), "text": { "type": "array", "items": { "type": "string" } },
        },
        "routes": [
            route("in.plain", "POST", taken(json!({ "content": "any" }))),
            route("in.valid", "POST", taken(json!({ "schema": "order" }))),
            route("out.plain", "GET", json!({})),
            route("out.text", "GET", given(json!({ "schema": "text" }))),
            route("out.valid", "GET", given(json!({ "schema": "order" }))),
            route("out.pruned", "GET", given(json!({ "schema": "shown", "undeclared": "remove" }))),
        ],
    })
}
