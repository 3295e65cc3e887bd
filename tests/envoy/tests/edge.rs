//! What the sample's listeners refuse and accept before any filter is asked.
#![cfg(test)]

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use portcullis_envoy::{Ca, Gate, Protocol, Recorder, Request, Result, Version, module, validate};

fn stage() -> Result<(Recorder, Gate)> {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address()).start()?;
    Ok((upstream, gate))
}

/// A TLS 1.2 hello with this version and this cipher suite; an old client sends no more.
fn hello(version: [u8; 2], suite: [u8; 2]) -> Vec<u8> {
    // supported_groups: P-256; ec_point_formats: uncompressed; signature_algorithms: ECDSA with SHA-256, and SHA-1.
    let extensions = [0, 10, 0, 4, 0, 2, 0, 23, 0, 11, 0, 2, 1, 0, 0, 13, 0, 6, 0, 4, 4, 3, 2, 3].as_slice();
    let body = [&version, [7; 32].as_slice(), &[0], &[0, 2], &suite, &[1, 0], &[0, 24], extensions].concat();
    let handshake = [&[1, 0, 0, length(&body)], body.as_slice()].concat();
    [&[22, 3, 1, 0, length(&handshake)], handshake.as_slice()].concat()
}

fn length(bytes: &[u8]) -> u8 {
    u8::try_from(bytes.len()).unwrap()
}

/// The type of the first record in the answer, with an alert's description: 22 is a handshake, 21 an alert.
fn first_record(gate: &Gate, hello: &[u8]) -> Result<(u8, Option<u8>)> {
    let mut stream = TcpStream::connect(gate.https_address())?;
    stream.write_all(hello)?;
    let mut record = [0; 7];
    stream.read_exact(&mut record)?;
    Ok((record[0], (record[0] == 21).then_some(record[6])))
}

#[test]
fn refuses_tls_below_1_2_and_ciphers_without_forward_secrecy() -> Result {
    const ECDHE_AES128_GCM: [u8; 2] = [0xc0, 0x2b];
    const ECDHE_AES128_CBC: [u8; 2] = [0xc0, 0x09];
    const RSA_AES128_GCM: [u8; 2] = [0x00, 0x9c];
    const PROTOCOL_VERSION: u8 = 70;
    const HANDSHAKE_FAILURE: u8 = 40;
    let (_upstream, gate) = stage()?;
    for (row, version, suite, want) in [
        ("TLS 1.0", [3, 1], ECDHE_AES128_CBC, (21, Some(PROTOCOL_VERSION))),
        ("TLS 1.1", [3, 2], ECDHE_AES128_CBC, (21, Some(PROTOCOL_VERSION))),
        ("TLS 1.2 with CBC", [3, 3], ECDHE_AES128_CBC, (21, Some(HANDSHAKE_FAILURE))),
        ("TLS 1.2 without forward secrecy", [3, 3], RSA_AES128_GCM, (21, Some(HANDSHAKE_FAILURE))),
        ("TLS 1.2", [3, 3], ECDHE_AES128_GCM, (22, None)),
    ] {
        assert_eq!(first_record(&gate, &hello(version, suite))?, want, "{row}");
    }
    Ok(())
}

#[test]
fn serves_tls_1_2_and_1_3_over_both_protocols_and_cleartext() -> Result {
    let (_upstream, gate) = stage()?;
    for protocol in Protocol::BOTH {
        for version in [Version::V1_2, Version::V1_3] {
            let answer = gate.client(protocol).only(version).send(&Request::get("/"))?;
            assert_eq!(answer.status, 200, "{protocol:?} {version:?}");
        }
        assert_eq!(gate.cleartext(protocol).send(&Request::get("/"))?.status, 200, "{protocol:?}");
    }
    Ok(())
}

#[test]
fn gives_a_path_one_spelling_or_refuses_it() -> Result {
    let (upstream, gate) = stage()?;
    for protocol in Protocol::BOTH {
        for (path, want) in [
            ("/v1/users/42", Some("/v1/users/42")),
            ("/v1//users/./7/../42", Some("/v1/users/42")),
            ("/v1/%75sers/42", Some("/v1/users/42")),
            ("/v1/users%2f42", None),
            ("/v1/users%5C42", None),
        ] {
            let answer = gate.client(protocol).send(&Request::get(path))?;
            let seen: Vec<_> = upstream.take().into_iter().map(|seen| seen.path).collect();
            assert_eq!(seen, Vec::from_iter(want), "{protocol:?} {path}");
            assert_eq!(answer.status, if want.is_some() { 200 } else { 400 }, "{protocol:?} {path}");
        }
    }
    Ok(())
}

#[test]
fn refuses_header_names_with_an_underscore() -> Result {
    let (upstream, gate) = stage()?;
    for protocol in Protocol::BOTH {
        // HTTP/2 resets the stream instead of answering.
        let answer = gate.client(protocol).send(&Request::get("/").header("x_user_id", "42"));
        assert!(answer.is_err() || answer.is_ok_and(|answer| answer.status == 400), "{protocol:?}");
    }
    assert_eq!(upstream.begun(), 0);
    Ok(())
}

#[test]
fn leaves_odd_paths_and_names_to_the_filter_when_a_suite_asks_for_it() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address()).without_normalisation().start()?;
    for protocol in Protocol::BOTH {
        for path in ["/v1//users/./42", "/v1/users%2f42", "/v1/users/42;x"] {
            gate.client(protocol).send(&Request::get(path).header("x_user_id", "42"))?;
            let seen = upstream.take();
            let [seen] = seen.as_slice() else { panic!("{protocol:?} {path}: {seen:?}") };
            assert_eq!(seen.path, path, "{protocol:?}");
            assert!(seen.headers.has("x_user_id"), "{protocol:?}");
        }
    }
    Ok(())
}

/// Every other test reads the sample as JSON; this one gives Envoy the YAML that users copy.
#[test]
fn the_sample_is_valid_as_it_is_written() -> Result {
    let (_upstream, gate) = stage()?;
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let text = fs::read_to_string(root.join("envoy/envoy.yaml"))?;
    let folder = gate.folder().join("etc");
    fs::create_dir_all(folder.join("tls"))?;
    fs::create_dir_all(folder.join("policy"))?;
    let ca = Ca::new()?;
    let leaf = ca.leaf(&["api.shop.example"])?;
    fs::write(folder.join("tls/server.pem"), leaf.cert_pem)?;
    fs::write(folder.join("tls/server.key"), leaf.key_pem)?;
    fs::write(folder.join("tls/ca.pem"), ca.pem())?;
    fs::write(folder.join("policy/policy.json"), r#"{"resources":[]}"#)?;
    fs::copy(module()?, folder.join("portcullis.wasm"))?;
    let file = folder.join("envoy.yaml");
    fs::write(&file, text.replace("/etc/portcullis", &folder.display().to_string()))?;
    validate(&file)
}
