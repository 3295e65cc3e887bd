//! Keys that change, and names of keys that nobody has.

use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// How long after an early fetch the next one may follow.
const COOL_DOWN: Duration = Duration::from_secs(10);

/// A token of a stranger, under a name of its own.
fn strange(stranger: &portcullis_shop::keys::Keys, name: &str) -> Request {
    Request::get("/me").bearer(&Mint::new(stranger).header("kid", name).sign(Alg::Es256))
}

#[test]
fn keys_rotate_under_load_and_no_good_token_is_refused() -> Result {
    let scene = Scene::start(Trouble::None, &fetching("rotated", "5m", "1h", "5s"))?;
    let provider = scene.shop.provider();
    assert_eq!(scene.clients()[0].1.send(&scene.me())?.status, 200);
    let (before, done) = (scene.token(), AtomicBool::new(false));
    let statuses = thread::scope(|scope| {
        let load = |(protocol, client): (Protocol, Client)| {
            let (scene, done) = (&scene, &done);
            scope.spawn(move || {
                let mut told = Vec::new();
                while !done.load(Ordering::Relaxed) {
                    // On a connection of its own, so that all workers are met.
                    told.push((protocol, client.send(&scene.me()).map(|answer| answer.status)));
                }
                told
            })
        };
        let under_way: Vec<_> = scene.clients().into_iter().chain(scene.clients()).map(load).collect();
        let passed = |count| {
            let name = [("outcome", "admitted")];
            until("requests to pass", || {
                Ok((scene.gate.sum("portcullis_decisions_total", &name)? >= count).then_some(()))
            })
        };
        let run = passed(50).and_then(|()| Ok(provider.rotate(true)?)).and_then(|()| {
            let now = scene.gate.sum("portcullis_decisions_total", &[("outcome", "admitted")])?;
            passed(now + 400)
        });
        done.store(true, Ordering::Relaxed);
        let told: Vec<_> = under_way.into_iter().flat_map(|load| load.join().unwrap()).collect();
        run.map(|()| told)
    })?;
    let refused: Vec<_> = statuses.iter().filter(|(_, status)| !matches!(status, Ok(200))).collect();
    assert!(refused.is_empty(), "{} of {}: {refused:?}", refused.len(), statuses.len());
    // The one that was early, and the first: four workers, two fetches.
    assert_eq!(provider.fetches(Feed::Jwks), 2);
    for (protocol, client) in scene.clients() {
        assert_eq!(client.send(&Request::get("/me").bearer(&before))?.status, 200, "{protocol:?}");
    }

    // Keys that leave the set verify nothing more, once each worker has the set without them.
    provider.rotate(false)?;
    let new = scene.token();
    for (protocol, client) in scene.clients() {
        let passes = |token: &str| {
            Ok::<_, anyhow::Error>(client.send(&Request::get("/me").bearer(token))?.status == 200)
        };
        until("the new keys at every worker", || {
            for _ in 0..16 {
                if !passes(&new)? || passes(&before)? {
                    return Ok(None);
                }
            }
            Ok(Some(()))
        })
        .map_err(|why| why.context(format!("{protocol:?}")))?;
    }
    scene.unharmed()
}

#[test]
fn a_request_is_held_for_a_key_only_while_a_fetch_may_bring_it() -> Result {
    let scene = Scene::start(Trouble::None, &fetching("held", "5m", "1h", "5s"))?;
    let provider = scene.shop.provider();
    let client = scene.gate.cleartext(Protocol::H2);
    assert_eq!(client.send(&scene.me())?.status, 200);

    provider.set_trouble(Feed::Jwks, Trouble::Slow { ms: 400 });
    provider.rotate(true)?;
    let good = scene.me();
    let stranger = portcullis_shop::keys::Keys::generate()?;
    let answers = client.send_together(&[good.clone(), strange(&stranger, "nobody"), good.clone(), good])?;
    let told: Vec<_> = answers.iter().map(told).collect();
    let refused = (401, "tokens.unknown_key".into());
    assert_eq!(told, [(200, String::new()), refused.clone(), (200, String::new()), (200, String::new())]);
    assert_eq!(scene.fetched(Some("ok"))?, 2, "one fetch for all of them");

    // The fetch did not bring that name, and the next one comes too late to wait for: the answer is there at once, long
    // before the provider could have been asked.
    let before = provider.fetches(Feed::Jwks);
    for _ in 0..8 {
        assert_eq!(super::told(&client.send(&strange(&stranger, "nobody"))?), refused);
    }
    assert_eq!(provider.fetches(Feed::Jwks), before);

    // In shadow nobody is held, not even while the provider is down, and the fetch is asked for all the same.
    provider.set_trouble(Feed::Jwks, Trouble::Down);
    let shadow = fetching("watched", "5m", "1h", "30s").replace(
        "tokens: [user], access: authenticated }",
        "tokens: [user], access: authenticated, mode: shadow }",
    );
    assert_eq!(scene.gate.push(&shadow)?, Verdict::Accepted);
    until("an early fetch", || {
        assert_eq!(client.send(&strange(&stranger, "other"))?.status, 200);
        Ok((provider.fetches(Feed::Jwks) > before).then_some(()))
    })?;
    assert_eq!(client.send(&strange(&stranger, "third"))?.status, 200);
    scene.unharmed()
}

#[test]
fn nobody_can_make_the_gate_ask_often() -> Result {
    let (scene, took) = timed(|| {
        let scene = Scene::start(Trouble::None, &fetching("asked", "5m", "1h", "1s"))?;
        let stranger = portcullis_shop::keys::Keys::generate()?;
        for round in 0..6 {
            for (protocol, client) in scene.clients() {
                let name = |n| format!("{protocol:?}-{round}-{n}");
                let unknown: Vec<_> = (0..50).map(|n| strange(&stranger, &name(n))).collect();
                for answer in client.send_together(&unknown)? {
                    assert_eq!(told(&answer), (401, "tokens.unknown_key".into()), "{protocol:?}");
                }
                assert_eq!(client.send(&scene.me())?.status, 200, "{protocol:?}");
            }
            // Nor does another policy.
            let again = fetching("asked", "5m", "1h", "1s");
            assert_eq!(scene.gate.push(&format!("{again}revision: r{round}\n"))?, Verdict::Accepted);
        }
        Ok::<_, anyhow::Error>(scene)
    });
    let fetches = scene?.shop.provider().fetches(Feed::Jwks);
    let most = 2.0 + took.div_duration_f64(COOL_DOWN);
    assert!((2.0..=most).contains(&(fetches as f64)), "{fetches} fetches in {took:?}");
    Ok(())
}

/// The worst moment: strangers have asked for so many keys that nobody has that every early fetch is theirs.
#[test]
fn a_flood_of_names_hides_a_new_key_for_no_longer_than_a_cool_down() -> Result {
    /// The fetch, ticks, and a busy machine.
    const LATE: Duration = Duration::from_secs(4);
    let scene = Scene::start(Trouble::None, &fetching("flooded", "1h", "2h", "1s"))?;
    let provider = scene.shop.provider();
    let client = scene.gate.cleartext(Protocol::H2);
    assert_eq!(client.send(&scene.me())?.status, 200);
    let (stranger, done) = (portcullis_shop::keys::Keys::generate()?, AtomicBool::new(false));
    let (found, took) = thread::scope(|scope| {
        let flood = |worker: usize| {
            let (scene, stranger, done) = (&scene, &stranger, &done);
            scope.spawn(move || -> Result<usize> {
                let mut connection = scene.gate.cleartext(Protocol::BOTH[worker % 2]).connect()?;
                let mut sent = 0;
                while !done.load(Ordering::Relaxed) {
                    let answer = connection.send(&strange(stranger, &format!("{worker}-{sent}")))?;
                    assert_eq!(told(&answer), (401, "tokens.unknown_key".into()));
                    sent += 1;
                }
                Ok(sent)
            })
        };
        let under_way: Vec<_> = (0..4).map(flood).collect();
        let run = || -> Result<(usize, Duration)> {
            // Not only the first early fetch: the one that comes after three in vain is no later.
            let before = provider.fetches(Feed::Jwks);
            until(
                "early fetches in vain",
                || Ok((provider.fetches(Feed::Jwks) >= before + 3).then_some(())),
            )?;
            provider.rotate(true)?;
            let mut refused = 0;
            let (found, took) = timed(|| {
                until("the new key", || match told(&client.send(&scene.me())?) {
                    (200, _) => Ok(Some(())),
                    (401, reason) if reason == "tokens.unknown_key" => {
                        refused += 1;
                        Ok(None)
                    }
                    other => anyhow::bail!("{other:?}"),
                })
            });
            found.map(|()| (refused, took))
        };
        let run = run();
        done.store(true, Ordering::Relaxed);
        let sent: Result<usize> = under_way.into_iter().map(|flood| flood.join().unwrap()).sum();
        println!("{} requests of strangers, {} fetches", sent?, provider.fetches(Feed::Jwks));
        run
    })?;
    println!("the new key was there after {took:?}, and {found} of its tokens were refused until then");
    assert!(took <= COOL_DOWN + LATE, "{took:?}");
    scene.unharmed()
}

#[test]
fn two_issuers_on_one_route_and_two_definitions_at_one_address() -> Result {
    let scene = Scene::start(Trouble::None, &several("several"))?;
    let provider = scene.shop.provider();
    let keys = scene.shop.keys();
    let mint = || provider.mint(&keys);
    let staff = mint().claim("aud", "staff-api").claim("sub", "7");
    let partner = mint().claim("iss", "https://partner.example").claim("aud", "partner-api");
    let rows = [
        ("/either", "user", mint().sign(Alg::Es256), 200),
        ("/either", "partner", partner.clone().sign(Alg::Es256), 200),
        ("/either", "staff", staff.clone().sign(Alg::Es256), 401),
        (
            "/either",
            "partner of the shop's audience",
            partner.claim("aud", "shop-mobile-api").sign(Alg::Es256),
            401,
        ),
        ("/staff", "staff", staff.sign(Alg::Es256), 200),
        ("/staff", "user", mint().sign(Alg::Es256), 401),
    ];
    // What one definition remembers as good is no hit for another.
    for _ in 0..3 {
        for (protocol, client) in scene.clients() {
            for (path, row, token, status) in &rows {
                let answer = client.send(&Request::get(path).bearer(token))?;
                assert_eq!(answer.status, *status, "{protocol:?} {path} {row}: {answer:?}");
            }
        }
    }
    assert_eq!(provider.fetches(Feed::Jwks), 2, "one an address, and there are two");
    Ok(())
}

/// `user` and `staff` have one address, `partner` another.
fn several(name: &str) -> String {
    let definition = |name: &str, issuer: &str, audience: &str, path: &str| {
        format!(
            "  {name}:
    issuer: {issuer}
    audience: [{audience}]
    algorithms: [ES256]
    keys: {{ jwks: {{ url: \"https://id.shop.example/{path}\", cluster: idp }} }}
    max_lifetime: 15m
    keep: false
"
        )
    };
    let shop = "https://id.shop.example";
    let tokens = [
        definition("user", shop, "shop-mobile-api", "jwks.json"),
        definition("staff", shop, "staff-api", "jwks.json"),
        definition("partner", "https://partner.example", "partner-api", "jwks.json?for=partner"),
    ];
    let routes = "routes:
  - { name: either, match: { method: GET, path: /either }, tokens: [{ any: [user, partner] }], access: authenticated }
  - { name: staff, match: { method: GET, path: /staff }, tokens: [staff], access: authenticated }
";
    enforcing(name, &format!("tokens:\n{}{routes}", tokens.concat()))
}
