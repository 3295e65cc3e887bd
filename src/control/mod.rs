//! The controls, each a folder of the same shape: `mod.rs` is its contract and its check, `raw.rs` reads its part of
//! the policy, `tests.rs` says what it does. None names another, but that `access` and `limits` take the proof
//! [`tokens::Subjects`].

pub mod access;
pub mod body;
pub mod client;
pub mod limits;
pub mod request;
pub mod response;
pub mod routing;
pub mod tokens;
pub mod transport;
