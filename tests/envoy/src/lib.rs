//! The stage of every test against the real Envoy: it starts one from the sample in `envoy/envoy.yaml`, pushes policies to
//! it, and speaks to it over HTTP/1.1 and HTTP/2, down to single bytes.
//!
//! - [`Gate`]: an Envoy with the filter and a policy in front of an upstream; its statistics, logs and memory.
//! - [`Stage`]: one gate for all tests of a suite.
//! - [`Client`]: one [`Request`] over either [`Protocol`], alone, on an open [`Connection`], or many at once.
//! - [`Raw`]: exact bytes over HTTP/1.1.
//! - [`Recorder`]: an upstream that keeps the bytes that reached it and answers with given ones.
//! - [`Oracle`]: a rate limit service that says what it is told to; [`RateLimitService`] over [`Redis`]: a real one.
//! - [`trapping`]: the module with a fault in it.
//! - [`Shared`]: one stage for all tests of a suite; [`policy`] and [`user_token`] for what they push to it, [`cases`] for
//!   their tables.
//!
//! Everything is synchronous for its caller: the sockets live on one runtime of this crate, which outlives each test, so a
//! `Gate` may stand in a `static` for a whole suite. Envoy ends when the test process does, however that ends.

mod admin;
mod cases;
mod certs;
mod client;
mod config;
mod envoy;
mod gate;
mod leash;
mod message;
mod policy;
mod ratelimit;
mod recorder;
mod runtime;
mod stage;
mod telemetry;
mod trap;
mod wire;

pub use cases::{Piece, cases, lines};
pub use certs::{Ca, Leaf};
pub use client::{Client, Connection, Protocol, Raw, Tls, Version};
pub use envoy::{Envoy, root, validate};
pub use gate::{Gate, Setup, Verdict, module};
pub use leash::end_all;
pub use message::{Answer, Headers, Request};
pub use policy::{bundle, enforcing, limitador, policy, user_token, user_tokens};
pub use ratelimit::{Oracle, RateLimitService, Redis, Says};
pub use recorder::{Recorder, Seen};
pub use runtime::{block_on, timed, unix_now, until};
pub use stage::{Shared, Stage};
pub use telemetry::{Event, Series, audit, events};
pub use trap::trapping;

pub use anyhow::Error;

/// What tests return: the error says what was waited for and where the logs are.
pub type Result<T = (), E = anyhow::Error> = std::result::Result<T, E>;
