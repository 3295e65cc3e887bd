//! Resident memory with four workers, under the sample policy.

use std::net::{Ipv4Addr, SocketAddr};
use std::thread;
use std::time::Duration;

use anyhow::Result;
use portcullis_envoy::{Gate, bundle, root};

use crate::load::Load;
use crate::report::{Page, Target};
use crate::rounds::{Effort, Figure};
use crate::tokens::get;

/// What the filter may add, in MB.
const MOST: f64 = 105.0;

pub(crate) fn run(effort: Effort) -> Result<Page> {
    let policy = bundle(&root().join("envoy/policy.yaml"))?;
    let times = if effort.rounds < 20 { 1 } else { 3 };
    let (mut bare, mut added) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let without = resident(None)?;
        bare.push(without);
        added.push(resident(Some(&policy))? - without);
    }
    let mut page = Page::new("Memory with four workers");
    page.figure("Envoy without the filter, MB", Figure::of(bare), 0, None)?;
    page.figure("added by Portcullis, MB", Figure::of(added), 0, Some(Target::AtMost(MOST)))?;
    Ok(page)
}

/// How long Envoy takes at least to give some memory back, of what it has too much.
const SETTLES: Duration = Duration::from_secs(3);

/// MB, once every worker has served and what is free was given back.
fn resident(policy: Option<&str>) -> Result<f64> {
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    let setup = Gate::before(nobody).workers(4).quiet();
    let gate = match policy {
        Some(policy) => setup.policy(policy),
        None => setup,
    }
    .start()?;
    let requests = vec![get("/v1/nothing", ""); 256];
    let requests: Vec<&[u8]> = requests.iter().map(Vec::as_slice).collect();
    Load::new(gate.cleartext_address(), 32)?.run(&requests, 404)?;
    // What compiling the module took is given back bit by bit.
    let mut before = f64::INFINITY;
    loop {
        let now = gate.memory()? as f64 / 1e6;
        if before - now < 0.1 {
            return Ok(now);
        }
        before = now;
        thread::sleep(SETTLES);
    }
}
