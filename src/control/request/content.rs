//! `content`: what kind of body a route takes.

use std::rc::Rc;

use crate::control::body::media::MediaType;
use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;

/// The kind of body that a route takes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Content {
    /// `json`: `application/json` or `application/*+json`, in UTF-8.
    Json,
    /// `form`: `application/x-www-form-urlencoded`.
    Form,
    /// `multipart`: `multipart/form-data`.
    Multipart,
    /// A list of media types, in lower case, without parameters.
    Types(Box<[Box<str>]>),
    /// `any`: whatever it says it is, or does not say.
    Any,
}

impl Content {
    pub(crate) fn is_json(&self) -> bool {
        match self {
            Self::Json => true,
            Self::Types(types) => types.iter().all(|it| is_json(it)),
            Self::Form | Self::Multipart | Self::Any => false,
        }
    }

    /// Whether it becomes a value that a schema can judge and others can look into.
    pub(crate) fn is_read(&self) -> bool {
        self.is_json() || self.has_fields()
    }

    /// Whether it is fields with names, each of them text.
    pub(crate) fn has_fields(&self) -> bool {
        matches!(self, Self::Form | Self::Multipart)
    }

    pub(crate) fn compile(node: &Rc<Node>, problems: &Problems) -> Option<Self> {
        match &node.kind {
            Kind::List(items) if items.is_empty() => {
                let sentence = "the list is empty; leave `content` out where no body is taken";
                problems.note(&node.place, Fault::conflict(sentence));
                None
            }
            Kind::List(items) => {
                let types: Vec<_> = items.iter().map(|item| media_type(item, problems)).collect();
                Some(Self::Types(types.into_iter().collect::<Option<_>>()?))
            }
            // One media type without a list around it.
            Kind::Text(word) if word.contains('/') => Some(Self::Types([media_type(node, problems)?].into())),
            _ => {
                let words = [
                    ("json", Self::Json),
                    ("form", Self::Form),
                    ("multipart", Self::Multipart),
                    ("any", Self::Any),
                ];
                let names = words.each_ref().map(|(word, content)| (*word, content));
                node.word(&names, problems).cloned()
            }
        }
    }
}

fn media_type(node: &Node, problems: &Problems) -> Option<Box<str>> {
    let text = node.text(problems)?;
    let read = MediaType::read(text.as_bytes()).filter(|it| it.essence() == &**text && !text.contains('*'));
    let malformed = || Fault::Malformed {
        what: "media type",
        found: cut(text),
        expected: "write type/subtype in lower case, without parameters and wildcards, such as image/jpeg",
    };
    problems.need(&node.place, read.map(|it| it.essence().into()).ok_or_else(malformed))
}

fn is_json(essence: &str) -> bool {
    MediaType::read(essence.as_bytes()).is_some_and(|it| it.is_json())
}
