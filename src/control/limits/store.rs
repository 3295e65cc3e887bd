//! The keys of the shared memory that are the limiter's.

use std::fmt;

use crate::model::shared::BucketKey;
use crate::model::shared::KeyText;

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

impl BucketKey for Key {
    fn text(self) -> KeyText {
        let (start, number) = match self {
            Self::Secret => ("portcullis.limits.secret", None),
            Self::Made => ("portcullis.limits.v2.made", None),
            Self::MadeWide => ("portcullis.limits.v2.wide.made", None),
            Self::Bucket(part, index) => (part.narrow(), Some(index)),
            Self::Wide(part, index) => (part.wide(), Some(index)),
        };
        let mut text = KeyText::new();
        // The longest has 44 bytes.
        let _ = text.try_push_str(start);
        if let Some(number) = number {
            let _ = text.try_push_str(itoa::Buffer::new().format(number));
        }
        text
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl Part {
    const fn narrow(self) -> &'static str {
        match self {
            Self::Claimed => "portcullis.limits.v2.claimed.",
            Self::Open => "portcullis.limits.v2.open.",
            Self::Shadow => "portcullis.limits.v2.shadow.",
        }
    }

    const fn wide(self) -> &'static str {
        match self {
            Self::Claimed => "portcullis.limits.v2.wide.claimed.",
            Self::Open => "portcullis.limits.v2.wide.open.",
            Self::Shadow => "portcullis.limits.v2.wide.shadow.",
        }
    }
}
