//! Versions of one endpoint side by side: routes of one method and path that what the client says keeps apart, a header
//! or the app's version.
//!
//! **Does not** prove anything: a client says what it likes, so that nothing may be weaker on one of them. The policy sees
//! to that.

use std::rc::Rc;

use crate::document::Fields;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::value::header_name;
use crate::model::version::Version;
use crate::model::version::Versions;

/// What a client must say for a route to be meant.
#[derive(Clone, Debug)]
pub(super) enum Says {
    /// One of these values in the header of that name, byte for byte.
    Header(Box<str>, Rc<[Box<str>]>),
    /// One of these versions of the app.
    App(Versions),
}

/// A header that it hangs on can be read in two ways.
#[derive(Debug)]
pub(super) struct Ambiguous;

impl Says {
    /// Reads `header` or `app_version` of a `match`.
    pub(super) fn compile(fields: &Fields<'_>, problems: &Problems) -> Option<Self> {
        let header = fields.optional("header").map(|node| header(node, problems));
        let app = fields.optional("app_version");
        if let (Some(_), Some(node)) = (&header, app) {
            let why = "`header` and `app_version` do not stand together: one of them tells versions apart";
            problems.note(&node.place, Fault::conflict(why));
        }
        match (header, app) {
            (Some(header), _) => header,
            (None, Some(node)) => node.parse::<Versions>(problems).map(Self::App),
            (None, None) => None,
        }
    }

    /// Whether the client says it. `app` is its version, where it says one.
    pub(super) fn fits(&self, headers: &Headers, app: Option<Version>) -> Result<bool, Ambiguous> {
        match self {
            Self::App(versions) => Ok(app.is_some_and(|app| versions.contains(app))),
            Self::Header(name, values) => {
                if headers.has_twin(name) {
                    return Err(Ambiguous);
                }
                match headers.single(name) {
                    Found::Missing => Ok(false),
                    Found::Ambiguous => Err(Ambiguous),
                    Found::One(value) => Ok(values.iter().any(|known| known.as_bytes() == value)),
                }
            }
        }
    }

    /// Whether some request could say both, or nobody can tell.
    pub(super) fn meets(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Header(name, values), Self::Header(other, others)) => {
                name != other || values.iter().any(|value| others.contains(value))
            }
            (Self::App(versions), Self::App(others)) => versions.meets(others),
            _ => true,
        }
    }
}

fn header(node: &Node, problems: &Problems) -> Option<Says> {
    let fields = Fields::open(node, problems)?;
    let name = fields.required("name").and_then(|node| {
        let name = problems.need(&node.place, header_name(node.text(problems)?))?;
        if matches!(&*name, "authorization" | "cookie" | "host") || name.starts_with(':') {
            let why = format!("`{}` tells no version of an endpoint", cut(&name));
            problems.note(&node.place, Fault::conflict(why));
        }
        Some(name)
    });
    let values = fields.required("is").map(|node| {
        let value = |item: &Rc<Node>| {
            let text = item.text(problems)?;
            let fits = (1..=128).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ')
                && text.trim() == &**text;
            if !fits {
                let expected = "write 1 to 128 visible characters";
                problems.note(
                    &item.place,
                    Fault::Malformed { what: "header's value", found: cut(text), expected },
                );
            }
            Some((&**text).into())
        };
        let values: Vec<Box<str>> = node.one_or_list().iter().filter_map(value).collect();
        if node.one_or_list().is_empty() {
            problems.note(&node.place, Fault::conflict("`is` has nothing in it"));
        }
        values
    });
    fields.close();
    Some(Says::Header(name?, values?.into()))
}
