use super::*;
use crate::document::Node;
use crate::fault::Problems;

fn transport(text: &str) -> Transport {
    let problems = Problems::default();
    let node = Node::from_json(text.as_bytes(), &problems).unwrap();
    let transport = Transport::compile(&node, true, &problems).unwrap();
    assert!(problems.none(), "{:?}", problems.into_parts().0);
    transport
}

fn code(transport: &Transport, connection: Protection, headers: &[(&str, &str)]) -> &'static str {
    match transport.check(connection, &Headers::from_pairs(headers.iter().copied())) {
        Ok(_) => "passes",
        Err(refusal) => refusal.reason.code(),
    }
}

#[test]
fn refuses_cleartext_and_old_tls() {
    let rows = [
        (r#"{}"#, Protection::Cleartext, "transport.cleartext"),
        (r#"{}"#, Protection::Tls(TlsVersion::V1_1), "transport.tls_version"),
        (r#"{}"#, Protection::Tls(TlsVersion::V1_2), "passes"),
        (r#"{"min_tls": "1.3"}"#, Protection::Tls(TlsVersion::V1_2), "transport.tls_version"),
        (r#"{"min_tls": "1.3"}"#, Protection::Tls(TlsVersion::V1_3), "passes"),
        (r#"{}"#, Protection::UnknownTls, "transport.tls_version"),
        (r#"{"cleartext": "allow"}"#, Protection::Cleartext, "passes"),
    ];
    for (policy, connection, expected) in rows {
        assert_eq!(code(&transport(policy), connection, &[]), expected, "{policy} {connection:?}");
    }
}

#[test]
fn redirects_safe_requests_and_never_one_with_a_token() {
    let transport = transport(r#"{"cleartext": "redirect"}"#);
    let head = |method, more: &[(&'static str, &'static str)]| {
        let mut pairs =
            vec![(":method", method), (":authority", "api.shop.example:80"), (":path", "/v1/a?b=c")];
        pairs.extend_from_slice(more);
        Headers::from_pairs(pairs)
    };
    let refusal = transport.check(Protection::Cleartext, &head("GET", &[])).unwrap_err();
    assert_eq!(refusal.extra, Extra::Location("https://api.shop.example/v1/a?b=c".into()));
    for headers in
        [head("POST", &[]), head("GET", &[("authorization", "Bearer x")]), head("GET", &[("cookie", "a=b")])]
    {
        let refusal = transport.check(Protection::Cleartext, &headers).unwrap_err();
        assert_eq!(refusal.reason, Reason::TransportCleartext);
    }
}

#[test]
fn believes_the_forwarded_scheme_only_where_told() {
    let https = [("x-forwarded-proto", "https")];
    assert_eq!(code(&transport("{}"), Protection::Cleartext, &https), "transport.cleartext");
    let trusting = transport(r#"{"forwarded_proto": "trust"}"#);
    assert_eq!(code(&trusting, Protection::Cleartext, &https), "passes");
    let twice = [("x-forwarded-proto", "https"), ("x-forwarded-proto", "https")];
    assert_eq!(code(&trusting, Protection::Cleartext, &twice), "transport.cleartext");
}

#[test]
fn sends_hsts_over_tls_alone() {
    let transport = transport(r#"{"hsts": {"max_age": "365d", "include_subdomains": true}}"#);
    let none = Headers::default();
    let tls = Protection::Tls(TlsVersion::V1_3);
    assert_eq!(transport.hsts(tls, &none), Some("max-age=31536000; includeSubDomains"));
    assert_eq!(transport.hsts(Protection::Cleartext, &none), None);
}
