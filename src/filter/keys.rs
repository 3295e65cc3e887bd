//! Fetches key sets: one worker at a time, for all of them.
//!
//! Two shared values a set. The *sheet* says which version there is, when it was fetched and when the next fetch is
//! due; whoever moves that time on by compare-and-swap has the lease and sends the request. The *text* is the last good
//! answer. A failed fetch, or one without a usable key, moves only the time: good keys stay.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::Definition;
use crate::control::tokens::Jwks;
use crate::control::tokens::KeySet;
use crate::control::tokens::MAX_BYTES;
use crate::filter::host;
use crate::filter::host::Body;
use crate::filter::host::Level;
use crate::filter::host::Map;
use crate::filter::runtime::Runtime;
use crate::filter::runtime::add;
use crate::model::headers::Found;
use crate::model::time::Nanos;
use crate::telemetry;

/// The first wait after a failed fetch; it doubles up to the set's own interval.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
/// How long after a fetch an unknown `kid` may ask for another: anybody can send one.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// Fetches in flight and versions seen, of one worker.
#[derive(Default)]
pub(crate) struct Fetcher {
    /// By call token: the definition's index.
    calls: RefCell<HashMap<u32, usize>>,
    /// By definition: the version of the text that is in force here.
    versions: RefCell<HashMap<usize, u64>>,
}

/// What the sheet says. Little endian, five times 64 bits.
#[derive(Clone, Copy, Default)]
struct Sheet {
    version: u64,
    fetched: Nanos,
    /// When the next fetch is due.
    due: Nanos,
    /// When the last request was sent.
    asked: Nanos,
    failures: u64,
}

impl Sheet {
    fn read(bytes: &[u8]) -> Option<Self> {
        let mut numbers = bytes.chunks_exact(8).map(|chunk| chunk.try_into().map(u64::from_le_bytes));
        let mut next = || numbers.next()?.ok();
        let (version, fetched, due) = (next()?, Nanos(next()?), Nanos(next()?));
        Some(Self { version, fetched, due, asked: Nanos(next()?), failures: next()? })
    }

    fn to_bytes(self) -> Vec<u8> {
        [self.version, self.fetched.0, self.due.0, self.asked.0, self.failures]
            .iter()
            .flat_map(|it| it.to_le_bytes())
            .collect()
    }
}

/// The shared keys of one set: by where it comes from, so that a new policy finds what the old one fetched.
fn names(jwks: &Jwks) -> (String, String) {
    let mut hash = hmac_sha256::Hash::new();
    for part in [&jwks.cluster, &jwks.authority, &jwks.path] {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let hex: String = hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    (format!("portcullis.keys.{hex}.sheet"), format!("portcullis.keys.{hex}.text"))
}

fn sheet(name: &str) -> Option<(Sheet, u32)> {
    let (bytes, cas) = host::shared(name).ok()??;
    Some((Sheet::read(&bytes)?, cas))
}

/// Makes the sheets that are not there yet. Called while one thread alone configures: compare-and-swap on an absent
/// value would let every worker win.
pub(crate) fn prepare(definition: &Definition) {
    let Some(jwks) = definition.jwks() else { return };
    let (name, _) = names(jwks);
    if sheet(&name).is_none() && host::set_shared(&name, &Sheet::default().to_bytes(), 0).is_err() {
        host::log(Level::Error, "portcullis: the host does not keep shared data; keys cannot be fetched");
    }
}

impl Fetcher {
    /// Looks at every set: takes over what another worker fetched, and fetches what is due. Answers whether keys came.
    pub(crate) fn tick(&self, runtime: &Runtime) -> bool {
        let came = self.adopt(runtime);
        for definition in runtime.policy.tokens.iter() {
            if let Some(jwks) = definition.jwks() {
                self.fetch_if_due(runtime, definition, jwks);
            }
        }
        came
    }

    /// Takes over what another worker fetched, or this one under the policy before. Answers whether keys came.
    pub(crate) fn adopt(&self, runtime: &Runtime) -> bool {
        let mut came = false;
        for definition in runtime.policy.tokens.iter() {
            let Some(jwks) = definition.jwks() else { continue };
            let (sheet_name, text_name) = names(jwks);
            let known = self.versions.borrow().get(&definition.index).copied().unwrap_or_default();
            if let Some((sheet, _)) = sheet(&sheet_name)
                && sheet.version != known
                && let Ok(Some((text, _))) = host::shared(&text_name)
            {
                self.versions.borrow_mut().insert(definition.index, sheet.version);
                if let Ok((set, _)) = KeySet::parse(&text, &definition.algorithms) {
                    runtime.memory.borrow_mut().keys.put(definition, Rc::new(set), sheet.fetched);
                    came = true;
                }
            }
        }
        came
    }

    fn fetch_if_due(&self, runtime: &Runtime, definition: &Definition, jwks: &Jwks) {
        let (sheet_name, _) = names(jwks);
        let Some((sheet, cas)) = sheet(&sheet_name) else { return prepare(definition) };
        let now = host::now();
        let lease = jwks.timeout.saturating_add(Duration::from_secs(1));
        // No fetch is ever due later than this: then the clock has stepped back.
        let stepped = sheet.due > now.plus(jwks.refresh.max(lease));
        // A wish that comes too early is kept for later: whoever sent the token may not come twice.
        let cooled = now >= sheet.asked.plus(COOL_DOWN.max(lease)) && sheet.failures == 0;
        let early = cooled && runtime.memory.borrow().keys.take_refresh_wish(definition.index);
        if now < sheet.due && !early && !stepped {
            return;
        }
        // Whoever moves the due time on sends the request, and the others come back when it must have ended.
        let leased = Sheet { due: now.plus(lease), asked: now, ..sheet };
        if host::set_shared(&sheet_name, &leased.to_bytes(), cas).is_err() {
            return;
        }
        match host::get(&jwks.cluster, &jwks.authority, &jwks.path, jwks.timeout) {
            Ok(call) => {
                self.calls.borrow_mut().insert(call, definition.index);
            }
            Err(_) => self.failed(runtime, definition, jwks, "unreachable"),
        }
    }

    /// The answer to one of the calls. Answers whether keys came.
    pub(crate) fn on_answer(&self, runtime: &Runtime, call: u32, headers: usize, size: usize) -> bool {
        let Some(index) = self.calls.borrow_mut().remove(&call) else { return false };
        let policy = runtime.policy.clone();
        let Some(definition) = policy.tokens.get(index) else { return false };
        let Some(jwks) = definition.jwks() else { return false };
        match self.read(runtime, definition, jwks, headers, size) {
            Ok(()) => true,
            Err(why) => {
                self.failed(runtime, definition, jwks, why);
                false
            }
        }
    }

    fn read(
        &self,
        runtime: &Runtime,
        definition: &Definition,
        jwks: &Jwks,
        headers: usize,
        size: usize,
    ) -> Result<(), &'static str> {
        // A call that failed has no headers at all.
        let head = if headers == 0 { None } else { host::headers(Map::CallResponse) };
        let head = head.ok_or("unreachable")?;
        if head.single(":status") != Found::One(b"200") {
            return Err("status");
        }
        if size > MAX_BYTES {
            return Err("too_large");
        }
        let text = host::body(Body::CallResponse, MAX_BYTES).map_err(|_| "unreadable")?;
        let (set, skipped) = KeySet::parse(&text, &definition.algorithms).map_err(|_| "unusable")?;
        let (sheet_name, text_name) = names(jwks);
        let now = host::now();
        let (before, cas) = sheet(&sheet_name).unwrap_or_default();
        host::set_shared(&text_name, &text, 0).map_err(|_| "not_kept")?;
        let version = before.version.wrapping_add(1).max(1);
        let sheet =
            Sheet { version, fetched: now, due: now.plus(spread(jwks.refresh)), failures: 0, ..before };
        host::set_shared(&sheet_name, &sheet.to_bytes(), cas).map_err(|_| "not_kept")?;
        self.versions.borrow_mut().insert(definition.index, version);
        let keys = set.len();
        runtime.memory.borrow_mut().keys.put(definition, Rc::new(set), now);
        count(runtime, definition, "ok");
        for key in &skipped {
            host::log(Level::Warn, &format!("portcullis: keys of `{}`: {key}", definition.name));
        }
        host::log(Level::Info, &format!("portcullis: keys of `{}`: {keys} in force", definition.name));
        Ok(())
    }

    fn failed(&self, runtime: &Runtime, definition: &Definition, jwks: &Jwks, why: &'static str) {
        let (name, _) = names(jwks);
        count(runtime, definition, why);
        host::log(Level::Warn, &format!("portcullis: keys of `{}`: fetch failed: {why}", definition.name));
        let Some((sheet, cas)) = sheet(&name) else { return };
        let factor =
            1_u32.checked_shl(u32::try_from(sheet.failures.min(16)).unwrap_or(16)).unwrap_or(u32::MAX);
        let wait = FIRST_BACKOFF.saturating_mul(factor).min(jwks.refresh);
        let due = host::now().plus(spread(wait));
        let sheet = Sheet { due, failures: sheet.failures.saturating_add(1), ..sheet };
        // Whoever was faster knows better.
        let _ = host::set_shared(&name, &sheet.to_bytes(), cas);
    }
}

/// Up to a tenth less, so that many processes that started together do not ask together.
fn spread(wait: Duration) -> Duration {
    use crate::engine::World;
    wait.mul_f64(1.0 - crate::filter::world::Host.jitter() / 10.0)
}

fn count(runtime: &Runtime, definition: &Definition, outcome: &str) {
    let labels =
        [("policy", runtime.policy.name.as_str()), ("token", definition.name.as_str()), ("outcome", outcome)];
    add(telemetry::KEY_FETCHES, &labels, 1);
}
