//! Secrets that a policy names and the host hands over as environment variables.

/// Where a policy's secrets come from.
#[derive(Clone, Copy)]
pub enum Secrets<'a> {
    /// Nowhere: `check` looks at a policy on a machine that has none of them.
    Unchecked,
    /// From whoever runs the filter. What it does not have refuses the policy.
    From(&'a dyn Fn(&str) -> Option<String>),
}
