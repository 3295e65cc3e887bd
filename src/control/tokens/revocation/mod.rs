//! # Revocation: tokens that were good and are so no more
//!
//! **Refuses** a verified token whose `jti` or `sid` its issuer has revoked, or whose `sub` logged out everywhere not
//! before the token was issued: 401 `tokens.revoked`. Where there is no feed yet, or `on_error: deny` finds it too old,
//! it refuses whatever needs that feed: 503 `tokens.revocation_unavailable`.
//!
//! **Needs** the subjects that the tokens prove, the feeds as this worker has them, and the time. It is asked at every
//! request, also for a token that is remembered as verified.
//!
//! **Holds** each entry under a hash of what it is about (kind, issuer, id), never of a token's bytes, of which an ECDSA
//! signature has several; until the longest token that it can concern has expired, whether the feed goes on naming it
//! or not. What the issuer took back stays taken back.
//!
//! **Does not** fetch anything: see [`polled`](crate::control::tokens::polled).

mod feed;
mod feeds;
mod held;
mod mark;
mod raw;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::polled::Source;
use crate::control::tokens::proof::Subjects;
pub use crate::control::tokens::revocation::feed::Feed;
pub use crate::control::tokens::revocation::feed::FeedFault;
pub use crate::control::tokens::revocation::feeds::Feeds;
pub use crate::control::tokens::revocation::held::Held;
pub(in crate::control::tokens) use crate::control::tokens::revocation::mark::Marks;
pub(in crate::control::tokens) use crate::control::tokens::revocation::raw::Beside;
use crate::model::time::Nanos;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// When a caller is asked to come back while there is no feed.
const RETRY: Duration = Duration::from_secs(5);

/// How often the whole feed is asked for where the issuer serves differences, so that one that was lost is not lost for
/// long.
pub const WHOLE_EVERY: Duration = Duration::from_secs(3600);

/// `revocation` of a definition.
#[derive(Clone, Debug, PartialEq)]
pub struct Revocation {
    /// Where the feed is, and how often it is asked.
    pub source: Source,
    /// What holds while the feed cannot be had.
    pub on_error: OnError,
    /// The most entries that are held.
    pub max_entries: usize,
    /// The issuer whose tokens the feed is about.
    pub issuer: Box<str>,
    /// How long the longest token that an entry can concern may live on after it was revoked.
    pub concerns: Duration,
}

/// What holds while a feed cannot be had.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OnError {
    /// The last good feed, however old.
    Keep,
    /// The last good feed, until it is older than this; then nobody passes.
    Deny(Duration),
}

impl Revocation {
    /// The most bytes that an answer may have: room for so many ids of the usual length.
    pub fn max_bytes(&self) -> usize {
        self.max_entries.saturating_mul(96).saturating_add(64 * 1024)
    }
}

/// Judges `tokens.revocation`: no subject's token is revoked.
///
/// # Errors
/// `tokens.revoked`, `tokens.revocation_unavailable`.
pub fn check_revocation(
    definitions: &Definitions,
    subjects: &Subjects,
    feeds: &Feeds,
    now: Nanos,
) -> Result<(), Refusal> {
    let mut missing = false;
    for subject in subjects.iter() {
        let Some(revocation) = definitions.get(subject.token()).and_then(|it| it.revocation.as_ref()) else {
            continue;
        };
        match feeds.current(subject.token(), revocation, now) {
            None => missing = true,
            Some(held) if held.revokes(subject.marks(), subject.claims().number("iat")) => {
                return Err(Reason::TokensRevoked.into());
            }
            Some(_) => {}
        }
    }
    if missing {
        return Err(Refusal::from(Reason::TokensRevocationUnavailable).with(Extra::RetryAfter(RETRY)));
    }
    Ok(())
}
