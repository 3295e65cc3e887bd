//! The time that Envoy's workers spend on a core, to the nanosecond.
//!
//! The scheduler's own count for each thread: what the main thread, the compiler's threads and other programs do in the
//! meantime is not in it. What they do to caches and clocks is, hence the many short rounds in turn.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use rustix::thread::{CpuSet, Pid, sched_setaffinity};

/// The worker threads of one Envoy.
pub(crate) struct Workers {
    threads: Vec<PathBuf>,
    ids: Vec<Pid>,
}

impl Workers {
    pub(crate) fn of(pid: u32) -> Result<Self> {
        let mut workers = Self { threads: Vec::new(), ids: Vec::new() };
        for entry in fs::read_dir(format!("/proc/{pid}/task"))? {
            let folder = entry?.path();
            if fs::read_to_string(folder.join("comm"))?.starts_with("wrk:worker_") {
                let id = folder.file_name().and_then(|name| name.to_str()?.parse().ok());
                workers.ids.push(id.and_then(Pid::from_raw).context("a thread without a number")?);
                workers.threads.push(folder.join("schedstat"));
            }
        }
        ensure!(!workers.threads.is_empty(), "Envoy has no worker threads");
        Ok(workers)
    }

    /// Keeps them on the first core, and this program, with every thread that it starts from now on, on the second.
    pub(crate) fn pin(&self) -> Result<()> {
        for id in &self.ids {
            sched_setaffinity(Some(*id), &core(0))?;
        }
        if cores() > 1 {
            sched_setaffinity(None, &core(1))?;
        }
        Ok(())
    }

    /// How long they have been on a core so far, once they sleep: a thread that runs is behind with its count.
    pub(crate) fn nanos(&self) -> Result<u64> {
        let mut before = self.read()?;
        for _ in 0..50 {
            thread::sleep(Duration::from_millis(1));
            let now = self.read()?;
            if now == before {
                break;
            }
            before = now;
        }
        Ok(before)
    }

    fn read(&self) -> Result<u64> {
        let mut sum: u64 = 0;
        for thread in &self.threads {
            let text = fs::read_to_string(thread)?;
            let nanos: u64 = text.split(' ').next().unwrap_or_default().parse().context("schedstat")?;
            sum = sum.saturating_add(nanos);
        }
        Ok(sum)
    }
}

fn core(index: usize) -> CpuSet {
    let mut set = CpuSet::new();
    set.set(index);
    set
}

pub(crate) fn cores() -> usize {
    thread::available_parallelism().map_or(1, usize::from)
}
