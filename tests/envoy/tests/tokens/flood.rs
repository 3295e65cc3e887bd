//! A flood of bad tokens, and what it must not cost.

use std::collections::BTreeMap;

use portcullis_envoy::{Protocol, Request, Result};
use portcullis_shop::mint::{Alg, Mint};

use crate::{EVERY_WORKER, STAGE};

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
