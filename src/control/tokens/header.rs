//! Reads the headers that a definition names: where its token stands, and where its claims go.

use crate::control::tokens::definition::Carrier;
use crate::control::tokens::definition::Forward;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::value::Source;
use crate::model::value::ValueRef;
use crate::model::value::header_name;

/// Headers that mean something to a host or an upstream server: no claim is written there and no token read.
const TAKEN: [&str; 21] = [
    "accept-encoding",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "cookie",
    "expect",
    "forwarded",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-connection",
    "range",
    "set-cookie",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
    "x-request-id",
];
/// Families of such headers: addresses and protocol, the host's own, what overrides method or path.
const TAKEN_FAMILIES: [&str; 5] =
    ["x-forwarded-", "x-envoy-", "x-http-method", "x-method-override", "x-original-"];

impl Carrier {
    /// `Authorization: Bearer` (RFC 6750, section 2.1).
    pub(crate) fn bearer() -> Self {
        Self { header: "authorization".into(), scheme: Some("bearer".into()) }
    }

    pub(crate) fn compile(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let header = match fields.optional("header") {
            None => Some("authorization".into()),
            Some(node) => compile_header(node, node.text(problems)?, problems),
        };
        let scheme = match fields.optional("scheme") {
            None => Some(None),
            Some(node) => node.text(problems).and_then(|text| {
                let fault = |_| Fault::Malformed {
                    what: "scheme",
                    found: crate::document::cut(text),
                    expected: "such as Bearer",
                };
                problems.need(&node.place, header_name(text).map_err(fault)).map(Some)
            }),
        };
        fields.close();
        match (header?, scheme?) {
            (header, None) if &*header == "authorization" => Some(Self::bearer()),
            (header, scheme) => Some(Self { header: header.into(), scheme }),
        }
    }
}

/// Reads `forward`: which claims of the token `index` go to the upstream, and in which headers.
pub(crate) fn compile_forward(
    node: &Node,
    index: usize,
    names: &[Name],
    problems: &Problems,
) -> Option<Box<[Forward]>> {
    let mut forward: Vec<Option<Forward>> = Vec::new();
    for (header, node) in node.map(problems)? {
        forward.push(Forward::compile(header, node, index, names, problems));
        let Some((Some(last), before)) = forward.split_last() else { continue };
        if before.iter().flatten().any(|known| same_header(&known.header, &last.header)) {
            let name = last.header.clone();
            problems
                .note(&node.place, Fault::Duplicate { what: "header", name: (&*name).into(), first: None });
        }
    }
    forward.into_iter().collect()
}

impl Forward {
    fn compile(header: &str, node: &Node, index: usize, names: &[Name], problems: &Problems) -> Option<Self> {
        let header = compile_header(node, header, problems)?;
        if &*header == "authorization" {
            problems.note(
                &node.place,
                Fault::conflict("`authorization` is for credentials; no claim goes there"),
            );
            return None;
        }
        let value = problems.need(&node.place, ValueRef::parse(node.text(problems)?, names))?;
        let own = |source: &Source| matches!(source, Source::Claim(claim) if claim.token == index && !claim.claim.has_each());
        if !value.sources().iter().all(own) {
            problems
                .note(&node.place, Fault::conflict("only claims of this token can be forwarded from here"));
            return None;
        }
        Some(Self { header: header.into(), value })
    }
}

/// Whether an upstream may take two header names for the same: many read `_` as `-`.
pub(crate) fn same_header(a: &str, b: &str) -> bool {
    let fold = |byte: u8| if byte == b'_' { b'-' } else { byte };
    a.bytes().map(fold).eq(b.bytes().map(fold))
}

/// A header's name that a policy may give a meaning of its own.
fn compile_header(node: &Node, name: &str, problems: &Problems) -> Option<Box<str>> {
    let header = problems.need(&node.place, header_name(name))?;
    let folded = header.replace('_', "-");
    let taken = TAKEN.contains(&&*folded)
        || folded == "proxy-authorization"
        || TAKEN_FAMILIES.iter().any(|family| folded.starts_with(family));
    if taken {
        problems.note(
            &node.place,
            Fault::conflict(format!("`{header}` has a meaning of its own already; choose another header")),
        );
        return None;
    }
    Some(header)
}
