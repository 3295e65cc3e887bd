//! The keys in force, by definition. Whoever fetches puts new sets here; nothing here fetches.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::KeySource;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::host_signature::HostVerifier;
use crate::control::tokens::key_set::KeySet;
use crate::control::tokens::polled::Sheet;
use crate::control::tokens::strangers::Strangers;
use crate::model::time::Nanos;

/// The key sets that tokens are verified with.
#[derive(Default)]
pub struct Keys {
    /// Who may verify with them beside this module.
    pub host: HostVerifier,
    slots: Vec<Slot>,
    /// The definition for which a key was missed last, if a fetch could bring it.
    missed: Cell<Option<usize>>,
}

struct Slot {
    /// The definition's fingerprint; nothing where the definition did not compile.
    definition: Option<[u8; 32]>,
    set: Option<Rc<KeySet>>,
    /// For a fetched set, when that was and how long it serves.
    fetched: Option<(Nanos, Duration)>,
    /// When it is fetched again, as this worker saw it last.
    sheet: Sheet,
    /// The version that the set in force has on the sheet; 0 for what is on none.
    version: u64,
    refresh_wanted: Cell<bool>,
    strangers: Strangers,
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
        Self { host, slots: (0..definitions.len()).map(slot).collect(), missed: Cell::new(None) }
    }

    /// Looks at the sheet of a definition's set, and puts the set in force that is new on it. Where there is none the
    /// one before stays, and is as fresh as the sheet says only if it is the sheet's.
    pub fn look(&mut self, definition: &Definition, sheet: &Sheet, set: Option<Rc<KeySet>>) {
        if let Some(set) = set {
            self.put(definition, set, sheet.fetched);
            self.slots
                .iter_mut()
                .skip(definition.index)
                .take(1)
                .for_each(|slot| slot.version = sheet.version);
        }
        let (Some(jwks), Some(slot)) = (definition.jwks(), self.slots.get_mut(definition.index)) else {
            return;
        };
        slot.sheet = *sheet;
        if slot.set.is_some() && slot.version == sheet.version {
            slot.fetched = Some((sheet.fetched, jwks.max_stale));
        }
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

    /// Whether the key that the last check missed may come before `deadline`: a fetch is under way, or will be. Answers
    /// once.
    pub fn may_come(&self, definitions: &Definitions, now: Nanos, deadline: Nanos) -> bool {
        let missed = self.missed.take().and_then(|index| definitions.get(index));
        missed.is_some_and(|definition| {
            let (jwks, slot) = (definition.jwks(), self.slots.get(definition.index));
            jwks.zip(slot).is_some_and(|(jwks, slot)| slot.sheet.may_hear(now, deadline, &jwks.source))
        })
    }

    /// Notes that no key has the name that a token brings.
    pub(in crate::control::tokens) fn miss(&self, definition: &Definition, kid: Option<&str>, now: Nanos) {
        self.missed.set(None);
        let (Some(_), Some(slot)) = (definition.jwks(), self.slots.get(definition.index)) else { return };
        if slot.strangers.meet(kid.unwrap_or_default(), now, slot.sheet.heard) {
            slot.refresh_wanted.set(true);
            self.missed.set(Some(definition.index));
        }
    }
}

impl Slot {
    fn empty() -> Self {
        Self {
            definition: None,
            set: None,
            fetched: None,
            sheet: Sheet::default(),
            version: 0,
            refresh_wanted: Cell::new(false),
            strangers: Strangers::default(),
        }
    }

    fn new(definition: &Definition, before: Option<&Keys>) -> Self {
        let new = Self { definition: Some(definition.fingerprint), ..Self::empty() };
        match &definition.keys {
            KeySource::Inline(set) => Self { set: Some(set.clone()), ..new },
            KeySource::Secret(set) => Self { set: set.clone(), ..new },
            KeySource::Jwks(_) => {
                let same = |slot: &&Slot| slot.definition == Some(definition.fingerprint);
                match before.and_then(|keys| keys.slots.iter().find(same)) {
                    Some(slot) => Self {
                        set: slot.set.clone(),
                        fetched: slot.fetched,
                        sheet: slot.sheet,
                        version: slot.version,
                        ..new
                    },
                    None => new,
                }
            }
        }
    }
}
