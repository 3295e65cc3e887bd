//! Reads a route's `request` off the policy.

use std::rc::Rc;

use crate::control::body::budget::Budget;
use crate::control::body::raw;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::control::request::Body;
use crate::control::request::Request;
use crate::control::request::content::Content;
use crate::control::request::fields::Shape;
use crate::control::request::params::Params;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;

/// What a body may have where the policy does not say.
const MAX_BYTES: u64 = 64 << 10;
/// And a string in it: more than any text that people type. What is longer, a file in base64, is said aloud.
const MAX_STRING: u64 = 16 << 10;

/// Who beside a schema needs what stands in the body of a route.
#[derive(Clone, Copy, Debug, Default)]
pub struct Readers {
    /// An owner, which is nobody where the body cannot be read: then the policy is refused.
    pub owner: bool,
    /// A limit, whose key is missing there: `missing` says what becomes of it.
    pub limit: bool,
}

impl Request {
    /// Compiles a route's merged `request`. `path_parameters` and `methods` are the route's own, `readers` its other
    /// rules.
    pub fn compile(
        node: &Rc<Node>,
        schemas: &Schemas,
        store: &mut SchemaStore,
        path_parameters: &[&str],
        methods: &[&str],
        readers: Readers,
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let params = Params::compile(&fields, schemas, store, path_parameters, problems);
        let body = Body::compile(&fields, schemas, readers, problems);
        fields.close();
        let request = Self { params: params?, body: body? };
        if request.body.is_some() && methods.iter().any(|method| matches!(*method, "GET" | "HEAD")) {
            let text =
                "a GET or HEAD with a body: most clients and caches send none; give it a route of its own";
            problems.remark(&node.place, "get-body", text);
        }
        Some(request)
    }
}

impl Body {
    /// The inner `None` is a route that takes no body; the outer one, that something is wrong.
    fn compile(
        fields: &Fields<'_>,
        schemas: &Schemas,
        readers: Readers,
        problems: &Problems,
    ) -> Option<Option<Self>> {
        let content = fields.optional("content");
        let schema = fields.optional("schema");
        let numbers = raw::numbers(fields, problems);
        let max_string = raw::max_string(fields, MAX_STRING, problems);
        let wanted = schema.is_some() || readers.owner || readers.limit;
        let max_bytes = raw::max_bytes(fields, MAX_BYTES, wanted, problems);
        let taken = content.is_some() || wanted;
        let content = match content {
            None => Some(Content::Json),
            Some(node) => Content::compile(node, problems).filter(|content| {
                let sentence = match content.is_read() {
                    false if schema.is_some() => {
                        "a schema judges JSON: write `json` or leave `content` out; or `form` or `multipart`, whose \
                         fields it judges"
                    }
                    false if readers.owner => {
                        "an owner's `body:` value stands in JSON: write `json` or leave `content` out"
                    }
                    _ => return true,
                };
                problems.note(&node.place, Fault::conflict(sentence));
                false
            }),
        };
        let fields_of = |content: &Content| match schema.filter(|_| content.has_fields()) {
            None => Some(Shape::default()),
            Some(node) => Shape::compile(&schemas.document(node)?, content, problems),
        };
        let shape = content.as_ref().map(fields_of);
        let schema = match schema {
            None => Some(None),
            Some(node) => schemas.named(node, problems).map(Some),
        };
        let (max_bytes, numbers, content, schema) = (max_bytes?, numbers?, content?, schema?);
        let shape = shape??;
        let budget = Budget::request(max_string?, numbers);
        let read = (readers.owner || readers.limit) && content.is_read();
        Some(taken.then_some(Self { content, max_bytes, budget, schema, shape, read }))
    }
}
