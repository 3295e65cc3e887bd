//! What happened to one request: the ground of its metrics and its audit events.

use std::borrow::Cow;
use std::rc::Rc;

use crate::control::client::App;
use crate::control::limits::Held;
use crate::engine::Memory;
use crate::engine::World;
use crate::engine::object::Object;
use crate::model::headers::Headers;
use crate::model::ip::ClientIp;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::name::Name;
use crate::model::time::Nanos;
use crate::policy::Policy;
use crate::refusal::Reason;
use crate::telemetry;
use crate::telemetry::Outcome;

/// The longest id of a request that is shown, in bytes.
const MAX_ID: usize = 64;

/// One thing that a control made of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What it was.
    pub outcome: Outcome,
    /// Who: the control, and the rule within it where there is one.
    pub control: Control,
    /// The rule's name, such as `access.owner` or `limits.per-user`.
    pub rule: Cow<'static, str>,
    /// Why; none for what is no refusal.
    pub reason: Option<Reason>,
    /// The control whose missing proof this follows from.
    pub after: Option<Control>,
    /// How many parts of an answer went; none for what takes nothing out.
    pub count: Option<usize>,
}

/// All that happened to one request so far, and whose request it is.
#[derive(Clone, Debug)]
pub struct Record {
    policy: Rc<Policy>,
    route: Option<usize>,
    events: Vec<Event>,
    /// Events before this one were handed out already.
    told: usize,
    /// What the request took from limits that count answers.
    held: Vec<Held>,
    /// What the client is sent, once that is known.
    status: Option<u16>,
    pub(crate) ip: Option<ClientIp>,
    pub(crate) app: App,
    pub(crate) pseudonym: Option<String>,
    /// The client's or the host's `x-request-id`, as it came.
    request_id: Option<Box<[u8]>>,
}

/// The labels of one series of the decision counter, in the order of the name.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct Labels {
    /// The route's index; none for a request that has none.
    pub route: Option<usize>,
    /// The control; none for what was admitted.
    pub control: Option<Control>,
    /// What became of it.
    pub outcome: Outcome,
    /// Why.
    pub reason: Option<Reason>,
    /// The app's version, as one of the policy's `tracked_versions` or `other`; none where none are tracked.
    pub version: Option<Box<str>>,
}

impl Record {
    pub(crate) fn new(policy: Rc<Policy>) -> Self {
        Self {
            policy,
            route: None,
            events: Vec::new(),
            told: 0,
            held: Vec::new(),
            status: None,
            ip: None,
            app: App::default(),
            pseudonym: None,
            request_id: None,
        }
    }

    /// Remembers the request's id, unless it is longer than any that would be shown.
    pub(crate) fn identified(&mut self, headers: &Headers) {
        let id = headers.single("x-request-id").one().filter(|id| id.len() <= MAX_ID);
        self.request_id = id.map(Into::into);
    }

    /// The request's id, where it is fit for an answer and a log as it is.
    pub(crate) fn request_id(&self) -> Option<&str> {
        let fits = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        let id = self.request_id.as_deref().filter(|id| !id.is_empty() && id.iter().all(fits))?;
        std::str::from_utf8(id).ok()
    }

    pub(crate) fn placed(&mut self, route: usize) {
        self.route = Some(route);
    }

    /// The request took this from limits that count answers.
    pub(crate) fn hold(&mut self, held: Vec<Held>) {
        self.held.extend(held);
    }

    /// The client is sent this status, unless another is said later.
    pub(crate) fn answered(&mut self, status: Option<u16>) {
        self.status = status;
    }

    /// Everything so far; what is left knows of nothing, so that nothing is told or given back twice.
    pub(crate) fn take(self: &mut Box<Self>) -> Box<Self> {
        let nothing = Box::new(Self::new(self.policy.clone()));
        std::mem::replace(self, nothing)
    }

    /// Whether a limit holds a unit until it is known what the client was answered.
    pub(crate) fn awaits_status(&self) -> bool {
        !self.held.is_empty()
    }

    /// Gives back what limits do not count, once it is known what the client is sent: nothing before.
    pub fn settle(&mut self, memory: &mut Memory, world: &impl World) {
        if let (Some(status), false) = (self.status, self.held.is_empty()) {
            let held = std::mem::take(&mut self.held);
            memory.slots.add(memory.limiter.settle(&held, status, world.now(), world));
        }
    }

    pub(crate) fn note(&mut self, event: Event) {
        self.events.push(event);
    }

    /// Notes that the body of the request, which streams on, has more bytes than the route takes (`seen` so far), and
    /// answers in which mode.
    pub(crate) fn body_over(&mut self, rule: Rule, seen: u64, now: Nanos) -> Mode {
        let policy = self.policy.clone();
        let Some(route) = self.route.and_then(|index| policy.routes.get(index)) else {
            return Mode::Disabled;
        };
        let (mode, Err(refusal)) = (route.modes.rule(rule, now), route.request.check_size(seen)) else {
            return Mode::Disabled;
        };
        let outcome = if mode == Mode::Enforce { Outcome::Refused } else { Outcome::WouldRefuse };
        let (control, reason) = (rule.control(), Some(refusal.reason));
        self.note(Event { outcome, control, rule: rule.as_str().into(), reason, after: None, count: None });
        mode
    }

    /// Everything that happened, in order.
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The route's name, `none` for a request that has no place.
    pub fn route_name(&self) -> &str {
        self.route.and_then(|index| self.policy.routes.get(index)).map_or("none", |route| route.name.as_str())
    }

    /// The labels of the events that were not handed out yet.
    pub fn untold(&self) -> impl Iterator<Item = Labels> {
        self.events.iter().skip(self.told).map(|event| Labels {
            route: self.route,
            control: Some(event.control).filter(|_| event.outcome != Outcome::Admitted),
            outcome: event.outcome,
            reason: event.reason,
            version: self.policy.client.version_label(self.app.version).map(Into::into),
        })
    }

    /// Whether anything happened that is worth an audit event and was not handed out yet.
    pub fn has_untold(&self) -> bool {
        self.events.iter().skip(self.told).any(|event| event.outcome != Outcome::Admitted)
    }

    /// Whether any of it is worth a line of the log, which takes only so many. That undeclared members went is not: where
    /// it happens at all it happens with each answer, and would crowd out what was refused.
    pub fn has_news(&self) -> bool {
        self.events.iter().skip(self.told).any(|event| match event.outcome {
            Outcome::Admitted => false,
            Outcome::Removed => event.control != Control::Response,
            _ => true,
        })
    }

    /// One line for the log: what was not handed out yet. `all` is [`Self::audit`] of the same status: most often the same.
    pub fn audit_line(&self, status: Option<u16>, all: Vec<u8>) -> String {
        let untold = if self.told == 0 { all } else { self.event(status, self.told) };
        format!("portcullis-audit {}", String::from_utf8_lossy(&untold))
    }

    /// The request's audit event, with everything that happened: one JSON object, free of tokens, claims, bodies, paths and whole addresses by
    /// construction. `status` is that of the answer, where there is one already.
    pub fn audit(&self, status: Option<u16>) -> Vec<u8> {
        self.event(status, 0)
    }

    fn event(&self, status: Option<u16>, from: usize) -> Vec<u8> {
        let route = self.route.and_then(|index| self.policy.routes.get(index));
        let mut out = Object::begun();
        let version = self.app.version.map(|version| version.to_string());
        out.text("app_version", version.as_deref());
        out.text("digest", Some(self.policy.digest.short()));
        let telling = self.events.iter().skip(from).filter(|event| event.outcome != Outcome::Admitted);
        out.list("events", telling, Event::write);
        let ip = self.ip.filter(|_| self.policy.audit.ip_prefix).map(ClientIp::audit_prefix);
        out.text("ip", ip.as_deref());
        out.text("platform", self.app.platform.as_deref());
        out.text("policy", Some(self.policy.name.as_str()));
        out.text("request_id", self.request_id());
        out.text("revision", self.policy.revision.as_deref());
        out.text("route", Some(self.route_name()));
        out.number("status", status.map(u64::from));
        out.text("subject", self.pseudonym.as_deref());
        out.text("team", route.and_then(|route| route.team.as_ref()).map(Name::as_str));
        out.ended()
    }

    /// Marks all events as handed out.
    pub fn tell(&mut self) {
        self.told = self.events.len();
    }
}

impl Labels {
    /// The name of the series.
    pub fn name(&self, policy: &Policy) -> String {
        let route =
            self.route.and_then(|index| policy.routes.get(index)).map_or("none", |route| route.name.as_str());
        let mut labels = vec![
            ("policy", policy.name.as_str()),
            ("route", route),
            ("control", self.control.map_or("none", Control::as_str)),
            ("outcome", self.outcome.as_str()),
            ("reason", self.reason.map_or("none", Reason::code)),
        ];
        labels.extend(self.version.as_deref().map(|version| ("app_version", version)));
        telemetry::series(telemetry::DECISIONS, &labels)
    }
}

impl Event {
    /// As an audit event has it.
    fn write(&self, out: &mut Object) {
        out.text("after", self.after.map(Control::as_str));
        out.number("count", self.count.and_then(|count| u64::try_from(count).ok()));
        out.text("outcome", Some(self.outcome.as_str()));
        out.text("reason", self.reason.map(Reason::code));
        out.text("rule", Some(&*self.rule));
    }
}
