//! Whom a request may be held for before its tokens are judged for good: keys that are not there yet.

use std::cell::Cell;
use std::rc::Rc;

use crate::control::tokens::Definitions;
use crate::control::tokens::Keys;
use crate::control::tokens::Subjects;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// The most requests that one worker holds for documents. A client chooses how many come; who comes above is answered
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
    fn place(&self) -> Option<Held> {
        let taken = self.0.get().checked_add(1).filter(|taken| *taken <= MAX_HELD)?;
        self.0.set(taken);
        Some(Held(self.clone()))
    }

    /// A place for a request that failed for want of keys, where they can still come before `deadline`.
    pub(crate) fn for_keys(
        &self,
        verdict: &Result<Subjects, Refusal>,
        keys: &Keys,
        definitions: &Definitions,
        now: Nanos,
        deadline: Nanos,
    ) -> Option<Held> {
        let hopes = match verdict.as_ref().err()?.reason {
            Reason::TokensKeysUnavailable => now < deadline,
            Reason::TokensUnknownKey => keys.may_come(definitions, now, deadline),
            _ => false,
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
