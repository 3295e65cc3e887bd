//! One stage for all tests of a suite: an Envoy takes seconds to start, a policy milliseconds to push.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, anyhow, ensure};

use crate::gate::{Gate, Verdict};
use crate::policy::enforcing;
use crate::recorder::Recorder;

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

/// The gate of four workers that most tests share, each under a policy of its own. Limits count by the policy's name, so
/// each test takes another.
pub struct Stage {
    /// Answers everything with 200 and nothing.
    pub upstream: Recorder,
    /// In front of it.
    pub gate: Gate,
}

impl Stage {
    /// The stage with this policy in force. Held until dropped.
    pub fn under(policy: &str) -> Result<MutexGuard<'static, Self>> {
        static STAGE: Shared<Stage> = Shared::new(Stage::start);
        let stage = STAGE.enter()?;
        ensure!(stage.gate.push(policy)? == Verdict::Accepted, "the stage refused the policy:\n{policy}");
        Ok(stage)
    }

    fn start() -> Result<Self> {
        let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        let policy = enforcing("stage", "routes: []");
        let gate = Gate::before(upstream.address()).workers(4).policy(policy).start()?;
        Ok(Self { upstream, gate })
    }
}
