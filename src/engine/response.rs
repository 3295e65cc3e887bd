//! The answer on its way back.

use std::rc::Rc;

use crate::control::limits::quota;
use crate::control::limits::quota::Quota;
use crate::control::response::Plan;
use crate::control::response::Response;
use crate::control::tokens::Schemes;
use crate::control::tokens::Subjects;
use crate::engine::Decision;
use crate::engine::Rejection;
use crate::engine::answer::Answer;
use crate::engine::answer::Realm;
use crate::engine::bench::Bench;
use crate::engine::bench::Refused;
use crate::engine::edits;
use crate::engine::edits::Edits;
use crate::engine::head::Exchange;
use crate::engine::judging;
use crate::engine::record::Record;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::time::Nanos;
use crate::policy::Route;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::telemetry::Outcome;

/// A request that went on and whose answer is to come.
#[derive(Debug)]
pub struct AwaitAnswer {
    bench: Bench,
    /// Who calls, where the answer's owner is asked.
    subjects: Option<Subjects>,
    /// Whether the method is HEAD, so that the answer has no body.
    head: bool,
    hsts: Option<Box<str>>,
    /// What the client is told of its budgets.
    quotas: Vec<Quota>,
    /// What a challenge offers, where the answer's owner is asked.
    schemes: Schemes,
}

/// An answer whose body is being held; or watched, where nobody enforces what it must be: then head and body go on as
/// they come, whatever their length, and a copy is judged.
#[derive(Debug)]
pub struct AwaitAnswerBody {
    answer: Box<AwaitAnswer>,
    response: Rc<Response>,
    status: u16,
    /// Whether its head declares a length.
    has_length: bool,
    /// What changes in its head if something is taken out of the body.
    changed: Edits,
    /// The bytes that the host has announced so far.
    announced: u64,
    /// What came so far of a watched body.
    copy: Option<Vec<u8>>,
}

/// An answer that goes on without what was taken out of it.
#[derive(Debug)]
pub struct Changed {
    /// What changes in its head, but for its length.
    pub edits: Edits,
    /// Whether its head declares a length, which is that of `body` now.
    pub has_length: bool,
    /// What its body is now.
    pub body: Vec<u8>,
    /// What happened.
    pub record: Box<Record>,
}

/// Where an answer stands after its head.
#[derive(Debug)]
pub enum AnswerStep {
    /// It goes on to the client with these changes.
    Pass(Edits, Box<Record>),
    /// It goes on with another body; what its trailers say of the old one goes too.
    Change(Changed),
    /// Its body decides: hold it until it is whole.
    Hold(Box<AwaitAnswerBody>),
    /// The client is sent this instead.
    Replace(Box<Rejection>),
}

impl AnswerStep {
    /// An answer whose head has left cannot be replaced any more. It only would be where an override ended meanwhile.
    fn too_late(self) -> Self {
        match self {
            Self::Replace(rejection) => Self::Pass(Edits::default(), rejection.record),
            Self::Change(changed) => Self::Pass(Edits::default(), changed.record),
            step => step,
        }
    }
}

impl AwaitAnswer {
    pub(crate) fn new(exchange: Exchange, subjects: Option<&Subjects>) -> Self {
        let head = exchange.headers.single(":method") == Found::One(b"HEAD");
        let asked = exchange.bench.route().is_some_and(|route| !route.shown.is_empty());
        let subjects = subjects.filter(|_| asked).cloned();
        let schemes = if asked { exchange.schemes() } else { Schemes::default() };
        Self { bench: exchange.bench, subjects, head, hsts: exchange.hsts, quotas: exchange.quotas, schemes }
    }

    /// What happened so far.
    pub fn record_mut(&mut self) -> &mut Record {
        &mut self.bench.record
    }

    /// Whether anything is to be done when the answer comes. Without, nobody waits for it.
    pub fn is_awaited(&self) -> bool {
        // Without `..`, here and below: whatever else an answer is awaited for is said here.
        let Self { bench: _, head: _, hsts, quotas, subjects: _, schemes: _ } = self;
        hsts.is_some() || !quotas.is_empty() || self.reads_head()
    }

    /// Whether the head of the answer must be read, and not only added to: reading it is a dear host call.
    pub fn reads_head(&self) -> bool {
        let Self { bench, head: _, hsts: _, quotas: _, subjects: _, schemes: _ } = self;
        let conceals = |route: &Route| route.access.as_ref().is_some_and(|access| access.conceals());
        bench.record.awaits_status()
            || bench.route().is_some_and(|route| route.response.is_some() || conceals(route))
    }

    /// The answer is here, and its head need not be read.
    pub fn unread_head(mut self, clock: impl FnOnce() -> Nanos) -> AnswerStep {
        self.later(clock);
        self.pass()
    }

    /// Time goes on. What the client is told of its budgets depends on it, beside modes.
    fn later(&mut self, clock: impl FnOnce() -> Nanos) {
        if self.quotas.is_empty() {
            self.bench.later(clock);
        } else {
            self.bench.now = clock();
        }
    }

    /// Judges the head of the upstream's answer. Without a body (`end_of_stream`) it is decided here.
    pub fn on_head(
        mut self: Box<Self>,
        headers: &Headers,
        end_of_stream: bool,
        clock: impl FnOnce() -> Nanos,
    ) -> AnswerStep {
        self.later(clock);
        let status = status_of(headers);
        self.bench.record.answered(status);
        let Some(route) = self.bench.route() else { return self.pass() };
        let conceals = route.access.as_ref().is_some_and(|access| access.conceals());
        if conceals && status == Some(404) && self.bench.mode(Rule::AccessOwner) == Mode::Enforce {
            // The upstream's own "no such object" must not tell itself from "not yours".
            return self.replace(&Refused { shown: Reason::RoutingUnmatched.into() });
        }
        let Some(response) = route.response.clone().filter(|response| response.reads_body()) else {
            return self.pass();
        };
        let strictest = judging::needing(&response).map(|rule| self.bench.mode(rule)).max();
        if strictest.is_none_or(|mode| mode == Mode::Disabled) {
            return self.pass();
        }
        let Some(status) = status else { return self.unread(&response, Reason::ResponseContent.into()) };
        let enforced = strictest == Some(Mode::Enforce);
        match response.plan(self.head, status, headers, end_of_stream) {
            Ok(Plan::Pass | Plan::Bare) if judging::shows_nothing(&response, status) => {
                self.nothing(&response, headers)
            }
            Ok(Plan::Pass) => self.pass(),
            Ok(Plan::Bare) => self.bare(&response, headers),
            Ok(Plan::Hold) => {
                let changes = enforced && response.takes_out();
                let waiting = Box::new(AwaitAnswerBody {
                    answer: self,
                    response,
                    status,
                    has_length: headers.has("content-length"),
                    changed: if changes { edits::changed_body(headers) } else { Edits::default() },
                    announced: 0,
                    copy: (!enforced).then(Vec::new),
                });
                if end_of_stream { waiting.decide(&[]) } else { AnswerStep::Hold(waiting) }
            }
            Err(refusal) => self.unread(&response, refusal),
        }
    }

    /// An answer that would show an object and has no body.
    fn nothing(mut self, response: &Response, headers: &Headers) -> AnswerStep {
        match judging::judge_nothing(&mut self.bench, self.subjects.as_ref()) {
            Err(refused) => self.replace(&refused),
            Ok(()) => self.bare(response, headers),
        }
    }

    /// An answer to HEAD, or a 304, speaks of a body from which something may have to go. Nobody knows, so it says
    /// nothing of that body's bytes.
    fn bare(mut self, response: &Response, headers: &Headers) -> AnswerStep {
        let mut edits = self.edits();
        if judging::removes(&self.bench, response) {
            edits = edits.and(edits::changed_body(headers));
            edits.drop(headers, "content-length");
        }
        AnswerStep::Pass(edits, self.bench.record)
    }

    /// The answer cannot be looked at: whoever needs what stands there fails in its own mode.
    fn unread(mut self, response: &Response, refusal: Refusal) -> AnswerStep {
        match judging::unfit(&mut self.bench, response, refusal) {
            Err(refused) => self.replace(&refused),
            Ok(()) => {
                self.bench.note(Outcome::Uninspected, Rule::Whole(Control::Response));
                self.pass()
            }
        }
    }

    /// The body of the request, which streams on, has more bytes than the route takes: `seen` so far.
    pub(crate) fn body_over(&mut self, rule: Rule, seen: u64, now: Nanos) -> Option<Decision> {
        self.bench.now = now;
        let refusal = self.bench.route()?.request.check_size(seen).err()?;
        let refused = self.bench.weigh::<()>(rule, |_| Err(refusal)).err()?;
        Some(Decision::Refuse(Box::new(self.rejection(&refused))))
    }

    fn rejection(&mut self, refused: &Refused) -> Rejection {
        let mut record = self.bench.record.take();
        let realm = Realm { name: self.bench.policy.name.as_str(), schemes: self.schemes };
        let answer = Answer::to(&refused.shown, realm, record.request_id(), self.hsts.as_deref());
        record.answered(Some(answer.status));
        Rejection { answer, record }
    }

    fn pass(mut self) -> AnswerStep {
        AnswerStep::Pass(self.edits(), self.bench.record)
    }

    /// What changes in the head, once.
    fn edits(&mut self) -> Edits {
        if self.hsts.is_none() && self.quotas.is_empty() {
            return Edits::default();
        }
        let hsts = self.hsts.take();
        let hsts = hsts.map(|value| ("strict-transport-security".into(), value.as_bytes().to_vec()));
        let quotas = std::mem::take(&mut self.quotas);
        // In place of the upstream's own: two lists with names of two authors would tell nobody anything.
        let fields = quota::fields(&quotas, &self.bench.policy.limits, self.bench.now);
        let fields = fields.into_iter().flatten().map(|(name, value)| (Rc::from(name), value.into_bytes()));
        Edits { set: hsts.into_iter().chain(fields).collect(), ..Edits::default() }
    }

    fn replace(mut self, refused: &Refused) -> AnswerStep {
        AnswerStep::Replace(Box::new(self.rejection(refused)))
    }
}

impl AwaitAnswerBody {
    /// The request, whose own body may still be coming.
    pub fn answer_mut(&mut self) -> &mut AwaitAnswer {
        &mut self.answer
    }

    /// Whether the body goes on as it comes.
    pub fn is_watched(&self) -> bool {
        self.copy.is_some()
    }

    /// What changes in the head of an answer whose body is watched: it goes on now.
    pub fn edits(&mut self) -> Edits {
        self.answer.edits()
    }

    /// A piece more of a watched body.
    pub fn watch(mut self: Box<Self>, piece: &[u8], clock: impl FnOnce() -> Nanos) -> AnswerStep {
        let copy = self.copy.get_or_insert_default();
        copy.extend_from_slice(piece);
        let bytes = u64::try_from(copy.len()).unwrap_or(u64::MAX);
        self.grow(bytes, clock).too_late()
    }

    /// Judges what came of a watched body, which is whole.
    pub fn judge_watched(mut self: Box<Self>, clock: impl FnOnce() -> Nanos) -> AnswerStep {
        let copy = self.copy.take().unwrap_or_default();
        self.judge(&copy, clock).too_late()
    }

    /// Whether `bytes` of the body, which came so far, decide nothing.
    pub fn has_room_for(&mut self, bytes: u64) -> bool {
        self.takes(bytes).is_ok()
    }

    fn takes(&mut self, bytes: u64) -> Result<(), Refusal> {
        self.announced = self.announced.max(bytes);
        self.response.check_size(bytes)
    }

    /// More of the body came: `bytes` so far. Past its bound it is replaced, or in shadow goes on unread.
    pub fn grow(mut self: Box<Self>, bytes: u64, clock: impl FnOnce() -> Nanos) -> AnswerStep {
        self.answer.later(clock);
        self.grown(bytes)
    }

    fn grown(mut self: Box<Self>, bytes: u64) -> AnswerStep {
        match self.takes(bytes) {
            Ok(()) => AnswerStep::Hold(self),
            Err(refusal) => self.answer.unread(&self.response, refusal),
        }
    }

    /// Judges the whole body.
    pub fn judge(mut self: Box<Self>, body: &[u8], clock: impl FnOnce() -> Nanos) -> AnswerStep {
        self.answer.later(clock);
        self.decide(body)
    }

    fn decide(self: Box<Self>, body: &[u8]) -> AnswerStep {
        let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
        if length < self.announced {
            return self.unavailable();
        }
        match self.grown(length) {
            AnswerStep::Hold(mut whole) => {
                let AwaitAnswer { bench, subjects, .. } = &mut *whole.answer;
                let subjects = subjects.as_ref();
                match judging::judge(bench, subjects, &whole.response, whole.status, body) {
                    Err(refused) => whole.answer.replace(&refused),
                    Ok(None) => whole.answer.pass(),
                    Ok(Some(body)) => whole.change(body),
                }
            }
            decided => decided,
        }
    }

    /// The answer goes on with another body.
    fn change(mut self, body: Vec<u8>) -> AnswerStep {
        let edits = self.answer.edits().and(self.changed);
        let (has_length, record) = (self.has_length, self.answer.bench.record);
        AnswerStep::Change(Changed { edits, has_length, body, record })
    }

    /// The host announced a body and does not hand all of it over.
    pub fn unavailable(self) -> AnswerStep {
        let watched = self.is_watched();
        let step = self.answer.unread(&self.response, Reason::ResponseContent.into());
        if watched { step.too_late() } else { step }
    }
}

/// The status of an answer: three digits (RFC 9110, section 15).
pub(crate) fn status_of(headers: &Headers) -> Option<u16> {
    let text: &[u8; 3] = headers.single(":status").one()?.try_into().ok()?;
    let sum = |sum: u16, digit: &u8| sum.wrapping_mul(10).wrapping_add(u16::from(digit & 0xf));
    text.iter().all(u8::is_ascii_digit).then(|| text.iter().fold(0, sum))
}
