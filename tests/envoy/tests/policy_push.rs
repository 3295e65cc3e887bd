//! A policy in a watched file: taken for the next request on open connections, or refused while the old one goes on.
#![cfg(test)]

use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Verdict, until};

/// One open route at `path`; every other path is unknown.
fn policy(name: &str, path: &str) -> String {
    format!(
        r#"
version: 1
name: {name}
mode: enforce
routing: {{ hosts: any, other_hosts: refuse, unmatched: 404, preflight: refuse }}
transport: {{ cleartext: allow, min_tls: "1.2" }}
routes:
  - {{ name: probe, match: {{ method: GET, path: {path} }}, tokens: none }}
"#
    )
}

const BAD: &str = r#"{"version":1,"name":"bad","mode":"enforce","bananas":true,"routes":"many"}"#;

fn upstream() -> Result<Recorder> {
    Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

#[test]
fn a_good_policy_is_in_force_for_the_next_request_on_open_connections() -> Result {
    let upstream = upstream()?;
    for workers in [1, 4] {
        let gate =
            Gate::before(upstream.address()).policy(policy("first", "/one")).workers(workers).start()?;
        let mut connections = Vec::new();
        for protocol in Protocol::BOTH {
            for _ in 0..8 {
                connections.push((protocol, gate.client(protocol).connect()?));
            }
        }
        for (policy, path, other) in
            [(None, "/one", "/two"), (Some(policy("second", "/two")), "/two", "/one")]
        {
            if let Some(policy) = policy {
                assert_eq!(gate.push(&policy)?, Verdict::Accepted);
            }
            for (protocol, connection) in &mut connections {
                assert_eq!(
                    connection.send(&Request::get(path))?.status,
                    200,
                    "{workers} {protocol:?} {path}"
                );
                assert_eq!(
                    connection.send(&Request::get(other))?.status,
                    404,
                    "{workers} {protocol:?} {other}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn a_bad_policy_is_refused_with_its_reasons_and_the_old_one_stays() -> Result {
    let upstream = upstream()?;
    let gate = Gate::before(upstream.address()).policy(policy("first", "/one")).workers(4).start()?;
    assert_eq!(gate.push(BAD)?, Verdict::Refused);
    let log =
        until("the reasons in the log", || Ok(Some(gate.log()?).filter(|log| log.contains("bananas"))))?;
    assert!(log.contains("routes"), "all errors at once: {log}");
    for protocol in Protocol::BOTH {
        for _ in 0..8 {
            assert_eq!(gate.client(protocol).send(&Request::get("/one"))?.status, 200, "{protocol:?}");
            assert_eq!(gate.client(protocol).send(&Request::get("/two"))?.status, 404, "{protocol:?}");
        }
    }
    assert_eq!(gate.push(&policy("second", "/two"))?, Verdict::Accepted);
    assert_eq!(gate.client(Protocol::H1).send(&Request::get("/two"))?.status, 200);
    Ok(())
}

#[test]
fn a_process_that_starts_with_a_bad_policy_serves_the_default_one() -> Result {
    let upstream = upstream()?;
    let last = policy("last-released", "/one");
    for (row, default, want) in
        [("the last released one", Some(last), 200), ("the sample's refuses all", None, 404)]
    {
        let setup = Gate::before(upstream.address()).policy(BAD);
        let gate = match default {
            Some(default) => setup.default_policy(default).start()?,
            None => setup.start()?,
        };
        for protocol in Protocol::BOTH {
            assert_eq!(gate.client(protocol).send(&Request::get("/one"))?.status, want, "{row} {protocol:?}");
        }
        assert_eq!(gate.push(&policy("second", "/two"))?, Verdict::Accepted, "{row}");
        assert_eq!(gate.client(Protocol::H1).send(&Request::get("/two"))?.status, 200, "{row}");
    }
    Ok(())
}

#[test]
fn the_sample_tag_rules_turn_the_filters_labels_into_prometheus_labels() -> Result {
    let upstream = upstream()?;
    let gate = Gate::before(upstream.address()).policy(policy("labels", "/one")).start()?;
    gate.client(Protocol::H1).send(&Request::get("/one"))?;
    gate.client(Protocol::H1).send(&Request::get("/two"))?;
    let text = gate.prometheus()?;
    let series =
        |name: &str| text.lines().filter(|line| line.starts_with(&format!("{name}{{"))).collect::<Vec<_>>();
    let decisions = series("portcullis_decisions_total");
    assert!(!decisions.is_empty(), "no decisions in:\n{text}");
    for line in &decisions {
        for label in ["policy=\"labels\"", "route=\"", "control=\"", "outcome=\"", "reason=\""] {
            assert!(line.contains(label), "{label} is missing: {line}");
        }
    }
    assert!(decisions.iter().any(|line| line.contains("route=\"probe\"")), "{decisions:?}");
    assert!(decisions.iter().any(|line| line.contains("outcome=\"refused\"")), "{decisions:?}");
    let infos = series("portcullis_policy_info");
    let in_force = |line: &&&str| {
        line.contains("policy=\"labels\"") && line.contains("digest=\"") && line.ends_with(" 1")
    };
    assert!(infos.iter().any(|line| in_force(&line)), "{infos:?}");
    // Nothing of the label notation is left in a name.
    assert!(!text.contains("portcullis_decisions_total_") && !text.contains("portcullis_policy_info_"));
    Ok(())
}

#[test]
fn the_filters_event_reaches_the_access_log() -> Result {
    let upstream = upstream()?;
    let gate = Gate::before(upstream.address()).policy(policy("events", "/one")).start()?;
    gate.client(Protocol::H2).send(&Request::get("/two"))?;
    let log = gate.access_log(1)?;
    let event: serde_json::Value = serde_json::from_str(log[0]["portcullis"].as_str().unwrap_or_default())?;
    assert!(event.is_object(), "{log:?}");
    Ok(())
}
