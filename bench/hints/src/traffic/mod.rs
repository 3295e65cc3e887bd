//! Typical traffic: nearly all of it good, as real traffic is, since that is what hints shall serve.

mod bodies;
mod tokens;

use anyhow::{Context, Result, ensure};
use portcullis_tokens::mint::NOW;
use serde_json::{Value, json};
use wasmi::{Engine, Module};

use crate::count::Tally;
use crate::host::{Gate, Head};

/// How often each good request is made.
const OFTEN: usize = 200;

/// A policy and the requests under it, in their order.
pub(crate) struct Scene {
    name: &'static str,
    policy: Value,
    exchanges: Vec<Exchange>,
    /// How many signatures the host is to verify: one for each fresh token.
    questions: u32,
}

/// A request, what the upstream would answer, and what must come of it.
pub(crate) struct Exchange {
    pub(crate) name: &'static str,
    /// Whether it comes over TLS.
    pub(crate) tls: bool,
    pub(crate) head: Head,
    /// Empty: none.
    pub(crate) body: String,
    /// The body of the upstream's answer.
    pub(crate) answer: String,
    expect: Outcome,
    times: usize,
}

/// What came of a request.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Outcome {
    /// The upstream was asked, and its answer's body reached the client like this.
    Answered(String),
    /// The filter answered, with this status.
    Refused(u32),
}

impl Exchange {
    /// A request that an app sends, which is good and is made often.
    fn get(name: &'static str, path: &str) -> Self {
        let answer = json!({ "status": "ok" }).to_string();
        let expect = Outcome::Answered(answer.clone());
        Self { name, tls: false, head: head("GET", path), body: String::new(), answer, expect, times: OFTEN }
    }

    /// The same with a JSON body.
    fn post(name: &'static str, path: &str, body: String) -> Self {
        let mut head = head("POST", path);
        head.push(line("content-type", "application/json"));
        head.push(line("content-length", &body.len().to_string()));
        Self { head, body, ..Self::get(name, path) }
    }

    fn bearer(mut self, token: &str) -> Self {
        self.head.push(line("authorization", &format!("Bearer {token}")));
        self
    }

    /// The upstream answers `answer`, and the client gets it as it is.
    fn answered(self, answer: String) -> Self {
        Self { expect: Outcome::Answered(answer.clone()), answer, ..self }
    }

    fn times(self, times: usize) -> Self {
        Self { times, ..self }
    }

    fn expect(self, expect: Outcome) -> Self {
        Self { expect, ..self }
    }

    /// It is refused, which happens seldom.
    fn refused(self, status: u32) -> Self {
        self.expect(Outcome::Refused(status)).times(1)
    }

    /// The head of the upstream's answer.
    pub(crate) fn answer_head(&self) -> Head {
        vec![
            line(":status", "200"),
            line("content-type", "application/json"),
            line("content-length", &self.answer.len().to_string()),
            line("x-envoy-upstream-service-time", "3"),
            line("date", "Fri, 15 Jan 2027 08:00:00 GMT"),
            line("server", "envoy"),
        ]
    }
}

/// What the branches of the counting copy did under all traffic.
pub(crate) fn count(counting: &[u8], branches: usize) -> Result<Vec<Tally>> {
    let engine = Engine::default();
    let module = Module::new(&engine, counting)?;
    let mut sum = vec![Tally::default(); branches];
    for scene in [tokens::demanding(), tokens::whole(), bodies::scene()] {
        let tallies = played(&scene, &engine, &module, branches).context(scene.name)?;
        for (sum, tally) in sum.iter_mut().zip(tallies) {
            sum.add(tally);
        }
    }
    Ok(sum)
}

/// Counts of what did not come out as it must would be wrong, so they are none.
fn played(scene: &Scene, engine: &Engine, module: &Module, branches: usize) -> Result<Vec<Tally>> {
    let mut gate = Gate::start(engine, module, scene.policy.to_string(), NOW)?;
    for exchange in &scene.exchanges {
        for _ in 0..exchange.times {
            let outcome = gate.exchange(exchange).context(exchange.name)?;
            ensure!(outcome == exchange.expect, "{}: {outcome:?}, not {:?}", exchange.name, exchange.expect);
        }
    }
    let questions = gate.questions();
    ensure!(questions == scene.questions, "the host verified {questions} tokens, not {}", scene.questions);
    gate.tallies(branches)
}

/// The head of a policy that enforces what it says and leaves `transport` to others.
fn policy(rest: Value) -> Value {
    let head = json!({
        "version": 1,
        "name": "hints",
        "mode": "enforce",
        "modes": { "transport": "disabled" },
        "routing": { "hosts": "any", "other_hosts": "refuse", "unmatched": 404, "preflight": "refuse" },
        "transport": { "cleartext": "allow", "min_tls": "1.2" },
    });
    portcullis_tokens::merged(head, &rest)
}

fn line(name: &str, value: &str) -> (String, Vec<u8>) {
    (name.to_owned(), value.into())
}

fn head(method: &str, path: &str) -> Head {
    vec![
        line(":authority", "api.shop.example"),
        line(":path", path),
        line(":method", method),
        line(":scheme", "https"),
        line("user-agent", "shop-ios/5.1.0"),
        line("accept", "application/json"),
        line("accept-language", "en-GB"),
        line("x-app-platform", "ios"),
        line("x-app-version", "5.1.0"),
        line("x-forwarded-for", "203.0.113.7"),
        line("x-forwarded-proto", "https"),
        line("x-request-id", "b4f3f2f0-4f3c-4b1f-9a5e-0c0a1f6f9b3e"),
    ]
}
