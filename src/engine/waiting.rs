//! How many requests are held, and what one may be held for before its tokens are judged for good: keys and feeds that
//! are not there yet.

use std::cell::Cell;
use std::rc::Rc;

use crate::control::tokens::Definitions;
use crate::control::tokens::Subjects;
use crate::engine::Memory;
use crate::model::mode::Mode;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// The most requests that one worker holds for documents, and as many for the rate limit service. A client chooses how many come; who comes above is answered
/// at once.
const MAX_HELD: usize = 1024;

/// Counts the requests that are held.
#[derive(Clone, Debug, Default)]
pub struct Waiting(Rc<Cell<usize>>);

/// A place among them, given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held(Waiting);

impl Waiting {
    /// A place; none where all are taken.
    pub(crate) fn place(&self) -> Option<Held> {
        let taken = self.0.get().checked_add(1).filter(|taken| *taken <= MAX_HELD)?;
        self.0.set(taken);
        Some(Held(self.clone()))
    }

    /// A place for a request that lacks keys or the first feed, where they can still come before `deadline`. `modes` are
    /// those of `tokens` and of `tokens.revocation`: in shadow nobody waits.
    pub(crate) fn place_for(
        &self,
        verdict: &Result<Subjects, Refusal>,
        modes: [Mode; 2],
        memory: &Memory,
        definitions: &Definitions,
        now: Nanos,
        deadline: Nanos,
    ) -> Option<Held> {
        let [tokens, revocation] = modes.map(|mode| mode == Mode::Enforce && now < deadline);
        let hopes = match verdict {
            Err(refusal) => match refusal.reason {
                Reason::TokensKeysUnavailable => tokens,
                Reason::TokensUnknownKey => tokens && memory.keys.may_come(definitions, now, deadline),
                _ => false,
            },
            Ok(subjects) => revocation && memory.feeds.awaited(definitions, subjects),
        };
        if hopes { self.place() } else { None }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Waiting(count) = &self.0;
        count.set(count.get().saturating_sub(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_are_held_and_no_more_until_one_leaves() {
        let waiting = Waiting::default();
        let mut held: Vec<_> = (0..MAX_HELD).filter_map(|_| waiting.place()).collect();
        assert_eq!(held.len(), MAX_HELD);
        assert!(waiting.place().is_none());
        held.pop();
        assert!(waiting.place().is_some_and(|_| true));
        drop(held);
        assert_eq!(waiting.0.get(), 0);
    }
}
