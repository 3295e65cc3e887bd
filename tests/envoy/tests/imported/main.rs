//! An OpenAPI contract of 60 operations, in 3.0 and in 3.1: imported, decided, checked, and enforced by Envoy.
#![cfg(test)]

mod contract;
mod decided;

use std::ffi::OsString;
use std::fs;

use contract::Operation;
use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Seen, root};
use portcullis_shop::data::{ALICE, BOB};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde_json::{Value, json};

/// What one run of the program gave: exit code, output, errors.
fn run(arguments: &[&str]) -> (u8, String, String) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let arguments = std::iter::once("portcullis").chain(arguments.iter().copied()).map(OsString::from);
    let code = portcullis::cli::run_into(arguments, &mut out, &mut err);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (code, text(out), text(err))
}

fn imported(contract: &str) -> String {
    let path = root().join("tests/openapi").join(contract);
    let (code, policy, told) = run(&["import", path.to_str().unwrap_or_default()]);
    assert_eq!((code, told.starts_with("60 routes in 23 groups; ")), (3, true), "{contract}: {told}");
    policy
}

/// A policy with all its decisions, as the filter takes it.
fn enforced(name: &str, keys: &Keys) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("policy.yaml");
    fs::write(&path, decided::decided(&imported("pocket-3.1.yaml"), name, keys))?;
    let path = path.to_str().unwrap_or_default();
    let (code, report, _) = run(&["check", path]);
    assert!(matches!(code, 0 | 3), "{report}");
    let (_, policy, _) = run(&["bundle", "--format", "policy", path]);
    Ok(policy)
}

/// A token of alice with the scopes that an operation asks for.
fn token(keys: &Keys, operation: &Operation) -> Option<String> {
    let (scheme, scopes) = operation.demand.as_ref()?;
    Some(signed(keys, scheme, &scopes.join(" ")))
}

fn signed(keys: &Keys, scheme: &str, scopes: &str) -> String {
    let mint = Mint::new(keys).claim("scope", scopes);
    match scheme {
        "staffToken" => mint.claim("iss", "https://staff.pocket.example").sign(Alg::Es256),
        _ => mint.sign(Alg::Es256),
    }
}

#[test]
fn both_versions_of_the_contract_become_the_same_policy() {
    assert_eq!(imported("pocket-3.0.json"), imported("pocket-3.1.yaml"));
}

#[test]
fn every_operation_takes_what_the_contract_says_and_nothing_else() -> Result {
    let keys = Keys::generate()?;
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address()).policy(enforced("imported", &keys)?).start()?;
    let operations = contract::operations()?;
    assert_eq!(operations.len(), 60);
    for protocol in [Protocol::H1, Protocol::H2] {
        let client = gate.client(protocol).authority("api.pocket.example");
        for operation in &operations {
            let row = format!("{protocol:?} {}", operation.id);
            let token = token(&keys, operation);
            drop(upstream.take());
            let answer = client.send(&operation.request(token.as_deref()))?;
            assert_eq!(answer.status, 200, "{row}: {}", answer.text());
            assert_eq!(upstream.take().len(), 1, "{row}");

            for (what, status, request) in wrong(operation, token.as_deref(), &keys) {
                let answer = client.send(&request)?;
                assert_eq!(answer.status, status, "{row}, {what}: {}", answer.text());
                assert!(upstream.take().is_empty(), "{row}, {what}: it reached the upstream");
            }
        }
    }
    gate.unharmed()
}

/// Requests that the contract does not allow, each with the status that it must get.
fn wrong(operation: &Operation, token: Option<&str>, keys: &Keys) -> Vec<(&'static str, u16, Request)> {
    let Operation { path, query, body, .. } = operation;
    let sent = body.as_ref().map(|(_, body)| body);
    let more = if query.is_empty() { "x=1".into() } else { format!("{query}&x=1") };
    let mut out = vec![("an unknown parameter", 400, operation.request_to(path, &more, sent, token))];
    out.push(("another method", 405, Request::new("LOCK", path)));
    if token.is_some() && !operation.guests {
        out.push(("no token", 401, operation.request(None)));
    }
    if let Some((scheme, scopes)) = operation.demand.as_ref().filter(|(_, scopes)| !scopes.is_empty()) {
        let poor = signed(keys, scheme, &format!("{}x", scopes.join("x ")));
        out.push(("no scope", 403, operation.request(Some(&poor))));
    }
    if operation.ids.iter().any(|id| id == "user_id") {
        let theirs = path.replace(&format!("/{ALICE}"), &format!("/{BOB}"));
        out.push(("another user", 403, operation.request_to(&theirs, query, sent, token)));
    } else if let Some(uuid) = path.split('/').find(|segment| segment.len() == 36) {
        out.push((
            "an id of another kind",
            400,
            operation.request_to(&path.replace(uuid, "1"), query, sent, token),
        ));
    }
    if let Some(Value::Object(fields)) = sent {
        let mut fields = fields.clone();
        fields.insert("roles".into(), json!(["admin"]));
        let body = Value::Object(fields);
        out.push(("a field too many", 422, operation.request_to(path, query, Some(&body), token)));
        out.push(("no body", 400, operation.request_to(path, query, None, token)));
    }
    out
}

#[test]
fn an_answer_shows_what_the_contract_declares() -> Result {
    let keys = Keys::generate()?;
    let declared = json!({ "email": "ada@example.org", "id": "3f0c2a52-8c3e-4f0e-9a53-0d6f1f1b7a11", "name": "Ada",
        "phone": null, "roles": [] });
    let mut told = declared.clone();
    told["password"] = "correct horse".into();
    told["margin"] = 3.into();
    let upstream = Recorder::start(move |_: &Seen| {
        let body = told.to_string();
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        )
        .into_bytes()
    })?;
    let gate = Gate::before(upstream.address()).policy(enforced("pruned", &keys)?).start()?;
    let operation = contract::operations()?.into_iter().find(|operation| operation.id == "getUser");
    let Some(operation) = operation else { panic!("the contract has no getUser") };
    let client = gate.client(Protocol::H2).authority("api.pocket.example");
    let answer = client.send(&operation.request(token(&keys, &operation).as_deref()))?;
    assert_eq!((answer.status, answer.json()?), (200, declared));
    gate.unharmed()
}
