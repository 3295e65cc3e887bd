//! Why the shop could not start.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// What stands in the way of a start. Nothing here can be caused by a request.
#[derive(Debug)]
#[non_exhaustive]
pub enum Error {
    /// An address is taken or is not ours.
    Bind {
        /// The address that was asked for.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The runtime or its thread could not be started.
    Runtime(io::Error),
    /// A file of the certificate directory could not be read or written.
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A certificate or a key could not be made or read.
    Certificate(rcgen::Error),
    /// The certificate does not serve for TLS.
    Tls(rustls::Error),
    /// A token key was rejected.
    Key(ring::error::KeyRejected),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bind { address, source } => write!(f, "cannot listen on `{address}`: {source}"),
            Self::Runtime(source) => write!(f, "cannot start the runtime: {source}"),
            Self::File { path, source } => write!(f, "cannot use `{}`: {source}", path.display()),
            Self::Certificate(source) => write!(f, "cannot make or read a certificate: {source}"),
            Self::Tls(source) => write!(f, "the certificate does not serve: {source}"),
            Self::Key(source) => write!(f, "a token key was rejected: {source}"),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Bind { source, .. } | Self::Runtime(source) | Self::File { source, .. } => Some(source),
            Self::Certificate(source) => Some(source),
            Self::Tls(source) => Some(source),
            Self::Key(source) => Some(source),
        }
    }
}

impl From<rcgen::Error> for Error {
    fn from(source: rcgen::Error) -> Self {
        Self::Certificate(source)
    }
}

impl From<rustls::Error> for Error {
    fn from(source: rustls::Error) -> Self {
        Self::Tls(source)
    }
}

impl From<ring::error::KeyRejected> for Error {
    fn from(source: ring::error::KeyRejected) -> Self {
        Self::Key(source)
    }
}
