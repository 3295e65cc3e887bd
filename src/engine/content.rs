//! The controls that need what stands in a request's body, in their order: limits, owners, then what the body itself
//! must be.
//!
//! Reading a body is no control and has no mode. What cannot be read in just one way has values that are ambiguous, and
//! whoever needs one refuses in its own mode.

use serde_json::Value;

use crate::control::access::Ownership;
use crate::control::limits::Stage;
use crate::engine::Memory;
use crate::engine::World;
use crate::engine::access;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::BeforeBody;
use crate::engine::head::Exchange;
use crate::engine::head::path_of;
use crate::engine::limiting;
use crate::engine::view::Body;
use crate::engine::view::Known;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::refusal::Reason;
use crate::refusal::Refusal;

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

/// Judges a body that was read, or that could not be.
pub(crate) fn judge(
    exchange: &mut Exchange,
    before: &BeforeBody,
    read: Result<Value, Refusal>,
    memory: &mut Memory,
    world: &impl World,
) -> Result<AfterBody, Refused> {
    let body = match &read {
        Ok(value) => Body::Read(value),
        Err(refusal) if refusal.reason == Reason::RequestBodyMissing => Body::Absent,
        Err(_) => Body::Unfit,
    };
    let (limits, access) = values(exchange, before, body, memory, world)?;
    let rules = of_request(exchange);
    let request = match (read, exchange.bench.route().map(|route| route.request.clone())) {
        (_, None) => Cleared::Waived(Waiver::NoRoute),
        // A schema needs what stands in the body, whatever `request.json` itself may do.
        (Err(refusal), _) => {
            exchange.bench.weigh_strictest(&rules, refusal)?;
            Cleared::Waived(Waiver::Shadow)
        }
        (Ok(value), Some(request)) => {
            let schema = exchange.bench.weigh(Rule::RequestSchema, |_| request.check_schema(&value))?;
            match schema {
                Cleared::Passed(()) => Cleared::Passed(Inspected(())),
                Cleared::Waived(waiver) => Cleared::Waived(waiver),
            }
        }
    };
    Ok(AfterBody { limits, access, request })
}

/// What becomes of a body that nobody looks into because of `refusal`: it was told already, or is by one of `rules`.
pub(crate) fn judge_unread(
    exchange: &mut Exchange,
    before: &BeforeBody,
    rules: &[Rule],
    refusal: Refusal,
    memory: &mut Memory,
    world: &impl World,
) -> Result<AfterBody, Refused> {
    let (limits, access) = values(exchange, before, Body::Unfit, memory, world)?;
    exchange.bench.weigh_strictest(rules, refusal)?;
    Ok(AfterBody { limits, access, request: Cleared::Waived(Waiver::Shadow) })
}

/// Whoever needs a value of the body, in order.
fn values(
    exchange: &mut Exchange,
    before: &BeforeBody,
    body: Body<'_>,
    memory: &mut Memory,
    world: &impl World,
) -> Result<(Cleared<limiting::Charged>, Cleared<Ownership>), Refused> {
    let headers = exchange.headers.clone();
    let path = path_of(&headers);
    let known = Known { path: path.as_ref(), subjects: before.tokens.proof(), body };
    let limits = limiting::charge_here(exchange, Stage::AfterBody, known, memory, world)?;
    let access = access::after_body(exchange, known)?;
    Ok((limits, access))
}
