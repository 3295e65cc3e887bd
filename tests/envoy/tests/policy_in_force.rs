//! Which policy is in force: a good one from the watched file at the next request, on connections that were open before
//! too; a bad one never, and the one before stays.
#![cfg(test)]

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Stage, Verdict, enforcing, until};

/// A policy with one open route at `path`; every other path is unknown.
fn open_at(name: &str, path: &str) -> String {
    enforcing(
        name,
        &format!("routes: [{{ name: probe, match: {{ method: GET, path: {path} }}, tokens: none }}]"),
    )
}

/// Wrong in many ways, in every part.
const BAD: &str = r#"{
    "version": 1, "name": "bad", "mode": "enforce", "bananas": true,
    "transport": { "cleartext": "perhaps" },
    "limits": { "none": { "key": ["ip"], "rate": "0/1m" } },
    "routes": [
        { "name": "one", "match": { "method": "GET", "path": "/one" }, "tokens": "none", "limits": ["nobody"] },
        { "name": "two", "match": { "method": "get", "path": "/two" }, "tokens": ["user"], "request": { "schema": 7 } },
        { "name": "one", "match": { "method": "GET", "path": "/one" } }
    ]
}"#;

/// All that is wrong with it, each with its place.
const ERRORS: [&str; 10] = [
    "bananas: unknown field `bananas`",
    "transport.cleartext: found `perhaps`, expected `reject`, `redirect` or `allow`",
    "limits.none.rate: `0/1m` is no rate; ",
    "routes[one]: the name `one` is given twice; ",
    "routes[one]: `tokens` must be written",
    "routes[one].match: the route for `GET /one` is given twice; ",
    "routes[one].limits[0]: there is no limit called `nobody`",
    "routes[two].match.method: `get` is no method; ",
    "routes[two].tokens[0]: there is no token called `user`",
    "routes[two].request.schema: found the number 7, expected a string",
];

fn upstream() -> Result<Recorder> {
    Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

#[test]
fn a_good_policy_is_in_force_for_the_next_request_on_open_connections() -> Result {
    let upstream = upstream()?;
    let alone = Gate::before(upstream.address()).policy(open_at("first", "/one")).start()?;
    let stage = Stage::under(&open_at("first", "/one"))?;
    for (workers, gate) in [(1, &alone), (4, &stage.gate)] {
        let mut connections = Vec::new();
        for protocol in Protocol::BOTH {
            for _ in 0..8 {
                connections.push((protocol, gate.client(protocol).connect()?));
            }
        }
        for (name, path, other) in
            [("first", "/one", "/two"), ("second", "/two", "/one"), ("third", "/one", "/two")]
        {
            if name != "first" {
                assert_eq!(gate.push(&open_at(name, path))?, Verdict::Accepted);
            }
            for (protocol, connection) in &mut connections {
                for (path, status) in [(path, 200), (other, 404)] {
                    let answer = connection.send(&Request::get(path))?;
                    assert_eq!(answer.status, status, "{workers} workers, {name}, {protocol:?} {path}");
                }
            }
        }
    }
    Ok(())
}

#[test]
fn a_bad_policy_is_refused_with_all_its_errors_and_the_old_one_stays() -> Result {
    let stage = Stage::under(&open_at("first", "/one"))?;
    let gate = &stage.gate;
    let mut open = Vec::new();
    for protocol in Protocol::BOTH {
        open.push(gate.client(protocol).connect()?);
    }
    let last = format!("the policy is refused: {} errors", ERRORS.len());
    assert_eq!(gate.push(BAD)?, Verdict::Refused);
    let log = until("the reasons in the log", || Ok(Some(gate.log()?).filter(|log| log.contains(&last))))?;
    for error in ERRORS {
        assert!(log.contains(&format!("portcullis: {error}")), "{error}\n{log}");
    }
    let mut stays = || -> Result {
        for connection in &mut open {
            assert_eq!(connection.send(&Request::get("/one"))?.status, 200);
            assert_eq!(connection.send(&Request::get("/two"))?.status, 404);
        }
        Ok(())
    };
    stays()?;
    // Envoy takes no second look at what it refused last, and calls that a success.
    gate.push(BAD)?;
    stays()?;
    assert_eq!(gate.push(&open_at("second", "/two"))?, Verdict::Accepted);
    for connection in &mut open {
        assert_eq!(connection.send(&Request::get("/two"))?.status, 200);
    }
    Ok(())
}

#[test]
fn a_process_that_starts_with_a_bad_policy_serves_the_default_one() -> Result {
    let upstream = upstream()?;
    let default = open_at("last-released", "/one");
    let gate = Gate::before(upstream.address()).workers(4).policy(BAD).default_policy(default).start()?;
    for protocol in Protocol::BOTH {
        for _ in 0..8 {
            assert_eq!(gate.client(protocol).send(&Request::get("/one"))?.status, 200, "{protocol:?}");
            assert_eq!(gate.client(protocol).send(&Request::get("/two"))?.status, 404, "{protocol:?}");
        }
    }
    assert_eq!(gate.push(&open_at("second", "/two"))?, Verdict::Accepted);
    assert_eq!(gate.client(Protocol::H1).send(&Request::get("/two"))?.status, 200);
    Ok(())
}

#[test]
fn a_policy_whose_shared_data_has_no_name_is_refused() -> Result {
    let stage = Stage::under(&open_at("named", "/one"))?;
    assert_eq!(stage.gate.push_as("", &open_at("nameless", "/two"))?, Verdict::Refused);
    assert!(stage.gate.log()?.contains("vm_config.vm_id is empty"));
    let answer = stage.gate.client(Protocol::H1).send(&Request::get("/one"))?;
    assert_eq!(answer.status, 200, "the one before stays");
    Ok(())
}

/// The names and digests under which the gauge is 1.
fn shown(gate: &Gate) -> Result<BTreeSet<(String, String)>> {
    let series = gate.series("portcullis_policy_info")?;
    let name = |labels: &std::collections::BTreeMap<String, String>| {
        let label = |name| labels.get(name).cloned().unwrap_or_default();
        (label("policy"), label("digest"))
    };
    assert!(series.iter().all(|it| it.value <= 1), "{series:?}");
    Ok(series.iter().filter(|it| it.value == 1).map(|it| name(&it.labels)).collect())
}

#[test]
fn the_gauge_is_one_for_the_policy_in_force_and_for_no_other() -> Result {
    let uploads = |name: &str, path: &str| {
        let route = format!(
            "{{ name: up, match: {{ method: POST, path: {path} }}, tokens: none, request: {{ content: any }} }}"
        );
        enforcing(name, &format!("routes: [{route}]"))
    };
    let stage = Stage::under(&uploads("gauge", "/one"))?;
    let gate = &stage.gate;
    // Half a request each, for as long as the test lasts: streams of a policy that was replaced do not keep it on show.
    let before = stage.upstream.begun();
    let mut streams = Vec::new();
    for _ in 0..8 {
        let mut stream = gate.client(Protocol::H1).connect_raw()?;
        stream.write("POST /one HTTP/1.1\r\nhost: a\r\ncontent-length: 8\r\n\r\nhalf")?;
        streams.push(stream);
    }
    until("the streams", || Ok((stage.upstream.begun() == before + 8).then_some(())))?;
    for (turn, (name, path)) in [
        ("gauge", "/one"),
        ("gauge", "/two"),
        ("gauge", "/one"),
        ("needle", "/two"),
        ("gauge", "/two"),
        ("gauge", "/one"),
    ]
    .into_iter()
    .enumerate()
    {
        if turn > 0 {
            assert_eq!(gate.push(&uploads(name, path))?, Verdict::Accepted);
        }
        if turn == 2 {
            assert_eq!(gate.push(BAD)?, Verdict::Refused);
        }
        // What a request was judged by says which policy is in force.
        let before = gate.audits(name, 0)?.len();
        for _ in 0..8 {
            gate.client(Protocol::H1).send(&Request::get("/nowhere"))?;
        }
        let audits = gate.audits(name, before + 8)?;
        let digests = audits.iter().skip(before).filter_map(|it| it["digest"].as_str());
        let judged: BTreeSet<_> = digests.map(|digest| (name.to_owned(), digest.to_owned())).collect();
        assert_eq!(judged.len(), 1, "turn {turn}: {judged:?}");
        let mut last = BTreeSet::new();
        let settled = until("the gauge", || {
            last = shown(gate)?;
            Ok((last == judged).then_some(()))
        });
        assert!(settled.is_ok(), "turn {turn}: in force is {judged:?}, shown {last:?}");
    }
    for mut stream in streams {
        stream.write("half")?;
        assert_eq!(stream.answer()?.status, 200, "and end under the policy they began with");
    }
    Ok(())
}

#[test]
fn an_override_lowers_one_rule_of_one_route_and_ends_by_itself() -> Result {
    const STRICT: [u16; 4] = [200, 400, 200, 400];
    let params = "request: { params: { query.n: { type: integer } } }";
    let route =
        |name| format!("{{ name: {name}, match: {{ method: GET, path: /{name} }}, tokens: none, {params} }}");
    let text = |overrides: &str| {
        enforcing(
            "switch",
            &format!("routes: [{}, {}]\noverrides: [{overrides}]", route("one"), route("two")),
        )
    };
    let lowered = |name: &str, until: SystemTime| {
        let until = humantime::format_rfc3339_millis(until);
        format!(
            "{{ route: {name}, control: request.params, mode: disabled, until: \"{until}\", owner: a, reason: b }}"
        )
    };
    let day = Duration::from_secs(86_400);
    let (tomorrow, yesterday) = (now() + day, now() - day);

    let stage = Stage::under(&text(""))?;
    let gate = &stage.gate;
    let statuses = |path: &str| -> Result<Vec<u16>> {
        let mut statuses = Vec::new();
        for protocol in Protocol::BOTH {
            for query in ["?n=1", "?n=x"] {
                let request = Request::get(format!("{path}{query}"));
                statuses.push(gate.client(protocol).send(&request)?.status);
            }
        }
        Ok(statuses)
    };
    let ignored = |why: &str| Ok::<_, anyhow::Error>(gate.log()?.contains(&format!("overrides[0]: {why}")));
    assert_eq!(statuses("/one")?, STRICT, "without an override");

    assert_eq!(gate.push(&text(&lowered("one", tomorrow)))?, Verdict::Accepted);
    assert_eq!(statuses("/one")?, [200; 4], "lowered");
    assert_eq!(statuses("/two")?, STRICT, "another route is not");

    assert_eq!(gate.push(&text(&lowered("one", now() + Duration::from_secs(2))))?, Verdict::Accepted);
    until("the override to end", || Ok((statuses("/one")? == STRICT).then_some(())))?;
    assert!(!ignored("it has ended")?, "it was in force until then");

    assert_eq!(gate.push(&text(&lowered("one", yesterday)))?, Verdict::Accepted);
    assert_eq!(statuses("/one")?, STRICT, "ended");
    until("a remark on what has ended", || Ok(ignored("it has ended: it is ignored")?.then_some(())))?;
    assert_eq!(gate.push(&text(&lowered("gone", tomorrow)))?, Verdict::Accepted);
    assert_eq!(statuses("/one")?, STRICT, "names no route");
    until("a remark on a name", || Ok(ignored("there is no route or group `gone`")?.then_some(())))
}

#[expect(clippy::disallowed_methods, reason = "an override ends by the calendar")]
fn now() -> SystemTime {
    SystemTime::now()
}

#[test]
fn two_hundred_policies_take_no_more_memory_than_twenty() -> Result {
    /// One such policy kept in each worker would be more than this after a few.
    const BOUND: u64 = 8 << 20;
    let upstream = upstream()?;
    let gate = Gate::before(upstream.address()).policy(open_at("first", "/one")).workers(4).start()?;
    let schema = |turn| {
        format!("{{ type: object, properties: {{ id: {{ const: {turn} }}, name: {{ type: string }} }} }}")
    };
    let route = |at: usize| {
        format!(
            "  - {{ name: r{at}, match: {{ method: POST, path: \"/r{at}/{{id}}\" }}, tokens: none, request: {{ schema: s }} }}\n"
        )
    };
    let routes: String = (0..80).map(route).collect();
    let mut warm = 0;
    for turn in 1..=200 {
        let text = enforcing("many", &format!("schemas: {{ s: {} }}\nroutes:\n{routes}", schema(turn)));
        assert_eq!(gate.push(&text)?, Verdict::Accepted, "turn {turn}");
        if turn == 20 {
            warm = gate.memory()?;
        }
    }
    let grown = gate.memory()?.saturating_sub(warm);
    assert!(grown < BOUND, "grown by {grown} bytes");
    Ok(())
}

#[test]
fn the_sample_tag_rules_turn_the_filters_labels_into_prometheus_labels() -> Result {
    let stage = Stage::under(&open_at("labels", "/one"))?;
    let gate = &stage.gate;
    gate.client(Protocol::H1).send(&Request::get("/one"))?;
    gate.client(Protocol::H1).send(&Request::get("/two"))?;
    let text = gate.prometheus()?;
    let series = |name: &str| {
        let of_policy = |line: &&str| line.starts_with(&format!("{name}{{")) && line.contains("\"labels\"");
        text.lines().filter(of_policy).collect::<Vec<_>>()
    };
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
    let stage = Stage::under(&open_at("events", "/one"))?;
    let gate = &stage.gate;
    gate.client(Protocol::H2).send(&Request::get("/two"))?;
    let audits = gate.audits("events", 1)?;
    assert_eq!(audits[0]["events"][0]["reason"], "routing.unmatched", "{audits:?}");
    Ok(())
}
