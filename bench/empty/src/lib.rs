//! A filter that does nothing. `make bench` measures it as the floor: what any filter in wasm costs.
#![cfg(target_arch = "wasm32")]

use proxy_wasm::traits::Context;
use proxy_wasm::traits::HttpContext;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::ContextType;

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
        proxy_wasm::set_root_context(|_| Box::new(crate::Nothing));
    }
}

struct Nothing;

impl Context for Nothing {}

impl HttpContext for Nothing {}

impl RootContext for Nothing {
    fn create_http_context(&self, _: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Self))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}
