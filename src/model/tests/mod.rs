//! The words that everybody speaks, each put to the test in a file of its own name.

mod claims;
mod cut;
mod headers;
mod host;
mod ip;
mod mode;
mod path;
mod pattern;
mod pointer;
mod quantity;
mod query;
mod shared;
mod value;
mod version;

use crate::fault::Fault;

/// The message of what does not read.
fn message<T: std::fmt::Debug>(read: Result<T, Fault>) -> String {
    read.unwrap_err().to_string()
}
