//! The policy's `schemas`: those that routes call by name.

use std::collections::HashMap;
use std::rc::Rc;

use crate::control::body::schema::Declared;
use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::linked::linked;
use crate::control::body::schema::openapi;
use crate::control::body::schema::openapi::Way;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;

type Named = HashMap<Name, (Rc<Node>, Option<Schema>)>;

/// The named schemas, while a policy is compiled. One that is faulty is known by its name, so that each route that
/// calls it does not complain as well.
#[derive(Default)]
pub struct Schemas {
    named: Named,
    /// As answers have them, where a schema speaks of both ways.
    answers: Option<Named>,
}

impl Schemas {
    /// Reads the policy's `schemas`. A `file` is refused: `portcullis bundle` puts the file's text in its place.
    pub fn compile(node: &Node, store: &mut SchemaStore, problems: &Problems) -> Self {
        let two_ways = node.map(problems).unwrap_or_default().iter().any(|(_, it)| openapi::speaks(it));
        let named = compile(node, Way::In, store, problems);
        // What is wrong was said of the way in.
        let answers = two_ways.then(|| compile(node, Way::Out, store, &Problems::default()));
        Self { named, answers }
    }

    /// The schema that `node` names.
    pub fn named(&self, node: &Node, problems: &Problems) -> Option<Schema> {
        self.find(node, problems)?.1.clone()
    }

    /// The schema that `node` names, as answers have it.
    pub fn answer(&self, node: &Node, problems: &Problems) -> Option<Schema> {
        self.find_answer(node, problems)?.1.clone()
    }

    /// What the schema that `node` names declares in answers.
    pub fn declared(&self, node: &Node, problems: &Problems) -> Option<Rc<Declared>> {
        let (document, schema) = self.find_answer(node, problems)?;
        schema.as_ref()?.declared(document, problems)
    }

    /// The document of the schema that `node` names, where it has one.
    pub fn document(&self, node: &Node) -> Option<Rc<Node>> {
        let Kind::Text(name) = &node.kind else { return None };
        self.named.get(&**name).map(|(document, _)| document.clone())
    }

    /// The schema that `node` names or is, with the document that it was compiled from.
    pub fn named_or_inline(
        &self,
        node: &Rc<Node>,
        store: &mut SchemaStore,
        problems: &Problems,
    ) -> Option<(Rc<Node>, Schema)> {
        if let Kind::Text(_) = node.kind {
            let (document, schema) = self.find(node, problems)?;
            return Some((document.clone(), schema.clone()?));
        }
        Some((node.clone(), Schema::compile(node, store, problems)?))
    }

    fn find_answer(&self, node: &Node, problems: &Problems) -> Option<&(Rc<Node>, Option<Schema>)> {
        let found = self.find(node, problems)?;
        let Some(answers) = &self.answers else { return Some(found) };
        answers.get(&**node.text(problems)?)
    }

    fn find(&self, node: &Node, problems: &Problems) -> Option<&(Rc<Node>, Option<Schema>)> {
        let name = node.text(problems)?;
        let found = self.named.get(&**name);
        if found.is_none() {
            let fault = Fault::dangling("schema", name, self.named.keys().map(Name::as_str));
            problems.note(&node.place, fault);
        }
        found
    }
}

/// Compiles each schema, as bodies that go this way have it, with those that it refers to.
fn compile(node: &Node, way: Way, store: &mut SchemaStore, problems: &Problems) -> Named {
    let entries = node.map(problems).unwrap_or_default();
    let spoken = |schema: &Rc<Node>| match openapi::speaks(schema) {
        true => openapi::translated(schema, way, problems),
        false => schema.clone(),
    };
    let all = entries.iter().map(|(name, schema)| (name.clone(), spoken(schema))).collect();
    let all = Node { place: node.place.clone(), kind: Kind::Map(all) };
    let mut linked_all = Vec::new();
    for (_, node) in all.map(problems).unwrap_or_default() {
        linked_all.push(match node.get("file") {
            Some(file) => {
                let sentence = "the filter reads no files; run `portcullis bundle`, which inlines them";
                problems.note(&file.place, Fault::conflict(sentence));
                None
            }
            None => linked(node, &all, problems),
        });
    }
    let nodes: Vec<&Node> = linked_all.iter().flatten().map(|node| &**node).collect();
    let mut ready = Schema::prepare(&nodes, store).into_iter();
    let mut named = HashMap::new();
    for ((name, node), linked) in all.map(problems).unwrap_or_default().iter().zip(&linked_all) {
        let compiled = linked.as_ref().and_then(|_| ready.next().flatten());
        let schema = compiled.or_else(|| Schema::compile(linked.as_ref()?, store, problems));
        if let Some(name) = problems.need(&node.place, name.parse::<Name>()) {
            named.insert(name, (linked.as_ref().unwrap_or(node).clone(), schema));
        }
    }
    named
}
