//! HTTP/1.1 by hand: what goes out is exactly what was given.

use std::io;

use anyhow::{Context, Result, bail};
use tokio::io::{AsyncWriteExt, ReadHalf, WriteHalf};

use super::Stream;
use crate::message::{Answer, Headers, Request};
use crate::runtime::bounded;
use crate::wire::{Framing, Wire, parse_answer};

/// An open connection for bytes. Every call gives up after a minute.
pub struct Raw {
    reader: Wire<ReadHalf<Stream>>,
    writer: WriteHalf<Stream>,
}

impl Raw {
    pub(super) fn new(stream: Stream) -> Self {
        let (reader, writer) = tokio::io::split(stream);
        Self { reader: Wire::new(reader), writer }
    }

    /// Sends these bytes and nothing else.
    pub fn write(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        bounded("writing", async { Ok(write(&mut self.writer, bytes.as_ref()).await?) })
    }

    /// Reads the next answer; `1xx` are passed over. An error when the peer closes instead.
    pub fn answer(&mut self) -> Result<Answer> {
        bounded("an answer", answer(&mut self.reader, false))
    }

    /// Reads the next answer to a `HEAD`, which has no body whatever its headers say.
    pub fn answer_to_head(&mut self) -> Result<Answer> {
        bounded("an answer", answer(&mut self.reader, true))
    }

    /// Reads the status of the next answer, `1xx` too, and leaves its body where it is.
    pub fn status(&mut self) -> Result<u16> {
        bounded("the head of an answer", async {
            let head = self.reader.head().await?.context("the peer closed without an answer")?;
            Ok(parse_answer(&head)?.0)
        })
    }

    /// Reads so many bytes of whatever comes, and leaves the rest.
    pub fn read(&mut self, count: usize) -> Result<Vec<u8>> {
        bounded("bytes", self.reader.exactly(count))
    }

    /// Waits until the peer closes; an error when it sends more, or does not within a minute.
    pub fn closed(&mut self) -> Result<()> {
        bounded("the end of the connection", async {
            match self.reader.ended().await {
                Ok(false) => bail!("more bytes instead of the end"),
                // A peer that has not read everything we sent closes with a reset.
                Ok(true) | Err(_) => Ok(()),
            }
        })
    }

    pub(super) async fn exchange(&mut self, request: &Request, authority: &str) -> Result<Answer> {
        let head = request.method == "HEAD";
        let Self { reader, writer } = self;
        // Both at once: a server may answer, and close, before it has read the whole request.
        let sending = async {
            for piece in pieces(request, authority) {
                write(writer, &piece).await?;
            }
            Ok::<_, io::Error>(())
        };
        let answering = answer(reader, head);
        tokio::pin!(sending, answering);
        tokio::select! {
            biased;
            answer = &mut answering => answer,
            sent = &mut sending => match answering.await {
                Err(error) => match sent {
                    Ok(()) => Err(error),
                    Err(fault) => Err(error.context(format!("and sending failed: {fault}"))),
                },
                answer => answer,
            },
        }
    }
}

/// The request as it is written: the head, then each chunk of the body.
fn pieces(request: &Request, authority: &str) -> Vec<Vec<u8>> {
    let framed = request.headers.has("content-length") || request.headers.has("transfer-encoding");
    let chunked = !framed && (request.body.len() > 1 || !request.trailers.0.is_empty());
    let mut extra = Headers::default();
    if !request.headers.has("host") || request.authority.is_some() {
        extra.push("host", request.authority.as_deref().unwrap_or(authority));
    }
    match request.body.as_slice() {
        _ if chunked => extra.push("transfer-encoding", "chunked"),
        [only] if !framed => extra.push("content-length", only.len().to_string()),
        _ => {}
    }

    let mut head = [request.method.as_bytes(), b" ", &request.path, b" HTTP/1.1\r\n"].concat();
    extra.write_to(&mut head);
    request.headers.write_to(&mut head);
    head.extend_from_slice(b"\r\n");

    let mut pieces = vec![head];
    for chunk in &request.body {
        pieces.push(match chunked {
            true => [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat(),
            false => chunk.clone(),
        });
    }
    if chunked {
        let mut end = b"0\r\n".to_vec();
        request.trailers.write_to(&mut end);
        end.extend_from_slice(b"\r\n");
        pieces.push(end);
    }
    pieces
}

async fn write(writer: &mut WriteHalf<Stream>, bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

async fn answer(reader: &mut Wire<ReadHalf<Stream>>, to_head: bool) -> Result<Answer> {
    loop {
        let head = reader.head().await?.context("the peer closed without an answer")?;
        let (status, headers) = parse_answer(&head)?;
        let framing = match status {
            101 => Framing::None,
            100..200 => continue,
            204 | 304 => Framing::None,
            _ if to_head => Framing::None,
            _ => Framing::of(&headers, Framing::UntilEnd)?,
        };
        let body = reader.body(framing).await?;
        return Ok(Answer { status, headers, body: body.content, trailers: body.trailers });
    }
}
