//! Reads `params`, `required` and `unknown_query` off the policy.

use std::rc::Rc;

use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::control::request::params::Param;
use crate::control::request::params::Params;
use crate::control::request::params::Place;
use crate::control::request::params::Unknown;
use crate::control::request::params::typed::Scalar;
use crate::control::request::params::typed::Typed;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::value::header_name;

impl Params {
    pub(crate) fn compile(
        fields: &Fields<'_>,
        schemas: &Schemas,
        store: &mut SchemaStore,
        path_parameters: &[&str],
        problems: &Problems,
    ) -> Option<Self> {
        let mut declared: Vec<Param> = Vec::new();
        let mut fine = true;
        let entries = fields.optional("params").and_then(|node| node.map(problems)).unwrap_or_default();
        for (notation, node) in entries {
            let named = problems.need(&node.place, Place::of(notation, path_parameters));
            let typed = Typed::compile(node, schemas, store, problems);
            match (named, typed) {
                (Some((place, name)), _)
                    if declared.iter().any(|it| it.place == place && it.name == name) =>
                {
                    let name = (&**notation).into();
                    problems.note(&node.place, Fault::Duplicate { what: "parameter", name, first: None });
                }
                (Some((place, name)), Some(typed)) => {
                    let required = place == Place::Path;
                    declared.push(Param { place, name, notation: (&**notation).into(), required, typed });
                    continue;
                }
                _ => {}
            }
            fine = false;
        }
        let required = fields.optional("required").and_then(|node| node.list(problems)).unwrap_or_default();
        for node in required {
            fine &= require(node, entries, &mut declared, problems).is_some();
        }
        let unknown_query = match fields.optional("unknown_query") {
            Some(node) => Some(node.word(&Unknown::WORDS, problems)?),
            None => None,
        };
        fine.then(|| Self { declared: declared.into(), unknown_query, named: Box::default() })
    }
}

/// Makes one of the declared parameters a required one.
fn require(
    node: &Node,
    entries: &[(Rc<str>, Rc<Node>)],
    declared: &mut [Param],
    problems: &Problems,
) -> Option<()> {
    let text = node.text(problems)?;
    if !entries.iter().any(|(notation, _)| notation == text) {
        let known = entries.iter().map(|(notation, _)| &**notation);
        problems.note(&node.place, Fault::dangling("parameter in `params`", text, known));
        return None;
    }
    if text.starts_with("path.") {
        let sentence = format!("`{}` needs no mention: path parameters are always there", cut(text));
        problems.note(&node.place, Fault::conflict(sentence));
        return None;
    }
    // One that is declared and not here did not compile: that is noted already.
    declared.iter_mut().find(|it| *it.notation == **text).map(|it| it.required = true)
}

impl Place {
    fn of(notation: &str, path_parameters: &[&str]) -> Result<(Self, Box<str>), Fault> {
        let malformed = || Fault::Malformed {
            what: "parameter",
            found: cut(notation),
            expected: "write path.NAME, query.NAME or header.NAME",
        };
        let (place, name) = notation.split_once('.').ok_or_else(malformed)?;
        match place {
            _ if name.is_empty() => Err(malformed()),
            "path" if path_parameters.contains(&name) => Ok((Self::Path, name.into())),
            "path" => {
                Err(Fault::dangling("parameter in the route's path", name, path_parameters.iter().copied()))
            }
            "query" => Ok((Self::Query, name.into())),
            "header" => Ok((Self::Header, header_name(name)?)),
            _ => Err(malformed()),
        }
    }
}

impl Unknown {
    const WORDS: [(&'static str, Self); 3] =
        [("reject", Self::Reject), ("strip", Self::Strip), ("allow", Self::Allow)];
}

impl Typed {
    fn compile(
        node: &Rc<Node>,
        schemas: &Schemas,
        store: &mut SchemaStore,
        problems: &Problems,
    ) -> Option<Self> {
        let (document, schema) = schemas.named_or_inline(node, store, problems)?;
        let list =
            document.get("type").is_some_and(|it| matches!(&it.kind, Kind::Text(word) if **word == *"array"));
        let element = match (list, document.get("items")) {
            (true, Some(items)) => items,
            (true, None) => {
                let sentence = "an array of parameters needs `items`, which say what its texts stand for";
                problems.note(&node.place, Fault::conflict(sentence));
                return None;
            }
            (false, _) => &document,
        };
        let scalar = Scalar::of(element, node, problems)?;
        Some(Self { scalar, list, schema })
    }
}

impl Scalar {
    const WORDS: [(&'static str, Self); 4] = [
        ("string", Self::Text),
        ("integer", Self::Integer),
        ("number", Self::Number),
        ("boolean", Self::Boolean),
    ];

    /// The type that a schema names for one text, at `at`. Without `type` an `enum` or `const` of strings will do.
    pub(crate) fn of(schema: &Node, at: &Node, problems: &Problems) -> Option<Self> {
        if let Some(word) = schema.get("type") {
            return word.word(&Self::WORDS, problems);
        }
        let is_text = |node: &Rc<Node>| matches!(node.kind, Kind::Text(_));
        let texts_only = match (schema.get("enum").map(|it| &it.kind), schema.get("const")) {
            (Some(Kind::List(items)), _) => items.iter().all(is_text),
            (None, Some(only)) => is_text(only),
            _ => false,
        };
        if texts_only {
            return Some(Self::Text);
        }
        let sentence = "it arrives as text: its schema's `type` says what it stands for, one of string, \
                        integer, number, boolean, or array of them";
        problems.note(&at.place, Fault::conflict(sentence));
        None
    }
}
