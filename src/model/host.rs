//! The host that a request is for.

use std::str::FromStr;

use crate::document::cut;
use crate::fault::Fault;

/// A host in lower case, without port and final dot. Compared as a whole.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Host(Box<str>);

impl Host {
    /// Reads `:authority` or `Host`; `None` where it is empty or holds a byte that no host has (user information,
    /// a list, a path).
    pub fn parse(authority: &[u8]) -> Option<Self> {
        Self::read(authority).map(|host| Self(host.to_ascii_lowercase().into()))
    }

    /// The same as it stands there, in any case, for whoever only compares it with [`Self::is`].
    pub fn read(authority: &[u8]) -> Option<&str> {
        let text = std::str::from_utf8(authority).ok()?;
        let (host, port) = match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((inside, rest)) => {
                let literal =
                    inside.bytes().all(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'));
                (
                    text.get(..inside.len().saturating_add(2)).filter(|_| literal)?,
                    rest.strip_prefix(':').or(rest.is_empty().then_some(""))?,
                )
            }
            None => text.split_once(':').unwrap_or((text, "")),
        };
        let host = host.strip_suffix('.').unwrap_or(host);
        let named = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let labelled = host.bytes().all(named)
            && !host.starts_with('.')
            && !host.ends_with('.')
            && !host.as_bytes().windows(2).any(|pair| pair == b"..");
        let fits = host.starts_with('[') || labelled;
        let port_fits = port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
        let length_fits = !host.is_empty() && host.len() <= 255;
        (fits && port_fits && length_fits).then_some(host)
    }

    /// Whether it is this host, as [`Self::read`] answers it.
    pub fn is(&self, host: &str) -> bool {
        self.0.eq_ignore_ascii_case(host)
    }

    /// The host's text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Host {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        Self::parse(text.as_bytes()).filter(|_| !text.contains(':') || text.starts_with('[')).ok_or_else(
            || Fault::Malformed {
                what: "host",
                found: cut(text),
                expected: "write a name such as api.shop.example, without scheme, port or wildcard",
            },
        )
    }
}
