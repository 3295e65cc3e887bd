//! Reads `keys` of a definition. No message from here holds any part of a key or a secret.

use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::algorithm::KeyKind;
use crate::control::tokens::definition::Jwks;
use crate::control::tokens::definition::KeySource;
use crate::control::tokens::key_set::KeySet;
use crate::control::tokens::polled::Source;
use crate::control::tokens::polled::span_within;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::secrets::Secrets;

/// How often keys are fetched where a policy does not say.
const REFRESH: Duration = Duration::from_secs(300);
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
        let source = Source::read(&fields, "key set URL", REFRESH, problems);
        let max_stale = match fields.optional("max_stale") {
            None => Some(DAY),
            Some(node) => span_within(node, Duration::from_secs(1), DAY.saturating_mul(30), problems),
        };
        fields.close();
        let (source, max_stale) = (source?, max_stale?);
        if max_stale < source.refresh {
            problems.note(
                &node.place,
                Fault::conflict("`max_stale` is under `refresh`: good keys would lapse between two fetches"),
            );
        }
        Some(Self { source, max_stale })
    }
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
