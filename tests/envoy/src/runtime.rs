//! The one runtime of the test process, and waiting for conditions.

use std::future::Future;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;

/// How long anything may take before it counts as not happening.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(5);

pub(crate) fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    #[expect(clippy::expect_used, reason = "without two threads there is nothing to test with")]
    RUNTIME.get_or_init(|| {
        Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
    })
}

/// Runs a future to its end on the runtime of this crate, which outlives the test: for a server that a suite shares.
pub fn block_on<F: Future>(future: F) -> F::Output {
    runtime().block_on(future)
}

/// The time in whole seconds, as tokens have it.
#[expect(clippy::disallowed_methods, reason = "a real Envoy looks at the real time")]
#[must_use]
pub fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Like [`block_on`], but gives up after a minute.
pub(crate) fn bounded<T>(what: &str, future: impl Future<Output = Result<T>>) -> Result<T> {
    match block_on(async { tokio::time::timeout(PATIENCE, future).await }) {
        Ok(result) => result,
        Err(_) => bail!("{what}: nothing within {PATIENCE:?}"),
    }
}

/// What an action answers, and how long it took.
pub fn timed<T>(action: impl FnOnce() -> T) -> (T, Duration) {
    let start = Instant::now();
    let answer = action();
    (answer, start.elapsed())
}

/// Asks again and again until there is an answer; an error after a minute, or as soon as `ask` gives one.
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask()? {
            return Ok(answer);
        }
        if start.elapsed() > PATIENCE {
            bail!("waited {PATIENCE:?} for {what}");
        }
        thread::sleep(PAUSE);
    }
}
