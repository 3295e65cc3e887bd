//! Reads `rate_limit_service`.

use std::time::Duration;

use crate::control::limits::service::OnError;
use crate::control::limits::service::Secret;
use crate::control::limits::service::Service;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::quantity::Span;
use crate::model::secrets::Secrets;

/// How long a request waits for the service where the policy does not say.
const TIMEOUT: Duration = Duration::from_millis(20);
/// The least and the most that it may wait.
const TIMEOUTS: (Duration, Duration) = (Duration::from_millis(1), Duration::from_secs(5));

impl Service {
    /// Reads the policy's `rate_limit_service`; what is wrong is noted.
    pub fn compile(node: &Node, secrets: Secrets<'_>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let cluster = fields.required("cluster").and_then(|node| word(node, "cluster", problems));
        let domain = fields.required("domain").and_then(|node| word(node, "domain", problems));
        let timeout = fields.optional("timeout").map_or(Some(TIMEOUT), |node| timeout(node, problems));
        let words = [("allow", OnError::Allow), ("deny", OnError::Deny), ("local", OnError::Local)];
        let on_error = fields.required("on_error").and_then(|node| node.word(&words, problems));
        let secret = fields.optional("secret_env").map_or(Some(Secret::default()), |node| {
            let name = node.variable(problems)?;
            problems.need(&node.place, secrets.key(name)).map(Secret)
        });
        fields.close();
        Some(Self {
            cluster: cluster?,
            domain: domain?,
            timeout: timeout?,
            on_error: on_error?,
            secret: secret?,
        })
    }
}

fn word(node: &Node, what: &str, problems: &Problems) -> Option<Box<str>> {
    let text = node.text(problems)?;
    // At most 100 bytes: the host is handed the cluster in a message whose lengths are one byte each.
    let fits = (1..=100).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
    let fault = || Fault::conflict(format!("`{what}` has 1 to 100 letters of visible ASCII"));
    problems.need(&node.place, fits.then(|| Box::from(&**text)).ok_or_else(fault))
}

fn timeout(node: &Node, problems: &Problems) -> Option<Duration> {
    let Span(timeout) = node.parse(problems)?;
    if !(TIMEOUTS.0..=TIMEOUTS.1).contains(&timeout) {
        let found = node.text(problems)?.to_string().into();
        problems.note(&node.place, Fault::OutOfRange { found, expected: "from 1ms to 5s".into() });
        return None;
    }
    Some(timeout)
}
