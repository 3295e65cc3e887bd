//! Portcullis.

pub mod control;
pub mod document;
pub mod fault;
pub mod model;
pub mod refusal;
