//! Reads a feed: entries are hashed as they are read, so that no list of ids is ever built.
//!
//! ```json
//! { "iss": "https://id.example", "jti": ["6f1c"], "sid": ["0b7d"], "sub": [{ "sub": "42", "issued_before": 1767225600 }],
//!   "cursor": "118", "since": "117" }
//! ```
//!
//! All three lists are there, also empty ones. `cursor` is for issuers that serve differences: it names this state, and
//! stands in the next request as `after`. `since` says that the answer is one, from the state of that name. Whatever
//! else stands there is refused: it may be a revocation that is not understood.

use std::fmt;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;

use crate::control::tokens::revocation::mark::Kind;
use crate::control::tokens::revocation::mark::Print;
use crate::control::tokens::revocation::mark::print;

/// The longest cursor.
const MAX_CURSOR: usize = 255;

/// A feed that was read.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Feed {
    pub(super) entries: Vec<(Print, u32)>,
    pub(super) cursor: Option<Box<str>>,
    /// The state that this is the difference from; nothing for a whole feed.
    since: Option<Box<str>>,
}

/// Why a text is no feed. The last good one stays.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum FeedFault {
    /// Not JSON of that form, not of that issuer, or a difference that was not asked for.
    Unusable,
    /// More entries than are held.
    TooMany,
}

impl FeedFault {
    /// The outcome that is counted.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unusable => "unusable",
            Self::TooMany => "too_many",
        }
    }
}

impl Feed {
    /// Reads the feed of `issuer`, of at most `max` entries. `after` is the state whose difference was asked for; a
    /// whole feed is always welcome.
    ///
    /// # Errors
    /// [`FeedFault`], which tells nothing of the entries.
    pub fn parse(text: &[u8], issuer: &str, max: usize, after: Option<&str>) -> Result<Self, FeedFault> {
        let mut feed = Reader { issuer, max, feed: Self::default(), over: false };
        let mut json = serde_json::Deserializer::from_slice(text);
        let read = json.deserialize_map(&mut feed).and_then(|()| json.end());
        let Reader { feed, over, .. } = feed;
        match read {
            _ if over => Err(FeedFault::TooMany),
            Ok(()) if feed.since.is_none() || feed.since.as_deref() == after => Ok(feed),
            _ => Err(FeedFault::Unusable),
        }
    }

    /// Whether it has all entries.
    pub fn is_whole(&self) -> bool {
        self.since.is_none()
    }
}

struct Reader<'i> {
    issuer: &'i str,
    max: usize,
    feed: Feed,
    over: bool,
}

/// The members, in the order of their bits.
const MEMBERS: [&str; 6] = ["iss", "jti", "sid", "sub", "cursor", "since"];
/// Those that must be there.
const REQUIRED: u8 = 0b00_1111;

impl<'de> Visitor<'de> for &mut Reader<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a revocation feed")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let mut seen = 0_u8;
        while let Some(name) = map.next_key::<String>()? {
            let known = (0_u8..).zip(MEMBERS).find(|(_, member)| *member == name);
            let (bit, _) = known.ok_or_else(|| A::Error::custom("a member that is not known"))?;
            let flag = 1_u8.wrapping_shl(bit.into());
            if seen & flag != 0 {
                return Err(A::Error::custom("a member twice"));
            }
            seen |= flag;
            match bit {
                0 if map.next_value::<String>()? != self.issuer => {
                    return Err(A::Error::custom("another issuer"));
                }
                0 => {}
                1 => map.next_value_seed(List(&mut *self, Kind::Jti))?,
                2 => map.next_value_seed(List(&mut *self, Kind::Sid))?,
                3 => map.next_value_seed(List(&mut *self, Kind::Sub))?,
                4 => self.feed.cursor = Some(cursor(map.next_value()?)?),
                _ => self.feed.since = Some(cursor(map.next_value()?)?),
            }
        }
        if seen & REQUIRED == REQUIRED { Ok(()) } else { Err(A::Error::custom("a member is missing")) }
    }
}

/// A state's name: it goes into a query as it is.
fn cursor<E: Error>(text: String) -> Result<Box<str>, E> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let fits = !text.is_empty() && text.len() <= MAX_CURSOR && text.bytes().all(plain);
    if fits { Ok(text.into()) } else { Err(E::custom("no cursor")) }
}

struct List<'r, 'i>(&'r mut Reader<'i>, Kind);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<(), D::Error> {
        reader.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(reader, kind) = self;
        loop {
            let (id, upto) = match kind {
                Kind::Jti | Kind::Sid => match list.next_element::<String>()? {
                    Some(id) => (id, u32::MAX),
                    None => return Ok(()),
                },
                Kind::Sub => match list.next_element::<Subject>()? {
                    Some(Subject { sub, issued_before }) => (sub, issued_before),
                    None => return Ok(()),
                },
            };
            if reader.feed.entries.len() >= reader.max {
                reader.over = true;
                return Err(A::Error::custom("too many entries"));
            }
            reader.feed.entries.push((print(kind, reader.issuer, &id), upto));
        }
    }
}

/// Whole seconds that fit 32 bits: what is above is in another unit.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    sub: String,
    issued_before: u32,
}
