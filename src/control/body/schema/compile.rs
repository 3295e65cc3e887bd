//! From a schema as the policy writes it to one that can be asked; every fault with its place.

use std::rc::Rc;

use jsonschema::EmailOptions;
use jsonschema::PatternOptions;
use jsonschema::ReferencingError;
use jsonschema::ValidationError;
use jsonschema::ValidationOptions;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

use crate::control::body::schema::Declared;
use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::linked::Part;
use crate::control::body::schema::unfold::Unfolded;
use crate::control::body::schema::unfold::unfolded;
use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::fault::nearest;

/// The formats that are asserted. `uuid` and `duration` are words of 2019-09 and later.
pub const FORMATS: [&str; 17] = [
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// The largest compiled pattern, in bytes. Matching takes time by text times pattern, so this bounds the second; far
/// above it the engine's own tables overflow and it panics.
const MAX_PATTERN: usize = 1 << 18;

impl Schema {
    /// Compiles the schema at `node`, or finds it in the store.
    pub fn compile(node: &Node, store: &mut SchemaStore, problems: &Problems) -> Option<Self> {
        node.map(problems)?;
        let text = node.canonical();
        if let Some(known) = store.find(&text) {
            return Some(known);
        }
        let before = problems.count();
        note_references_out(node, Part::Schema, problems);
        if problems.count() > before {
            return None;
        }
        let document = node.to_json();
        if unfolded(&document) == Unfolded::Unbounded {
            let why = "with its references followed, this has more than 10,000 schemas that judge one value: that takes \
                       time without bound";
            problems.note(&node.place, Fault::conflict(why));
            return None;
        }
        match options().build(&document) {
            Ok(validator) => Some(store.keep(&document, text, validator)),
            Err(error) => {
                let at = at_pointer(node, error.instance_path().as_str());
                problems.note(&at.place, fault(at, &error));
                None
            }
        }
    }

    /// Compiles schemas together, which takes much less time than one by one, or finds them in the store. One that is
    /// not among the answers is for [`Schema::compile`], which says what is wrong.
    pub fn prepare(nodes: &[&Node], store: &mut SchemaStore) -> Vec<Option<Self>> {
        let texts: Vec<Vec<u8>> = nodes.iter().map(|node| node.canonical()).collect();
        let mut ready: Vec<Option<Self>> = texts.iter().map(|text| store.find(text)).collect();
        let unknown = nodes.iter().zip(&texts).zip(&ready).filter(|(_, known)| known.is_none());
        let mut new: Vec<(&Vec<u8>, Value)> =
            unknown.filter_map(|((node, text), _)| Some((text, faultless(node)?))).collect();
        new.sort_by_key(|(text, _)| *text);
        new.dedup_by(|(one, _), (other, _)| one == other);
        // One alone takes longer this way.
        if new.len() > 1 {
            let documents: Vec<&Value> = new.iter().map(|(_, document)| document).collect();
            let _formats = store.batch.formats(&documents);
            let built = store.batch.build(&documents).into_iter().zip(&new);
            let _held: Vec<Option<Self>> = built
                .map(|(built, (text, document))| Some(store.keep(document, (*text).clone(), built?)))
                .collect();
            for (known, text) in ready.iter_mut().zip(&texts).filter(|(known, _)| known.is_none()) {
                *known = store.find(text);
            }
        }
        ready
    }

    /// What it declares, compiled when it is first asked for. `node` is what it was compiled from.
    pub fn declared(&self, node: &Node, problems: &Problems) -> Option<Rc<Declared>> {
        if let Some(known) = self.0.declared.get() {
            return Some(known.clone());
        }
        match Declared::compile(&node.to_json()) {
            Ok(declared) => Some(self.0.declared.get_or_init(|| Rc::new(declared)).clone()),
            Err(unfollowed) => {
                let at = at_pointer(node, &unfollowed.pointer);
                problems.note(&at.place, Fault::conflict(unfollowed.why));
                None
            }
        }
    }
}

/// The document of a schema of which nothing is known that speaks against compiling it with others.
fn faultless(node: &Node) -> Option<Value> {
    let problems = Problems::default();
    node.map(&problems)?;
    note_references_out(node, Part::Schema, &problems);
    let document = problems.none().then(|| node.to_json())?;
    (unfolded(&document) == Unfolded::Bounded).then_some(document)
}

/// How every schema here is compiled.
pub(super) fn options<'i>() -> ValidationOptions<'i> {
    jsonschema::options()
        .offline()
        .should_validate_formats(true)
        .should_ignore_unknown_formats(false)
        // An address, without a name for people in front: `Alice <a@b.example>` is none, and the name has no end.
        .with_email_options(EmailOptions::default().without_display_text())
        .with_pattern_options(PatternOptions::regex().size_limit(MAX_PATTERN).dfa_size_limit(MAX_PATTERN))
}

/// Notes every reference that leads out of the schema, at its place.
fn note_references_out(node: &Node, part: Part, problems: &Problems) {
    match &node.kind {
        _ if part == Part::Data => {}
        Kind::List(items) => items.iter().for_each(|item| note_references_out(item, part, problems)),
        Kind::Map(entries) => {
            for (key, child) in entries {
                note_references_out(child, part.under(key), problems);
                let Kind::Text(to) = &child.kind else { continue };
                let refers = matches!(&**key, "$ref" | "$dynamicRef" | "$recursiveRef");
                if part == Part::Schema && refers && !to.starts_with('#') {
                    let to = cut(to);
                    let sentence =
                        format!("`{to}` leads out of this schema; nothing is fetched: begin it with #");
                    problems.note(&child.place, Fault::conflict(sentence));
                }
            }
        }
        _ => {}
    }
}

/// What a JSON Pointer into the schema leads to; the last that is there where it leads on.
fn at_pointer<'n>(mut node: &'n Node, pointer: &str) -> &'n Node {
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        let child = match &node.kind {
            Kind::List(items) => step.parse().ok().and_then(|index: usize| items.get(index)),
            _ => node.get(&step),
        };
        match child {
            Some(child) => node = child,
            None => break,
        }
    }
    node
}

fn fault(at: &Node, error: &ValidationError<'_>) -> Fault {
    let (text, keyword) = (at.found(), error.schema_path().as_str().rsplit('/').next().unwrap_or_default());
    match error.kind() {
        ValidationErrorKind::Format { format } if format == "regex" => Fault::conflict(format!(
            "{text} is no pattern that surely ends in linear time: no look-around, no back-reference, no large \
             repetition"
        )),
        ValidationErrorKind::Referencing(ReferencingError::UnknownSpecification { specification }) => {
            Fault::conflict(format!(
                "`$schema: {}` is no draft that is known here: 4, 6, 7, 2019-09 and 2020-12 of JSON Schema are, by \
                 their own addresses, and https://spec.openapis.org/oas/3.0",
                cut(specification)
            ))
        }
        ValidationErrorKind::Referencing(why) => Fault::conflict(format!("a reference leads nowhere: {why}")),
        _ if keyword == "format" => {
            let (Kind::Text(found), expected) = (&at.kind, FORMATS.join(", ").into()) else {
                return Fault::WrongType { found: text.into(), expected: "the name of a format".into() };
            };
            Fault::UnknownWord { found: cut(found), expected, hint: nearest(found, FORMATS) }
        }
        kind => {
            let (keyword, hint) = (kind.keyword(), at.number_as_text());
            let expected = format!("what JSON Schema has here (`{keyword}` of its meta-schema){hint}");
            Fault::WrongType { found: text.into(), expected: expected.into() }
        }
    }
}
