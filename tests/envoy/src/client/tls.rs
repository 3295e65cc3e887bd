//! TLS towards a server of the test run.

use std::sync::Arc;

use anyhow::{Context, Result};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};

use super::Protocol;
use crate::certs::Leaf;

/// A version of TLS that a client may hold itself to.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Version {
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Whom to trust, and for which name.
#[derive(Clone)]
pub struct Tls {
    roots: Arc<RootCertStore>,
    name: String,
    versions: Vec<&'static SupportedProtocolVersion>,
    /// The client's own certificate and its key.
    shows: Option<(CertificateDer<'static>, Arc<PrivateKeyDer<'static>>)>,
}

impl Tls {
    /// Trusts the certificates of `authority` (PEM) for `name`, which is also the server name asked for.
    pub fn new(authority: &str, name: &str) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(authority.as_bytes()).context("a PEM certificate")?)?;
        Ok(Self {
            roots: Arc::new(roots),
            name: name.to_owned(),
            versions: vec![&TLS13, &TLS12],
            shows: None,
        })
    }

    /// Offers this version and no other.
    #[must_use]
    pub fn only(mut self, version: Version) -> Self {
        self.versions = match version {
            Version::V1_2 => vec![&TLS12],
            Version::V1_3 => vec![&TLS13],
        };
        self
    }

    /// Shows this certificate to a server that asks for one.
    pub(super) fn showing(mut self, leaf: &Leaf) -> Result<Self> {
        let certificate =
            CertificateDer::from_pem_slice(leaf.cert_pem.as_bytes()).context("a certificate")?;
        let key = PrivateKeyDer::from_pem_slice(leaf.key_pem.as_bytes()).context("a private key")?;
        self.shows = Some((certificate, Arc::new(key)));
        Ok(self)
    }

    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        protocol: Protocol,
    ) -> Result<TlsStream<TcpStream>> {
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_protocol_versions(&self.versions)?
            .with_root_certificates(Arc::clone(&self.roots));
        let mut config = match &self.shows {
            Some((certificate, key)) => {
                config.with_client_auth_cert(vec![certificate.clone()], key.clone_key())?
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = match protocol {
            Protocol::H1 => vec![b"http/1.1".to_vec()],
            Protocol::H2 => vec![b"h2".to_vec()],
        };
        let name = ServerName::try_from(self.name.clone()).context("a server name")?;
        TlsConnector::from(Arc::new(config)).connect(name, stream).await.context("TLS handshake")
    }
}
