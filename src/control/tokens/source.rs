//! Reads `keys` of a definition. No message from here holds any part of a key or a secret.

use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::algorithm::KeyKind;
use crate::control::tokens::definition::Jwks;
use crate::control::tokens::definition::KeySource;
use crate::control::tokens::key_set::KeySet;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::host::Host;
use crate::model::quantity::Span;
use crate::model::secrets::Secrets;

const SECOND: Duration = Duration::from_secs(1);
const DAY: Duration = Duration::from_secs(86_400);

impl KeySource {
    /// Reads `keys`; just one source must stand there. `algorithms` are `None` where they could not be read: then the
    /// keys may serve any, so that one fault is not two.
    pub(crate) fn compile(
        node: &Node,
        algorithms: Option<&[Algorithm]>,
        secrets: Secrets<'_>,
        problems: &Problems,
    ) -> Option<Self> {
        let sources = "a map with `jwks`, `inline` or `secret_env`; a key or a secret does not stand here";
        node.discreet_map(sources, problems)?;
        let fields = Fields::open(node, problems)?;
        let sources = (fields.optional("jwks"), fields.optional("inline"), fields.optional("secret_env"));
        fields.close();
        let hmac = algorithms.map(|list| list.iter().any(|algorithm| algorithm.kind() == KeyKind::Secret));
        match sources {
            (Some(jwks), None, None) if hmac == Some(true) => {
                problems.note(
                    &jwks.place,
                    Fault::conflict("HS algorithms need a secret, and a fetched key set is public; use `inline` or `secret_env`"),
                );
                None
            }
            (Some(jwks), None, None) => Jwks::compile(jwks, problems).map(Self::Jwks),
            (None, Some(inline), None) => {
                let all = Algorithm::WORDS.map(|(_, algorithm)| algorithm);
                compile_inline(inline, algorithms.unwrap_or(&all), problems)
            }
            (None, None, Some(name)) if hmac == Some(false) => {
                problems.note(&name.place, Fault::conflict("`secret_env` serves HS algorithms only"));
                None
            }
            (None, None, Some(name)) => compile_secret(name, secrets, problems),
            _ => {
                problems.note(
                    &node.place,
                    Fault::conflict("write just one of `jwks`, `inline` and `secret_env`"),
                );
                None
            }
        }
    }
}

impl Jwks {
    fn compile(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let url = fields.required("url").and_then(|node| {
            let text = node.text(problems)?;
            problems.need(&node.place, split_url(text))
        });
        let cluster = fields.required("cluster").and_then(|node| {
            let text = node.text(problems)?;
            let named =
                !text.is_empty() && text.len() <= 256 && text.bytes().all(|byte| byte.is_ascii_graphic());
            let fault =
                || Fault::conflict("`cluster` is the host's name for where to connect: visible ASCII");
            problems.need(&node.place, named.then(|| Box::from(&**text)).ok_or_else(fault))
        });
        let span = |name, range: (Duration, Duration), default| match fields.optional(name) {
            None => Some(default),
            Some(node) => span_within(node, range.0, range.1, problems),
        };
        let refresh = span("refresh", (SECOND, DAY), Duration::from_secs(300));
        let timeout =
            span("timeout", (Duration::from_millis(50), Duration::from_secs(30)), Duration::from_secs(2));
        let max_stale = span("max_stale", (SECOND, DAY.saturating_mul(30)), DAY);
        fields.close();
        let ((authority, path), refresh, max_stale) = (url?, refresh?, max_stale?);
        if max_stale < refresh {
            problems.note(
                &node.place,
                Fault::conflict("`max_stale` is under `refresh`: good keys would lapse between two fetches"),
            );
        }
        Some(Self { cluster: cluster?, authority, path, refresh, timeout: timeout?, max_stale })
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
fn split_url(text: &str) -> Result<(Box<str>, Box<str>), Fault> {
    let read = || {
        let rest = text.strip_prefix("https://").filter(|_| text.len() <= 2048)?;
        let (authority, path) = rest.split_at_checked(rest.find('/')?)?;
        Host::parse(authority.as_bytes())?;
        let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && !b"#\"<>\\^`{|}".contains(&byte));
        plain.then(|| (authority.into(), path.into()))
    };
    read().ok_or_else(|| Fault::Malformed {
        what: "key set URL",
        found: crate::document::cut(text),
        expected: "write it as https://host/path",
    })
}

fn compile_inline(node: &Node, algorithms: &[Algorithm], problems: &Problems) -> Option<KeySource> {
    node.discreet_map("a JSON Web Key Set: a map with a list `keys`", problems)?;
    match KeySet::parse(node.to_json().to_string().as_bytes(), algorithms) {
        Ok((set, skipped)) => {
            for key in skipped {
                problems.remark(&node.place, "unusable-key", key.to_string());
            }
            Some(KeySource::Inline(Rc::new(set)))
        }
        Err(fault) => {
            problems.note(&node.place, Fault::conflict(fault.to_string()));
            None
        }
    }
}

fn compile_secret(node: &Node, secrets: Secrets<'_>, problems: &Problems) -> Option<KeySource> {
    let name = node.variable(problems)?;
    match secrets.get(name) {
        Some(secret) => match KeySet::of_secret(secret.as_bytes()) {
            Ok(set) => Some(KeySource::Secret(Some(Rc::new(set)))),
            Err(_) => {
                problems.note(&node.place, Fault::conflict("the variable's value is under 32 bytes"));
                None
            }
        },
        None if secrets.are_needed() => {
            problems.note(&node.place, Fault::conflict("the variable is not set"));
            None
        }
        None => Some(KeySource::Secret(None)),
    }
}
