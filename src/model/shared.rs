//! The memory that the workers of a process share, as whoever counts in it asks for it.

use std::collections::HashMap;
use std::fmt;
use std::sync::Mutex;
use std::sync::PoisonError;

/// A fixed number of byte strings under fixed keys, each with a stamp that every write changes.
///
/// The filter's host and [`InMemory`] have one. Nothing is ever deleted.
pub trait Buckets {
    /// The value under `key` and its stamp; `None` where there is none. An empty value counts as none that has a
    /// stamp. A host that cannot tell what stands there answers with a value of one byte, which no bucket is: whoever
    /// reads it must hold what he does not recognise for the worst that may have stood there.
    fn read(&self, key: impl BucketKey) -> Option<(Vec<u8>, u32)>;

    /// Writes `value` where nothing was written since `seen` was read; `seen: None` says that there was nothing.
    ///
    /// Envoy takes a stamp of 0 for "whatever stands there", so it must get another one (any) for `None`; ngx_wasm
    /// wants 0 there.
    ///
    /// # Errors
    /// [`Clash`] where another was faster, and nothing was written.
    fn swap(&self, key: impl BucketKey, value: &[u8], seen: Option<u32>) -> Result<(), Clash>;
}

/// A key of the shared memory: `Display` prints its text, at most 40 bytes of `a-z 0-9 .`, the same for no two keys of
/// the whole module. Whoever owns one says so by this trait.
///
/// The text carries the version of the layout of what stands there, so a filter of another version has values of its
/// own and neither reads the other's.
pub trait BucketKey: fmt::Display + Copy {}

/// Tests may name any.
#[cfg(test)]
impl BucketKey for &str {}

/// Another worker wrote first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clash;

/// [`Buckets`] within one process, for the command line and for tests: a map behind a lock, with stamps as Envoy gives
/// them.
#[derive(Debug, Default)]
pub struct InMemory(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    values: HashMap<String, (Vec<u8>, u32)>,
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
    fn read(&self, key: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values.get(&key.to_string()).cloned()
    }

    fn swap(&self, key: impl BucketKey, value: &[u8], seen: Option<u32>) -> Result<(), Clash> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stamp = inner.last_stamp.wrapping_add(1).max(1);
        let key = key.to_string();
        // As on Envoy, an absent key takes any stamp.
        if inner.values.get(&key).is_some_and(|(_, current)| seen != Some(*current)) {
            return Err(Clash);
        }
        inner.last_stamp = stamp;
        inner.values.insert(key, (value.to_vec(), stamp));
        Ok(())
    }
}
