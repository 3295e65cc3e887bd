//! Where a document is fetched, and how often.

use std::time::Duration;

use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::host::Host;
use crate::model::quantity::Span;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

/// An address, and how often to ask there.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Source {
    /// The host's name for where to connect.
    pub cluster: Box<str>,
    /// `:authority` of the request.
    pub authority: Box<str>,
    /// `:path` of the request, with its query.
    pub path: Box<str>,
    /// How often.
    pub refresh: Duration,
    /// How long one fetch may take.
    pub timeout: Duration,
}

impl Source {
    /// Reads `url`, `cluster`, `refresh` and `timeout` off a map that has more. `what` names the document in messages.
    pub(crate) fn read(
        fields: &Fields<'_>,
        what: &'static str,
        refresh: Duration,
        problems: &Problems,
    ) -> Option<Self> {
        let url = fields.required("url").and_then(|node| {
            let text = node.text(problems)?;
            problems.need(&node.place, split_url(text, what))
        });
        let cluster = fields.required("cluster").and_then(|node| {
            let text = node.text(problems)?;
            let named =
                !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
            let fault =
                || Fault::conflict("`cluster` is the host's name for where to connect: visible ASCII");
            problems.need(&node.place, named.then(|| Box::from(&**text)).ok_or_else(fault))
        });
        let span = |name, least, most, default| match fields.optional(name) {
            None => Some(default),
            Some(node) => span_within(node, least, most, problems),
        };
        let refresh = span("refresh", SECOND, DAY, refresh);
        let timeout =
            span("timeout", Duration::from_millis(50), Duration::from_secs(30), Duration::from_secs(2));
        let (authority, path) = url?;
        Some(Self { cluster: cluster?, authority, path, refresh: refresh?, timeout: timeout? })
    }

    /// How long whoever fetches has the document to himself: by then the fetch has ended.
    pub fn lease(&self) -> Duration {
        self.timeout.saturating_add(SECOND)
    }

    /// Whether both ask for the same: what one fetches serves the other.
    pub(crate) fn same_place(&self, other: &Self) -> bool {
        self.cluster == other.cluster && self.authority == other.authority && self.path == other.path
    }
}

/// A duration between two others, both inclusive.
pub(crate) fn span_within(
    node: &Node,
    least: Duration,
    most: Duration,
    problems: &Problems,
) -> Option<Duration> {
    let Span(span) = node.parse(problems)?;
    if (least..=most).contains(&span) {
        return Some(span);
    }
    let found = node.text(problems).map(|text| crate::document::cut(text)).unwrap_or_default();
    let expected = format!("from {}ms to {}s", least.as_millis(), most.as_secs()).into();
    problems.note(&node.place, Fault::OutOfRange { found, expected });
    None
}

/// Authority and path of an `https` URL.
fn split_url(text: &str, what: &'static str) -> Result<(Box<str>, Box<str>), Fault> {
    let read = || {
        let rest = text.strip_prefix("https://").filter(|_| text.len() <= 2048)?;
        let (authority, path) = rest.split_at_checked(rest.find('/')?)?;
        Host::parse(authority.as_bytes())?;
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
        plain.then(|| (authority.into(), path.into()))
    };
    read().ok_or_else(|| Fault::Malformed {
        what,
        found: crate::document::cut(text),
        expected: "write it as https://host/path",
    })
}
