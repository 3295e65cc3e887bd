//! A client that sends exactly the bytes it is given, one connection for each request.

use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use portcullis_shop::Shop;
use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde_json::Value;

/// An HTTP/1.1 answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) trailers: Vec<(String, String)>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A call without a body; `headers` are lines that end in CRLF.
pub(crate) fn call(to: SocketAddr, method: &str, target: &str, headers: &str) -> Answer {
    ask(
        to,
        format!("{method} {target} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\n{headers}\r\n").as_bytes(),
    )
}

pub(crate) fn get(to: SocketAddr, target: &str) -> Answer {
    call(to, "GET", target, "")
}

/// A call with a body and its length.
pub(crate) fn send(to: SocketAddr, method: &str, target: &str, body: &str) -> Answer {
    ask(to, with_body(method, target, body).as_bytes())
}

pub(crate) fn ask(to: SocketAddr, request: &[u8]) -> Answer {
    exchange(connect(to), request)
}

pub(crate) fn connect(to: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(to).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// A call to the identity provider over TLS, as a gateway makes it: its authority pinned, its name checked.
pub(crate) fn tls(shop: &Shop, method: &str, target: &str, headers: &str) -> Answer {
    let request =
        format!("{method} {target} HTTP/1.1\r\nhost: id.shop.example\r\nconnection: close\r\n{headers}\r\n");
    exchange(handshake(shop.idp, shop.ca.pem(), "id.shop.example"), request.as_bytes())
}

pub(crate) fn tls_send(shop: &Shop, target: &str, body: &str) -> Answer {
    let stream = handshake(shop.idp, shop.ca.pem(), "id.shop.example");
    exchange(stream, with_body("POST", target, body).as_bytes())
}

pub(crate) fn handshake(
    to: SocketAddr,
    ca_pem: &str,
    name: &str,
) -> StreamOwned<ClientConnection, TcpStream> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(ca_pem.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = name.to_owned().try_into().unwrap();
    StreamOwned::new(ClientConnection::new(Arc::new(config), name).unwrap(), connect(to))
}

fn with_body(method: &str, target: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "{method} {target} HTTP/1.1\r\nhost: shop\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
    )
}

fn exchange(mut stream: impl Read + Write, request: &[u8]) -> Answer {
    stream.write_all(request).unwrap();
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let (head, body) = cut(&all, b"\r\n\r\n").expect("an answer with a head");
    let head = str::from_utf8(head).unwrap();
    let (status_line, lines) = head.split_once("\r\n").unwrap_or((head, ""));
    let mut answer = Answer {
        status: status_line.split(' ').nth(1).unwrap().parse().unwrap(),
        headers: fields(lines),
        body: body.to_vec(),
        trailers: Vec::new(),
    };
    if answer.header("transfer-encoding") == Some("chunked") && !body.is_empty() {
        (answer.body, answer.trailers) = dechunk(body);
    }
    answer
}

fn dechunk(mut rest: &[u8]) -> (Vec<u8>, Vec<(String, String)>) {
    let mut body = Vec::new();
    loop {
        let (size, after) = cut(rest, b"\r\n").expect("a chunk");
        let size = usize::from_str_radix(str::from_utf8(size).unwrap(), 16).unwrap();
        if size == 0 {
            return (body, fields(str::from_utf8(after).unwrap()));
        }
        body.extend_from_slice(&after[..size]);
        rest = after[size..].strip_prefix(b"\r\n").expect("the end of a chunk");
    }
}

fn fields(lines: &str) -> Vec<(String, String)> {
    lines
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(n, v)| (n.to_lowercase(), v.into()))
        .collect()
}

fn cut<'b>(bytes: &'b [u8], at: &[u8]) -> Option<(&'b [u8], &'b [u8])> {
    let start = bytes.windows(at.len()).position(|window| window == at)?;
    bytes[start..].strip_prefix(at).map(|after| (&bytes[..start], after))
}
