//! Clients: one face for HTTP/1.1 and HTTP/2, and raw HTTP/1.1 for what no library would send.

mod h1;
mod h2;
mod tls;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpSocket;
use tokio::sync::Barrier;

use crate::certs::Leaf;
use crate::message::{Answer, Request};
use crate::runtime::{bounded, runtime};
pub use h1::Raw;
pub use tls::{Tls, Version};

/// The protocols that every row of a suite runs over.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protocol {
    /// HTTP/1.1.
    H1,
    /// HTTP/2; without TLS by prior knowledge.
    H2,
}

impl Protocol {
    /// Both, for loops.
    pub const BOTH: [Self; 2] = [Self::H1, Self::H2];
}

trait Socket: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Socket for T {}
type Stream = Box<dyn Socket>;

/// Where to send requests, and how. Every call gives up after a minute.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    from: Option<IpAddr>,
    tls: Option<Tls>,
    authority: String,
    protocol: Protocol,
}

impl Client {
    /// A client without TLS, whose `Host` is the address.
    #[must_use]
    pub fn new(address: SocketAddr, protocol: Protocol) -> Self {
        Self { address, from: None, tls: None, authority: address.to_string(), protocol }
    }

    /// The `Host` or `:authority` of requests that name none themselves.
    #[must_use]
    pub fn authority(mut self, authority: &str) -> Self {
        self.authority = authority.to_owned();
        self
    }

    /// Over TLS.
    #[must_use]
    pub fn tls(mut self, tls: Tls) -> Self {
        self.tls = Some(tls);
        self
    }

    /// Holds the TLS versions to one; nothing happens without TLS.
    #[must_use]
    pub fn only(mut self, version: Version) -> Self {
        self.tls = self.tls.map(|tls| tls.only(version));
        self
    }

    /// Shows this certificate to a server that asks for one; nothing happens without TLS.
    pub fn showing(mut self, leaf: &Leaf) -> Result<Self> {
        self.tls = self.tls.map(|tls| tls.showing(leaf)).transpose()?;
        Ok(self)
    }

    /// Comes from 127.0.0.`last`: another client to every limit on addresses.
    #[must_use]
    pub fn from_loopback(mut self, last: u8) -> Self {
        self.from = Some(Ipv4Addr::new(127, 0, 0, last).into());
        self
    }

    /// Sends one request on a connection of its own.
    pub fn send(&self, request: &Request) -> Result<Answer> {
        bounded("an answer", async { self.open().await?.exchange(request).await })
    }

    /// Sends all requests at one moment, each on a connection of its own that is open before; answers in their order.
    pub fn send_together(&self, requests: &[Request]) -> Result<Vec<Answer>> {
        let start = Arc::new(Barrier::new(requests.len()));
        let one = |request: &Request| {
            let (client, request, start) = (self.clone(), request.clone(), Arc::clone(&start));
            runtime().spawn(async move {
                let connection = client.open().await;
                start.wait().await;
                connection?.exchange(&request).await
            })
        };
        let under_way: Vec<_> = requests.iter().map(one).collect();
        bounded("answers", async {
            let mut answers = Vec::with_capacity(under_way.len());
            for answer in under_way {
                answers.push(answer.await??);
            }
            Ok(answers)
        })
    }

    /// Opens a connection for several requests, one after the other.
    pub fn connect(&self) -> Result<Connection> {
        bounded("a connection", self.open()).map(Connection)
    }

    /// Opens a connection for bytes of HTTP/1.1, whatever the client's protocol.
    pub fn connect_raw(&self) -> Result<Raw> {
        bounded("a connection", async { Ok(Raw::new(self.stream(Protocol::H1).await?)) })
    }

    async fn open(&self) -> Result<Open> {
        let stream = self.stream(self.protocol).await?;
        Ok(match self.protocol {
            Protocol::H1 => Open::H1 { raw: Raw::new(stream), authority: self.authority.clone() },
            Protocol::H2 => Open::H2(h2::Sender::new(stream, self.tls.is_some(), &self.authority).await?),
        })
    }

    async fn stream(&self, protocol: Protocol) -> Result<Stream> {
        let socket = if self.address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        if let Some(from) = self.from {
            socket.bind(SocketAddr::new(from, 0))?;
        }
        let stream =
            socket.connect(self.address).await.with_context(|| format!("connect to {}", self.address))?;
        stream.set_nodelay(true)?;
        Ok(match &self.tls {
            Some(tls) => Box::new(tls.connect(stream, protocol).await?),
            None => Box::new(stream),
        })
    }
}

/// An open connection.
pub struct Connection(Open);

impl Connection {
    /// Sends a request and waits for its answer. An error when the peer closed the connection before.
    pub fn send(&mut self, request: &Request) -> Result<Answer> {
        bounded("an answer", self.0.exchange(request))
    }
}

enum Open {
    H1 { raw: Raw, authority: String },
    H2(h2::Sender),
}

impl Open {
    async fn exchange(&mut self, request: &Request) -> Result<Answer> {
        match self {
            Self::H1 { raw, authority } => raw.exchange(request, authority).await,
            Self::H2(sender) => sender.exchange(request).await,
        }
    }
}
