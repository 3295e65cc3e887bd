//! From a schema's document to its shape.

use std::collections::HashMap;

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;

use crate::control::body::schema::batch::Matchers;
use crate::control::body::schema::glance::Bound;
use crate::control::body::schema::glance::Member;
use crate::control::body::schema::glance::Named;
use crate::control::body::schema::glance::Node;
use crate::control::body::schema::glance::Others;
use crate::control::body::schema::glance::Shape;
use crate::control::body::schema::glance::Types;
use crate::control::body::schema::glance::matcher::Matcher;
use crate::control::body::schema::outline::target;

/// Words that change what other words of a document mean.
const MOVING: [&str; 8] = [
    "$schema",
    "$id",
    "$anchor",
    "$dynamicAnchor",
    "$dynamicRef",
    "$recursiveAnchor",
    "$recursiveRef",
    "$vocabulary",
];
/// Words that ask nothing of a value.
const SILENT: [&str; 11] = [
    "$comment",
    "$defs",
    "$schemas",
    "default",
    "definitions",
    "deprecated",
    "description",
    "example",
    "examples",
    "readOnly",
    "title",
];
/// How many nodes are made of one schema.
const MAX_NODES: usize = 4_096;
/// How many members a schema may name: the reader keeps a bit for each.
const MAX_MEMBERS: usize = 64;
/// How long a chain of references may be that lead to nothing but references.
const MAX_CHAIN: usize = 16;
/// The largest integers that a double tells from their neighbours.
const EXACT: u64 = 1 << 53;
/// The node that takes everything.
pub(super) const ANY: usize = 0;

impl Shape {
    /// `None` for a schema of which nothing is understood. It was compiled already, so that each word has the form it must.
    pub(in crate::control::body::schema) fn of(document: &Value, matchers: &Matchers) -> Option<Self> {
        if moves(document) {
            return None;
        }
        let mut nodes = vec![Node::default()];
        let root = Compiler { document, matchers, nodes: &mut nodes, known: HashMap::new() }.node(document);
        let shape = Self { nodes, root };
        shape.node(root).is_some_and(|node| !node.unsure).then_some(shape)
    }
}

fn moves(node: &Value) -> bool {
    match node {
        Value::Array(items) => items.iter().any(moves),
        Value::Object(members) => {
            members.iter().any(|(key, child)| MOVING.contains(&key.as_str()) || moves(child))
        }
        _ => false,
    }
}

struct Compiler<'d, 'n> {
    document: &'d Value,
    matchers: &'n Matchers,
    nodes: &'n mut Vec<Node>,
    /// Numbers by the place in memory, so that what contains itself is one node.
    known: HashMap<*const Value, usize>,
}

impl<'d> Compiler<'d, '_> {
    /// The number of the node that `schema` is, or leads to.
    fn node(&mut self, schema: &'d Value) -> usize {
        let schema = self.followed(schema);
        if *schema == Value::Bool(true) {
            return ANY;
        }
        if let Some(known) = self.known.get(&std::ptr::from_ref(schema)) {
            return *known;
        }
        let number = self.nodes.len();
        self.known.insert(std::ptr::from_ref(schema), number);
        // Until it is read, and where it is not.
        self.nodes.push(Node { unsure: true, ..Node::default() });
        if let Value::Object(keywords) = schema
            && number < MAX_NODES
        {
            let mut node = Node::default();
            for (keyword, value) in keywords {
                node.unsure |= self.read(&mut node, keyword, value, keywords).is_none();
            }
            if let Some(place) = self.nodes.get_mut(number) {
                *place = node;
            }
        }
        number
    }

    /// What a schema leads to that is nothing but a reference; itself for every other.
    fn followed(&self, mut schema: &'d Value) -> &'d Value {
        for _ in 0..MAX_CHAIN {
            let Value::Object(keywords) = schema else { return schema };
            let Some(Value::String(to)) = keywords.get("$ref") else { return schema };
            let alone = keywords.keys().all(|keyword| keyword == "$ref" || is_silent(keyword));
            let Some(next) = target(self.document, to).filter(|_| alone) else { return schema };
            schema = next;
        }
        schema
    }

    /// Reads one keyword; `None` where it is not understood.
    fn read(
        &mut self,
        node: &mut Node,
        keyword: &str,
        value: &'d Value,
        beside: &'d Map<String, Value>,
    ) -> Option<()> {
        match keyword {
            "type" => node.not = types(value)?.others(),
            // Of both together a glance knows one.
            "enum" if node.words.is_none() => node.words = Some(words(value.as_array()?)?),
            "const" if node.words.is_none() => node.words = Some(words(std::slice::from_ref(value))?),
            "minimum" => node.bounds.push(Bound::Least(exact(value.as_number()?)?)),
            "exclusiveMinimum" => node.bounds.push(Bound::Above(exact(value.as_number()?)?)),
            "maximum" => node.bounds.push(Bound::Greatest(exact(value.as_number()?)?)),
            "exclusiveMaximum" => node.bounds.push(Bound::Below(exact(value.as_number()?)?)),
            "minLength" => node.text.0 = value.as_u64()?,
            "maxLength" => node.text.1 = value.as_u64()?,
            "minItems" => node.elements.0 = value.as_u64()?,
            "maxItems" => node.elements.1 = value.as_u64()?,
            "minProperties" => node.size.0 = value.as_u64()?,
            "maxProperties" => node.size.1 = value.as_u64()?,
            "pattern" => {
                let pattern = value.as_str()?;
                node.matches.push(Matcher::pattern(pattern, self.matchers.patterns.get(pattern)?));
            }
            "format" => {
                let format = value.as_str()?;
                node.matches.push(Matcher::format(format, self.matchers.formats.get(format)?));
            }
            "items" => node.items = self.node(value),
            "properties" => {
                for (name, schema) in value.as_object()? {
                    let member = Member { node: self.node(schema), required: false };
                    node.members.push(Named::new(name, member));
                }
                if node.members.len() > MAX_MEMBERS {
                    return None;
                }
                self.require(node, beside.get("required"))?;
            }
            // Read together with the members.
            "required" => return beside.contains_key("properties").then_some(()),
            "additionalProperties" => {
                node.others = match value {
                    Value::Bool(false) => Others::None,
                    Value::Object(says) if !says.is_empty() => Others::Node(self.node(value)),
                    _ => Others::Any,
                };
            }
            "uniqueItems" => return (*value == Value::Bool(false)).then_some(()),
            "writeOnly" => node.hidden = *value == Value::Bool(true),
            keyword => return is_silent(keyword).then_some(()),
        }
        Some(())
    }

    /// Marks the members that must be there; each of them is one that is named.
    fn require(&self, node: &mut Node, required: Option<&Value>) -> Option<()> {
        for name in required.and_then(Value::as_array).into_iter().flatten() {
            let name = name.as_str()?;
            let named = node.members.iter_mut().find(|named| *named.name == *name)?;
            if !std::mem::replace(&mut named.member.required, true) {
                node.required = node.required.checked_add(1)?;
            }
        }
        Some(())
    }
}

fn is_silent(keyword: &str) -> bool {
    SILENT.contains(&keyword) || keyword.starts_with("x-")
}

fn types(value: &Value) -> Option<Types> {
    let one = |name: &str| {
        Some(match name {
            "null" => Types::NULL,
            "boolean" => Types::BOOLEAN,
            "integer" => Types::INTEGER,
            "number" => Types::INTEGER.and(Types::OTHER_NUMBER),
            "string" => Types::STRING,
            "array" => Types::ARRAY,
            "object" => Types::OBJECT,
            _ => return None,
        })
    };
    match value {
        Value::String(name) => one(name),
        Value::Array(names) => {
            names.iter().try_fold(Types::default(), |all, name| Some(all.and(one(name.as_str()?)?)))
        }
        _ => None,
    }
}

/// Values that are equal only to themselves, however a number may be written.
fn words(values: &[Value]) -> Option<Vec<Value>> {
    let plain = |value: &Value| matches!(value, Value::Null | Value::Bool(_) | Value::String(_));
    values.iter().all(plain).then(|| values.to_vec())
}

/// The double that a number is, where it is just that one.
pub(super) fn exact(number: &Number) -> Option<f64> {
    match number.as_i64() {
        Some(integer) => (integer.unsigned_abs() <= EXACT).then_some(integer as f64),
        None if number.is_f64() => number.as_f64(),
        None => None,
    }
}
