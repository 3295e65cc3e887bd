//! Tokens that were verified before, so that a signature costs its 1 ms once and not at each request.
//!
//! A hit is a token with the very same bytes, under the same definition and the same keys. What is remembered is only
//! what time cannot change; `exp`, `nbf` and `iat` are judged at each hit.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::hash::BuildHasherDefault;
use std::hash::Hash;
use std::hash::Hasher;
use std::hash::RandomState;
use std::rc::Rc;

use crate::bytes;
use crate::control::tokens::definition::Definition;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::key_set::KeySet;
use crate::control::tokens::proof::Subject;
use crate::refusal::Reason;

/// The longest token that is remembered, so that a count of tokens is also a bound in bytes.
const MAX_REMEMBERED: usize = 4096;

/// The most bad tokens that are remembered; a quarter of the good ones where that is less.
const MAX_BAD: usize = 1024;

/// What is remembered for each definition.
#[derive(Default)]
pub struct Caches {
    list: Vec<Cache>,
}

/// What is remembered for one definition.
pub(in crate::control::tokens) struct Cache {
    definition: Option<[u8; 32]>,
    keys: Option<[u8; 32]>,
    /// By how the token ends.
    good: Generations<[u8; END], Good, BuildHasherDefault<ByStart>>,
    /// By SHA-256 of the token. Kept apart, so that bad tokens push out no good ones.
    bad: Generations<[u8; 32], Reason, RandomState>,
    counts: Counts,
}

/// A token by its bytes, and whom it proved.
#[derive(Clone)]
struct Good {
    token: Rc<[u8]>,
    subject: Rc<Subject>,
}

/// How many of a token's last bytes it is looked up by: the end of its signature, shorter than any. Only tokens that were
/// verified are filed by it, and nobody but their issuer makes signatures, let alone two that end alike. What only ends
/// like one of them is compared with all of that one, and is another.
const END: usize = 32;

/// How a cache has served so far.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Counts {
    /// Tokens that were known to be good.
    pub hits: u64,
    /// Tokens that were known to be bad.
    pub bad_hits: u64,
    /// Tokens whose signature had to be verified.
    pub misses: u64,
    /// Good tokens that made room for others.
    pub evictions: u64,
}

impl Caches {
    /// Empty caches; what `before` knew is kept for definitions that are still the same.
    pub fn new(definitions: &Definitions, before: Option<Caches>) -> Self {
        let mut before = before.map(|caches| caches.list).unwrap_or_default();
        let cache = |index| {
            let Some(definition) = definitions.get(index) else { return Cache::new(None, 0) };
            let same = |cache: &Cache| cache.definition == Some(definition.fingerprint);
            match before.iter().position(same) {
                Some(at) => before.swap_remove(at),
                None => Cache::new(Some(definition.fingerprint), definition.cache),
            }
        };
        Self { list: (0..definitions.len()).map(cache).collect() }
    }

    /// How the cache of the definition at `index` has served.
    pub fn counts(&self, index: usize) -> Counts {
        self.list.get(index).map(|cache| cache.counts).unwrap_or_default()
    }

    /// How the cache of the definition at `index` has served since the last time somebody took it, by name.
    pub fn take_counts(&mut self, index: usize) -> [(&'static str, u64); 4] {
        let counts = self.list.get_mut(index).map(|cache| std::mem::take(&mut cache.counts));
        let Counts { hits, bad_hits, misses, evictions } = counts.unwrap_or_default();
        [("hit", hits), ("bad_hit", bad_hits), ("miss", misses), ("eviction", evictions)]
    }

    /// How many good and bad tokens are remembered for the definition at `index`.
    pub fn sizes(&self, index: usize) -> (usize, usize) {
        self.list.get(index).map(|cache| (cache.good.len(), cache.bad.len())).unwrap_or_default()
    }

    /// The cache of a definition while these keys are in force. Other keys than before empty it.
    pub(in crate::control::tokens) fn under(
        &mut self,
        definition: &Definition,
        keys: &KeySet,
    ) -> Option<&mut Cache> {
        let cache = self.list.get_mut(definition.index)?;
        if cache.keys.as_ref() != Some(keys.fingerprint()) {
            cache.good.clear();
            cache.bad.clear();
            cache.keys = Some(*keys.fingerprint());
        }
        Some(cache)
    }
}

impl Cache {
    fn new(definition: Option<[u8; 32]>, capacity: usize) -> Self {
        Self {
            definition,
            keys: None,
            good: Generations::new(capacity),
            bad: Generations::new((capacity / 4).min(MAX_BAD)),
            counts: Counts::default(),
        }
    }

    /// The caller whom this very token proved before.
    pub(in crate::control::tokens) fn good(&mut self, token: &[u8]) -> Option<Rc<Subject>> {
        let (known, evicted) = self.good.get(token.last_chunk::<END>()?);
        self.count_evicted(evicted);
        let found = known.filter(|known| bytes::same(&known.token, token)).map(|known| known.subject);
        if found.is_some() {
            self.counts.hits = self.counts.hits.saturating_add(1);
        }
        found
    }

    /// Why this very token was refused before. Costs a hash of the token where any bad one is known.
    pub(in crate::control::tokens) fn bad(&mut self, token: &[u8]) -> Option<Reason> {
        let known = self.bad.len() > 0;
        let found = known.then(|| self.bad.get(&hmac_sha256::Hash::hash(token)).0).flatten();
        let count = if found.is_some() { &mut self.counts.bad_hits } else { &mut self.counts.misses };
        *count = count.saturating_add(1);
        found
    }

    pub(in crate::control::tokens) fn keep_good(&mut self, token: &[u8], subject: &Rc<Subject>) {
        if let (true, Some(end)) = (token.len() <= MAX_REMEMBERED, token.last_chunk::<END>()) {
            let evicted = self.good.insert(*end, Good { token: token.into(), subject: subject.clone() });
            self.count_evicted(evicted);
        }
    }

    /// `reason` must be one that neither time nor another request can change.
    pub(in crate::control::tokens) fn keep_bad(&mut self, token: &[u8], reason: Reason) {
        self.bad.insert(hmac_sha256::Hash::hash(token), reason);
    }

    fn count_evicted(&mut self, evicted: usize) {
        let evicted = u64::try_from(evicted).unwrap_or(u64::MAX);
        self.counts.evictions = self.counts.evictions.saturating_add(evicted);
    }
}

/// Hashes a key by its first eight bytes: for keys that nobody but an issuer can choose, and that are random already, six
/// bits in each byte of base64url.
#[derive(Default)]
struct ByStart(u64);

impl Hasher for ByStart {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(start) = bytes.first_chunk::<8>() {
            self.0 = u64::from_le_bytes(*start);
        }
    }

    /// What is written before a list's bytes: all keys are of one length.
    fn write_usize(&mut self, _: usize) {}

    /// The random bits spread over all: a map takes some from below and some from above (Knuth's multiplier, 2^64 by the
    /// golden ratio).
    fn finish(&self) -> u64 {
        let spread = self.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        spread ^ spread >> 32
    }
}

/// A bounded map of two generations: when the young one is full it becomes the old one, and what is in the old one by
/// then is dropped. What is asked for is moved to the young one, so it stays. Each operation costs the same however
/// many entries there are; the drop of a generation is spread over the entries that filled it.
///
/// Where a stranger can choose keys, `S` is the standard library's, with random keys: nobody can choose some that collide.
struct Generations<K, V, S> {
    young: HashMap<K, V, S>,
    old: HashMap<K, V, S>,
    /// How many entries make a generation; none are kept where it is 0.
    size: usize,
}

impl<K: Hash + Eq, V: Clone, S: BuildHasher + Default> Generations<K, V, S> {
    /// At most `capacity` entries, rounded up to an even number.
    fn new(capacity: usize) -> Self {
        Self { young: HashMap::default(), old: HashMap::default(), size: capacity.div_ceil(2) }
    }

    fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
    }

    /// The entry, and how many others were dropped for its move.
    fn get(&mut self, key: &K) -> (Option<V>, usize) {
        if let Some(value) = self.young.get(key) {
            return (Some(value.clone()), 0);
        }
        match self.old.remove_entry(key) {
            Some((key, value)) => (Some(value.clone()), self.insert(key, value)),
            None => (None, 0),
        }
    }

    /// Puts an entry in; how many others were dropped for it.
    fn insert(&mut self, key: K, value: V) -> usize {
        if self.size == 0 {
            return 0;
        }
        let mut evicted = 0;
        if self.young.len() >= self.size {
            evicted = self.old.len();
            std::mem::swap(&mut self.young, &mut self.old);
            self.young.clear();
        }
        self.young.insert(key, value);
        evicted
    }
}
