//! The controls that look at the body, before and after it is there.

use crate::control::request::QueryEdit;
use crate::engine::Decision;
use crate::engine::Memory;
use crate::engine::Step;
use crate::engine::World;
use crate::engine::admission::admit;
use crate::engine::admission::request_edits;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::content;
use crate::engine::content::AfterBody;
use crate::engine::content::Reading;
use crate::engine::edits::Edits;
use crate::engine::head::BeforeBody;
use crate::engine::head::Exchange;
use crate::engine::record::Record;
use crate::engine::response::AwaitAnswer;
use crate::model::headers::Headers;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::path::RequestPath;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::telemetry::Outcome;

/// What the head says of the body, and whether it was good.
#[derive(Debug)]
#[expect(dead_code, reason = "held as evidence: an admission cannot be built without it")]
pub(crate) struct Form {
    params: Cleared<()>,
    content: Cleared<()>,
    size: Cleared<()>,
    /// The query without the parameters that the route does not know, where it strips them.
    pub(crate) query: Option<QueryEdit>,
}

/// A request whose body is being held; or watched, where nobody enforces what it must be: then head and body go on as
/// they come, whatever their length, and a copy is judged.
#[derive(Debug)]
pub struct AwaitBody {
    exchange: Exchange,
    before: BeforeBody,
    /// The bytes that the host has announced so far.
    announced: u64,
    /// What came so far of a watched body.
    copy: Option<Vec<u8>>,
}

/// A body that streams on and is counted.
#[derive(Debug)]
pub struct BodyCount {
    rule: Rule,
    max_bytes: u64,
    seen: u64,
    over: bool,
}

/// What a held body came to.
#[derive(Debug)]
pub enum Grown {
    /// More is to come.
    Wait(Box<AwaitBody>),
    /// It will not be looked at any more: the request is decided, or waits for the rate limit service.
    Settled(Box<Step>),
}

/// Judges parameters, content and declared size.
pub(crate) fn form(exchange: &mut Exchange, path: Option<&RequestPath>) -> Result<Form, Refused> {
    let headers = exchange.headers.clone();
    let Some(request) = exchange.bench.route().map(|route| &route.request).cloned() else {
        let waived = || Cleared::Waived(Waiver::NoRoute);
        return Ok(Form { params: waived(), content: waived(), size: waived(), query: None });
    };
    let ends = exchange.end_of_stream;
    let mut query = None;
    let params = {
        let parameters: Vec<(&str, &str)> = match (path, exchange.bench.parameters()) {
            (Some(path), Some(parameters)) if request.judges_params() => parameters.iter(path).collect(),
            _ => Vec::new(),
        };
        request.check_params(&parameters, path.and_then(RequestPath::query), &headers)
    };
    let params = exchange.bench.weigh(Rule::RequestParams, |_| params.map(|checked| query = checked))?;
    if exchange.bench.mode(Rule::RequestParams) != Mode::Enforce {
        query = None;
    }
    let content =
        exchange.bench.weigh(Rule::Whole(Control::Request), |_| request.check_form(&headers, ends))?;
    let size = exchange.bench.weigh(Rule::RequestSize, |_| request.check_declared_size(&headers))?;
    Ok(Form { params, content, size, query })
}

/// Goes on from a head that is cleared: to the body where the route looks into it, else to the upstream.
pub(crate) fn begin(exchange: Exchange, before: BeforeBody, memory: &mut Memory, world: &impl World) -> Step {
    let Some(request) = exchange.bench.route().map(|route| route.request.clone()) else {
        return Step::Settled(admit(exchange, before, AfterBody::waived(Waiver::NoRoute), None));
    };
    let asked = |rule| exchange.bench.mode(rule) != Mode::Disabled;
    let failed = |cleared: &Cleared<()>| matches!(cleared, Cleared::Waived(Waiver::Shadow));
    let strictest = content::strictest(&exchange);
    let reads = request.needs_body() && strictest != Mode::Disabled;
    // Where no body is taken a head may still declare 0 bytes, and bytes follow all the same.
    let (counting, told) = match request.takes_none() {
        true => (Rule::Whole(Control::Request), &before.form.content),
        false => (Rule::RequestSize, &before.form.size),
    };
    let counts = asked(counting) && !failed(told);
    let unsound = reads && (failed(&before.form.content) || failed(&before.form.size));
    let form = match unsound {
        true => request.check_form(&exchange.headers, exchange.end_of_stream),
        false => Ok(()),
    };
    let form = form.and_then(|()| request.check_declared_size(&exchange.headers));
    if let (true, Err(refusal)) = (unsound, form) {
        // What the head says of the body is wrong already: looking into it would only say so again. But whoever is
        // enforced and needs what stands there cannot have it.
        let mut rules = content::of_request(&exchange);
        rules.retain(|rule| exchange.bench.mode(*rule) == Mode::Enforce);
        return exchange.read(before, Reading::Unread(rules, refusal), memory, world);
    }
    let enforced = strictest.max(exchange.bench.mode(Rule::RequestSize)) == Mode::Enforce;
    let copy = (!enforced).then(Vec::new);
    let waiting = AwaitBody { exchange, before, announced: 0, copy };
    match (reads, waiting.exchange.end_of_stream) {
        (true, true) => waiting.judge(&[], memory, world),
        (true, false) => Step::NeedBody(Box::new(waiting)),
        (false, ends) => {
            let count = BodyCount { rule: counting, max_bytes: request.max_bytes(), seen: 0, over: false };
            let count = Some(count).filter(|_| counts && !ends);
            let after = AfterBody::waived(Waiver::NotDemanded);
            Step::Settled(admit(waiting.exchange, waiting.before, after, count))
        }
    }
}

impl AwaitBody {
    /// Whether the body goes on as it comes.
    pub fn is_watched(&self) -> bool {
        self.copy.is_some()
    }

    /// What changes in a head that goes on before the body is judged: of a watched body, and on hosts that cannot hold
    /// heads (`body_hold: stream`).
    pub fn edits(&self) -> Edits {
        request_edits(&self.exchange, &self.before).0
    }

    /// More of the body came: `bytes` so far. Past its bound it is refused, or in shadow goes on unread.
    pub fn grow(mut self, bytes: u64, memory: &mut Memory, world: &impl World) -> Grown {
        self.exchange.bench.now = world.now();
        self.announced = self.announced.max(bytes);
        let Some(request) = self.exchange.bench.route().map(|route| route.request.clone()) else {
            return Grown::Wait(Box::new(self));
        };
        let Err(refusal) = request.check_size(bytes) else { return Grown::Wait(Box::new(self)) };
        let Self { mut exchange, before, .. } = self;
        // Whoever needs what stands in the body cannot have it: that is a failure in its own mode. Where the size is
        // enforced, it says all.
        let rules = [&[Rule::RequestSize][..], &content::of_request(&exchange)].concat();
        if exchange.bench.mode(Rule::RequestSize) != Mode::Enforce {
            let reading = Reading::Unread(rules, refusal);
            return Grown::Settled(Box::new(exchange.read(before, reading, memory, world)));
        }
        let waived = AfterBody::waived(Waiver::Shadow);
        let decision = match exchange.bench.weigh_strictest(&rules, refusal) {
            Err(refused) => exchange.refuse(&refused),
            Ok(_) => admit(exchange, before, waived, None),
        };
        Grown::Settled(Box::new(Step::Settled(decision)))
    }

    /// A piece more of a watched body.
    pub fn watch(mut self, piece: &[u8], memory: &mut Memory, world: &impl World) -> Grown {
        let copy = self.copy.get_or_insert_default();
        copy.extend_from_slice(piece);
        let bytes = u64::try_from(copy.len()).unwrap_or(u64::MAX);
        self.grow(bytes, memory, world)
    }

    /// Judges what came of a watched body, which is whole.
    pub fn judge_watched(mut self, memory: &mut Memory, world: &impl World) -> Step {
        let copy = self.copy.take().unwrap_or_default();
        self.judge(&copy, memory, world)
    }

    /// Nobody will know what a watched body was: the upstream answered before it was whole.
    pub fn unread(mut self) -> Decision {
        self.exchange.bench.note(Outcome::Uninspected, Rule::RequestJson);
        admit(self.exchange, self.before, AfterBody::waived(Waiver::Shadow), None)
    }

    /// Judges the whole body.
    pub fn judge(self, body: &[u8], memory: &mut Memory, world: &impl World) -> Step {
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if length < self.announced {
            return Step::Settled(self.unavailable());
        }
        let whole = match self.grow(length, memory, world) {
            Grown::Settled(step) => return *step,
            Grown::Wait(whole) => whole,
        };
        let Self { exchange, before, .. } = *whole;
        let Some(request) = exchange.bench.route().map(|route| route.request.clone()) else {
            return Step::Settled(admit(exchange, before, AfterBody::waived(Waiver::NoRoute), None));
        };
        let reading = match request.admits(body) {
            true => Reading::Admitted,
            false => Reading::Whole(request.check_json(&exchange.headers, body)),
        };
        exchange.read(before, reading, memory, world)
    }

    /// The host announced a body and does not hand all of it over: nobody can say what is in it.
    pub fn unavailable(self) -> Decision {
        self.exchange.refuse_for(Rule::RequestJson, Reason::RequestMalformed)
    }

    /// The host answered by itself while the body was held.
    pub fn answered_by_host(self, headers: &Headers) -> Box<Record> {
        self.exchange.answered_by_host(headers)
    }

    /// The upstream answered before the body was judged, as it can where the head went on before. The answer is to a
    /// request that nobody admitted, and nothing of it goes on.
    pub fn answered_early(self) -> Decision {
        self.exchange.answered_early()
    }
}

impl Exchange {
    /// An answer to a request that nobody admitted: nothing of it goes on.
    pub(crate) fn answered_early(self) -> Decision {
        self.refuse_for(Rule::Whole(Control::Response), Reason::ResponseContent)
    }
}

impl BodyCount {
    /// Counts `bytes` more on a route that streams its body.
    ///
    /// # Errors
    /// The decision that ends the request, once its body is over the bound of a route that enforces it.
    pub fn count(&mut self, bytes: u64, answer: &mut AwaitAnswer, now: Nanos) -> Option<Decision> {
        if self.add(bytes) { answer.body_over(self.rule, self.seen, now) } else { None }
    }

    /// The same once the answer goes on to the client: an upstream may answer before it has read the request. Nothing
    /// can be said to the client any more; `true` ends the exchange.
    pub fn count_late(&mut self, bytes: u64, record: &mut Record, now: Nanos) -> bool {
        self.add(bytes) && record.body_over(self.rule, self.seen, now) == Mode::Enforce
    }

    /// Whether the body is over its bound now, and was not before.
    fn add(&mut self, bytes: u64) -> bool {
        self.seen = self.seen.saturating_add(bytes);
        let before = std::mem::replace(&mut self.over, self.seen > self.max_bytes);
        self.over && !before
    }
}
