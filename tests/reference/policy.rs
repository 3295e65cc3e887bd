//! Policies, compiled as the filter compiles them, on one day; with all that `check` finds in them.

use std::path::Path;
use std::rc::Rc;

use portcullis::document::Node;
use portcullis::fault::Problems;
use portcullis::fault::Remark;
use portcullis::model::secrets::Secrets;
use portcullis::model::time::Nanos;
use portcullis::policy::Circumstances;
use portcullis::policy::Kept;
use portcullis::policy::Policy;
use portcullis::policy::remark_unbounded;
use serde_json::Value;

/// 2026-11-22.
const TODAY: Nanos = Nanos(1_795_305_600_000_000_000);

/// What became of a policy.
pub(crate) struct Compiled {
    pub(crate) policy: Option<Policy>,
    /// What is wrong with it, a line for each.
    pub(crate) problems: String,
    pub(crate) findings: Vec<Remark>,
}

/// Compiles a document as the filter is handed it.
pub(crate) fn of_json(policy: &Value) -> Compiled {
    let problems = Problems::default();
    compile(Node::from_json(policy.to_string().as_bytes(), &problems), problems)
}

/// Compiles a file and all that it names.
pub(crate) fn of_file(path: &Path) -> Compiled {
    let problems = Problems::default();
    compile(portcullis::cli::read(path, &problems), problems)
}

fn compile(node: Option<Rc<Node>>, problems: Problems) -> Compiled {
    let none = |_: &str| None;
    let circumstances = Circumstances { now: TODAY, secrets: Secrets::if_there(&none) };
    let policy =
        node.as_ref().and_then(|node| Policy::compile(node, &mut Kept::default(), circumstances, &problems));
    if let (Some(node), Some(_)) = (&node, &policy) {
        remark_unbounded(node, &problems);
    }
    let (problems, findings) = problems.into_parts();
    Compiled { policy, problems: problems.iter().map(|problem| format!("{problem}\n")).collect(), findings }
}

/// A file in the tests' own folder.
pub(crate) fn file(name: &str, text: &str) -> std::path::PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, text).unwrap();
    path
}
