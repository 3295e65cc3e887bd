//! Every host call. The SDK's own wrappers panic on a status that they do not expect and on bytes that are not UTF-8;
//! these answer with the status and hand out bytes.
#![expect(unsafe_code, reason = "the proxy-wasm ABI 0.2.1 is made of raw pointers")]

use std::fmt;
use std::ptr::null;
use std::ptr::null_mut;
use std::time::Duration;

use crate::document::wire::put_bytes;
use crate::model::headers::Headers;
use crate::model::time::Nanos;

/// What the host answered instead of `Ok`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Failed(pub(crate) u32);

impl Failed {
    /// What was asked for is not there.
    pub(crate) const NOT_FOUND: Self = Self(1);
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "host status {}", self.0)
    }
}

/// The header maps of a stream and of a call's answer.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Map {
    Request = 0,
    RequestTrailers = 1,
    Response = 2,
    ResponseTrailers = 3,
    CallResponse = 6,
}

/// The bodies.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Body {
    Request = 0,
    Response = 1,
    CallResponse = 4,
    GrpcMessage = 5,
    Configuration = 7,
}

/// The halves of a stream.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Half {
    Request = 0,
    Response = 1,
}

/// Kinds of metrics.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Metric {
    Counter = 0,
    Gauge = 1,
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, data: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(
        kind: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_set_buffer_bytes(kind: u32, start: usize, max: usize, data: *const u8, size: usize) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_replace_header_map_value(map: u32, k: *const u8, ks: usize, v: *const u8, vs: usize) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, size: usize) -> u32;
    fn proxy_get_property(path: *const u8, size: usize, data: *mut *mut u8, len: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, size: usize, data: *const u8, len: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        size: usize,
        data: *mut *mut u8,
        len: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, size: usize, data: *const u8, len: usize, cas: u32) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
    fn proxy_continue_stream(half: u32) -> u32;
    fn proxy_close_stream(half: u32) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        size: usize,
        argument: *const u8,
        argument_size: usize,
        data: *mut *mut u8,
        len: *mut usize,
    ) -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
}

fn done(status: u32) -> Result<(), Failed> {
    if status == 0 { Ok(()) } else { Err(Failed(status)) }
}

/// Bytes that the host allocated in this module's memory and gave away.
///
/// # Safety
/// `data` and `size` are what one host call returned, and nobody else takes them.
unsafe fn take(data: *mut u8, size: usize) -> Vec<u8> {
    if data.is_null() || size == 0 {
        return Vec::new();
    }
    // SAFETY: the host allocates through the module's exported allocator, with just this size.
    unsafe { Vec::from_raw_parts(data, size, size) }
}

/// One host call that returns bytes.
fn bytes(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Failed> {
    let (mut data, mut size) = (null_mut(), 0);
    done(call(&mut data, &mut size))?;
    // SAFETY: both come from the call above.
    Ok(unsafe { take(data, size) })
}

/// Severity of a log line.
#[derive(Clone, Copy)]
#[repr(u32)]
pub(crate) enum Level {
    Info = 2,
    Warn = 3,
    Error = 4,
}

/// Writes a log line. A host that does not take it is no reason to stop.
pub(crate) fn log(level: Level, line: &str) {
    // SAFETY: pointer and length are those of `line`.
    let _ = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
}

/// The time; the end of time where the host has no clock, so that every token has expired.
pub(crate) fn now() -> Nanos {
    let mut time = 0;
    // SAFETY: `time` outlives the call.
    match done(unsafe { proxy_get_current_time_nanoseconds(&mut time) }) {
        Ok(()) => Nanos(time),
        Err(_) => Nanos(u64::MAX),
    }
}

/// A body, or the plugin's configuration, as far as it is there; at most `max` bytes.
pub(crate) fn body(kind: Body, max: usize) -> Result<Vec<u8>, Failed> {
    // SAFETY: the closure hands on pointers that are good for the call.
    bytes(|data, size| unsafe { proxy_get_buffer_bytes(kind as u32, 0, max, data, size) })
}

/// Puts other bytes in the place of a body that is held.
pub(crate) fn set_body(kind: Body, bytes: &[u8]) -> Result<(), Failed> {
    // SAFETY: pointer and length are those of `bytes`.
    done(unsafe { proxy_set_buffer_bytes(kind as u32, 0, usize::MAX, bytes.as_ptr(), bytes.len()) })
}

/// All lines of a header map, with one call.
pub(crate) fn headers(map: Map) -> Option<Headers> {
    // SAFETY: as above.
    let raw = bytes(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) }).ok()?;
    Headers::from_abi(raw)
}

/// Sets one line.
pub(crate) fn set_header(map: Map, name: &str, value: &[u8]) -> Result<(), Failed> {
    // SAFETY: pointers and lengths are those of the slices.
    done(unsafe {
        proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Declares another length.
pub(crate) fn set_length(map: Map, bytes: u64) -> Result<(), Failed> {
    set_header(map, "content-length", itoa::Buffer::new().format(bytes).as_bytes())
}

/// Removes all lines of a name.
pub(crate) fn remove_header(map: Map, name: &str) -> Result<(), Failed> {
    // SAFETY: as above.
    done(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// A property by its path, the steps joined by NUL.
pub(crate) fn property(path: &str) -> Result<Vec<u8>, Failed> {
    // SAFETY: as above.
    bytes(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// Whether the answer that is on its way is the upstream's, and not one that the host gives itself.
pub(crate) fn answer_is_the_upstreams() -> bool {
    property("response\0code_details").is_ok_and(|details| details == b"via_upstream")
}

/// Sets a property; on Envoy it becomes the filter state `wasm.NAME`.
pub(crate) fn set_property(name: &str, value: &[u8]) -> Result<(), Failed> {
    // SAFETY: as above.
    done(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// A shared value and its compare-and-swap number; `None` where there is none.
pub(crate) fn shared(key: &str) -> Result<Option<(Vec<u8>, u32)>, Failed> {
    let mut cas = 0;
    // SAFETY: as above; `cas` outlives the call.
    let read = |data, size| unsafe { proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &mut cas) };
    match bytes(read) {
        Ok(value) => Ok(Some((value, cas))),
        Err(Failed::NOT_FOUND) => Ok(None),
        Err(failed) => Err(failed),
    }
}

/// Writes a shared value. `cas` 0 writes whatever is there.
pub(crate) fn set_shared(key: &str, value: &[u8], cas: u32) -> Result<(), Failed> {
    // SAFETY: as above.
    done(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
}

/// The id of a metric, made where it is not there yet.
pub(crate) fn metric(kind: Metric, name: &str) -> Result<u32, Failed> {
    let mut id = 0;
    // SAFETY: as above; `id` outlives the call.
    done(unsafe { proxy_define_metric(kind as u32, name.as_ptr(), name.len(), &mut id) }).map(|()| id)
}

/// Adds to a counter.
pub(crate) fn count(id: u32, by: u64) {
    if let Ok(by @ 1..) = i64::try_from(by) {
        // SAFETY: no pointers. A metric that the host does not take is no reason to stop.
        let _ = unsafe { proxy_increment_metric(id, by) };
    }
}

/// Sets a gauge.
pub(crate) fn gauge(id: u32, value: u64) {
    // SAFETY: no pointers.
    let _ = unsafe { proxy_record_metric(id, value) };
}

/// Lets a held half of a stream go on.
pub(crate) fn resume(half: Half) -> Result<(), Failed> {
    // SAFETY: no pointers.
    done(unsafe { proxy_continue_stream(half as u32) })
}

/// Ends a half of a stream for good.
pub(crate) fn close(half: Half) -> Result<(), Failed> {
    // SAFETY: no pointers.
    done(unsafe { proxy_close_stream(half as u32) })
}

/// Makes the calls that follow concern another context.
pub(crate) fn act_for(context: u32) -> Result<(), Failed> {
    // SAFETY: no pointers.
    done(unsafe { proxy_set_effective_context(context) })
}

/// Calls one of the host's own functions by its name.
pub(crate) fn call(name: &str, argument: &[u8]) -> Result<Vec<u8>, Failed> {
    // SAFETY: pointers and lengths are those of the slices.
    bytes(|data, len| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), argument.as_ptr(), argument.len(), data, len)
    })
}

/// Answers the request from here. `details` is one word for the access log's response code details.
pub(crate) fn answer(
    status: u16,
    headers: &[(&'static str, String)],
    body: &[u8],
    details: &str,
) -> Result<(), Failed> {
    let pairs = serialize(headers);
    let body_data = if body.is_empty() { null() } else { body.as_ptr() };
    // SAFETY: pointers and lengths are those of the slices.
    done(unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body_data,
            body.len(),
            pairs.as_ptr(),
            pairs.len(),
            -1,
        )
    })
}

/// A header map as the ABI has it; see [`Headers::from_abi`].
fn serialize(pairs: &[(&'static str, String)]) -> Vec<u8> {
    let number = |it: usize| u32::try_from(it).unwrap_or(u32::MAX).to_le_bytes();
    let mut out = Vec::with_capacity(256);
    out.extend_from_slice(&number(pairs.len()));
    for (name, value) in pairs {
        out.extend_from_slice(&number(name.len()));
        out.extend_from_slice(&number(value.len()));
    }
    for (name, value) in pairs {
        for text in [name.as_bytes(), value.as_bytes()] {
            out.extend_from_slice(text);
            out.push(0);
        }
    }
    out
}

/// Sends a GET to a cluster of the host's, for an answer only if it is not the one with `tag`, if there is one; the
/// answer comes to the root context under the token returned.
pub(crate) fn get(
    cluster: &str,
    authority: &str,
    path: &str,
    tag: &[u8],
    timeout: Duration,
) -> Result<u32, Failed> {
    let mut headers = vec![
        (":method", "GET"),
        (":scheme", "https"),
        (":authority", authority),
        (":path", path),
        ("accept", "application/json"),
    ];
    let tag = std::str::from_utf8(tag).ok().filter(|tag| !tag.is_empty());
    headers.extend(tag.map(|tag| ("if-none-match", tag)));
    // The SDK must know of the call, since its dispatcher routes the answer.
    proxy_wasm::hostcalls::dispatch_http_call(cluster, headers, None, Vec::new(), timeout)
        .map_err(|status| Failed(status as u32))
}

/// Sends one gRPC message to a cluster of the host's; the answer comes to whichever context is called back under the token
/// returned.
pub(crate) fn grpc(
    cluster: &str,
    service: &str,
    method: &str,
    message: &[u8],
    timeout: Duration,
) -> Result<u32, Failed> {
    // A `GrpcService` of an `EnvoyGrpc` of this name. The name alone serves as well, but a host that reads it as a
    // message first takes some names for one.
    let mut target = Vec::with_capacity(128);
    put_bytes(&mut target, 1, cluster.as_bytes());
    let inner = std::mem::take(&mut target);
    put_bytes(&mut target, 1, &inner);
    let target = std::str::from_utf8(&target).map_err(|_| Failed::NOT_FOUND)?;
    // The SDK must know of the call, since its dispatcher routes the answer.
    proxy_wasm::hostcalls::dispatch_grpc_call(target, service, method, Vec::new(), Some(message), timeout)
        .map_err(|status| Failed(status as u32))
}

/// Asks for a tick every `period`.
pub(crate) fn tick_every(period: Duration) -> Result<(), Failed> {
    proxy_wasm::hostcalls::set_tick_period(period).map_err(|status| Failed(status as u32))
}
