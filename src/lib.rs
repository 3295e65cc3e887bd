//! Portcullis.

#[cfg(not(target_arch = "wasm32"))]
pub mod cli;
pub mod control;
pub mod document;
pub mod fault;
pub mod model;
pub mod refusal;
