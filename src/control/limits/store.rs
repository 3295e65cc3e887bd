//! The keys of the shared memory that are the limiter's.

use std::fmt;

use crate::model::shared::BucketKey;

/// A key of the shared memory.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Key {
    /// The secret that keys every fingerprint.
    Secret,
    /// How many buckets of each part are made.
    Made,
    /// The same of those whose keys have values that are remembered.
    MadeWide,
    /// A bucket.
    Bucket(Part, u32),
    /// A bucket of keys whose values are remembered.
    Wide(Part, u32),
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

impl BucketKey for Key {}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Secret => f.write_str("portcullis.limits.secret"),
            Self::Made => f.write_str("portcullis.limits.v2.made"),
            Self::MadeWide => f.write_str("portcullis.limits.v2.wide.made"),
            Self::Bucket(part, index) => numbered(f, "portcullis.limits.v2.", *part, *index),
            Self::Wide(part, index) => numbered(f, "portcullis.limits.v2.wide.", *part, *index),
        }
    }
}

/// Piece by piece: each request at a limit needs one, and `write!` takes four times as long.
fn numbered(f: &mut fmt::Formatter<'_>, start: &str, part: Part, index: u32) -> fmt::Result {
    f.write_str(start)?;
    fmt::Display::fmt(&part, f)?;
    f.write_str(".")?;
    fmt::Display::fmt(&index, f)
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Claimed => "claimed",
            Self::Open => "open",
            Self::Shadow => "shadow",
        })
    }
}
