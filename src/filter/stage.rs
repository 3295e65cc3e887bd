//! Where a stream stands, and the one function that turns an engine's step into what the host must do.

use std::rc::Rc;

use proxy_wasm::types::Action;

use crate::engine::AnswerStep;
use crate::engine::AwaitAnswer;
use crate::engine::AwaitAnswerBody;
use crate::engine::AwaitBody;
use crate::engine::BodyCount;
use crate::engine::Changed;
use crate::engine::DIGESTS;
use crate::engine::Decision;
use crate::engine::Edits;
use crate::engine::Grown;
use crate::engine::Record;
use crate::engine::Rejection;
use crate::engine::Step;
use crate::filter::host;
use crate::filter::host::Body;
use crate::filter::host::Failed;
use crate::filter::host::Map;
use crate::filter::runtime::Runtime;
use crate::filter::waiting::Wait;
use crate::filter::world::Host;
use crate::model::headers::Headers;

/// Where a stream stands. `Shut` stands in while a step runs: what goes wrong then leaves the stream closed.
pub(crate) enum Stage {
    /// Nothing came yet.
    Fresh,
    /// Held until somebody else has spoken; whether the whole request is here already, and how much of its body.
    Waiting(Wait, bool, u64),
    /// Held, or watched, until the body is whole.
    Body(Box<AwaitBody>),
    /// The request went on; its answer is to come.
    Open(Box<AwaitAnswer>, Option<BodyCount>),
    /// The answer is held, or watched, until its body is whole.
    Answer(Box<AwaitAnswerBody>, Option<BodyCount>),
    /// The answer goes on, and the request's body may still come.
    Answered(Box<Record>, BodyCount),
    /// The answer goes on, or nothing here concerns it.
    Done,
    /// Turned away: the filter's own answer passes by, all else stops.
    Shut,
}

impl Stage {
    pub(crate) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Shut)
    }

    /// The request's head is here.
    pub(crate) fn on_head(&mut self, runtime: &Rc<Runtime>, headers: Option<Headers>, end: bool) -> Action {
        let step = match headers {
            Some(headers) => {
                let mut memory = runtime.memory.borrow_mut();
                crate::engine::arrive(&runtime.policy, &mut memory, &Host, headers, end)
            }
            None => Step::Settled(crate::engine::unreadable(&runtime.policy, host::now())),
        };
        self.on_step(runtime, step, end, true)
    }

    /// `ended`: the whole request is here. `edit`: its head is, and can be changed.
    pub(crate) fn on_step(&mut self, runtime: &Rc<Runtime>, step: Step, ended: bool, edit: bool) -> Action {
        match step {
            Step::Settled(decision) => self.settle(runtime, decision, edit),
            Step::NeedKeys(waiting) => {
                *self = Self::Waiting(Wait::Keys(waiting), ended, 0);
                Action::Pause
            }
            Step::NeedService(waiting) => match runtime.ask(&waiting) {
                Ok(call) => {
                    *self = Self::Waiting(Wait::Service(waiting, call, edit), ended, 0);
                    Action::Pause
                }
                Err(failure) => {
                    let step = waiting.answered(Err(failure), &mut runtime.memory.borrow_mut(), &Host);
                    self.on_step(runtime, step, ended, edit)
                }
            },
            Step::NeedBody(waiting) if runtime.policy.holds_heads && !waiting.is_watched() => {
                *self = Self::Body(waiting);
                Action::Pause
            }
            Step::NeedBody(waiting) => {
                // The head goes on: with a body that is watched, or the weaker way, with one that is held.
                let changed = apply(Map::Request, &waiting.edits());
                *self = Self::Body(waiting);
                if changed { Action::Continue } else { self.fail(runtime) }
            }
        }
    }

    /// More of the request's body is here: `size` is all that is held, or this piece where nothing is.
    pub(crate) fn on_body(&mut self, runtime: &Rc<Runtime>, size: usize, end: bool) -> Action {
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        match self.take() {
            Self::Waiting(wait, ended, _) => {
                *self = Self::Waiting(wait, ended || end, bytes);
                Action::Pause
            }
            Self::Body(waiting) if waiting.is_watched() => match host::body(Body::Request, usize::MAX) {
                Ok(piece) => self.watch(runtime, *waiting, &piece, end),
                Err(Failed::NOT_FOUND) => self.watch(runtime, *waiting, &[], end),
                Err(_) => self.settle(runtime, waiting.unread(), false),
            },
            Self::Body(waiting) => {
                let grown = waiting.grow(bytes, &mut runtime.memory.borrow_mut(), &Host);
                match grown {
                    Grown::Settled(step) => self.on_step(runtime, *step, end, runtime.policy.holds_heads),
                    Grown::Wait(waiting) => {
                        *self = Self::Body(waiting);
                        if end { self.on_body_end(runtime) } else { Action::Pause }
                    }
                }
            }
            Self::Open(mut answer, Some(mut count)) => match count.count(bytes, &mut answer, host::now()) {
                Some(decision) => self.settle(runtime, decision, false),
                None => {
                    runtime.tell(answer.record_mut(), None);
                    *self = Self::Open(answer, Some(count));
                    Action::Continue
                }
            },
            Self::Answer(mut waiting, Some(mut count)) => {
                match count.count(bytes, waiting.answer_mut(), host::now()) {
                    Some(decision) => self.settle(runtime, decision, false),
                    None => {
                        *self = Self::Answer(waiting, Some(count));
                        Action::Continue
                    }
                }
            }
            Self::Answered(mut record, mut count) => {
                let ends = count.count_late(bytes, &mut record, host::now());
                runtime.tell(&mut record, None);
                if ends {
                    // The answer is on its way: the client sees it break off.
                    let _ = host::close(host::Half::Request);
                    return Action::Pause;
                }
                *self = Self::Answered(record, count);
                Action::Continue
            }
            Self::Shut => Action::Pause,
            other => {
                *self = other;
                Action::Continue
            }
        }
    }

    /// A piece of a request's body that goes on as it comes.
    fn watch(&mut self, runtime: &Rc<Runtime>, waiting: AwaitBody, piece: &[u8], end: bool) -> Action {
        let grown = waiting.watch(piece, &mut runtime.memory.borrow_mut(), &Host);
        match grown {
            Grown::Settled(step) => self.on_step(runtime, *step, end, false),
            Grown::Wait(waiting) => {
                *self = Self::Body(waiting);
                if end { self.on_body_end(runtime) } else { Action::Continue }
            }
        }
    }

    /// The request's body is whole: at its last piece, or at its trailers.
    pub(crate) fn on_body_end(&mut self, runtime: &Rc<Runtime>) -> Action {
        match self.take() {
            Self::Waiting(wait, _, held) => {
                *self = Self::Waiting(wait, true, held);
                Action::Pause
            }
            Self::Body(waiting) if waiting.is_watched() => {
                let step = waiting.judge_watched(&mut runtime.memory.borrow_mut(), &Host);
                self.on_step(runtime, step, true, false)
            }
            Self::Body(waiting) => {
                let step = match host::body(Body::Request, usize::MAX) {
                    Ok(body) => waiting.judge(&body, &mut runtime.memory.borrow_mut(), &Host),
                    // An empty body: the host has no buffer for it.
                    Err(Failed::NOT_FOUND) => waiting.judge(&[], &mut runtime.memory.borrow_mut(), &Host),
                    Err(_) => Step::Settled(waiting.unavailable()),
                };
                self.on_step(runtime, step, true, runtime.policy.holds_heads)
            }
            Self::Shut => Action::Pause,
            other => {
                *self = other;
                Action::Continue
            }
        }
    }

    /// The answer's head is here.
    pub(crate) fn on_answer_head(
        &mut self,
        runtime: &Rc<Runtime>,
        headers: Option<Headers>,
        end: bool,
    ) -> Action {
        match (self.take(), headers) {
            (Self::Open(answer, count), Some(headers)) => {
                let step = answer.on_head(&headers, end, host::now);
                self.on_answer(runtime, step, count)
            }
            (Self::Body(waiting), Some(headers)) if waiting.is_watched() => {
                self.settle(runtime, waiting.unread(), false);
                self.on_answer_head(runtime, Some(headers), end)
            }
            // The head went on before the body was judged, and the upstream did not wait for it.
            (Self::Body(waiting), _) if !runtime.policy.holds_heads && host::answer_is_the_upstreams() => {
                self.settle(runtime, waiting.answered_early(), false)
            }
            (Self::Waiting(Wait::Service(waiting, _, false), ..), _) if host::answer_is_the_upstreams() => {
                self.settle(runtime, waiting.answered_early(), false)
            }
            // The host answered by itself (a body over its own bound, a time that ran out): nothing of the upstream's is
            // in it, but it is what the client is sent.
            (Self::Waiting(wait, ..), Some(headers)) => runtime.end(wait.answered_by_host(&headers)),
            (Self::Body(waiting), Some(headers)) => runtime.end(waiting.answered_by_host(&headers)),
            (Self::Shut | Self::Fresh | Self::Waiting(..) | Self::Body(_), _) => {
                *self = Self::Shut;
                Action::Continue
            }
            (Self::Open(answer, count), None) if !answer.reads_head() => {
                self.on_answer(runtime, answer.unread_head(host::now), count)
            }
            (Self::Open(..), None) => self.fail(runtime),
            (other, _) => {
                *self = other;
                Action::Continue
            }
        }
    }

    /// More of the answer's body is here.
    pub(crate) fn on_answer_body(&mut self, runtime: &Rc<Runtime>, size: usize, end: bool) -> Action {
        let bytes = u64::try_from(size).unwrap_or(u64::MAX);
        if let Self::Answer(waiting, _) = self
            && !waiting.is_watched()
            && waiting.has_room_for(bytes)
        {
            return if end { self.on_answer_end(runtime, false) } else { Action::Pause };
        }
        match self.take() {
            Self::Answer(waiting, count) => {
                let watched = waiting.is_watched();
                let step = match watched.then(|| host::body(Body::Response, usize::MAX)) {
                    None => waiting.grow(bytes, host::now),
                    Some(Ok(piece)) => waiting.watch(&piece, host::now),
                    Some(Err(Failed::NOT_FOUND)) => waiting.watch(&[], host::now),
                    Some(Err(_)) => waiting.unavailable(),
                };
                match step {
                    AnswerStep::Hold(waiting) => {
                        *self = Self::Answer(waiting, count);
                        match (end, watched) {
                            (true, _) => self.on_answer_end(runtime, false),
                            (false, true) => Action::Continue,
                            (false, false) => Action::Pause,
                        }
                    }
                    step => self.on_answer(runtime, step, count),
                }
            }
            other => {
                *self = other;
                Action::Continue
            }
        }
    }

    /// The answer's body is whole; whether trailers come behind it.
    pub(crate) fn on_answer_end(&mut self, runtime: &Rc<Runtime>, trailers: bool) -> Action {
        match self.take() {
            Self::Answer(waiting, count) if waiting.is_watched() => {
                self.on_answer(runtime, waiting.judge_watched(host::now), count)
            }
            Self::Answer(waiting, count) => {
                let step = match host::body(Body::Response, usize::MAX) {
                    Ok(body) => waiting.judge(&body, host::now),
                    Err(Failed::NOT_FOUND) => waiting.judge(&[], host::now),
                    Err(_) => waiting.unavailable(),
                };
                if trailers && matches!(step, AnswerStep::Change(_)) {
                    for name in DIGESTS {
                        let _ = host::remove_header(Map::ResponseTrailers, name);
                    }
                }
                self.on_answer(runtime, step, count)
            }
            other => {
                *self = other;
                Action::Continue
            }
        }
    }

    fn on_answer(&mut self, runtime: &Rc<Runtime>, step: AnswerStep, count: Option<BodyCount>) -> Action {
        match step {
            AnswerStep::Pass(edits, mut record) => {
                runtime.tell(&mut record, None);
                *self = match count {
                    Some(count) => Self::Answered(record, count),
                    None => Self::Done,
                };
                // A header of ours that the host does not take leaves the answer as it was.
                let _ = apply(Map::Response, &edits);
                Action::Continue
            }
            AnswerStep::Change(changed) => {
                let Changed { edits, has_length, body, mut record } = changed;
                let length = u64::try_from(body.len()).unwrap_or(u64::MAX);
                let taken = (!has_length || host::set_length(Map::Response, length).is_ok())
                    && host::set_body(Body::Response, &body).is_ok();
                // What must not leave does not, where the host does not take the change.
                if !taken || !apply(Map::Response, &edits) {
                    return self.fail(runtime);
                }
                runtime.tell(&mut record, None);
                *self = count.map_or(Self::Done, |count| Self::Answered(record, count));
                Action::Continue
            }
            AnswerStep::Hold(mut waiting) => {
                let watched = waiting.is_watched();
                if watched {
                    let _ = apply(Map::Response, &waiting.edits());
                }
                *self = Self::Answer(waiting, count);
                if watched { Action::Continue } else { Action::Pause }
            }
            AnswerStep::Replace(rejection) => self.reject(runtime, *rejection),
        }
    }

    pub(crate) fn settle(&mut self, runtime: &Rc<Runtime>, decision: Decision, edit: bool) -> Action {
        match decision {
            Decision::Admit(mut admission) => {
                runtime.tell(admission.answer.record_mut(), None);
                if edit && !apply(Map::Request, &admission.edits) {
                    return self.fail(runtime);
                }
                *self = match admission.count {
                    None if !admission.answer.is_awaited() => Self::Done,
                    count => Self::Open(Box::new(admission.answer), count),
                };
                Action::Continue
            }
            Decision::Refuse(rejection) => self.reject(runtime, *rejection),
        }
    }

    fn reject(&mut self, runtime: &Rc<Runtime>, mut rejection: Rejection) -> Action {
        *self = Self::Shut;
        let answer = rejection.answer;
        runtime.tell(&mut rejection.record, Some(answer.status));
        if host::answer(answer.status, &answer.headers, &answer.body, "portcullis").is_err() {
            // Without an answer the stream still must not go on.
            let _ = host::close(host::Half::Response);
        }
        Action::Pause
    }

    /// The host did not do what it must: a head that cannot be changed does not go on.
    pub(crate) fn fail(&mut self, runtime: &Rc<Runtime>) -> Action {
        match crate::engine::unreadable(&runtime.policy, host::now()) {
            Decision::Refuse(rejection) => self.reject(runtime, *rejection),
            Decision::Admit(_) => {
                *self = Self::Shut;
                Action::Pause
            }
        }
    }

    /// Whether nothing is left to do.
    pub(crate) fn is_done(&self) -> bool {
        matches!(self, Self::Done)
    }

    /// Whether the head of an answer of the upstream's is looked at.
    pub(crate) fn takes_answers(&self) -> bool {
        match self {
            Self::Open(answer, _) => answer.reads_head(),
            Self::Body(_) | Self::Waiting(..) => true,
            _ => false,
        }
    }
}

/// Changes a head; `false` where the host did not take a change.
fn apply(map: Map, edits: &Edits) -> bool {
    let removed = edits.remove.iter().all(|name| host::remove_header(map, name).is_ok());
    removed && edits.set.iter().all(|(name, value)| host::set_header(map, name, value).is_ok())
}
