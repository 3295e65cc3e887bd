//! When a document is fetched: the state of one document for all workers of a process, and every rule that moves it.

use std::time::Duration;

use crate::control::tokens::polled::source::Source;
use crate::model::time::Nanos;

/// The first wait after a failed fetch; it doubles up to the document's own interval.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// How long after an early fetch the next one may follow: anybody can ask for them. It does not grow while they bring
/// nothing: whoever floods with names of keys would hide a new key for as long.
pub(super) const COOL_DOWN: Duration = Duration::from_secs(10);

/// A provider may have itself asked more often than the policy says, by this factor, and not within [`COOL_DOWN`].
const MOST_OFTEN: u32 = 10;

/// What a good answer was.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Heard {
    /// Whether it brought anything new.
    pub changed: bool,
    /// Whether it stands for the whole document.
    pub whole: bool,
    /// For how long the provider says that it is good.
    pub fresh: Option<Duration>,
}

/// What is known of one document. In shared memory it is little endian, 64 bits a field.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sheet {
    /// Counts what was kept; 0 before the first.
    pub version: u64,
    /// When the provider last stood by what is kept.
    pub fetched: Nanos,
    /// When the next fetch is due.
    pub due: Nanos,
    /// When the last request was sent.
    pub asked: Nanos,
    /// When the request was sent that the last good answer came to.
    pub heard: Nanos,
    /// When the last early request was sent.
    pub early: Nanos,
    /// When the document last came as a whole.
    pub whole: Nanos,
    /// Fetches that failed, in a row.
    pub failures: u64,
    /// 1 while the last request has no answer.
    pub open: u64,
}

impl Sheet {
    /// Reads what [`Sheet::to_bytes`] wrote.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_le_bytes));
        let mut next = || numbers.next()?.ok();
        Some(Self {
            version: next()?,
            fetched: Nanos(next()?),
            due: Nanos(next()?),
            asked: Nanos(next()?),
            heard: Nanos(next()?),
            early: Nanos(next()?),
            whole: Nanos(next()?),
            failures: next()?,
            open: next()?,
        })
    }

    /// The sheet for shared memory.
    pub fn to_bytes(self) -> Vec<u8> {
        let Self { version, fetched, due, asked, heard, early, whole, failures, open } = self;
        [version, fetched.0, due.0, asked.0, heard.0, early.0, whole.0, failures, open]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect()
    }

    /// Whether a request is under way.
    pub fn is_open(&self, now: Nanos, source: &Source) -> bool {
        self.open != 0 && self.asked <= now && now < self.asked.plus(source.lease())
    }

    /// The sheet of whoever fetches now; nothing where it is not time. `wished` says whether somebody asks for an early
    /// fetch, and is only asked where there may be one: a wish that comes too early is kept for later.
    pub fn take(&self, now: Nanos, source: &Source, wished: impl FnOnce() -> bool) -> Option<Self> {
        if self.is_open(now, source) {
            return None;
        }
        // No fetch is ever due later than this: then the clock has stepped back.
        let stepped = self.due > now.plus(source.refresh.max(source.lease()));
        let due = now >= self.due || stepped;
        let early = || self.early_from(source).is_some_and(|from| from <= now) && wished();
        if !(due || early()) {
            return None;
        }
        let early = if due { self.early } else { now };
        // The others come back when the fetch must have ended.
        Some(Self { due: now.plus(source.lease()), asked: now, early, open: 1, ..*self })
    }

    /// After an answer that was good. `jitter` is from 0 up to 1.
    pub fn kept(self, now: Nanos, source: &Source, heard: Heard, jitter: f64) -> Self {
        let Heard { changed, whole, fresh } = heard;
        let least =
            source.refresh.checked_div(MOST_OFTEN).unwrap_or_default().max(COOL_DOWN).min(source.refresh);
        let wait = fresh.unwrap_or(source.refresh).clamp(least, source.refresh);
        Self {
            version: self.version.wrapping_add(u64::from(changed)),
            fetched: now,
            due: now.plus(spread(wait, jitter)),
            heard: self.asked,
            whole: if whole { now } else { self.whole },
            failures: 0,
            open: 0,
            ..self
        }
    }

    /// After an answer that was no good, or none.
    pub fn failed(self, now: Nanos, source: &Source, jitter: f64) -> Self {
        let doubled = doubled(FIRST_BACKOFF, self.failures).min(source.refresh);
        let failures = self.failures.saturating_add(1);
        Self { due: now.plus(spread(doubled, jitter)), failures, open: 0, ..self }
    }

    /// Whether an answer can still come before `deadline`: a request is under way, or will be by then if somebody asks
    /// for one.
    pub fn may_hear(&self, now: Nanos, deadline: Nanos, source: &Source) -> bool {
        let next = self.early_from(source).map_or(self.due, |early| early.min(self.due));
        now < deadline && (self.is_open(now, source) || next < deadline)
    }

    /// From when on there may be an early fetch; none while fetches fail, which come often enough.
    fn early_from(&self, source: &Source) -> Option<Nanos> {
        let cool_down = COOL_DOWN.max(source.lease());
        (self.failures == 0).then(|| self.early.plus(cool_down))
    }
}

fn doubled(span: Duration, times: u64) -> Duration {
    let factor = 1_u32.checked_shl(u32::try_from(times.min(16)).unwrap_or(16)).unwrap_or(u32::MAX);
    span.saturating_mul(factor)
}

/// Up to a tenth less, so that many processes that started together do not ask together.
fn spread(wait: Duration, jitter: f64) -> Duration {
    let jitter = if (0.0..=1.0).contains(&jitter) { jitter } else { 0.0 };
    wait.mul_f64(1.0 - jitter / 10.0)
}
