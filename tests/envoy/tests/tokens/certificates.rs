//! Tokens that are bound to the certificate of the connection (RFC 8705), over a listener that asks clients for one.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_envoy::{Ca, Gate, Leaf, Protocol, Recorder, Request, Result, Version, policy, user_token};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

/// SHA-256 of the certificate's DER.
fn digest_of(leaf: &Leaf) -> Vec<u8> {
    let base64: String = leaf.cert_pem.lines().filter(|line| !line.starts_with("-----")).collect();
    digest(&SHA256, &STANDARD.decode(base64).unwrap()).as_ref().to_vec()
}

fn bound_to(leaf: &Leaf) -> Value {
    json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(digest_of(leaf)) })
}

#[test]
fn a_token_that_is_bound_to_a_certificate_serves_over_its_connections_alone() -> Result {
    let (authority, keys) = (Ca::new()?, Keys::generate()?);
    let (own, other) = (authority.leaf(&["phone-1"])?, authority.leaf(&["phone-2"])?);
    let strange = Ca::new()?.leaf(&["phone-1"])?;
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let mut user = user_token(&keys);
    user["dpop"] = json!("optional");
    let routes = format!(
        "tokens: {}\nroutes: [{{ name: me, match: {{ method: GET, path: /me }}, tokens: [user], access: authenticated }}]",
        json!({ "user": user })
    );
    let gate = Gate::before(upstream.address()).workers(2).asking_for_certificates(&authority.pem());
    let gate = gate.policy(policy("certificates", "enforce", &routes)).start()?;

    let token = |cnf: Value| Mint::new(&keys).claim("cnf", cnf).sign(Alg::Es256);
    let bound = token(bound_to(&own));
    let hex: String = digest_of(&own).iter().map(|byte| format!("{byte:02x}")).collect();
    let plain = Mint::new(&keys).sign(Alg::Es256);
    let short = token(json!({ "x5t#S256": URL_SAFE_NO_PAD.encode(&digest_of(&own)[..31]) }));
    let of_the_key = token(json!({ "x5t#S256": hex }));
    let sha1 = token(json!({ "x5t": "bnVsbA" }));
    let me = |token: &str| Request::get("/me").bearer(token);
    let told = me(&bound).header("x-forwarded-client-cert", format!("Hash={hex}"));
    let rows = [
        ("its own", Some(&own), me(&bound), 200),
        ("another of the same authority", Some(&other), me(&bound), 401),
        ("none", None, me(&bound), 401),
        ("its own again, remembered", Some(&own), me(&bound), 200),
        ("another, remembered", Some(&other), me(&bound), 401),
        ("none, but a header that tells of it", None, told.clone(), 401),
        ("another, and a header that tells of it", Some(&other), told, 401),
        ("a bearer's token", Some(&own), me(&plain), 200),
        ("a bearer's token without one", None, me(&plain), 200),
        ("a digest that is cut", Some(&own), me(&short), 401),
        ("a digest in hex", Some(&own), me(&of_the_key), 401),
        ("a digest by SHA-1", Some(&own), me(&sha1), 401),
    ];
    for protocol in Protocol::BOTH {
        for version in [Version::V1_2, Version::V1_3] {
            for (row, certificate, request, status) in &rows {
                let row = format!("{protocol:?} {version:?} {row}");
                let client = gate.client(protocol).only(version);
                let client = match certificate {
                    Some(leaf) => client.showing(leaf)?,
                    None => client,
                };
                let answer = client.send(request)?;
                let reason = if *status == 200 { None } else { Some("tokens.binding".to_owned()) };
                assert_eq!((answer.status, answer.reason()), (*status, reason), "{row}: {answer:?}");
            }
            let stranger = gate.client(protocol).only(version).showing(&strange)?;
            assert!(stranger.send(&me(&bound)).is_err(), "{protocol:?} {version:?}: of another authority");
        }
        let answer = gate.cleartext(protocol).send(&me(&bound))?;
        assert_eq!(answer.reason().as_deref(), Some("tokens.binding"), "{protocol:?}: without TLS");
    }
    let passed = rows.iter().filter(|row| row.3 == 200).count() * 4;
    assert_eq!(upstream.take().len(), passed);
    gate.unharmed()
}
