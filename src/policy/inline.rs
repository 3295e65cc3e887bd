//! The schemas that a policy has in place: those of parameters.

use std::rc::Rc;

use crate::document::Kind;
use crate::document::Node;

/// The schemas of the parameters of routes, of groups and of `defaults`. What is wrong with a policy is not told here.
pub(super) fn schemas(policy: &Node) -> Vec<&Node> {
    let items = list(policy.get("routes"));
    let routes = items.iter().chain(items.iter().flat_map(|item| list(item.get("routes"))));
    routes.chain(policy.get("defaults")).flat_map(params).collect()
}

fn list(node: Option<&Rc<Node>>) -> &[Rc<Node>] {
    match node.map(|it| &it.kind) {
        Some(Kind::List(items)) => items,
        _ => &[],
    }
}

fn params(block: &Rc<Node>) -> impl Iterator<Item = &Node> {
    let params = block.get("request").and_then(|request| request.get("params"));
    let entries = match params.map(|it| &it.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(_, schema)| &**schema).filter(|schema| matches!(schema.kind, Kind::Map(_)))
}
