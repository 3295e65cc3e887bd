//! `portcullis bundle`: a policy and all that it names as the one document that the filter takes.

mod ecds;

use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use clap::ValueEnum;
use serde_json::Value;

use crate::cli::bundle::ecds::Extension;
use crate::cli::checked::Bundle;
use crate::cli::checked::PolicyArgs;
use crate::cli::exit::Exit;

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
        match &self.output {
            None => out.write_all(text.as_bytes())?,
            Some(path) => {
                if let Err(error) = replace(path, &text) {
                    writeln!(err, "{}: cannot be written: {error}", path.display())?;
                    return Ok(Exit::Broken);
                }
            }
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

/// Writes beside `path` and renames: one move for whoever watches the folder, and the old file until then.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().ok_or_else(|| io::Error::other("a file's name is missing"))?;
    let mut beside = std::ffi::OsString::from(".");
    beside.push(name);
    beside.push(format!(".{}", std::process::id()));
    let beside = path.with_file_name(beside);
    let written = std::fs::File::create(&beside)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&beside, path));
    written.inspect_err(|_| drop(std::fs::remove_file(&beside)))
}
