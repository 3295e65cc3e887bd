//! Keys come, change and fail to come; tokens that were good go on being good, until their issuer takes them back.
#![cfg(test)]

mod first;
mod freshness;
mod kept;
mod revocation;
mod rotation;
mod written;

use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_envoy::{
    Answer, Client, Gate, Protocol, Raw, Recorder, Request, Result, Verdict, enforcing, timed, until,
    user_tokens,
};
use portcullis_shop::idp::{Feed, Trouble};
use portcullis_shop::mint::{Alg, Mint};
use portcullis_shop::{Config, Shop};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

const ROUTES: &str = "
schemas: { order: { type: object, required: [id], properties: { id: { type: integer } } } }
routes:
  - { name: open, match: { method: GET, path: /open }, tokens: none }
  - { name: me, match: { method: GET, path: /me }, tokens: [user], access: authenticated }
  - { name: order, match: { method: POST, path: /order }, tokens: [user], access: authenticated, request: { schema: order, max_bytes: 1KiB } }
  - { name: watched, match: { method: POST, path: /watched }, tokens: [user], access: authenticated, request: { schema: order, max_bytes: 1KiB }, modes: { request: shadow } }
  - { name: upload, match: { method: POST, path: /upload }, tokens: [user], access: authenticated, request: { content: any, max_bytes: 1KiB } }
";

/// JSON that is no order.
const BAD: &[u8] = br#"{"id":"one"}"#;

/// A policy whose tokens are verified with the keys of the shop's provider.
fn fetching(name: &str, refresh: &str, max_stale: &str, wait: &str) -> String {
    let url = "https://id.shop.example/jwks.json";
    let jwks = format!(
        "{{ jwks: {{ url: \"{url}\", cluster: idp, refresh: {refresh}, timeout: 1s, max_stale: {max_stale} }} }}"
    );
    enforcing(name, &format!("first_keys_wait: {wait}\n{}\n{ROUTES}", user_tokens(&jwks)))
}

/// A provider, an upstream, and a gate of so many workers between them.
struct Scene {
    shop: Shop,
    upstream: Recorder,
    gate: Gate,
}

impl Scene {
    fn start(trouble: Trouble, policy: &str) -> Result<Self> {
        Self::with(Feed::Jwks, trouble, policy)
    }

    /// With trouble from the first fetch of that document on.
    fn with(feed: Feed, trouble: Trouble, policy: &str) -> Result<Self> {
        let shop = Shop::start(Config::default())?;
        shop.provider().set_trouble(feed, trouble);
        let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        let gate = Gate::before(upstream.address())
            .idp(shop.idp, shop.ca.pem())
            .workers(4)
            .h1_trailers()
            .policy(policy)
            .start()?;
        Ok(Self { shop, upstream, gate })
    }

    /// A token of its own, so that nobody remembers having verified it.
    fn token(&self) -> String {
        let keys = self.shop.keys();
        self.shop.provider().mint(&keys).sign(Alg::Es256)
    }

    fn me(&self) -> Request {
        Request::get("/me").bearer(&self.token())
    }

    fn clients(&self) -> [(Protocol, Client); 2] {
        Protocol::BOTH.map(|protocol| (protocol, self.gate.cleartext(protocol)))
    }

    /// How many fetches ended so, or all of them.
    fn fetched(&self, outcome: Option<&str>) -> Result<u64> {
        let labels: Vec<_> = outcome.map(|outcome| ("outcome", outcome)).into_iter().collect();
        self.gate.sum("portcullis_key_fetches_total", &labels)
    }

    /// Waits until so many requests are under way.
    fn held(&self, count: u64) -> Result<()> {
        until("requests to be held", || {
            let active = self.gate.stats("http.edge.downstream_rq_active")?;
            Ok((active.values().sum::<u64>() == count).then_some(()))
        })
    }

    /// Nothing that the filter did was taken ill by its host.
    fn unharmed(&self) -> Result<()> {
        let log = self.gate.log()?;
        let faults: Vec<_> =
            log.lines().filter(|line| line.contains("[critical]") || line.contains("panicked")).collect();
        assert!(faults.is_empty(), "{faults:?}");
        Ok(())
    }
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.reason().unwrap_or_default())
}
