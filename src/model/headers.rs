//! The headers of a request or a response: one buffer, parsed in place. Names and values are bytes; a value that is
//! not UTF-8 is data like any other.

use std::ops::Range;

use crate::bytes;
use crate::bytes::mark;

/// What stands where one value may stand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Found<T> {
    /// Nothing.
    Missing,
    /// More than one, so that two readers could choose differently.
    Ambiguous,
    /// Just one.
    One(T),
}

impl<T> Found<T> {
    /// The one value, if there is just one.
    pub fn one(self) -> Option<T> {
        match self {
            Self::One(it) => Some(it),
            Self::Missing | Self::Ambiguous => None,
        }
    }

    /// The same with another value.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Found<U> {
        match self {
            Self::Missing => Found::Missing,
            Self::Ambiguous => Found::Ambiguous,
            Self::One(it) => Found::One(f(it)),
        }
    }
}

/// Whether this is a token of RFC 9110, section 5.6.2: a header's name, half of a media type.
pub fn is_token(text: &str) -> bool {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(token)
}

/// Header lines in the order received, pseudo-headers (`:path`) among them. Names are in lower case.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    bytes: Vec<u8>,
    lines: Vec<Line>,
    /// Dozens of names are looked for in each request, and most are not there.
    names: Marks,
}

/// Where a line stands.
#[derive(Clone, Debug)]
struct Line {
    /// Its name's [`mark`].
    mark: u32,
    name: Range<usize>,
    value: Range<usize>,
}

/// Which names may be in a set, by their marks: a false `yes` costs a look at the lines, a `no` is certain.
#[derive(Clone, Copy, Debug, Default)]
struct Marks(u64);

impl Marks {
    #[inline]
    fn of(mark: u32) -> Self {
        let mixed = (mark >> 16).wrapping_mul(7) ^ (mark >> 8 & 0xff).wrapping_mul(3) ^ mark;
        Self(1_u64.wrapping_shl(mixed & 63))
    }

    fn add(&mut self, mark: u32) {
        self.0 |= Self::of(mark).0;
    }

    #[inline]
    fn may_have(self, mark: u32) -> bool {
        self.0 & Self::of(mark).0 != 0
    }
}

/// Headers of which a host may have joined two lines into `a, b` before a filter sees them: a comma is a second value.
const JOINED: [&str; 3] = ["authorization", "content-type", "content-encoding"];

impl Headers {
    /// Whether a line stands under another spelling of `name` that some upstreams take for it: `x_account` for
    /// `x-account`.
    pub fn has_twin(&self, name: &str) -> bool {
        let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
        let same = |known: &[u8]| {
            known.len() == name.len() && known.iter().map(plain).eq(name.as_bytes().iter().map(plain))
        };
        name.contains(['-', '_']) && self.iter().any(|(known, _)| known != name.as_bytes() && same(known))
    }

    /// Reads the proxy-wasm ABI's serialised map: a count, that many pairs of lengths (all 32 bits, little endian),
    /// then each name and value with a NUL behind it. `None` where the lengths do not fit the bytes.
    pub fn from_abi(bytes: Vec<u8>) -> Option<Self> {
        if bytes.is_empty() {
            return Some(Self::default());
        }
        let (count, rest) = bytes.split_first_chunk::<4>()?;
        let count = usize::try_from(u32::from_le_bytes(*count)).ok()?;
        let (sizes, _) = rest.split_at_checked(count.checked_mul(8)?)?.0.as_chunks::<8>();
        let mut at = count.checked_mul(8)?.checked_add(4)?;
        // There are that many pairs of lengths: the buffer's own size bounds what is reserved.
        let mut lines = Vec::with_capacity(count);
        let mut names = Marks::default();
        for pair in sizes {
            let pair = u64::from_le_bytes(*pair);
            let (name, value) =
                (usize::try_from(pair & 0xffff_ffff).ok()?, usize::try_from(pair >> 32).ok()?);
            let name_end = at.checked_add(name)?;
            let value_start = name_end.checked_add(1)?;
            let value_end = value_start.checked_add(value)?;
            let mark = mark(bytes.get(at..value_end)?.get(..name)?);
            names.add(mark);
            lines.push(Line { mark, name: at..name_end, value: value_start..value_end });
            at = value_end.checked_add(1)?;
        }
        Some(Self { bytes, lines, names })
    }

    /// Headers from pairs; names are put in lower case.
    pub fn from_pairs<N: AsRef<[u8]>, V: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut headers = Self::default();
        for (name, value) in pairs {
            let start = headers.bytes.len();
            headers.bytes.extend(name.as_ref().iter().map(u8::to_ascii_lowercase));
            let middle = headers.bytes.len();
            let mark = mark(headers.bytes.get(start..).unwrap_or_default());
            headers.names.add(mark);
            headers.bytes.extend_from_slice(value.as_ref());
            headers.lines.push(Line { mark, name: start..middle, value: middle..headers.bytes.len() });
        }
        headers
    }

    /// All lines, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let line =
            |line: &Line| Some((self.bytes.get(line.name.clone())?, self.bytes.get(line.value.clone())?));
        self.lines.iter().filter_map(line)
    }

    /// All values of the header `name` (in lower case).
    pub fn all<'h>(&'h self, name: &str) -> impl Iterator<Item = &'h [u8]> {
        let mark = mark(name.as_bytes());
        let lines = if self.names.may_have(mark) { &*self.lines } else { &[] };
        let named = move |line: &&Line| {
            line.mark == mark
                && self.bytes.get(line.name.clone()).is_some_and(|known| bytes::same(known, name.as_bytes()))
        };
        lines.iter().filter(named).filter_map(|line| self.bytes.get(line.value.clone()))
    }

    /// The value of the header `name` (in lower case), where only one may stand.
    pub fn single(&self, name: &str) -> Found<&[u8]> {
        let mut values = self.all(name);
        match (values.next(), values.next()) {
            (None, _) => Found::Missing,
            (Some(_), Some(_)) => Found::Ambiguous,
            (Some(value), None) if JOINED.contains(&name) && bytes::has(value, b',') => Found::Ambiguous,
            (Some(value), None) => Found::One(value),
        }
    }

    /// Whether any line has this name (in lower case).
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}
