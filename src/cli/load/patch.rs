//! `--env env/prod.yaml`: what an environment has otherwise, as a JSON Merge Patch (RFC 7396).

use std::rc::Rc;

use crate::cli::load::with_entries;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;

/// The patch without the fields that no environment may change, which are noted.
pub(super) fn checked(patch: &Node, problems: &Problems) -> Option<Rc<Node>> {
    let mut allowed = Vec::new();
    for (key, node) in patch.map(problems)? {
        match &**key {
            "routes" | "include" => {
                let why = format!(
                    "an environment changes everything but `routes` and `include`; leave `{key}` out"
                );
                problems.note(&node.place, Fault::conflict(why));
            }
            _ => allowed.push((key.clone(), node.clone())),
        }
    }
    Some(with_entries(patch, allowed))
}
