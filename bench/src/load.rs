//! A closed loop over HTTP/1.1 with connections that stay open: a request on each, then an answer from each.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};

/// How long one answer may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Connections to one listener.
pub(crate) struct Load {
    streams: Vec<TcpStream>,
    buffer: Vec<u8>,
}

impl Load {
    pub(crate) fn new(address: SocketAddr, connections: usize) -> Result<Self> {
        let open = || -> Result<TcpStream> {
            let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            stream.set_write_timeout(Some(PATIENCE))?;
            Ok(stream)
        };
        let streams = (0..connections).map(|_| open()).collect::<Result<_>>()?;
        Ok(Self { streams, buffer: Vec::new() })
    }

    /// Sends each request and reads its answer; how many had a status that is not expected.
    pub(crate) fn run(&mut self, requests: &[&[u8]], status: u16) -> Result<usize> {
        let mut others = 0_usize;
        for group in requests.chunks(self.streams.len()) {
            for (stream, request) in self.streams.iter_mut().zip(group) {
                stream.write_all(request)?;
            }
            for (stream, _) in self.streams.iter_mut().zip(group) {
                if answer(stream, &mut self.buffer)? != status {
                    others = others.saturating_add(1);
                }
            }
        }
        Ok(others)
    }

    /// Like [`Self::run`], for rows in which every answer must have this status.
    pub(crate) fn run_all(&mut self, requests: &[&[u8]], status: u16) -> Result<()> {
        let others = self.run(requests, status)?;
        let last = String::from_utf8_lossy(&self.buffer);
        ensure!(
            others == 0,
            "{others} of {} answers are not {status}; the last one:\n{last}",
            requests.len()
        );
        Ok(())
    }
}

/// Reads one answer to its end.
fn answer(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Result<u16> {
    buffer.clear();
    let mut chunk = [0; 65_536];
    loop {
        let read = stream.read(&mut chunk).context("no answer")?;
        ensure!(read > 0, "the connection was closed after: {}", String::from_utf8_lossy(buffer));
        buffer.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if let Some(status) = whole(buffer)? {
            return Ok(status);
        }
    }
}

/// The status, once all of the answer is there.
fn whole(bytes: &[u8]) -> Result<Option<u16>> {
    let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
    let (head, body) = bytes.split_at_checked(end.saturating_add(4)).context("an answer")?;
    let head = std::str::from_utf8(head)?.to_ascii_lowercase();
    let status = head.get(9..12).and_then(|it| it.parse().ok()).context("an answer without a status")?;
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let done = match length {
        Some(length) => body.len() >= length.trim().parse()?,
        None if head.contains("transfer-encoding: chunked") => body.ends_with(b"0\r\n\r\n"),
        None => bail!("an answer of no known length: {head}"),
    };
    Ok(done.then_some(status))
}
