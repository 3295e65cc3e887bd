//! Which schemas a policy uses for what, so that what they leave without bound is told.

use std::rc::Rc;

use crate::control::body::schema::bounds::Use;
use crate::control::body::schema::bounds::Written;
use crate::document::Kind;
use crate::document::Node;
use crate::document::over;
use crate::fault::Problems;

/// Remarks on what the schemas of a policy leave without bound where a route uses them. The policy must be one
/// that compiled.
pub fn remark_unbounded(policy: &Node, problems: &Problems) {
    let nothing = || Node { place: policy.place.clone(), kind: Kind::Map(Vec::new()) };
    let schemas = policy.get("schemas").map_or_else(nothing, |it| (**it).clone());
    let written = Written::of(&schemas);
    let defaults = policy.get("defaults");
    for entry in list(policy.get("routes")) {
        let Some(members) = entry.get("routes") else {
            of_route(&[Some(entry), defaults], &written, problems);
            continue;
        };
        for member in list(Some(members)) {
            of_route(&[Some(member), Some(entry), defaults], &written, problems);
        }
    }
}

/// Of a route: itself and what hands down to it, the nearest first.
fn of_route(levels: &[Option<&Rc<Node>>], written: &Written, problems: &Problems) {
    let block = |name: &str| {
        let blocks = levels.iter().flatten().filter_map(|level| level.get(name).cloned());
        blocks.reduce(|above, below| over(&above, &below))
    };
    if let Some(request) = block("request") {
        let params = map(request.get("params"));
        for schema in request.get("schema").into_iter().chain(params) {
            written.remark(schema, Use::Request, problems);
        }
    }
    if let Some(response) = block("response") {
        let used = Use::Answer { decided: response.get("undeclared").is_some() };
        for schema in response.get("schema").into_iter().chain(map(response.get("statuses"))) {
            written.remark(schema, used, problems);
        }
    }
}

fn list(node: Option<&Rc<Node>>) -> impl Iterator<Item = &Rc<Node>> {
    let items = match node.map(|node| &node.kind) {
        Some(Kind::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter()
}

fn map(node: Option<&Rc<Node>>) -> impl Iterator<Item = &Rc<Node>> {
    let entries = match node.map(|node| &node.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(_, child)| child)
}
