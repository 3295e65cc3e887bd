//! From a request to the fingerprint of the key that a limit counts it by.

use std::hash::Hasher;
use std::net::IpAddr;

use serde_json::Number;
use serde_json::Value;
use siphasher::sip128::Hasher128;

use crate::control::limits::limit::Limit;
use crate::control::limits::part::KeyPart;
use crate::control::limits::part::Missing;
use crate::control::limits::table::Table;
use crate::model::name::Name;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::refusal::Reason;

/// A part longer than this many bytes is missing.
pub const MAX_PART: usize = 1 << 10;

/// Whoever can look at a request for the parts of a key.
pub trait KeySight: Sight {
    /// The issuer of a verified token, by the token definition's index: who somebody is, is (issuer, sub).
    fn issuer(&self, token: usize) -> Option<&str>;
}

/// What a limit counts a request by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Digest {
    /// The key's fingerprint within its bucket.
    pub print: u64,
    /// Picks the bucket.
    pub spread: u64,
    /// Whether a claim of a verified token is in it.
    pub claimed: bool,
    /// What a client is told the key by: says nothing of the fingerprint.
    pub partition: u64,
    /// The fingerprint of the value, where a limit counts distinct ones; never 0.
    pub value: Option<u32>,
}

/// What is hashed in front of each part, so that no two kinds of part can be mistaken for one another.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Tag {
    Key = 1,
    Overflow = 2,
    StandIn = 3,
    Partition = 4,
    Value = 5,
    Text = 16,
    Bytes = 17,
    Integer = 18,
    Float = 19,
    Boolean = 20,
    V4 = 21,
    V6 = 22,
    Issuer = 23,
    NoIssuer = 24,
}

/// The key of `limit` for a request: (policy name, limit name, parts). `None` where the limit lets a request without
/// its key go uncounted (`missing: skip`).
///
/// # Errors
/// [`Reason::LimitsAmbiguous`] for a part given more than once, [`Reason::LimitsKeyMissing`] for a missing one.
pub fn digest(limit: &Limit, sight: &impl KeySight, table: &Table) -> Result<Option<Digest>, Reason> {
    let Some((hash, claimed)) = feed(limit, sight, || table.hasher())? else { return Ok(None) };
    let mut told = hash;
    write(&mut told, Tag::Partition, &[]);
    let (hash, told) = (hash.finish128(), told.finish128());
    let value = match limit.distinct() {
        None => None,
        Some(part) => match value(limit, part, hash.h1, sight, table)? {
            None if limit.missing() == Some(&Missing::Skip) => return Ok(None),
            None => return Err(Reason::LimitsKeyMissing),
            value => value,
        },
    };
    Ok(Some(Digest { print: hash.h1, spread: hash.h2, claimed, partition: told.h1, value }))
}

/// The key of `limit` for a request as other processes know it too: 32 hex digits of HMAC-SHA-256. `None` and errors are
/// those of [`digest`].
///
/// # Errors
/// Those of [`digest`].
pub fn shared(limit: &Limit, sight: &impl KeySight, secret: &[u8]) -> Result<Option<Box<str>>, Reason> {
    let fed = feed(limit, sight, || Keyed(hmac_sha256::HMAC::new(secret)))?;
    let hex = |(hash, _): (Keyed, bool)| -> String {
        hash.0.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
    };
    Ok(fed.map(|fed| hex(fed).into()))
}

/// HMAC-SHA-256 as something that is written to.
struct Keyed(hmac_sha256::HMAC);

impl Hasher for Keyed {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Nobody asks for so short a hash.
    fn finish(&self) -> u64 {
        0
    }
}

/// Hashes the parts of a key, and says whether a claim of a verified token is in it.
fn feed<H: Hasher>(
    limit: &Limit,
    sight: &impl KeySight,
    fresh: impl Fn() -> H,
) -> Result<Option<(H, bool)>, Reason> {
    let mut hash = fresh();
    hash.write(&limit.opening);
    let (mut claimed, mut missing, mut address_missing) = (false, false, false);
    for part in limit.key() {
        match part_of(part, sight, &mut hash)? {
            Counted::Claim => claimed = true,
            Counted::Open => {}
            Counted::Missing => {
                missing = true;
                address_missing |= part.value.sources().contains(&Source::Ip);
            }
        }
    }
    if missing {
        match limit.missing() {
            Some(Missing::Skip) if !address_missing => return Ok(None),
            Some(Missing::StandIn(text)) if !address_missing => {
                // One budget for all who lack the key; what they do not lack is no part of it.
                hash = start(fresh(), Tag::StandIn, &limit.policy, &limit.name);
                write(&mut hash, Tag::Text, text.as_bytes());
                claimed = false;
            }
            _ => return Err(Reason::LimitsKeyMissing),
        }
    }
    Ok(Some((hash, claimed)))
}

/// The fingerprint of a value that is counted once. The key is in it, so that what looks alike for one key does not
/// for another.
fn value(
    limit: &Limit,
    part: &KeyPart,
    key: u64,
    sight: &impl KeySight,
    table: &Table,
) -> Result<Option<u32>, Reason> {
    let mut hash = start(table.hasher(), Tag::Value, &limit.policy, &limit.name);
    hash.write(&key.to_le_bytes());
    if let Counted::Missing = part_of(part, sight, &mut hash)? {
        return Ok(None);
    }
    let [a, b, c, d, ..] = hash.finish128().h1.to_le_bytes();
    Ok(Some(u32::from_le_bytes([a, b, c, d]).max(1)))
}

/// The fingerprint of a limit's overflow slots.
pub fn overflow(limit: &Limit, table: &Table) -> u64 {
    start(table.hasher(), Tag::Overflow, &limit.policy, &limit.name).finish128().h1
}

/// What is hashed of a limit in front of the parts of its key.
pub(super) fn opening(policy: &Name, name: &Name) -> Box<[u8]> {
    start(Opening(Vec::new()), Tag::Key, policy, name).0.into()
}

/// Bytes that are written to as if to a hash.
struct Opening(Vec<u8>);

impl Hasher for Opening {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Nobody asks for it.
    fn finish(&self) -> u64 {
        0
    }
}

fn start<H: Hasher>(mut hash: H, tag: Tag, policy: &Name, name: &Name) -> H {
    write(&mut hash, tag, policy.as_str().as_bytes());
    write(&mut hash, tag, name.as_str().as_bytes());
    hash
}

enum Counted {
    Claim,
    Open,
    Missing,
}

/// Hashes one part; the first of its sources that is there counts, also if it is of no use.
fn part_of(part: &KeyPart, sight: &impl KeySight, hash: &mut impl Hasher) -> Result<Counted, Reason> {
    let Some((source, seen)) = part.value.find(sight) else { return Ok(Counted::Missing) };
    if let Source::Claim(claim) = source {
        match sight.issuer(claim.token) {
            Some(issuer) => write(hash, Tag::Issuer, issuer.as_bytes()),
            None => write(hash, Tag::NoIssuer, &[]),
        }
    }
    let fold = folds(source) && !part.exact;
    match seen {
        Seen::Ambiguous => return Err(Reason::LimitsAmbiguous),
        Seen::Missing => return Ok(Counted::Missing),
        Seen::Bytes(bytes) if bytes.len() > MAX_PART => return Ok(Counted::Missing),
        Seen::Bytes(bytes) => match std::str::from_utf8(&bytes) {
            Ok(text) => write_text(hash, text, fold),
            Err(_) => write(hash, Tag::Bytes, &bytes),
        },
        Seen::Json(Value::String(text)) if text.len() <= MAX_PART => write_text(hash, text, fold),
        Seen::Json(Value::Number(number)) => write_number(hash, number),
        Seen::Json(Value::Bool(it)) => write(hash, Tag::Boolean, &[u8::from(*it)]),
        Seen::Json(_) | Seen::Each(_) => return Ok(Counted::Missing),
        Seen::Ip(IpAddr::V4(ip)) => write(hash, Tag::V4, &ip.octets()),
        Seen::Ip(IpAddr::V6(ip)) => write(hash, Tag::V6, &ip.octets()),
    }
    Ok(if matches!(source, Source::Claim(_)) { Counted::Claim } else { Counted::Open })
}

/// Sources of text that a client may spell as it likes.
pub fn folds(source: &Source) -> bool {
    match source {
        Source::Query(_) | Source::Header(_) | Source::Body(_) | Source::Version | Source::Platform => true,
        Source::Ip
        | Source::Path(_)
        | Source::Claim(_)
        | Source::Response(_)
        | Source::Route
        | Source::Method
        | Source::Host => false,
    }
}

/// Outer white space dropped, Unicode lower case letter by letter.
fn folded(text: &str) -> impl Iterator<Item = char> {
    text.trim().chars().flat_map(char::to_lowercase)
}

fn write_text(hash: &mut impl Hasher, text: &str, fold: bool) {
    if !fold {
        return write(hash, Tag::Text, text.as_bytes());
    }
    write_head(hash, Tag::Text, folded(text).map(char::len_utf8).sum());
    for letter in folded(text) {
        hash.write(letter.encode_utf8(&mut [0; 4]).as_bytes());
    }
}

/// One number is one key however it is spelled: `1`, `1.0` and `1e0` alike.
fn write_number(hash: &mut impl Hasher, number: &Number) {
    let float = number.as_f64().unwrap_or(f64::NAN);
    let whole = number.as_i64().map(i128::from).or_else(|| number.as_u64().map(i128::from)).or_else(|| {
        // Up to 2^53 every whole number is a float of its own.
        (float.fract() == 0.0 && float.abs() <= 9_007_199_254_740_992.0).then_some(float as i128)
    });
    match whole {
        Some(whole) => write(hash, Tag::Integer, &whole.to_le_bytes()),
        None => write(hash, Tag::Float, &float.to_le_bytes()),
    }
}

fn write(hash: &mut impl Hasher, tag: Tag, bytes: &[u8]) {
    write_head(hash, tag, bytes.len());
    hash.write(bytes);
}

fn write_head(hash: &mut impl Hasher, tag: Tag, length: usize) {
    // In one go: a hash keeps book of what is left over from each.
    let [a, b, c, d, e, f, g, h] = u64::try_from(length).unwrap_or(u64::MAX).to_le_bytes();
    hash.write(&[tag as u8, a, b, c, d, e, f, g, h]);
}
