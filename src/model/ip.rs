//! The client's address.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;

/// A client's address; IPv4 in IPv6 is its IPv4.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ClientIp(IpAddr);

impl ClientIp {
    /// Reads the host's `ip:port`. Port 0 is how Envoy shows an address that it took from a header: `None` unless
    /// `forwarded` says that the policy's author vouches for the hops in front.
    pub fn from_connection(address: &[u8], forwarded: bool) -> Option<Self> {
        let address: SocketAddr = std::str::from_utf8(address).ok()?.parse().ok()?;
        (forwarded || address.port() != 0).then(|| Self(address.ip().to_canonical()))
    }

    /// The address as a limit's key and a percentage see it: IPv4 whole, IPv6 cut to its /64.
    pub fn prefix(self) -> IpAddr {
        match self.0 {
            IpAddr::V4(_) => self.0,
            IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 64))),
        }
    }

    /// The address as audit events show it: IPv4 to /24, IPv6 to /48.
    pub fn audit_prefix(self) -> String {
        match self.0 {
            IpAddr::V4(ip) => {
                let [a, b, c, _] = ip.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            IpAddr::V6(ip) => format!("{}/48", Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << 80))),
        }
    }
}
