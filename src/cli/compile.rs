//! The one place where the command line compiles a policy.

use std::rc::Rc;

use crate::document::Fields;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::name::Name;

/// Compiles a loaded policy for what is noted on the way.
pub(crate) fn compile(policy: &Rc<Node>, problems: &Problems) {
    let Some(fields) = Fields::open(policy, problems) else { return };
    if let Some(version) = fields.required("version") {
        version.integer(1..=1, problems);
    }
    if let Some(name) = fields.required("name") {
        name.parse::<Name>(problems);
    }
}
