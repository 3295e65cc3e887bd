//! `include: [teams/*.yaml]`: other files' routes, schemas and limits, put behind the policy's own.

use std::collections::BTreeSet;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;

use glob::MatchOptions;
use glob::Pattern;

use crate::cli::load::Loader;
use crate::cli::load::beside;
use crate::cli::load::with_entries;
use crate::cli::yaml::Spot;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;

/// The policy without `include`, and with what the included files hold: patterns in the order written, each one's
/// files by name, no file twice.
pub(super) fn resolve(main: &Rc<Node>, loader: &mut Loader<'_>) -> Rc<Node> {
    let (Kind::Map(entries), Some(include)) = (&main.kind, main.get("include")) else {
        return main.clone();
    };
    let mut whole: Vec<_> = entries.iter().filter(|(key, _)| &**key != "include").cloned().collect();
    let mut seen = BTreeSet::new();
    for pattern in include.list(loader.problems).unwrap_or_default() {
        let paths = matches(pattern, loader.problems);
        loader.whole &= !paths.is_empty();
        for path in paths {
            if seen.insert(path.clone())
                && let Some(part) = loader.read(&path, Spot::Root, &pattern.place)
            {
                add(&mut whole, &part, loader.problems);
            }
        }
    }
    with_entries(main, whole)
}

/// The files that fit a pattern, sorted. None is a problem: a folder that moved would silently drop its routes.
fn matches(pattern: &Node, problems: &Problems) -> Vec<PathBuf> {
    let Some(text) = pattern.text(problems) else { return Vec::new() };
    let folder = beside(&pattern.place, Path::new(""));
    let full = match folder.to_str() {
        Some(folder) if !Path::new(&**text).is_absolute() => format!("{}{text}", Pattern::escape(folder)),
        _ => text.to_string(),
    };
    // A leading dot is an editor's or a tool's own file.
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::new() };
    let found: Result<Vec<_>, _> = match glob::glob_with(&full, options) {
        Ok(paths) => paths.collect(),
        Err(error) => {
            let why = format!("`{text}` is no file pattern: {}", error.msg);
            problems.note(&pattern.place, Fault::conflict(why));
            return Vec::new();
        }
    };
    let fault = match found {
        Ok(paths) if !paths.is_empty() => return paths,
        Ok(_) => Fault::conflict(format!("no file fits `{text}`; the path is relative to this file")),
        Err(error) => Fault::Unreadable(error.to_string().into()),
    };
    problems.note(&pattern.place, fault);
    Vec::new()
}

fn add(whole: &mut Vec<(Rc<str>, Rc<Node>)>, part: &Rc<Node>, problems: &Problems) {
    for (key, node) in part.map(problems).unwrap_or_default() {
        match &**key {
            "routes" if node.list(problems).is_some() => join(whole, key, node),
            "schemas" | "limits" if node.map(problems).is_some() => {
                note_duplicates(whole, key, node, problems);
                join(whole, key, node);
            }
            "routes" | "schemas" | "limits" => {}
            "include" => problems.note(&node.place, Fault::conflict("an included file includes no others")),
            _ => {
                let why = format!(
                    "`{key}` stands in the policy itself; an included file holds `routes`, `schemas` and `limits`"
                );
                problems.note(&node.place, Fault::conflict(why));
            }
        }
    }
}

/// Puts the list's or map's entries behind those of the same field.
fn join(whole: &mut Vec<(Rc<str>, Rc<Node>)>, key: &Rc<str>, more: &Rc<Node>) {
    let Some((_, known)) = whole.iter_mut().find(|(name, _)| name == key) else {
        return whole.push((key.clone(), more.clone()));
    };
    let kind = match (&known.kind, &more.kind) {
        (Kind::List(known), Kind::List(more)) => Kind::List([&**known, more].concat()),
        (Kind::Map(known), Kind::Map(more)) => Kind::Map([&**known, more].concat()),
        // The policy's own field has the wrong type: whoever reads it next says so.
        _ => return,
    };
    *known = Rc::new(Node { place: known.place.clone(), kind });
}

fn note_duplicates(whole: &[(Rc<str>, Rc<Node>)], key: &Rc<str>, more: &Node, problems: &Problems) {
    let known = whole.iter().find(|(name, _)| name == key).map(|(_, node)| node);
    let what = if &**key == "schemas" { "schema" } else { "limit" };
    for (name, node) in more.map(problems).unwrap_or_default() {
        if let Some(first) = known.and_then(|known| known.get(name)) {
            let first = Some(first.place.clone());
            problems.note(&node.place, Fault::Duplicate { what, name: (&**name).into(), first });
        }
    }
}
