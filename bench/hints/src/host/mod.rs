//! A small proxy-wasm host: it runs the counting copy as Envoy runs the filter.

mod calls;
mod guest;
mod signature;

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use wasmi::{Engine, Instance, Linker, Module, Store, WasmParams, WasmResults};

use crate::count::{COUNTERS, Tally};
use crate::traffic::{Exchange, Outcome};

/// What a callback answers when the stream may go on.
const CONTINUE: u32 = 0;

/// The root context's id.
const ROOT: u32 = 1;

/// Between one request and the next, in nanoseconds. A clock that stands still would count as the usual case.
const BETWEEN: u64 = 1_000_000;

/// The lines of a head.
pub(crate) type Head = Vec<(String, Vec<u8>)>;

/// What the module sees of the world.
#[derive(Default)]
struct World {
    /// The time, in nanoseconds since the epoch.
    now: u64,
    policy: Vec<u8>,
    /// Whether the client came over TLS.
    tls: bool,
    request: Head,
    request_body: Vec<u8>,
    response: Head,
    response_body: Vec<u8>,
    /// The status of the answer that the filter gave by itself.
    refused: Option<u32>,
    /// Values with their compare-and-swap numbers.
    shared: BTreeMap<Vec<u8>, (Vec<u8>, u32)>,
    metrics: u32,
    /// How many signatures were to be verified.
    questions: u32,
    log: Vec<String>,
}

/// The filter under one policy.
pub(crate) struct Gate {
    store: Store<World>,
    instance: Instance,
    /// The id of the last context.
    context: u32,
}

impl Gate {
    /// Starts a VM. `now` is in seconds since the epoch.
    pub(crate) fn start(engine: &Engine, module: &Module, policy: String, now: u64) -> Result<Self> {
        let world =
            World { now: now.saturating_mul(1_000_000_000), policy: policy.into(), ..World::default() };
        let mut store = Store::new(engine, world);
        let mut linker = Linker::new(engine);
        calls::link(&mut linker, module)?;
        let instance = linker.instantiate_and_start(&mut store, module)?;
        let mut gate = Self { store, instance, context: ROOT };
        gate.call::<(), ()>("_initialize", ())?;
        gate.call::<_, ()>("proxy_on_context_create", (ROOT, 0_u32))?;
        let started = gate.call("proxy_on_vm_start", (ROOT, 0_u32))?;
        let size = u32::try_from(gate.store.data().policy.len())?;
        let taken = gate.call("proxy_on_configure", (ROOT, size))?;
        let log = gate.store.data().log.join("\n");
        ensure!((started, taken) == (1_u32, 1_u32), "the policy is not accepted:\n{log}");
        // Hints are for requests: what a policy takes to compile is paid once.
        gate.counters()?.data_mut(&mut gate.store).fill(0);
        gate.store.data_mut().questions = 0;
        Ok(gate)
    }

    /// Takes a request and its answer through the filter.
    pub(crate) fn exchange(&mut self, exchange: &Exchange) -> Result<Outcome> {
        self.context = self.context.saturating_add(1);
        let context = self.context;
        let world = self.store.data_mut();
        world.now = world.now.saturating_add(BETWEEN);
        world.tls = exchange.tls;
        world.request = exchange.head.clone();
        world.response = exchange.answer_head();
        world.refused = None;
        self.call::<_, ()>("proxy_on_context_create", (context, ROOT))?;
        let outcome = self.stream(exchange)?;
        self.call::<_, u32>("proxy_on_done", context)?;
        self.call::<_, ()>("proxy_on_log", context)?;
        self.call::<_, ()>("proxy_on_delete", context)?;
        Ok(outcome)
    }

    fn stream(&mut self, exchange: &Exchange) -> Result<Outcome> {
        let lines = |head: &Head| u32::try_from(head.len());
        let (request, response) = (lines(&self.store.data().request)?, lines(&self.store.data().response)?);
        let ends = u32::from(exchange.body.is_empty());
        let mut action = self.call("proxy_on_request_headers", (self.context, request, ends))?;
        if !exchange.body.is_empty() && self.store.data().refused.is_none() {
            action = self.body("proxy_on_request_body", |world| &mut world.request_body, &exchange.body)?;
        }
        if self.store.data().refused.is_none() {
            ensure!(action == CONTINUE, "{}: the request does not go on", exchange.name);
            self.call::<_, u32>("proxy_on_response_headers", (self.context, response, 0_u32))?;
        }
        if self.store.data().refused.is_none() {
            action =
                self.body("proxy_on_response_body", |world| &mut world.response_body, &exchange.answer)?;
        }
        if let Some(status) = self.store.data().refused {
            return Ok(Outcome::Refused(status));
        }
        ensure!(action == CONTINUE, "{}: the answer does not go on", exchange.name);
        Ok(Outcome::Answered(String::from_utf8(self.store.data().response_body.clone())?))
    }

    /// A body comes whole, and then its end: so Envoy hands on what came in one read. The last callback's action.
    fn body(&mut self, callback: &str, buffer: fn(&mut World) -> &mut Vec<u8>, bytes: &str) -> Result<u32> {
        let size = u32::try_from(bytes.len())?;
        *buffer(self.store.data_mut()) = bytes.into();
        let action: u32 = self.call(callback, (self.context, size, 0_u32))?;
        if action == CONTINUE {
            // What went on is no longer here.
            let sent = std::mem::take(buffer(self.store.data_mut()));
            let action = self.call(callback, (self.context, 0_u32, 1_u32))?;
            *buffer(self.store.data_mut()) = sent;
            return Ok(action);
        }
        self.call(callback, (self.context, size, 1_u32))
    }

    /// How many signatures the requests had verified.
    pub(crate) fn questions(&self) -> u32 {
        self.store.data().questions
    }

    /// What was counted since the policy was accepted.
    pub(crate) fn tallies(&self, branches: usize) -> Result<Vec<Tally>> {
        Ok(Tally::all(self.counters()?.data(&self.store), branches))
    }

    fn counters(&self) -> Result<wasmi::Memory> {
        self.instance.get_memory(&self.store, COUNTERS).context("the module does not count")
    }

    fn call<P: WasmParams, R: WasmResults>(&mut self, name: &str, arguments: P) -> Result<R> {
        let function =
            self.instance.get_typed_func::<P, R>(&self.store, name).with_context(|| name.to_owned())?;
        let log = self.store.data().log.len();
        function.call(&mut self.store, arguments).with_context(|| {
            let said = self.store.data().log.get(log..).unwrap_or_default().join("\n");
            format!("{name} failed: {said}")
        })
    }
}
