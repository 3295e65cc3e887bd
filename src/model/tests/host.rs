use proptest::prelude::*;

use super::message;
use crate::model::host::Host;

fn parsed(authority: &str) -> Option<String> {
    Host::parse(authority.as_bytes()).map(|host| host.as_str().to_owned())
}

#[test]
fn a_host_is_compared_without_case_port_and_final_dot() {
    for (authority, wanted) in [
        ("api.shop.example", "api.shop.example"),
        ("API.Shop.Example", "api.shop.example"),
        ("api.shop.example.", "api.shop.example"),
        ("api.shop.example:443", "api.shop.example"),
        ("api.shop.example.:65535", "api.shop.example"),
        ("api.shop.example:", "api.shop.example"),
        ("localhost", "localhost"),
        ("192.0.2.1:80", "192.0.2.1"),
        ("[2001:DB8::1]", "[2001:db8::1]"),
        ("[2001:db8::1]:443", "[2001:db8::1]"),
        ("a_b.example", "a_b.example"),
    ] {
        assert_eq!(parsed(authority).as_deref(), Some(wanted), "{authority}");
    }
}

#[test]
fn what_is_more_or_less_than_a_host_is_none() {
    for authority in [
        "",
        ".",
        ":443",
        "user@host",
        "host/path",
        "host?x",
        "a b",
        "a,b",
        "host:port",
        "host:123456",
        "a:1:2",
        "[::1",
        "[::1]x",
        "[::1]x:1",
        "[zz]",
        "ü.example",
        "a\tb",
        "host\0",
        "*.example",
    ] {
        assert_eq!(parsed(authority), None, "{authority:?}");
    }
    assert_eq!(Host::parse(b"\xff"), None);
    assert_eq!(parsed(&"a".repeat(256)), None);
    assert!(parsed(&"a".repeat(255)).is_some());
}

#[test]
fn a_policy_names_a_host_without_its_port() {
    assert_eq!("API.example".parse::<Host>().unwrap().as_str(), "api.example");
    assert_eq!("[::1]".parse::<Host>().unwrap().as_str(), "[::1]");
    for text in ["api.example:443", "https://api.example", "*.example", ""] {
        let wanted = format!(
            "`{text}` is no host; write a name such as api.shop.example, without scheme, port or wildcard"
        );
        assert_eq!(message(text.parse::<Host>()), wanted);
    }
}

proptest! {
    #[test]
    fn a_host_that_was_read_reads_as_itself(authority in any::<Vec<u8>>()) {
        if let Some(host) = Host::parse(&authority) {
            let again = Host::parse(host.as_str().as_bytes());
            prop_assert_eq!(again, Some(host));
        }
    }

    #[test]
    fn one_host_in_any_writing_is_one(name in "[a-z0-9]{1,9}(\\.[a-z0-9-]{1,9}){0,3}", port in any::<u16>()) {
        let plain = Host::parse(name.as_bytes());
        prop_assert!(plain.is_some());
        prop_assert_eq!(&Host::parse(format!("{}.:{port}", name.to_uppercase()).as_bytes()), &plain);
    }
}
