//! Nothing that the demo started outlives it, whenever it is told to stop.
#![cfg(test)]

use std::fs::{self, File};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use portcullis_envoy::{Result, root, until};

const MARK: &str = "PORTCULLIS_DEMO_MARK";

struct Demo(Child);

/// A test that fails leaves nothing running either.
impl Drop for Demo {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// In a process group of its own, as a shell starts it. Everything below it inherits the mark.
fn demo(arguments: &[&str], mark: &str, output: &Path) -> Result<Demo> {
    let file = File::create(output)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_demo"));
    command.args(arguments).env(MARK, mark).stdout(file.try_clone()?).stderr(file).process_group(0);
    Ok(Demo(command.spawn()?))
}

/// The command lines of all processes with the mark.
fn alive(mark: &str) -> Vec<String> {
    let wanted = format!("{MARK}={mark}");
    let command = |process: &Path| {
        let environment = fs::read(process.join("environ")).ok()?;
        let marked = environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes());
        let command = fs::read_to_string(process.join("cmdline")).ok()?;
        marked.then(|| command.replace('\0', " "))
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(|process| command(&process.path())).collect()
}

/// Those of them that are an Envoy in service, or its leash.
fn serving(mark: &str) -> Vec<String> {
    alive(mark).into_iter().filter(|command| command.contains("--config-path")).collect()
}

fn signal(name: &str, to: &str) {
    assert!(Command::new("kill").args([name, "--", to]).status().unwrap().success());
}

#[test]
fn stops_everything_at_any_moment() -> Result {
    let output = root().join(format!(".run/stop-{}", std::process::id()));
    fs::create_dir_all(output.parent().unwrap())?;
    for (row, (arguments, moment, then_ms, name, want)) in [
        (&[][..], "bundling", 0, "-INT", Some(130)),
        (&[], "starting Envoy", 0, "-INT", Some(130)),
        (&[], "starting Envoy", 100, "-INT", Some(130)),
        (&[], "starting Envoy", 700, "-TERM", Some(143)),
        (&[], "playing", 100, "-INT", Some(130)),
        (&["up"], "starting Envoy", 300, "-INT", Some(0)),
        (&["up"], "Ctrl-C stops everything", 0, "-INT", Some(0)),
        (&["up"], "Ctrl-C stops everything", 0, "-TERM", Some(0)),
        (&["up"], "Ctrl-C stops everything", 0, "-KILL", None),
    ]
    .into_iter()
    .enumerate()
    {
        let about = format!("{arguments:?}: {name} {then_ms} ms after `{moment}`");
        let mark = format!("{}-{row}", std::process::id());
        let mut demo = demo(arguments, &mark, &output)?;
        until(&about, || Ok(fs::read_to_string(&output)?.contains(moment).then_some(())))?;
        thread::sleep(Duration::from_millis(then_ms));
        assert!(!alive(&mark).is_empty(), "{about}: the marks are not seen");

        // Ctrl-C reaches the whole group, a supervisor's signal the process alone.
        let group = format!("-{}", demo.0.id());
        signal(name, if name == "-INT" { &group } else { group.trim_start_matches('-') });
        let status = demo.0.wait()?;
        if want.is_some() {
            assert_eq!(serving(&mark), Vec::<String>::new(), "{about}: gone before the demo is");
        }
        // What was asked for its version ends by itself; after a kill the leash ends the rest.
        until(&about, || Ok(alive(&mark).is_empty().then_some(())))?;
        assert_eq!(status.code(), want, "{about}: {status:?}, signal {:?}", status.signal());
    }
    Ok(fs::remove_file(output)?)
}
