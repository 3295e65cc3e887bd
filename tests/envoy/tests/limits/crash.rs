//! A filter that crashes. The shipped one cannot be made to: these are its own bytes, but for one callback that traps.

use portcullis_envoy::{Answer, Client, Gate, Protocol, Request, Result, module, trapping, until};
use serde_json::json;

use crate::{passed, routes, send, upstream};

/// What is called for the trailers of a request, and for nothing else.
const FAULT: &str = "proxy_on_request_trailers";

const LIMITS: &str = "  half: { key: [ip], rate: 4/1d }
  logins: { key: [ip], rate: 4/1d, count: [401] }
  block: { key: [ip], rate: 1/1h, penalty: { after: 2, within: 1h, block: 1h, factor: 2, max: 2h } }";
const MORE: &str = "  - { name: login, match: { method: POST, path: /login }, tokens: none, request: { content: json }, limits: [logins] }
  - { name: upload, match: { method: POST, path: /upload }, tokens: none, request: { content: any } }
";

fn gate(upstream: &portcullis_envoy::Recorder, workers: u32) -> Result<Gate> {
    let broken = tempfile::NamedTempFile::new()?;
    std::fs::write(broken.path(), trapping(&std::fs::read(module()?)?, FAULT)?)?;
    let open = [("half", "half"), ("block", "block"), ("free", "")];
    let policy = routes("crash", LIMITS, &open, MORE);
    let gate = Gate::before(upstream.address()).workers(workers).module(broken.path()).policy(policy);
    // Envoy has read the module by the time it serves.
    gate.start()
}

fn reloads(gate: &Gate) -> Result<u64> {
    Ok(gate.stats("wasm.portcullis.vm_reload_success")?.values().sum())
}

/// What comes of a request at which the filter crashes: an answer that is no success, or none.
fn crash(client: &Client) -> Option<u16> {
    let request = Request::new("POST", "/upload").chunk("some").trailer("x-sum", "1");
    client.send(&request).ok().map(|answer| answer.status)
}

#[test]
fn what_was_counted_outlives_a_crash_and_nothing_passes_until_the_vm_is_back() -> Result {
    let upstream = upstream()?;
    let gate = gate(&upstream, 1)?;
    let client = gate.cleartext(Protocol::H2);
    let wrong = Request::post_json("/login", &json!({ "password": "guess" })).header("x-status", "401");
    let free = Request::get("/free");
    assert_eq!(passed(&client, &Request::get("/half"), 3)?, 3);
    assert_eq!(send(&client, &wrong, 2)?, [(200, String::new()), (200, String::new())]);
    let told = |answer: &Answer| (answer.status, answer.reason().unwrap_or_default());
    let blocked = |count: usize| -> Result<bool> {
        let told = send(&client, &Request::get("/block"), count)?;
        Ok(told.last().is_some_and(|last| *last == (429, "limits.penalty".to_owned())))
    };
    assert!(blocked(4)?);

    let seen = upstream.take().len();
    assert!(seen >= 6, "{seen} requests passed before");
    assert_ne!(crash(&client), Some(200));
    assert!(upstream.take().is_empty(), "the request at which it crashed reached the upstream");
    let mut shut = 0;
    until("the VM to be back", || {
        let answer = client.send(&free)?;
        match told(&answer) {
            (503, _) => shut += 1,
            (200, _) => {}
            other => anyhow::bail!("{other:?}"),
        }
        assert_eq!(upstream.take().len(), usize::from(answer.status == 200), "nothing passes unjudged");
        Ok((answer.status == 200).then_some(()))
    })?;
    assert!(shut > 0, "requests were answered with 503 meanwhile");
    assert_eq!(reloads(&gate)?, 1);

    assert_eq!(passed(&client, &Request::get("/half"), 3)?, 1, "what was left of four");
    assert!(blocked(1)?, "whoever was blocked is");
    // What a login took was given back before the crash, since it was no 401.
    assert_eq!(send(&client, &wrong, 1)?, [(200, String::new())]);

    // And again.
    assert_ne!(crash(&client), Some(200));
    until("the VM to be back again", || Ok((client.send(&free)?.status == 200).then_some(())))?;
    assert_eq!(reloads(&gate)?, 2);
    assert_eq!(passed(&client, &Request::get("/half"), 2)?, 0);
    Ok(())
}

#[test]
fn a_crash_in_one_worker_leaves_the_others_at_work() -> Result {
    let upstream = upstream()?;
    let gate = gate(&upstream, 4)?;
    // Connections of all workers, open before.
    let mut connections: Vec<_> =
        (0..24).map(|_| gate.cleartext(Protocol::H1).connect()).collect::<Result<_>>()?;
    let mut ask = || -> Result<Vec<u16>> {
        connections.iter_mut().map(|it| Ok(it.send(&Request::get("/free"))?.status)).collect()
    };
    assert_eq!(ask()?, [200; 24]);
    assert_ne!(crash(&gate.cleartext(Protocol::H2)), Some(200));
    let statuses = ask()?;
    let shut = statuses.iter().filter(|status| **status == 503).count();
    assert!(statuses.iter().all(|status| matches!(status, 200 | 503)), "{statuses:?}");
    assert!((1..24).contains(&shut), "one of four workers is shut: {statuses:?}");
    until("all workers to be back", || Ok(ask()?.iter().all(|status| *status == 200).then_some(())))?;
    assert_eq!(reloads(&gate)?, 1);
    Ok(())
}
