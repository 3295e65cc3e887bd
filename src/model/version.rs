//! Versions of the app.

use std::str::FromStr;

use crate::document::cut;
use crate::fault::Fault;

/// An app's version: its first three numbers. Missing ones are 0; what follows a space, `+` or `(` is ignored.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Version([u32; 3]);

impl Version {
    /// Reads `5.10`, `5.1.0 (1234)`, `5.1.0+build`; `None` where a part is no number, and for more than 64 bytes.
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > 64 {
            return None;
        }
        let numbers = text.split([' ', '+', '(']).next()?;
        let mut version = [0; 3];
        for (index, part) in numbers.split('.').enumerate() {
            let digits = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            let number: u32 = part.parse().ok().filter(|_| digits)?;
            if let Some(slot) = version.get_mut(index) {
                *slot = number;
            }
        }
        Some(Self(version))
    }
}

impl FromStr for Version {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::parse(text).ok_or_else(|| Fault::Malformed {
            what: "version",
            found: cut(text),
            expected: "write numbers with dots, such as \"5.1.0\"",
        })
    }
}

/// Versions from one on, below another, or between: `>=5.2.0`, `<6`, `>=5.2.0 <6`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Versions {
    from: Version,
    below: Option<Version>,
}

impl Versions {
    /// Whether this version is one of them.
    pub fn contains(&self, version: Version) -> bool {
        self.from <= version && self.below.is_none_or(|below| version < below)
    }

    /// Whether some version is one of both.
    pub fn meets(&self, other: &Self) -> bool {
        let ends_first = |one: &Self, other: &Self| one.below.is_some_and(|below| below <= other.from);
        !ends_first(self, other) && !ends_first(other, self)
    }
}

impl FromStr for Versions {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let malformed = || Fault::Malformed {
            what: "range of versions",
            found: cut(text),
            expected: "write \">=5.2.0\", \"<6\", or both with a space between",
        };
        let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
        let version = |text: &str| Version::parse(text).filter(|_| plain(text)).ok_or_else(malformed);
        let mut range = Self { from: Version([0; 3]), below: None };
        let mut words = text.split(' ');
        let mut word = words.next().unwrap_or_default();
        if let Some(from) = word.strip_prefix(">=") {
            range.from = version(from)?;
            match words.next() {
                Some(next) => word = next,
                None => return Ok(range),
            }
        }
        let below = version(word.strip_prefix('<').ok_or_else(malformed)?)?;
        if words.next().is_some() || below <= range.from {
            return Err(malformed());
        }
        Ok(Self { below: Some(below), ..range })
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}
