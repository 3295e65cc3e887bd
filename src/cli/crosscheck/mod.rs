//! `portcullis crosscheck`: two test accounts ask for their own objects and for each other's, on every route that has an
//! owner, against a gate that runs.
//!
//! A rule holds where each account gets what is its own and is refused what is the other's. What cannot be asked, for want
//! of a value or a body, is told and counts as not shown.

mod accounts;
mod ask;
mod gate;
mod plan;
mod table;

use std::io;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use crate::cli::checked::PolicyArgs;
use crate::cli::crosscheck::accounts::Accounts;
use crate::cli::crosscheck::gate::Gate;
use crate::cli::crosscheck::plan::Target;
use crate::cli::crosscheck::table::Row;
use crate::cli::exit::Exit;

/// Try every owner rule of a policy with two test accounts, against a gate that runs.
///
/// Writes are tried too: take accounts that nobody minds, or `--reads-only`. Exits with 0 if every rule holds, 3 if one
/// does not or could not be tried.
#[derive(Args)]
pub(crate) struct Crosscheck {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Where the gate is: https://HOST or http://HOST, with a port where it is not the usual one.
    #[arg(long, value_name = "URL")]
    gate: String,
    /// Connect to this address, whatever the host's name says.
    #[arg(long, value_name = "IP:PORT")]
    connect: Option<SocketAddr>,
    /// The authority that vouches for the gate, as PEM; that of the web where this is not given.
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// The two accounts: their tokens, and what they own.
    #[arg(long, value_name = "FILE")]
    accounts: PathBuf,
    /// Only GET and HEAD.
    #[arg(long)]
    reads_only: bool,
}

impl Crosscheck {
    pub(crate) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        let (bundle, report) = self.policy.check();
        let Some(bundle) = bundle else {
            write!(err, "{report}")?;
            writeln!(err, "{}: refused, {}", self.policy.policy.display(), report.counts())?;
            return Ok(Exit::Broken);
        };
        let policy = bundle.policy.to_json();
        let tokens = plan::tokens(&policy);
        let targets = plan::targets(&policy, &tokens);
        let ready = Accounts::read(&self.accounts, tokens)
            .and_then(|accounts| Ok((accounts, Gate::new(&self.gate, self.connect, self.ca.as_deref())?)));
        let (accounts, gate) = match ready {
            Ok(ready) => ready,
            Err(why) => {
                writeln!(err, "{why}")?;
                return Ok(Exit::Broken);
            }
        };
        let tried = |target: &&Target| !self.reads_only || matches!(target.method.as_str(), "GET" | "HEAD");
        let mut rows = Vec::new();
        for target in targets.iter().filter(tried) {
            match Row::try_out(target, &accounts, &gate) {
                Ok(row) => rows.push(row),
                Err(why) => {
                    writeln!(err, "{}: {why}", self.gate)?;
                    return Ok(Exit::Broken);
                }
            }
        }
        table::print(&rows, &accounts, out)?;
        let held = rows.iter().filter(|row| row.holds()).count();
        writeln!(out, "{held} of {} hold", rows.len())?;
        // A check that asked nothing has shown nothing.
        Ok(if held == rows.len() && held > 0 { Exit::Fine } else { Exit::Findings })
    }
}
