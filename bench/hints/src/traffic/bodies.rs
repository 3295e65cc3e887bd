//! Bodies with a schema and without one, on their way in and on their way out.

use portcullis_tokens::{merge, merged};
use serde_json::{Value, json};

use crate::traffic::{Exchange, Outcome, Scene, policy};

pub(super) fn scene() -> Scene {
    let account = account(json!({ "charge": 81.5, "worn": false }));
    let shown = self::account(json!({}));
    let wrong = merged(account.clone(), &json!({ "locale": "xx-XX" })).to_string();
    // Letters beyond ASCII and what must be escaped are as usual as not.
    let elsewhere = json!({ "name": "Žofie Nováková\n\"Žofka\"" });
    let (lang, lang_shown) =
        (merged(account.clone(), &elsewhere).to_string(), merged(shown.clone(), &elsewhere).to_string());
    let (account, shown) = (account.to_string(), shown.to_string());
    let post = |name, path, body: &String| Exchange::post(name, path, body.clone());
    let get = |name, path, answer: &String| Exchange::get(name, path).answered(answer.clone());
    let exchanges = vec![
        post("in, no schema", "/in/plain", &account),
        post("in, a schema", "/in/valid", &account),
        post("in, a schema, another language", "/in/valid", &lang),
        post("in, against its schema", "/in/valid", &wrong).refused(422),
        get("out, no schema", "/out/plain", &account),
        get("out, long strings", "/out/text", &json!(["x".repeat(1_000)]).to_string()),
        get("out, a schema", "/out/valid", &account),
        get("out, against its schema", "/out/valid", &wrong).refused(502),
        get("out, undeclared members", "/out/pruned", &account).expect(Outcome::Answered(shown)),
        get("out, another language", "/out/pruned", &lang).expect(Outcome::Answered(lang_shown)),
    ];
    Scene { name: "bodies", policy: policy(shaped()), exchanges, questions: 0 }
}

/// An account with a few devices, which have some fields more: about 1 KiB. None of it is the benchmark's.
fn account(more: Value) -> Value {
    let device = |at: usize| {
        let device =
            json!({ "model": "Phone 12 mini, blue", "serial": format!("F2L-{at:04}-XK"), "year": 2024 });
        merged(device, &more)
    };
    json!({
        "account": "9a1d4c33-7f0e-4b58-a1c9-3d2e5f607182",
        "name": "Ada Lovelace",
        "locale": "en-GB",
        "verified": true,
        "devices": (0..8).map(device).collect::<Vec<_>>(),
    })
}

/// An account, as far as it is shown: how full and how old its devices' batteries are is nobody's business.
fn shown() -> Value {
    let device = json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["serial"],
        "properties": {
            "model": { "type": "string", "maxLength": 80 },
            "serial": { "type": "string", "pattern": "^[A-Z0-9-]{4,16}$" },
            "year": { "type": "integer", "minimum": 2000, "maximum": 2100 },
        },
    });
    json!({
        "type": "object",
        "additionalProperties": false,
        "required": ["account", "devices"],
        "properties": {
            "account": { "type": "string", "format": "uuid" },
            "name": { "type": "string", "minLength": 1, "maxLength": 100 },
            "locale": { "enum": ["de-DE", "en-GB", "fr-FR"] },
            "verified": { "type": "boolean" },
            "devices": { "type": "array", "maxItems": 20, "items": device },
        },
    })
}

fn shaped() -> Value {
    let fields = json!({ "charge": { "type": "number", "minimum": 0 }, "worn": { "type": "boolean" } });
    let mut account = shown();
    merge(&mut account, &json!({ "properties": { "devices": { "items": { "properties": fields } } } }));
    let most = "512KiB";
    let route = |name: &str, method: &str, rest: Value| {
        let path = format!("/{}", name.replace('.', "/"));
        merged(json!({ "name": name, "tokens": "none", "match": { "method": method, "path": path } }), &rest)
    };
    let taken = |request: Value| json!({ "request": merged(request, &json!({ "max_bytes": most })) });
    let given = |response: Value| json!({ "response": merged(response, &json!({ "max_bytes": most })) });
    json!({
        "schemas": {
            "account": account, "shown": shown(), "text": { "type": "array", "items": { "type": "string" } },
        },
        "routes": [
            route("in.plain", "POST", taken(json!({ "content": "any" }))),
            route("in.valid", "POST", taken(json!({ "schema": "account" }))),
            route("out.plain", "GET", json!({})),
            route("out.text", "GET", given(json!({ "schema": "text" }))),
            route("out.valid", "GET", given(json!({ "schema": "account" }))),
            route("out.pruned", "GET", given(json!({ "schema": "shown", "undeclared": "remove" }))),
        ],
    })
}
