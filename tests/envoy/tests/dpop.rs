//! Proofs of possession in a real Envoy: a hostile proof is a stated refusal whoever verifies, and a proof serves once in
//! all workers.
#![cfg(test)]

#[path = "../../proofs/mod.rs"]
mod proofs;

use std::thread;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_envoy::{Gate, Protocol, Recorder, Request, Result, Shared, policy, unix_now, user_token};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
    Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use serde_json::{Value, json};

/// Signs with `ring`, so that what the gate checks was made by another library than the one it checks with.
struct Smith {
    issuer: Keys,
    es: EcdsaKeyPair,
    other: EcdsaKeyPair,
    es384: EcdsaKeyPair,
    ed: Ed25519KeyPair,
    rs: RsaKeyPair,
}

impl Smith {
    fn new() -> Result<Self> {
        let random = SystemRandom::new();
        let ec = |algorithm: &'static EcdsaSigningAlgorithm| -> Result<EcdsaKeyPair> {
            let key = EcdsaKeyPair::generate_pkcs8(algorithm, &random)?;
            Ok(EcdsaKeyPair::from_pkcs8(algorithm, key.as_ref(), &random)?)
        };
        let pem = include_str!("../../tokens/rsa-dev.pem");
        let der: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        Ok(Self {
            issuer: Keys::generate()?,
            es: ec(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            other: ec(&ECDSA_P256_SHA256_FIXED_SIGNING)?,
            es384: ec(&ECDSA_P384_SHA384_FIXED_SIGNING)?,
            ed: Ed25519KeyPair::from_pkcs8(Ed25519KeyPair::generate_pkcs8(&random)?.as_ref())?,
            rs: RsaKeyPair::from_pkcs8(&STANDARD.decode(der)?)?,
        })
    }
}

impl proofs::Smith for Smith {
    fn jwk(&self, key: &str) -> Value {
        let ec = |crv: &str, key: &EcdsaKeyPair| {
            // An uncompressed point: one byte of form, then both coordinates.
            let point = &key.public_key().as_ref()[1..];
            let (x, y) = point.split_at(point.len() / 2);
            json!({ "crv": crv, "kty": "EC", "x": self.base64(x), "y": self.base64(y) })
        };
        match key {
            "es" => ec("P-256", &self.es),
            "es-other" => ec("P-256", &self.other),
            "es384" => ec("P-384", &self.es384),
            "ed" => {
                json!({ "crv": "Ed25519", "kty": "OKP", "x": self.base64(self.ed.public_key().as_ref()) })
            }
            "rs" => {
                let PublicKeyComponents::<Vec<u8>> { n, e } = self.rs.public().into();
                json!({ "e": self.base64(&e), "kty": "RSA", "n": self.base64(&n) })
            }
            _ => panic!("no key is called {key}"),
        }
    }

    fn sign(&self, how: &str, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let ec = |key: &EcdsaKeyPair| key.sign(&random, input).unwrap().as_ref().to_vec();
        match how {
            "es" => ec(&self.es),
            "es-other" => ec(&self.other),
            "es384" => ec(&self.es384),
            "ed" => self.ed.sign(input).as_ref().to_vec(),
            "rs" => {
                let mut signature = vec![0; self.rs.public().modulus_len()];
                self.rs.sign(&RSA_PKCS1_SHA256, &random, input, &mut signature).unwrap();
                signature
            }
            "hs-with-jwk" => {
                let secret = self.jwk("es").to_string();
                let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
                ring::hmac::sign(&key, input).as_ref().to_vec()
            }
            "none" => Vec::new(),
            "zeros" => vec![0; 64],
            _ => panic!("no way of signing is called {how}"),
        }
    }

    fn token(&self, cnf: &Value) -> String {
        let mint = Mint::new(&self.issuer);
        // `false` is a token that is bound to nothing.
        if cnf == &json!(false) {
            mint.sign(Alg::Es256)
        } else {
            mint.claim("cnf", cnf.clone()).sign(Alg::Es256)
        }
    }

    fn hash(&self, bytes: &[u8]) -> Vec<u8> {
        digest(&SHA256, bytes).as_ref().to_vec()
    }

    fn base64(&self, bytes: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

struct Stage {
    upstream: Recorder,
    gate: Gate,
    smith: Smith,
}

static STAGE: Shared<Stage> = Shared::new(|| {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    let gate = Gate::before(upstream.address()).workers(4).policy(policy("begin", "enforce", "routes: []"));
    Ok(Stage { gate: gate.start()?, upstream, smith: Smith::new()? })
});

impl Stage {
    fn policy(&self, name: &str, mode: &str, patch: &Value) -> String {
        let mut user = user_token(&self.smith.issuer);
        user["dpop"] = json!("optional");
        for (field, value) in patch.as_object().into_iter().flatten() {
            user[field] = value.clone();
        }
        let routes = format!(
            r#"
tokens: {{ user: {user} }}
defaults: {{ request: {{ content: any }} }}
routes:
  - {{ name: bound, match: {{ method: [GET, POST], path: /bound }}, tokens: [user], access: authenticated }}
  - {{ name: token, match: {{ method: POST, path: /token }}, tokens: none }}
"#
        );
        policy(name, mode, &routes)
    }

    /// The request of a row, whose proof has this id.
    fn request(&self, row: &proofs::Row, id: &str) -> Request {
        let lines = row.lines(&self.smith, id, i64::try_from(unix_now()).unwrap());
        let request = Request::new(&row.method, &row.path).authority(&row.host);
        lines.iter().fold(request, |request, (name, value)| request.header(name, value))
    }
}

fn row(name: &str) -> proofs::Row {
    proofs::rows().into_iter().find(|row| row.name == name).unwrap()
}

#[test]
fn every_proof_ends_as_its_row_says_whoever_verifies_it() -> Result {
    let stage = STAGE.enter()?;
    for engine in ["auto", "wasm"] {
        stage.gate.adopt(&stage.policy(engine, "enforce", &json!({ "signatures": engine })))?;
        let _ = stage.upstream.take();
        let mut wrong = Vec::new();
        for protocol in Protocol::BOTH {
            for (index, row) in proofs::rows().iter().enumerate() {
                let name = format!("{engine} {protocol:?} {}", row.name);
                let request = stage.request(row, &format!("{engine}-{protocol:?}-{index}"));
                for wanted in std::iter::once(&row.expect).chain(&row.again) {
                    let answer = stage.gate.client(protocol).send(&request)?;
                    let (status, reason) = (answer.status, answer.reason());
                    let seen = stage.upstream.take();
                    let fits = match wanted.as_str() {
                        // Neither token nor proof goes on: nobody behind the gate could use them.
                        "pass" => {
                            status == 200
                                && seen.len() == 1
                                && !seen[0].headers.has("dpop")
                                && !seen[0].headers.has("authorization")
                        }
                        wanted => status == 401 && reason.as_deref() == Some(wanted) && seen.is_empty(),
                    };
                    if !fits {
                        wrong.push(format!("{name}: {status} {reason:?}, not {wanted}"));
                    }
                }
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
    stage.gate.unharmed()
}

/// 64 connections over both protocols to 4 workers, all at one moment, many times.
#[test]
fn of_many_requests_with_one_proof_one_passes() -> Result {
    const ROUNDS: usize = 20;
    const AT_ONCE: usize = 64;
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.policy("replay", "enforce", &Value::Null))?;
    let _ = stage.upstream.take();
    let honest = row("an honest proof, once");
    for round in 0..ROUNDS {
        let request = stage.request(&honest, &format!("replay-{round}"));
        let requests = vec![request; AT_ONCE / 2];
        let answers = thread::scope(|scope| {
            let send = |protocol| {
                let (client, requests) = (stage.gate.client(protocol), &requests);
                scope.spawn(move || client.send_together(requests))
            };
            let both = Protocol::BOTH.map(send);
            both.map(|sending| sending.join().unwrap())
        });
        let mut passed = 0;
        for answer in answers.into_iter().flat_map(Result::unwrap) {
            match (answer.status, answer.reason().as_deref()) {
                (200, _) => passed += 1,
                (401, Some("tokens.proof_replayed")) => {}
                other => panic!("round {round}: {other:?}"),
            }
        }
        assert_eq!(passed, 1, "round {round}");
    }
    assert_eq!(stage.upstream.take().len(), ROUNDS);
    stage.gate.unharmed()
}

#[test]
fn in_shadow_token_and_proof_go_on_and_what_would_be_refused_is_told() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.policy("shade", "shadow", &Value::Null))?;
    let _ = stage.upstream.take();
    for name in ["an honest proof, once", "for another path", "no proof"] {
        let request = stage.request(&row(name), &format!("shade-{name}"));
        let answer = stage.gate.client(Protocol::H2).send(&request)?;
        assert_eq!((answer.status, answer.header("www-authenticate")), (200, None), "{name}");
        let seen = stage.upstream.take();
        assert!(seen[0].headers.has("authorization"), "{name}");
        assert_eq!(seen[0].headers.has("dpop"), name != "no proof", "{name}");
    }
    let told = stage.gate.audits("shade", 2)?;
    let told: Vec<_> = told.iter().filter_map(|audit| audit.pointer("/events/0/reason")).collect();
    assert_eq!(told, ["tokens.proof_target", "tokens.proof_missing"]);
    Ok(())
}

#[test]
fn the_challenge_offers_what_the_route_takes() -> Result {
    let stage = STAGE.enter()?;
    let algs = "algs=\"ES256 ES384 EdDSA PS256 PS384 PS512 RS256 RS384 RS512\"";
    for (dpop, name, wanted) in [
        ("optional", "", vec!["Bearer realm=\"R\"".to_owned(), format!("DPoP realm=\"R\", {algs}")]),
        ("required", "", vec![format!("DPoP realm=\"R\", {algs}")]),
        ("disabled", "", vec!["Bearer realm=\"R\"".to_owned()]),
        (
            "optional",
            "a bound token as a bearer's",
            vec![
                "Bearer realm=\"R\", error=\"invalid_token\"".to_owned(),
                format!("DPoP realm=\"R\", {algs}"),
            ],
        ),
        (
            "required",
            "for another path",
            vec![format!("DPoP realm=\"R\", error=\"invalid_dpop_proof\", {algs}")],
        ),
    ] {
        let realm = format!("challenge-{dpop}-{}", name.len());
        stage.gate.adopt(&stage.policy(&realm, "enforce", &json!({ "dpop": dpop })))?;
        let request = match name {
            "" => Request::get("/bound"),
            name => stage.request(&row(name), &realm),
        };
        for protocol in Protocol::BOTH {
            let answer = stage.gate.client(protocol).send(&request)?;
            let lines: Vec<String> = answer
                .headers
                .all("www-authenticate")
                .map(|line| String::from_utf8_lossy(line).replace(&realm, "R"))
                .collect();
            assert_eq!((answer.status, &lines), (401, &wanted), "{dpop} {name} {protocol:?}");
        }
    }
    Ok(())
}

#[test]
fn a_token_endpoint_gets_the_proof_that_came_with_the_request() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.policy("endpoint", "enforce", &Value::Null))?;
    let _ = stage.upstream.take();
    let answer =
        stage.gate.client(Protocol::H2).send(&Request::new("POST", "/token").header("dpop", "a.b.c"))?;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(stage.upstream.take()[0].headers.get("dpop").as_deref(), Some("a.b.c"));
    Ok(())
}

#[test]
fn what_the_memory_went_through_is_counted() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.policy("counted", "enforce", &Value::Null))?;
    let request = stage.request(&row("an honest proof, once"), "counted");
    for status in [200, 401, 401] {
        assert_eq!(stage.gate.client(Protocol::H1).send(&request)?.status, status);
    }
    portcullis_envoy::until("the counters", || {
        let of =
            |event| stage.gate.sum("portcullis_proofs_total", &[("policy", "counted"), ("event", event)]);
        Ok(Some(()).filter(|()| of("kept").is_ok_and(|it| it == 1) && of("replayed").is_ok_and(|it| it == 2)))
    })
}
