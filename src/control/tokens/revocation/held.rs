//! The entries in force, as compact as they can be searched: 24 bytes each, sorted.

use std::time::Duration;

use crate::control::tokens::revocation::feed::Feed;
use crate::control::tokens::revocation::feed::FeedFault;
use crate::control::tokens::revocation::mark::Marks;
use crate::control::tokens::revocation::mark::Print;
use crate::model::time::Nanos;

/// The bytes of one entry.
const SIZE: usize = 24;

/// What shared memory holds begins with this; the last byte is the version of the form.
const HEADER: [u8; 4] = *b"rev\x01";

/// One entry. Times are whole seconds since the epoch.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Entry {
    pub(super) print: Print,
    /// Tokens that were issued up to this second, and in it, are revoked; `u32::MAX` for all.
    pub(super) upto: u32,
    /// Until when a token can come that it concerns.
    pub(super) until: u32,
}

/// The revocations of one issuer.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Held {
    /// By print, each once.
    entries: Vec<Entry>,
    /// For how long after its revocation entries are kept, in seconds.
    concerns: u32,
    /// Where the next difference begins; empty where the issuer serves none.
    cursor: Box<str>,
}

impl Held {
    /// These entries and those of a feed that came now. Entries that concern no token any more are left out.
    ///
    /// # Errors
    /// [`FeedFault::TooMany`]: never fewer than there are.
    pub fn with(&self, feed: Feed, concerns: Duration, max: usize, now: Nanos) -> Result<Self, FeedFault> {
        // Entries that were kept for a shorter time than now are filed anew where the feed names them.
        let anew = !self.covers(concerns);
        let (now, concerns) = (seconds(now), short(concerns));
        let alive = |entry: &Entry| entry.until >= now;
        let entered = feed.entries.into_iter().map(|(print, upto)| {
            let revoked = if upto == u32::MAX { now } else { upto };
            Entry { print, upto, until: revoked.saturating_add(concerns) }
        });
        // An older entry comes first: it says until when a token or session is to be remembered.
        let mut all: Vec<Entry> = self.entries.iter().copied().chain(entered).filter(alive).collect();
        all.sort_by_key(|entry| entry.print);
        all.dedup_by(|later, first| {
            let same = later.print == first.print;
            // Never a smaller revocation than one that is known, also where a feed names somebody twice.
            match same {
                true if later.upto > first.upto => *first = *later,
                true if anew => first.until = first.until.max(later.until),
                _ => {}
            }
            same
        });
        if all.len() > max {
            return Err(FeedFault::TooMany);
        }
        all.shrink_to_fit();
        Ok(Self { entries: all, concerns, cursor: feed.cursor.unwrap_or_default() })
    }

    /// Whether a token with these marks, issued then, is revoked. A second is all that an entry tells, so all of it
    /// counts; a token that does not say when it was issued was issued before.
    pub(super) fn revokes(&self, marks: &Marks, issued: Option<f64>) -> bool {
        marks.iter().any(|print| {
            let found = self.entries.binary_search_by(|entry| entry.print.cmp(print));
            let entry = found.ok().and_then(|at| self.entries.get(at));
            entry.is_some_and(|entry| {
                // Written so that a number that is none refuses.
                !issued.is_some_and(|issued| issued.floor() > f64::from(entry.upto))
            })
        })
    }

    /// How many entries are held.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where the next difference begins, for an issuer that serves them. Nothing where entries were kept for a shorter
    /// time than now: some that would still count may be gone, and only the whole feed has them.
    pub fn cursor(&self, concerns: Duration) -> Option<&str> {
        (self.covers(concerns) && !self.cursor.is_empty()).then_some(&*self.cursor)
    }

    /// Whether entries were kept for this long.
    pub fn covers(&self, concerns: Duration) -> bool {
        self.concerns >= short(concerns)
    }

    /// Reads what [`Held::to_bytes`] wrote.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&HEADER)?;
        let (concerns, rest) = rest.split_first_chunk()?;
        let (size, rest) = rest.split_first()?;
        let (cursor, rest) = rest.split_at_checked(usize::from(*size))?;
        let (entries, []) = rest.as_chunks::<SIZE>() else { return None };
        let entry = |bytes: &[u8; SIZE]| {
            let (print, rest) = bytes.split_first_chunk()?;
            let (upto, rest) = rest.split_first_chunk()?;
            let (upto, until) = (u32::from_le_bytes(*upto), u32::from_le_bytes(*rest.first_chunk()?));
            Some(Entry { print: *print, upto, until })
        };
        Some(Self {
            entries: entries.iter().map(entry).collect::<Option<_>>()?,
            concerns: u32::from_le_bytes(*concerns),
            cursor: std::str::from_utf8(cursor).ok()?.into(),
        })
    }

    /// The entries for shared memory.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.entries.len().saturating_mul(SIZE).saturating_add(512));
        out.extend_from_slice(&HEADER);
        out.extend_from_slice(&self.concerns.to_le_bytes());
        // The feed's reader takes none that is longer.
        let size = u8::try_from(self.cursor.len()).unwrap_or(0);
        out.push(size);
        out.extend_from_slice(self.cursor.as_bytes().get(..usize::from(size)).unwrap_or_default());
        for Entry { print, upto, until } in &self.entries {
            out.extend_from_slice(print);
            out.extend_from_slice(&upto.to_le_bytes());
            out.extend_from_slice(&until.to_le_bytes());
        }
        out
    }
}

fn seconds(time: Nanos) -> u32 {
    short(Duration::from_nanos(time.0))
}

fn short(span: Duration) -> u32 {
    u32::try_from(span.as_secs()).unwrap_or(u32::MAX)
}
