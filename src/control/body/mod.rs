//! # What `request` and `response` share: bodies
//!
//! **Reads** a body the way the strictest reader behind the gate would ([`strict`]): bounds first, then JSON that no
//! two parsers can take for different values. **Judges** it by a JSON Schema ([`schema`]). **Reads** the headers that
//! say what a body is ([`media`], [`length`]).
//!
//! Reading a body is no control and has no mode: it answers [`strict::Unfit`] or a value, and whoever asked makes
//! that a reason of its own.
//!
//! **Does not** decode: a body under a content coding is refused before it gets here, and multipart and forms are
//! not read yet.

pub mod budget;
pub mod length;
pub mod media;
mod number;
pub(crate) mod raw;
pub mod schema;
pub mod strict;
#[cfg(test)]
mod tests;
