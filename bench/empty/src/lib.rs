//! A filter that does nothing: the floor of what any filter in wasm costs. Configured with `calls`, it makes the host
//! calls that Portcullis makes of a request with a token that it knows, and does nothing else; with `calls QUESTION`, which
//! is one for the host's `verify_signature` in base64url, those that it makes of a token that is new; with `answers`, those
//! that it makes of an answer of which something goes. That is the floor of what a filter costs that does as much.
#![cfg(target_arch = "wasm32")]

use std::rc::Rc;

use data_encoding::BASE64URL_NOPAD;
use proxy_wasm::hostcalls;
use proxy_wasm::traits::Context;
use proxy_wasm::traits::HttpContext;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::Action;
use proxy_wasm::types::BufferType;
use proxy_wasm::types::ContextType;
use proxy_wasm::types::MapType;
use proxy_wasm::types::MetricType;
use proxy_wasm::types::Status;

#[expect(unsafe_code, reason = "the module's entry has a fixed name")]
mod entry {
    //! What the host calls first.

    #[unsafe(no_mangle)]
    extern "C" fn _initialize() {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        // SAFETY: the host calls this once, before anything else; the toolchain's constructors must run first.
        unsafe { __wasm_call_ctors() };
        proxy_wasm::set_root_context(|_| Box::new(crate::Nothing::default()));
    }
}

#[expect(unsafe_code, reason = "the SDK has no call that hands out all lines of a head unread")]
mod head {
    //! A head.

    use proxy_wasm::types::MapType;

    unsafe extern "C" {
        fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    }

    /// The lines of a head as the host writes them.
    pub(crate) fn lines(map: MapType) -> Vec<u8> {
        let (mut data, mut size) = (std::ptr::null_mut(), 0);
        // SAFETY: both outlive the call.
        if unsafe { proxy_get_header_map_pairs(map as u32, &mut data, &mut size) } != 0 || data.is_null() {
            return Vec::new();
        }
        // SAFETY: the host allocated it through this module's allocator, with just this size.
        unsafe { Vec::from_raw_parts(data, size, size) }
    }
}

/// The filter: for all streams, and for one.
#[derive(Default)]
struct Nothing {
    calls: Rc<Calls>,
}

/// What is called of each stream, with the counter that is added to.
#[derive(Default)]
enum Calls {
    #[default]
    None,
    /// Of a request, and what `verify_signature` is asked.
    Request(u32, Option<Vec<u8>>),
    /// Of an answer.
    Answer(u32),
}

/// As long as a key of the limiter's, and as what stands under it.
const BUCKET: (&str, [u8; 144]) = ("portcullis/bench/bucket/0001", [0; 144]);

impl Context for Nothing {}

impl RootContext for Nothing {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten();
        let calls = calls_of(&text.unwrap_or_default());
        // What is not understood would measure another thing.
        calls.map(|calls| self.calls = calls.into()).is_some()
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Self { calls: self.calls.clone() }))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl HttpContext for Nothing {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        match &*self.calls {
            Calls::Request(counter, question) => going_on(judged(*counter, question.as_deref())),
            Calls::None | Calls::Answer(_) => Action::Continue,
        }
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        let Calls::Answer(_) = *self.calls else { return Action::Continue };
        std::hint::black_box(head::lines(MapType::HttpResponseHeaders));
        Action::Pause
    }

    fn on_http_response_body(&mut self, _: usize, ends: bool) -> Action {
        match *self.calls {
            Calls::Answer(_) if !ends => Action::Pause,
            Calls::Answer(counter) => going_on(pruned(counter)),
            Calls::None | Calls::Request(..) => Action::Continue,
        }
    }
}

/// What a configuration asks for.
fn calls_of(text: &[u8]) -> Option<Calls> {
    if text.is_empty() {
        return Some(Calls::None);
    }
    let counter = hostcalls::define_metric(MetricType::Counter, "calls").ok()?;
    match text {
        b"answers" => Some(Calls::Answer(counter)),
        b"calls" => Some(Calls::Request(counter, None)),
        text => {
            let question = BASE64URL_NOPAD.decode(text.strip_prefix(b"calls ")?).ok()?;
            Some(Calls::Request(counter, Some(question)))
        }
    }
}

/// Nothing is measured of calls that the host refuses.
fn going_on(called: Result<(), Status>) -> Action {
    if called.is_ok() { Action::Continue } else { Action::Pause }
}

/// An answer that loses an eighth, and is told of by as long an event as Portcullis writes.
fn pruned(counter: u32) -> Result<(), Status> {
    let body = hostcalls::get_buffer(BufferType::HttpResponseBody, 0, usize::MAX)?.unwrap_or_default();
    let left = body.get(..body.len().saturating_sub(body.len() / 8)).unwrap_or_default();
    hostcalls::increment_metric(counter, 1)?;
    hostcalls::set_property(vec!["calls"], Some(&[b'x'; 230]))?;
    hostcalls::set_map_value(MapType::HttpResponseHeaders, "content-length", Some(&left.len().to_string()))?;
    hostcalls::set_buffer(BufferType::HttpResponseBody, 0, usize::MAX, left)
}

/// A request that is let go on.
fn judged(counter: u32, question: Option<&[u8]>) -> Result<(), Status> {
    let lines = head::lines(MapType::HttpRequestHeaders);
    std::hint::black_box((lines, hostcalls::get_current_time()?));
    if let Some(question) = question {
        let answer = hostcalls::call_foreign_function("verify_signature", Some(question))?;
        answer.filter(|answer| answer == b"\x08\x01").ok_or(Status::BadArgument)?;
    }
    let (key, fresh) = BUCKET;
    let (bucket, seen) = hostcalls::get_shared_data(key)?;
    // Two workers' first requests may race; nobody counts by this.
    let _ = hostcalls::set_shared_data(key, Some(bucket.as_deref().unwrap_or(&fresh)), seen);
    hostcalls::increment_metric(counter, 1)?;
    hostcalls::set_map_value(MapType::HttpRequestHeaders, "authorization", None)?;
    hostcalls::set_map_value(
        MapType::HttpRequestHeaders,
        "x-user-id",
        Some("0b7e5b9c-3f6e-4a36-8a57-000000000001"),
    )
}
