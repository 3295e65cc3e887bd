//! `portcullis import`: a policy from an OpenAPI document.
//!
//! What the contract says becomes routes, parameters, schemas and scopes. It never invents a permission: whom the
//! contract does not name, and whose an object is, stands there as a line that a person must answer, and
//! `portcullis check` refuses the policy until then.

mod contract;
mod flow;
mod limits;
mod names;
mod operations;
mod route;
mod schema;
mod security;
#[cfg(test)]
mod tests;
mod write;

use std::io;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use crate::cli::exit::Exit;
use crate::cli::import::contract::Contract;
use crate::cli::import::contract::Found;
use crate::cli::import::route::Desk;
use crate::cli::import::route::Route;
use crate::cli::import::schema::Schemas;
use crate::cli::import::security::Schemes;
use crate::cli::import::write::Draft;
use crate::cli::import::write::Written;
use crate::cli::output;

/// Write a policy from an OpenAPI document (3.0 or 3.1, YAML or JSON).
///
/// Whatever the contract does not say is marked `# decide:`. Exits with 3 while such lines are left.
#[derive(Args)]
pub(crate) struct Import {
    /// The OpenAPI document; what it refers to in other files is read too.
    contract: PathBuf,
    /// The policy's name; the contract's title where this is not given.
    #[arg(long)]
    name: Option<String>,
    /// Write to this file instead of standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

impl Import {
    pub(crate) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        let mut notes = Vec::new();
        let (written, routes) = match import(&self.contract, self.name.as_deref(), &mut notes) {
            Ok(written) => written,
            Err(why) => {
                writeln!(err, "{}: {why}", self.contract.display())?;
                return Ok(Exit::Broken);
            }
        };
        if let Err(why) = output::write(self.output.as_deref(), &written.text, out) {
            writeln!(err, "{why}")?;
            return Ok(Exit::Broken);
        }
        for note in notes {
            writeln!(err, "{note}")?;
        }
        let Written { groups, decisions, .. } = written;
        writeln!(err, "{routes} routes in {groups} groups; {decisions} lines to decide")?;
        Ok(if decisions == 0 { Exit::Fine } else { Exit::Findings })
    }
}

/// The policy's text, and how many routes it has.
fn import(path: &Path, name: Option<&str>, notes: &mut Vec<String>) -> Result<(Written, usize), String> {
    let mut contract = Contract::default();
    let document = contract.open(path)?;
    let version = document.text("openapi").unwrap_or_default();
    if !(version.starts_with("3.0") || version.starts_with("3.1")) {
        return Err("it is no OpenAPI document of 3.0 or 3.1: `openapi` does not say so".into());
    }
    contract.legacy = version.starts_with("3.0");
    let info = document.get("info");
    let title = info.text("title").unwrap_or("an OpenAPI document");
    let (base, hosts) = operations::servers(&document, notes);
    let schemes = Schemes::read(&mut contract, &document)?;
    let operations = operations::read(&mut contract, &document, &base, notes)?;
    let (mut schemas, mut names) = (Schemas::default(), Vec::new());
    let mut routes = Vec::new();
    for operation in &operations {
        if let Some(why) = unroutable(&operation.path) {
            notes.push(format!("{}: no route: {why}", operation.at));
            continue;
        }
        let demand = schemes.demand(&operation.security);
        let mut desk = Desk { contract: &mut contract, schemas: &mut schemas, names: &mut names, notes };
        routes.push(Route::of(operation, demand, &mut desk)?);
    }
    let count = routes.len();
    let draft = Draft {
        source: format!("{title} {}", edition(&info)).trim_end().to_owned(),
        name: names::slug(name.unwrap_or(title)),
        hosts,
        tokens: schemes.tokens().map(|(name, url)| (name.to_owned(), url.map(str::to_owned))).collect(),
        schemas: schemas.named,
        routes,
    };
    Ok((draft.write(&mut names), count))
}

/// The contract's own version; many write it without quotes.
fn edition(info: &Found) -> String {
    match info.get("version").value {
        Value::String(version) => version,
        Value::Number(version) => version.to_string(),
        _ => String::new(),
    }
}

/// A parameter that is only a part of a segment has no place in a route.
fn unroutable(path: &str) -> Option<&'static str> {
    let whole = |segment: &str| {
        !segment.contains(['{', '}'])
            || segment
                .strip_prefix('{')
                .and_then(|it| it.strip_suffix('}'))
                .is_some_and(|it| !it.contains(['{', '}']))
    };
    (!path.split('/').all(whole)).then_some("a parameter must be a whole segment of the path")
}
