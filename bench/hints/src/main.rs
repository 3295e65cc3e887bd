//! Tells V8 which way the branches of the filter go: `portcullis-hints IN.wasm OUT.wasm`.
//!
//! A copy of the module that counts its branches answers typical requests under a small host. The module is then written
//! again as it was, byte for byte, with one custom section in front of its code: `metadata.code.branch_hint`, of the branch
//! hinting proposal. V8 lays what is unlikely out of line, so that what a request runs lies close together. A hint never
//! changes what the code does.

mod branches;
mod count;
mod hints;
mod host;
mod traffic;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hints: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let [input, output] = words else { bail!("usage: portcullis-hints IN.wasm OUT.wasm") };
    let module = fs::read(input).with_context(|| input.clone())?;
    let branches = branches::branches(&module)?;
    let counting = count::counting(&module, branches.len())?;
    let tallies = traffic::count(&counting, branches.len())?;
    let hinted = hints::hinted(&module, &branches, &tallies)?;
    fs::write(output, &hinted.module).with_context(|| output.clone())?;
    eprintln!(
        "hints: {} of {} branches in {} functions, {} bytes",
        hinted.branches,
        branches.len(),
        hinted.functions,
        hinted.module.len().saturating_sub(module.len()),
    );
    Ok(())
}
