//! The engine: bytes, the time and a store in, a [`Decision`] out. The same lines decide in Envoy, in a unit test and
//! on the command line.
//!
//! A request moves through phases, each a value that the next one consumes: [`arrive`] judges the head and settles, or
//! waits ([`Step::NeedKeys`], [`Step::NeedService`], [`Step::NeedBody`]); an admitted request leaves an [`AwaitAnswer`] behind. No phase can be
//! run twice, or out of order.
//!
//! The order of the controls stands in `head.rs`, `body.rs` and `content.rs`; what a mode means stands in `bench.rs`, once.

mod access;
mod admission;
mod answer;
mod bench;
mod binding;
mod body;
mod challenge;
mod content;
mod doors;
mod edits;
mod head;
mod judging;
mod limiting;
mod object;
mod record;
mod response;
mod service;
#[cfg(test)]
mod tests;
mod view;
mod waiting;

pub use crate::engine::answer::Answer;
pub use crate::engine::body::AwaitBody;
pub use crate::engine::body::BodyCount;
pub use crate::engine::body::Grown;
pub use crate::engine::edits::DIGESTS;
pub use crate::engine::edits::Edits;
pub use crate::engine::edits::untrusted;
pub use crate::engine::head::AwaitKeys;
pub use crate::engine::head::arrive;
pub use crate::engine::head::unreadable;
pub use crate::engine::record::Event;
pub use crate::engine::record::Labels;
pub use crate::engine::record::Record;
pub use crate::engine::response::AnswerStep;
pub use crate::engine::response::AwaitAnswer;
pub use crate::engine::response::AwaitAnswerBody;
pub use crate::engine::response::Changed;
pub use crate::engine::service::AwaitService;
pub use crate::engine::waiting::Waiting;

use crate::control::limits::Limiter;
use crate::control::limits::Stats;
use crate::control::limits::service::Calls;
use crate::control::tokens;
use crate::control::transport::Protection;
use crate::model::shared::Buckets;
use crate::model::time::Nanos;

/// What the engine asks its host. Every answer may cost a host call: it is asked only where the policy needs it.
pub trait World: Buckets {
    /// The time now.
    fn now(&self) -> Nanos;
    /// The peer's `ip:port`, as the host shows it.
    fn source_address(&self) -> Option<Vec<u8>>;
    /// How the connection is protected.
    fn protection(&self) -> Protection;
    /// SHA-256 of the certificate that the client showed in its TLS handshake; nothing where it showed none, or where the
    /// host does not tell.
    fn peer_certificate(&self) -> Option<[u8; 32]>;
    /// A random number from 0 up to 1, for jitter alone.
    fn jitter(&self) -> f64;
}

/// What one worker keeps between requests, beside the policy.
pub struct Memory {
    /// The key sets, by token definition.
    pub keys: tokens::Keys,
    /// What issuers revoked, by token definition.
    pub feeds: tokens::revocation::Feeds,
    /// Tokens that were verified, and tokens that were not.
    pub caches: tokens::Caches,
    /// Proofs of possession that were used.
    pub replays: tokens::Replays,
    /// How many requests are held until documents come.
    pub waiting: Waiting,
    /// How many are held until the rate limit service spoke.
    pub asking: Waiting,
    /// The table that limits are counted in.
    pub limiter: Limiter,
    /// What went on in it since the last time somebody asked.
    pub slots: Slots,
    /// What calls of the rate limit service came to since then.
    pub calls: Calls,
}

/// What went on in the table of limits, added up.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slots(Stats);

impl Slots {
    fn add(&mut self, more: Stats) {
        self.0 = self.0.and(more);
    }

    /// What came together since the last time, by name.
    pub fn take(&mut self) -> [(&'static str, u32); SLOT_EVENTS] {
        named(&mut std::mem::take(&mut self.0)).map(|(name, count)| (name, *count))
    }
}

/// How many things are counted of the table.
const SLOT_EVENTS: usize = 10;

fn named(stats: &mut Stats) -> [(&'static str, &mut u32); SLOT_EVENTS] {
    let Stats { looked, slots, live, reused, overflowed, clashes, contended, returned, kept, blocked } =
        stats;
    [
        ("looked", looked),
        ("slots", slots),
        ("live", live),
        ("reused", reused),
        ("overflowed", overflowed),
        ("clashes", clashes),
        ("contended", contended),
        ("returned", returned),
        ("kept", kept),
        ("blocked", blocked),
    ]
}

/// Where a request stands after its head. Whoever waits is in a box: what is moved about for each request is small.
#[derive(Debug)]
pub enum Step {
    /// It is decided.
    Settled(Decision),
    /// Keys are not there yet: hold the request, and ask again when a fetch began or ended, or the wait is over.
    NeedKeys(Box<AwaitKeys>),
    /// The rate limit service is to be asked: send it the question, hold the request, and hand on what it says.
    NeedService(Box<AwaitService>),
    /// The body decides: hold the request until it is whole.
    NeedBody(Box<AwaitBody>),
}

/// What becomes of a request, or of its answer.
#[derive(Debug)]
#[must_use]
pub enum Decision {
    /// It goes on.
    Admit(Box<Admission>),
    /// It is turned away.
    Refuse(Box<Rejection>),
}

/// A request that goes on. Fields that say why are private: nobody outside the engine can make one, and nobody inside
/// can forget a control.
#[derive(Debug)]
pub struct Admission {
    #[expect(dead_code, reason = "held as evidence: an admission cannot be built without it")]
    evidence: Evidence,
    /// What changes in the request's head.
    pub edits: Edits,
    /// Counts the body of a route that streams one.
    pub count: Option<BodyCount>,
    /// What is to be done when the answer comes.
    pub answer: AwaitAnswer,
}

/// One proof, or one named waiver, of every control that judges a request before it goes on.
#[derive(Debug)]
struct Evidence {
    #[expect(dead_code, reason = "held as evidence")]
    before: head::BeforeBody,
    #[expect(dead_code, reason = "held as evidence")]
    after: content::AfterBody,
}

/// A request, or an answer, that is turned away.
#[derive(Debug)]
pub struct Rejection {
    /// What the client is sent.
    pub answer: Answer,
    /// What happened.
    pub record: Box<Record>,
}
