//! Reads `transport`.

use std::time::Duration;

use crate::control::transport::Cleartext;
use crate::control::transport::TlsVersion;
use crate::control::transport::Transport;
use crate::control::transport::hsts_value;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::quantity::Span;

impl Default for Transport {
    /// What a policy without `transport` demands: TLS 1.2 or newer.
    fn default() -> Self {
        Self {
            cleartext: Cleartext::Reject,
            min_tls: TlsVersion::V1_2,
            trust_forwarded_proto: false,
            hsts: None,
        }
    }
}

impl Transport {
    /// Reads `transport`; `forwarded` says whether `client.ip` is `forwarded`.
    pub fn compile(node: &Node, forwarded: bool, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let mut transport = Self::default();
        let words =
            [("reject", Cleartext::Reject), ("redirect", Cleartext::Redirect), ("allow", Cleartext::Allow)];
        if let Some(word) = fields.optional("cleartext").and_then(|node| node.word(&words, problems)) {
            transport.cleartext = word;
        }
        let versions = [("1.2", TlsVersion::V1_2), ("1.3", TlsVersion::V1_3)];
        if let Some(version) = fields.optional("min_tls").and_then(|node| node.word(&versions, problems)) {
            transport.min_tls = version;
        }
        if let Some(node) = fields.optional("forwarded_proto") {
            transport.trust_forwarded_proto =
                node.word(&[("ignore", false), ("trust", true)], problems).unwrap_or(false);
            if transport.trust_forwarded_proto && !forwarded {
                let why = "`forwarded_proto: trust` needs `client.ip: forwarded`: who trusts the hop in front for \
                           the one trusts it for the other";
                problems.note(&node.place, Fault::conflict(why));
            }
        }
        if let Some(node) = fields.optional("hsts") {
            transport.hsts = hsts(node, problems);
        }
        fields.close();
        Some(transport)
    }
}

fn hsts(node: &Node, problems: &Problems) -> Option<Box<str>> {
    let fields = Fields::open(node, problems)?;
    let max_age = fields.required("max_age").and_then(|node| node.parse::<Span>(problems));
    let flag = |name| fields.optional(name).and_then(|node| node.boolean(problems)).unwrap_or(false);
    let (include_subdomains, preload) = (flag("include_subdomains"), flag("preload"));
    fields.close();
    let Span(max_age) = max_age?;
    if preload && (max_age < Duration::from_secs(31_536_000) || !include_subdomains) {
        let why = "`preload` needs `max_age` of at least 365d and `include_subdomains: true`: the lists of browsers \
                   take nothing less";
        problems.note(&node.place, Fault::conflict(why));
    }
    Some(hsts_value(max_age, include_subdomains, preload))
}
