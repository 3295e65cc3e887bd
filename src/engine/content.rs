//! The controls that need what stands in a request's body, in their order: limits, owners, then what the body itself
//! must be.
//!
//! Reading a body is no control and has no mode. What cannot be read in just one way has values that are ambiguous, and
//! whoever needs one refuses in its own mode.

use serde_json::Value;

use crate::control::access::Ownership;
use crate::control::limits::Stage;
use crate::engine::Decision;
use crate::engine::Memory;
use crate::engine::Step;
use crate::engine::World;
use crate::engine::access;
use crate::engine::admission::admit;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::BeforeBody;
use crate::engine::head::Exchange;
use crate::engine::limiting;
use crate::engine::limiting::Charging;
use crate::engine::service::Point;
use crate::engine::view::Body;
use crate::engine::view::Known;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::telemetry::Outcome;

/// What was cleared after the body was read, or without it being read.
#[derive(Debug)]
#[expect(dead_code, reason = "held as evidence: an admission cannot be built without it")]
pub(crate) struct AfterBody {
    limits: Cleared<limiting::Charged>,
    access: Cleared<Ownership>,
    request: Cleared<Inspected>,
}

/// Proof that the body, if the route looks at one, is as it must be.
#[derive(Debug)]
pub(crate) struct Inspected(());

impl Inspected {
    fn by(schema: Cleared<()>) -> Cleared<Self> {
        match schema {
            Cleared::Passed(()) => Cleared::Passed(Self(())),
            Cleared::Waived(waiver) => Cleared::Waived(waiver),
        }
    }
}

impl AfterBody {
    /// Nobody looked into the body.
    pub(crate) fn waived(why: Waiver) -> Self {
        let (limits, access) = (Cleared::Waived(why), Cleared::Waived(why));
        Self { limits, access, request: Cleared::Waived(why) }
    }
}

/// The strictest mode of whoever needs what stands in the body of this route.
pub(crate) fn strictest(exchange: &Exchange) -> Mode {
    let Some(route) = exchange.bench.route() else { return Mode::Disabled };
    let owner = route.access.as_ref().is_some_and(|access| access.reads_body());
    let owner = owner.then(|| exchange.bench.mode(Rule::AccessOwner));
    let limits = limiting::strictest_after_body(exchange);
    let of_request = of_request(exchange).into_iter().map(|rule| exchange.bench.mode(rule));
    of_request.chain(owner).chain([limits]).max().unwrap_or(Mode::Disabled)
}

/// The rules of `request` that need what stands in the body.
pub(crate) fn of_request(exchange: &Exchange) -> Vec<Rule> {
    let request = exchange.bench.route().map(|route| &route.request);
    match request.filter(|request| request.needs_body()) {
        None => Vec::new(),
        Some(request) if request.has_schema() => vec![Rule::RequestJson, Rule::RequestSchema],
        Some(_) => vec![Rule::RequestJson],
    }
}

/// What came of reading a body.
#[derive(Debug)]
pub(crate) enum Reading {
    /// At a glance it is all that the route asks of it, and no rule needs a value of it.
    Admitted,
    /// It is whole: what it says, or why it says nothing.
    Whole(Result<Value, Refusal>),
    /// Nobody looks into it, because of this refusal, which was told already or is by one of the rules.
    Unread(Vec<Rule>, Refusal),
}

impl Reading {
    fn body(&self) -> Body<'_> {
        match self {
            Self::Whole(Ok(value)) => Body::Read(value),
            Self::Whole(Err(refusal)) if refusal.reason == Reason::RequestBodyMissing => Body::Absent,
            // Nobody needs a value of what was only glanced at. If somebody did, none would have just one reading.
            Self::Whole(Err(_)) | Self::Unread(..) | Self::Admitted => Body::Unfit,
        }
    }
}

impl Exchange {
    /// From what came of reading the body on.
    pub(crate) fn read(
        mut self,
        before: BeforeBody,
        reading: Reading,
        memory: &mut Memory,
        world: &impl World,
    ) -> Step {
        let path = self.path.clone();
        let known = Known { path: path.as_deref(), subjects: before.tokens.proof(), body: reading.body() };
        match limiting::charge(&mut self, Stage::AfterBody, known, memory, world) {
            Ok(Charging::Done(limits)) => Step::Settled(self.after_body(before, reading, limits)),
            Ok(Charging::Ask(asked)) => {
                self.ask(Point::Body(Box::new((before, reading))), asked, memory, world)
            }
            Err(refused) => Step::Settled(self.refuse(&refused)),
        }
    }

    /// From the limits that need what stands in the body on.
    pub(crate) fn after_body(
        mut self,
        before: BeforeBody,
        reading: Reading,
        limits: Cleared<limiting::Charged>,
    ) -> Decision {
        let unread = matches!(reading, Reading::Unread(..));
        match self.contents(&before, reading) {
            Err(refused) => self.refuse(&refused),
            Ok((access, request)) => {
                if unread {
                    self.bench.note(Outcome::Uninspected, Rule::RequestJson);
                }
                admit(self, before, AfterBody { limits, access, request }, None)
            }
        }
    }

    /// Owners that the body names, then the body itself.
    fn contents(
        &mut self,
        before: &BeforeBody,
        reading: Reading,
    ) -> Result<(Cleared<Ownership>, Cleared<Inspected>), Refused> {
        let path = self.path.clone();
        let known = Known { path: path.as_deref(), subjects: before.tokens.proof(), body: reading.body() };
        let access = access::after_body(self, known)?;
        let route = self.bench.route().map(|route| route.request.clone());
        let request = match (reading, route) {
            (Reading::Unread(rules, refusal), _) => {
                self.bench.weigh_strictest(&rules, refusal)?;
                Cleared::Waived(Waiver::Shadow)
            }
            (Reading::Whole(_) | Reading::Admitted, None) => Cleared::Waived(Waiver::NoRoute),
            // A schema needs what stands in the body, whatever `request.json` itself may do.
            (Reading::Whole(Err(refusal)), Some(_)) => {
                let rules = of_request(self);
                self.bench.weigh_strictest(&rules, refusal)?;
                Cleared::Waived(Waiver::Shadow)
            }
            (Reading::Whole(Ok(value)), Some(request)) => {
                let schema = self.bench.weigh(Rule::RequestSchema, |_| request.check_schema(&value))?;
                Inspected::by(schema)
            }
            (Reading::Admitted, Some(_)) => Inspected::by(self.bench.weigh(Rule::RequestSchema, |_| Ok(()))?),
        };
        Ok((access, request))
    }
}
