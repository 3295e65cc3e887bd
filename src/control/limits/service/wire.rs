//! The messages of `envoy/service/ratelimit/v3/rls.proto`, as far as they are needed.
//!
//! A request has the domain (1), descriptors (2) and the hits (3). A descriptor has entries (1) of a key (1) and a value
//! (2), and hits of its own (3, a message with a varint, 1). A response has the overall code (1) and a status for each
//! descriptor (2), with a code (1) and the time until it is whole again (4): seconds (1) and nanoseconds (2).

use std::time::Duration;

use crate::document::wire::Field;
use crate::document::wire::Fields;
use crate::document::wire::put_bytes;
use crate::document::wire::put_number;

/// The service's name.
pub const SERVICE: &str = "envoy.service.ratelimit.v3.RateLimitService";
/// The method's name.
pub const METHOD: &str = "ShouldRateLimit";
/// The longest reply that is read.
pub const MAX_REPLY: usize = 64 << 10;
/// The longest wait that is believed.
const MAX_WAIT: Duration = Duration::from_hours(365 * 24);

/// What is asked of one limit: entries of a key and a value, and how many units.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Descriptor<'a> {
    /// Keys and values, in order.
    pub entries: Vec<(&'a str, &'a str)>,
    /// Units.
    pub hits: u32,
}

/// What the service says of a request or of one descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// Neither.
    Unknown,
    /// There was room, and it was charged.
    Within,
    /// There was none.
    Over,
}

/// What the service says of one descriptor.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Status {
    /// Its verdict.
    pub verdict: Verdict,
    /// How long until there is room; none where the service does not say.
    pub until_reset: Option<Duration>,
}

/// The service's answer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Reply {
    /// The verdict on the request.
    pub overall: Verdict,
    /// For each descriptor, where the service says it.
    pub statuses: Vec<Status>,
}

/// A `RateLimitRequest`.
///
/// A service that knows no hits of a single descriptor counts the most of them for all: never one too few.
pub fn request(domain: &str, descriptors: &[Descriptor<'_>]) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    let most = descriptors.iter().map(|descriptor| descriptor.hits).max().unwrap_or_default();
    put_bytes(&mut out, 1, domain.as_bytes());
    for Descriptor { entries, hits } in descriptors {
        let mut descriptor = Vec::with_capacity(128);
        for (key, value) in entries {
            let mut entry = Vec::with_capacity(96);
            put_bytes(&mut entry, 1, key.as_bytes());
            put_bytes(&mut entry, 2, value.as_bytes());
            put_bytes(&mut descriptor, 1, &entry);
        }
        if *hits != most {
            let mut own = Vec::new();
            put_number(&mut own, 1, u64::from(*hits));
            put_bytes(&mut descriptor, 3, &own);
        }
        put_bytes(&mut out, 2, &descriptor);
    }
    put_number(&mut out, 3, u64::from(most));
    out
}

/// Reads a `RateLimitResponse`; `None` where the bytes are none. What is not known is passed over.
pub fn reply(bytes: &[u8]) -> Option<Reply> {
    let mut reply = Reply { overall: Verdict::Unknown, statuses: Vec::new() };
    for field in Fields::of(bytes) {
        match field? {
            Field::Varint(1, code) => reply.overall = verdict(code),
            Field::Bytes(2, bytes) => reply.statuses.push(status(bytes)?),
            field => known(field, &[1, 2])?,
        }
    }
    Some(reply)
}

fn status(bytes: &[u8]) -> Option<Status> {
    let mut status = Status { verdict: Verdict::Unknown, until_reset: None };
    for field in Fields::of(bytes) {
        match field? {
            Field::Varint(1, code) => status.verdict = verdict(code),
            Field::Bytes(4, bytes) => status.until_reset = Some(duration(bytes)?),
            field => known(field, &[1, 4])?,
        }
    }
    Some(status)
}

/// A `google.protobuf.Duration`; below zero is zero.
fn duration(bytes: &[u8]) -> Option<Duration> {
    let (mut seconds, mut nanos) = (0, 0);
    for field in Fields::of(bytes) {
        match field? {
            Field::Varint(1, number) => seconds = number,
            Field::Varint(2, number) => nanos = number,
            field => known(field, &[1, 2])?,
        }
    }
    // Negative numbers are the largest here.
    let positive = |number: u64| i64::try_from(number).ok().and_then(|it| u64::try_from(it).ok());
    let (seconds, nanos) = (positive(seconds).unwrap_or_default(), positive(nanos).unwrap_or_default());
    Some(Duration::from_secs(seconds).saturating_add(Duration::from_nanos(nanos)).min(MAX_WAIT))
}

/// A field that is not known here is passed over; one that is, and has another form, is garbage.
fn known(field: Field<'_>, known: &[u64]) -> Option<()> {
    let (Field::Varint(number, _) | Field::Fixed(number, _) | Field::Bytes(number, _)) = field;
    (number > 0 && !known.contains(&number)).then_some(())
}

fn verdict(code: u64) -> Verdict {
    match code {
        1 => Verdict::Within,
        2 => Verdict::Over,
        _ => Verdict::Unknown,
    }
}
