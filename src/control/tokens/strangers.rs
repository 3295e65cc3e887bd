//! Names of keys that nobody has: who brings one asks for an early fetch, and who brings it again after that does not.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::hash::BuildHasher;
use std::hash::RandomState;
use std::time::Duration;

use crate::model::time::Nanos;

/// The most names that are remembered. A flood of others pushes a name out, and gains nothing by it: a name that is
/// not remembered asks for a fetch, and fetches keep their cool-down however many names ask.
pub(super) const MAX: usize = 256;

/// How long a name that a fetch did not bring asks for no other. Somebody who knows the next name in advance delays it
/// by no more than this.
pub(super) const LIFE: Duration = Duration::from_secs(60);

/// The names met of late, for one definition.
#[derive(Default)]
pub(super) struct Strangers {
    /// Each by a hash under a key of this worker's own, with the time when it was met first.
    met: RefCell<VecDeque<(u64, Nanos)>>,
    hashing: RandomState,
}

impl Strangers {
    /// Meets a name that no key in force has. Answers whether a fetch could bring it: not where one was sent since it
    /// was met first, and has brought what is in force; `heard` is when the last such request was sent.
    pub(super) fn meet(&self, name: &str, now: Nanos, heard: Nanos) -> bool {
        let print = self.hashing.hash_one(name);
        let mut met = self.met.borrow_mut();
        if let Some((_, first)) = met.iter_mut().find(|(known, _)| *known == print) {
            // A time ahead is from before the clock stepped back.
            if *first <= now && now.since(*first) < LIFE {
                return heard <= *first;
            }
            *first = now;
            return true;
        }
        if met.len() >= MAX {
            met.pop_front();
        }
        met.push_back((print, now));
        true
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.met.borrow().len()
    }
}
