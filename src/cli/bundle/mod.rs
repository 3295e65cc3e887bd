//! `portcullis bundle`: a policy and all that it names as the one document that the filter takes.

mod ecds;

use std::io;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use serde_json::Value;

use crate::cli::bundle::ecds::Extension;
use crate::cli::checked::Bundle;
use crate::cli::checked::PolicyArgs;
use crate::cli::exit::Exit;
use crate::cli::output;

/// Check a policy, and print it as the one document that the filter takes.
///
/// A policy with problems is refused: they go to standard error, nothing is written, and the exit code is 1.
#[derive(Args)]
pub(crate) struct BundleVerb {
    #[command(flatten)]
    policy: PolicyArgs,
    /// What to print.
    #[arg(long, value_enum, default_value_t = Format::String)]
    format: Format,
    /// Write to this file at once, by a rename: whoever watches it never sees half. Envoy goes by its ending, .json or
    /// .yaml.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    extension: Extension,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// The policy as one JSON string: the `value` of a `google.protobuf.StringValue` in any manifest, YAML or JSON.
    String,
    /// The policy as compact JSON, of which the digest is taken.
    Policy,
    /// The file that Envoy watches for its extension configuration (ECDS).
    Ecds,
}

impl BundleVerb {
    pub(crate) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        let (bundle, report) = self.policy.check();
        write!(err, "{report}")?;
        let Some(bundle) = bundle else {
            writeln!(err, "{}: refused, {}", self.policy.policy.display(), report.counts())?;
            return Ok(Exit::Broken);
        };
        let text = format!("{}\n", self.text(bundle));
        if let Err(why) = output::write(self.output.as_deref(), &text, out) {
            writeln!(err, "{why}")?;
            return Ok(Exit::Broken);
        }
        Ok(Exit::Fine)
    }

    fn text(&self, bundle: Bundle) -> String {
        match self.format {
            Format::String => Value::String(bundle.json).to_string(),
            Format::Policy => bundle.json,
            Format::Ecds => format!("{:#}", self.extension.resource(bundle)),
        }
    }
}
