//! Secrets that a policy names and the host hands over as environment variables.

use crate::fault::Fault;

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

    /// The value of a variable that keys are made of: at least 32 bytes. Empty where it is missing and need not be there.
    ///
    /// # Errors
    /// The fault, where it is too short or missing.
    pub fn key(&self, name: &str) -> Result<Box<[u8]>, Fault> {
        match self.get(name) {
            Some(secret) if secret.len() >= 32 => Ok(secret.into_bytes().into()),
            Some(_) => Err(Fault::conflict("the variable holds less than 32 bytes")),
            None if self.needed => Err(Fault::conflict("the host does not hand this variable to the filter")),
            None => Ok(Box::default()),
        }
    }

    /// Whether a missing variable is a fault.
    pub fn are_needed(&self) -> bool {
        self.needed
    }
}
