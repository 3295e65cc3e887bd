//! README's reference must say of the code what the code is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod examples;
mod fields;
mod policy;
mod readme;
mod words;
