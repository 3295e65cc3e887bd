//! What the process says when it ends.

/// Every exit code of every verb.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Exit {
    /// 0: the verb did its work and found nothing.
    Fine = 0,
    /// 1: the policy is refused, or a file cannot be read or written.
    Broken = 1,
    /// 2: the command line itself is wrong.
    Usage = 2,
    /// 3: the policy is good, and something in it is worth a look.
    Findings = 3,
    /// 4: the token that was inspected is refused.
    Refused = 4,
}
