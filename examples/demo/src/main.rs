//! The same attacks and the same honest traffic against the sample API, with and without Portcullis.
//!
//! `demo` plays them and prints a table; it exits with 0 only if every row is as expected. `demo up` leaves the stage
//! standing until it is told to stop. Whatever happens, nothing that was started outlives it.

mod play;
mod row;
mod rows;
mod stage;
mod table;
mod tally;
mod up;

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use portcullis_envoy::{Result, block_on, end_all};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

use crate::play::{Verdict, verdict};
use crate::stage::{Stage, say};

const INTERRUPTED: u8 = 130;
const TERMINATED: u8 = 143;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let exit = match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => until_stopped(demo).and_then(|ended| match ended {
            Ended::Done(played) => report(&played),
            Ended::Stopped(status) => Ok(ExitCode::from(status)),
        }),
        // It ends when it is told to: that is no failure.
        ["up"] => until_stopped(up::stay).map(|_: Ended<()>| ExitCode::SUCCESS),
        _ => {
            say("no arguments for the table, `up` to leave everything running");
            return ExitCode::from(2);
        }
    };
    exit.unwrap_or_else(|error| {
        say(&format!("{error:#}"));
        ExitCode::FAILURE
    })
}

/// What came of all rows, and where the logs of both sides are.
struct Played {
    verdicts: Vec<Verdict>,
    logs: [PathBuf; 2],
}

fn demo() -> Result<Played> {
    let stage = Stage::start()?;
    let rows = rows::all(&stage.shop.keys())?;
    say(&format!("playing {} rows, without and with Portcullis", rows.len()));
    let verdicts = rows.into_iter().enumerate().map(|(at, row)| verdict(&stage, at, row)).collect();
    Ok(Played { verdicts, logs: [&stage.without, &stage.with].map(|gate| gate.folder().to_owned()) })
}

fn report(Played { verdicts, logs: [without, with] }: &Played) -> Result<ExitCode> {
    let all = verdicts.iter().all(Verdict::as_expected);
    if !all {
        say(&format!("logs: {} without, {} with", without.display(), with.display()));
    }
    let colours = io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    io::stdout().write_all(table::of(verdicts, colours).as_bytes())?;
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

enum Ended<T> {
    Done(T),
    /// By a signal, with the status that says which.
    Stopped(u8),
}

/// Does the work on a thread of its own, so that a signal is heard at any moment, and ends every Envoy when one comes.
fn until_stopped<T: Send + 'static>(work: fn() -> Result<T>) -> Result<Ended<T>> {
    // Before anything is started.
    let (mut interrupt, mut terminate) = block_on(async {
        Ok::<_, io::Error>((signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?))
    })?;
    let (tell, told) = oneshot::channel();
    thread::spawn(move || tell.send(work()));
    let status = block_on(async {
        let done = tokio::select! {
            biased;
            _ = interrupt.recv() => return Ok(INTERRUPTED),
            _ = terminate.recv() => return Ok(TERMINATED),
            done = told => done,
        };
        if matches!(done, Ok(Ok(_))) {
            return Err(done);
        }
        // A signal to the whole group may end a child, and so the work, before it is heard here.
        tokio::select! {
            biased;
            _ = interrupt.recv() => Ok(INTERRUPTED),
            _ = terminate.recv() => Ok(TERMINATED),
            () = tokio::time::sleep(Duration::from_millis(200)) => Err(done),
        }
    });
    match status {
        // Without a result the thread panicked, and said why.
        Err(done) => Ok(Ended::Done(done??)),
        Ok(status) => {
            say("stopping");
            end_all();
            Ok(Ended::Stopped(status))
        }
    }
}
