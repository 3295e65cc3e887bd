//! The fields of a form or a multipart body: text by names, made the object that a schema judges.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::Map;
use serde_json::Value;

use crate::control::request::content::Content;
use crate::control::request::params::typed::Scalar;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::json::Budget;
use crate::model::json::Unfit;

/// What the fields that a schema declares stand for. Others are text, and may stand once.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape(Vec<Field>);

#[derive(Clone, Debug)]
struct Field {
    name: Box<str>,
    scalar: Scalar,
    /// Whether it is declared an array: then it comes by repetition.
    list: bool,
}

impl Shape {
    /// Reads the fields off the `properties` of a form's schema.
    pub(crate) fn compile(schema: &Rc<Node>, content: &Content, problems: &Problems) -> Option<Self> {
        let Some(properties) = schema.get("properties") else {
            let sentence = "a form's schema declares its fields in `properties` of its own";
            problems.note(&schema.place, Fault::conflict(sentence));
            return None;
        };
        let fields = properties.map(problems)?.iter().map(|(name, node)| {
            let is = |node: &Node, wanted: &str| {
                node.get("type").is_some_and(|it| matches!(&it.kind, Kind::Text(word) if **word == *wanted))
            };
            let (list, element) = match node.get("items").filter(|_| is(node, "array")) {
                Some(items) => (true, items),
                None => (false, node),
            };
            // A file is an object: its type and how many bytes it has.
            let scalar = match *content == Content::Multipart && is(element, "object") {
                true => Some(Scalar::Text),
                false => Scalar::of(element, node, problems),
            };
            Some(Field { name: (&**name).into(), scalar: scalar?, list })
        });
        // Every field is read, so that all problems are noted.
        let fields: Vec<Option<Field>> = fields.collect();
        fields.into_iter().collect::<Option<_>>().map(Self)
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.0.iter().find(|field| *field.name == *name)
    }
}

/// The fields that came so far.
pub(crate) struct Fields<'s> {
    shape: &'s Shape,
    budget: &'s Budget,
    members: Map<String, Value>,
    /// Each name by what the loosest reader makes of it.
    spelt: HashMap<String, String>,
    count: usize,
}

impl<'s> Fields<'s> {
    pub(crate) fn new(shape: &'s Shape, budget: &'s Budget) -> Self {
        Self { shape, budget, members: Map::new(), spelt: HashMap::new(), count: 0 }
    }

    /// A field that is text.
    pub(crate) fn text(&mut self, name: String, text: &str) -> Result<(), Unfit> {
        if text.len() > self.budget.text {
            return Err(Unfit::Structure);
        }
        let scalar = self.shape.field(&name).map_or(Scalar::Text, |field| field.scalar);
        // Text that stands for none of its type stays text, and the schema says what is wrong.
        let value = scalar.value(text).unwrap_or_else(|| Value::String(text.to_owned()));
        self.value(name, value)
    }

    /// A field with its value.
    pub(crate) fn value(&mut self, name: String, value: Value) -> Result<(), Unfit> {
        self.count = self.count.saturating_add(1);
        if self.count > self.budget.parts || name.len() > self.budget.name {
            return Err(Unfit::Structure);
        }
        let field = self.shape.field(&name);
        // Many frameworks make a list or a map of `a[]` and `a[b]`: unless it is declared so, that is a second reading.
        let bracketed = field.is_none() && name.contains(['[', ']']);
        if name.is_empty() || bracketed || name.chars().any(char::is_control) {
            return Err(Unfit::Malformed);
        }
        // Some take `user.id` and `user id` for `user_id`.
        let loosest = name.replace(['.', ' ', '-', '['], "_").to_lowercase();
        let first = self.spelt.entry(loosest).or_insert_with(|| name.clone());
        if *first != name {
            return Err(Unfit::DuplicateName);
        }
        match (field.is_some_and(|field| field.list), self.members.get_mut(&name)) {
            (true, Some(Value::Array(list))) => list.push(value),
            (true, None) => drop(self.members.insert(name, Value::Array(vec![value]))),
            (false, None) => drop(self.members.insert(name, value)),
            (_, Some(_)) => return Err(Unfit::DuplicateName),
        }
        Ok(())
    }

    /// The object of all fields.
    pub(crate) fn into_value(self) -> Value {
        Value::Object(self.members)
    }
}
