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

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let [major, minor, patch] = self.0;
        write!(f, "{major}.{minor}.{patch}")
    }
}
