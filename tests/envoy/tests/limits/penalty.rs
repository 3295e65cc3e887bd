//! Penalties, and what outlives the policy and the VMs that counted it.

use std::time::{Duration, SystemTime};

use portcullis_envoy::{Client, Protocol, Request, Result, Verdict, until};
use serde_json::json;

use crate::counted::STAGE;
use crate::{passed, routes, send, token};

/// Blocks after the third refusal: for `block`, then ninety times as long.
fn limits(block: &str) -> String {
    format!(
        "  ip: {{ key: [ip], rate: 1/1m, burst: 2, penalty: {{ after: 3, within: 1h, block: {block}, factor: 90, max: 1h }} }}"
    )
}

/// The reason of one request, and for how long it is sent away.
fn ask(client: &Client) -> Result<(String, u64)> {
    let answer = client.send(&Request::get("/ip"))?;
    let wait = answer.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or_default();
    Ok((answer.reason().unwrap_or_default(), wait))
}

fn reasons(client: &Client, count: usize) -> Result<Vec<String>> {
    (0..count).map(|_| Ok(ask(client)?.0)).collect()
}

/// A policy of one route, with these overrides.
fn text(name: &str, block: &str, control: &str) -> String {
    let text = routes(name, &limits(block), &[("ip", "ip")], "");
    if control.is_empty() {
        return text;
    }
    #[expect(clippy::disallowed_methods, reason = "a real Envoy looks at the real time")]
    let until = humantime::format_rfc3339_millis(SystemTime::now() + Duration::from_secs(600));
    let lowered = json!({ "route": "*", "control": control, "mode": "disabled", "until": until.to_string(),
        "owner": "on-call", "reason": "a customer behind a shared address" });
    format!("{text}\noverrides: [{lowered}]\n")
}

const EXCEEDED: &str = "limits.exceeded";
const BLOCKED: &str = "limits.penalty";

#[test]
fn a_key_that_goes_on_is_blocked_each_time_for_longer_and_is_let_in_by_an_override() -> Result {
    let stage = STAGE.enter()?;
    let gate = &stage.gate;
    assert_eq!(gate.push(&text("penalty", "1s", ""))?, Verdict::Accepted);
    let client = gate.cleartext(Protocol::H2).from_loopback(41);
    assert_eq!(reasons(&client, 5)?, ["", "", EXCEEDED, EXCEEDED, BLOCKED]);
    // The first refusal after the block is the first of the next three.
    let over = || Ok(Some(ask(&client)?.0).filter(|reason| reason == EXCEEDED));
    assert_eq!(until("the end of the block", over)?, EXCEEDED);
    assert_eq!(reasons(&client, 1)?, [EXCEEDED]);
    let (reason, wait) = ask(&client)?;
    assert_eq!(reason, BLOCKED);
    assert!((85..=115).contains(&wait), "ninety times as long: {wait}");
    assert_eq!(reasons(&client, 20)?, [BLOCKED; 20]);
    let neighbour = gate.cleartext(Protocol::H2).from_loopback(42);
    assert_eq!(reasons(&neighbour, 2)?, ["", ""], "another address is not concerned");

    let blocks = || gate.sum("portcullis_limit_slots_total", &[("policy", "penalty"), ("event", "blocked")]);
    until("blocks that began", || Ok((blocks()? == 2).then_some(())))?;
    let labels = [("policy", "penalty"), ("outcome", "refused"), ("reason", BLOCKED)];
    let refused = || gate.sum("portcullis_decisions_total", &labels);
    until("refusals that say so", || Ok((refused()? >= 22).then_some(())))?;
    let audits = gate.audits("penalty", 25)?;
    let event = |audit: &serde_json::Value| audit["events"][0].clone();
    let told = audits.iter().map(event).find(|event| event["reason"] == BLOCKED);
    let told = told.unwrap_or_default();
    assert_eq!((&told["rule"], &told["outcome"]), (&json!("limits.ip"), &json!("refused")), "{told}");

    assert_eq!(gate.push(&text("penalty", "1s", "limits.ip"))?, Verdict::Accepted);
    assert_eq!(reasons(&client, 3)?, ["", "", ""], "an override lets the key in at once");
    assert_eq!(gate.push(&text("penalty", "1s", ""))?, Verdict::Accepted);
    assert_eq!(reasons(&client, 1)?, [BLOCKED], "it ended before the block");
    gate.unharmed()
}

#[test]
fn what_was_counted_outlives_the_policy_and_the_vms_that_counted_it() -> Result {
    let stage = STAGE.enter()?;
    let gate = &stage.gate;
    let more = r#"  - { name: thing, match: { method: GET, path: "/things/{id}" }, tokens: [user], limits: [ids], access: { shared: [id] } }
  - { name: half, match: { method: GET, path: /half }, tokens: none, limits: [half] }
  - { name: login, match: { method: POST, path: /login }, tokens: none, request: { content: json }, limits: [logins] }"#;
    let limits = format!(
        "{}
  ids: {{ key: [user.sub], rate: 3/1d, distinct: path.id }}
  half: {{ key: [ip], rate: 4/1d }}
  logins: {{ key: [ip], rate: 4/1d, count: [401] }}",
        limits("1h")
    );
    let text = routes("outlives", &limits, &[("ip", "ip")], more);
    assert_eq!(gate.push(&text)?, Verdict::Accepted);
    let client = gate.cleartext(Protocol::H2).from_loopback(43);
    let thing = |id: &str| Request::get(format!("/things/{id}")).bearer(&token("carol"));
    let statuses = |request: &Request, count| -> Result<Vec<u16>> {
        Ok(send(&client, request, count)?.into_iter().map(|(status, _)| status).collect())
    };
    assert_eq!(reasons(&client, 5)?, ["", "", EXCEEDED, EXCEEDED, BLOCKED]);
    assert_eq!(passed(&client, &Request::get("/half"), 2)?, 2);
    let wrong = Request::post_json("/login", &json!({ "password": "guess" }));
    assert_eq!(statuses(&wrong, 3)?, [401; 3]);
    for (id, status) in [("a", 200), ("b", 200), ("c", 200), ("d", 429)] {
        assert_eq!(statuses(&thing(id), 1)?, [status], "{id}");
    }
    let revised = format!("{text}\nrevision: second\n");
    let kept = |how: &str| -> Result {
        assert_eq!(reasons(&client, 2)?, [BLOCKED; 2], "{how}");
        for (id, status) in [("a", 200), ("b", 200), ("c", 200), ("d", 429)] {
            assert_eq!(statuses(&thing(id), 1)?, [status], "{how}: {id}");
        }
        Ok(())
    };
    assert_eq!(gate.push(&revised)?, Verdict::Accepted);
    kept("another policy")?;
    assert_eq!(passed(&client, &Request::get("/half"), 1)?, 1);

    let made = || gate.stats("wasm.");
    let before = made()?;
    assert_eq!(gate.push_in_new_vms("second", &text)?, Verdict::Accepted);
    let after = made()?;
    let created = |stats: &std::collections::BTreeMap<String, u64>| {
        stats.iter().filter(|(name, _)| name.ends_with(".created")).map(|(_, count)| count).sum::<u64>()
    };
    assert!(created(&after) >= created(&before) + 4, "a VM for each worker: {before:?} {after:?}");
    kept("other VMs")?;
    assert_eq!(passed(&client, &Request::get("/half"), 3)?, 1, "other VMs: what is left of four");
    assert_eq!(statuses(&wrong, 3)?, [401, 429, 429], "other VMs: what is left of four");
    gate.unharmed()
}
