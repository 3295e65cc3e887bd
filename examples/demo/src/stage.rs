//! What is attacked: one shop, and two Envoys from the same sample in front of it, one of them with the filter.

use std::thread;

use anyhow::{Context, anyhow};
use portcullis_envoy::{Gate, Result, Setup, bundle, root};
use portcullis_shop::{Config, Shop};

/// The API's host name, as the policy and the certificates have it.
pub(crate) const HOST: &str = "api.shop.example";

const WORKERS: u32 = 4;

/// Both have a TLS listener with a certificate made on the spot, and a cleartext one.
pub(crate) struct Stage {
    pub(crate) without: Gate,
    pub(crate) with: Gate,
    pub(crate) shop: Shop,
}

impl Stage {
    /// Starts everything; what was started is stopped when this fails, and when the stage is dropped.
    pub(crate) fn start() -> Result<Self> {
        say("bundling envoy/policy.yaml, starting the shop");
        let policy = bundle(&root().join("envoy/policy.yaml"))?;
        let shop = Shop::start(Config::default())?;
        say(&format!("starting Envoy without and with Portcullis, {WORKERS} workers each"));
        let bare = Gate::before(shop.api).workers(WORKERS).quiet();
        let guarded = Gate::before(shop.api)
            .idp(shop.idp, shop.ca.pem())
            .policy(policy)
            .env("PORTCULLIS_AUDIT_KEY", "only-for-trying-out-replace-this-key")
            .workers(WORKERS)
            .quiet();
        // Each takes seconds: both at once.
        let starting = thread::spawn(move || bare.start());
        let with = Setup::start(guarded);
        let without =
            starting.join().map_err(|_| anyhow!("a thread panicked"))?.context("without Portcullis")?;
        Ok(Self { without, with: with.context("with Portcullis")?, shop })
    }
}

/// A line of progress, apart from the table.
pub(crate) fn say(line: &str) {
    eprintln!("demo: {line}");
}
