//! Portcullis hardens the API behind a mobile app, inside the Envoy that a platform team already runs.
//!
//! The layers, each importing only from those above it:
//!
//! | layer | what it holds |
//! | --- | --- |
//! | [`bytes`], [`fault`], [`document`], [`model`], [`refusal`], [`telemetry`] | words: what can be wrong with a policy, a policy as a tree with places, names and values, every reason to refuse, every metric |
//! | [`control`] | the controls, each a folder of the same shape |
//! | [`policy`] | a document compiled: immutable, whole or not at all |
//! | [`engine`] | the order of the controls, and what a mode means |
//! | `filter` (wasm32), [`cli`] (native) | the edges: a proxy-wasm host, a command line |
//!
//! A request is asked, in this order: is the channel protected (`transport`), whose route is this (`routing`), has this
//! address its budget left (`limits`), is the app new enough (`client`), who calls (`tokens`), has this caller a budget
//! left (`limits`), is the request formed as the route says (`request`), may this caller do this to this object
//! (`access`), is the body what the schema says (`request`), and on the way back, is the answer (`response`). Each
//! answers one of the OWASP API Security Top 10: broken object authorization (`access`), broken authentication
//! (`tokens`), mass assignment and over-sharing (`request`, `response`), unrestricted consumption (`limits`), broken
//! function authorization (`routing`, `access`), unknown endpoints (`routing`).

pub mod bytes;
#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
pub mod control;
pub mod document;
pub mod engine;
pub mod fault;
#[cfg(target_arch = "wasm32")]
mod filter;
pub mod model;
pub mod policy;
pub mod refusal;
pub mod telemetry;
