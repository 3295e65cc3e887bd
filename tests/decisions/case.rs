//! The format of a decision as data. `tests/cases/README.md` is its reference.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::UNIX_EPOCH;

use portcullis::cli;
use portcullis::document::Node;
use portcullis::document::patched;
use portcullis::fault::Problems;
use portcullis::model::quantity::Span;
use portcullis::model::time::Nanos;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

/// One file: a claim, and the rows that show it.
pub(crate) struct CaseFile {
    pub(crate) path: PathBuf,
    /// The claim.
    pub(crate) about: String,
    /// Whether the rows share one worker and follow each other.
    pub(crate) sequence: bool,
    /// A row's name and what it says, never none.
    pub(crate) rows: Vec<(String, Case)>,
}

/// One request, what stands around it, and what becomes of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Case {
    /// The policy itself, or its file's name as seen from the case's file.
    pub(crate) policy: Value,
    /// Laid over the policy (RFC 7396).
    #[serde(default)]
    pub(crate) patch: Option<Value>,
    #[serde(default = "noon")]
    pub(crate) now: Instant,
    /// So long after the row before.
    #[serde(default)]
    pub(crate) after: Option<Duration>,
    /// So often, each time with the same end.
    #[serde(default = "once")]
    pub(crate) times: u32,
    #[serde(default)]
    pub(crate) connection: Connection,
    #[serde(default)]
    pub(crate) service: RateLimitService,
    #[serde(default)]
    pub(crate) keys: KeySets,
    /// A revocation feed that came just before, but for `iss`.
    #[serde(default)]
    pub(crate) revoked: Option<Map<String, Value>>,
    #[serde(default)]
    pub(crate) token: Option<Credential>,
    #[serde(default)]
    pub(crate) tokens: BTreeMap<String, Credential>,
    #[serde(default)]
    pub(crate) forge: Forge,
    #[serde(default)]
    pub(crate) proof: Option<Proof>,
    pub(crate) request: Request,
    #[serde(default)]
    pub(crate) upstream: Option<Upstream>,
    pub(crate) expect: Expect,
}

/// A time in UTC, as RFC 3339 writes it.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Instant(pub(crate) Nanos);

/// A duration as a policy writes it.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Duration(pub(crate) std::time::Duration);

/// The connection that the client made.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Connection {
    /// `"1.3"`, or `none` for cleartext.
    pub(crate) tls: String,
    /// The peer as Envoy shows it.
    pub(crate) address: String,
    /// SHA-256 of the certificate that the client showed, as `x5t#S256` has it.
    pub(crate) certificate: Option<String>,
}

/// What the rate limit service says.
#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum RateLimitService {
    #[default]
    Within,
    Over,
    Silent,
}

/// Whether the key sets and revocation feeds that the policy fetches are there.
#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum KeySets {
    #[default]
    Fetched,
    NotYet,
}

/// A token: claims laid over those of a good one, or its whole text.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Credential {
    Raw(String),
    Claims(Map<String, Value>),
}

/// What an honest issuer would not do.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Forge {
    /// Laid over the token's header.
    pub(crate) header: Map<String, Value>,
    pub(crate) key: SigningKey,
}

/// A proof of possession of the device's key: what is laid over a good one.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Proof {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// Another device's key, in the header and for the signature.
    pub(crate) stranger: bool,
    /// The scheme of the tokens, where theirs is Bearer.
    pub(crate) scheme: Option<String>,
    /// The token whose hash it holds; the first where nothing is said.
    pub(crate) of: String,
}

/// Whose key signs.
#[derive(Clone, Copy, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "snake_case")]
pub(crate) enum SigningKey {
    #[default]
    Issuer,
    Stranger,
    None,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Request {
    #[serde(default = "get")]
    pub(crate) method: String,
    #[serde(default = "host")]
    pub(crate) host: Text,
    pub(crate) path: Text,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(crate) body: Option<Text>,
    #[serde(default)]
    pub(crate) json: Option<Value>,
    /// Whether the body comes without a `content-length`.
    #[serde(default)]
    pub(crate) chunked: bool,
}

/// The upstream's answer.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Upstream {
    /// How long it takes until its answer's head is here, and as long again until the body is.
    #[serde(default)]
    pub(crate) takes: Option<Duration>,
    #[serde(default = "ok")]
    pub(crate) status: u16,
    #[serde(default)]
    pub(crate) headers: BTreeMap<String, OneOrMany>,
    #[serde(default)]
    pub(crate) body: Option<Text>,
    #[serde(default)]
    pub(crate) json: Option<Value>,
}

/// Bytes, as a file can hold them.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum Text {
    Plain(String),
    Base64 { base64: String },
    Repeat { repeat: String, times: usize },
    Join { join: Vec<Text> },
}

/// A header's line, or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub(crate) enum OneOrMany {
    Many(Vec<Text>),
    One(Text),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Expect {
    /// The route that the request goes on by; `none` for one that has no route.
    #[serde(default)]
    pub(crate) admit: Option<String>,
    /// The reason, as an audit event has it.
    #[serde(default)]
    pub(crate) refuse: Option<String>,
    /// The status that the client is sent; the reason's own where nothing is said.
    #[serde(default)]
    pub(crate) status: Option<u16>,
    /// What rules in shadow would have refused with, in order: nothing where nothing is said.
    #[serde(default)]
    pub(crate) would_refuse: Vec<String>,
    /// `exempted`, `uninspected`, `removed 1 by RULE`, `would_remove 1 by RULE`, in order: nothing where nothing is said.
    #[serde(default)]
    pub(crate) notes: Vec<String>,
    /// The rule that refused.
    #[serde(default)]
    pub(crate) rule: Option<String>,
    /// All headers that are set on the way to the upstream.
    #[serde(default)]
    pub(crate) sets: Option<BTreeMap<String, String>>,
    /// All headers that are removed on the way to the upstream.
    #[serde(default)]
    pub(crate) removes: Option<Vec<String>>,
    /// What becomes of the upstream's answer: `passes`, or the reason.
    #[serde(default)]
    pub(crate) response: Option<String>,
    #[serde(default)]
    pub(crate) answer: Answer,
}

/// What the client gets from the filter: some of it.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Answer {
    pub(crate) headers: BTreeMap<String, String>,
    /// Headers that must not be there.
    pub(crate) without: Vec<String>,
    /// All headers that are removed from the upstream's answer, in order.
    pub(crate) removes: Option<Vec<String>>,
    /// Members of the problem.
    pub(crate) body: Map<String, Value>,
    /// The whole body of an answer that was changed.
    pub(crate) text: Option<String>,
}

impl CaseFile {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        Self::parse(path, read_yaml(path)?.to_json())
    }

    /// What a file says: each row stands over what the file says itself.
    pub(crate) fn parse(path: &Path, whole: Value) -> Result<Self, String> {
        let Value::Object(mut whole) = whole else { return Err("no map".into()) };
        let about = match whole.remove("about") {
            Some(Value::String(about)) if !about.is_empty() => about,
            _ => return Err("`about` says no claim".into()),
        };
        let sequence = match whole.remove("sequence") {
            None => false,
            Some(Value::Bool(it)) => it,
            Some(_) => return Err("`sequence` is true or false".into()),
        };
        let rows = match whole.remove("rows") {
            None => vec![json!({ "row": "the only row" })],
            Some(Value::Array(rows)) if !rows.is_empty() => rows,
            Some(_) => return Err("`rows` is no list, or has nothing in it".into()),
        };
        let row = |mut row: Value| {
            let name = row.as_object_mut().and_then(|row| row.remove("row"));
            let Some(Value::String(name)) = name else { return Err("a row has no name: `row`".to_owned()) };
            let case = over(&row, &Value::Object(whole.clone()));
            let case = serde_json::from_value(case).map_err(|why| format!("row `{name}`: {why}"))?;
            Ok((name, case))
        };
        let rows = rows.into_iter().map(row).collect::<Result<_, _>>()?;
        Ok(Self { path: path.to_owned(), about, sequence, rows })
    }
}

impl Case {
    /// The policy's document, the patch laid over it.
    pub(crate) fn policy(&self, beside: &Path) -> Result<Rc<Node>, String> {
        let policy = match &self.policy {
            Value::String(name) => read_yaml(&beside.with_file_name(name))?,
            inline => node(inline)?,
        };
        self.patch.as_ref().map_or(Ok(policy.clone()), |patch| Ok(patched(&policy, &node(patch)?)))
    }
}

impl Text {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        use ct_codecs::Decoder;
        match self {
            Self::Plain(text) => text.clone().into_bytes(),
            Self::Base64 { base64 } => ct_codecs::Base64::decode_to_vec(base64, None).unwrap(),
            Self::Repeat { repeat, times } => repeat.repeat(*times).into_bytes(),
            Self::Join { join } => join.iter().flat_map(Self::bytes).collect(),
        }
    }
}

impl OneOrMany {
    pub(crate) fn lines(&self) -> &[Text] {
        match self {
            Self::Many(lines) => lines,
            Self::One(line) => std::slice::from_ref(line),
        }
    }
}

impl Default for Connection {
    fn default() -> Self {
        Self { tls: "1.3".into(), address: "203.0.113.7:50000".into(), certificate: None }
    }
}

impl TryFrom<String> for Instant {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let time = humantime::parse_rfc3339(&text).map_err(|why| format!("`{text}`: {why}"))?;
        let since = time.duration_since(UNIX_EPOCH).map_err(|why| why.to_string())?;
        Ok(Self(Nanos::default().plus(since)))
    }
}

impl TryFrom<String> for Duration {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map(|Span(span)| Self(span)).map_err(|fault: portcullis::fault::Fault| fault.to_string())
    }
}

/// 2027-01-15T08:00:00Z: 1,800,000,000 seconds since the epoch.
fn noon() -> Instant {
    Instant(Nanos(1_800_000_000_000_000_000))
}

fn once() -> u32 {
    1
}

fn get() -> String {
    "GET".into()
}

fn host() -> Text {
    Text::Plain("api.shop.example".into())
}

fn ok() -> u16 {
    200
}

/// A row's fields over the file's: words and lists whole, blocks field by field, as a route's stand over its group's.
fn over(row: &Value, file: &Value) -> Value {
    let (Value::Object(row), Value::Object(file)) = (row, file) else { return row.clone() };
    let mut whole = file.clone();
    for (name, value) in row {
        match (value, whole.get_mut(name)) {
            (Value::Object(above), Some(Value::Object(below))) => below.extend(above.clone()),
            _ => drop(whole.insert(name.clone(), value.clone())),
        }
    }
    Value::Object(whole)
}

/// A file as the command line reads it.
fn read_yaml(path: &Path) -> Result<Rc<Node>, String> {
    whole(|problems| cli::read(path, problems))
}

fn node(json: &Value) -> Result<Rc<Node>, String> {
    whole(|problems| Node::from_json(json.to_string().as_bytes(), problems))
}

fn whole(read: impl FnOnce(&Problems) -> Option<Rc<Node>>) -> Result<Rc<Node>, String> {
    let problems = Problems::default();
    let node = read(&problems);
    let (faults, _) = problems.into_parts();
    match (node, faults.first()) {
        (Some(node), None) => Ok(node),
        (_, fault) => Err(fault.map_or_else(|| "cannot be read".into(), ToString::to_string)),
    }
}
