//! One line of the table: what is sent, and what is expected of both sides.

use std::time::Duration;

use portcullis_envoy::Request;

use crate::tally::Tally;

/// A row. Everything in it is either sent or expected; what comes back is in a [`crate::play::Verdict`].
pub(crate) struct Row {
    pub(crate) tried: &'static str,
    pub(crate) requests: Vec<Request>,
    pub(crate) way: Way,
    /// Whether it goes to the listener without TLS.
    pub(crate) cleartext: bool,
    pub(crate) aim: Aim,
    /// Expected of Envoy alone.
    pub(crate) without: Tally,
    /// Expected with the filter.
    pub(crate) with: Tally,
    /// Expected of the refusals: each reason once, in the order in which they come; empty where none is refused.
    pub(crate) reason: &'static str,
}

/// In which order requests are sent.
#[derive(Clone, Copy)]
pub(crate) enum Way {
    /// One after the other on one connection.
    InTurn,
    /// Together, each on a connection of its own. The limit lets one more pass after each `refill`.
    AtOnce { refill: Duration },
    /// One after the other, each from an address of its own.
    FromMany,
}

/// What a row shows beside statuses.
#[derive(Clone, Copy)]
pub(crate) enum Aim {
    /// Nothing: the statuses tell.
    Statuses,
    /// Text that an answer holds only if the attack succeeded.
    Prize(&'static str),
    /// That both sides answer alike.
    SameAnswers,
}

/// An attack: every request gets its 200 without the filter, unless told otherwise.
pub(crate) fn attack(tried: &'static str, requests: impl Into<Vec<Request>>, aim: Aim) -> Row {
    let requests = requests.into();
    let without = Tally::from([(requests.len(), 200)].as_slice());
    let with = without.clone();
    Row { tried, requests, way: Way::InTurn, cleartext: false, aim, without, with, reason: "" }
}

/// What an honest app does: both sides answer alike, with these statuses.
pub(crate) fn honest(tried: &'static str, requests: impl Into<Vec<Request>>, both: &[(usize, u16)]) -> Row {
    attack(tried, requests, Aim::SameAnswers).without(both).with(both, "")
}

impl Row {
    pub(crate) fn cleartext(self) -> Self {
        Self { cleartext: true, ..self }
    }

    pub(crate) fn at_once(self, refill: Duration) -> Self {
        Self { way: Way::AtOnce { refill }, ..self }
    }

    pub(crate) fn spread(self) -> Self {
        Self { way: Way::FromMany, ..self }
    }

    pub(crate) fn without(self, without: &[(usize, u16)]) -> Self {
        Self { without: without.into(), ..self }
    }

    pub(crate) fn with(self, with: &[(usize, u16)], reason: &'static str) -> Self {
        Self { with: with.into(), reason, ..self }
    }

    /// The filter turns every request away with this status.
    pub(crate) fn refused(self, status: u16, reason: &'static str) -> Self {
        let all = [(self.requests.len(), status)];
        self.with(&all, reason)
    }
}
