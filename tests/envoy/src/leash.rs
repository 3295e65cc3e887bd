//! Processes on a leash: they end when their holder is dropped, when all are ended, and when this process is gone.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::{Context, Result};

/// Every leash of this process; nothing once [`end_all`] was called.
static HELD: Mutex<Option<Vec<Arc<Mutex<Child>>>>> = Mutex::new(Some(Vec::new()));

/// A process that runs for as long as this is held.
pub(crate) struct Leash {
    script: Arc<Mutex<Child>>,
    /// The process's own id.
    pub(crate) pid: u32,
}

pub(crate) fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bin").join(name)
}

impl Leash {
    /// Starts `program` with what `with` adds to its command line and environment. It writes to `log`.
    pub(crate) fn start(program: &Path, log: &Path, with: impl FnOnce(&mut Command)) -> Result<Self> {
        let mut command = Command::new(script("leash"));
        with(command.arg(program));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(File::create(log)?);
        // Ctrl-C is for this process; the leash ends the other one when this one is gone.
        command.process_group(0);

        let mut leash = Self { script: hold(command)?, pid: 0 };
        let output = lock(&leash.script).stdout.take().context("no output")?;
        let mut pid = String::new();
        BufReader::new(output).read_line(&mut pid)?;
        leash.pid = pid.trim().parse().context("no pid")?;
        Ok(leash)
    }

    /// How the process ended, if it has.
    pub(crate) fn ended(&self) -> Result<Option<ExitStatus>> {
        Ok(lock(&self.script).try_wait()?)
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(held) = &mut *lock(&HELD) {
            held.retain(|script| !Arc::ptr_eq(script, &self.script));
        }
        end(&[Arc::clone(&self.script)]);
    }
}

/// Ends every Envoy of this process and waits until they are gone; none can be started after that. For a program that is
/// told to stop while other threads still work with theirs.
pub fn end_all() {
    let all = lock(&HELD).take().unwrap_or_default();
    end(&all);
}

/// Spawns a leash and writes it down in one step: there is none that [`end_all`] does not see.
fn hold(mut command: Command) -> Result<Arc<Mutex<Child>>> {
    let mut held = lock(&HELD);
    let held = held.as_mut().context("everything is being ended")?;
    let script = Arc::new(Mutex::new(command.spawn().context("start a process")?));
    held.push(Arc::clone(&script));
    Ok(script)
}

fn end(scripts: &[Arc<Mutex<Child>>]) {
    for script in scripts {
        // Its input closes: it ends its command, then itself.
        drop(lock(script).stdin.take());
    }
    for script in scripts {
        let _ = lock(script).wait();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
