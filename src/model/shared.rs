//! The memory that the workers of a process share, as whoever counts in it asks for it.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::PoisonError;

use arrayvec::ArrayString;

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

/// A key of the shared memory: `Display` prints its text, at most 48 bytes of `a-z 0-9 .`, the same for no two keys of
/// the whole module. Whoever owns one says so by this trait.
///
/// The text carries the version of the layout of what stands there, so a filter of another version has values of its
/// own and neither reads the other's.
pub trait BucketKey: fmt::Display + Copy {
    /// Its text. Whoever is asked for it at each request writes it without the library's formatting.
    fn text(self) -> KeyText {
        let mut text = KeyText::new();
        // Longer than it may be it would be no key: it is cut.
        let _ = write!(text, "{self}");
        text
    }
}

/// The text of a [`BucketKey`].
pub type KeyText = ArrayString<48>;

/// Tests may name any.
#[cfg(test)]
impl BucketKey for &str {}

/// Another worker wrote first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clash;

/// How often a lost race for a shared key is run again.
pub const TRIES: u32 = 64;

/// The shared memory did not hold what was written to it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unprepared;

impl fmt::Display for Unprepared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the memory that the workers share does not keep what is written to it")
    }
}

impl std::error::Error for Unprepared {}

/// The secret that stands under `key`; where there is none, `random` becomes it. So every worker may bring random bytes
/// of its own, at every start, and all hold the same secret.
///
/// # Errors
/// [`Unprepared`] where the shared memory does not do what [`Buckets`] says.
pub fn agreed_secret(
    store: &impl Buckets,
    key: impl BucketKey,
    random: [u8; 16],
) -> Result<[u8; 16], Unprepared> {
    for _ in 0..TRIES {
        let read = store.read(key);
        if let Some(secret) = read.as_ref().and_then(|(value, _)| value.as_slice().try_into().ok()) {
            return Ok(secret);
        }
        // Whoever wins, the next look shows the winner's.
        let _ = store.swap(key, &random, read.map(|(_, stamp)| stamp));
    }
    Err(Unprepared)
}

/// Makes those of `wanted` values that are not there, each by `make` with its number. The key `made` remembers how many
/// are, so that a change of the policy does not go through all of them again.
pub fn make_once(store: &impl Buckets, made: impl BucketKey, wanted: u32, make: impl Fn(u32)) {
    let read = store.read(made);
    let known = read.as_ref().and_then(|(value, _)| value.as_slice().try_into().ok());
    let known = known.map_or(0, u32::from_le_bytes);
    if known >= wanted {
        return;
    }
    (known..wanted).for_each(make);
    // Another worker may have said so meanwhile; saying it twice only costs time.
    let _ = store.swap(made, &wanted.to_le_bytes(), read.map(|(_, stamp)| stamp));
}

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
