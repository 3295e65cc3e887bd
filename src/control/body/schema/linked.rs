//! References from one of the policy's schemas to another: `$ref: "schemas:order"`, or `"schemas:order#/$defs/line"`.
//!
//! What a schema refers to is put into it, with what that refers to in turn, so that all after this sees one schema
//! whose references stay within it. Circles are fine.

use std::rc::Rc;

use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;

/// Where the others are put: no word of JSON Schema.
const OTHERS: &str = "$schemas";
/// Words whose values are no schemas.
const DATA: [&str; 5] = ["const", "enum", "default", "example", "examples"];
/// Words whose values are maps of schemas by names of the author's: such a name is no word.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];

/// What a part of a schema is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Part {
    /// A schema, or a list of them.
    Schema,
    /// Schemas by names.
    Named,
    /// A value, whatever it looks like.
    Data,
}

impl Part {
    /// What stands under this key of it.
    pub(super) fn under(self, key: &str) -> Self {
        match self {
            Self::Data => Self::Data,
            Self::Named => Self::Schema,
            Self::Schema if DATA.contains(&key) => Self::Data,
            Self::Schema if NAMED.contains(&key) => Self::Named,
            Self::Schema => Self::Schema,
        }
    }
}

/// `node` with the schemas in it that it refers to; `all` are the policy's.
pub(crate) fn linked(node: &Rc<Node>, all: &Node, problems: &Problems) -> Option<Rc<Node>> {
    if !refers(node) {
        return Some(node.clone());
    }
    let mut link = Link { all, names: Vec::new(), fine: true, problems };
    let root = link.rewritten(node, Part::Schema, "");
    if link.names.is_empty() {
        return link.fine.then(|| node.clone());
    }
    let mut others: Vec<(Rc<str>, Rc<Node>)> = Vec::new();
    while let Some((name, target)) = link.names.get(others.len()).cloned() {
        link.keep_draft(node, &target);
        let base = format!("#/{OTHERS}/{name}");
        others.push((name.clone(), link.rewritten(&target, Part::Schema, &base)));
    }
    let Kind::Map(mut entries) = root.kind.clone() else { return None };
    let others = Node { place: node.place.clone(), kind: Kind::Map(others) };
    entries.push((OTHERS.into(), Rc::new(others)));
    let whole = Node { place: node.place.clone(), kind: Kind::Map(entries) };
    link.fine.then(|| Rc::new(whole))
}

struct Link<'a> {
    all: &'a Node,
    /// Those that were referred to so far.
    names: Vec<(Rc<str>, Rc<Node>)>,
    fine: bool,
    problems: &'a Problems,
}

impl Link<'_> {
    /// The same schema with its references as they are in the whole; `base` is where it stands there.
    fn rewritten(&mut self, node: &Rc<Node>, part: Part, base: &str) -> Rc<Node> {
        let kind = match &node.kind {
            _ if part == Part::Data => return node.clone(),
            Kind::List(items) => {
                Kind::List(items.iter().map(|item| self.rewritten(item, part, base)).collect())
            }
            Kind::Map(entries) => {
                let entry = |(key, child): &(Rc<str>, Rc<Node>)| {
                    let child = match (&**key, &child.kind) {
                        ("$ref", Kind::Text(to)) if part == Part::Schema => self.reference(child, to, base),
                        (name, Kind::Text(_))
                            if part == Part::Schema && !base.is_empty() && is_naming(name) =>
                        {
                            let why = "a schema that others refer to by `schemas:` has no other names in it";
                            self.fault(child, Fault::conflict(why));
                            child.clone()
                        }
                        _ => self.rewritten(child, part.under(key), base),
                    };
                    (key.clone(), child)
                };
                Kind::Map(entries.iter().map(entry).collect())
            }
            _ => return node.clone(),
        };
        Rc::new(Node { place: node.place.clone(), kind })
    }

    fn reference(&mut self, node: &Rc<Node>, to: &str, base: &str) -> Rc<Node> {
        let text = match to.strip_prefix("schemas:") {
            None if base.is_empty() || !(to == "#" || to.starts_with("#/")) => return node.clone(),
            None => format!("{base}{}", to.strip_prefix('#').unwrap_or_default()),
            Some(other) => {
                let (name, place) = other.split_once('#').unwrap_or((other, ""));
                if !place.is_empty() && !place.starts_with('/') {
                    let found = cut(to);
                    let expected = "write schemas:NAME, or schemas:NAME#/a/pointer";
                    self.fault(node, Fault::Malformed { what: "reference", found, expected });
                }
                match (self.all.get(name), &self.all.kind) {
                    (Some(target), _) => {
                        if !self.names.iter().any(|(known, _)| **known == *name) {
                            self.names.push((name.into(), target.clone()));
                        }
                    }
                    (None, Kind::Map(entries)) => {
                        let known = entries.iter().map(|(key, _)| &**key);
                        self.fault(node, Fault::dangling("schema", name, known));
                    }
                    _ => self.fine = false,
                }
                format!("#/{OTHERS}/{name}{place}")
            }
        };
        Rc::new(Node { place: node.place.clone(), kind: Kind::Text(text.into()) })
    }

    /// Two schemas that are one from now on speak one draft.
    fn keep_draft(&mut self, root: &Node, target: &Rc<Node>) {
        let draft = |node: &Node| node.get("$schema").map(|it| it.to_json());
        if draft(root) != draft(target) {
            let why = "a schema and those that it refers to by `schemas:` have the same `$schema`";
            self.fault(target, Fault::conflict(why));
        }
    }

    fn fault(&mut self, at: &Node, fault: Fault) {
        self.fine = false;
        self.problems.note(&at.place, fault);
    }
}

/// Whether anything in it refers to another, of whatever name.
fn refers(node: &Node) -> bool {
    match &node.kind {
        Kind::List(items) => items.iter().any(|item| refers(item)),
        Kind::Map(entries) => entries.iter().any(|(key, child)| match &child.kind {
            Kind::Text(to) => &**key == "$ref" && to.starts_with("schemas:"),
            _ => refers(child),
        }),
        _ => false,
    }
}

/// Words by which a part of a schema gets a name that moves what references mean.
fn is_naming(key: &str) -> bool {
    matches!(key, "$id" | "id" | "$anchor" | "$dynamicAnchor" | "$dynamicRef" | "$recursiveRef")
}
