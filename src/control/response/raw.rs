//! Reads a route's `response` off the policy.

use std::rc::Rc;
use std::str::FromStr;

use crate::control::body::budget::Budget;
use crate::control::body::raw;
use crate::control::body::schema::Schemas;
use crate::control::response::Declaring;
use crate::control::response::Judged;
use crate::control::response::Response;
use crate::control::response::Statuses;
use crate::control::response::Undeclared;
use crate::document::Fields;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;

/// What an answer may have where the policy does not say.
const MAX_BYTES: u64 = 1 << 20;
/// And a string in it: a page of text, a small picture.
const MAX_STRING: u64 = 256 << 10;

impl Response {
    /// Compiles a route's merged `response`.
    pub fn compile(node: &Rc<Node>, schemas: &Schemas, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let undeclared = fields.optional("undeclared");
        let words = [("remove", Undeclared::Remove), ("refuse", Undeclared::Refuse)];
        let asks = undeclared.map(|node| node.word(&words, problems));
        let (schema, statuses) = (fields.optional("schema"), fields.optional("statuses"));
        let declares = schema.is_some() || statuses.is_some();
        // `access` compiles it: it judges callers.
        let owned = fields.optional("owner").is_some();
        let reads = declares || owned;
        let max_bytes = raw::max_bytes(&fields, MAX_BYTES, reads, problems);
        let numbers = raw::numbers(&fields, problems);
        let max_string = raw::max_string(&fields, MAX_STRING, problems);
        fields.close();
        if let Some(node) = undeclared.filter(|_| !declares) {
            problems.note(&node.place, Fault::conflict("`undeclared` needs a `schema` that declares"));
        }
        let mut found = Vec::new();
        let declaring = |node: &Node| {
            let schema = schemas.answer(node, problems)?;
            let declared = match asks {
                Some(_) => Some(schemas.declared(node, problems)?),
                None => None,
            };
            Some(Declaring { schema, declared })
        };
        if let Some(node) = schema {
            found.push(declaring(node).map(|it| (Statuses::Class(2), it)));
        }
        for (key, node) in statuses.and_then(|node| node.map(problems)).unwrap_or_default() {
            let statuses = problems.need(&node.place, key.parse::<Statuses>());
            if statuses == Some(Statuses::Class(2)) && schema.is_some() {
                problems
                    .note(&node.place, Fault::conflict("`schema` speaks for 2xx already: write one of them"));
            }
            found.push(statuses.zip(declaring(node)));
        }
        if let Some(node) = statuses.filter(|_| found.is_empty()) {
            problems.note(&node.place, Fault::conflict("`statuses` has nothing in it; leave it out"));
        }
        let mut schemas: Vec<_> = found.into_iter().collect::<Option<_>>()?;
        // One status stands before its class.
        schemas.sort_by_key(|(statuses, _)| *statuses);
        let (max_bytes, numbers) = (max_bytes?, numbers?);
        let undeclared = match asks {
            Some(word) => Some(word?),
            None => None,
        };
        let budget = Budget::response(max_string?, numbers);
        let judged = Judged { schemas, owned, undeclared, max_bytes, budget };
        Some(Self { judged: Some(judged).filter(|_| reads) })
    }
}

impl FromStr for Statuses {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let class = text.strip_suffix("xx").and_then(|first| first.parse().ok()).map(Self::Class);
        let one = Some(text).filter(|text| text.len() == 3).and_then(|text| text.parse().ok()).map(Self::One);
        // 1xx, 204, 205 and 304 never have a body, and 206 is a part of one.
        let judged = |statuses: &Self| match statuses {
            Self::Class(first) => text.len() == 3 && (2..=5).contains(first),
            Self::One(status) => (200..600).contains(status) && !matches!(status, 204..=206 | 304),
        };
        class.or(one).filter(judged).ok_or_else(|| Fault::Malformed {
            what: "status with a whole body",
            found: cut(text),
            expected: "write a status such as \"404\", or a class: 2xx, 3xx, 4xx, 5xx",
        })
    }
}
