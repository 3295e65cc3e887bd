//! Reading HTTP/1.1 messages off a socket, keeping the bytes as they came.

use anyhow::{Context, Result, bail};
use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::message::Headers;

/// More than any test sends in a head; a peer that goes on is broken.
const HEAD_MAX: usize = 1 << 20;
const HEADERS_MAX: usize = 1024;

/// How a message says where its body ends (RFC 9112, section 6.3).
pub(crate) enum Framing {
    None,
    Length(usize),
    Chunked,
    UntilEnd,
}

impl Framing {
    /// What the headers say; `otherwise` when they say nothing.
    pub(crate) fn of(headers: &Headers, otherwise: Self) -> Result<Self> {
        if headers.get("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Ok(Self::Chunked);
        }
        match headers.get("content-length") {
            Some(length) => Ok(Self::Length(length.parse().context("content-length")?)),
            None => Ok(otherwise),
        }
    }
}

/// A body as it was on the wire, and what it says.
#[derive(Default)]
pub(crate) struct Body {
    pub(crate) wire: Vec<u8>,
    pub(crate) content: Vec<u8>,
    pub(crate) trailers: Headers,
}

/// A stream that is read message by message.
pub(crate) struct Wire<R> {
    stream: R,
    held: BytesMut,
}

impl<R: AsyncRead + Unpin> Wire<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, held: BytesMut::new() }
    }

    /// Everything up to and with the empty line; nothing when the peer closed before a first byte.
    pub(crate) async fn head(&mut self) -> Result<Option<Vec<u8>>> {
        loop {
            if let Some(at) = find(&self.held, b"\r\n\r\n") {
                return Ok(Some(self.take(at.saturating_add(4))));
            }
            if self.held.len() > HEAD_MAX {
                bail!("a head of more than {HEAD_MAX} bytes");
            }
            if !self.more().await? {
                return if self.held.is_empty() { Ok(None) } else { self.cut_off("a head") };
            }
        }
    }

    pub(crate) async fn body(&mut self, framing: Framing) -> Result<Body> {
        match framing {
            Framing::None => Ok(Body::default()),
            Framing::Length(length) => {
                let wire = self.exactly(length).await?;
                Ok(Body { content: wire.clone(), wire, ..Body::default() })
            }
            Framing::Chunked => self.chunks().await,
            Framing::UntilEnd => {
                while self.more().await? {}
                let wire = self.take(self.held.len());
                Ok(Body { content: wire.clone(), wire, ..Body::default() })
            }
        }
    }

    /// Whether the peer has closed, with nothing left unread.
    pub(crate) async fn ended(&mut self) -> Result<bool> {
        Ok(self.held.is_empty() && !self.more().await?)
    }

    async fn chunks(&mut self) -> Result<Body> {
        let mut body = Body::default();
        loop {
            let line = self.line().await?;
            body.wire.extend_from_slice(&line);
            let text = String::from_utf8_lossy(&line);
            let digits = text.split([';', '\r']).next().unwrap_or_default();
            let size =
                usize::from_str_radix(digits.trim(), 16).with_context(|| format!("chunk size {text:?}"))?;
            if size == 0 {
                break;
            }
            let chunk = self.exactly(size).await?;
            body.content.extend_from_slice(&chunk);
            body.wire.extend_from_slice(&chunk);
            body.wire.extend_from_slice(&self.exactly(2).await?);
        }
        let mut trailers = Vec::new();
        loop {
            let line = self.line().await?;
            trailers.extend_from_slice(&line);
            if line == b"\r\n" {
                break;
            }
        }
        body.trailers = parse_headers(&trailers)?;
        body.wire.append(&mut trailers);
        Ok(body)
    }

    async fn line(&mut self) -> Result<Vec<u8>> {
        loop {
            if let Some(at) = find(&self.held, b"\r\n") {
                return Ok(self.take(at.saturating_add(2)));
            }
            if !self.more().await? {
                return self.cut_off("a line");
            }
        }
    }

    pub(crate) async fn exactly(&mut self, count: usize) -> Result<Vec<u8>> {
        while self.held.len() < count {
            if !self.more().await? {
                return self.cut_off("a body");
            }
        }
        Ok(self.take(count))
    }

    async fn more(&mut self) -> Result<bool> {
        Ok(self.stream.read_buf(&mut self.held).await? > 0)
    }

    fn take(&mut self, count: usize) -> Vec<u8> {
        self.held.split_to(count).to_vec()
    }

    fn cut_off<T>(&self, what: &str) -> Result<T> {
        bail!("the peer closed within {what}, after {:?}", self.held.escape_ascii().to_string())
    }
}

/// The status and headers of an answer's head.
pub(crate) fn parse_answer(head: &[u8]) -> Result<(u16, Headers)> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut answer = httparse::Response::new(&mut lines);
    answer.parse(head)?;
    Ok((answer.code.context("a status")?, owned(answer.headers)))
}

/// The method, target and headers of a request's head.
pub(crate) fn parse_request(head: &[u8]) -> Result<(String, String, Headers)> {
    let mut lines = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut request = httparse::Request::new(&mut lines);
    request.parse(head)?;
    let method = request.method.context("a method")?.to_owned();
    Ok((method, request.path.context("a path")?.to_owned(), owned(request.headers)))
}

fn parse_headers(lines: &[u8]) -> Result<Headers> {
    let mut parsed = [httparse::EMPTY_HEADER; HEADERS_MAX];
    match httparse::parse_headers(lines, &mut parsed)? {
        httparse::Status::Complete((_, headers)) => Ok(owned(headers)),
        httparse::Status::Partial => bail!("trailers without an end"),
    }
}

fn owned(headers: &[httparse::Header<'_>]) -> Headers {
    Headers(headers.iter().map(|header| (header.name.as_bytes().to_vec(), header.value.to_vec())).collect())
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}
