//! One stage for all tests of a suite: an Envoy takes seconds to start, a policy milliseconds to push.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, anyhow};

/// Something slow to start that the tests of a suite use in turn; for a `static`. It ends with the test process.
pub struct Shared<T> {
    start: fn() -> Result<T>,
    stage: OnceLock<Result<Mutex<T>, String>>,
}

impl<T> Shared<T> {
    /// Started by the first test that enters.
    #[must_use]
    pub const fn new(start: fn() -> Result<T>) -> Self {
        Self { start, stage: OnceLock::new() }
    }

    /// Waits until no other test is on the stage; an error if it could not be started.
    pub fn enter(&self) -> Result<MutexGuard<'_, T>> {
        let started = self
            .stage
            .get_or_init(|| (self.start)().map(Mutex::new).map_err(|why| format!("no stage: {why:#}")));
        let stage = started.as_ref().map_err(|why| anyhow!("{why}"))?;
        // A test that failed leaves the stage as good as one that did not.
        Ok(stage.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
