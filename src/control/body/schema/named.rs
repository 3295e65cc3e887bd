//! The policy's `schemas`: those that routes call by name.

use std::collections::HashMap;
use std::rc::Rc;

use crate::control::body::schema::Declared;
use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;

/// The named schemas, while a policy is compiled. One that is faulty is known by its name, so that each route that
/// calls it does not complain as well.
#[derive(Default)]
pub struct Schemas {
    named: HashMap<Name, (Rc<Node>, Option<Schema>)>,
}

impl Schemas {
    /// Reads the policy's `schemas`. A `file` is refused: `portcullis bundle` puts the file's text in its place.
    pub fn compile(node: &Node, store: &mut SchemaStore, problems: &Problems) -> Self {
        let mut named = HashMap::new();
        for (name, node) in node.map(problems).unwrap_or_default() {
            let schema = match node.get("file") {
                Some(file) => {
                    let sentence = "the filter reads no files; run `portcullis bundle`, which inlines them";
                    problems.note(&file.place, Fault::conflict(sentence));
                    None
                }
                None => Schema::compile(node, store, problems),
            };
            if let Some(name) = problems.need(&node.place, name.parse::<Name>()) {
                named.insert(name, (node.clone(), schema));
            }
        }
        Self { named }
    }

    /// The schema that `node` names.
    pub fn named(&self, node: &Node, problems: &Problems) -> Option<Schema> {
        self.find(node, problems)?.1.clone()
    }

    /// What the schema that `node` names declares.
    pub fn declared(&self, node: &Node, problems: &Problems) -> Option<Rc<Declared>> {
        let (document, schema) = self.find(node, problems)?;
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
