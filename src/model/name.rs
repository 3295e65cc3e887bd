//! Names that a policy's author gives.

use std::borrow::Borrow;
use std::fmt;
use std::rc::Rc;
use std::str::FromStr;

use crate::document::Printable;
use crate::fault::Fault;

/// 1 to 64 bytes of `a-z`, `0-9`, `.`, `-`: fit for a log line or a metric label as it is.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Name(Rc<str>);

impl Name {
    /// Stands in for the name of a document that lacks one, and is refused for that.
    pub fn unnamed() -> Self {
        Self("unnamed".into())
    }

    /// The name's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let allowed = |byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
        match text.len() {
            1..=64 if text.bytes().all(allowed) => Ok(Self(text.into())),
            _ => Err(Fault::Malformed {
                what: "name",
                found: crate::document::cut(text),
                expected: "write 1 to 64 of a-z 0-9 . -",
            }),
        }
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Printable(&self.0).fmt(f)
    }
}
