//! What a shop is started with.

use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::certs::Ca;
use crate::mint;

/// How to start a shop. The default serves tests: loopback, free ports, an authority made on the spot.
pub struct Config {
    /// Where the API listens, cleartext.
    pub api: SocketAddr,
    /// Where the identity provider listens, TLS.
    pub idp: SocketAddr,
    /// Where the control port listens, cleartext.
    pub control: SocketAddr,
    /// `iss` of the tokens.
    pub issuer: String,
    /// `aud` of the tokens.
    pub audience: String,
    /// How long access tokens live, in whole seconds.
    pub lifetime: Duration,
    /// Where the authority and the server certificate come from.
    pub certificates: Certificates,
    /// DNS names and addresses in the server certificate.
    pub names: Vec<String>,
    /// How many of the latest requests the record holds.
    pub remembered: usize,
    /// Threads that serve.
    pub workers: usize,
}

/// Where an authority comes from.
#[derive(Default)]
pub enum Certificates {
    /// Made for this run.
    #[default]
    Fresh,
    /// Given.
    Of(Arc<Ca>),
    /// Read from the directory, or made and written there; the server certificate is written beside it.
    In(PathBuf),
}

impl Default for Config {
    fn default() -> Self {
        let free = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let names = ["api.shop.example", "id.shop.example", "localhost", "shop", "127.0.0.1", "::1"];
        Self {
            api: free,
            idp: free,
            control: free,
            issuer: mint::ISSUER.into(),
            audience: mint::AUDIENCE.into(),
            lifetime: Duration::from_secs(mint::LIFETIME),
            certificates: Certificates::Fresh,
            names: names.map(String::from).into(),
            remembered: 10_000,
            workers: 2,
        }
    }
}
