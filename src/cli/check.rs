//! `portcullis check`: every problem of a policy at once, each with its line.

use std::io;
use std::io::Write;

use clap::Args;
use clap::ValueEnum;

use crate::cli::checked::PolicyArgs;
use crate::cli::exit::Exit;

/// Check a policy, and show every problem at once.
///
/// Exits with 0 if all is fine, 1 if the policy is refused, 3 if it is good and has findings.
#[derive(Args)]
pub(crate) struct Check {
    #[command(flatten)]
    policy: PolicyArgs,
    /// How to print what was found.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// Each problem with its source line.
    Text,
    /// {"problems": [{file, line, column, at, message}], "findings": [{file, line, column, at, message, kind}]}
    Json,
}

impl Check {
    pub(crate) fn run(&self, out: &mut dyn Write) -> io::Result<Exit> {
        let (bundle, report) = self.policy.check();
        match self.format {
            Format::Json => writeln!(out, "{:#}", report.json())?,
            Format::Text => {
                let policy = self.policy.policy.display();
                let verdict = match (&bundle, report.exit()) {
                    (Some(bundle), Exit::Fine) => format!("fine, digest {}", bundle.digest),
                    (Some(bundle), _) => format!("good, {}, digest {}", report.counts(), bundle.digest),
                    (None, _) => format!("refused, {}", report.counts()),
                };
                write!(out, "{report}")?;
                writeln!(out, "{policy}: {verdict}")?;
            }
        }
        Ok(report.exit())
    }
}
