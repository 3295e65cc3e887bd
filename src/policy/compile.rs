//! A document becomes a policy: every part is read, every problem noted, and only then is it decided.

use std::rc::Rc;
use std::time::Duration;

use crate::control::body::schema::Schema;
use crate::control::body::schema::SchemaStore;
use crate::control::client::Client;
use crate::control::limits;
use crate::control::limits::Limits;
use crate::control::limits::service::Service;
use crate::control::routing::RouteMatch;
use crate::control::routing::Routing;
use crate::control::tokens::Definitions;
use crate::control::transport::Transport;
use crate::document::Blocks;
use crate::document::Fields;
use crate::document::Node;
use crate::document::digest::Digest;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::model::quantity::Span;
use crate::model::secrets::Secrets;
use crate::model::time::Nanos;
use crate::model::value::ClaimRef;
use crate::model::value::Source;
use crate::policy::Policy;
use crate::policy::Route;
use crate::policy::audit::Audit;
use crate::policy::inline;
use crate::policy::modes::ModeWords;
use crate::policy::modes::Modes;
use crate::policy::overrides::Override;
use crate::policy::routes::Around;
use crate::policy::routes::Inherited;
use crate::policy::routes::RawRoute;
use crate::policy::side_by_side;

/// The longest that a request may wait for keys.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// What is kept between policies, so that an update reads and compiles only what changed.
#[derive(Default)]
pub struct Kept {
    /// What was read last.
    pub blocks: Blocks,
    /// Compiled schemas.
    pub(crate) schemas: SchemaStore,
}

/// What a policy is compiled with, beside its document.
#[derive(Clone, Copy)]
pub struct Circumstances<'a> {
    /// The time now: an override ends within 30 days of it.
    pub now: Nanos,
    /// Where secrets come from.
    pub secrets: Secrets<'a>,
}

impl Policy {
    /// Compiles a document. Answers `None` where `problems` has a fault.
    pub fn compile(
        node: &Rc<Node>,
        kept: &mut Kept,
        circumstances: Circumstances<'_>,
        problems: &Problems,
    ) -> Option<Self> {
        let policy = compile(node, kept, circumstances, problems);
        kept.schemas.rest();
        policy.filter(|_| problems.none())
    }
}

fn compile(
    node: &Rc<Node>,
    kept: &mut Kept,
    circumstances: Circumstances<'_>,
    problems: &Problems,
) -> Option<Policy> {
    let Kept { blocks, schemas: store } = kept;
    let fields = Fields::open(node, problems)?;
    fields.required("version").and_then(|node| node.integer(1..=1, problems));
    let name = fields.required("name").and_then(|node| node.parse::<Name>(problems));
    let revision = fields.optional("revision").and_then(|node| revision(node, problems));
    if let Some(node) = fields.optional("include") {
        let why =
            "the filter reads no files; run `portcullis bundle`, which puts the included ones in their place";
        problems.note(&node.place, Fault::conflict(why));
    }
    fields.not_yet("host_modes");

    let definitions = fields
        .optional("tokens")
        .map(|node| Definitions::compile(node, circumstances.secrets, problems))
        .unwrap_or_default();
    let client = fields
        .optional("client")
        .and_then(|node| Client::compile(node, definitions.names(), problems))
        .unwrap_or_default();
    let transport = fields
        .optional("transport")
        .and_then(|node| Transport::compile(node, client.forwarded() == Some(true), problems))
        .unwrap_or_default();
    let schemas = fields.optional("schemas").map(|node| store.named(node, problems)).unwrap_or_default();
    let _ready = Schema::prepare(&inline::schemas(node), store);
    let limits = limits(&fields, name.as_ref(), &definitions, &client, problems);
    let memory = limits::raw::memory(fields.optional("limits_memory"), problems);
    let service = fields
        .optional("rate_limit_service")
        .map(|node| Service::compile(node, circumstances.secrets, problems));
    held_to_service(node, &limits, service.is_some(), problems);
    let limit_names: Vec<Name> = limits.names().cloned().collect();
    let defaults = fields.optional("defaults").map(|node| defaults(node, problems)).unwrap_or_default();
    let words = ModeWords::take(&fields, true, &limit_names, problems);
    let audit = fields
        .optional("audit")
        .and_then(|node| Audit::compile(node, circumstances.secrets, problems))
        .unwrap_or_default();
    let first_keys_wait = fields.optional("first_keys_wait").and_then(|node| wait(node, problems));
    let holds_heads = fields
        .optional("body_hold")
        .and_then(|node| node.word(&[("hold", true), ("stream", false)], problems))
        .unwrap_or(true);

    let raw = fields.required("routes").map(|node| RawRoute::open_all(node, &limit_names, problems));
    let raw = raw.unwrap_or_default();
    RawRoute::note_duplicates(&raw, problems);
    let names: Vec<&Name> =
        raw.iter().flat_map(|route| route.name().into_iter().chain(route.group_name())).collect();
    let overrides = fields
        .optional("overrides")
        .map(|node| Override::compile_all(node, &names, &limit_names, circumstances.now, problems))
        .unwrap_or_default();
    let matches: Vec<Option<RouteMatch>> = raw.iter().map(|route| route.read_match(problems)).collect();
    let routing = Routing::compile(fields.optional("routing"), &matches, problems);
    fields.close();
    for at in matches.iter().flatten().filter_map(RouteMatch::by_app).filter(|_| !client.version_in_head()) {
        let why = "`app_version` needs `client.app_version` in a header or a query parameter: when a route is chosen no \
                   token is verified yet";
        problems.note(at, Fault::conflict(why));
    }
    side_by_side::demand_the_same(&raw, &routing, &defaults, problems);

    let around = Around {
        definitions: &definitions,
        schemas: &schemas,
        limits: &limits,
        limit_names: &limit_names,
        defaults: &defaults,
        words: &words,
        overrides: &overrides,
        problems,
    };
    let count = raw.len();
    let routes: Vec<Route> = raw
        .into_iter()
        .zip(&matches)
        .filter_map(|(route, matched)| route.compile(matched.as_ref(), store, &around))
        .collect();
    // The tables of `routing` hold routes by index: one that did not compile leaves no policy at all.
    if routes.len() != count {
        return None;
    }
    side_by_side::have_the_same_modes(&routes, &matches, &routing, problems);
    if !holds_heads && routes.iter().any(|route| route.response.as_ref().is_some_and(|it| it.reads_body())) {
        let why = "`body_hold: stream` is for hosts that cannot hold the head of an answer, so that no answer can be \
                   judged: leave the `response` rules out";
        problems.note(&node.place, Fault::conflict(why));
    }
    remark_unused(node, &limits, &definitions, &routes, problems);
    let needs_ip = limits
        .iter()
        .flat_map(|limit| limit.values())
        .flat_map(|value| value.sources())
        .any(|it| *it == Source::Ip);
    if needs_ip && client.forwarded().is_none() {
        let why = "a limit counts by `ip`: say whose address that is, `client.ip: connection` or `forwarded`";
        problems.note(&node.place, Fault::conflict(why));
    }
    let everywhere = |it: &Override| it.route.is_none();
    let modes = Modes::resolve(&[&words], &overrides, everywhere, &[]);
    Some(Policy {
        name: name?,
        revision,
        digest: Digest::of_text(&blocks.canonical(node)),
        transport,
        routing,
        client,
        identity_headers: definitions.forwarded_headers().map(Into::into).collect(),
        tokens: definitions,
        limits,
        service: service.flatten(),
        memory: memory?,
        routes,
        modes,
        needs_ip: needs_ip || audit.ip_prefix,
        audit,
        first_keys_wait: first_keys_wait.unwrap_or(Duration::from_secs(2)),
        holds_heads,
    })
}

/// Reads `limits`, once everything that a key can name is known.
fn limits(
    fields: &Fields<'_>,
    name: Option<&Name>,
    definitions: &Definitions,
    client: &Client,
    problems: &Problems,
) -> Limits {
    // A definition that did not compile is refused already; what it requires is not known.
    let required = |claim: &ClaimRef| {
        definitions.get(claim.token).is_none_or(|definition| definition.always_has(&claim.claim))
    };
    // A policy without a name is refused anyway; its limits are read all the same.
    let unnamed = Name::unnamed();
    let around = limits::raw::Around {
        policy: name.unwrap_or(&unnamed),
        tokens: definitions.names(),
        required: &required,
        client_by_claim: client.values().any(|value| value.claims().next().is_some()),
    };
    Limits::compile(fields.optional("limits"), &around, problems)
}

fn defaults(node: &Node, problems: &Problems) -> Inherited {
    let Some(fields) = Fields::open(node, problems) else { return Inherited::default() };
    let defaults = Inherited::take(&fields);
    fields.close();
    defaults
}

/// Holds global limits and the service against each other.
fn held_to_service(node: &Node, limits: &Limits, service: bool, problems: &Problems) {
    let mut globals = limits.iter().filter(|limit| limit.is_global()).peekable();
    if service && globals.peek().is_none() {
        if let Some(entry) = node.get("rate_limit_service") {
            problems.remark(&entry.place, "unused", "no limit has `scope: global`");
        }
        return;
    }
    for limit in globals.filter(|_| !service) {
        let place = node.get("limits").and_then(|limits| limits.get(limit.name().as_str()));
        let why = "`scope: global` needs a `rate_limit_service`";
        problems.note(place.map_or(&node.place, |limit| &limit.place), Fault::conflict(why));
    }
}

/// Free text of the author's, fit for one line of a log.
fn revision(node: &Node, problems: &Problems) -> Option<Rc<str>> {
    let text = node.text(problems)?;
    if text.chars().count() > 64 || text.chars().any(char::is_control) {
        let expected = "at most 64 characters, none of them a control character".into();
        problems.note(&node.place, Fault::OutOfRange { found: crate::document::cut(text), expected });
    }
    Some(text.clone())
}

fn wait(node: &Node, problems: &Problems) -> Option<Duration> {
    let Span(wait) = node.parse(problems)?;
    if wait > LONGEST_WAIT {
        let found = node.text(problems)?.to_string().into();
        problems.note(&node.place, Fault::OutOfRange { found, expected: "at most 30s".into() });
    }
    Some(wait)
}

/// Remarks on what stands in the document and serves nobody.
fn remark_unused(
    node: &Node,
    limits: &Limits,
    definitions: &Definitions,
    routes: &[Route],
    problems: &Problems,
) {
    let unused = |block: &str, name: &Name| {
        if let Some(entry) = node.get(block).and_then(|block| block.get(name.as_str())) {
            problems.remark(&entry.place, "unused", format!("no route uses `{name}`"));
        }
    };
    for limit in limits.iter() {
        let named = |route: &Route| route.limits.iter().any(|named| named.index == limit.index());
        if !routes.iter().any(named) {
            unused("limits", limit.name());
        }
    }
    for (index, name) in definitions.names().iter().enumerate() {
        if !routes.iter().any(|route| route.demand.names(index)) {
            unused("tokens", name);
        }
    }
}
