//! Where and with what a run was made.

use std::fs;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result};
use portcullis_envoy::{module, unix_now};

use crate::cpu::cores;

/// The size that the module may have.
const MODULE_BYTES: u64 = 3_500_000;

/// The head of the results.
pub(crate) fn describe(how: &str) -> Result<String> {
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("unknown");
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    let size = fs::metadata(module()?)?.len();
    let verdict = if size <= MODULE_BYTES { "met" } else { "**missed**" };
    let rows = [
        ("date", rfc3339(unix_now())),
        ("commit", said("git", &["rev-parse", "--short", "HEAD"])),
        ("machine", format!("{}, {} cores", cpu.trim_start_matches([':', '\t', ' ']), cores())),
        ("kernel", said("uname", &["-sr"])),
        ("load of the machine before", load),
        ("Envoy", said(&std::env::var("ENVOY").unwrap_or_else(|_| "envoy".to_owned()), &["--version"])),
        ("Rust", said("rustc", &["--version"])),
        ("module", format!("{size} bytes; at most {MODULE_BYTES}: {verdict}")),
        ("extent", how.to_owned()),
    ];
    let rows: Vec<String> = rows.iter().map(|(name, value)| format!("| {name} | {value} |")).collect();
    Ok(format!("| | |\n| --- | --- |\n{}\n", rows.join("\n")))
}

/// A time as policies and people write it.
pub(crate) fn rfc3339(unix: u64) -> String {
    let time = UNIX_EPOCH.checked_add(Duration::from_secs(unix)).unwrap_or(UNIX_EPOCH);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// A program's first line that says anything; of a line that names a version, that.
fn said(program: &str, arguments: &[&str]) -> String {
    let output = || -> Result<String> {
        let output = Command::new(program).args(arguments).output()?;
        let text = String::from_utf8(output.stdout)?;
        text.lines().find(|line| !line.trim().is_empty()).map(str::to_owned).context("nothing")
    };
    let line = output().unwrap_or_else(|_| "unknown".to_owned());
    match line.split_once("version: ") {
        Some((_, version)) => version.trim().to_owned(),
        None => line.trim().to_owned(),
    }
}
