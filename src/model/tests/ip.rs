use crate::model::ip::ClientIp;

fn read(address: &str, forwarded: bool) -> Option<(String, String)> {
    let ip = ClientIp::from_connection(address.as_bytes(), forwarded)?;
    Some((ip.prefix().to_string(), ip.audit_prefix()))
}

#[test]
fn keys_see_a_whole_ipv4_and_the_64_of_an_ipv6() {
    for (address, key, audit) in [
        ("203.0.113.7:50000", "203.0.113.7", "203.0.113.0/24"),
        ("[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::", "2001:db8:1::/48"),
        ("[::ffff:203.0.113.7]:1", "203.0.113.7", "203.0.113.0/24"),
        ("[::1]:1", "::", "::/48"),
    ] {
        assert_eq!(read(address, false), Some((key.into(), audit.into())), "{address}");
    }
}

#[test]
fn an_address_that_the_host_took_from_a_header_counts_only_where_the_hops_are_vouched_for() {
    assert_eq!(read("203.0.113.7:0", false), None);
    assert_eq!(read("203.0.113.7:0", true).unwrap().0, "203.0.113.7");
    assert_eq!(read("203.0.113.7:1", true).unwrap().0, "203.0.113.7");
}

#[test]
fn what_is_no_address_with_a_port_is_missing() {
    for address in [
        "",
        "203.0.113.7",
        "203.0.113.7:99999",
        "::1:80",
        "/var/run/socket",
        "api.example:80",
        "203.0.113.07:1",
        " 203.0.113.7:1",
    ] {
        assert_eq!(read(address, true), None, "{address:?}");
    }
    assert!(ClientIp::from_connection(b"\xff\xfe", true).is_none());
}
