//! Reads `client`.

use std::str::FromStr;

use crate::control::client::Client;
use crate::control::client::Tracked;
use crate::document::Fields;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::model::version::Version;

/// Metric labels for versions: so many at most.
const MAX_TRACKED: usize = 32;

impl Client {
    /// Reads `client`; `tokens` are the policy's token definitions.
    pub fn compile(node: &Node, tokens: &[Name], problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let mut client = Self::default();
        let value = |node: &Node| {
            let value = problems.need(&node.place, ValueRef::parse(node.text(problems)?, tokens))?;
            let fits = |it: &Source| matches!(it, Source::Header(_) | Source::Query(_) | Source::Claim(_));
            if !value.sources().iter().all(fits) {
                let why = "what the client says of itself stands in a header, a query parameter or a claim";
                problems.note(&node.place, Fault::conflict(why));
            }
            Some(value)
        };
        client.forwarded = fields
            .optional("ip")
            .and_then(|node| node.word(&[("connection", false), ("forwarded", true)], problems));
        client.platform = fields.optional("platform").and_then(|node| value(node));
        if let Some(node) = fields.optional("app_version") {
            app_version(node, &mut client, value, problems);
        }
        if let Some(node) = fields.optional("upgrade") {
            client.upgrade = platforms(node, problems, link);
        }
        if let Some(node) = fields.optional("tracked_versions") {
            client.tracked = tracked(node, problems);
        }
        fields.close();
        Some(client)
    }
}

fn app_version(
    node: &Node,
    client: &mut Client,
    value: impl Fn(&Node) -> Option<ValueRef>,
    problems: &Problems,
) -> Option<()> {
    let fields = Fields::open(node, problems)?;
    client.version = fields.required("from").and_then(|node| value(node));
    if let Some(node) = fields.optional("minimum") {
        client.minimum = platforms(node, problems, Version::from_str);
        if client.platform.is_none() {
            problems.note(&node.place, Fault::conflict("`minimum` is by platform: write `client.platform`"));
        }
        // Whether an unknown app passes decides security: it is said aloud.
        fields.required("unknown");
    }
    client.refuse_unknown = fields
        .optional("unknown")
        .and_then(|node| node.word(&[("allow", false), ("refuse", true)], problems))
        .unwrap_or(false);
    fields.close();
    Some(())
}

/// A map from platform (in lower case) to something.
fn platforms<T>(
    node: &Node,
    problems: &Problems,
    read: impl Fn(&str) -> Result<T, Fault>,
) -> Vec<(Box<str>, T)> {
    let mut out: Vec<(Box<str>, T)> = Vec::new();
    for (platform, node) in node.map(problems).unwrap_or_default() {
        let platform: Box<str> = platform.to_lowercase().into();
        if out.iter().any(|(known, _)| *known == platform) {
            problems.note(&node.place, Fault::Duplicate { what: "platform", name: platform, first: None });
            continue;
        }
        let it = node.text(problems).and_then(|text| problems.need(&node.place, read(text)));
        out.extend(it.map(|it| (platform, it)));
    }
    out
}

fn link(text: &str) -> Result<Box<str>, Fault> {
    let fits = text.starts_with("https://")
        && text.len() <= 1024
        && text.bytes().all(|byte| byte.is_ascii_graphic());
    if fits {
        return Ok(text.into());
    }
    Err(Fault::Malformed {
        what: "link",
        found: cut(text),
        expected: "write an address that begins with https://",
    })
}

fn tracked(node: &Node, problems: &Problems) -> Vec<Tracked> {
    let items = node.list(problems).unwrap_or_default();
    if items.len() > MAX_TRACKED {
        let expected =
            format!("at most {MAX_TRACKED} versions, since each is a label of every counter").into();
        problems.note(&node.place, Fault::OutOfRange { found: items.len().to_string().into(), expected });
        return Vec::new();
    }
    items
        .iter()
        .filter_map(|item| {
            let text = item.text(problems)?;
            let it = Tracked::parse(text).ok_or_else(|| Fault::Malformed {
                what: "version",
                found: cut(text),
                expected: "write one to three numbers with dots, such as \"5.1\"",
            });
            problems.need(&item.place, it)
        })
        .collect()
}

impl Tracked {
    fn parse(text: &str) -> Option<Self> {
        let parts: Vec<u32> = text.split('.').map(|part| part.parse().ok()).collect::<Option<_>>()?;
        let (last, front) = parts.split_last()?;
        let next = front.iter().copied().chain([last.checked_add(1)?]).map(|n| n.to_string());
        let below = Version::parse(&next.collect::<Vec<_>>().join("."))?;
        let plain = parts.len() <= 3 && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        Some(Self { label: text.into(), from: Version::parse(text)?, below }).filter(|_| plain)
    }
}
