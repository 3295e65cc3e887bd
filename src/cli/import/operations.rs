//! The operations of a contract: `paths` as a flat list.

use crate::cli::import::contract::Contract;
use crate::cli::import::contract::Found;
use crate::cli::import::contract::Spot;

/// Methods of a path item that a route can have; OpenAPI's `trace` has no place behind a gate.
const METHODS: [&str; 7] = ["get", "put", "post", "delete", "options", "head", "patch"];

/// One operation.
pub(super) struct Operation {
    pub(super) at: Spot,
    /// In capitals.
    pub(super) method: String,
    /// With the server's own path in front.
    pub(super) path: String,
    pub(super) id: Option<String>,
    pub(super) security: serde_json::Value,
    /// Resolved, the operation's own before the path's.
    pub(super) parameters: Vec<Found>,
    pub(super) body: Option<Found>,
    /// Status and answer, resolved.
    pub(super) answers: Vec<(String, Found)>,
}

/// Reads all of them, and notes what can have no route.
pub(super) fn read(
    contract: &mut Contract,
    document: &Found,
    base: &str,
    notes: &mut Vec<String>,
) -> Result<Vec<Operation>, String> {
    let global = document.get("security").value;
    let mut operations = Vec::new();
    for (path, item) in document.get("paths").members() {
        if path.starts_with("x-") {
            continue;
        }
        let item = contract.resolve(item)?;
        for (method, operation) in item.members() {
            if !METHODS.contains(&method.as_str()) {
                if method == "trace" {
                    notes.push(format!("{}: TRACE has no route", operation.at));
                }
                continue;
            }
            // GET answers HEAD, with the same demands.
            if method == "head" && item.get("get").is_there() {
                continue;
            }
            let security = match operation.value.get("security") {
                Some(own) => own.clone(),
                None => global.clone(),
            };
            operations.push(Operation {
                method: method.to_ascii_uppercase(),
                path: format!("{base}{path}"),
                id: operation.text("operationId").map(str::to_owned),
                security,
                parameters: parameters(contract, &item, &operation)?,
                body: match operation.get("requestBody") {
                    body if body.is_there() => Some(contract.resolve(body)?),
                    _ => None,
                },
                answers: answers(contract, &operation)?,
                at: operation.at,
            });
        }
    }
    Ok(operations)
}

/// The operation's own parameters, and those of its path that it does not say otherwise.
fn parameters(contract: &mut Contract, item: &Found, operation: &Found) -> Result<Vec<Found>, String> {
    let mut all: Vec<Found> = Vec::new();
    for place in [operation, item] {
        for parameter in place.get("parameters").elements() {
            let parameter = contract.resolve(parameter)?;
            let same = |known: &Found| {
                known.text("name") == parameter.text("name") && known.text("in") == parameter.text("in")
            };
            if !all.iter().any(same) {
                all.push(parameter);
            }
        }
    }
    Ok(all)
}

fn answers(contract: &mut Contract, operation: &Found) -> Result<Vec<(String, Found)>, String> {
    let answers = operation.get("responses");
    let resolved = answers.members().map(|(status, answer)| Ok((status.clone(), contract.resolve(answer)?)));
    resolved.collect()
}

/// The path of the first server, in front of all paths; and the hosts of all servers.
pub(super) fn servers(document: &Found, notes: &mut Vec<String>) -> (String, Vec<String>) {
    let (mut base, mut hosts): (Option<String>, Vec<String>) = (None, Vec::new());
    for server in document.get("servers").elements() {
        let mut url = server.text("url").unwrap_or_default().to_owned();
        for (name, variable) in server.get("variables").members() {
            url = url.replace(&format!("{{{name}}}"), variable.text("default").unwrap_or_default());
        }
        let rest = url.split_once("://").map(|(_, rest)| rest);
        let (host, path) = match rest {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", url.as_str()),
        };
        let host = host.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if !host.is_empty() && !hosts.contains(&host) {
            hosts.push(host);
        }
        let path = path.trim_end_matches('/').to_owned();
        match &base {
            None => base = Some(path),
            Some(first) if *first != path => {
                notes.push(format!("{}: only the first server's path `{first}` is put in front", server.at));
            }
            Some(_) => {}
        }
    }
    (base.unwrap_or_default(), hosts)
}
