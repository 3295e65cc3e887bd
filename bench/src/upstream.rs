//! An API that answers at once: `{}` to what is sent to it, and one of a few documents to who asks.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use anyhow::{Context, Result};

/// Documents by the path that is asked for.
pub(crate) type Documents = Vec<(String, String)>;

/// Serves on a free port for as long as this process lives.
pub(crate) fn start(documents: Documents) -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let documents = Arc::new(documents);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let documents = documents.clone();
            // An Envoy that ends takes its connections with it: that is no failure.
            thread::spawn(move || serve(stream, &documents));
        }
    });
    Ok(address)
}

fn serve(mut stream: TcpStream, documents: &Documents) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut bytes = Vec::new();
    let mut chunk = [0; 65_536];
    loop {
        let (path, length) = loop {
            if let Some(request) = whole(&bytes)? {
                break request;
            }
            let read = stream.read(&mut chunk)?;
            if read == 0 {
                return Ok(());
            }
            bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        };
        let document = documents.iter().find(|(known, _)| *known == path).map_or("{}", |(_, text)| text);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length";
        stream.write_all(format!("{head}: {}\r\n\r\n{document}", document.len()).as_bytes())?;
        bytes.drain(..length);
    }
}

/// The path and the length of the first request, once all of it is there.
fn whole(bytes: &[u8]) -> Result<Option<(String, usize)>> {
    let Some(end) = bytes.windows(4).position(|it| it == b"\r\n\r\n") else { return Ok(None) };
    let head = std::str::from_utf8(bytes.get(..end).unwrap_or_default())?.to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let length: usize = length.map_or(Ok(0), |it| it.trim().parse())?;
    let length = end.saturating_add(4).saturating_add(length);
    let path = head.split(' ').nth(1).context("a request without a path")?;
    Ok((bytes.len() >= length).then(|| (path.to_owned(), length)))
}
