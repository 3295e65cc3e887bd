//! The words that every other layer speaks: names, times and sizes, the heads of a request and a response, paths,
//! hosts, addresses, versions, value references, claims, modes.

pub mod claims;
pub mod cut;
pub mod headers;
pub mod host;
pub mod ip;
pub mod json;
pub mod mode;
pub mod name;
pub mod path;
pub mod pattern;
pub mod pointer;
pub mod quantity;
pub mod query;
pub mod secrets;
pub mod shared;
#[cfg(test)]
mod tests;
pub mod time;
pub mod value;
pub mod version;
