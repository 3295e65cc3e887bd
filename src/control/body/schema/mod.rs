//! JSON Schemas: compiled once, asked for every body.
//!
//! Draft 2020-12, or the draft that `$schema` names (4, 6, 7, 2019-09). `format` is asserted, patterns run in linear
//! time, references stay within the schema: nothing is fetched, ever. What cannot be kept to is refused when the
//! policy is compiled.

mod batch;
#[cfg(not(target_arch = "wasm32"))]
pub mod bounds;
mod compile;
mod declared;
mod glance;
mod linked;
mod named;
mod openapi;
mod outline;
#[cfg(test)]
mod tests;
mod unfold;

use std::cell::OnceCell;
use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::rc::Weak;

use jsonschema::Validator;
use serde_json::Value;

use crate::control::body::schema::batch::Batch;
pub use crate::control::body::schema::compile::FORMATS;
pub use crate::control::body::schema::declared::Declared;
pub use crate::control::body::schema::declared::Unsettled;
pub use crate::control::body::schema::glance::Glance;
use crate::control::body::schema::glance::Shape;
pub use crate::control::body::schema::named::Schemas;
use crate::control::body::schema::outline::Outline;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::json::Budget;
use crate::refusal::SchemaError;

/// How many errors are told of one body.
const MAX_ERRORS: usize = 10;
/// How many parts a body may have for more than its first error to be told. The crate makes every error before it hands
/// out one; of 9,000 wrong parts that takes 20 ms, which a client must not get for 64 KiB.
const MAX_LISTED: usize = 1_000;

/// A compiled schema; cheap to clone.
#[derive(Clone)]
pub struct Schema(Rc<Compiled>);

struct Compiled {
    validator: Validator,
    outline: Outline,
    /// What is asked for a glance at a body, where the schema is plain enough.
    shape: Option<Shape>,
    declared: OnceCell<Rc<Declared>>,
}

/// Schemas that are still held, by their canonical text: the next policy compiles only what is new.
#[derive(Default)]
pub struct SchemaStore {
    kept: HashMap<Box<[u8]>, Weak<Compiled>>,
    /// The named schemas of the policy that was read last, with the very node that they were compiled from.
    named: Option<(Rc<Node>, Rc<Schemas>)>,
    batch: Batch,
}

impl Schema {
    /// Whether a glance at the text admits it: then it is strict JSON within the budget, and [`Self::check`] passes its
    /// value. It says nothing of all others.
    pub fn admits(&self, text: &[u8], budget: &Budget) -> bool {
        self.0.shape.as_ref().is_some_and(|shape| shape.admits(text, budget))
    }

    /// The same of what is left of the text without what the schema does not declare, as [`Declared::undeclared`] has it.
    pub fn trims(&self, text: &[u8], budget: &Budget) -> Option<Glance> {
        self.0.shape.as_ref()?.trims(text, budget)
    }

    /// Judges a value.
    ///
    /// # Errors
    /// What did not pass, at most 10, without any text that the client chose: a place under a property that the
    /// schema does not declare is told as the object that holds it. A schema that is recursive, or very large,
    /// answers one error without a place: listing its errors would cost time without bound, judging does not. Of a
    /// body of more than 1,000 parts the first error is told alone.
    pub fn check(&self, value: &Value) -> Result<(), Vec<SchemaError>> {
        let Compiled { validator, outline, .. } = &*self.0;
        if validator.is_valid(value) {
            return Ok(());
        }
        if !outline.listable() {
            return Err(vec![SchemaError { pointer: String::new(), keyword: "$ref".into() }]);
        }
        if parts(value) > MAX_LISTED {
            let first = validator.validate(value).err();
            return Err(first.iter().map(|error| outline.tell(value, error)).collect());
        }
        let mut told: Vec<SchemaError> = Vec::new();
        for error in validator.iter_errors(value) {
            let error = outline.tell(value, &error);
            if !told.contains(&error) {
                told.push(error);
            }
            if told.len() == MAX_ERRORS {
                break;
            }
        }
        Err(told)
    }
}

/// Members and elements, all together.
fn parts(value: &Value) -> usize {
    let inner = |sum: usize, value: &Value| sum.saturating_add(1).saturating_add(parts(value));
    match value {
        Value::Array(items) => items.iter().fold(0, inner),
        Value::Object(members) => members.values().fold(0, inner),
        _ => 0,
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

impl SchemaStore {
    /// The policy's `schemas`; those of the policy before, where its node is the same one.
    pub fn named(&mut self, node: &Rc<Node>, problems: &Problems) -> Rc<Schemas> {
        if let Some((known, schemas)) = &self.named
            && Rc::ptr_eq(known, node)
        {
            return schemas.clone();
        }
        let before = problems.count();
        let schemas = Rc::new(Schemas::compile(node, self, problems));
        // What is wrong is said of each policy that has it.
        let faultless = problems.count() == before;
        self.named = faultless.then(|| (node.clone(), schemas.clone()));
        schemas
    }

    fn find(&self, text: &[u8]) -> Option<Schema> {
        self.kept.get(text)?.upgrade().map(Schema)
    }

    fn keep(&mut self, document: &Value, text: Vec<u8>, validator: Validator) -> Schema {
        let outline = Outline::of(document);
        let shape = Shape::of(document, &self.batch.matchers(document));
        let compiled = Rc::new(Compiled { validator, outline, shape, declared: OnceCell::new() });
        self.kept.insert(text.into(), Rc::downgrade(&compiled));
        Schema(compiled)
    }

    /// Lets go of what nobody holds any more, and of what only compiling needs.
    pub fn rest(&mut self) {
        self.kept.retain(|_, kept| kept.strong_count() > 0);
        self.batch.rest();
    }
}
