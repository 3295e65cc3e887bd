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
            Self::Any => false,
        }
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
                    ("json", Some(Self::Json)),
                    ("any", Some(Self::Any)),
                    ("form", None),
                    ("multipart", None),
                ];
                let names = words.each_ref().map(|(word, content)| (*word, content.as_ref()));
                let content = node.word(&names, problems)?;
                if content.is_none() {
                    let what = format!("`content: {}`", node.text(problems)?);
                    problems.note(&node.place, Fault::NotSupportedYet(what.into()));
                }
                content.cloned()
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
