//! A gate for a whole suite.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, ensure};

use crate::gate::{Gate, Verdict};
use crate::policy::policy;
use crate::recorder::Recorder;

/// The gate of four workers that the tests of one suite share, one after the other, each under a policy of its own: to start
/// an Envoy takes seconds, to push a policy milliseconds. Limits count by the policy's name, so each test takes another.
pub struct Stage {
    /// Answers everything with 200 and nothing.
    pub upstream: Recorder,
    /// In front of it.
    pub gate: Gate,
}

impl Stage {
    /// The stage with this policy in force. Held until dropped.
    pub fn under(policy: &str) -> Result<MutexGuard<'static, Self>> {
        static STAGE: OnceLock<Result<Mutex<Stage>, String>> = OnceLock::new();
        let stage = STAGE.get_or_init(|| Self::start().map(Mutex::new).map_err(|error| format!("{error:#}")));
        let stage = stage.as_ref().map_err(|error| anyhow::anyhow!("{error}"))?;
        // A test that failed leaves it as good as any other does.
        let stage = stage.lock().unwrap_or_else(PoisonError::into_inner);
        ensure!(stage.gate.push(policy)? == Verdict::Accepted, "the stage refused the policy:\n{policy}");
        Ok(stage)
    }

    fn start() -> Result<Self> {
        let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        let gate =
            Gate::before(upstream.address()).workers(4).policy(policy("stage", "routes: []")).start()?;
        Ok(Self { upstream, gate })
    }
}
