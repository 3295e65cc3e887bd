//! What one worker keeps for one policy: the policy itself, key sets, caches, and the ids of its metrics.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::rc::Weak;

use proxy_wasm::types::Action;

use crate::control::limits::service::Failure;
use crate::control::limits::service::wire;
use crate::control::tokens::polled::Document;
use crate::engine::AwaitService;
use crate::engine::Labels;
use crate::engine::Memory;
use crate::engine::Record;
use crate::filter::host;
use crate::filter::host::Body;
use crate::filter::host::Failed;
use crate::filter::host::Level;
use crate::filter::host::Metric;
use crate::filter::stage::Stage;
use crate::filter::waiting::Wait;
use crate::filter::world::Host;
use crate::policy::Policy;
use crate::telemetry;

/// The status of a gRPC call that took too long.
const DEADLINE_EXCEEDED: u32 = 4;
/// The status of a gRPC call that reached nobody.
const UNAVAILABLE: u32 = 14;

/// A stream that waits: its context, and where it stands.
type Waiter = (u32, Weak<RefCell<Stage>>);

/// One policy in one worker.
pub(crate) struct Runtime {
    pub(crate) policy: Rc<Policy>,
    /// What is fetched for the policy.
    pub(crate) documents: Vec<Document>,
    pub(crate) memory: RefCell<Memory>,
    /// Ids of the decision counter's series: as many as reasons and tracked versions make, for each route and, last, for
    /// requests that have none.
    series: RefCell<Vec<Vec<(Labels, u32)>>>,
    /// Streams that wait, by context.
    waiting: RefCell<Vec<Waiter>>,
    /// Those that wait for a call, by its token.
    calls: RefCell<HashMap<u32, Waiter>>,
    written: RefCell<Written>,
}

/// Audit lines written in the current second.
#[derive(Default)]
struct Written {
    second: u64,
    lines: u64,
    dropped: Option<u32>,
}

impl Runtime {
    pub(crate) fn new(policy: Rc<Policy>, memory: Memory) -> Self {
        Self {
            documents: Document::all(&policy.tokens),
            series: RefCell::new(vec![Vec::new(); policy.routes.len().saturating_add(1)]),
            policy,
            memory: RefCell::new(memory),
            waiting: RefCell::default(),
            calls: RefCell::default(),
            written: RefCell::default(),
        }
    }

    /// Counts and writes down what happened since the last time, and gives back what limits do not count once it is
    /// known what the client is sent. `status` is that of an answer given here.
    pub(crate) fn tell(&self, record: &mut Record, status: Option<u16>) {
        record.settle(&mut self.memory.borrow_mut(), &Host);
        for labels in record.untold() {
            if let Some(id) = self.series(labels) {
                host::count(id, 1);
            }
        }
        if record.has_untold() {
            // For the access log first: it has every event, and the log only so many.
            let all = record.audit(status);
            let _ = host::set_property(telemetry::FILTER_STATE, &all);
            if record.has_news() {
                self.write(|| record.audit_line(status, all));
            }
        }
        record.tell();
    }

    /// Tells what happened to a request that the host answered by itself; that answer goes on.
    pub(crate) fn end(&self, mut record: Box<Record>) -> Action {
        self.tell(&mut record, None);
        Action::Continue
    }

    fn series(&self, labels: Labels) -> Option<u32> {
        let routes = self.policy.routes.len();
        let mut series = self.series.borrow_mut();
        let known = series.get_mut(labels.route.unwrap_or(routes))?;
        if let Some((_, id)) = known.iter().find(|(others, _)| *others == labels) {
            return Some(*id);
        }
        let id = host::metric(Metric::Counter, &labels.name(&self.policy)).ok()?;
        known.push((labels, id));
        Some(id)
    }

    fn write(&self, line: impl FnOnce() -> String) {
        let mut written = self.written.borrow_mut();
        let second = host::now().0 / 1_000_000_000;
        if written.second != second {
            written.second = second;
            written.lines = 0;
        }
        if written.lines < self.policy.audit.max_per_second {
            written.lines = written.lines.saturating_add(1);
            host::log(Level::Warn, &line());
            return;
        }
        let name = || telemetry::series(telemetry::AUDIT_DROPPED, &[("policy", self.policy.name.as_str())]);
        let id = written.dropped.or_else(|| host::metric(Metric::Counter, &name()).ok());
        written.dropped = id;
        if let Some(id) = id {
            host::count(id, 1);
        }
    }

    /// Hands what the limits' table and the caches went through to the metrics; once a tick, not once a request.
    pub(crate) fn report(&self) {
        let name = self.policy.name.as_str();
        let mut memory = self.memory.borrow_mut();
        for (event, times) in memory.slots.take() {
            add(telemetry::SLOTS, &[("policy", name), ("event", event)], times.into());
        }
        for (event, times) in memory.replays.take_counts() {
            add(telemetry::PROOFS, &[("policy", name), ("event", event)], times);
        }
        for (outcome, times) in memory.calls.take() {
            add(telemetry::SERVICE_CALLS, &[("policy", name), ("outcome", outcome)], times);
        }
        for definition in self.policy.tokens.iter() {
            for (event, times) in memory.caches.take_counts(definition.index) {
                let labels = [("policy", name), ("token", definition.name.as_str()), ("event", event)];
                add(telemetry::TOKEN_CACHE, &labels, times);
            }
        }
    }

    /// Remembers a stream that waits.
    pub(crate) fn wake_later(&self, context: u32, stage: &Rc<RefCell<Stage>>) {
        let weak = Rc::downgrade(stage);
        if let Some(call) = stage.borrow().waits().and_then(Wait::call) {
            self.calls.borrow_mut().insert(call, (context, weak.clone()));
        }
        self.waiting.borrow_mut().push((context, weak));
    }

    /// Wakes the streams that wait: those for keys and feeds when a fetch began or ended, and those whose wait is over. `root` is the context
    /// that calls.
    pub(crate) fn wake(self: &Rc<Self>, news: bool, root: u32) {
        // A stream that ended meanwhile took its stage with it.
        self.calls.borrow_mut().retain(|_, (_, stage)| stage.strong_count() > 0);
        if self.waiting.borrow().is_empty() {
            return;
        }
        let now = host::now();
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        for (context, weak) in waiting {
            let Some(stage) = weak.upgrade() else { continue };
            // One that went on needs no waking.
            let due = stage
                .borrow()
                .waits()
                .map(|wait| now >= wait.deadline() || news && matches!(wait, Wait::Keys(_)));
            match due {
                None => {}
                Some(false) => self.waiting.borrow_mut().push((context, weak)),
                Some(true) if host::act_for(context).is_err() => {}
                Some(true) => {
                    let waits = stage.borrow_mut().wake(self);
                    if waits {
                        self.wake_later(context, &stage);
                    }
                }
            }
        }
        let _ = host::act_for(root);
    }

    /// Asks the rate limit service for a request that waits.
    pub(crate) fn ask(&self, waiting: &AwaitService) -> Result<u32, Failure> {
        let service = self.policy.service.as_ref().ok_or(Failure::Unreachable)?;
        let (question, timeout) = (waiting.question(), service.timeout);
        host::grpc(&service.cluster, wire::SERVICE, wire::METHOD, &question, timeout)
            .map_err(|_| Failure::Unreachable)
    }

    /// What a call of the rate limit service came to. Whichever context is called back, the stream is the one that
    /// waits: a call that was made from a tick comes to the root.
    pub(crate) fn on_reply(self: &Rc<Self>, call: u32, status: u32, size: usize, caller: u32) {
        let known = self.calls.borrow_mut().remove(&call);
        let Some((context, stage)) = known.and_then(|(context, weak)| Some((context, weak.upgrade()?)))
        else {
            return;
        };
        let reply = match status {
            0 if size > wire::MAX_REPLY => Err(Failure::Garbage),
            0 => host::body(Body::GrpcMessage, wire::MAX_REPLY).or_else(|failed| match failed {
                // An empty message has no buffer.
                Failed::NOT_FOUND => Ok(Vec::new()),
                _ => Err(Failure::Garbage),
            }),
            DEADLINE_EXCEEDED => Err(Failure::Timeout),
            UNAVAILABLE => Err(Failure::Unreachable),
            _ => Err(Failure::Failed),
        };
        if host::act_for(context).is_ok() {
            let reply = reply.as_deref().map_err(|failure| *failure);
            let waits = stage.borrow_mut().on_reply(self, call, reply);
            if waits {
                self.wake_later(context, &stage);
            }
        }
        let _ = host::act_for(caller);
    }
}

/// Adds to a counter that is written too seldom to keep its id.
pub(crate) fn add(name: &str, labels: &[(&str, &str)], times: u64) {
    if times > 0
        && let Ok(id) = host::metric(Metric::Counter, &telemetry::series(name, labels))
    {
        host::count(id, times);
    }
}
