//! The limits of one stage, each in its own mode.

use std::borrow::Cow;
use std::time::Duration;

use crate::control::limits::Charge;
use crate::control::limits::Moment;
use crate::control::limits::Stage;
use crate::control::limits::Taken;
use crate::control::limits::key;
use crate::control::limits::key::KeySight;
use crate::control::limits::service;
use crate::control::limits::service::Ask;
use crate::control::limits::service::Called;
use crate::control::limits::service::Failure;
use crate::control::limits::service::OnError;
use crate::engine::Memory;
use crate::engine::World;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::Exchange;
use crate::engine::view::Known;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::policy::Policy;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// How long a request waits whose limits nobody can check: the service may be back by then.
const UNAVAILABLE: Duration = Duration::from_secs(1);

/// Proof that every enforced limit of a stage had a unit left, and was charged.
#[derive(Debug)]
pub(crate) struct Charged(());

/// What the rate limit service is asked about, and what the limits of this process took meanwhile.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) asks: Vec<Ask>,
    guards: Vec<Taken>,
}

/// How the limits of a stage stand.
pub(crate) enum Charging {
    /// They are done.
    Done(Cleared<Charged>),
    /// The limits of this process let the request pass; others are to be asked about.
    Ask(Asked),
}

/// Charges the limits of a stage: all that are enforced, or none.
pub(crate) fn charge(
    exchange: &mut Exchange,
    stage: Stage,
    known: Known<'_>,
    memory: &mut Memory,
    world: &impl World,
) -> Result<Charging, Refused> {
    let policy = exchange.bench.policy.clone();
    let now = exchange.bench.now;
    let Some(route) = exchange.bench.route() else {
        return Ok(Charging::Done(Cleared::Waived(Waiver::NoRoute)));
    };
    let mut charges = Vec::new();
    for (position, named) in route.limits.iter().enumerate() {
        let mode = route.modes.limit(position, now);
        if let (Some(limit), true) = (policy.limits.get(named.index), mode != Mode::Disabled)
            && limit.stage() == stage
        {
            charges.push(Charge { limit, shadow: mode == Mode::Shadow, cost: named.cost });
        }
    }
    if charges.is_empty() {
        return Ok(Charging::Done(Cleared::Waived(Waiver::NotDemanded)));
    }
    let jitter = || world.jitter();
    let outcome = memory.limiter.check(&charges, &exchange.view(known), Moment::new(now, &jitter), world);
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
        None => {
            let asks = asks(&policy, &charges, &exchange.view(known));
            Ok(match asks.is_empty() {
                true => Charging::Done(Cleared::Passed(Charged(()))),
                false => Charging::Ask(Asked { asks, guards: outcome.guards }),
            })
        }
        Some(refused) => refuse(exchange, refused.limit, refused.refusal).map(Charging::Done),
    }
}

/// What the rate limit service is to be asked about: enforced global limits that count the request. One in shadow would
/// use up what others are held to.
fn asks(policy: &Policy, charges: &[Charge<'_>], sight: &impl KeySight) -> Vec<Ask> {
    let Some(service) = &policy.service else { return Vec::new() };
    let enforced = charges.iter().filter(|charge| charge.limit.is_global() && !charge.shadow);
    // The key and the cost were read a moment ago: what they lack was refused or is not counted.
    let ask = |charge: &Charge<'_>| {
        let key = key::shared(charge.limit, sight, service.secret()).ok().flatten()?;
        let (budget, units) = charge.limit.terms(charge.cost, sight).ok()?;
        let tier = charge.limit.tier(sight).ok()?.map(|(name, _)| name.clone());
        Some(Ask { limit: charge.limit.index(), key, tier, budget: *budget, hits: units.get() })
    };
    enforced.filter_map(ask).collect()
}

/// Goes on from what the rate limit service said.
pub(crate) fn answered(
    exchange: &mut Exchange,
    asked: &Asked,
    reply: Result<&[u8], Failure>,
    memory: &mut Memory,
    world: &impl World,
) -> Result<Cleared<Charged>, Refused> {
    let Asked { asks, guards } = asked;
    let policy = exchange.bench.policy.clone();
    let verdict = service::judge(reply, asks);
    memory.calls.add(Called::of(&verdict));
    let jitter = || world.jitter();
    let moment = Moment::new(exchange.bench.now, &jitter);
    let on_error = policy.service.as_ref().map_or(OnError::Deny, |service| service.on_error);
    match (verdict, on_error) {
        (Ok(None), _) => Ok(Cleared::Passed(Charged(()))),
        (Ok(Some(spent)), _) => {
            exchange.tell_spent(spent);
            let wait = moment.jittered(spent.wait);
            refuse(exchange, spent.limit, Refusal::new(Reason::LimitsExceeded).with(Extra::RetryAfter(wait)))
        }
        (Err(_), OnError::Deny) => silent(exchange, asks, world),
        // The guard in this process let it pass.
        (Err(_), OnError::Local) => Ok(Cleared::Passed(Charged(()))),
        (Err(_), OnError::Allow) => {
            memory.slots.add(memory.limiter.give_back(guards, exchange.bench.now, world));
            Ok(Cleared::Waived(Waiver::Unanswered))
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

/// Nobody can say how these limits stand.
fn silent(exchange: &mut Exchange, asks: &[Ask], world: &impl World) -> Result<Cleared<Charged>, Refused> {
    let first = asks.first().map_or(usize::MAX, |ask| ask.limit);
    let jitter = || world.jitter();
    let moment = Moment::new(exchange.bench.now, &jitter);
    let wait = moment.jittered(UNAVAILABLE);
    refuse(exchange, first, Refusal::new(Reason::LimitsUnavailable).with(Extra::RetryAfter(wait)))
}

fn refuse(exchange: &mut Exchange, limit: usize, refusal: Refusal) -> Result<Cleared<Charged>, Refused> {
    let rule = rule(exchange.bench.policy.limits.get(limit).map(|limit| limit.name().as_str()));
    exchange.bench.fail(Mode::Enforce, Control::Limits, rule, refusal)
}

fn rule(name: Option<&str>) -> Cow<'static, str> {
    format!("limits.{}", name.unwrap_or_default()).into()
}
