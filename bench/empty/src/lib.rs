//! A filter that does nothing: the floor of what any filter in wasm costs. Configured with `calls`, it makes the host
//! calls that Portcullis makes of a request with a token that it knows, and does nothing else; with `calls HEX`, which is
//! a question for the host's `verify_signature`, those that it makes of a token that is new; with `answers`, those that it
//! makes of an answer of which something goes. That is the floor of what a filter costs that does as much.
#![cfg(target_arch = "wasm32")]

use std::rc::Rc;

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

/// The calls that are made of a request; none where there is no counter.
#[derive(Clone, Default)]
struct Nothing {
    counter: Option<u32>,
    question: Option<Rc<[u8]>>,
    /// Whether the calls are those of an answer.
    answers: bool,
}

/// As long as a key of the limiter's, and as what stands under it.
const BUCKET: (&str, [u8; 144]) = ("portcullis/bench/bucket/0001", [0; 144]);

impl Context for Nothing {}

impl RootContext for Nothing {
    fn on_configure(&mut self, _: usize) -> bool {
        let text = hostcalls::get_buffer(BufferType::PluginConfiguration, 0, usize::MAX).ok().flatten();
        let text = text.and_then(|text| String::from_utf8(text).ok()).unwrap_or_default();
        if text == "answers" {
            self.counter = hostcalls::define_metric(MetricType::Counter, "calls").ok();
            self.answers = true;
            return self.counter.is_some();
        }
        if let Some(question) = text.strip_prefix("calls") {
            self.counter = hostcalls::define_metric(MetricType::Counter, "calls").ok();
            self.question = hex(question.trim()).map(Into::into);
            // A question that cannot be read would measure another thing.
            return self.counter.is_some() && self.question.is_some() != question.trim().is_empty();
        }
        true
    }

    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(self.clone()))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl HttpContext for Nothing {
    fn on_http_request_headers(&mut self, _: usize, _: bool) -> Action {
        let counter = self.counter.filter(|_| !self.answers);
        going_on(counter.map_or(Ok(()), |counter| calls(counter, self.question.as_deref())))
    }

    fn on_http_response_headers(&mut self, _: usize, _: bool) -> Action {
        if !self.answers {
            return Action::Continue;
        }
        std::hint::black_box(head::lines(MapType::HttpResponseHeaders));
        Action::Pause
    }

    fn on_http_response_body(&mut self, _: usize, ends: bool) -> Action {
        match self.counter.filter(|_| self.answers) {
            Some(_) if !ends => Action::Pause,
            Some(counter) => going_on(pruned(counter)),
            None => Action::Continue,
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

fn calls(counter: u32, question: Option<&[u8]>) -> Result<(), Status> {
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

fn hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    pairs.iter().map(byte).collect::<Option<Vec<u8>>>().filter(|bytes| !bytes.is_empty())
}
