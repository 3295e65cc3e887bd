//! The command line.

mod yaml;
