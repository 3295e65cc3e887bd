//! The feeds in force in one worker, by definition. Whoever fetches puts them here.

use std::rc::Rc;

use crate::control::tokens::definition::Definition;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::polled::Sheet;
use crate::control::tokens::proof::Subjects;
use crate::control::tokens::revocation::OnError;
use crate::control::tokens::revocation::Revocation;
use crate::control::tokens::revocation::held::Held;
use crate::model::time::Nanos;

/// What is revoked, for each definition.
#[derive(Default)]
pub struct Feeds {
    slots: Vec<Slot>,
}

#[derive(Clone, Default)]
struct Slot {
    /// The definition's fingerprint.
    definition: Option<[u8; 32]>,
    /// What is held, and when the issuer last stood by it.
    held: Option<(Rc<Held>, Nanos)>,
}

impl Feeds {
    /// No feeds, but those that `before` had for definitions that are still the same.
    pub fn new(definitions: &Definitions, before: Option<&Feeds>) -> Self {
        let slot = |index| {
            let definition = definitions.get(index).map(|definition| definition.fingerprint);
            let same = |slot: &&Slot| definition.is_some() && slot.definition == definition;
            let known = before.and_then(|feeds| feeds.slots.iter().find(same)).cloned();
            known.unwrap_or(Slot { definition, held: None })
        };
        Self { slots: (0..definitions.len()).map(slot).collect() }
    }

    /// Looks at the sheet of a definition's feed, and puts the one in force that is new on it.
    pub fn look(&mut self, definition: &Definition, sheet: &Sheet, held: Option<Rc<Held>>) {
        let Some(slot) = self.slots.get_mut(definition.index) else { return };
        let held = held.or_else(|| slot.held.take().map(|(held, _)| held));
        slot.held = held.map(|held| (held, sheet.fetched));
    }

    /// What is revoked now; nothing before the first feed, and none that is too old for `deny`.
    pub(super) fn current(&self, index: usize, revocation: &Revocation, now: Nanos) -> Option<&Held> {
        let (held, fetched) = self.slots.get(index)?.held.as_ref()?;
        match revocation.on_error {
            OnError::Deny(oldest) if now.since(*fetched) > oldest => None,
            OnError::Deny(_) | OnError::Keep => Some(held),
        }
    }

    /// Whether one of these subjects waits for the first feed.
    pub fn awaited(&self, definitions: &Definitions, subjects: &Subjects) -> bool {
        let polls = |index| definitions.get(index).is_some_and(|it| it.revocation.is_some());
        let first = |index: usize| self.slots.get(index).is_none_or(|slot| slot.held.is_none());
        subjects.iter().map(|subject| subject.token()).any(|index| polls(index) && first(index))
    }

    /// How many entries are held for a definition, and when their issuer last stood by them.
    pub fn state(&self, index: usize) -> Option<(usize, Nanos)> {
        self.slots.get(index)?.held.as_ref().map(|(held, fetched)| (held.len(), *fetched))
    }
}
