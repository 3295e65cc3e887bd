//! Where something stands in a policy document.

use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

/// A line and column of a file, both counted from 1.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Mark {
    /// The file as its reader was asked for it.
    pub file: Rc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// The scalar's own text where its value reads otherwise: `5.10` of the number 5.1.
    pub written: Option<Rc<str>>,
}

/// One step on the way from the document's root.
#[derive(Debug)]
enum Step {
    Root,
    Field(Rc<str>),
    /// A list's element: by its `name` where it has one, else by its index.
    Element(usize, OnceCell<Rc<str>>),
}

/// A place in a document: `routes[orders.get].access.owner.is`, with file and line where the reader knew them.
///
/// Cheap to clone. A value that a group hands to its routes keeps the place where it was written.
#[derive(Clone, Debug)]
pub struct Place(Rc<Link>);

#[derive(Debug)]
struct Link {
    parent: Option<Place>,
    step: Step,
    mark: Option<Mark>,
}

impl Place {
    /// The document itself.
    pub fn root(mark: Option<Mark>) -> Self {
        Self(Rc::new(Link { parent: None, step: Step::Root, mark }))
    }

    /// The field `name` of the map at this place.
    pub fn field(&self, name: Rc<str>, mark: Option<Mark>) -> Self {
        Self(Rc::new(Link { parent: Some(self.clone()), step: Step::Field(name), mark }))
    }

    /// The element at `index` of the list at this place.
    pub fn element(&self, index: usize, mark: Option<Mark>) -> Self {
        let step = Step::Element(index, OnceCell::new());
        Self(Rc::new(Link { parent: Some(self.clone()), step, mark }))
    }

    /// Lets a list's element be called by its name from now on; of two names the first stays.
    pub fn call(&self, name: &Rc<str>) {
        if let Step::Element(_, cell) = &self.0.step {
            cell.get_or_init(|| name.clone());
        }
    }

    /// File, line and column, where the reader knew them.
    pub fn mark(&self) -> Option<&Mark> {
        self.0.mark.as_ref()
    }

    /// The way from the root, without the file: `routes[orders.get].access.owner.is`; the root is empty.
    pub fn pointer(&self) -> String {
        let mut steps = Vec::new();
        let mut here = Some(self);
        while let Some(place) = here {
            steps.push(&place.0.step);
            here = place.0.parent.as_ref();
        }
        let mut out = String::new();
        for step in steps.iter().rev() {
            match step {
                Step::Root => {}
                Step::Field(name) => {
                    if !out.is_empty() {
                        out.push('.');
                    }
                    out.push_str(name);
                }
                Step::Element(index, name) => {
                    out.push('[');
                    match name.get() {
                        Some(name) => out.push_str(name),
                        None => out.push_str(&index.to_string()),
                    }
                    out.push(']');
                }
            }
        }
        out
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pointer = self.pointer();
        if let Some(mark) = self.mark() {
            write!(f, "{}:{}", mark.file, mark.line)?;
            return if pointer.is_empty() { Ok(()) } else { write!(f, " {pointer}") };
        }
        f.write_str(if pointer.is_empty() { "policy" } else { &pointer })
    }
}
