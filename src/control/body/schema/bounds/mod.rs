//! What a schema leaves without bound: texts of any length, lists of any length, members that nobody declared, values of
//! any type. Told to the author by the command line alone; no verdict hangs on it.
//!
//! What judges one value is looked at together: a schema, what its `$ref` and `allOf` add, and of `anyOf`, `oneOf`, `if`
//! and `dependentSchemas` each branch by itself. A bound that any of them writes is a bound. `not`, `contains` and
//! `propertyNames` bound nothing here, but for the names that a map may have.
//!
//! `x-accepted: [unbounded-string]` in a schema says that its author knows.

mod judge;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashSet;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::control::body::schema::bounds::judge::judge;
use crate::control::body::schema::linked::linked;
use crate::control::body::schema::openapi;
use crate::control::body::schema::openapi::Way;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Problems;

/// How many values are looked at for one use of a schema, each branch of each choice counted.
const MAX_LOOKS: usize = 20_000;
/// How many schemas that judge one value are looked at together.
const MAX_TOGETHER: usize = 256;

/// What a schema is used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Use {
    /// A request's body, or a parameter.
    Request,
    /// An answer's body.
    Answer {
        /// Whether `undeclared` decides what becomes of members that are not declared.
        decided: bool,
    },
}

/// The policy's named schemas, as they are looked at.
pub struct Written {
    requests: Rc<Node>,
    answers: Rc<Node>,
}

impl Written {
    /// Of the policy's `schemas`, which must be without fault.
    pub fn of(schemas: &Node) -> Self {
        let spoken = |way| {
            let entries = schemas.map(&Problems::default()).unwrap_or_default().iter();
            let entry = |(name, schema): &(Rc<str>, Rc<Node>)| {
                let translated = match openapi::speaks(schema) {
                    true => openapi::translated(schema, way, &Problems::default()),
                    false => schema.clone(),
                };
                (name.clone(), translated)
            };
            Rc::new(Node { place: schemas.place.clone(), kind: Kind::Map(entries.map(entry).collect()) })
        };
        Self { requests: spoken(Way::In), answers: spoken(Way::Out) }
    }

    /// Remarks on all that the schema which `node` names, or is, leaves without bound.
    pub fn remark(&self, node: &Rc<Node>, used: Use, problems: &Problems) {
        let all = if used == Use::Request { &self.requests } else { &self.answers };
        let document = match &node.kind {
            Kind::Text(name) => all.get(name).and_then(|schema| linked(schema, all, &Problems::default())),
            _ => Some(node.clone()),
        };
        let Some(document) = document else { return };
        let mut look = Look { document: &document, used, problems, open: VecDeque::new() };
        look.at(vec![&document], Vec::new());
        look.go();
    }
}

/// A schema while it is looked at.
struct Look<'d> {
    document: &'d Node,
    used: Use,
    problems: &'d Problems,
    /// What is left to look at, with the choices that are made already.
    open: VecDeque<(Together<'d>, Taken)>,
}

/// Schemas that all judge one value.
type Together<'d> = Vec<&'d Node>;
/// Choices by their place in the document.
type Taken = Vec<*const Node>;

impl<'d> Look<'d> {
    /// The value that all of `given` judge is looked at later.
    fn at(&mut self, given: Together<'d>, taken: Taken) {
        self.open.push_back((given, taken));
    }

    fn go(&mut self) {
        let mut seen: HashSet<Vec<*const Node>> = HashSet::new();
        while let Some((given, taken)) = self.open.pop_front() {
            let Some(all) = self.closed(given) else { continue };
            let mut key: Vec<*const Node> = all.iter().map(|node| std::ptr::from_ref(*node)).collect();
            key.extend(&taken);
            key.sort_unstable();
            if !seen.insert(key) {
                continue;
            }
            if seen.len() > MAX_LOOKS {
                let why = "too many ways lead through this schema to look at them all: there may be more";
                return self.problems.remark(&self.document.place, "any-value", why);
            }
            let Some((made, branches)) = all.iter().find_map(|node| choice(node, &taken)) else {
                judge(self, &all);
                continue;
            };
            for branch in branches {
                let taken = taken.iter().copied().chain([made]).collect();
                self.at(all.iter().copied().chain(branch).collect(), taken);
            }
        }
    }

    /// These schemas with all that `$ref` and `allOf` add, each once; `None` where no value passes.
    fn closed(&self, given: Together<'d>) -> Option<Together<'d>> {
        let mut all: Together<'d> = Vec::with_capacity(given.len());
        let mut open: Together<'d> = given.into_iter().rev().collect();
        while let Some(node) = open.pop() {
            if matches!(node.kind, Kind::Bool(false)) {
                return None;
            }
            if all.len() == MAX_TOGETHER || all.iter().any(|known| std::ptr::eq(*known, node)) {
                continue;
            }
            let target = ["$ref", "$dynamicRef", "$recursiveRef"].iter().filter_map(|word| node.get(word));
            let target: Together<'d> = target.filter_map(|to| self.target(to)).collect();
            // Up to draft 7 what stands beside a `$ref` says nothing.
            if !self.ref_stands_alone() || target.is_empty() {
                all.push(node);
                open.extend(list(node, "allOf").rev());
            }
            open.extend(target.into_iter().rev());
        }
        Some(all)
    }

    fn ref_stands_alone(&self) -> bool {
        let says = |kind: &Kind| match kind {
            Kind::Text(draft) => ["draft-04", "draft-06", "draft-07"].iter().any(|it| draft.contains(it)),
            _ => false,
        };
        self.document.get("$schema").is_some_and(|draft| says(&draft.kind))
    }

    fn target(&self, to: &Node) -> Option<&'d Node> {
        let Kind::Text(to) = &to.kind else { return None };
        let to = percent_encoding::percent_decode_str(to.strip_prefix('#')?).decode_utf8().ok()?;
        if to.is_empty() || to.starts_with('/') {
            return to.split('/').skip(1).try_fold(self.document, |node, step| {
                let step = step.replace("~1", "/").replace("~0", "~");
                match &node.kind {
                    Kind::List(items) => items.get(step.parse::<usize>().ok()?).map(|item| &**item),
                    _ => node.get(&step).map(|child| &**child),
                }
            });
        }
        anchored(self.document, &to)
    }
}

/// The schema that is called so by an anchor.
fn anchored<'d>(node: &'d Node, name: &str) -> Option<&'d Node> {
    let is_it = |word| node.get(word).is_some_and(|it| matches!(&it.kind, Kind::Text(it) if **it == *name));
    if is_it("$anchor") || is_it("$dynamicAnchor") {
        return Some(node);
    }
    match &node.kind {
        Kind::List(items) => items.iter().find_map(|item| anchored(item, name)),
        Kind::Map(entries) => entries.iter().find_map(|(_, child)| anchored(child, name)),
        _ => None,
    }
}

/// The elements of the list under `word`.
fn list<'d>(node: &'d Node, word: &str) -> impl DoubleEndedIterator<Item = &'d Node> {
    let items = match node.get(word).map(|it| &it.kind) {
        Some(Kind::List(items)) => items.as_slice(),
        _ => &[],
    };
    items.iter().map(|item| &**item)
}

/// The entries of the map under `word`.
fn map<'d>(node: &'d Node, word: &str) -> impl Iterator<Item = (&'d str, &'d Node)> {
    let entries = match node.get(word).map(|it| &it.kind) {
        Some(Kind::Map(entries)) => entries.as_slice(),
        _ => &[],
    };
    entries.iter().map(|(key, child)| (&**key, &**child))
}

/// A choice in a schema that was not made yet: what it is known by, and what each of its branches adds.
fn choice<'d>(node: &'d Node, taken: &[*const Node]) -> Option<(*const Node, Vec<Together<'d>>)> {
    let fresh = |at: &Rc<Node>| !taken.contains(&Rc::as_ptr(at));
    for word in ["anyOf", "oneOf"] {
        if let Some(at) = node.get(word).filter(|at| fresh(at)) {
            let branches: Vec<Together<'d>> = list(node, word).map(|branch| vec![branch]).collect();
            if branches.iter().flatten().any(|branch| says_something(branch)) {
                return Some((Rc::as_ptr(at), branches));
            }
        }
    }
    if let Some(at) = node.get("if").filter(|at| fresh(at)) {
        let branch = |word| node.get(word).map(|it| &**it);
        let fits = [Some(&**at), branch("then")].into_iter().flatten().collect();
        return Some((Rc::as_ptr(at), vec![fits, branch("else").into_iter().collect()]));
    }
    for word in ["dependentSchemas", "dependencies"] {
        if let Some(at) = node.get(word).filter(|at| fresh(at)) {
            let schemas = map(node, word).filter(|(_, it)| !matches!(it.kind, Kind::List(_)));
            let mut branches: Vec<Together<'d>> = vec![Vec::new()];
            branches.extend(schemas.map(|(_, schema)| vec![schema]));
            return Some((Rc::as_ptr(at), branches));
        }
    }
    None
}

/// Whether a branch could bound anything: one that only asks which members are there does not.
fn says_something(branch: &Node) -> bool {
    const SILENT: [&str; 6] = ["required", "not", "title", "description", "$comment", "minProperties"];
    match &branch.kind {
        Kind::Map(entries) => entries.iter().any(|(word, _)| !SILENT.contains(&&**word)),
        _ => true,
    }
}
