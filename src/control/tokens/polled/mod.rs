//! # Polled documents: what an issuer publishes, fetched again and again
//!
//! A [`Document`] has one address, however many definitions read it. One worker of a process fetches it for all: the
//! [`Sheet`] in shared memory says when the next fetch is due, and whoever moves that time on by compare-and-swap has
//! the lease. What came last and was good stands beside it, as [`Kept`].
//!
//! **Promises** at most one fetch an interval and process, however many workers, policies and callers there are; early
//! ones come on top, at most one a cool-down. An answer that is no good moves only the time: what was kept stays.
//!
//! **Does not** send anything, read a clock or know what is in a document.

mod document;
mod freshness;
mod kept;
mod sheet;
mod source;
#[cfg(test)]
mod tests;

pub use crate::control::tokens::polled::document::Document;
pub use crate::control::tokens::polled::document::Kind;
pub use crate::control::tokens::polled::freshness::entity_tag;
pub use crate::control::tokens::polled::freshness::freshness;
pub use crate::control::tokens::polled::kept::Kept;
pub use crate::control::tokens::polled::sheet::Heard;
pub use crate::control::tokens::polled::sheet::Sheet;
pub use crate::control::tokens::polled::source::Source;
pub(crate) use crate::control::tokens::polled::source::span_within;
