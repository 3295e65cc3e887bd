#![expect(clippy::arithmetic_side_effects, reason = "tests count in small numbers")]

mod check;
mod crowd;
mod fair;
mod gcra;
mod key;
mod model;
mod penalty;
mod policy;
mod quota;
mod slots;
mod table;

use std::borrow::Cow;
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Duration;

use serde_json::Value;

use super::key::KeySight;
use super::raw::Around;
use super::table::Memory;
use super::*;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::quantity::Size;
use crate::model::shared::BucketKey;
use crate::model::shared::Clash;
use crate::model::shared::InMemory;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;

/// A day in 2026.
const NOW: Nanos = Nanos(1_790_000_000_000_000_000);

fn at_ms(ms: u64) -> Nanos {
    Nanos(NOW.0 + ms * 1_000_000)
}

fn moment(now: Nanos) -> Moment<'static> {
    Moment::new(now, &|| 0.0)
}

fn node(json: &str) -> Rc<Node> {
    Node::from_json(json.as_bytes(), &Problems::default()).unwrap()
}

/// Compiles `limits` of the policy `shop` with the tokens `user` (which requires `sub`) and `staff`.
fn compile(json: &str) -> (Limits, Vec<String>) {
    let (policy, problems) = ("shop".parse().unwrap(), Problems::default());
    let tokens: [Name; 2] = ["user".parse().unwrap(), "staff".parse().unwrap()];
    let around = Around {
        policy: &policy,
        tokens: &tokens,
        required: &|claim| claim.token == 0 && claim.claim.to_string() == "/sub",
        client_by_claim: false,
    };
    let limits = Limits::compile(Some(&node(json)), &around, &problems);
    (limits, problems.into_parts().0.iter().map(ToString::to_string).collect())
}

pub(in crate::control::limits) fn limits(json: &str) -> Limits {
    let (limits, faults) = compile(json);
    assert_eq!(faults, [""; 0], "{json}");
    limits
}

fn limiter(store: &InMemory) -> Limiter {
    Limiter::prepare(Memory::new(Memory::LEAST).unwrap(), store, [7; 16]).unwrap()
}

/// A request as its keys see it; headers and parameters by name, claims by token and name.
#[derive(Clone, Default)]
struct Caller {
    ip: Option<IpAddr>,
    headers: Vec<(&'static str, Vec<u8>)>,
    query: Vec<(&'static str, Vec<u8>)>,
    path: Vec<(&'static str, Vec<u8>)>,
    claims: Vec<(usize, &'static str, Value)>,
    issuer: Option<&'static str>,
}

impl Caller {
    fn ip(text: &str) -> Self {
        Self { ip: Some(text.parse().unwrap()), ..Self::default() }
    }

    fn header(name: &'static str, value: impl AsRef<[u8]>) -> Self {
        Self { headers: vec![(name, value.as_ref().to_vec())], ..Self::default() }
    }

    fn query(name: &'static str, value: impl AsRef<[u8]>) -> Self {
        Self { query: vec![(name, value.as_ref().to_vec())], ..Self::default() }
    }

    fn user(sub: impl Into<Value>) -> Self {
        Self { claims: vec![(0, "/sub", sub.into())], issuer: Some("https://id"), ..Self::default() }
    }

    /// The `n`th of very many addresses.
    fn nth(n: u32) -> Self {
        Self { ip: Some(IpAddr::from(n.to_be_bytes())), ..Self::default() }
    }
}

impl Sight for Caller {
    fn see(&self, source: &Source) -> Seen<'_> {
        let text = |values: &'_ [(&'static str, Vec<u8>)], name: &str| {
            let mut found = values.iter().filter(|(known, _)| *known == name).map(|(_, value)| value.clone());
            match (found.next(), found.next()) {
                (None, _) => Seen::Missing,
                (Some(value), None) => Seen::Bytes(Cow::Owned(value)),
                _ => Seen::Ambiguous,
            }
        };
        match source {
            Source::Ip => self.ip.map_or(Seen::Missing, Seen::Ip),
            Source::Header(name) => text(&self.headers, name),
            Source::Query(name) => text(&self.query, name),
            Source::Path(name) => text(&self.path, name),
            Source::Route => Seen::Bytes(Cow::Borrowed(b"orders.get")),
            Source::Claim(claim) => {
                let place = claim.claim.to_string();
                let found =
                    self.claims.iter().find(|(token, name, _)| *token == claim.token && *name == place);
                found.map_or(Seen::Missing, |(_, _, value)| Seen::Json(value))
            }
            _ => Seen::Missing,
        }
    }
}

impl KeySight for Caller {
    fn issuer(&self, _: usize) -> Option<&str> {
        self.issuer
    }
}

/// Charges all of `limits`, enforced; answers the reason that the client is told.
fn ask(
    limiter: &Limiter,
    limits: &Limits,
    caller: &Caller,
    now: Nanos,
    store: &impl Buckets,
) -> Option<Reason> {
    let charges: Vec<_> = limits.iter().map(|limit| Charge { limit, shadow: false, cost: None }).collect();
    limiter.check(&charges, caller, moment(now), store).answer().map(|refused| refused.refusal.reason)
}

/// How many of `n` requests at once are admitted.
fn admitted(
    limiter: &Limiter,
    limits: &Limits,
    caller: &Caller,
    now: Nanos,
    n: u32,
    store: &impl Buckets,
) -> u32 {
    (0..n).map(|_| u32::from(ask(limiter, limits, caller, now, store).is_none())).sum()
}

fn wait_of(outcome: &Outcome) -> Option<Duration> {
    match outcome.answer()?.refusal.extra {
        Extra::RetryAfter(wait) => Some(wait),
        _ => None,
    }
}
