//! The keys in force, by definition. Whoever fetches puts new sets here; nothing here fetches.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::KeySource;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::host_signature::HostVerifier;
use crate::control::tokens::key_set::KeySet;
use crate::model::time::Nanos;

/// The key sets that tokens are verified with.
#[derive(Default)]
pub struct Keys {
    /// Who may verify with them beside this module.
    pub host: HostVerifier,
    slots: Vec<Slot>,
}

struct Slot {
    /// The definition's fingerprint; nothing where the definition did not compile.
    definition: Option<[u8; 32]>,
    set: Option<Rc<KeySet>>,
    /// For a fetched set, when that was and how long it serves.
    fetched: Option<(Nanos, Duration)>,
    refresh_wanted: Cell<bool>,
}

impl Keys {
    /// What the definitions hold themselves, and the sets that `before` had fetched for definitions that are still the
    /// same, so that a new policy does not begin without keys.
    pub fn new(definitions: &Definitions, before: Option<&Keys>) -> Self {
        let slot = |index| match definitions.get(index) {
            None => Slot::empty(),
            Some(definition) => Slot::new(definition, before),
        };
        let host = before.map(|keys| keys.host).unwrap_or_default();
        Self { host, slots: (0..definitions.len()).map(slot).collect() }
    }

    /// Puts a fetched set in force for the definition at `index`. A set that was inline or a secret stays.
    pub fn put(&mut self, definition: &Definition, set: Rc<KeySet>, fetched_at: Nanos) {
        let Some(jwks) = definition.jwks() else { return };
        if let Some(slot) = self.slots.get_mut(definition.index) {
            slot.set = Some(set);
            slot.fetched = Some((fetched_at, jwks.max_stale));
            slot.refresh_wanted.set(false);
        }
    }

    /// The set in force; none before the first fetch, and none once the last good one is too old.
    pub fn current(&self, index: usize, now: Nanos) -> Option<&Rc<KeySet>> {
        let slot = self.slots.get(index)?;
        let fresh = slot.fetched.is_none_or(|(at, max_stale)| now.since(at) <= max_stale);
        slot.set.as_ref().filter(|_| fresh)
    }

    /// When the set in force was fetched; nothing where none was.
    pub fn fetched_at(&self, index: usize) -> Option<Nanos> {
        self.slots.get(index)?.fetched.map(|(at, _)| at)
    }

    /// Whether a token named a key that the set does not have, so that an early fetch could help. Answers once; the
    /// caller keeps the cool-down, for anybody can send such tokens.
    pub fn take_refresh_wish(&self, index: usize) -> bool {
        self.slots.get(index).is_some_and(|slot| slot.refresh_wanted.take())
    }

    pub(in crate::control::tokens) fn wish_refresh(&self, definition: &Definition) {
        if let (Some(_), Some(slot)) = (definition.jwks(), self.slots.get(definition.index)) {
            slot.refresh_wanted.set(true);
        }
    }
}

impl Slot {
    fn empty() -> Self {
        Self { definition: None, set: None, fetched: None, refresh_wanted: Cell::new(false) }
    }

    fn new(definition: &Definition, before: Option<&Keys>) -> Self {
        let (set, fetched) = match &definition.keys {
            KeySource::Inline(set) => (Some(set.clone()), None),
            KeySource::Secret(set) => (set.clone(), None),
            KeySource::Jwks(_) => {
                let same = |slot: &&Slot| slot.definition == Some(definition.fingerprint);
                match before.and_then(|keys| keys.slots.iter().find(same)) {
                    Some(slot) => (slot.set.clone(), slot.fetched),
                    None => (None, None),
                }
            }
        };
        Self { definition: Some(definition.fingerprint), set, fetched, ..Self::empty() }
    }
}
