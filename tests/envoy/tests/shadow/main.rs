//! In shadow, and disabled, the gate is not there: upstream and client see what they see of an Envoy without it. What it
//! would have done stands in its counters and in the access log.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test's own")]

mod answers;
mod rows;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use portcullis_envoy::{
    Answer, Event, Gate, Headers, Protocol, Recorder, Result, Seen, Version, audit, events,
};
use portcullis_shop::data::ALICE;
use portcullis_shop::keys::Keys;
use serde_json::{Value, json};

use crate::rows::{Row, Via, rows};

const FIVE_MIB: usize = 5 << 20;

/// Lines by which an upstream could be told another method or path: gone in every mode.
const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];

/// What a route that reads answers takes off its requests in every mode, so that they come whole and plain.
const TAKEN_OFF: [&str; 3] = ["accept-encoding", "range", "if-range"];

/// Where the upstream answers by the head alone.
const EARLY: &str = "/v1/bulk?early";

fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap())
}

fn policy(mode: &str) -> String {
    let keys = json!({ "keys": keys().jwks() }).to_string();
    include_str!("policy.yaml").replace("MODE", mode).replace("KEYS", &keys)
}

/// What came of a request: what the upstream saw of it, and what the client was sent.
#[derive(Clone, PartialEq)]
struct Outcome {
    upstream: Vec<Sighting>,
    client: Answer,
}

/// A request as the upstream saw it, header lines in their order, but for the id that Envoy gives each.
#[derive(Clone, PartialEq)]
struct Sighting {
    line: String,
    headers: Headers,
    body: Vec<u8>,
    trailers: Headers,
}

impl Outcome {
    /// What is to come of a request in a mode, where this came of it without a filter.
    fn expected(mut self, row: &Row, mode: &str) -> Self {
        let reads_answers = row.request.path.starts_with(b"/v1/judged");
        let gone = |(name, _): &(Vec<u8>, Vec<u8>)| {
            let name = String::from_utf8_lossy(name).to_lowercase().replace('_', "-");
            let taken_off = reads_answers && TAKEN_OFF.contains(&&*name);
            name == "x-user-id" || OVERRIDES.contains(&&*name) || taken_off
        };
        for Sighting { headers, trailers, .. } in &mut self.upstream {
            headers.0.retain(|line| !gone(line));
            trailers.0.retain(|line| !gone(line));
            if mode == "shadow" && row.known {
                // Behind the last line that Envoy writes before the filter; what it writes of the framing comes later.
                let last = |(name, _): &(Vec<u8>, Vec<u8>)| name == b"x-envoy-external-address";
                let at = headers.0.iter().position(last).map_or(0, |at| at.saturating_add(1));
                headers.0.insert(at, (b"x-user-id".into(), ALICE.into()));
            }
        }
        self
    }

    /// In short: bodies by their length.
    fn told(&self) -> String {
        let Self { upstream, client } = self;
        let upstream: Vec<_> =
            upstream.iter().map(|it| (&it.line, &it.headers, it.body.len(), &it.trailers)).collect();
        let client = (client.status, &client.headers, client.body.len(), &client.trailers);
        format!("{upstream:?}\n=> {client:?}")
    }
}

/// Sends a row to a gate. Answers what came of it, and the ids under which it went upstream.
fn play(gate: &Gate, upstream: &Recorder, row: &Row, protocol: Protocol) -> Result<(Outcome, Vec<String>)> {
    let client = match row.via {
        Via::Tls => gate.client(protocol),
        Via::OldTls => gate.client(protocol).only(Version::V1_2),
        Via::Cleartext => gate.cleartext(protocol),
    };
    // Another address by protocol, for the limits.
    let client = client.from_loopback(if protocol == Protocol::H1 { 11 } else { 12 });
    let mut answer = client.send(&row.request)?;
    answer.headers.0.retain(|(name, _)| name != b"date");
    let seen = upstream.take();
    let ids = seen.iter().filter_map(|seen| seen.headers.get("x-request-id")).collect();
    let sighting = |mut seen: Seen| {
        seen.headers.0.retain(|(name, _)| name != b"x-request-id");
        let line = format!("{} {}", seen.method, seen.path);
        Sighting { line, headers: seen.headers, body: seen.body, trailers: seen.trailers }
    };
    Ok((Outcome { upstream: seen.into_iter().map(sighting).collect(), client: answer }, ids))
}

#[test]
fn upstream_and_client_see_what_they_see_without_the_gate() -> Result {
    let early = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
    let upstream =
        Recorder::start_eager(|target| (target == EARLY).then(|| early.to_vec()), answers::answer)?;
    let gate = || Gate::before(upstream.address()).h1_trailers().without_normalisation();
    let bare = gate().start()?;
    let shadow = gate().workers(4).policy(policy("shadow")).start()?;
    let disabled = gate().policy(policy("disabled")).start()?;
    // By request id: the row, and what should be told of it.
    let mut sent = BTreeMap::new();
    let mut lines = 0;
    for protocol in Protocol::BOTH {
        for row in rows().into_iter().filter(|row| row.only.is_none_or(|only| only == protocol)) {
            let path = String::from_utf8_lossy(&row.request.path).into_owned();
            let about = format!("{protocol:?} {}, {} {path}", row.about, row.request.method);
            let (without, _) = play(&bare, &upstream, &row, protocol)?;
            for (mode, gate) in [("shadow", &shadow), ("disabled", &disabled)] {
                let (outcome, ids) = play(gate, &upstream, &row, protocol)?;
                let expected = without.clone().expected(&row, mode);
                let same = outcome == expected;
                assert!(same, "{mode} {about}\nexpected {}\nfound {}", expected.told(), outcome.told());
                if mode == "shadow" {
                    lines += 1;
                    sent.extend(ids.into_iter().map(|id| (id, (about.clone(), row.would))));
                }
            }
        }
    }
    assert!(sent.len() > 250, "{} requests went upstream", sent.len());
    let told = told(&shadow.access_log(lines)?, &sent)?;
    counted(&shadow, &told)?;

    // An upstream may answer before it has read the request: nobody will know what that was.
    let unread = [("route", "bulk"), ("outcome", "uninspected")];
    let before = shadow.sum("portcullis_decisions_total", &unread)?;
    let expected = answered_early(&bare)?;
    assert_eq!(expected.text(), "ok");
    assert_eq!(answered_early(&disabled)?, expected);
    assert_eq!(answered_early(&shadow)?, expected);
    assert_eq!(shadow.sum("portcullis_decisions_total", &unread)?, before + 1);

    let admitted = [("outcome", "admitted")];
    let all: u64 = disabled.sum("portcullis_decisions_total", &[])?;
    assert_eq!(
        disabled.sum("portcullis_decisions_total", &admitted)?,
        all,
        "nothing is said where all is disabled"
    );
    Ok(())
}

/// Half a request, which is all that its answer waits for.
fn answered_early(gate: &Gate) -> Result<Answer> {
    let mut raw = gate.client(Protocol::H1).connect_raw()?;
    let head = "host: api.shop.example\r\ncontent-type: application/json\r\ncontent-length: 10";
    raw.write(format!("POST {EARLY} HTTP/1.1\r\n{head}\r\n\r\n{{\"id\""))?;
    let mut answer = raw.answer()?;
    answer.headers.0.retain(|(name, _)| name != b"date");
    Ok(answer)
}

type Sent = BTreeMap<String, (String, &'static [&'static str])>;

/// Every event with its route, as the access log has them; what is told of each request is what its row says.
fn told(log: &[Value], sent: &Sent) -> Result<Vec<(String, Event)>> {
    let mut all = Vec::new();
    for line in log {
        let Some((about, would)) = line["request_id"].as_str().and_then(|id| sent.get(id)) else { continue };
        let events = events(line)?;
        let words: Vec<_> = events.iter().map(in_words).collect();
        assert_eq!(words, *would, "{about}");
        let route = audit(line)?.and_then(|audit| audit["route"].as_str().map(ToOwned::to_owned));
        all.extend(events.into_iter().map(|event| (route.clone().unwrap_or_default(), event)));
    }
    Ok(all)
}

fn in_words(event: &Event) -> String {
    let Event { outcome, rule, reason, after } = event;
    match (outcome.as_str(), after.as_str()) {
        ("would_refuse", "") => format!("{rule} {reason}"),
        ("would_refuse", after) => format!("{rule} {reason} < {after}"),
        (outcome, _) => format!("{rule} {outcome}"),
    }
}

/// The counters say what the events say, and that nothing was refused.
fn counted(gate: &Gate, told: &[(String, Event)]) -> Result {
    let mut expected = BTreeMap::<_, u64>::new();
    for (route, event) in told {
        let control = event.rule.split('.').next().unwrap_or_default();
        let reason = if event.reason.is_empty() { "none" } else { &event.reason };
        *expected.entry([route, control, &event.outcome, reason].map(String::from)).or_default() += 1;
    }
    let series = gate.series("portcullis_decisions_total")?;
    let counted: BTreeMap<_, _> = series
        .into_iter()
        .map(|it| (["route", "control", "outcome", "reason"].map(|label| it.labels[label].clone()), it.value))
        .filter(|([.., outcome, _], _)| outcome != "admitted")
        .collect();
    assert_eq!(counted, expected);
    Ok(())
}
