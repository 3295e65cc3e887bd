//! # What `request` and `response` share: bodies
//!
//! **Reads** a body the way the strictest reader behind the gate would ([`strict`]): bounds first, then JSON that no
//! two parsers can take for different values. **Judges** it by a JSON Schema ([`schema`]). **Reads** the headers that
//! say what a body is ([`media`], [`length`]).
//!
//! Reading a body is no control and has no mode: it answers [`strict::Unfit`] or a value, and whoever asked makes
//! that a reason of its own.
//!
//! **Does not** decode: a body under a content coding is refused before it gets here. Forms and multipart are what
//! `request` alone reads.

pub mod length;
pub mod media;
pub(crate) mod raw;
pub mod schema;
#[cfg(test)]
mod tests;

pub use crate::model::json::budget;
pub use crate::model::json::strict;
