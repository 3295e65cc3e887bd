//! Tokens that nobody may call with, and what they must not cost.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_envoy::{Protocol, Request, Result, cases, unix_now as now};
use portcullis_shop::mint::{Alg, Mint, hostile};
use serde_json::{Value, json};

use crate::{EVERY_WORKER, STAGE, Stage, refused};

/// The same signature as DER, which is how most libraries give it and no JWS has it.
fn der(token: &str) -> String {
    let (message, signature) = token.rsplit_once('.').unwrap();
    let raw = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let integer = |half: &[u8]| {
        let half: Vec<u8> = half.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if half.first().is_some_and(|byte| *byte >= 0x80) { &[0][..] } else { &[] };
        let body = [sign, &half].concat();
        [&[2, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
    };
    let (r, s) = raw.split_at(32);
    let body = [integer(r), integer(s)].concat();
    let sequence = [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sequence))
}

/// Tokens that the shop's list does not have, each with its reason.
fn more_hostile(stage: &Stage) -> Vec<(&'static str, String, &'static str)> {
    const YEAR: u64 = 365 * 86_400;
    let alice = || stage.alice();
    let (ago, ahead) = (|seconds| now().saturating_sub(seconds), |seconds| now().saturating_add(seconds));
    let good = alice().sign(Alg::Es256);
    let es = |mint: Mint<'_>| mint.sign(Alg::Es256);
    let (head, tail) = good.split_at(20);
    vec![
        ("a signature in DER", der(&good), "tokens.signature"),
        (
            "the signature of another token",
            {
                let other = es(alice().claim("sub", "77"));
                let (message, _) = other.rsplit_once('.').unwrap();
                format!("{message}.{}", good.rsplit_once('.').unwrap().1)
            },
            "tokens.signature",
        ),
        (
            "ten years of life, near their end",
            es(alice().issued_at(ago(10 * YEAR - 60)).lifetime(10 * YEAR)),
            "tokens.lifetime",
        ),
        ("over for longer than clocks differ", es(alice().issued_at(ago(640))), "tokens.expired"),
        ("issued in two minutes", es(alice().issued_at(ahead(120))), "tokens.not_yet_valid"),
        ("valid in two minutes", es(alice().claim("nbf", ahead(120))), "tokens.not_yet_valid"),
        ("another tenant", es(alice().claim("tenant", "market")), "tokens.claim"),
        ("a tenant that is a list", es(alice().claim("tenant", json!(["shop"]))), "tokens.claim"),
        ("an empty sub", es(alice().claim("sub", "")), "tokens.claim"),
        ("a sub that is a number", es(alice().claim("sub", 42)), "tokens.malformed"),
        ("an ID token", es(alice().header("typ", "JWT")), "tokens.type"),
        (
            "a signed key set's address, and a stranger's key",
            Mint::new(&stage.app)
                .header("jku", "https://id.shop.example/jwks.json")
                .header("kid", stage.keys.es256.kid())
                .sign(Alg::Es256),
            "tokens.signature",
        ),
        ("a space inside", format!("{head} {tail}"), "tokens.malformed"),
        ("a tab inside", format!("{head}\t{tail}"), "tokens.malformed"),
        ("padding inside", format!("{head}={tail}"), "tokens.malformed"),
        ("the classic alphabet", format!("{head}+/{tail}"), "tokens.malformed"),
        ("in quotes", format!("\"{good}\""), "tokens.malformed"),
        ("percent-encoded dots", good.replace('.', "%2e"), "tokens.malformed"),
        ("the app's token", stage.app().sign(Alg::Es256), "tokens.unknown_key"),
        (
            "the token of an issuer that this route does not take",
            stage.legacy().sign(Alg::Es256),
            "tokens.unknown_key",
        ),
    ]
}

#[test]
fn a_hostile_token_is_a_stated_401_and_the_worker_lives_on() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("hostile", "enforce", ""))?;
    let reasons: BTreeMap<String, String> = cases("tokens/shop")?.into_iter().collect();
    let mut rows = more_hostile(&stage);
    for (name, token) in hostile(&stage.keys)? {
        let reason = reasons.get(name).unwrap_or_else(|| panic!("no reason for {name}"));
        rows.push((name, token, reason));
    }
    let _ = stage.upstream.take();
    let good = stage.alice().sign(Alg::Es256);
    for protocol in Protocol::BOTH {
        for (name, token, reason) in &rows {
            let row = format!("{protocol:?} {name}");
            let answer = stage.get(protocol, "/user", token)?;
            refused(&row, &answer, "hostile", reason);
            assert!(!answer.text().contains(token.as_str()), "{row}: {answer:?}");
            assert_eq!(stage.get(protocol, "/user", &good)?.status, 200, "{row}: a good token after it");
            stage.seen(&row);
        }
    }
    stage.gate.unharmed()
}

#[test]
fn an_odd_token_that_is_good_passes() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("odd", "enforce", ""))?;
    let _ = stage.upstream.take();
    let stranger = stage.app.es256.jwk().clone();
    let rows = [
        ("RS256", stage.alice().sign(Alg::Rs256)),
        ("no kid", stage.alice().without_header("kid").sign(Alg::Es256)),
        ("keys of a stranger beside its own signature", {
            let mint = stage.alice().header("jwk", stranger).header("jku", "https://evil.example/jwks.json");
            mint.header("x5u", "https://evil.example/x5u").sign(Alg::Es256)
        }),
        ("over for less than clocks differ", stage.alice().issued_at(now() - 610).sign(Alg::Es256)),
        ("issued in ten seconds", stage.alice().issued_at(now() + 10).sign(Alg::Es256)),
        ("a media type for a type", stage.alice().header("typ", "application/AT+JWT").sign(Alg::Es256)),
        ("several audiences", stage.alice().claim("aud", json!(["x", "shop-mobile-api"])).sign(Alg::Es256)),
        ("7 KiB", stage.alice().claim("pad", "x".repeat(4_500)).sign(Alg::Es256)),
    ];
    for protocol in Protocol::BOTH {
        for (name, token) in &rows {
            let row = format!("{protocol:?} {name}");
            let answer = stage.get(protocol, "/user", token)?;
            assert_eq!(answer.status, 200, "{row}: {answer:?}");
            assert_eq!(stage.seen(&row).headers.get("x-user-id").as_deref(), Some("42"), "{row}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn a_flood_of_bad_tokens_leaves_the_good_one_alone() -> Result {
    const BAD: usize = 3_000;
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("flood", "enforce", ""))?;
    let _ = stage.upstream.take();
    let good = stage.alice().sign(Alg::Es256);
    let forged = |at: usize| {
        let mint = Mint::new(&stage.app).claim("n", at);
        match at % 3 {
            0 => mint.header("kid", stage.keys.es256.kid()).sign(Alg::Es256),
            1 => mint.header("kid", format!("kid-{at}")).sign(Alg::Es256),
            _ => format!("{at}.{good}"),
        }
    };
    let mut connections = Vec::new();
    for at in 0..EVERY_WORKER {
        let protocol = if at % 2 == 0 { Protocol::H1 } else { Protocol::H2 };
        connections.push(stage.gate.client(protocol).connect()?);
    }
    let mut count = BTreeMap::<Option<String>, usize>::new();
    for at in 0..BAD {
        let connection = &mut connections[at % EVERY_WORKER];
        let answer = connection.send(&Request::get("/user").bearer(&forged(at)))?;
        assert_eq!(answer.status, 401, "{at}: {answer:?}");
        *count.entry(answer.reason()).or_default() += 1;
        if at % 100 == 0 {
            let answer = connection.send(&Request::get("/user").bearer(&good))?;
            assert_eq!(answer.status, 200, "{at}: {answer:?}");
        }
    }
    let want = ["tokens.malformed", "tokens.signature", "tokens.unknown_key"];
    let want = want.map(|reason| (Some(reason.to_owned()), BAD / 3));
    assert_eq!(count, BTreeMap::from(want));
    for connection in &mut connections {
        assert_eq!(connection.send(&Request::get("/user").bearer(&good))?.status, 200);
    }
    assert_eq!(stage.upstream.take().len(), BAD / 100 + EVERY_WORKER);
    stage.gate.unharmed()
}

/// What a challenge may say of a token is nothing: neither what it holds nor which of its claims was wrong.
#[test]
fn a_refusal_tells_nothing_of_the_token() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&stage.tokens("silent", "enforce", ""))?;
    let told: Vec<_> = more_hostile(&stage)
        .into_iter()
        .map(|(_, token, reason)| {
            let answer = stage.get(Protocol::H2, "/user", &token)?;
            let mut problem: Value = answer.json()?;
            for member in ["request_id", "reason", "type"] {
                problem[member] = Value::Null;
            }
            assert_eq!(answer.reason().as_deref(), Some(reason));
            Ok((answer.header("www-authenticate"), problem))
        })
        .collect::<Result<_>>()?;
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
    Ok(())
}
