//! What Portcullis costs: microseconds of a worker's time for each request, beside Envoy without a filter, with an empty
//! filter, and with its own filters set to do the same work. One run, one worker, interleaved rounds.
//!
//! `make bench` builds what it needs, runs it and writes `bench/RESULTS.md`. `make bench QUICK=1` takes a look and writes
//! `.run/RESULTS.md` instead; `ONLY=tokens,limits` names the parts that are measured. `BASELINE=other.wasm` measures another
//! build of Portcullis in the same rounds.

mod cpu;
mod envoy;
mod load;
mod machine;
mod native;
mod part;
mod report;
mod rounds;
mod tokens;
mod upstream;

use std::fs;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use portcullis_envoy::root;

use crate::report::Page;
use crate::rounds::Effort;

/// The head of the results.
const HEAD: &str = "# What Portcullis costs

Written by `make bench`; to repeat it, run that on a machine where nothing else runs. `make bench QUICK=1` is a look.

- A cost is the time that Envoy's worker thread spent on a core, user and system, divided by the requests made meanwhile.
- The worker stands on one core and the load on another: eight connections over HTTP/1.1 that stay open, loopback only.
- Rows take turns in rounds of changing order. A figure is the median over the rounds, with its quartiles. What a row adds
  is its cost less that of its base in the same round; a ratio divides what two rows add in the same round.
- Cost moves with the machine and with what else runs on it; ratios move less.
";

/// A part of the run.
type Part = fn(Effort) -> Result<Page>;

const PARTS: [(&str, Part); 6] = [
    ("tokens", part::tokens::run),
    ("limits", part::limits::run),
    ("contention", part::contention::run),
    ("bodies", part::bodies::run),
    ("policies", part::policies::run),
    ("memory", part::memory::run),
];

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match run(&words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(words: &[String]) -> Result<()> {
    let (mut quick, mut only) = (false, None);
    for word in words {
        match word.split_once('=') {
            None if word == "--quick" => quick = true,
            Some(("--only", parts)) => only = Some(parts.split(',').collect::<Vec<_>>()),
            _ => bail!(
                "`{word}` is not `--quick`, nor `--only=` with some of {:?}",
                PARTS.map(|(name, _)| name)
            ),
        }
    }
    let wanted = |name: &str| only.as_ref().is_none_or(|only| only.contains(&name));
    let effort = Effort::of(quick);
    let extent = format!("{} rounds of {} requests a row", effort.rounds, effort.requests);
    let mut text = format!("{HEAD}\n{}", machine::describe(&extent)?);
    for (name, part) in PARTS.into_iter().filter(|(name, _)| wanted(name)) {
        eprintln!("bench: measuring {name}");
        let page = part(effort).with_context(|| name.to_owned())?.text();
        println!("{page}");
        text.push('\n');
        text.push_str(&page);
    }
    // What was only looked at does not stand where the results do.
    let whole = !quick && only.is_none();
    let file = root().join(if whole { "bench/RESULTS.md" } else { ".run/RESULTS.md" });
    fs::write(&file, text)?;
    eprintln!("bench: written to {}", file.display());
    Ok(())
}
