//! A certificate authority for a demo or a test, and the server certificates that it signs.
//!
//! **Does not** parse certificates: an authority that is read back from its directory is rebuilt from its key and from the
//! parameters below, which never change.

use std::fs;
use std::path::Path;
use std::time::Duration;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

use crate::Error;
use crate::clock;

const DAY: Duration = Duration::from_secs(86_400);

/// A certificate authority with a P-256 key.
pub struct Ca {
    issuer: Issuer<'static, KeyPair>,
    pem: String,
}

/// A server certificate and its key, both PEM.
#[derive(Clone)]
pub struct Leaf {
    /// The certificate, without the authority's.
    pub cert_pem: String,
    /// Its key, PKCS#8.
    pub key_pem: String,
}

impl Ca {
    /// A new authority, valid for ten years from yesterday.
    pub fn new() -> Result<Self, Error> {
        let key = KeyPair::generate()?;
        let mut params = ca_params();
        (params.not_before, params.not_after) = validity(3650);
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { issuer: Issuer::new(params, key), pem })
    }

    /// The authority of a directory (`ca.pem`, `ca.key`); a new one is made and written where there is none.
    ///
    /// A gateway that pinned `ca.pem` keeps trusting the shop after the shop was started again.
    pub fn open(dir: &Path) -> Result<Self, Error> {
        let (cert, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        if cert.exists() && key.exists() {
            let issuer = Issuer::new(ca_params(), KeyPair::from_pem(&read(&key)?)?);
            return Ok(Self { issuer, pem: read(&cert)? });
        }
        let ca = Self::new()?;
        fs::create_dir_all(dir).map_err(|source| Error::File { path: dir.into(), source })?;
        write_private(&key, &ca.issuer.key().serialize_pem())?;
        write(&cert, &ca.pem)?;
        Ok(ca)
    }

    /// The authority's certificate, PEM: what a client pins.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A server certificate for DNS names and IP addresses, valid for a year from yesterday.
    pub fn leaf(&self, names: &[impl AsRef<str>]) -> Result<Leaf, Error> {
        let names: Vec<String> = names.iter().map(|name| name.as_ref().into()).collect();
        let mut params = CertificateParams::new(names)?;
        (params.not_before, params.not_after) = validity(365);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.distinguished_name.push(DnType::CommonName, "shop");
        let key = KeyPair::generate()?;
        let cert = params.signed_by(&key, &self.issuer)?;
        Ok(Leaf { cert_pem: cert.pem(), key_pem: key.serialize_pem() })
    }
}

impl Leaf {
    /// Writes `NAME.pem` and `NAME.key` into a directory that exists.
    pub fn write(&self, dir: &Path, name: &str) -> Result<(), Error> {
        write_private(&dir.join(format!("{name}.key")), &self.key_pem)?;
        write(&dir.join(format!("{name}.pem")), &self.cert_pem)
    }

    /// A TLS 1.2 and 1.3 server with this certificate that speaks HTTP/2 and HTTP/1.1.
    pub(crate) fn server(&self) -> Result<rustls::ServerConfig, Error> {
        let unreadable = |_| rustls::Error::General("not PEM".into());
        let cert = CertificateDer::from_pem_slice(self.cert_pem.as_bytes()).map_err(unreadable)?;
        let key = PrivateKeyDer::from_pem_slice(self.key_pem.as_bytes()).map_err(unreadable)?;
        // Named, because a process in which another crate installs a default would get that one.
        let provider = rustls::crypto::ring::default_provider();
        let mut server = rustls::ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)?;
        server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(server)
    }
}

fn ca_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "shop development CA");
    params
}

/// From yesterday, so that a clock that is a little behind agrees, for so many days.
fn validity<T: From<std::time::SystemTime>>(days: u32) -> (T, T) {
    let now = clock::now();
    let from = now.checked_sub(DAY).unwrap_or(now);
    let to = now.checked_add(DAY.saturating_mul(days)).unwrap_or(now);
    (from.into(), to.into())
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })
}

fn write(path: &Path, text: &str) -> Result<(), Error> {
    fs::write(path, text).map_err(|source| Error::File { path: path.into(), source })
}

/// Writes a key that only its owner may read.
fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(|source| Error::File { path: path.into(), source })
}
