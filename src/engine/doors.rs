//! The two controls in front of all others: the channel, and the place.

use crate::control::routing::Misplaced;
use crate::control::routing::Place;
use crate::control::transport::Channel;
use crate::control::transport::Protection;
use crate::engine::World;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::Exchange;
use crate::model::headers::Headers;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::refusal::Reason;

/// What was cleared before any limit was asked.
#[derive(Debug)]
#[expect(dead_code, reason = "held as evidence: an admission cannot be built without it")]
pub(crate) struct Doors {
    pub(crate) transport: Cleared<Channel>,
    pub(crate) routing: Cleared<Place>,
}

impl Exchange {
    /// `placed` says whether the host is one that the policy speaks for: nobody is redirected to another.
    pub(crate) fn transport(
        &mut self,
        world: &impl World,
        headers: &Headers,
        placed: bool,
    ) -> Result<Cleared<Channel>, Refused> {
        let rule = Rule::Whole(Control::Transport);
        let mode = self.bench.mode(rule);
        if mode == Mode::Disabled {
            return Ok(Cleared::Waived(Waiver::Disabled));
        }
        let policy = self.bench.policy.clone();
        let connection: Protection = world.protection();
        // By the policy's own mode, since browsers hold it of the host: routes do not tell themselves apart by it.
        if policy.modes.rule(rule, self.bench.now) == Mode::Enforce {
            self.hsts = policy.transport.hsts(connection, headers).map(Into::into);
        }
        let secret = |name: &str| headers.has(name);
        let exposed = policy.tokens.iter().any(|definition| secret(&definition.carrier.header));
        self.bench.weigh(rule, |_| match policy.transport.check(connection, headers) {
            Err(refusal) if refusal.reason == Reason::TransportRedirect && (exposed || !placed) => {
                Err(Reason::TransportCleartext.into())
            }
            verdict => verdict,
        })
    }

    pub(crate) fn routing(&mut self, placed: Result<Place, Misplaced>) -> Result<Cleared<Place>, Refused> {
        let rule = Rule::Whole(Control::Routing);
        let (policy, now) = (self.bench.policy.clone(), self.bench.now);
        let misplaced = match placed {
            Ok(place) => return Ok(Cleared::Passed(place)),
            Err(misplaced) => misplaced,
        };
        // No way round an enforced route, whatever `routing` itself may do: an upstream may read the path otherwise, and
        // look at no host and no upgrade at all.
        let candidates = misplaced.candidates.iter().filter_map(|index| policy.routes.get(*index));
        let strictest = candidates.map(|route| route.modes.strictest(now)).max();
        let demanded = match misplaced.refusal.reason {
            // In shadow a method that nobody has is told; what else has no place is the policy's to tell.
            Reason::RoutingMethod => strictest,
            _ => strictest.filter(|mode| *mode == Mode::Enforce),
        };
        let mode = policy.modes.rule(rule, now).max(demanded.unwrap_or(Mode::Disabled));
        self.bench.weigh_in(mode, rule, |_| Err(misplaced.refusal))
    }
}
