//! Nothing that a test started outlives the test.
#![cfg(test)]

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use portcullis_envoy::{Result, until};

fn leash(command: &[&str]) -> Result<(Child, String)> {
    let mut leash = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/bin/leash"))
        .args(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut pid = String::new();
    BufReader::new(leash.stdout.take().unwrap()).read_line(&mut pid)?;
    Ok((leash, pid.trim().to_owned()))
}

fn runs(pid: &str) -> bool {
    Path::new("/proc").join(pid).exists()
}

#[test]
fn ends_its_command_when_the_holder_of_its_input_is_gone() -> Result {
    let (mut leash, pid) = leash(&["sleep", "600"])?;
    assert!(runs(&pid));
    // What happens to the pipe when the holder is dropped, panics, is interrupted or is killed.
    drop(leash.stdin.take());
    leash.wait()?;
    until("the command to end", || Ok((!runs(&pid)).then_some(())))
}

#[test]
fn ends_with_its_command_and_passes_its_status_on() -> Result {
    let (mut leash, pid) = leash(&["sh", "-c", "exit 7"])?;
    // Not `wait`, which closes the input first.
    let status = until("the leash to end", || Ok(leash.try_wait()?))?;
    assert_eq!(status.code(), Some(7));
    assert!(!runs(&pid));
    Ok(())
}

#[test]
fn survives_an_interrupt_to_end_its_command_in_order() -> Result {
    let (mut leash, pid) = leash(&["sleep", "600"])?;
    Command::new("kill").args(["-INT", &leash.id().to_string()]).status()?;
    assert!(leash.try_wait()?.is_none() && runs(&pid));
    drop(leash.stdin.take());
    leash.wait()?;
    until("the command to end", || Ok((!runs(&pid)).then_some(())))
}
