//! The order of the controls, up to the body. Each is asked when its turn comes, in the mode that is worked out then.

use std::rc::Rc;

use crate::control::access::Ownership;
use crate::control::client::Served;
use crate::control::limits::Stage;
use crate::control::limits::quota;
use crate::control::limits::quota::Quota;
use crate::control::routing::Place;
use crate::control::tokens;
use crate::control::tokens::Schemes;
use crate::control::tokens::Subjects;
use crate::control::tokens::revocation::check_revocation;
use crate::engine::Decision;
use crate::engine::Memory;
use crate::engine::Rejection;
use crate::engine::Step;
use crate::engine::World;
use crate::engine::access;
use crate::engine::answer::Answer;
use crate::engine::answer::Realm;
use crate::engine::bench::Bench;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::binding;
use crate::engine::body;
use crate::engine::doors::Doors;
use crate::engine::limiting;
use crate::engine::limiting::Charging;
use crate::engine::record::Record;
use crate::engine::response;
use crate::engine::service::Point;
use crate::engine::view::Known;
use crate::engine::view::View;
use crate::engine::waiting::Held;
use crate::model::headers::Headers;
use crate::model::ip::ClientIp;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::path::RequestPath;
use crate::model::time::Nanos;
use crate::policy::Policy;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// A request on its way through the controls: what came, and the bench that judges it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) bench: Bench,
    pub(crate) headers: Rc<Headers>,
    /// The request's path, where it has one that can be read.
    pub(crate) path: Option<Rc<RequestPath>>,
    /// Whether the head is the whole request.
    pub(crate) end_of_stream: bool,
    pub(crate) ip: Option<ClientIp>,
    /// The value of `strict-transport-security` for every answer to this request.
    pub(crate) hsts: Option<Box<str>>,
    /// What the client is told of its budgets.
    pub(crate) quotas: Vec<Quota>,
}

/// The caller, and what follows from who that is.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) tokens: Cleared<Subjects>,
    pub(crate) client: Cleared<Served>,
}

/// What was cleared before any token was looked at.
#[derive(Debug)]
#[expect(dead_code, reason = "held as evidence: an admission cannot be built without it")]
pub(crate) struct Early {
    pub(crate) doors: Doors,
    pub(crate) limits: Cleared<limiting::Charged>,
    pub(crate) client: Cleared<Served>,
}

/// What was cleared before the body.
#[derive(Debug)]
#[expect(dead_code, reason = "held as evidence: an admission cannot be built without it")]
pub(crate) struct BeforeBody {
    pub(crate) early: Early,
    pub(crate) tokens: Cleared<Subjects>,
    pub(crate) limits: Cleared<limiting::Charged>,
    pub(crate) client: Cleared<Served>,
    pub(crate) access: Cleared<Ownership>,
    pub(crate) form: body::Form,
}

/// A request that waits for keys.
#[derive(Debug)]
pub struct AwaitKeys {
    exchange: Exchange,
    early: Early,
    deadline: Nanos,
    held: Held,
}

/// Judges a request by its head.
pub fn arrive(
    policy: &Rc<Policy>,
    memory: &mut Memory,
    world: &impl World,
    headers: Headers,
    end_of_stream: bool,
) -> Step {
    let mut exchange = Exchange::new(policy.clone(), world, headers, end_of_stream);
    match exchange.until_limits(memory, world) {
        Ok((doors, Charging::Done(limits))) => exchange.early(doors, limits, memory, world),
        Ok((doors, Charging::Ask(asked))) => exchange.ask(Point::Early(doors), asked, memory, world),
        Err(refused) => Step::Settled(exchange.refuse(&refused)),
    }
}

impl AwaitKeys {
    /// When the wait is over.
    pub fn deadline(&self) -> Nanos {
        self.deadline
    }

    /// The host answered by itself while the request waited.
    pub fn answered_by_host(self, headers: &Headers) -> Box<Record> {
        self.exchange.answered_by_host(headers)
    }

    /// Asks again; after the deadline the answer is final.
    pub fn retry(mut self, memory: &mut Memory, world: &impl World) -> Step {
        self.exchange.bench.now = world.now();
        // Its place is free for whoever waits on, itself among them.
        drop(self.held);
        self.exchange.tokens(self.early, memory, world, Some(self.deadline))
    }
}

impl Exchange {
    fn new(policy: Rc<Policy>, world: &impl World, headers: Headers, end_of_stream: bool) -> Self {
        let address = if policy.needs_ip { world.source_address() } else { None };
        let forwarded = policy.client.forwarded() == Some(true);
        let ip = address.and_then(|address| ClientIp::from_connection(&address, forwarded));
        let mut bench = Bench::new(policy, world.now());
        bench.record.ip = ip;
        bench.record.identified(&headers);
        let target = headers.single(":path").one();
        let path = target.and_then(|target| RequestPath::parse(target).ok()).map(Rc::new);
        Self { bench, headers: Rc::new(headers), path, end_of_stream, ip, hsts: None, quotas: Vec::new() }
    }

    /// What can be read from the request so far.
    pub(crate) fn view<'v>(&'v self, known: Known<'v>) -> View<'v> {
        View {
            policy: &self.bench.policy,
            headers: &self.headers,
            route: self.bench.route().map(|route| route.name.as_str()),
            parameters: self.bench.parameters(),
            ip: self.ip,
            known,
        }
    }

    fn until_limits(
        &mut self,
        memory: &mut Memory,
        world: &impl World,
    ) -> Result<(Doors, Charging), Refused> {
        let headers = self.headers.clone();
        let path = self.path.clone();
        let known = Known { path: path.as_deref(), ..Known::default() };
        let policy = self.bench.policy.clone();
        // No token is verified yet: a version that a claim says is none here.
        let app = || policy.client.app(&self.view(known)).version;
        let mut placed = policy.routing.check(&headers, path.as_deref(), self.end_of_stream, app);
        // The route is known before `transport` is asked, so that its mode there counts; `routing` speaks after it.
        if let Ok(Place::Route(index, parameters)) = &mut placed {
            self.bench.placed(*index, std::mem::take(parameters));
        }
        let transport = self.transport(world, &headers, placed.is_ok())?;
        let routing = self.routing(placed)?;
        self.read_app(known);
        let limits = limiting::charge(self, Stage::BeforeTokens, known, memory, world)?;
        Ok((Doors { transport, routing }, limits))
    }

    /// From the limits that need no token on.
    pub(crate) fn early(
        mut self,
        doors: Doors,
        limits: Cleared<limiting::Charged>,
        memory: &mut Memory,
        world: &impl World,
    ) -> Step {
        let path = self.path.clone();
        match self.client(false, Known { path: path.as_deref(), ..Known::default() }) {
            Ok(client) => self.tokens(Early { doors, limits, client }, memory, world, None),
            Err(refused) => Step::Settled(self.refuse(&refused)),
        }
    }

    /// What the client says of its app, for the record.
    fn read_app(&mut self, known: Known<'_>) {
        if self.bench.policy.client.values().next().is_some() {
            let app = self.bench.policy.client.app(&self.view(known));
            self.bench.record.app = app;
        }
    }

    /// By which schemes a caller of the route may come, for a challenge.
    pub(crate) fn schemes(&self) -> Schemes {
        let demand = self.bench.route().map(|route| &route.demand).filter(|demand| !demand.is_none());
        demand.map(|demand| Schemes::of(&self.bench.policy.tokens, demand, &self.headers)).unwrap_or_default()
    }

    /// The app's version: at once where a header says it, after `tokens` where a claim of this route's tokens does.
    fn client(&mut self, after_tokens: bool, known: Known<'_>) -> Result<Cleared<Served>, Refused> {
        let policy = self.bench.policy.clone();
        let Some(route) = self.bench.route() else { return Ok(Cleared::Waived(Waiver::NoRoute)) };
        let by_claim =
            policy.client.values().flat_map(|value| value.claims()).any(|it| route.demand.names(it.token));
        if !policy.client.judges() || by_claim != after_tokens {
            return Ok(Cleared::Waived(Waiver::NotDemanded));
        }
        let rule = Rule::Whole(Control::Client);
        let verdict = policy.client.check(&self.view(known));
        self.bench.weigh(rule, |_| verdict)
    }

    /// From the tokens on. `waited` is the deadline of a request that waits already.
    fn tokens(
        mut self,
        early: Early,
        memory: &mut Memory,
        world: &impl World,
        waited: Option<Nanos>,
    ) -> Step {
        let rule = Rule::Whole(Control::Tokens);
        let policy = self.bench.policy.clone();
        let mode = self.bench.mode(rule);
        let now = self.bench.now;
        let demand = self.bench.route().map(|route| &route.demand).filter(|demand| !demand.is_none());
        let verdict = match demand {
            None => None,
            Some(_) if mode == Mode::Disabled => None,
            Some(demand) => Some(tokens::check(
                &policy.tokens,
                demand,
                &self.headers,
                &memory.keys,
                &mut memory.caches,
                now,
            )),
        };
        let deadline = waited.unwrap_or_else(|| now.plus(policy.first_keys_wait));
        // In shadow nobody waits: the exchange stays as it was.
        let held = verdict.as_ref().and_then(|verdict| {
            let modes = [mode, self.bench.mode(Rule::TokensRevocation)];
            memory.waiting.place_for(verdict, modes, memory, &policy.tokens, now, deadline)
        });
        if let Some(held) = held {
            return Step::NeedKeys(Box::new(AwaitKeys { exchange: self, early, deadline, held }));
        }
        let waivable = if demand.is_some() { Waiver::Disabled } else { Waiver::NotDemanded };
        let tokens = match verdict {
            None if waivable == Waiver::Disabled => {
                self.bench.weigh(rule, |_| Err(Reason::TokensMissing.into()))
            }
            None => Ok(Cleared::Waived(waivable)),
            Some(verdict) => self.bench.weigh(rule, |_| verdict),
        };
        match tokens.and_then(|tokens| self.after_tokens(tokens, memory, world)) {
            Ok((caller, Charging::Done(limits))) => self.late(early, caller, limits, memory, world),
            Ok((caller, Charging::Ask(asked))) => self.ask(Point::Late(early, caller), asked, memory, world),
            Err(refused) => Step::Settled(self.refuse(&refused)),
        }
    }

    /// From the limits that need a token on.
    pub(crate) fn late(
        mut self,
        early: Early,
        caller: Caller,
        limits: Cleared<limiting::Charged>,
        memory: &mut Memory,
        world: &impl World,
    ) -> Step {
        let path = self.path.clone();
        let Caller { tokens, client } = caller;
        let form = body::form(&mut self, path.as_deref());
        let known = Known { path: path.as_deref(), subjects: tokens.proof(), ..Known::default() };
        match form.and_then(|form| Ok((form, access::judge(&mut self, known)?))) {
            Ok((form, access)) => {
                let before = BeforeBody { early, tokens, limits, client, access, form };
                body::begin(self, before, memory, world)
            }
            Err(refused) => Step::Settled(self.refuse(&refused)),
        }
    }

    fn after_tokens(
        &mut self,
        cleared: Cleared<Subjects>,
        memory: &mut Memory,
        world: &impl World,
    ) -> Result<(Caller, Charging), Refused> {
        let path = self.path.clone();
        let policy = self.bench.policy.clone();
        let subjects = cleared.proof();
        let known = Known { path: path.as_deref(), subjects, ..Known::default() };
        if let (Some(key), Some(subject)) = (&policy.audit.pseudonym, subjects.and_then(Subjects::first)) {
            self.bench.record.pseudonym = subject.sub().map(|sub| key.pseudonym(subject.issuer(), sub));
        }
        if subjects.is_some() {
            self.read_app(known);
        }
        if let Some(subjects) = subjects.filter(|_| policy.tokens.may_revoke()) {
            let now = self.bench.now;
            let verdict = check_revocation(&policy.tokens, subjects, &memory.feeds, now);
            self.bench.weigh(Rule::TokensRevocation, |_| verdict)?;
        }
        if let Some(subjects) = subjects.filter(|_| policy.tokens.may_bind()) {
            binding::check(self, subjects, memory, world)?;
        }
        let client = self.client(true, known)?;
        let limits = limiting::charge(self, Stage::AfterTokens, known, memory, world)?;
        Ok((Caller { tokens: cleared, client }, limits))
    }

    /// Ends the exchange for what no mode lets pass: the host did not do its part.
    pub(crate) fn refuse_for(mut self, rule: Rule, reason: Reason) -> Decision {
        let refusal = Refusal::new(reason);
        match self.bench.weigh_in::<()>(Mode::Enforce, rule, |_| Err(refusal.clone())) {
            Err(refused) => self.refuse(&refused),
            Ok(_) => self.refuse(&Refused { shown: refusal }),
        }
    }

    /// Ends the exchange with an answer of the host's own.
    pub(crate) fn answered_by_host(self, headers: &Headers) -> Box<Record> {
        let mut record = self.bench.record;
        record.answered(response::status_of(headers));
        record
    }

    /// Ends the exchange with a refusal.
    pub(crate) fn refuse(self, refused: &Refused) -> Decision {
        let schemes = self.schemes();
        let mut record = self.bench.record;
        let (policy, now) = (&self.bench.policy, self.bench.now);
        let realm = Realm { name: policy.name.as_str(), schemes };
        let (id, hsts) = (record.request_id(), self.hsts.as_deref());
        let answer = if refused.shown.reason.status() == 429 {
            // Nobody is told to come back before another of the budgets has room.
            let waits = self.quotas.iter().filter_map(|quota| quota.wait(now));
            let shown = waits.fold(refused.shown.clone(), Refusal::not_before);
            let mut answer = Answer::to(&shown, realm, id, hsts);
            answer.headers.extend(quota::fields(&self.quotas, &policy.limits, now).into_iter().flatten());
            answer
        } else {
            Answer::to(&refused.shown, realm, id, hsts)
        };
        record.answered(Some(answer.status));
        Decision::Refuse(Box::new(Rejection { answer, record }))
    }
}

/// A refusal of the engine's own, for requests whose head the host could not hand over or change.
pub fn unreadable(policy: &Rc<Policy>, now: Nanos) -> Decision {
    let bench = Bench::new(policy.clone(), now);
    let exchange = Exchange {
        bench,
        headers: Rc::default(),
        path: None,
        end_of_stream: true,
        ip: None,
        hsts: None,
        quotas: Vec::new(),
    };
    exchange.refuse_for(Rule::Whole(Control::Routing), Reason::RoutingUnreadable)
}
