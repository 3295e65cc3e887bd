//! What JSON Schema says, through the module: every row of `tests/cases/schemas` once, in one of its drafts, with the
//! verdict that the engine has natively. All groups are one policy.
#![cfg(test)]

#[path = "../../decisions/table.rs"]
#[expect(dead_code, reason = "the native tests look at more of a table")]
mod table;

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context;
use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Verdict as Pushed, policy, root};
use serde_json::{Map, Value, json};

use crate::table::{Draft, Group, Verdict, Way};

/// All groups, those that no policy may have among them.
fn all_groups() -> Result<Vec<Group>> {
    let mut all = Vec::new();
    let mut files: Vec<_> =
        std::fs::read_dir(root().join("tests/cases/schemas"))?.collect::<std::io::Result<_>>()?;
    files.sort_by_key(std::fs::DirEntry::path);
    for file in files {
        let text = std::fs::read_to_string(file.path())?;
        let read = Group::read(&text).with_context(|| file.path().display().to_string())?;
        all.extend(read);
    }
    Ok(all)
}

/// A group that has rows, with its name in the policy and the draft that it speaks here.
fn groups() -> Result<Vec<(String, Draft, Group)>> {
    let all = all_groups()?.into_iter().filter(|group| group.refused.is_none());
    let named = all.enumerate().filter_map(|(at, group)| {
        let draft = *group.drafts.iter().cycle().nth(at)?;
        Some((format!("{at}-{draft:?}").to_lowercase(), draft, group))
    });
    Ok(named.collect())
}

/// One request, and what becomes of it.
struct Sent {
    row: String,
    request: Request,
    status: u16,
    reason: Option<String>,
    /// Whether the upstream sees it.
    arrives: bool,
}

fn sent(name: &str, group: &Group) -> Vec<Sent> {
    let of_row = |(at, row): (usize, &table::Row)| {
        let path = format!("/{name}?row={at}");
        let (request, schema) = match group.way {
            Way::Request => {
                let request = Request::new("POST", path).header("content-type", "application/json");
                (request.chunk(&row.text), (422, "request.schema"))
            }
            Way::Answer => (Request::get(path), (502, "response.schema")),
        };
        let (status, reason) = match &row.verdict {
            Verdict::Valid => (200, None),
            Verdict::Invalid => (schema.0, Some(schema.1.to_owned())),
            Verdict::Unread(reason) => (400, Some(reason.clone())),
        };
        let arrives = group.way == Way::Answer || reason.is_none();
        Sent { row: format!("{name}: {}: {}", group.about, row.name), request, status, reason, arrives }
    };
    group.rows.iter().enumerate().map(of_row).collect()
}

/// What the upstream answers, by the path that is asked.
fn answers(groups: &[(String, Draft, Group)]) -> BTreeMap<String, Vec<u8>> {
    let answers = groups.iter().filter(|(_, _, group)| group.way == Way::Answer);
    let rows = answers.flat_map(|(name, _, group)| {
        group.rows.iter().enumerate().map(move |(at, row)| {
            let head = format!(
                "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
                row.text.len(),
                row.text
            );
            (format!("/{name}?row={at}"), head.into_bytes())
        })
    });
    rows.collect()
}

#[test]
fn every_row_has_the_same_verdict_through_envoy() -> Result {
    let groups = groups()?;
    let mut schemas = Map::new();
    let mut routes = Vec::new();
    for (name, draft, group) in &groups {
        schemas.extend(group.schemas(name, *draft));
        routes.push(group.route(name));
    }
    let drafts: Vec<Draft> = groups.iter().map(|(_, draft, _)| *draft).collect();
    assert!(Draft::ALL.iter().all(|draft| drafts.contains(draft)), "{drafts:?}");

    let written = answers(&groups);
    let ok = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok".to_vec();
    let upstream =
        Recorder::start(move |seen| written.get(&seen.path).cloned().unwrap_or_else(|| ok.clone()))?;
    // JSON is YAML too.
    let (schemas, routes) = (Value::Object(schemas), Value::Array(routes));
    let gate = Gate::before(upstream.address())
        .policy(policy("schemas", "enforce", &format!("schemas: {schemas}\nroutes: {routes}")))
        .start()?;

    let client = gate.client(Protocol::H1);
    let mut connection = client.connect()?;
    let (mut rows, mut arrived) = (0, 0);
    for (name, _, group) in &groups {
        for Sent { row, request, status, reason, arrives } in sent(name, group) {
            let answer = connection.send(&request)?;
            assert_eq!((answer.status, answer.reason()), (status, reason), "{row}: {answer:?}");
            // Envoy closes behind a 400.
            if status == 400 {
                connection = client.connect()?;
            }
            arrived += usize::from(arrives);
            assert_eq!(upstream.begun(), arrived, "{row}");
            rows += 1;
        }
    }
    assert!(rows >= 800, "only {rows}");
    gate.unharmed()
}

/// A schema that fans out, leads out or cannot be judged in linear time: the policy is refused with the reason, and the one
/// before stays in force.
#[test]
fn what_cannot_be_kept_to_never_comes_into_force() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let named = |name: &str, schemas: &Value, route: &Value| {
        policy(name, "enforce", &format!("schemas: {schemas}\nroutes: [{route}]"))
    };
    let good = json!({ "good": { "type": "integer" } });
    let route = json!({ "name": "good", "match": { "method": "POST", "path": "/good" }, "tokens": "none", "request": { "schema": "good" } });
    let gate = Gate::before(upstream.address()).policy(named("good", &good, &route)).start()?;
    let mut told = BTreeSet::new();
    for group in all_groups()? {
        let Some(want) = &group.refused else { continue };
        // One of each kind: Envoy takes its time.
        if !told.insert(want.clone()) {
            continue;
        }
        let schemas = Value::Object(group.schemas("bad", Draft::D2020));
        let before = gate.log()?.len();
        let verdict = gate.push(&named(&format!("bad-{}", told.len()), &schemas, &group.route("bad")))?;
        let log = gate.log()?;
        let new = log.get(before..).unwrap_or_default();
        assert_eq!(verdict, Pushed::Refused, "{}", group.about);
        assert!(new.contains(want) && new.contains("schemas.bad"), "{}: {new}", group.about);
    }
    assert!(told.len() >= 12, "{told:?}");
    let bodies = [("1", 200), ("\"a\"", 422)];
    for (body, status) in bodies {
        let request = Request::new("POST", "/good").header("content-type", "application/json").chunk(body);
        assert_eq!(gate.client(Protocol::H1).send(&request)?.status, status, "{body}");
    }
    gate.unharmed()
}
