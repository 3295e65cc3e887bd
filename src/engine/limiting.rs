//! The limits of one stage, each in its own mode.

use crate::control::limits::Charge;
use crate::control::limits::Moment;
use crate::control::limits::Stage;
use crate::engine::Memory;
use crate::engine::World;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::Exchange;
use crate::engine::view::Known;
use crate::model::mode::Control;
use crate::model::mode::Mode;

/// Proof that every enforced limit of a stage had a unit left, and was charged.
#[derive(Debug)]
pub(crate) struct Charged(());

/// Charges the limits of a stage: all that are enforced, or none.
pub(crate) fn charge(
    exchange: &mut Exchange,
    stage: Stage,
    known: Known<'_>,
    memory: &mut Memory,
    world: &impl World,
) -> Result<Cleared<Charged>, Refused> {
    let policy = exchange.bench.policy.clone();
    let now = exchange.bench.now;
    let Some(route) = exchange.bench.route() else { return Ok(Cleared::Waived(Waiver::NoRoute)) };
    let mut charges = Vec::with_capacity(route.limits.len());
    for (position, named) in route.limits.iter().enumerate() {
        let mode = route.modes.limit(position, now);
        if let (Some(limit), true) = (policy.limits.get(named.index), mode != Mode::Disabled)
            && limit.stage() == stage
        {
            charges.push(Charge { limit, shadow: mode == Mode::Shadow, cost: named.cost });
        }
    }
    if charges.is_empty() {
        return Ok(Cleared::Waived(Waiver::NotDemanded));
    }
    let moment = Moment { now, jitter: world.jitter() };
    let outcome = memory.limiter.check(&charges, &exchange.view(known), moment, world);
    memory.slots.add(outcome.stats);
    exchange.quotas.extend(outcome.quotas.iter().cloned());
    let answer = outcome.answer().map(|refused| refused.limit);
    exchange.bench.record.hold(outcome.held);
    for refused in outcome.refused.iter().filter(|refused| refused.shadow) {
        let rule = rule(policy.limits.get(refused.limit).map(|limit| limit.name().as_str()));
        exchange.bench.fail::<()>(Mode::Shadow, Control::Limits, rule, refused.refusal.clone())?;
    }
    // Of several that refuse, one is told: the one whose answer says it all.
    let told = outcome.refused.into_iter().find(|refused| !refused.shadow && Some(refused.limit) == answer);
    match told {
        None => Ok(Cleared::Passed(Charged(()))),
        Some(refused) => {
            let rule = rule(policy.limits.get(refused.limit).map(|limit| limit.name().as_str()));
            exchange.bench.fail(Mode::Enforce, Control::Limits, rule, refused.refusal)
        }
    }
}

/// The strictest mode of any limit of the route whose turn is after the body.
pub(crate) fn strictest_after_body(exchange: &Exchange) -> Mode {
    let Some(route) = exchange.bench.route() else { return Mode::Disabled };
    let limits = route.limits.iter().enumerate().filter(|(_, named)| {
        let limit = exchange.bench.policy.limits.get(named.index);
        limit.is_some_and(|limit| limit.stage() == Stage::AfterBody)
    });
    let modes = limits.map(|(position, _)| route.modes.limit(position, exchange.bench.now));
    modes.max().unwrap_or(Mode::Disabled)
}

fn rule(name: Option<&str>) -> std::rc::Rc<str> {
    format!("limits.{}", name.unwrap_or_default()).into()
}
