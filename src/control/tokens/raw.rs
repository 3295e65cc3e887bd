//! Reads one entry of `tokens`.

use std::rc::Rc;
use std::time::Duration;

use hmac_sha256::Hash;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::algorithm::KeyKind;
use crate::control::tokens::definition::Carrier;
use crate::control::tokens::definition::Condition;
use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::Dpop;
use crate::control::tokens::definition::KeySource;
use crate::control::tokens::definition::Signatures;
use crate::control::tokens::definition::short_media_type;
use crate::control::tokens::header::compile_forward;
use crate::control::tokens::polled::span_within;
use crate::control::tokens::revocation::Beside;
use crate::control::tokens::revocation::Revocation;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::claims::ClaimTest;
use crate::model::name::Name;
use crate::model::pointer::Pointer;
use crate::model::pointer::Step;
use crate::model::secrets::Secrets;
use crate::model::value::claim_name;

/// How far clocks may differ where a policy does not say.
const DEFAULT_SKEW: Duration = Duration::from_secs(30);
/// The furthest that a policy may let them differ.
const MAX_SKEW: Duration = Duration::from_secs(300);
/// The longest bound on a token's life that is still one.
const MAX_LIFETIME: Duration = Duration::from_secs(3660 * 86_400);

/// How old a proof may be where a policy does not say: it is made for one request and sent at once.
const DEFAULT_PROOF_AGE: Duration = Duration::from_secs(60);
/// The oldest that a policy may let one be.
const MAX_PROOF_AGE: Duration = Duration::from_secs(600);

const DEFAULT_CACHE: usize = 4096;
const MAX_CACHE: u64 = 65_536;

impl Definition {
    /// Reads the entry `name`, one of `names`.
    pub(crate) fn compile(
        index: usize,
        node: &Node,
        names: &[Name],
        secrets: Secrets<'_>,
        problems: &Problems,
    ) -> Option<Self> {
        let name = names.get(index)?.clone();
        let fields = Fields::open(node, problems)?;
        let carrier = match fields.optional("in") {
            None => Some(Carrier::bearer()),
            Some(node) => Carrier::compile(node, problems),
        };
        let issuer = fields.required("issuer").and_then(|node| one_text(node, "issuer", problems));
        let audience = fields.required("audience").and_then(|node| texts_or_any(node, "audience", problems));
        let types = match fields.optional("type") {
            None => Some(Some([Box::from("at+jwt")].into())),
            Some(node) => texts_or_any(node, "type", problems),
        };
        let algorithms = fields.required("algorithms").and_then(|node| compile_algorithms(node, problems));
        let keys = fields
            .required("keys")
            .and_then(|node| KeySource::compile(node, algorithms.as_deref(), secrets, problems));
        let max_lifetime = fields.required("max_lifetime").and_then(|node| {
            if is_any(node) {
                problems.remark(
                    &node.place,
                    "lifetime-any",
                    "`max_lifetime: any`: a stolen token serves as long as its issuer said",
                );
                return Some(None);
            }
            span_within(node, Duration::from_secs(1), MAX_LIFETIME, problems).map(Some)
        });
        let clock_skew = match fields.optional("clock_skew") {
            None => Some(DEFAULT_SKEW),
            Some(node) => span_within(node, Duration::ZERO, MAX_SKEW, problems),
        };
        let require = each(fields.optional("require"), problems, |node| claim(node, problems));
        let claims = each(fields.optional("claims"), problems, |node| Condition::compile(node, problems));
        let forward = match fields.optional("forward") {
            None => Some(Box::default()),
            Some(node) => compile_forward(node, index, names, problems),
        };
        let keep = fields.required("keep").and_then(|node| node.boolean(problems));
        let cache = match fields.optional("cache") {
            None => Some(DEFAULT_CACHE),
            Some(node) => node.integer(0..=MAX_CACHE, problems).and_then(|it| usize::try_from(it).ok()),
        };
        let signatures = match fields.optional("signatures") {
            None => Some(Signatures::Auto),
            Some(node) => node.word(&[("auto", Signatures::Auto), ("wasm", Signatures::Wasm)], problems),
        };
        let dpop = match fields.optional("dpop") {
            None => Some(Dpop::Optional),
            Some(node) => node.word(&Dpop::WORDS, problems),
        };
        let proof_max_age = match fields.optional("proof_max_age") {
            None => Some(DEFAULT_PROOF_AGE),
            Some(node) => span_within(node, Duration::from_secs(1), MAX_PROOF_AGE, problems),
        };
        let revocation = fields.optional("revocation");
        let beside = || {
            let (issuer, max_lifetime, clock_skew) =
                (issuer.as_ref()?.as_deref(), max_lifetime?, clock_skew?);
            Some(Beside { issuer, max_lifetime, clock_skew })
        };
        let revocation = match revocation {
            None => Some(None),
            Some(node) => {
                if ["jti", "sid"].iter().all(|name| !requires(require.as_deref(), name)) {
                    let why = "neither `jti` nor `sid` is in `require`: a token without both is revoked by its `sub` alone";
                    problems.remark(&node.place, "revocation-by-sub", why);
                }
                Revocation::compile(node, beside(), problems).map(Some)
            }
        };
        fields.close();
        Some(Self {
            fingerprint: Hash::hash(format!("{index} {name} {}", node.to_json()).as_bytes()),
            name,
            index,
            carrier: carrier?,
            issuer: issuer?,
            audience: audience?,
            algorithms: algorithms?,
            types: types?.map(|types| {
                types.iter().map(|kind| short_media_type(kind).to_ascii_lowercase().into()).collect()
            }),
            keys: keys?,
            max_lifetime: max_lifetime?,
            clock_skew: clock_skew?,
            require: require?,
            claims: claims?,
            forward: forward?,
            keep: keep?,
            cache: cache?,
            signatures: signatures?,
            dpop: dpop?,
            proof_max_age: proof_max_age?,
            revocation: revocation?,
        })
    }
}

impl Condition {
    fn compile(node: &Node, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let claim = fields.required("claim").and_then(|node| claim(node, problems));
        let test = ClaimTest::compile(&fields, problems);
        fields.close();
        Some(Self { claim: claim?, test: test? })
    }
}

/// Whether `require` names this claim; so it is taken where `require` could not be read.
fn requires(require: Option<&[Pointer]>, name: &str) -> bool {
    let is = |claim: &Pointer| matches!(claim.steps(), [Step::Key(key)] if &**key == name);
    require.is_none_or(|require| require.iter().any(is))
}

/// Whether the author says aloud that anything will do.
fn is_any(node: &Node) -> bool {
    matches!(&node.kind, Kind::Text(text) if &**text == "any")
}

/// One string that is not empty, or `any`, which is `None` and worth a remark.
fn one_text(node: &Node, what: &'static str, problems: &Problems) -> Option<Option<Box<str>>> {
    if is_any(node) {
        flag_any(node, what, problems);
        return Some(None);
    }
    filled(node, problems).map(Some)
}

/// One string or several, none empty; or `any`.
fn texts_or_any(node: &Rc<Node>, what: &'static str, problems: &Problems) -> Option<Option<Box<[Box<str>]>>> {
    if is_any(node) {
        flag_any(node, what, problems);
        return Some(None);
    }
    let nodes = node.one_or_list();
    let texts: Vec<Option<Box<str>>> = nodes
        .iter()
        .map(|node| {
            if is_any(node) {
                problems.note(&node.place, Fault::conflict(format!("`any` stands alone: `{what}: any`")));
                return None;
            }
            filled(node, problems)
        })
        .collect();
    if texts.is_empty() {
        problems.note(&node.place, Fault::conflict(format!("an empty `{what}` would accept no token")));
        return None;
    }
    texts.into_iter().collect::<Option<_>>().map(Some)
}

fn filled(node: &Node, problems: &Problems) -> Option<Box<str>> {
    let text = node.text(problems)?;
    let full = (!text.is_empty()).then(|| Box::from(&**text));
    problems.need(&node.place, full.ok_or_else(|| Fault::conflict("an empty string stands for nothing")))
}

fn flag_any(node: &Node, what: &'static str, problems: &Problems) {
    let (kind, text) = match what {
        "issuer" => ("issuer-any", "`issuer: any`: whoever holds one of the keys may speak for every issuer"),
        "audience" => {
            ("audience-any", "`audience: any`: tokens that were meant for other services are accepted")
        }
        _ => ("type-any", "`type: any`: ID tokens and other kinds that the issuer signs are accepted"),
    };
    problems.remark(&node.place, kind, text);
}

/// The elements of an optional list.
fn each<T>(
    node: Option<&Rc<Node>>,
    problems: &Problems,
    read: impl Fn(&Node) -> Option<T>,
) -> Option<Box<[T]>> {
    let Some(node) = node else { return Some(Box::default()) };
    let items: Vec<Option<T>> = node.list(problems)?.iter().map(|node| read(node)).collect();
    items.into_iter().collect()
}

/// A claim of this token, named bare.
fn claim(node: &Node, problems: &Problems) -> Option<Pointer> {
    let claim = problems.need(&node.place, claim_name(node.text(problems)?))?;
    if claim.has_each() {
        problems.note(&node.place, Fault::conflict("`*` names no one claim"));
        return None;
    }
    Some(claim)
}

fn compile_algorithms(node: &Node, problems: &Problems) -> Option<Box<[Algorithm]>> {
    let mut algorithms = Vec::new();
    for node in node.list(problems)? {
        let algorithm = node.word(&Algorithm::WORDS, problems)?;
        if algorithms.contains(&algorithm) {
            let name = node.text(problems)?.to_string().into();
            problems.note(&node.place, Fault::Duplicate { what: "algorithm", name, first: None });
        }
        algorithms.push(algorithm);
    }
    let secret = |algorithm: &Algorithm| algorithm.kind() == KeyKind::Secret;
    if algorithms.is_empty() {
        problems.note(&node.place, Fault::conflict("an empty `algorithms` would accept no token"));
        return None;
    }
    if algorithms.iter().any(secret) && !algorithms.iter().all(secret) {
        let why = "HS algorithms stand by themselves: beside others a public key could be taken for a secret";
        problems.note(&node.place, Fault::conflict(why));
        return None;
    }
    Some(algorithms.into())
}
