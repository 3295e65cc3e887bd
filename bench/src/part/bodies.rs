//! Bodies against a schema, on their way in and on their way out, beside the same route without one.

use std::net::SocketAddr;

use anyhow::Result;
use serde_json::{Value, json};

use crate::envoy::{Chain, Served, baseline, empty, portcullis};
use crate::part::policy;
use crate::report::{Page, Target};
use crate::rounds::{Effort, Measured, Row, measure};
use crate::tokens::get;
use crate::upstream;

/// KiB, and how many requests make a round.
const SIZES: [(usize, usize); 3] = [(1, 240), (16, 64), (256, 8)];

/// What 1 KiB may add, in microseconds.
const MOST: f64 = 20.0;

/// As long as names in a shop are; a document has no more parts than a body may have.
const TITLE: &str = "Kettle, steel, 1.7 l, with a lid that stays on, for induction, gas and electric hobs; keeps warm for an hour";

/// What is done to a body: the first segment of the path.
const WAYS: [(&str, &str); 11] = [
    ("in/bare", "in, no filter"),
    ("in/plain", "in, no schema"),
    ("in/text", "in, held, long strings"),
    ("in/valid", "in, schema"),
    ("out/bare", "out, no filter"),
    ("out/plain", "out, no schema"),
    ("out/text", "out, held, long strings"),
    ("out/valid", "out, schema"),
    ("out/pruned", "out, pruned"),
    ("out/empty", "out, empty filter"),
    ("out/calls", "out, empty filter: the host calls of a pruned answer"),
];

/// The chain that a way goes through.
fn chain(way: &str) -> &'static str {
    ["bare", "empty", "calls"].into_iter().find(|chain| way.ends_with(chain)).unwrap_or("portcullis")
}

pub(crate) fn run(effort: Effort) -> Result<Page> {
    let documents =
        SIZES.iter().flat_map(|(size, _)| WAYS.map(|(way, _)| (format!("/{way}/{size}"), body(way, *size))));
    let address = upstream::start(documents.filter(|(path, _)| path.starts_with("/out")).collect())?;
    let mut chains = vec![
        Chain::new("bare", vec![]),
        Chain::new("empty", vec![empty("empty", "")?]),
        Chain::new("calls", vec![empty("calls", "answers")?]),
        Chain::new("portcullis", vec![portcullis(&shaped())?]),
    ];
    let baseline = baseline(&shaped());
    let compared = baseline.is_some();
    chains.extend(baseline.map(|filter| Chain::new("baseline", vec![filter])));
    let served = Served::start(chains, Some(address), 1)?;
    served.workers.pin()?;

    let mut page = Page::new("Bodies");
    for (size, requests) in SIZES {
        let name = |what: &str| format!("{size} KiB {what}");
        let row = |(way, what): &(&str, &str)| {
            one(&name(what), served.address(chain(way))?, &format!("/{way}/{size}"), &body(way, size))
        };
        let mut rows = WAYS.iter().map(row).collect::<Result<Vec<_>>>()?;
        for (way, what) in WAYS.iter().filter(|(way, _)| compared && chain(way) == "portcullis") {
            let (name, path) = (name(&format!("{what}, baseline")), format!("/{way}/{size}"));
            rows.push(one(&name, served.address("baseline")?, &path, &body(way, size))?);
        }
        let measured = measure(&served.workers, &mut rows, effort.requests(requests))?;
        page.costs(&measured, &name("in, no filter"))?;
        let most = (size == 1).then_some(Target::AtMost(MOST));
        let mut added = |what: &str, over: &str, target: Option<Target>, measured: &Measured| -> Result<()> {
            let figure = measured.added(&name(what), &name(over))?;
            page.figure(&format!("{} adds over {over}, us", name(what)), figure, 1, target)
        };
        added("in, held, long strings", "in, no schema", None, &measured)?;
        added("in, schema", "in, no schema", most, &measured)?;
        added("out, held, long strings", "out, no schema", None, &measured)?;
        added("out, schema", "out, no schema", most, &measured)?;
        added("out, pruned", "out, no schema", most, &measured)?;
        // What it would add if its own work cost nothing.
        added("out, empty filter: the host calls of a pruned answer", "out, empty filter", None, &measured)?;
        if compared {
            for (what, over) in [
                ("in, schema", "in, no schema"),
                ("out, schema", "out, no schema"),
                ("out, pruned", "out, no schema"),
            ] {
                added(&format!("{what}, baseline"), &format!("{over}, baseline"), None, &measured)?;
            }
        }
    }
    Ok(page)
}

fn one(name: &str, address: SocketAddr, path: &str, document: &str) -> Result<Row> {
    let request = if path.starts_with("/in") {
        let head = format!("content-type: application/json\r\ncontent-length: {}\r\n", document.len());
        let mut request = get(path, &head);
        request.splice(..3, *b"POST");
        request.extend_from_slice(document.as_bytes());
        request
    } else {
        get(path, "")
    };
    Row::new(name, address, vec![request], 200)
}

/// What is sent on a way: an order, or a few strings that are as long together, of which little but their being held costs.
fn body(way: &str, kibibytes: usize) -> String {
    if way.ends_with("text") {
        json!(vec!["x".repeat(1_000); kibibytes]).to_string()
    } else {
        document(kibibytes)
    }
}

/// An order of about so many KiB.
fn document(kibibytes: usize) -> String {
    let item = |at: usize| {
        json!({
            "sku": format!("KETTLE-{at:05}"), "title": TITLE, "quantity": 2, "price": 39.90, "gift": false,
        })
    };
    let order = |items: usize| {
        json!({
            "id": "6e1f6a1e-55b1-4f0e-9f2b-0d4cf8a1b2c3",
            "customer_id": "0b7e5b9c-3f6e-4a36-8a57-000000000001",
            "currency": "EUR",
            "note": "Please ring twice.",
            "items": (0..items).map(item).collect::<Vec<_>>(),
        })
        .to_string()
    };
    let (none, one) = (order(0).len(), order(1).len());
    let each = one.saturating_sub(none).max(1);
    let room = kibibytes.saturating_mul(1024).saturating_sub(none);
    order(room.checked_div(each).unwrap_or_default())
}

/// Twenty keywords and a few more.
fn schema() -> Value {
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
                    "price": { "type": "number", "minimum": 0 },
                    "gift": { "type": "boolean" },
                },
            } },
        },
    })
}

fn shaped() -> Value {
    let budget = "512KiB";
    // An order as it is shown: two of the fields of each item are nobody's business.
    let mut shown = schema();
    if let Some(fields) =
        shown.pointer_mut("/properties/items/items/properties").and_then(Value::as_object_mut)
    {
        fields.remove("price");
        fields.remove("gift");
    }
    policy(json!({
        "schemas": { "order": schema(), "shown": shown, "text": { "type": "array", "items": { "type": "string" } } },
        "routes": [
            {
                "name": "in.plain", "tokens": "none", "match": { "method": "POST", "path": "/in/plain/{size}" },
                "request": { "content": "any", "max_bytes": budget },
            },
            {
                "name": "in.valid", "tokens": "none", "match": { "method": "POST", "path": "/in/valid/{size}" },
                "request": { "schema": "order", "max_bytes": budget },
            },
            {
                "name": "in.text", "tokens": "none", "match": { "method": "POST", "path": "/in/text/{size}" },
                "request": { "schema": "text", "max_bytes": budget },
            },
            {
                "name": "out.text", "tokens": "none", "match": { "method": "GET", "path": "/out/text/{size}" },
                "response": { "schema": "text", "max_bytes": budget },
            },
            { "name": "out.plain", "tokens": "none", "match": { "method": "GET", "path": "/out/plain/{size}" } },
            {
                "name": "out.valid", "tokens": "none", "match": { "method": "GET", "path": "/out/valid/{size}" },
                "response": { "schema": "order", "max_bytes": budget },
            },
            {
                "name": "out.pruned", "tokens": "none", "match": { "method": "GET", "path": "/out/pruned/{size}" },
                "response": { "schema": "shown", "undeclared": "remove", "max_bytes": budget },
            },
        ],
    }))
}
