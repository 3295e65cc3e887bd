//! The command line: one file a verb. What decides is below; here files are read and results are printed.

mod bundle;
mod check;
mod checked;
mod compile;
mod crosscheck;
#[cfg(test)]
mod editor_schema;
mod exit;
mod import;
mod limits;
mod load;
mod output;
mod report;
mod token;
mod yaml;

use std::ffi::OsString;
use std::io;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use clap::Subcommand;

use crate::cli::bundle::BundleVerb;
use crate::cli::check::Check;
use crate::cli::crosscheck::Crosscheck;
use crate::cli::exit::Exit;
use crate::cli::import::Import;
use crate::cli::limits::LimitsVerb;
use crate::cli::token::Token;
use crate::document::Node;
use crate::fault::Problems;

/// Hardens the API behind a mobile app, inside the Envoy you already run.
#[derive(Parser)]
#[command(name = "portcullis", version)]
struct Cli {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    Check(Check),
    Bundle(BundleVerb),
    Import(Import),
    Token(Token),
    Crosscheck(Crosscheck),
    Limits(LimitsVerb),
}

/// Runs the command line with its arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    run_into(arguments, &mut io::stdout().lock(), &mut io::stderr().lock()).into()
}

/// The same with what it prints going elsewhere. Answers the exit code.
pub fn run_into(
    arguments: impl IntoIterator<Item = OsString>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    let exit = match Cli::try_parse_from(arguments) {
        Ok(cli) => match cli.verb {
            Verb::Check(check) => check.run(out),
            Verb::Bundle(bundle) => bundle.run(out, err),
            Verb::Import(import) => import.run(out, err),
            Verb::Token(token) => token.run(out, err),
            Verb::Crosscheck(crosscheck) => crosscheck.run(out, err),
            Verb::Limits(limits) => limits.run(out, err),
        },
        Err(help_or_error) if help_or_error.use_stderr() => {
            write!(err, "{}", help_or_error.render()).map(|()| Exit::Usage)
        }
        Err(help) => write!(out, "{}", help.render()).map(|()| Exit::Fine),
    };
    // Nobody is left to tell where even standard output is closed.
    exit.unwrap_or(Exit::Broken) as u8
}

/// Reads a file as every verb reads a policy, with all that it names; what cannot be read is noted.
pub fn read(path: &Path, problems: &Problems) -> Option<Rc<Node>> {
    load::load(path, None, &mut load::Files::default(), problems)
}
