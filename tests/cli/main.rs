//! The command line as its users see it: the real program, its exact output, its exit codes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod bundle;
mod check;
mod crosscheck;
mod import;
mod limits;
mod token;

use std::path::PathBuf;
use std::process::Command;

/// A folder below `tests/cli`.
fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cli").join(name)
}

/// What one run of the program gave.
struct Run {
    code: i32,
    out: String,
    err: String,
}

/// Runs the program in a folder, as a user would who stands there.
fn portcullis(folder: &std::path::Path, arguments: &[&str]) -> Run {
    let output =
        Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).current_dir(folder).output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
