//! JSON Schemas: compiled once, asked for every body.
//!
//! Draft 2020-12, or the draft that `$schema` names (4, 6, 7, 2019-09). `format` is asserted, patterns run in linear
//! time, references stay within the schema: nothing is fetched, ever. What cannot be kept to is refused when the
//! policy is compiled.

mod compile;
mod named;
mod outline;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::rc::Rc;
use std::rc::Weak;

use jsonschema::ValidationError;
use jsonschema::Validator;
use jsonschema::error::ValidationErrorKind;
use serde_json::Value;

pub use crate::control::body::schema::compile::FORMATS;
pub use crate::control::body::schema::compile::digest;
pub use crate::control::body::schema::named::Schemas;
use crate::control::body::schema::outline::Outline;
use crate::refusal::SchemaError;

/// The SHA-256 of a schema's canonical JSON.
pub type Digest = [u8; 32];

/// How many errors are told of one body.
const MAX_ERRORS: usize = 10;

/// A compiled schema; cheap to clone.
#[derive(Clone)]
pub struct Schema(Rc<Compiled>);

struct Compiled {
    validator: Validator,
    outline: Outline,
    digest: Digest,
}

/// The schemas that some policy in force still holds, by digest: the next policy compiles only what is new.
#[derive(Default)]
pub struct SchemaStore {
    kept: HashMap<Digest, Weak<Compiled>>,
}

impl Schema {
    /// What it was compiled from.
    pub fn digest(&self) -> &Digest {
        &self.0.digest
    }

    /// Judges a value.
    ///
    /// # Errors
    /// What did not pass, at most 10, without any text that the client chose: a place under a property that the
    /// schema does not declare is told as the object that holds it. A schema that is recursive, or very large,
    /// answers one error without a place: listing its errors would cost time without bound, judging does not.
    pub fn check(&self, value: &Value) -> Result<(), Vec<SchemaError>> {
        let Compiled { validator, outline, .. } = &*self.0;
        if validator.is_valid(value) {
            return Ok(());
        }
        if !outline.listable() {
            return Err(vec![SchemaError { pointer: String::new(), keyword: "$ref".into() }]);
        }
        let mut told: Vec<SchemaError> = Vec::new();
        for error in validator.iter_errors(value) {
            let pointer = outline.declared_pointer(value, error.instance_path().as_str());
            let error = SchemaError { pointer, keyword: keyword(&error).into() };
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

/// The keyword that an error comes from; of a schema `false`, the one that it stands under where that says more.
fn keyword<'e>(error: &'e ValidationError<'_>) -> &'e str {
    let ValidationErrorKind::FalseSchema = error.kind() else {
        return error.kind().keyword();
    };
    let under = error.schema_path().as_str().rsplit('/').next();
    under.filter(|it| matches!(*it, "additionalProperties" | "items" | "additionalItems")).unwrap_or("false")
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Schema({:02x?})", self.0.digest)
    }
}

impl SchemaStore {
    fn find(&self, digest: &Digest) -> Option<Schema> {
        self.kept.get(digest)?.upgrade().map(Schema)
    }

    fn keep(&mut self, schema: &Schema) {
        self.kept.retain(|_, kept| kept.strong_count() > 0);
        self.kept.insert(schema.0.digest, Rc::downgrade(&schema.0));
    }
}
