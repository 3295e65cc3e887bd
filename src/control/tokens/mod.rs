//! # Tokens: who calls
//!
//! **Refuses** a request whose route demands a token that is not there, is there twice, or is not good: 401, 400 where
//! a token is given more than once, 503 before the first keys. A token is judged by one definition, in this order, and
//! the first that fails is the reason:
//!
//! 1. its place: `missing`, `ambiguous`;
//! 2. its form: `too_long`, `encrypted`, `malformed`, `critical`;
//! 3. in an `any`, the definition that its `iss` names: `issuer`;
//! 4. its header: `algorithm`, `type`;
//! 5. the key: `keys_unavailable`, `unknown_key`, `algorithm`;
//! 6. its `signature`;
//! 7. its claims, read only now: `malformed`, `issuer`, `audience`, `lifetime`, `claim`;
//! 8. the time: `expired`, `not_yet_valid`;
//! 9. whether it was revoked, a rule of its own: `revocation_unavailable`, `revoked`;
//! 10. its proof of possession, a rule of its own: `binding`, `proof_*`.
//!
//! None of it tells a caller what a token that he could not have made himself says. The answer is the same sentence for
//! all; the code is for whoever runs the service.
//!
//! **Needs** the compiled [`Definitions`], the route's [`Demand`], the request's headers, the [`Keys`] in force, the
//! [`Caches`], and the time.
//!
//! **Hands on** [`Subjects`], the only way to a verified claim.
//!
//! **Does not** fetch keys, read a clock, or look at keys that a token brings or points to (`jwk`, `jku`, `x5c`,
//! `x5u`); a proof brings its key, and the token says which it must be. It reads a token from one header, never from a query or a body. An unknown `kid` is only noted:
//! [`Keys::take_refresh_wish`].

mod algorithm;
mod binding;
mod cache;
mod check;
mod cnf;
mod definition;
mod definitions;
mod demand;
mod dpop;
mod form;
mod header;
mod host_signature;
#[cfg(not(target_arch = "wasm32"))]
mod inspect;
mod json;
mod key;
mod key_set;
mod keys;
mod onward;
pub mod polled;
mod proof;
mod raw;
mod replay;
pub mod revocation;
mod rules;
mod schemes;
mod signature;
mod source;
mod strangers;
#[cfg(test)]
mod tests;

pub use crate::control::tokens::algorithm::Algorithm;
pub use crate::control::tokens::algorithm::KeyKind;
pub use crate::control::tokens::binding::Sender;
pub use crate::control::tokens::binding::check_binding;
pub use crate::control::tokens::cache::Caches;
pub use crate::control::tokens::cache::Counts;
pub use crate::control::tokens::check::check;
pub use crate::control::tokens::definition::Carrier;
pub use crate::control::tokens::definition::Condition;
pub use crate::control::tokens::definition::Definition;
pub use crate::control::tokens::definition::Dpop;
pub use crate::control::tokens::definition::Forward;
pub use crate::control::tokens::definition::Jwks;
pub use crate::control::tokens::definition::KeySource;
pub use crate::control::tokens::definition::Sent;
pub use crate::control::tokens::definition::Signatures;
pub use crate::control::tokens::definitions::Definitions;
pub use crate::control::tokens::demand::Demand;
pub use crate::control::tokens::demand::Entry;
pub use crate::control::tokens::dpop::ALGORITHMS as PROOF_ALGORITHMS;
pub use crate::control::tokens::dpop::HEADER as PROOF_HEADER;
pub use crate::control::tokens::host_signature::Ask;
pub use crate::control::tokens::host_signature::HostVerifier;
pub use crate::control::tokens::host_signature::Question;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::control::tokens::inspect::Inspection;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::control::tokens::inspect::Shown;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::control::tokens::inspect::Stage;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::control::tokens::inspect::inspect;
pub use crate::control::tokens::key::MIN_SECRET;
pub use crate::control::tokens::key::Unusable;
pub use crate::control::tokens::key_set::KeyFault;
pub use crate::control::tokens::key_set::KeySet;
pub use crate::control::tokens::key_set::MAX_BYTES;
pub use crate::control::tokens::key_set::MAX_KEYS;
pub use crate::control::tokens::key_set::Skipped;
pub use crate::control::tokens::keys::Keys;
pub use crate::control::tokens::onward::Forwarded;
pub use crate::control::tokens::onward::forwarded;
pub use crate::control::tokens::onward::proof_goes_on;
pub use crate::control::tokens::onward::stripped;
pub use crate::control::tokens::proof::Subject;
pub use crate::control::tokens::proof::Subjects;
pub use crate::control::tokens::replay::Replays;
pub use crate::control::tokens::schemes::Schemes;
