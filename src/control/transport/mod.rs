//! # Transport: no call in cleartext
//! **Refuses** a request that came without TLS (`transport.cleartext`, 403), or over an older TLS than the policy's
//! (`transport.tls_version`, 403). With `cleartext: redirect` a safe request without credentials is sent to HTTPS
//! (`transport.redirect`, 308): one that carried a token has already leaked it, and must fail where the developer sees it.
//! **Needs** the connection's TLS version, and `x-forwarded-proto` where the policy trusts the hop in front.
//! **Does not** choose ciphers: the listener does.

mod raw;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// The compiled `transport` of a policy.
#[derive(Clone, Debug)]
pub struct Transport {
    cleartext: Cleartext,
    min_tls: TlsVersion,
    trust_forwarded_proto: bool,
    hsts: Option<Box<str>>,
}

/// What becomes of a request in cleartext.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Cleartext {
    Reject,
    Redirect,
    Allow,
}

/// Versions of TLS, oldest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum TlsVersion {
    /// TLS 1.0
    V1_0,
    /// TLS 1.1
    V1_1,
    /// TLS 1.2
    V1_2,
    /// TLS 1.3
    V1_3,
}

impl TlsVersion {
    /// Reads the host's name for it (`TLSv1.2`); `None` for anything else.
    pub fn parse(name: &[u8]) -> Option<Self> {
        match name {
            b"TLSv1" | b"TLSv1.0" => Some(Self::V1_0),
            b"TLSv1.1" => Some(Self::V1_1),
            b"TLSv1.2" => Some(Self::V1_2),
            b"TLSv1.3" => Some(Self::V1_3),
            _ => None,
        }
    }
}

/// How the connection to the client is protected, as the host shows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// No TLS.
    Cleartext,
    /// TLS of this version.
    Tls(TlsVersion),
    /// TLS, of a version that has no name here.
    UnknownTls,
}

/// Proof that the channel is as the policy demands.
#[derive(Debug)]
pub struct Channel(());

impl Transport {
    /// Judges the connection.
    ///
    /// # Errors
    /// `transport.cleartext`, `transport.redirect` or `transport.tls_version`.
    pub fn check(&self, connection: Protection, headers: &Headers) -> Result<Channel, Refusal> {
        match connection {
            Protection::Tls(version) if version >= self.min_tls => Ok(Channel(())),
            Protection::Tls(_) | Protection::UnknownTls => Err(Reason::TransportTls.into()),
            Protection::Cleartext if self.forwarded_as_https(headers) => Ok(Channel(())),
            Protection::Cleartext => match self.cleartext {
                Cleartext::Allow => Ok(Channel(())),
                Cleartext::Reject => Err(Reason::TransportCleartext.into()),
                Cleartext::Redirect => Err(redirect(headers)),
            },
        }
    }

    /// The value of `strict-transport-security` for an answer over a protected connection (RFC 6797, section 7.2:
    /// never in cleartext).
    pub fn hsts(&self, connection: Protection, headers: &Headers) -> Option<&str> {
        self.hsts.as_deref().filter(|_| !self.is_cleartext(connection, headers))
    }

    /// Whether the client came without TLS, as far as the policy lets anybody say so.
    pub fn is_cleartext(&self, connection: Protection, headers: &Headers) -> bool {
        connection == Protection::Cleartext && !self.forwarded_as_https(headers)
    }

    fn forwarded_as_https(&self, headers: &Headers) -> bool {
        self.trust_forwarded_proto && headers.single("x-forwarded-proto") == Found::One(b"https")
    }
}

fn redirect(headers: &Headers) -> Refusal {
    let safe = matches!(headers.single(":method"), Found::One(b"GET" | b"HEAD"));
    let text = |name| headers.single(name).one().and_then(|it: &[u8]| std::str::from_utf8(it).ok());
    let target = text(":path")
        .filter(|path| path.starts_with('/') && path.bytes().all(|byte| byte.is_ascii_graphic()));
    let host = text(":authority").and_then(|it| crate::model::host::Host::parse(it.as_bytes()));
    match (host, target) {
        (Some(host), Some(path)) if safe && !headers.has("authorization") && !headers.has("cookie") => {
            Refusal::new(Reason::TransportRedirect)
                .with(Extra::Location(format!("https://{}{path}", host.as_str())))
        }
        _ => Reason::TransportCleartext.into(),
    }
}

/// The value of `strict-transport-security`.
fn hsts_value(max_age: Duration, include_subdomains: bool, preload: bool) -> Box<str> {
    let mut value = format!("max-age={}", max_age.as_secs());
    if include_subdomains {
        value.push_str("; includeSubDomains");
    }
    if preload {
        value.push_str("; preload");
    }
    value.into()
}
