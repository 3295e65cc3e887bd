//! What the limiter asks of the memory that a process's workers share.

use std::fmt;

/// A fixed number of byte strings under fixed keys, each with a stamp that every write changes.
///
/// The filter's host and [`InMemory`](crate::control::limits::memory::InMemory) have one. Nothing is ever deleted.
pub trait Buckets {
    /// The value under `key` and its stamp; `None` where there is none. An empty value counts as none that has a
    /// stamp. A host that cannot tell what stands there answers with a value of one byte, which no bucket is: the
    /// limiter holds whatever it does not recognise for spent budgets, never for whole ones.
    fn read(&self, key: Key) -> Option<(Vec<u8>, u32)>;

    /// Writes `value` where nothing was written since `seen` was read; `seen: None` says that there was nothing.
    ///
    /// Envoy takes a stamp of 0 for "whatever stands there", so it must get another one (any) for `None`; ngx_wasm
    /// wants 0 there.
    ///
    /// # Errors
    /// [`Clash`] where another was faster, and nothing was written.
    fn swap(&self, key: Key, value: &[u8], seen: Option<u32>) -> Result<(), Clash>;
}

/// Another worker wrote first.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Clash;

/// A key of the shared memory; its text is what `Display` prints, at most 40 bytes of `a-z 0-9 .`.
///
/// The buckets' keys carry the version of their layout, so a filter of another version has buckets of its own and
/// neither reads the other's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// The secret that keys every fingerprint.
    Secret,
    /// How many buckets of each part are made.
    Made,
    /// A bucket.
    Bucket(Part, u32),
}

/// Parts of the table that never share a bucket, so that a flood of one kind of key does not crowd another.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Part {
    /// Keys with a claim of a verified token.
    Claimed,
    /// Keys that a stranger can choose.
    Open,
    /// Whatever limits in shadow count.
    Shadow,
}

impl Part {
    /// All of them; each has a third of the buckets.
    pub const ALL: [Part; 3] = [Self::Claimed, Self::Open, Self::Shadow];
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str("portcullis.limits.secret"),
            Self::Made => f.write_str("portcullis.limits.v1.made"),
            Self::Bucket(Part::Claimed, index) => write!(f, "portcullis.limits.v1.claimed.{index}"),
            Self::Bucket(Part::Open, index) => write!(f, "portcullis.limits.v1.open.{index}"),
            Self::Bucket(Part::Shadow, index) => write!(f, "portcullis.limits.v1.shadow.{index}"),
        }
    }
}
