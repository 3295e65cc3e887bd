//! The one place where the command line compiles a policy.

use std::rc::Rc;
use std::time::SystemTime;
use std::time::UNIX_EPOCH;

use crate::document::Node;
use crate::fault::Problems;
use crate::model::secrets::Secrets;
use crate::model::time::Nanos;
use crate::policy::Circumstances;
use crate::policy::Kept;
use crate::policy::Policy;
use crate::policy::remark_unbounded;

/// Compiles a loaded policy for what is noted on the way; of one that is good, what its schemas leave without bound is
/// told as well. Secrets that are here are looked at; none is needed.
pub(crate) fn compile(policy: &Rc<Node>, problems: &Problems) -> Option<Policy> {
    let env = |name: &str| std::env::var(name).ok();
    let circumstances = Circumstances { now: now(), secrets: Secrets::if_there(&env) };
    let compiled = Policy::compile(policy, &mut Kept::default(), circumstances, problems);
    if compiled.is_some() {
        remark_unbounded(policy, problems);
    }
    compiled
}

/// The time.
#[expect(clippy::disallowed_methods, reason = "an edge: here time enters, and is an argument from now on")]
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Nanos(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}
