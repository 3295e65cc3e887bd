//! Sends a case's request through the engine.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use portcullis::control::limits::Limiter;
use portcullis::control::limits::service::Calls;
use portcullis::control::limits::service::Failure;
use portcullis::control::tokens::Caches;
use portcullis::control::tokens::KeySet;
use portcullis::control::tokens::Keys;
use portcullis::control::tokens::Replays;
use portcullis::control::tokens::polled::Sheet;
use portcullis::control::tokens::revocation::Feed;
use portcullis::control::tokens::revocation::Feeds;
use portcullis::control::tokens::revocation::Held;
use portcullis::control::transport::Protection;
use portcullis::control::transport::TlsVersion;
use portcullis::document::Node;
use portcullis::engine;
use portcullis::engine::AnswerStep;
use portcullis::engine::Changed;
use portcullis::engine::Decision;
use portcullis::engine::Grown;
use portcullis::engine::Memory;
use portcullis::engine::Slots;
use portcullis::engine::Step;
use portcullis::engine::Waiting;
use portcullis::engine::World;
use portcullis::fault::Problems;
use portcullis::model::headers::Headers;
use portcullis::model::secrets::Secrets;
use portcullis::model::shared::BucketKey;
use portcullis::model::shared::Buckets;
use portcullis::model::shared::Clash;
use portcullis::model::shared::InMemory;
use portcullis::model::time::Nanos;
use portcullis::policy::Circumstances;
use portcullis::policy::Kept;
use portcullis::policy::Policy;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::case::Case;
use crate::case::Connection;
use crate::case::KeySets;
use crate::case::OneOrMany;
use crate::case::RateLimitService;
use crate::case::Text;
use crate::case::Upstream;
use crate::mint;
use crate::seen::End;
use crate::seen::Seen;
use crate::seen::check;

/// A host that stands still.
pub(crate) struct Still {
    store: InMemory,
    now: Cell<Nanos>,
    connection: Connection,
}

impl Buckets for Still {
    fn read(&self, key: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        self.store.read(key)
    }

    fn swap(&self, key: impl BucketKey, value: &[u8], seen: Option<u32>) -> Result<(), Clash> {
        self.store.swap(key, value, seen)
    }
}

impl World for Still {
    fn now(&self) -> Nanos {
        self.now.get()
    }

    fn source_address(&self) -> Option<Vec<u8>> {
        Some(self.connection.address.clone().into_bytes())
    }

    fn protection(&self) -> Protection {
        match self.connection.tls.as_str() {
            "none" => Protection::Cleartext,
            version => TlsVersion::parse(format!("TLSv{version}").as_bytes())
                .map_or(Protection::UnknownTls, Protection::Tls),
        }
    }

    fn peer_certificate(&self) -> Option<[u8; 32]> {
        self.connection.certificate.as_deref().map(mint::digest)
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

/// A worker with a policy in force.
pub(crate) struct Worker {
    pub(crate) policy: Rc<Policy>,
    pub(crate) memory: Memory,
    pub(crate) world: Still,
    service: RateLimitService,
}

impl Worker {
    /// Compiles a policy and takes it into service at `now`.
    pub(crate) fn new(document: &Rc<Node>, now: Nanos, keys: KeySets) -> Result<Self, String> {
        let problems = Problems::default();
        let env = |_: &str| Some(mint::SECRET.to_owned());
        let circumstances = Circumstances { now, secrets: Secrets::needed(&env) };
        let policy = Policy::compile(document, &mut Kept::default(), circumstances, &problems);
        let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
        let policy = policy.ok_or_else(|| format!("the policy is refused: {}", faults.join("; ")))?;
        let store = InMemory::default();
        let limiter = Limiter::prepare(policy.memory, &store, [7; 16]).map_err(|why| why.to_string())?;
        let replays = Replays::prepare(&policy.tokens, &store, [9; 16]).map_err(|why| why.to_string())?;
        let caches = Caches::new(&policy.tokens, None);
        let mut worker = Self {
            memory: Memory {
                keys: Keys::new(&policy.tokens, None),
                feeds: Feeds::new(&policy.tokens, None),
                caches,
                replays,
                waiting: Waiting::default(),
                asking: Waiting::default(),
                limiter,
                slots: Slots::default(),
                calls: Calls::default(),
            },
            service: RateLimitService::default(),
            policy: Rc::new(policy),
            world: Still { store, now: Cell::new(now), connection: Connection::default() },
        };
        if keys == KeySets::Fetched {
            worker.fetch_keys(now)?;
            worker.fetch_revoked(&Map::new(), now)?;
        }
        Ok(worker)
    }

    fn fetch_keys(&mut self, now: Nanos) -> Result<(), String> {
        for definition in self.policy.tokens.iter().filter(|definition| definition.jwks().is_some()) {
            let (set, _) = KeySet::parse(mint::jwks().as_bytes(), &definition.algorithms)
                .map_err(|why| format!("the stand-in keys do not serve `{}`: {why}", definition.name))?;
            self.memory.keys.put(definition, Rc::new(set), now);
        }
        Ok(())
    }

    /// Takes over a feed, as every worker does some time after it was fetched.
    fn fetch_revoked(&mut self, revoked: &Map<String, Value>, now: Nanos) -> Result<(), String> {
        let sheet = Sheet { version: 1, fetched: now, ..Sheet::default() };
        for definition in self.policy.tokens.iter() {
            let Some(revocation) = &definition.revocation else { continue };
            let mut feed = json!({ "iss": revocation.issuer, "jti": [], "sid": [], "sub": [] });
            mint::lay(&mut feed, revoked);
            let max = revocation.max_entries;
            let held = Feed::parse(feed.to_string().as_bytes(), &revocation.issuer, max, None)
                .and_then(|feed| Held::default().with(feed, revocation.concerns, max, now))
                .map_err(|why| format!("`revoked` is no feed: {}", why.as_str()))?;
            self.memory.feeds.look(definition, &sheet, Some(Rc::new(held)));
        }
        Ok(())
    }

    /// Sends the case's request. What becomes of it, and the time at which it does.
    pub(crate) fn send(&mut self, case: &Case) -> Result<Seen, String> {
        if let Some(revoked) = &case.revoked {
            self.fetch_revoked(revoked, self.world.now())?;
        }
        let headers = self.headers(case)?;
        self.service = case.service;
        let body = body(case.request.body.as_ref(), case.request.json.as_ref());
        let step = engine::arrive(&self.policy, &mut self.memory, &self.world, headers, body.is_none());
        let mut seen = self.finish(step, &body.unwrap_or_default(), case.upstream.as_ref())?;
        seen.record.settle(&mut self.memory, &self.world);
        Ok(seen)
    }

    fn headers(&self, case: &Case) -> Result<Headers, String> {
        let request = &case.request;
        let mut lines: Vec<(String, Vec<u8>)> = vec![
            (":method".into(), request.method.clone().into_bytes()),
            (":authority".into(), request.host.bytes()),
            (":path".into(), request.path.bytes()),
            (":scheme".into(), b"https".to_vec()),
        ];
        let only = case.token.iter().map(|token| match self.policy.tokens.iter().collect::<Vec<_>>()[..] {
            [only] => Ok((only, token)),
            _ => Err("`token` is for policies with one token: name it under `tokens`".to_owned()),
        });
        let named = case.tokens.iter().map(|(name, token)| {
            self.policy.tokens.named(name).map(|it| (it, token)).ok_or(format!("no token is called `{name}`"))
        });
        let mut proved = None;
        for pair in only.chain(named) {
            let (definition, token) = pair?;
            let text = mint::text(definition, token, &case.forge, self.world.now());
            lines.push(mint::line(definition, &text, case.proof.as_ref()));
            if proved.is_none() || case.proof.as_ref().is_some_and(|it| it.of == definition.name.as_str()) {
                proved = Some(text);
            }
        }
        if let Some(proof) = &case.proof {
            let token = proved.unwrap_or_default();
            let path = request.path.bytes();
            let htu = format!("https://{}{}", show(&request.host), String::from_utf8_lossy(&path));
            let claims = json!({ "jti": "p1", "htm": request.method, "htu": htu.split('?').next() });
            lines.push(("dpop".into(), mint::proof(proof, claims, &token, self.world.now())));
        }
        let length = body(request.body.as_ref(), request.json.as_ref()).map(|body| body.len());
        push(&mut lines, &request.headers, request.json.is_some(), length.filter(|_| !request.chunked));
        Ok(Headers::from_pairs(lines))
    }

    fn finish(&mut self, step: Step, body: &[u8], upstream: Option<&Upstream>) -> Result<Seen, String> {
        let now = self.world.now();
        let decision = match step {
            Step::Settled(decision) => decision,
            Step::NeedService(waiting) => {
                let reply = match self.service {
                    RateLimitService::Within => Ok(&b"\x08\x01"[..]),
                    RateLimitService::Over => Ok(&b"\x08\x02"[..]),
                    RateLimitService::Silent => Err(Failure::Timeout),
                };
                let step = waiting.answered(reply, &mut self.memory, &self.world);
                return self.finish(step, body, upstream);
            }
            Step::NeedKeys(waiting) => {
                // Nobody fetches here: the wait runs out.
                self.world.now.set(waiting.deadline());
                let step = waiting.retry(&mut self.memory, &self.world);
                return self.finish(step, body, upstream);
            }
            Step::NeedBody(waiting) => {
                let step = match waiting.grow(size(body) / 2, &mut self.memory, &self.world) {
                    Grown::Settled(step) => *step,
                    Grown::Wait(waiting) => waiting.judge(body, &mut self.memory, &self.world),
                };
                return self.finish(step, body, upstream);
            }
        };
        let mut admission = match decision {
            Decision::Refuse(rejection) => return Ok(Seen::refused(*rejection)),
            Decision::Admit(admission) => admission,
        };
        if let Some(mut count) = admission.count.take()
            && let Some(Decision::Refuse(rejection)) = count.count(size(body), &mut admission.answer, now)
        {
            return Ok(Seen::refused(*rejection));
        }
        let edits = admission.edits;
        let route = admission.answer.record_mut().route_name().to_owned();
        let Some(upstream) = upstream else {
            let record = admission.answer.record_mut().clone();
            return Ok(Seen { route: Some(route), edits, record, end: None });
        };
        let answer = body_of(upstream);
        let takes = upstream.takes.map(|takes| takes.0).unwrap_or_default();
        let (head, whole) = (now.plus(takes), now.plus(takes).plus(takes));
        let step = Box::new(admission.answer).on_head(&upstream.heads(), answer.is_none(), || head);
        let answer = answer.unwrap_or_default();
        let step = match step {
            AnswerStep::Hold(waiting) => match waiting.grow(size(&answer) / 2, || whole) {
                AnswerStep::Hold(waiting) => waiting.judge(&answer, || whole),
                decided => decided,
            },
            decided => decided,
        };
        let (end, record) = match step {
            AnswerStep::Hold(_) => return Err("the whole answer is there, and it is still held".into()),
            AnswerStep::Pass(edits, record) => (End::passed(upstream.status, edits), record),
            AnswerStep::Change(changed) => {
                let Changed { mut edits, has_length, body, record } = changed;
                let length = has_length.then(|| body.len().to_string().into_bytes());
                edits.set.extend(length.map(|length| ("content-length".into(), length)));
                let mut end = End::passed(upstream.status, edits);
                end.text = Some(String::from_utf8_lossy(&body).into_owned());
                (end, record)
            }
            AnswerStep::Replace(rejection) => {
                let record = rejection.record.clone();
                (End::replaced(*rejection), record)
            }
        };
        Ok(Seen { route: Some(route), edits, record: *record, end: Some(end) })
    }

    /// The time.
    pub(crate) fn now(&self) -> Nanos {
        self.world.now.get()
    }

    /// Whose connection it is.
    pub(crate) fn connect(&mut self, connection: &Connection) {
        self.world.connection = connection.clone();
    }

    /// Moves the clock.
    pub(crate) fn at(&mut self, now: Nanos) {
        self.world.now.set(now);
    }
}

fn show(text: &Text) -> String {
    String::from_utf8_lossy(&text.bytes()).into_owned()
}

fn size(body: &[u8]) -> u64 {
    u64::try_from(body.len()).unwrap_or(u64::MAX)
}

fn body(text: Option<&Text>, json: Option<&Value>) -> Option<Vec<u8>> {
    text.map(Text::bytes).or_else(|| json.map(|json| json.to_string().into_bytes()))
}

fn body_of(upstream: &Upstream) -> Option<Vec<u8>> {
    body(upstream.body.as_ref(), upstream.json.as_ref())
}

impl Upstream {
    fn heads(&self) -> Headers {
        let mut lines = vec![(":status".to_owned(), self.status.to_string().into_bytes())];
        push(&mut lines, &self.headers, self.json.is_some(), body_of(self).map(|body| body.len()));
        Headers::from_pairs(lines)
    }
}

/// A head's own lines, and those that every client writes by itself.
fn push(
    lines: &mut Vec<(String, Vec<u8>)>,
    headers: &BTreeMap<String, OneOrMany>,
    json: bool,
    length: Option<usize>,
) {
    for (name, values) in headers {
        lines.extend(values.lines().iter().map(|line| (name.clone(), line.bytes())));
    }
    let says = |name: &str| headers.keys().any(|known| known.eq_ignore_ascii_case(name));
    if json && !says("content-type") {
        lines.push(("content-type".into(), b"application/json".to_vec()));
    }
    if let Some(length) = length.filter(|_| !says("content-length")) {
        lines.push(("content-length".into(), length.to_string().into_bytes()));
    }
}

/// Runs one row. The reasons that it showed to be given, or how it ended otherwise than it says.
pub(crate) fn run(worker: &mut Worker, case: &Case) -> Result<Vec<String>, String> {
    let mut reasons = Vec::new();
    for time in 1..=case.times {
        let start = worker.world.now();
        worker.connect(&case.connection);
        let seen = worker.send(case)?;
        worker.at(start);
        reasons = check(case, &seen).map_err(|why| match case.times {
            1 => why,
            _ => format!("time {time}: {why}"),
        })?;
    }
    Ok(reasons)
}

/// A worker for the first row of a file, or for a row that stands alone.
pub(crate) fn worker_for(case: &Case, file: &Path) -> Result<Worker, String> {
    Worker::new(&case.policy(file)?, case.now.0, case.keys)
}
