//! Secrets that a policy names and the host hands over as environment variables.

/// How the variables that `secret_env` names are read.
#[derive(Clone, Copy)]
pub struct Secrets<'e> {
    read: &'e dyn Fn(&str) -> Option<String>,
    needed: bool,
}

impl<'e> Secrets<'e> {
    /// For a policy that will be in force: a missing variable is a fault.
    pub fn needed(read: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { read, needed: true }
    }

    /// For `check`: what is there is looked at, what is missing is no fault, and serves nobody.
    pub fn if_there(read: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { read, needed: false }
    }

    /// The variable's value.
    pub fn get(&self, name: &str) -> Option<String> {
        (self.read)(name)
    }

    /// Whether a missing variable is a fault.
    pub fn are_needed(&self) -> bool {
        self.needed
    }
}
