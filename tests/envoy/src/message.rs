//! What is sent and what comes back, the same for both protocols. Names and values are bytes: a test must be able to send
//! what is not text.

use std::fmt;

use anyhow::{Context, Result};
use serde_json::Value;

/// Header or trailer lines in the order in which they are on the wire. Names are matched without regard to case.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Headers(pub Vec<(Vec<u8>, Vec<u8>)>);

impl Headers {
    /// Every value sent under this name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let named = move |(key, _): &&(Vec<u8>, Vec<u8>)| key.eq_ignore_ascii_case(name.as_bytes());
        self.0.iter().filter(named).map(|(_, value)| value.as_slice())
    }

    /// The first value under this name, as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<String> {
        self.all(name).next().map(|value| String::from_utf8_lossy(value).into_owned())
    }

    /// Whether anything was sent under this name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    pub(crate) fn push(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.0.push((name.as_ref().to_vec(), value.as_ref().to_vec()));
    }

    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        for (name, value) in &self.0 {
            out.extend_from_slice(&[name.as_slice(), b": ", value.as_slice(), b"\r\n"].concat());
        }
    }
}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(name, value)| line(name, value))).finish()
    }
}

fn line(name: &[u8], value: &[u8]) -> String {
    format!("{}: {}", name.escape_ascii(), value.escape_ascii())
}

/// A request. Over HTTP/1.1 a body of one chunk is sent with `content-length`, one of several or with trailers in chunks,
/// and none without either; a framing header among `headers` is taken as it is and nothing is added.
#[derive(Clone, Debug)]
pub struct Request {
    /// Any method, also one that does not exist.
    pub method: String,
    /// The request target: path and query.
    pub path: Vec<u8>,
    /// `Host`, or `:authority`; the client's own when absent.
    pub authority: Option<String>,
    /// Sent as they are, in this order; over HTTP/2 in lower case.
    pub headers: Headers,
    /// Each is written and flushed by itself.
    pub body: Vec<Vec<u8>>,
    /// Sent after the body.
    pub trailers: Headers,
}

impl Request {
    /// A request without headers and body.
    pub fn new(method: &str, path: impl AsRef<[u8]>) -> Self {
        Self {
            method: method.to_owned(),
            path: path.as_ref().to_vec(),
            authority: None,
            headers: Headers::default(),
            body: Vec::new(),
            trailers: Headers::default(),
        }
    }

    /// `GET`.
    pub fn get(path: impl AsRef<[u8]>) -> Self {
        Self::new("GET", path)
    }

    /// `POST` of a JSON value, with its `content-type`.
    pub fn post_json(path: impl AsRef<[u8]>, body: &Value) -> Self {
        Self::new("POST", path).header("content-type", "application/json").chunk(body.to_string())
    }

    /// Another `Host` or `:authority` than the client's.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// One more header line.
    #[must_use]
    pub fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.push(name, value);
        self
    }

    /// `authorization: Bearer TOKEN`.
    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", format!("Bearer {token}"))
    }

    /// One more chunk of the body.
    #[must_use]
    pub fn chunk(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.body.push(bytes.as_ref().to_vec());
        self
    }

    /// One more trailer line.
    #[must_use]
    pub fn trailer(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.trailers.push(name, value);
        self
    }
}

/// A whole answer.
#[derive(Clone, Eq, PartialEq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// As they came.
    pub headers: Headers,
    /// Without its framing.
    pub body: Vec<u8>,
    /// What came after the body.
    pub trailers: Headers,
}

impl Answer {
    /// The first value of a header, as text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<String> {
        self.headers.get(name)
    }

    /// The body as text; bytes that are not UTF-8 are replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body).with_context(|| format!("not JSON: {}", self.text()))
    }

    /// The `reason` of a refusal (RFC 9457 problem), if this is one.
    #[must_use]
    pub fn reason(&self) -> Option<String> {
        let problem =
            self.header("content-type").is_some_and(|kind| kind.starts_with("application/problem+json"));
        let body = problem.then(|| self.json().ok()).flatten()?;
        body.get("reason")?.as_str().map(ToOwned::to_owned)
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer")
            .field("status", &self.status)
            .field("headers", &self.headers)
            .field("body", &self.text())
            .field("trailers", &self.trailers)
            .finish()
    }
}
