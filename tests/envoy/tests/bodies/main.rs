//! What comes in: the upstream sees nothing of a body that is refused, and every byte of one that is not.
#![cfg(test)]

mod edges;
mod params;
mod streams;
mod tables;

use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Shared, policy};
use portcullis_shop::{Config, Shop};

pub(crate) struct Stage {
    pub(crate) upstream: Recorder,
    /// Whose keys come late.
    pub(crate) shop: Shop,
    pub(crate) gate: Gate,
}

pub(crate) static STAGE: Shared<Stage> = Shared::new(|| {
    let early = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n";
    let late = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let upstream =
        Recorder::start_eager(|path| (path == "/eager").then(|| early.to_vec()), |_| late.to_vec())?;
    let shop = Shop::start(Config::default())?;
    let setup = Gate::before(upstream.address()).idp(shop.idp, shop.ca.pem()).workers(4).h1_trailers();
    let gate = setup.policy(bodies("bodies", "")).start()?;
    Ok(Stage { upstream, shop, gate })
});

/// Enough connections that every worker has had one.
pub(crate) const EVERY_WORKER: usize = 16;

pub(crate) const ORDER: &str = r#"{"id":"a","quantity":1}"#;

pub(crate) fn bodies(name: &str, more: &str) -> String {
    let routes = r#"
schemas:
  order:
    type: object
    required: [id, quantity]
    additionalProperties: false
    properties:
      id: { type: string, minLength: 1 }
      quantity: { type: integer, minimum: 0, maximum: 100 }
      note: { type: string }
  object: { type: object }
  form:
    type: object
    required: [id]
    additionalProperties: false
    properties: { id: { type: string }, quantity: { type: integer }, tag: { type: array, items: { type: string } } }
  upload:
    type: object
    required: [id]
    additionalProperties: false
    properties: { id: { type: string }, file: { type: object, properties: { type: { const: image/png }, bytes: { maximum: 8 } } } }
routes:
  - { name: order, match: { method: POST, path: /order }, tokens: none, request: { schema: order, max_bytes: 1KiB } }
  - { name: wide, match: { method: POST, path: /wide }, tokens: none, request: { schema: object } }
  - { name: numbers, match: { method: POST, path: /numbers }, tokens: none, request: { schema: object, numbers: any } }
  - { name: large, match: { method: POST, path: /large }, tokens: none, request: { schema: object, max_bytes: 8MiB } }
  - { name: form, match: { method: POST, path: /form }, tokens: none, request: { content: form, schema: form, max_bytes: 1KiB } }
  - { name: upload, match: { method: POST, path: /upload }, tokens: none, request: { content: multipart, schema: upload, max_bytes: 1KiB } }
  - { name: none, match: { method: [GET, POST, DELETE], path: /none }, tokens: none }
  - { name: image, match: { method: POST, path: /image }, tokens: none, request: { content: [image/jpeg], max_bytes: 4KiB } }
  - { name: any, match: { method: POST, path: /any }, tokens: none, request: { content: any, max_bytes: 4KiB } }
  - { name: eager, match: { method: POST, path: /eager }, tokens: none, request: { content: any, max_bytes: 4KiB } }
  - { name: unread, match: { method: POST, path: /unread }, tokens: none, request: { content: json, max_bytes: 4KiB } }
"#;
    policy(name, "enforce", &format!("{more}\n{routes}"))
}

/// Good requests over every worker, and no harm done so far.
pub(crate) fn lives_on(stage: &Stage) -> Result {
    for protocol in Protocol::BOTH {
        for _ in 0..EVERY_WORKER {
            let answer = stage.gate.client(protocol).send(&order_of(ORDER))?;
            assert_eq!(answer.status, 200, "{protocol:?}: {answer:?}");
        }
    }
    stage.gate.unharmed()
}

pub(crate) fn order_of(body: &str) -> Request {
    Request::new("POST", "/order").header("content-type", "application/json").chunk(body)
}
