//! Reads a route's `response` off the policy.

use std::rc::Rc;

use crate::control::body::budget::Budget;
use crate::control::body::raw;
use crate::control::body::schema::Schemas;
use crate::control::response::Judged;
use crate::control::response::Response;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Problems;

/// What an answer may have where the policy does not say.
const MAX_BYTES: u64 = 1 << 20;

impl Response {
    /// Compiles a route's merged `response`.
    pub fn compile(node: &Rc<Node>, schemas: &Schemas, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let schema = fields.optional("schema");
        let max_bytes = raw::max_bytes(&fields, MAX_BYTES, schema.is_some(), problems);
        let numbers = raw::numbers(&fields, problems);
        for name in ["undeclared", "statuses", "owner"] {
            fields.not_yet(name);
        }
        fields.close();
        let schema = match schema {
            None => None,
            Some(node) => Some(schemas.named(node, problems)?),
        };
        let (max_bytes, numbers) = (max_bytes?, numbers?);
        let judged = |schema| Judged { schema, max_bytes, budget: Budget::response(max_bytes, numbers) };
        Some(Self { judged: schema.map(judged) })
    }
}
