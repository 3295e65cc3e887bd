//! JSON that every reader reads alike: the one strict reader of bodies, tokens and key sets.
//!
//! **Refuses** what two parsers could take for different values, and whatever is over its bounds, when it is met and
//! not after the text is read.

pub mod budget;
pub(crate) mod number;
pub(crate) mod scan;
pub mod strict;
#[cfg(test)]
mod tests;

pub use crate::model::json::budget::Budget;
pub use crate::model::json::budget::Numbers;
pub use crate::model::json::strict::Unfit;
pub use crate::model::json::strict::read;
