//! The dialect of OpenAPI 3.0, made draft 2020-12: a schema says that it speaks it by
//! `$schema: https://spec.openapis.org/oas/3.0/...`.
//!
//! `nullable` beside a `type` lets null in; `exclusiveMinimum: true` makes the `minimum` one; `int32` and `int64` are
//! ranges; what is `readOnly` may not stand in a request and what is `writeOnly` not in an answer, and neither is
//! required there. Words that judge nothing go. `discriminator` says nothing beside `oneOf` or `anyOf`, which judge all
//! the same, and is refused elsewhere. So are words that 3.0 does not have: they would judge nothing there.

use std::rc::Rc;

use serde_json::Number;

use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;

/// Which way a body goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Way {
    /// A request's.
    In,
    /// An answer's.
    Out,
}

type Entries = Vec<(Rc<str>, Rc<Node>)>;

/// Words that are the same in both.
const SAME: [&str; 16] = [
    "type",
    "enum",
    "required",
    "pattern",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "title",
    "description",
    "$ref",
    "deprecated",
];
/// Words that judge nothing. `readOnly`, `writeOnly` and `discriminator` are looked at where they stand.
const SILENT: [&str; 9] = [
    "$schema",
    "default",
    "example",
    "externalDocs",
    "xml",
    "nullable",
    "readOnly",
    "writeOnly",
    "discriminator",
];
/// Formats of OpenAPI that say nothing about which texts and numbers fit.
const SILENT_FORMATS: [&str; 5] = ["float", "double", "byte", "binary", "password"];

/// Whether a schema says that it speaks this dialect.
pub(crate) fn speaks(node: &Node) -> bool {
    let schema = node.get("$schema");
    schema.is_some_and(
        |it| matches!(&it.kind, Kind::Text(to) if to.starts_with("https://spec.openapis.org/oas/3.0")),
    )
}

/// The same schema in draft 2020-12.
pub(crate) fn translated(node: &Rc<Node>, way: Way, problems: &Problems) -> Rc<Node> {
    let Kind::Map(entries) = &node.kind else { return node.clone() };
    let at = |kind: Kind| Rc::new(Node { place: node.place.clone(), kind });
    let mut out: Entries = Vec::new();
    let (mut low, mut high) = (node.get("minimum").cloned(), node.get("maximum").cloned());
    for (key, child) in entries {
        let mut keep = |child: Rc<Node>| out.push((key.clone(), child));
        match &**key {
            "type" if matches!(child.kind, Kind::List(_)) => {
                let why = "OpenAPI 3.0 has one type: write `nullable: true` beside it, or `anyOf`";
                problems.note(&child.place, Fault::conflict(why));
            }
            "type" if says(node, "nullable") => {
                keep(at(Kind::List(vec![child.clone(), at(Kind::Text("null".into()))])));
            }
            "required" => keep(required(node, child, way)),
            // The author's word to `check`: see `bounds`.
            "x-accepted" => keep(child.clone()),
            word if SAME.contains(&word) => keep(child.clone()),
            "discriminator" if node.get("oneOf").is_none() && node.get("anyOf").is_none() => {
                let why = "`discriminator` judges nothing: write `oneOf` or `anyOf` beside it, which do";
                problems.note(&child.place, Fault::conflict(why));
            }
            word if SILENT.contains(&word) || word.starts_with("x-") => {}
            "minimum" | "maximum" => {}
            "exclusiveMinimum" => exclusive(child, &mut low, "exclusiveMinimum", &mut out, problems),
            "exclusiveMaximum" => exclusive(child, &mut high, "exclusiveMaximum", &mut out, problems),
            "format" => match &child.kind {
                Kind::Text(word) if **word == *"int32" => {
                    out.push(("allOf".into(), range(child, i32::MIN.into(), i32::MAX.into())));
                }
                Kind::Text(word) if **word == *"int64" => {
                    out.push(("allOf".into(), range(child, i64::MIN, i64::MAX)));
                }
                Kind::Text(word) if SILENT_FORMATS.contains(&&**word) => {}
                _ => keep(child.clone()),
            },
            "items" | "not" | "additionalProperties" => keep(translated(child, way, problems)),
            "allOf" | "anyOf" | "oneOf" => {
                let items = child.list(problems).unwrap_or_default();
                let items = items.iter().map(|item| translated(item, way, problems)).collect();
                let list = Kind::List(items);
                keep(Rc::new(Node { place: child.place.clone(), kind: list }));
            }
            "properties" | "definitions" | "$defs" => {
                let hides = &**key == "properties";
                let inner = child.map(problems).unwrap_or_default().iter().map(|(name, child)| {
                    let kept = match hides && hidden(child, way) {
                        true => Rc::new(Node { place: child.place.clone(), kind: Kind::Bool(false) }),
                        false => translated(child, way, problems),
                    };
                    (name.clone(), kept)
                });
                keep(Rc::new(Node { place: child.place.clone(), kind: Kind::Map(inner.collect()) }));
            }
            word => {
                let why = format!("`{}` is no word of OpenAPI 3.0's schemas", cut(word));
                problems.note(&child.place, Fault::conflict(why));
            }
        }
    }
    out.extend(low.map(|low| ("minimum".into(), low)));
    out.extend(high.map(|high| ("maximum".into(), high)));
    // A format's range beside an `allOf` of the author's: both judge.
    let (all, mut rest): (Entries, Entries) = out.into_iter().partition(|(key, _)| **key == *"allOf");
    let all: Vec<Rc<Node>> = all.iter().flat_map(|(_, list)| list.one_or_list().to_vec()).collect();
    if !all.is_empty() {
        rest.push(("allOf".into(), at(Kind::List(all))));
    }
    at(Kind::Map(rest))
}

fn says(node: &Node, word: &str) -> bool {
    node.get(word).is_some_and(|it| matches!(it.kind, Kind::Bool(true)))
}

/// Whether a property may not stand in a body that goes this way.
fn hidden(property: &Node, way: Way) -> bool {
    says(property, if way == Way::In { "readOnly" } else { "writeOnly" })
}

/// The required names but for those of properties that may not stand there.
fn required(node: &Node, names: &Rc<Node>, way: Way) -> Rc<Node> {
    let Kind::List(items) = &names.kind else { return names.clone() };
    let properties = node.get("properties");
    let stays = |item: &&Rc<Node>| match &item.kind {
        Kind::Text(name) => {
            properties.and_then(|it| it.get(name)).is_none_or(|property| !hidden(property, way))
        }
        _ => true,
    };
    let kept = items.iter().filter(stays).cloned().collect();
    Rc::new(Node { place: names.place.clone(), kind: Kind::List(kept) })
}

/// `exclusiveMinimum: true` makes the bound beside it one; a number there is of later drafts.
fn exclusive(
    child: &Rc<Node>,
    bound: &mut Option<Rc<Node>>,
    word: &str,
    out: &mut Entries,
    problems: &Problems,
) {
    if child.boolean(problems) == Some(true) {
        out.extend(bound.take().map(|bound| (word.into(), bound)));
    }
}

/// `[{ minimum, maximum }]`
fn range(at: &Node, low: i64, high: i64) -> Rc<Node> {
    let node = |kind: Kind| Rc::new(Node { place: at.place.clone(), kind });
    let number = |it: i64| node(Kind::Number(Number::from(it)));
    let bounds = vec![("minimum".into(), number(low)), ("maximum".into(), number(high))];
    node(Kind::List(vec![node(Kind::Map(bounds))]))
}
