//! The root context: one policy, from its configuration to its end.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use proxy_wasm::traits::Context;
use proxy_wasm::traits::HttpContext;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::ContextType;

use crate::control::limits::Limiter;
use crate::control::limits::service::Calls;
use crate::control::tokens::Caches;
use crate::control::tokens::HostVerifier;
use crate::control::tokens::Keys;
use crate::control::tokens::Replays;
use crate::control::tokens::revocation::Feeds;
use crate::document::Blocks;
use crate::document::Node;
use crate::engine::Memory;
use crate::engine::Slots;
use crate::fault::Problems;
use crate::filter::documents;
use crate::filter::fetcher;
use crate::filter::fetcher::Fetcher;
use crate::filter::host;
use crate::filter::host::Body;
use crate::filter::host::Level;
use crate::filter::host::Metric;
use crate::filter::http::Stream;
use crate::filter::runtime::Runtime;
use crate::filter::signatures;
use crate::filter::world::Host;
use crate::model::secrets::Secrets;
use crate::policy::Circumstances;
use crate::policy::Kept;
use crate::policy::Policy;
use crate::telemetry;

/// How often keys are looked at: what another worker fetched is in force this soon.
const TICK: Duration = Duration::from_millis(200);

thread_local! {
    /// What outlives a policy in this VM.
    static VM: RefCell<Vm> = RefCell::default();
}

#[derive(Default)]
struct Vm {
    /// What was read and compiled last.
    kept: Kept,
    /// The runtime of each plugin's policy, whose keys and verified tokens go over to the next one. Several plugins may
    /// share a VM, each under its name.
    last: HashMap<Vec<u8>, Rc<Runtime>>,
    /// The host's verifier, once it was put to the test.
    host: Option<HostVerifier>,
}

impl Vm {
    /// The host's verifier, put to the test when the first policy needs it. Which one serves is said once.
    fn host_verifier(&mut self, policy: &Policy) -> HostVerifier {
        if policy.tokens.is_empty() {
            return HostVerifier::default();
        }
        *self.host.get_or_insert_with(|| {
            let host = HostVerifier::tested(signatures::ask);
            host::log(
                Level::Info,
                &format!("portcullis: RS and ES signatures are verified by: {}", host.name()),
            );
            let series = telemetry::series(telemetry::SIGNATURES, &[("engine", host.name())]);
            if let Ok(id) = host::metric(Metric::Gauge, &series) {
                host::gauge(id, 1);
            }
            host
        })
    }
}

/// One policy's root context.
pub(crate) struct Root {
    context: u32,
    runtime: Option<Rc<Runtime>>,
    fetcher: Fetcher,
}

impl Root {
    pub(crate) fn new(context: u32) -> Self {
        Self { context, runtime: None, fetcher: Fetcher::default() }
    }

    /// Compiles the configuration. Pure and deterministic but for the time, which only ever moves an override from
    /// refused to accepted and from in force to ended: what the first VM takes, every worker takes.
    fn configure(&self) -> Option<Rc<Runtime>> {
        let vm_id = host::property("plugin_vm_id").unwrap_or_default();
        if vm_id.is_empty() {
            let why = "vm_config.vm_id is empty, so that every other plugin could read and write what the limits count";
            host::log(Level::Error, &format!("portcullis: {why}; write `vm_id: portcullis`"));
            return None;
        }
        let text = match host::body(Body::Configuration, usize::MAX) {
            Ok(text) => text,
            Err(failed) => {
                host::log(Level::Error, &format!("portcullis: there is no policy: {failed}"));
                return None;
            }
        };
        let (node, problems) = VM.with_borrow_mut(|vm| read(&text, &mut vm.kept.blocks));
        let env = |name: &str| std::env::var(name).ok();
        let circumstances = Circumstances { now: host::now(), secrets: Secrets::needed(&env) };
        let policy = node.and_then(|node| {
            VM.with_borrow_mut(|vm| Policy::compile(&node, &mut vm.kept, circumstances, &problems))
        });
        let (faults, remarks) = problems.into_parts();
        for fault in &faults {
            host::log(Level::Error, &format!("portcullis: {fault}"));
        }
        let Some(policy) = policy else {
            host::log(Level::Error, &format!("portcullis: the policy is refused: {} errors", faults.len()));
            return None;
        };
        for remark in &remarks {
            host::log(Level::Info, &format!("portcullis: {remark}"));
        }
        self.start(policy)
    }

    fn start(&self, policy: Policy) -> Option<Rc<Runtime>> {
        let mut random = [[0; 16]; 2];
        if let Err(why) = getrandom::fill(random.as_flattened_mut()) {
            host::log(Level::Error, &format!("portcullis: the host has no random numbers: {why}"));
            return None;
        }
        let [of_limits, of_proofs] = random;
        let prepared = Limiter::prepare(policy.memory, &Host, of_limits)
            .and_then(|limiter| Ok((limiter, Replays::prepare(&policy.tokens, &Host, of_proofs)?)));
        let (limiter, replays) = match prepared {
            Ok(prepared) => prepared,
            Err(_) => {
                host::log(
                    Level::Error,
                    "portcullis: the host does not keep shared data; limits cannot count",
                );
                return None;
            }
        };
        fetcher::prepare(&policy.tokens);
        let capacity = limiter.capacity();
        host::log(
            Level::Info,
            &format!(
                "portcullis: policy `{}` {} revision {} in force; limits: {} keys in {} bytes",
                policy.name,
                policy.digest,
                policy.revision.as_deref().unwrap_or("-"),
                capacity.keys,
                capacity.bytes,
            ),
        );
        if let Some((proofs, bytes)) = replays.capacity() {
            let line = format!("portcullis: used proofs of possession: {proofs} at a time in {bytes} bytes");
            host::log(Level::Info, &line);
        }
        let plugin = host::property("plugin_name").unwrap_or_default();
        let (last, host) = VM.with_borrow_mut(|vm| (vm.last.remove(&plugin), vm.host_verifier(&policy)));
        let mut before = last.as_ref().map(|last| last.memory.borrow_mut());
        // Whoever goes on under the policy before, a stream that ends or another plugin of this name, begins with none.
        let caches = last.as_ref().zip(before.as_mut()).map(|(last, before)| {
            std::mem::replace(&mut before.caches, Caches::new(&last.policy.tokens, None))
        });
        let before = before.as_deref();
        let mut keys = Keys::new(&policy.tokens, before.map(|before| &before.keys));
        keys.host = host;
        let memory = Memory {
            keys,
            feeds: Feeds::new(&policy.tokens, before.map(|before| &before.feeds)),
            caches: Caches::new(&policy.tokens, caches),
            waiting: before.map(|before| before.waiting.clone()).unwrap_or_default(),
            asking: before.map(|before| before.asking.clone()).unwrap_or_default(),
            replays,
            limiter,
            slots: Slots::default(),
            calls: Calls::default(),
        };
        show(last.as_ref().map(|last| &*last.policy), &policy);
        let runtime = Rc::new(Runtime::new(Rc::new(policy), memory));
        VM.with_borrow_mut(|vm| vm.last.insert(plugin, runtime.clone()));
        self.fetcher.look(&runtime);
        Some(runtime)
    }
}

/// The configuration is JSON, or the wire form of a `Struct`; what is neither is told as JSON that does not read. With
/// what was noted on the way.
fn read(text: &[u8], blocks: &mut Blocks) -> (Option<Rc<Node>>, Problems) {
    let as_json = Problems::default();
    if let Some(node) = blocks.read(text, &as_json) {
        return (Some(node), as_json);
    }
    let as_struct = Problems::default();
    match Node::from_struct(text, &as_struct).filter(|_| !text.is_empty()) {
        Some(node) => (Some(node), as_struct),
        None => (None, as_json),
    }
}

/// The gauge of the policy in force: 1 under its digest, 0 under the one before.
fn show(before: Option<&Policy>, now: &Policy) {
    let set = |policy: &Policy, value| {
        let labels = [("policy", policy.name.as_str()), ("digest", &policy.digest.to_string())];
        if let Ok(id) = host::metric(Metric::Gauge, &telemetry::series(telemetry::POLICY, &labels)) {
            host::gauge(id, value);
        }
    };
    if let Some(before) = before.filter(|before| before.digest != now.digest || before.name != now.name) {
        set(before, 0);
    }
    set(now, 1);
}

impl Context for Root {
    fn on_http_call_response(&mut self, call: u32, headers: usize, size: usize, _trailers: usize) {
        let Some(runtime) = &self.runtime else { return };
        if self.fetcher.on_answer(runtime, call, headers, size) {
            runtime.wake(true, self.context);
        }
    }

    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        if let Some(runtime) = &self.runtime {
            runtime.on_reply(call, status, size, self.context);
        }
    }
}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        // A host that configures in place keeps the policy before.
        let Some(runtime) = self.configure() else { return false };
        self.runtime = Some(runtime);
        if let Err(failed) = host::tick_every(TICK) {
            host::log(Level::Error, &format!("portcullis: the host gives no ticks: {failed}"));
            return false;
        }
        true
    }

    fn on_tick(&mut self) {
        let Some(runtime) = &self.runtime else { return };
        let news = self.fetcher.tick(runtime);
        runtime.wake(news, self.context);
        runtime.report();
        documents::show(runtime);
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        match &self.runtime {
            Some(runtime) => Some(Box::new(Stream::new(context, runtime.clone()))),
            None => Some(Box::new(Unconfigured)),
        }
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

/// A stream of a filter that has no policy: nothing passes.
struct Unconfigured;

impl Context for Unconfigured {}

impl HttpContext for Unconfigured {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> proxy_wasm::types::Action {
        if host::answer(503, &[("cache-control", "no-store".to_owned())], b"", "portcullis_unconfigured")
            .is_err()
        {
            let _ = host::close(host::Half::Request);
        }
        proxy_wasm::types::Action::Pause
    }
}
