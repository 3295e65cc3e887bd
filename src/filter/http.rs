//! A stream's callbacks.

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::traits::Context;
use proxy_wasm::traits::HttpContext;
use proxy_wasm::types::Action;

use crate::engine;
use crate::filter::host;
use crate::filter::host::Map;
use crate::filter::runtime::Runtime;
use crate::filter::stage::Stage;

/// One stream.
pub(crate) struct Stream {
    context: u32,
    runtime: Rc<Runtime>,
    /// Shared with the root, which wakes streams that wait.
    stage: Rc<RefCell<Stage>>,
}

impl Stream {
    pub(crate) fn new(context: u32, runtime: Rc<Runtime>) -> Self {
        Self { context, runtime, stage: Rc::new(RefCell::new(Stage::Fresh)) }
    }

    /// A step of the stage. One that begins to wait is remembered.
    fn step(&self, step: impl FnOnce(&mut Stage) -> Action) -> Action {
        let waited = self.stage.borrow().waits().is_some();
        let action = step(&mut self.stage.borrow_mut());
        if !waited && self.stage.borrow().waits().is_some() {
            self.runtime.wake_later(self.context, &self.stage);
        }
        action
    }
}

impl Context for Stream {
    fn on_grpc_call_response(&mut self, call: u32, status: u32, size: usize) {
        self.runtime.on_reply(call, status, size, self.context);
    }
}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        let headers = host::headers(Map::Request);
        self.step(|stage| stage.on_head(&self.runtime, headers, end_of_stream))
    }

    fn on_http_request_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        self.step(|stage| stage.on_body(&self.runtime, size, end_of_stream))
    }

    fn on_http_request_trailers(&mut self, _: usize) -> Action {
        // A trailer that cannot be read, or that stays, could speak for somebody else.
        let cleaned = host::headers(Map::RequestTrailers).is_some_and(|trailers| {
            let edits = engine::untrusted(&trailers, &self.runtime.policy.identity_headers);
            edits.remove.iter().all(|name| host::remove_header(Map::RequestTrailers, name).is_ok())
        });
        if !cleaned {
            return self.stage.borrow_mut().fail(&self.runtime);
        }
        self.step(|stage| stage.on_body_end(&self.runtime))
    }

    fn on_http_response_headers(&mut self, _: usize, end_of_stream: bool) -> Action {
        if self.stage.borrow().is_done() {
            return Action::Continue;
        }
        let looks = self.stage.borrow().takes_answers();
        let headers = if looks { host::headers(Map::Response) } else { None };
        self.stage.borrow_mut().on_answer_head(&self.runtime, headers, end_of_stream)
    }

    fn on_http_response_body(&mut self, size: usize, end_of_stream: bool) -> Action {
        if self.stage.borrow().is_done() {
            return Action::Continue;
        }
        self.stage.borrow_mut().on_answer_body(&self.runtime, size, end_of_stream)
    }

    fn on_http_response_trailers(&mut self, _: usize) -> Action {
        self.stage.borrow_mut().on_answer_end(&self.runtime, true)
    }
}
