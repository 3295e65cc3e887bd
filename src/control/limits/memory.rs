//! Shared memory for the command line and for tests: a map behind a lock, with stamps as Envoy gives them.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::PoisonError;

use crate::control::limits::store::Buckets;
use crate::control::limits::store::Clash;
use crate::control::limits::store::Key;

/// [`Buckets`] within one process.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    values: HashMap<Key, (Vec<u8>, u32)>,
    /// One counter for all keys, as Envoy has it: it skips 0 when it wraps.
    last_stamp: u32,
}

impl InMemory {
    /// How many keys there are, and how many bytes their values take.
    pub fn size(&self) -> (usize, usize) {
        let inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (inner.values.len(), inner.values.values().map(|(value, _)| value.len()).sum())
    }
}

impl Buckets for InMemory {
    fn read(&self, key: Key) -> Option<(Vec<u8>, u32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values.get(&key).cloned()
    }

    fn swap(&self, key: Key, value: &[u8], seen: Option<u32>) -> Result<(), Clash> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = inner.last_stamp.wrapping_add(1).max(1);
        // As on Envoy, an absent key takes any stamp.
        if inner.values.get(&key).is_some_and(|(_, current)| seen != Some(*current)) {
            return Err(Clash);
        }
        inner.last_stamp = stamp;
        inner.values.insert(key, (value.to_vec(), stamp));
        Ok(())
    }
}
