//! The examples of RFC 9449, sections 4 to 7, and what a proof is compared with.

use proptest::prelude::*;

use super::*;
use crate::control::tokens::dpop::Wanted;
use crate::control::tokens::dpop::matches;
use crate::control::tokens::dpop::thumbprint;
use crate::control::tokens::form::decode;

/// Section 4.1: for the token endpoint, without a token.
const AT_TOKEN_ENDPOINT: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQy",
    "VVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiI",
    "tQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE",
    "2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg",
);

/// Section 7.1: for a resource, with the hash of the token.
const AT_RESOURCE: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQy",
    "VVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJ",
    "lMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsIml",
    "hdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOpt",
    "xRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA",
);

const TOKEN: &[u8] = b"Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

/// Section 6.1.
const JKT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

const ISSUED: u64 = 1_562_262_618;

fn resource(method: &str, host: &str, path: &str) -> Headers {
    Headers::from_pairs([(":method", method), (":authority", host), (":path", path)])
}

/// Judges the example of section 7.1, so many seconds after it was made.
fn judged(proof: &str, token: &[u8], jkt: &str, headers: &Headers, seconds: i64) -> Result<(), Reason> {
    let definition = merged(definition(&mint::jwks(&["es"])), &json!({}));
    let (definitions, ..) = compile(&json!({ "user": definition }), &[]);
    let store = InMemory::default();
    let mut replays = Replays::prepare(&definitions, &store, [9; 16]).unwrap();
    let wanted = Wanted {
        key: decode(jkt).unwrap().try_into().unwrap(),
        token,
        headers,
        in_cleartext: &|| false,
        now: Nanos(ISSUED.checked_add_signed(seconds).unwrap() * 1_000_000_000),
        max_age: std::time::Duration::from_secs(60),
        clock_skew: std::time::Duration::from_secs(30),
        host: HostVerifier::default(),
    };
    crate::control::tokens::dpop::check(proof.as_bytes(), &wanted, &mut replays, &store)
        .map_err(|refusal| refusal.reason)
}

#[test]
fn the_rfcs_proof_for_a_resource_passes_with_its_token_and_key_alone() {
    let good = resource("GET", "resource.example.org", "/protectedresource");
    let other = |at: usize| {
        let mut text = AT_RESOURCE.as_bytes().to_vec();
        text[at] = if text[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(text).unwrap()
    };
    let rows = [
        ("as it stands", judged(AT_RESOURCE, TOKEN, JKT, &good, 0), Ok(())),
        ("at the end of its time", judged(AT_RESOURCE, TOKEN, JKT, &good, 90), Ok(())),
        ("over", judged(AT_RESOURCE, TOKEN, JKT, &good, 91), Err(Reason::TokensProofTime)),
        ("within the skew", judged(AT_RESOURCE, TOKEN, JKT, &good, -30), Ok(())),
        ("of the future", judged(AT_RESOURCE, TOKEN, JKT, &good, -31), Err(Reason::TokensProofTime)),
        ("another token", judged(AT_RESOURCE, b"other", JKT, &good, 0), Err(Reason::TokensProofKey)),
        (
            "another key",
            judged(AT_RESOURCE, TOKEN, &JKT.replace("0Z", "1Z"), &good, 0),
            Err(Reason::TokensProofKey),
        ),
        (
            "another method",
            judged(
                AT_RESOURCE,
                TOKEN,
                JKT,
                &resource("POST", "resource.example.org", "/protectedresource"),
                0,
            ),
            Err(Reason::TokensProofTarget),
        ),
        (
            "another path",
            judged(AT_RESOURCE, TOKEN, JKT, &resource("GET", "resource.example.org", "/protected"), 0),
            Err(Reason::TokensProofTarget),
        ),
        (
            "another signature",
            judged(&other(AT_RESOURCE.len() - 20), TOKEN, JKT, &good, 0),
            Err(Reason::TokensProofInvalid),
        ),
        (
            "the one for the token endpoint",
            judged(AT_TOKEN_ENDPOINT, TOKEN, JKT, &resource("POST", "server.example.com", "/token"), -2),
            Err(Reason::TokensProofInvalid),
        ),
    ];
    for (row, outcome, wanted) in rows {
        assert_eq!(outcome, wanted, "{row}");
    }
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    let rows = [
        // RFC 9449, section 6.1.
        (
            json!({ "kty": "EC", "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA", "crv": "P-256", "kid": "left aside" }),
            Some(JKT),
        ),
        // RFC 7638, section 3.1.
        (
            json!({ "kty": "RSA", "alg": "RS256", "kid": "2011-04-29", "e": "AQAB", "n": concat!(
                "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMs",
                "tn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n",
                "91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw") }),
            Some("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"),
        ),
        // RFC 8037, appendix A.3.
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            Some("kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"),
        ),
        (json!({ "kty": "oct", "k": "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ" }), None),
        (json!({ "kty": "EC", "crv": "P-256", "x": "a" }), None),
        (json!({ "kty": "EC", "crv": "P-256", "x": "a\"b", "y": "c" }), None),
        (json!({ "kty": "EC", "crv": "P-256", "x": 1, "y": "c" }), None),
        (json!({}), None),
    ];
    for (jwk, wanted) in rows {
        let found = thumbprint(jwk.as_object().unwrap()).map(mint::base64);
        assert_eq!(found.as_deref(), wanted, "{jwk}");
    }
}

#[test]
fn an_address_matches_in_every_spelling_of_the_same_and_in_no_other() {
    let rows: [(&str, &str, &str, bool); 46] = [
        ("https://api.shop.example/a/b", "api.shop.example", "/a/b", true),
        ("https://api.shop.example/a/b", "api.shop.example", "/a/b?c=d", true),
        ("https://api.shop.example/a/b?x=y", "api.shop.example", "/a/b?c=d", true),
        ("https://api.shop.example/a/b#x", "api.shop.example", "/a/b", true),
        ("HTTPS://API.Shop.Example/a/b", "api.shop.example", "/a/b", true),
        ("https://api.shop.example/a/b", "API.SHOP.EXAMPLE", "/a/b", true),
        ("https://api.shop.example:443/a/b", "api.shop.example", "/a/b", true),
        ("https://api.shop.example:/a/b", "api.shop.example", "/a/b", true),
        ("https://api.shop.example/a/b", "api.shop.example:443", "/a/b", true),
        ("https://api.shop.example:8443/a/b", "api.shop.example:8443", "/a/b", true),
        ("https://api.shop.example./a/b", "api.shop.example", "/a/b", true),
        ("https://[2001:db8::1]/a", "[2001:db8::1]", "/a", true),
        ("https://[2001:db8::1]:443/a", "[2001:db8::1]", "/a", true),
        ("https://[2001:db8::1]:444/a", "[2001:db8::1]:444", "/a", true),
        ("https://api.shop.example", "api.shop.example", "/", true),
        ("https://api.shop.example?x", "api.shop.example", "/", true),
        ("https://api.shop.example/%61/b", "api.shop.example", "/a/b", true),
        ("https://api.shop.example/a/b", "api.shop.example", "/%61/b", true),
        ("https://api.shop.example/%c3%a9", "api.shop.example", "/%C3%A9", true),
        ("https://api.shop.example/a/./c/../b", "api.shop.example", "/a/b", true),
        ("https://api.shop.example/a/%2e%2E/b", "api.shop.example", "/b", true),
        ("https://api.shop.example/../a", "api.shop.example", "/a", true),
        ("https://api.shop.example/a/..", "api.shop.example", "/", true),
        ("https://api.shop.example/a/.", "api.shop.example", "/a/", true),
        ("https://api.shop.example/a/b", "api.shop.example", "/a/b/", false),
        ("https://api.shop.example/a/b/", "api.shop.example", "/a/b", false),
        ("https://api.shop.example//a/b", "api.shop.example", "/a/b", false),
        ("https://api.shop.example/a/B", "api.shop.example", "/a/b", false),
        ("https://api.shop.example/a%2Fb", "api.shop.example", "/a/b", false),
        ("https://api.shop.example/a%3Fb", "api.shop.example", "/a?b", false),
        ("https://api.shop.example/a%3Ab", "api.shop.example", "/a:b", false),
        ("https://api.shop.example/a%", "api.shop.example", "/a%", false),
        ("https://api.shop.example/a%zz", "api.shop.example", "/a%zz", false),
        ("https://api.shop.example/a", "evil.example", "/a", false),
        ("https://evil.example/a", "api.shop.example", "/a", false),
        ("https://api.shop.example@evil.example/a", "api.shop.example", "/a", false),
        ("https://evil.example@api.shop.example/a", "api.shop.example", "/a", false),
        ("https://api.shop.example:8443/a", "api.shop.example", "/a", false),
        ("https://api.shop.example/a", "api.shop.example:8443", "/a", false),
        ("https://api.shop.example:80/a", "api.shop.example", "/a", false),
        ("http://api.shop.example/a", "api.shop.example", "/a", false),
        ("ftp://api.shop.example/a", "api.shop.example", "/a", false),
        ("//api.shop.example/a", "api.shop.example", "/a", false),
        ("/a", "api.shop.example", "/a", false),
        ("", "api.shop.example", "/a", false),
        ("https:///a", "", "/a", false),
    ];
    for (htu, host, path, wanted) in rows {
        let headers = resource("GET", host, path);
        assert_eq!(matches(htu, &headers, &|| false), wanted, "{htu} for {host}{path}");
    }
    let headers = resource("GET", "api.shop.example", "/a");
    assert!(matches("http://api.shop.example/a", &headers, &|| true), "a client without TLS");
    assert!(matches("http://api.shop.example:80/a", &headers, &|| true));
    assert!(!matches("http://api.shop.example:443/a", &headers, &|| true), "the other scheme's port");
    assert!(matches("https://api.shop.example/a", &headers, &|| true), "somebody in front has ended TLS");
    assert!(!matches("https://api.shop.example/a", &Headers::default(), &|| false), "no head at all");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_address_panics(htu in "[ -~]{0,40}", host in "[ -~]{0,20}", path in "[ -~]{0,30}") {
        let headers = resource("GET", &host, &path);
        let _ = matches(&htu, &headers, &|| true);
        let _ = matches(&format!("https://{host}{path}"), &headers, &|| true);
    }

    /// Whatever is unreserved may be escaped or not, on either side.
    #[test]
    fn escapes_of_unreserved_bytes_change_nothing(path in "(/[a-z0-9._~-]{1,8}){1,3}", mask in any::<u32>()) {
        let escaped: String = path
            .bytes()
            .enumerate()
            .map(|(at, byte)| match byte != b'/' && mask >> (at % 32) & 1 == 1 {
                true => format!("%{byte:02x}"),
                false => char::from(byte).to_string(),
            })
            .collect();
        let [htu, plain] = [&escaped, &path].map(|path| format!("https://a.example{path}"));
        prop_assert!(matches(&htu, &resource("GET", "a.example", &path), &|| false));
        prop_assert!(matches(&plain, &resource("GET", "a.example", &escaped), &|| false));
    }

    #[test]
    fn proofs_of_arbitrary_bytes_never_pass(text in ".{0,200}", at in 0..400_usize, byte in any::<u8>()) {
        let good = resource("GET", "resource.example.org", "/protectedresource");
        prop_assert!(judged(&text, TOKEN, JKT, &good, 0).is_err());
        let mut other = AT_RESOURCE.as_bytes().to_vec();
        let before = std::mem::replace(&mut other[at], byte & 0x7f);
        let other = String::from_utf8(other).unwrap();
        prop_assert_eq!(judged(&other, TOKEN, JKT, &good, 0).is_ok(), before == byte & 0x7f);
    }
}

#[path = "../../../../tests/proofs/mod.rs"]
mod proofs;

/// Makes proofs with the keys of `mint`.
struct Smith;

impl proofs::Smith for Smith {
    fn jwk(&self, key: &str) -> Value {
        let mut jwk = mint::jwk(key);
        jwk.as_object_mut().unwrap().remove("kid");
        jwk.sort_all_objects();
        jwk
    }

    fn sign(&self, how: &str, input: &[u8]) -> Vec<u8> {
        let how = match how {
            "es" => "es256",
            "es-other" => "es256-other",
            "ed" => "eddsa",
            "rs" => "rs256",
            "hs-with-jwk" => "hs256-with-ec-jwk",
            how => how,
        };
        mint::sign(how, input)
    }

    fn token(&self, cnf: &Value) -> String {
        // `false` is a token that is bound to nothing.
        mint::es256_token(json!({ "cnf": if cnf == &json!(false) { &Value::Null } else { cnf } }))
    }

    fn hash(&self, bytes: &[u8]) -> Vec<u8> {
        hmac_sha256::Hash::hash(bytes).to_vec()
    }

    fn base64(&self, bytes: &[u8]) -> String {
        mint::base64(bytes)
    }
}

#[test]
fn every_proof_ends_as_its_row_says_whoever_verifies_it() {
    let mut wrong = Vec::new();
    for host in [HostVerifier::default(), HostVerifier::tested(super::host::able)] {
        // One worker for all rows: nothing that one leaves behind helps or harms another.
        let mut worker = Worker::of_user(&definition(&mint::jwks(&["es"])));
        worker.keys.host = host;
        for (index, row) in proofs::rows().iter().enumerate() {
            let lines = row.lines(&Smith, &format!("{host:?}-{index}"), i64::try_from(NOW).unwrap());
            let head = [(":method", &row.method), (":authority", &row.host), (":path", &row.path)];
            let sent: Vec<(&str, &[u8])> = head
                .into_iter()
                .chain(lines.iter().map(|(name, value)| (name.as_str(), value)))
                .map(|(name, value)| (name, value.as_bytes()))
                .collect();
            for wanted in std::iter::once(&row.expect).chain(&row.again) {
                let outcome = worker.judge(&sent, at(0)).map_err(|refusal| refusal.reason.code());
                if outcome.err().unwrap_or("pass") != wanted {
                    wrong.push(format!("{} ({host:?}): {outcome:?}, not {wanted}", row.name));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
