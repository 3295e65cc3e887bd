//! The edge to a proxy-wasm host, and nothing but that: it decides nothing. `root` owns the policy and the clockwork,
//! `http` turns a stream's callbacks into the engine's phases, `fetcher` fetches documents and `documents` knows what they
//! are, `host` makes the host calls.

mod documents;
mod fetcher;
mod host;
mod http;
mod root;
mod runtime;
mod signatures;
mod stage;
mod waiting;
mod world;

use proxy_wasm::traits::RootContext;
use proxy_wasm::types::LogLevel;

#[expect(
    unsafe_code,
    reason = "the module's entry has a fixed name, which the SDK's macro writes without `unsafe`"
)]
mod entry {
    //! What the host calls first.

    #[unsafe(no_mangle)]
    extern "C" fn _initialize() {
        unsafe extern "C" {
            fn __wasm_call_ctors();
        }
        // SAFETY: the host calls this once, before anything else; the toolchain's constructors must run first.
        unsafe { __wasm_call_ctors() };
        crate::filter::start();
    }
}

fn start() {
    proxy_wasm::set_log_level(LogLevel::Info);
    proxy_wasm::set_root_context(|context_id| -> Box<dyn RootContext> {
        Box::new(root::Root::new(context_id))
    });
}
