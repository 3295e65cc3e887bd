//! What the schemas that judge one value leave open together.

use std::collections::BTreeSet;
use std::rc::Rc;

use crate::control::body::schema::bounds::Look;
use crate::control::body::schema::bounds::Together;
use crate::control::body::schema::bounds::Use;
use crate::control::body::schema::bounds::list;
use crate::control::body::schema::bounds::map;
use crate::control::body::schema::bounds::text;
use crate::document::Kind;
use crate::document::Node;

const STRING: &str = "unbounded-string";
const LIST: &str = "unbounded-list";
const OBJECT: &str = "open-object";
const ANY: &str = "any-value";

const ANY_TYPE: &str = "no `type`: a text, a list and a map of any size pass here too";
const ANY_ELEMENT: &str = "no `items`: any value passes as an element";
const LONG: &str = "no `maxLength`, nor a pattern or format that bounds it: a text passes however long it is";
const MANY: &str = "no `maxItems`: a list passes however long it is";
const OPEN: &str =
    "no `additionalProperties: false` or `unevaluatedProperties: false`: members that nobody declared pass";
const FREE: &str = "no `maxProperties`: members of any name pass, however many";

/// Whether any of these schemas says this word.
fn says(all: &[&Node], word: &str) -> bool {
    all.iter().any(|node| node.get(word).is_some())
}

/// Whether any of them says that nothing passes under this word.
fn forbids(all: &[&Node], word: &str) -> bool {
    all.iter().any(|node| node.get(word).is_some_and(|it| matches!(it.kind, Kind::Bool(false))))
}

/// Tells what is open at this value, and looks at the values within.
pub(super) fn judge<'d>(look: &mut Look<'d>, all: &[&'d Node]) {
    if says(all, "enum") || says(all, "const") {
        return;
    }
    let typed = says(all, "type");
    if !typed {
        tell(look, all, ANY, ANY_TYPE);
    }
    // Without a `type` it is clear what was meant by what is said.
    let may_be = |name: &str, words: &[&str]| match typed {
        true => all.iter().all(|node| allows(node, name)),
        false => words.iter().any(|word| says(all, word)),
    };
    if may_be("string", &["maxLength", "minLength", "pattern", "format"]) && !is_bounded_text(all) {
        tell(look, all, STRING, LONG);
    }
    if may_be("array", &["items", "prefixItems", "maxItems", "minItems"]) {
        of_list(look, all);
    }
    if may_be("object", &["properties", "patternProperties", "additionalProperties", "required"]) {
        of_object(look, all);
    }
}

/// Whether `type`, if it is written, allows this one.
fn allows(node: &Node, name: &str) -> bool {
    let is = |node: &Rc<Node>| matches!(&node.kind, Kind::Text(word) if **word == *name);
    node.get("type").is_none_or(|it| it.one_or_list().iter().any(is))
}

/// A remark where the type is written, unless the author knows.
fn tell(look: &Look<'_>, all: &[&Node], kind: &'static str, text: &str) {
    let known = |node: &&&Node| list(node, "x-accepted").any(|it| is_word(it, kind));
    if all.iter().find(known).is_some() {
        return;
    }
    let typed = all.iter().find(|node| node.get("type").is_some());
    if let Some(at) = typed.or(all.first()) {
        look.problems.remark(&at.place, kind, text);
    }
}

fn is_word(node: &Node, word: &str) -> bool {
    matches!(&node.kind, Kind::Text(it) if **it == *word)
}

fn is_bounded_text(all: &[&Node]) -> bool {
    let text = |node: &Node, word: &str| match node.get(word).map(|it| &it.kind) {
        Some(Kind::Text(text)) => Some(text.clone()),
        _ => None,
    };
    says(all, "maxLength")
        || all.iter().any(|node| {
            text(node, "format").is_some_and(|format| text::format_bounds(&format))
                || text(node, "pattern").is_some_and(|pattern| text::pattern_bounds(&pattern))
        })
}

fn of_list<'d>(look: &mut Look<'d>, all: &[&'d Node]) {
    let closed = ["items", "additionalItems", "unevaluatedItems"].iter().any(|word| forbids(all, word));
    if !closed && !says(all, "maxItems") {
        tell(look, all, LIST, MANY);
    }
    let longest = all.iter().map(|node| tuple(node).len()).max().unwrap_or_default();
    for index in 0..longest {
        let of_index = |node: &&'d Node| tuple(node).get(index).copied().or_else(|| rest(node));
        look.at(all.iter().filter_map(of_index).collect(), Vec::new());
    }
    let mut others: Together<'d> = all.iter().filter_map(|node| rest(node)).collect();
    if others.is_empty() {
        others = all.iter().filter_map(|node| node.get("unevaluatedItems")).map(|it| &**it).collect();
    }
    let room = |node: &&Node| match node.get("maxItems").map(|it| &it.kind) {
        Some(Kind::Number(most)) => most.as_u64().and_then(|most| usize::try_from(most).ok()),
        _ => None,
    };
    let full = all.iter().filter_map(room).any(|most| most <= longest);
    match others.is_empty() {
        true if !full => tell(look, all, ANY, ANY_ELEMENT),
        _ => look.at(others, Vec::new()),
    }
}

/// The schemas of the first elements, one each.
fn tuple(node: &Node) -> Vec<&Node> {
    let word = if node.get("prefixItems").is_some() { "prefixItems" } else { "items" };
    list(node, word).collect()
}

/// The schema of the elements after those.
fn rest(node: &Node) -> Option<&Node> {
    let items = node.get("items")?;
    match items.kind {
        Kind::List(_) => node.get("additionalItems").map(|it| &**it),
        _ => Some(items),
    }
}

fn of_object<'d>(look: &mut Look<'d>, all: &[&'d Node]) {
    let mut names = BTreeSet::new();
    for node in all {
        names.extend(map(node, "properties").map(|(name, _)| name));
    }
    let others = |word: &'static str| {
        let schemas = all.iter().filter_map(move |node| node.get(word));
        schemas.map(|it| &**it).filter(|it| matches!(it.kind, Kind::Map(_)))
    };
    let closed = ["additionalProperties", "unevaluatedProperties"].iter().any(|word| forbids(all, word));
    let mut free: Together<'d> = others("additionalProperties").collect();
    if free.is_empty() {
        free = others("unevaluatedProperties").collect();
    }
    let finite = |names: &Rc<Node>| names.get("enum").is_some() || names.get("const").is_some();
    let counted =
        says(all, "maxProperties") || all.iter().filter_map(|node| node.get("propertyNames")).any(finite);
    match (closed, free.is_empty()) {
        (true, _) => {}
        (false, true) if look.used == (Use::Answer { decided: true }) => {}
        (false, true) => tell(look, all, OBJECT, OPEN),
        (false, false) if counted => {}
        (false, false) => tell(look, all, OBJECT, FREE),
    }
    for name in names {
        let of_member = |node: &&'d Node| match map(node, "properties").find(|(it, _)| *it == name) {
            Some((_, schema)) => Some(schema),
            None if node.get("patternProperties").is_some() => None,
            None => node.get("additionalProperties").map(|it| &**it),
        };
        look.at(all.iter().filter_map(of_member).collect(), Vec::new());
    }
    for (_, schema) in all.iter().flat_map(|node| map(node, "patternProperties")) {
        look.at(vec![schema], Vec::new());
    }
    if !closed && !free.is_empty() {
        look.at(free, Vec::new());
    }
}
