//! The Envoy process: found, started on a leash, awaited, ended.

use std::collections::BTreeMap;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context, Result, anyhow, bail, ensure};

use crate::admin::Admin;
use crate::leash::{Leash, script};
use crate::runtime::until;

/// The project's folder.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new(".")).to_owned()
}

/// The Envoy to test with: the same look-up as the Makefile's.
pub(crate) fn binary() -> Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let look = || -> Result<PathBuf> {
        let output = Command::new(script("find-envoy")).stdin(Stdio::null()).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().into())
    };
    let found = FOUND.get_or_init(|| look().map_err(|error| format!("{error:#}")));
    found.as_deref().map_err(|error| anyhow!("{error}"))
}

/// A running Envoy. Ends when dropped, and when this process ends in any other way.
pub struct Envoy {
    leash: Leash,
    log: PathBuf,
    pub(crate) admin: Admin,
}

impl Envoy {
    /// Starts with a configuration of the caller's own, which must tell the admin port; logs go to `folder`.
    pub fn with(folder: &Path, config: &Path, workers: u32) -> Result<Self> {
        Self::start(folder, config, workers, false, &[])
    }

    /// The process's id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.leash.pid
    }

    /// The address on which a listener of this name listens.
    pub fn listener(&self, name: &str) -> Result<SocketAddr> {
        self.admin.listener(name)
    }

    /// Counters and gauges whose name begins with `prefix`.
    pub fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        self.admin.stats(prefix)
    }

    /// Starts with the configuration in `folder`, where its log goes too, and waits until every worker serves.
    pub(crate) fn start(
        folder: &Path,
        config: &Path,
        workers: u32,
        debug: bool,
        env: &[(String, String)],
    ) -> Result<Self> {
        let log = folder.join("envoy.log");
        let admin_address = folder.join("admin");
        let leash = Leash::start(binary()?, &log, |command| {
            command.arg("--config-path").arg(config).arg("--admin-address-path").arg(&admin_address);
            command.args(["--concurrency", &workers.to_string()]);
            // No shared memory with other Envoys of this machine, and no waiting for ten-second log buffers.
            command.args(["--disable-hot-restart", "--file-flush-interval-msec", "20"]);
            command.args(["--drain-time-s", "1"]);
            command.args(["--log-level", "warning", "--component-log-level"]);
            command.arg(if debug { "wasm:debug,config:info" } else { "wasm:info,config:info" });
            command.envs(env.iter().map(|(name, value)| (name, value)));
        })?;
        // The address is replaced as soon as Envoy tells it.
        let mut envoy = Self { leash, log, admin: Admin::new(([127, 0, 0, 1], 0).into()) };
        let address = until("Envoy's admin address", || {
            envoy.alive()?;
            Ok(fs::read_to_string(&admin_address).ok().and_then(|text| text.trim().parse().ok()))
        })?;
        envoy.admin = Admin::new(address);
        until("Envoy to be ready", || {
            envoy.alive()?;
            Ok(envoy.admin.ready()?.then_some(()))
        })
        .with_context(|| envoy.tail())?;
        Ok(envoy)
    }

    /// An error with the end of the log if the process has ended.
    pub(crate) fn alive(&self) -> Result<()> {
        match self.leash.ended()? {
            Some(status) => bail!("Envoy ended with {status}\n{}", self.tail()),
            None => Ok(()),
        }
    }

    /// What Envoy logged so far.
    pub fn log(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.log)?).into_owned())
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> Result<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.leash.pid))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let kibibytes: u64 = line.trim().trim_end_matches(" kB").parse()?;
        kibibytes.checked_mul(1024).context("too much memory")
    }

    fn tail(&self) -> String {
        let log = self.log().unwrap_or_default();
        let lines: Vec<_> = log.lines().rev().take(10).collect();
        let last: Vec<_> = lines.into_iter().rev().collect();
        format!("{}:\n{}", self.log.display(), last.join("\n"))
    }
}

/// Whether Envoy takes a configuration file, without serving it.
pub fn validate(config: &Path) -> Result<()> {
    let output = Command::new(binary()?)
        .args(["--mode", "validate", "--log-level", "warning", "--config-path"])
        .arg(config)
        .stdin(Stdio::null())
        .output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}
