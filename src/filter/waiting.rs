//! Streams that wait until somebody else has spoken: an identity provider, or a rate limit service. Every wait has an end
//! of its own, kept by the tick, whatever the host makes of a call.

use std::rc::Rc;

use proxy_wasm::types::Action;

use crate::control::limits::service::Failure;
use crate::engine::AwaitKeys;
use crate::engine::AwaitService;
use crate::engine::Record;
use crate::engine::Step;
use crate::filter::host;
use crate::filter::runtime::Runtime;
use crate::filter::stage::Stage;
use crate::filter::world::Host;
use crate::model::headers::Headers;
use crate::model::time::Nanos;

/// What a held stream waits for.
pub(crate) enum Wait {
    /// Keys.
    Keys(Box<AwaitKeys>),
    /// The rate limit service, by the call's token; and whether the head is here still and can be changed.
    Service(Box<AwaitService>, u32, bool),
}

impl Wait {
    /// When it has been long enough.
    pub(crate) fn deadline(&self) -> Nanos {
        match self {
            Self::Keys(waiting) => waiting.deadline(),
            Self::Service(waiting, ..) => waiting.deadline(),
        }
    }

    /// The host answered by itself meanwhile.
    pub(crate) fn answered_by_host(self, headers: &Headers) -> Box<Record> {
        match self {
            Self::Keys(waiting) => waiting.answered_by_host(headers),
            Self::Service(waiting, ..) => waiting.answered_by_host(headers),
        }
    }

    /// The call that it waits for.
    pub(crate) fn call(&self) -> Option<u32> {
        match self {
            Self::Keys(_) => None,
            Self::Service(_, call, _) => Some(*call),
        }
    }
}

impl Stage {
    /// What it waits for.
    pub(crate) fn waits(&self) -> Option<&Wait> {
        match self {
            Self::Waiting(wait, ..) => Some(wait),
            _ => None,
        }
    }

    /// Keys came, or the wait for what was to come is over. `true` where the stream is still waiting.
    pub(crate) fn wake(&mut self, runtime: &Rc<Runtime>) -> bool {
        match self.take() {
            Self::Waiting(Wait::Keys(waiting), ended, held) => {
                let step = waiting.retry(&mut runtime.memory.borrow_mut(), &Host);
                self.go_on(runtime, step, (ended, held), true)
            }
            Self::Waiting(Wait::Service(waiting, _, edit), ended, held) => {
                let reply = Err(Failure::Timeout);
                let step = waiting.answered(reply, &mut runtime.memory.borrow_mut(), &Host);
                self.go_on(runtime, step, (ended, held), edit)
            }
            other => {
                *self = other;
                false
            }
        }
    }

    /// What the call of this token came to. `true` where the stream is still waiting, or again.
    pub(crate) fn on_reply(
        &mut self,
        runtime: &Rc<Runtime>,
        call: u32,
        reply: Result<&[u8], Failure>,
    ) -> bool {
        match self.take() {
            Self::Waiting(Wait::Service(waiting, known, edit), ended, held) if known == call => {
                let step = waiting.answered(reply, &mut runtime.memory.borrow_mut(), &Host);
                self.go_on(runtime, step, (ended, held), edit)
            }
            other => {
                *self = other;
                self.waits().is_some()
            }
        }
    }

    /// Takes a held stream on. `true` where it is still waiting, or again.
    fn go_on(&mut self, runtime: &Rc<Runtime>, step: Step, (ended, held): (bool, u64), edit: bool) -> bool {
        let mut action = self.on_step(runtime, step, ended, edit);
        // What of the body came while the stream waited: nobody will call for it again.
        match self {
            Self::Waiting(_, _, size) => *size = held,
            Self::Body(_) if ended || held > 0 => {
                action = self.on_body(runtime, usize::try_from(held).unwrap_or(usize::MAX), ended);
            }
            Self::Open(answer, Some(count)) => {
                if let Some(decision) = count.count(held, answer, host::now()) {
                    action = self.settle(runtime, decision, false);
                }
            }
            _ => {}
        }
        let waits = self.waits().is_some();
        if action == Action::Continue && host::resume(host::Half::Request).is_err() {
            // It can neither go on nor be answered.
            *self = Self::Shut;
            let _ = host::close(host::Half::Request);
        }
        waits
    }
}
