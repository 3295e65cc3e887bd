//! A policy file, loaded and compiled: what `check` reports and `bundle` prints.

use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use clap::Args;

use crate::cli::compile::compile;
use crate::cli::load::Files;
use crate::cli::load::load;
use crate::cli::report::Report;
use crate::document::Node;
use crate::document::digest::Digest;
use crate::fault::Fault;
use crate::fault::Place;
use crate::fault::Problem;
use crate::fault::Problems;
use crate::fault::Remark;
use crate::policy::Policy;

/// The policy that a verb is about.
#[derive(Args)]
pub(crate) struct PolicyArgs {
    /// The policy's file, YAML or JSON.
    pub(crate) policy: PathBuf,
    /// A file with what an environment has otherwise: a JSON merge patch over everything but `routes`.
    #[arg(long, value_name = "FILE")]
    env: Option<PathBuf>,
}

/// A policy without problems, as one document.
pub(crate) struct Bundle {
    /// The document.
    pub(crate) policy: Rc<Node>,
    /// Its compact JSON: what the filter is given, byte for byte.
    pub(crate) json: String,
    /// What it is called by.
    pub(crate) digest: Digest,
}

impl PolicyArgs {
    /// Reads and compiles the policy. The bundle is there if the report has no problem.
    pub(crate) fn check(&self) -> (Option<Bundle>, Report) {
        let (document, _, files, mut problems, findings) = read(&self.policy, self.env.as_deref());
        let bundle = document.filter(|_| problems.is_empty()).and_then(|policy| {
            let why = |error: serde_json::Error| Fault::Unreadable(error.to_string().into());
            match policy.to_compact_json() {
                Ok(json) => Some(Bundle { digest: Digest::of(&policy), policy, json }),
                Err(error) => {
                    problems.push(Problem { at: Place::root(None), fault: why(error) });
                    None
                }
            }
        });
        (bundle, Report::new(files, problems, findings))
    }
}

/// A policy that is in force in no filter, with what was found in it; the policy is there if there is no problem.
pub(crate) fn compiled(path: &Path, env: Option<&Path>) -> (Option<Policy>, Report) {
    let (_, policy, files, problems, findings) = read(path, env);
    (policy.filter(|_| problems.is_empty()), Report::new(files, problems, findings))
}

type Read = (Option<Rc<Node>>, Option<Policy>, Files, Vec<Problem>, Vec<Remark>);

/// Reads and compiles; what is there may have problems.
fn read(path: &Path, env: Option<&Path>) -> Read {
    let mut files = Files::default();
    let reading = Problems::default();
    let document = load(path, env, &mut files, &reading);
    let compiling = Problems::default();
    let policy = document.as_ref().and_then(|document| compile(document, &compiling));
    let (mut problems, _) = reading.into_parts();
    let (compile_problems, findings) = compiling.into_parts();
    problems.extend(unsaid(compile_problems, &problems));
    (document, policy, files, problems, findings)
}

/// The problems at places where reading found none: what was misread there is said once.
fn unsaid(problems: Vec<Problem>, said: &[Problem]) -> Vec<Problem> {
    let spot = |place: &Place| (place.mark().map(|mark| mark.file.clone()), place.pointer());
    let said: Vec<_> = said.iter().map(|problem| spot(&problem.at)).collect();
    problems.into_iter().filter(|problem| !said.contains(&spot(&problem.at))).collect()
}
