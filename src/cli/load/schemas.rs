//! `schemas: { login: { file: schemas/login.json } }`: the file's content in the place of the reference, since the
//! filter has no files.

use std::path::Path;
use std::rc::Rc;

use crate::cli::load::Loader;
use crate::cli::load::beside;
use crate::cli::load::with_entries;
use crate::cli::yaml::Spot;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;

/// The policy with every schema file written out. The file's values stand at `schemas.NAME`, as they will in the
/// filter, with the lines of that file.
pub(super) fn inline(policy: &Rc<Node>, loader: &mut Loader<'_>) -> Rc<Node> {
    let (Kind::Map(fields), Some(schemas)) = (&policy.kind, policy.get("schemas")) else {
        return policy.clone();
    };
    let Kind::Map(entries) = &schemas.kind else { return policy.clone() };
    let mut inlined = Vec::new();
    for (name, schema) in entries {
        let content = match schema.get("file") {
            Some(file) => content(schemas, name, schema, file, loader),
            None => Some(schema.clone()),
        };
        inlined.push((name.clone(), content.unwrap_or_else(|| schema.clone())));
    }
    let inlined = with_entries(schemas, inlined);
    let replaced = fields.iter().map(|(key, node)| {
        let node = if &**key == "schemas" { &inlined } else { node };
        (key.clone(), node.clone())
    });
    with_entries(policy, replaced.collect())
}

fn content(
    schemas: &Node,
    name: &Rc<str>,
    schema: &Node,
    file: &Node,
    loader: &mut Loader<'_>,
) -> Option<Rc<Node>> {
    if let Kind::Map(fields) = &schema.kind
        && fields.len() > 1
    {
        let why = "`file` stands alone; the file's content is the whole schema";
        loader.problems.note(&schema.place, Fault::conflict(why));
    }
    let Some(path) = file.text(loader.problems) else {
        loader.whole = false;
        return None;
    };
    let path = beside(&file.place, Path::new(&**path)).into_owned();
    // Two maps stand around a schema: the policy and `schemas`.
    let spot = Spot::Field { parent: schemas.place.clone(), name: name.clone(), depth: 2 };
    loader.read(&path, spot, &file.place)
}
