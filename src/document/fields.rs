//! A map's fields, taken one by one; what is left over is unknown.

use std::cell::RefCell;
use std::rc::Rc;

use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::fault::nearest;

/// The fields of a map while a reader takes them. [`Fields::close`] notes the ones that nobody asked for.
pub struct Fields<'n> {
    /// The map.
    pub node: &'n Node,
    entries: &'n [(Rc<str>, Rc<Node>)],
    problems: &'n Problems,
    asked: RefCell<Vec<&'static str>>,
}

impl<'n> Fields<'n> {
    /// Opens a map; anything else is noted as a wrong type.
    pub fn open(node: &'n Node, problems: &'n Problems) -> Option<Self> {
        let Kind::Map(entries) = &node.kind else {
            node.wrong_type("a map", problems);
            return None;
        };
        Some(Self { node, entries, problems, asked: RefCell::new(Vec::new()) })
    }

    /// The field `name`, if it is written. A written `null` counts as written.
    pub fn optional(&self, name: &'static str) -> Option<&'n Rc<Node>> {
        self.asked.borrow_mut().push(name);
        self.entries.iter().find(|(key, _)| &**key == name).map(|(_, node)| node)
    }

    /// The field `name`; noted where it is missing.
    pub fn required(&self, name: &'static str) -> Option<&'n Rc<Node>> {
        let node = self.optional(name);
        if node.is_none() {
            self.problems.note(&self.node.place, Fault::MissingField(name.into()));
        }
        node
    }

    /// Refuses the field `name`, which the language has and this version does not.
    pub fn not_yet(&self, name: &'static str) {
        if let Some(node) = self.optional(name) {
            self.problems.note(&node.place, Fault::NotSupportedYet(format!("`{name}`").into()));
        }
    }

    /// Notes every field that was never asked for, with the nearest name that was.
    pub fn close(self) {
        let asked = self.asked.into_inner();
        for (key, node) in self.entries.iter().filter(|(key, _)| !asked.contains(&&**key)) {
            let hint = nearest(key, asked.iter().copied());
            self.problems.note(&node.place, Fault::UnknownField { name: (&**key).into(), hint });
        }
    }
}
