//! Certificates made on the spot, good for one run.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};

/// A certificate authority of its own.
pub struct Ca(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both PEM.
pub struct Leaf {
    /// The certificate alone: the authority signs without intermediates.
    pub cert_pem: String,
    /// PKCS #8.
    pub key_pem: String,
}

impl Ca {
    /// A fresh authority.
    pub fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "edge of this run");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// A server's certificate for these names; text that is an IP address becomes one.
    pub fn leaf(&self, names: &[&str]) -> Result<Leaf> {
        let mut params =
            CertificateParams::new(names.iter().map(|&name| name.to_owned()).collect::<Vec<_>>())?;
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Leaf { cert_pem: params.signed_by(&key, &self.0)?.pem(), key_pem: key.serialize_pem() })
    }

    /// The authority's own certificate, PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.0.pem()
    }
}
