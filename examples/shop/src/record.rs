//! A record of every request that reached the API, so that a test can tell what a gate let through.
//!
//! A request is in the record from the moment its head arrived, with [`Seen::complete`] false until its body ended: what a client
//! gave up half-way shows too. Header names are in lower case and lines of one name stand together, as the HTTP library
//! holds them; everything else is as it came. Bodies are not kept, only their length and digest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::Mutex;

use axum::body::Body;
use axum::extract::Request;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use bytes::BytesMut;
use http_body_util::BodyExt;
use ring::digest;
use serde_json::Value;
use serde_json::json;

use crate::reply;
use crate::sync::lock;

/// A body longer than this is refused: the shop keeps a request in memory while it answers.
const LARGEST_BODY: usize = 64 << 20;

/// One request.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Seen {
    /// The method of the request line.
    pub method: String,
    /// The target as it came: path and query, nothing decoded or merged.
    pub target: String,
    /// `:authority` or `host`, whichever came.
    pub authority: String,
    /// `HTTP/1.1` or `HTTP/2.0`.
    pub version: String,
    /// Names in lower case and values as bytes.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Bytes of the body that arrived.
    pub body_bytes: usize,
    /// SHA-256 of them, in lower-case hex.
    pub body_sha256: String,
    /// Names in lower case and values as bytes.
    pub trailers: Vec<(String, Vec<u8>)>,
    /// Whether the body ended as it should; false too while it is still on its way.
    pub complete: bool,
}

impl Seen {
    fn of(parts: &Parts) -> Self {
        let host =
            || parts.headers.get("host").map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
        Self {
            method: parts.method.as_str().into(),
            target: parts.uri.path_and_query().map_or_else(|| parts.uri.to_string(), ToString::to_string),
            authority: parts.uri.authority().map(ToString::to_string).or_else(host).unwrap_or_default(),
            version: format!("{:?}", parts.version),
            headers: lines(&parts.headers),
            body_sha256: sha256(b""),
            ..Self::default()
        }
    }

    /// All values of a header, in order; the name in lower case.
    pub fn header<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.headers.iter().filter(move |(n, _)| n == name).map(|(_, value)| value.as_slice())
    }

    /// As JSON. A value that is not UTF-8 is `{"name", "base64"}`, any other `{"name", "value"}`: nothing is lost.
    pub fn to_json(&self) -> Value {
        json!({
            "method": self.method,
            "target": self.target,
            "authority": self.authority,
            "version": self.version,
            "headers": lines_json(&self.headers),
            "body_bytes": self.body_bytes,
            "body_sha256": self.body_sha256,
            "trailers": lines_json(&self.trailers),
            "complete": self.complete,
        })
    }
}

/// The latest requests; clones share one record.
#[derive(Clone)]
pub(crate) struct Record {
    book: Arc<Mutex<Book>>,
    capacity: usize,
}

#[derive(Default)]
struct Book {
    /// Requests since the start, never reset: the number of the next one.
    total: u64,
    entries: VecDeque<(u64, Arc<Seen>)>,
}

impl Record {
    pub(crate) fn new(capacity: usize) -> Self {
        Self { book: Arc::default(), capacity }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        lock(&self.book).entries.iter().map(|(_, seen)| (**seen).clone()).collect()
    }

    pub(crate) fn total(&self) -> u64 {
        lock(&self.book).total
    }

    pub(crate) fn clear(&self) {
        lock(&self.book).entries.clear();
    }

    fn open(&self, seen: Arc<Seen>) -> u64 {
        let mut book = lock(&self.book);
        let number = book.total;
        book.total = number.saturating_add(1);
        book.entries.push_back((number, seen));
        while book.entries.len() > self.capacity {
            book.entries.pop_front();
        }
        number
    }

    /// Replaces an entry, unless it was cleared away or pushed out meanwhile.
    fn close(&self, number: u64, seen: Arc<Seen>) {
        let mut book = lock(&self.book);
        if let Ok(at) = book.entries.binary_search_by_key(&number, |(number, _)| *number)
            && let Some(entry) = book.entries.get_mut(at)
        {
            entry.1 = seen;
        }
    }
}

/// A body on its way in. Dropped early, when its connection is gone and nobody waits any more, it is written down as far as it came.
struct Reading {
    record: Record,
    number: u64,
    head: Option<Seen>,
    body: BytesMut,
    trailers: HeaderMap,
    complete: bool,
}

impl Reading {
    async fn read(&mut self, mut body: Body) -> Result<(), axum::Error> {
        while let Some(frame) = body.frame().await {
            match frame?.into_data() {
                Ok(data) if self.body.len().saturating_add(data.len()) > LARGEST_BODY => {
                    return Err(axum::Error::new("the body is too large"));
                }
                Ok(data) => self.body.extend_from_slice(&data),
                Err(frame) => self.trailers = frame.into_trailers().unwrap_or_default(),
            }
        }
        self.complete = true;
        Ok(())
    }

    /// Writes down what there is, once.
    fn finish(&mut self) -> Option<(Arc<Seen>, Bytes)> {
        let head = self.head.take()?;
        let body = std::mem::take(&mut self.body).freeze();
        let seen = Arc::new(Seen {
            body_bytes: body.len(),
            body_sha256: sha256(&body),
            trailers: lines(&self.trailers),
            complete: self.complete,
            ..head
        });
        self.record.close(self.number, Arc::clone(&seen));
        Some((seen, body))
    }
}

impl Drop for Reading {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Writes the request down, then hands it on with its whole body and, as an extension, what was written (`Arc<Seen>`).
pub(crate) async fn watch(State(record): State<Record>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let head = Seen::of(&parts);
    let number = record.open(Arc::new(head.clone()));
    let mut reading = Reading {
        record,
        number,
        head: Some(head),
        body: BytesMut::new(),
        trailers: HeaderMap::new(),
        complete: false,
    };
    let (Ok(()), Some((seen, body))) = (reading.read(body).await, reading.finish()) else {
        return reply::bad_request();
    };
    let mut request = Request::from_parts(parts, Body::from(body));
    request.extensions_mut().insert(seen);
    next.run(request).await
}

fn lines(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().into(), value.as_bytes().into())).collect()
}

fn lines_json(lines: &[(String, Vec<u8>)]) -> Value {
    let line = |(name, value): &(String, Vec<u8>)| match str::from_utf8(value) {
        Ok(value) => json!({ "name": name, "value": value }),
        Err(_) => json!({ "name": name, "base64": STANDARD.encode(value) }),
    };
    lines.iter().map(line).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
