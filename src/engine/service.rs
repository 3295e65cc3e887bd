//! A request that waits for the rate limit service.

use crate::control::limits::quota::Quota;
use crate::control::limits::service::Failure;
use crate::control::limits::service::Spent;
use crate::engine::Decision;
use crate::engine::Memory;
use crate::engine::Record;
use crate::engine::Step;
use crate::engine::World;
use crate::engine::content::Reading;
use crate::engine::doors::Doors;
use crate::engine::head::BeforeBody;
use crate::engine::head::Caller;
use crate::engine::head::Early;
use crate::engine::head::Exchange;
use crate::engine::limiting;
use crate::engine::limiting::Asked;
use crate::engine::waiting::Held;
use crate::model::headers::Headers;
use crate::model::time::Nanos;

/// Where a request waits, with what was cleared by then.
#[derive(Debug)]
pub(crate) enum Point {
    /// At the limits that need no token.
    Early(Doors),
    /// At those that do.
    Late(Early, Caller),
    /// At those that need what stands in the body.
    Body(Box<(BeforeBody, Reading)>),
}

/// A request that waits for the rate limit service.
#[derive(Debug)]
pub struct AwaitService {
    exchange: Exchange,
    point: Point,
    asked: Asked,
    deadline: Nanos,
    held: Option<Held>,
}

impl Exchange {
    /// Waits for the service; where too many wait already, goes on as if it had said nothing.
    pub(crate) fn ask(self, point: Point, asked: Asked, memory: &mut Memory, world: &impl World) -> Step {
        let timeout = self.bench.policy.service.as_ref().map(|service| service.timeout).unwrap_or_default();
        let deadline = self.bench.now.plus(timeout);
        let held = memory.asking.place();
        let crowded = held.is_none();
        let waiting = AwaitService { exchange: self, point, asked, deadline, held };
        if crowded {
            waiting.answered(Err(Failure::Crowded), memory, world)
        } else {
            Step::NeedService(Box::new(waiting))
        }
    }

    /// The service says that a limit has nothing left: so the client is told, whatever the guard in this process has.
    pub(crate) fn tell_spent(&mut self, spent: Spent) {
        let known = self.quotas.iter().position(|quota| quota.limit == spent.limit);
        let before = known.map(|at| self.quotas.swap_remove(at));
        let partition = before.and_then(|quota| quota.partition);
        self.quotas.push(Quota::spent(spent.limit, spent.budget, partition, spent.wait, self.bench.now));
    }
}

impl AwaitService {
    /// When the wait is over.
    pub fn deadline(&self) -> Nanos {
        self.deadline
    }

    /// The upstream answered before the request was judged: see [`AwaitBody::answered_early`](crate::engine::AwaitBody::answered_early).
    pub fn answered_early(self) -> Decision {
        self.exchange.answered_early()
    }

    /// The host answered by itself while the request waited.
    pub fn answered_by_host(self, headers: &Headers) -> Box<Record> {
        self.exchange.answered_by_host(headers)
    }

    /// The message that asks the service.
    pub fn question(&self) -> Vec<u8> {
        let policy = &self.exchange.bench.policy;
        let service = policy.service.as_ref();
        service.map(|service| service.question(&self.asked.asks, &policy.limits)).unwrap_or_default()
    }

    /// Goes on from what the service said, or from why it said nothing.
    pub fn answered(
        mut self,
        reply: Result<&[u8], Failure>,
        memory: &mut Memory,
        world: &impl World,
    ) -> Step {
        let now = world.now();
        self.exchange.bench.now = now;
        // Its place is free: it may wait once more.
        drop(self.held.take());
        // A host that gave up waiting says so as if nobody had been there; its timer may run on a clock a little behind.
        let service = self.exchange.bench.policy.service.as_ref();
        let slack = service.and_then(|service| service.timeout.checked_div(8)).unwrap_or_default();
        let late = |failure| match failure {
            Failure::Unreachable if now.plus(slack) >= self.deadline => Failure::Timeout,
            failure => failure,
        };
        let reply = reply.map_err(late);
        match limiting::answered(&mut self.exchange, &self.asked, reply, memory, world) {
            Err(refused) => Step::Settled(self.exchange.refuse(&refused)),
            Ok(limits) => match self.point {
                Point::Early(doors) => self.exchange.early(doors, limits, memory, world),
                Point::Late(early, caller) => self.exchange.late(early, caller, limits, memory, world),
                Point::Body(body) => {
                    let (before, reading) = *body;
                    Step::Settled(self.exchange.after_body(before, reading, limits))
                }
            },
        }
    }
}
