//! The one small notation that names a value wherever one is needed: limit keys, owners, forwards, the app version.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use serde_json::Value;

use crate::document::cut;
use crate::fault::Fault;
use crate::model::headers::is_token;
use crate::model::name::Name;
use crate::model::pointer::Pointer;

/// Words that stand before a `.` or `:` or alone, so that no token may be called by them.
pub const RESERVED: [&str; 10] =
    ["ip", "path", "query", "header", "body", "response", "route", "method", "host", "client"];

/// Where a value comes from: `user.sub|ip` has two of them, and the first that is present counts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ValueRef {
    text: Box<str>,
    sources: Box<[Source]>,
}

/// One place that a value can come from.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Source {
    /// `ip`: the client's address, IPv6 cut to /64.
    Ip,
    /// `path.NAME`: a path parameter, decoded once.
    Path(Box<str>),
    /// `query.NAME`: a query parameter, decoded once.
    Query(Box<str>),
    /// `header.NAME`, in lower case.
    Header(Box<str>),
    /// `TOKEN.CLAIM` or `TOKEN:/pointer`: a claim of a verified token.
    Claim(ClaimRef),
    /// `body:/pointer` of the request.
    Body(Pointer),
    /// `response:/pointer`.
    Response(Pointer),
    /// `route`: the matched route's name.
    Route,
    /// `method`.
    Method,
    /// `host`.
    Host,
    /// `client.version`.
    Version,
    /// `client.platform`.
    Platform,
}

/// A claim of one of the policy's tokens.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ClaimRef {
    /// The token definition's index in the policy.
    pub token: usize,
    /// The claim's place.
    pub claim: Pointer,
}

/// What was seen at a [`Source`].
#[derive(Clone, Debug, PartialEq)]
pub enum Seen<'a> {
    /// Nothing.
    Missing,
    /// More than one.
    Ambiguous,
    /// Text off the wire: perhaps not UTF-8.
    Bytes(Cow<'a, [u8]>),
    /// A JSON value: a claim, or a place in a body. Never `null`, which counts as absent.
    Json(&'a Value),
    /// What stands at every element of a list in a body: at least one.
    Each(Vec<&'a Value>),
    /// An address, cut as keys see it.
    Ip(IpAddr),
}

/// Whoever can look at a request for values.
pub trait Sight {
    /// What stands at `source`.
    fn see(&self, source: &Source) -> Seen<'_>;
}

impl ValueRef {
    /// Reads the notation; `tokens` are the policy's token definitions, by index.
    ///
    /// # Errors
    /// [`Fault::Malformed`] for what is not in the notation, [`Fault::Dangling`] for an unknown token.
    pub fn parse(text: &str, tokens: &[Name]) -> Result<Self, Fault> {
        let sources = text.split('|').map(|one| Source::parse(one, tokens)).collect::<Result<_, _>>()?;
        Ok(Self { text: text.into(), sources })
    }

    /// Its alternatives, left to right.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The claims among its alternatives.
    pub fn claims(&self) -> impl Iterator<Item = &ClaimRef> {
        self.sources.iter().filter_map(|source| match source {
            Source::Claim(claim) => Some(claim),
            _ => None,
        })
    }

    /// Whether any alternative stands in a body, the request's or the answer's.
    pub fn needs_body(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Body(_) | Source::Response(_)))
    }

    /// The same for the request's alone.
    pub fn needs_request_body(&self) -> bool {
        self.sources.iter().any(|source| matches!(source, Source::Body(_)))
    }

    /// The first alternative that is there. One that is ambiguous ends the search: the next is no substitute.
    pub fn read<'s>(&self, sight: &'s impl Sight) -> Seen<'s> {
        self.find(sight).map_or(Seen::Missing, |(_, seen)| seen)
    }

    /// The same with the source at which it stood; none where all are missing.
    pub fn find<'s>(&self, sight: &'s impl Sight) -> Option<(&Source, Seen<'s>)> {
        self.sources.iter().map(|source| (source, sight.see(source))).find(|(_, seen)| *seen != Seen::Missing)
    }
}

impl Source {
    fn parse(text: &str, tokens: &[Name]) -> Result<Self, Fault> {
        match text {
            "ip" => return Ok(Self::Ip),
            "route" => return Ok(Self::Route),
            "method" => return Ok(Self::Method),
            "host" => return Ok(Self::Host),
            "client.version" => return Ok(Self::Version),
            "client.platform" => return Ok(Self::Platform),
            _ => {}
        }
        let malformed = || Fault::Malformed {
            what: "value",
            found: cut(text),
            expected: "write ip, path.NAME, query.NAME, header.NAME, TOKEN.CLAIM, TOKEN:/pointer, body:/pointer, \
                       response:/pointer, route, method, host, client.version or client.platform",
        };
        let end = text.find(['.', ':']).ok_or_else(malformed)?;
        let (first, rest) = text.split_at_checked(end).ok_or_else(malformed)?;
        if let Some(pointer) = rest.strip_prefix(':') {
            let pointer: Pointer = pointer.parse()?;
            return match first {
                "body" => Ok(Self::Body(pointer)),
                "response" => Ok(Self::Response(pointer)),
                token => Ok(Self::Claim(ClaimRef { token: token_named(token, tokens)?, claim: pointer })),
            };
        }
        let name = rest.get(1..).filter(|name| !name.is_empty()).ok_or_else(malformed)?;
        match first {
            "path" => Ok(Self::Path(name.into())),
            "query" => Ok(Self::Query(name.into())),
            "header" => header_name(name).map(Self::Header),
            _ => {
                let token = token_named(first, tokens)?;
                Ok(Self::Claim(ClaimRef { token, claim: claim_name(name)? }))
            }
        }
    }
}

/// A header's name in lower case, a token of RFC 9110, section 5.6.2.
///
/// # Errors
/// [`Fault::Malformed`] for anything else, pseudo-headers among it.
pub fn header_name(name: &str) -> Result<Box<str>, Fault> {
    if name.len() > 128 || !is_token(name) {
        return Err(Fault::Malformed {
            what: "header name",
            found: cut(name),
            expected: "such as x-app-version",
        });
    }
    Ok(name.to_ascii_lowercase().into())
}

/// A claim by its simple name, of `A-Z a-z 0-9 _ -`, or by a JSON Pointer.
///
/// # Errors
/// [`Fault::Malformed`] for a name with other characters.
pub fn claim_name(text: &str) -> Result<Pointer, Fault> {
    if text.starts_with('/') {
        return text.parse();
    }
    let simple = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    if !text.is_empty() && text.bytes().all(simple) {
        return Ok(Pointer::member(text));
    }
    Err(Fault::Malformed {
        what: "claim",
        found: cut(text),
        expected: "write a name of A-Z a-z 0-9 _ -, and every other claim as a pointer: user:/https:~1~1example~1role",
    })
}

fn token_named(name: &str, tokens: &[Name]) -> Result<usize, Fault> {
    tokens
        .iter()
        .position(|known| known.as_str() == name)
        .ok_or_else(|| Fault::dangling("token", name, tokens.iter().map(Name::as_str)))
}

impl fmt::Display for ValueRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
