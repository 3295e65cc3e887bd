//! The host as the engine sees it.

use std::hash::BuildHasher;
use std::hash::Hasher;
use std::hash::RandomState;

use crate::control::transport::Protection;
use crate::control::transport::TlsVersion;
use crate::engine::World;
use crate::filter::host;
use crate::model::shared::BucketKey;
use crate::model::shared::Buckets;
use crate::model::shared::Clash;
use crate::model::time::Nanos;

/// The host of this worker.
pub(crate) struct Host;

impl World for Host {
    fn now(&self) -> Nanos {
        host::now()
    }

    fn source_address(&self) -> Option<Vec<u8>> {
        host::property("source\0address").ok()
    }

    fn protection(&self) -> Protection {
        match host::property("connection\0tls_version") {
            Ok(version) if !version.is_empty() => {
                TlsVersion::parse(&version).map_or(Protection::UnknownTls, Protection::Tls)
            }
            _ => Protection::Cleartext,
        }
    }

    fn peer_certificate(&self) -> Option<[u8; 32]> {
        let hex = host::property("connection\0sha256_peer_certificate_digest").ok()?;
        let (pairs, []) = hex.as_chunks::<2>() else { return None };
        let byte = |pair: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        pairs.iter().map(byte).collect::<Option<Vec<u8>>>()?.try_into().ok()
    }

    fn jitter(&self) -> f64 {
        // Each hasher has keys of its own: random enough to spread clients, free of a host call.
        let [a, b, ..] = RandomState::new().build_hasher().finish().to_le_bytes();
        f64::from(u16::from_le_bytes([a, b])) / 65_536.0
    }
}

impl Buckets for Host {
    fn read(&self, key: impl BucketKey) -> Option<(Vec<u8>, u32)> {
        match host::shared(&key.text()) {
            Ok(found) => found,
            // No bucket is one byte long: what cannot be read counts as spent, never as fresh.
            Err(_) => Some((vec![0], u32::MAX)),
        }
    }

    fn swap(&self, key: impl BucketKey, value: &[u8], seen: Option<u32>) -> Result<(), Clash> {
        // An absent value takes any number but is no match for a value that came meanwhile; 0 would overwrite it.
        host::set_shared(&key.text(), value, seen.unwrap_or(u32::MAX)).map_err(|_| Clash)
    }
}
