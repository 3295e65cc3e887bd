//! The command line: one file a verb. What decides is below; here files are read and results are printed.

mod bundle;
mod check;
mod checked;
mod compile;
#[cfg(test)]
mod editor_schema;
mod exit;
mod import;
mod load;
mod output;
mod report;
mod token;
mod yaml;

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;

use clap::Parser;
use clap::Subcommand;

use crate::cli::bundle::BundleVerb;
use crate::cli::check::Check;
use crate::cli::exit::Exit;
use crate::cli::import::Import;
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
}

/// Runs the command line with its arguments, the program's own name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(help_or_error) => {
            let exit = if help_or_error.use_stderr() { Exit::Usage } else { Exit::Fine };
            return help_or_error.print().map_or(Exit::Broken, |()| exit).into();
        }
    };
    let (mut out, mut err) = (io::stdout().lock(), io::stderr().lock());
    let exit = match cli.verb {
        Verb::Check(check) => check.run(&mut out),
        Verb::Bundle(bundle) => bundle.run(&mut out, &mut err),
        Verb::Import(import) => import.run(&mut out, &mut err),
        Verb::Token(token) => token.run(&mut out, &mut err),
    };
    // Nobody is left to tell where even standard output is closed.
    exit.unwrap_or(Exit::Broken).into()
}

/// Reads a file as every verb reads a policy, with all that it names; what cannot be read is noted.
pub fn read(path: &Path, problems: &Problems) -> Option<Rc<Node>> {
    load::load(path, None, &mut load::Files::default(), problems)
}
