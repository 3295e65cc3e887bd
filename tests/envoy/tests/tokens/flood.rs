//! A flood of bad tokens, and what it must not cost.

use std::collections::BTreeMap;

use portcullis_envoy::{Connection, Protocol, Request, Result, until};
use portcullis_shop::mint::{Alg, Mint};

use crate::{EVERY_WORKER, STAGE, Stage};

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

/// What the caches of a policy's token `user` went through, once every one of these counts is reached.
fn counted(stage: &Stage, policy: &str, events: [(&str, u64); 4]) -> Result {
    let mut seen = BTreeMap::new();
    let reached = until("counts of the token cache", || {
        for (event, _) in events {
            let labels = [("policy", policy), ("token", "user"), ("event", event)];
            seen.insert(event, stage.gate.sum("portcullis_token_cache_total", &labels)?);
        }
        Ok(events.iter().all(|(event, count)| seen[event] >= *count).then_some(()))
    });
    assert_eq!(seen, BTreeMap::from(events), "{reached:?}");
    reached
}

#[test]
fn repeated_bad_tokens_cost_no_second_signature_and_push_out_no_good_one() -> Result {
    let stage = STAGE.enter()?;
    let tokens = stage.tokens("cache", "enforce", "");
    // Room for 32 good tokens, and so for 8 bad ones.
    let small = tokens.replace("\"dpop\":\"disabled\"", "\"dpop\":\"disabled\",\"cache\":32");
    assert_ne!(small, tokens);
    stage.gate.adopt(&small)?;
    let _ = stage.upstream.take();
    // One connection is one worker's, with a cache of its own.
    let mut connection = stage.gate.client(Protocol::H2).connect()?;
    let mut send = |token: &str, status: u16| send(&mut connection, token, status);
    let forged = |at: usize| {
        Mint::new(&stage.app).claim("n", at).header("kid", stage.keys.es256.kid()).sign(Alg::Es256)
    };
    let good = stage.alice().sign(Alg::Es256);
    send(&good, 200)?;
    counted(&stage, "cache", [("hit", 0), ("bad_hit", 0), ("miss", 1), ("eviction", 0)])?;
    let bad = forged(0);
    for _ in 0..5 {
        send(&bad, 401)?;
    }
    counted(&stage, "cache", [("hit", 0), ("bad_hit", 4), ("miss", 2), ("eviction", 0)])?;
    // Far more bad tokens than there is room for, each for the first time.
    for at in 1..=200 {
        send(&forged(at), 401)?;
    }
    send(&good, 200)?;
    counted(&stage, "cache", [("hit", 1), ("bad_hit", 4), ("miss", 202), ("eviction", 0)])?;
    // Good tokens make room for good ones, and are counted.
    for _ in 0..48 {
        send(&stage.alice().sign(Alg::Es256), 200)?;
    }
    counted(&stage, "cache", [("hit", 1), ("bad_hit", 4), ("miss", 250), ("eviction", 32)])?;
    stage.gate.unharmed()
}

fn send(connection: &mut Connection, token: &str, status: u16) -> Result {
    let answer = connection.send(&Request::get("/user").bearer(token))?;
    assert_eq!(answer.status, status, "{answer:?}");
    Ok(())
}
