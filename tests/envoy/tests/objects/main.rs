//! Whose object is this? Two accounts of a shop that checks nothing, and every way that is known from one to the other.
#![cfg(test)]

mod doors;
mod owners;
mod paths;

use portcullis_envoy::{Answer, Gate, Protocol, Result, Shared, policy, user_token};
use portcullis_shop::data::{ALICE_LOGIN, BOB_LOGIN};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use portcullis_shop::{Config, Shop};
use std::sync::Arc;

pub(crate) struct Stage {
    pub(crate) shop: Shop,
    pub(crate) keys: Arc<Keys>,
    /// Over TLS as the sample has it; without TLS as behind a careless hop.
    pub(crate) gate: Gate,
}

pub(crate) static STAGE: Shared<Stage> = Shared::new(|| {
    let shop = Shop::start(Config::default())?;
    let setup = Gate::before(shop.api).workers(4).careless_cleartext();
    let gate = setup.policy(policy("begin", "enforce", "routes: []")).start()?;
    Ok(Stage { keys: shop.keys(), shop, gate })
});

impl Stage {
    /// Alice's good token, to be changed.
    pub(crate) fn mint(&self) -> Mint<'_> {
        Mint::new(&self.keys)
    }

    pub(crate) fn alice(&self) -> String {
        self.mint().sign(Alg::Es256)
    }

    /// The policy's `tokens`.
    pub(crate) fn tokens(&self) -> String {
        format!("tokens: {{ user: {} }}", user_token(&self.keys))
    }

    pub(crate) fn count(&self, policy: &str, labels: &str) -> Result<u64> {
        let stats = self.gate.stats(&format!("wasmcustom.portcullis_decisions_total;policy={policy};"))?;
        Ok(stats.iter().filter(|(name, _)| name.contains(labels)).map(|(_, count)| count).sum())
    }
}

/// Whose account an answer shows.
pub(crate) fn shown(answer: &Answer) -> Option<&'static str> {
    let text = answer.text();
    [ALICE_LOGIN.0, BOB_LOGIN.0].into_iter().find(|email| text.contains(email))
}

/// A row's name for both protocols.
pub(crate) fn row(protocol: Protocol, name: impl std::fmt::Display) -> String {
    format!("{protocol:?} {name}")
}
