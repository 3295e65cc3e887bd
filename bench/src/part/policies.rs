//! A large policy: what a worker spends to take it for the first time, and when only an override changes.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;
use portcullis_envoy::{Gate, unix_now};
use serde_json::{Map, Value, json};

use crate::cpu::Workers;
use crate::machine::rfc3339;
use crate::part::policy;
use crate::report::{Page, Target};
use crate::rounds::{Effort, Figure};

const ROUTES: usize = 80;
const SCHEMAS: usize = 120;

pub(crate) fn run(effort: Effort) -> Result<Page> {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let start = policy(json!({ "routes": [] })).to_string();
    let gate = Gate::before(nobody).quiet().policy(start).start()?;
    let workers = Workers::of(gate.pid())?;
    let milliseconds = |policy: &Value| -> Result<f64> {
        let before = workers.nanos()?;
        gate.adopt(&policy.to_string())?;
        Ok(workers.nanos()?.saturating_sub(before) as f64 / 1e6)
    };
    let times = if effort.rounds < 20 { 2 } else { 9 };
    let (mut first, mut update) = (Vec::new(), Vec::new());
    for edition in 0..times {
        first.push(milliseconds(&large(edition, None))?);
        for change in 0..3 {
            update.push(milliseconds(&large(edition, Some(change)))?);
        }
    }
    let mut page = Page::new("A policy of 80 routes and 120 schemas, for each worker");
    page.figure("first time, ms", Figure::of(first), 1, Some(Target::AtMost(100.0)))?;
    page.figure("only an override changes, ms", Figure::of(update), 1, Some(Target::AtMost(5.0)))?;
    let size = large(0, None).to_string().len() as f64 / 1000.0;
    page.single("the policy's size, kB", size, 0, None)?;
    Ok(page)
}

/// Another `edition` has other schemas, every one of them; another `change` is a new reason of an override.
fn large(edition: usize, change: Option<usize>) -> Value {
    let schemas: Map<_, _> = (0..SCHEMAS).map(|at| (format!("schema.{at}"), schema(edition, at))).collect();
    let route = |at: usize| {
        json!({
            "name": format!("route.{at}"),
            "match": { "method": "POST", "path": format!("/v1/things-{at}/{{id}}/parts") },
            "tokens": "none",
            "request": {
                "schema": format!("schema.{at}"),
                "params": { "path.id": { "type": "string", "format": "uuid" } },
            },
            "response": { "schema": format!("schema.{}", at.checked_rem(40).unwrap_or(at).saturating_add(80)) },
        })
    };
    let mut rest = json!({ "schemas": schemas, "routes": (0..ROUTES).map(route).collect::<Vec<_>>() });
    if let (Some(change), Some(rest)) = (change, rest.as_object_mut()) {
        let until = rfc3339(unix_now().saturating_add(86_400));
        let reason = format!("change {change}");
        rest.insert(
            "overrides".into(),
            json!([{
                "route": "route.7", "control": "request.schema", "mode": "shadow",
                "until": until, "owner": "on-call", "reason": reason,
            }]),
        );
    }
    policy(rest)
}

/// About twenty keywords, as an API's own schemas have them.
fn schema(edition: usize, at: usize) -> Value {
    json!({
        "type": "object",
        "required": ["id", "items", "currency"],
        "additionalProperties": false,
        "properties": {
            "id": { "type": "string", "format": "uuid" },
            "title": { "type": "string", "minLength": 1, "maxLength": at.saturating_add(100) },
            "currency": { "enum": ["EUR", "USD", "GBP", format!("X{edition}")] },
            "note": { "type": ["string", "null"], "maxLength": 500, "pattern": "^[^<>]*$" },
            "items": { "type": "array", "minItems": 1, "maxItems": 50, "items": {
                "type": "object",
                "required": ["sku"],
                "additionalProperties": false,
                "properties": {
                    "sku": { "type": "string", "pattern": "^[A-Z0-9-]{3,20}$" },
                    "quantity": { "type": "integer", "minimum": 1, "maximum": 99 },
                },
            } },
        },
    })
}
