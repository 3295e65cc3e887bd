//! A provider that lets its clients down.

use super::*;

#[test]
fn good_keys_stay_whatever_the_provider_answers() -> Result {
    /// The policy's interval of a second, less what is taken off so that many processes do not ask together.
    const INTERVAL: Duration = Duration::from_millis(900);
    let (scene, took) = timed(|| {
        let scene = Scene::start(Trouble::None, &fetching("kept", "1s", "1h", "2s"))?;
        for (trouble, outcome) in [
            (Trouble::None, "ok"),
            (Trouble::Down, "status"),
            (Trouble::Html, "unusable"),
            (Trouble::Empty, "unusable"),
            (Trouble::Many { entries: 1_000 }, "unusable"),
            (Trouble::Huge { mib: 10 }, "too_large"),
            // What takes longer than the timeout Envoy answers itself, as it does for who cannot be reached.
            (Trouble::Slow { ms: 3_000 }, "status"),
            (Trouble::None, "ok"),
        ] {
            let before = scene.fetched(Some(outcome))?;
            scene.shop.provider().set_trouble(Feed::Jwks, trouble);
            let seen = until("a fetch", || Ok((scene.fetched(Some(outcome))? > before).then_some(())));
            assert!(seen.is_ok(), "{trouble:?}: {:?}", scene.gate.series("portcullis_key_fetches_total"));
            for (protocol, client) in scene.clients() {
                // On a connection of each worker, if they spread.
                for _ in 0..8 {
                    assert_eq!(client.send(&scene.me())?.status, 200, "{protocol:?} {trouble:?}");
                }
            }
        }
        Ok::<_, anyhow::Error>(scene)
    });
    let scene = scene?;
    // Four workers, one fetch: had each its own, there would be four times as many.
    let fetches = scene.shop.provider().fetches(Feed::Jwks);
    let most = took.div_duration_f64(INTERVAL) + 2.0;
    assert!((8.0..=most).contains(&(fetches as f64)), "{fetches} fetches in {took:?}");

    let token = scene.token();
    let Scene { shop, gate, upstream } = scene;
    shop.stop();
    let failed = || gate.sum("portcullis_key_fetches_total", &[("outcome", "status")]);
    let before = failed()?;
    until("a fetch from nobody", || Ok((failed()? > before).then_some(())))?;
    let _ = upstream.take();
    for protocol in Protocol::BOTH {
        let answer = gate.cleartext(protocol).send(&Request::get("/me").bearer(&token))?;
        assert_eq!(answer.status, 200, "{protocol:?}");
    }
    // But not for ever.
    assert_eq!(gate.push(&fetching("stale", "1s", "1s", "1s"))?, Verdict::Accepted);
    for protocol in Protocol::BOTH {
        let answer = gate.cleartext(protocol).send(&Request::get("/me").bearer(&token))?;
        assert_eq!(told(&answer), (503, "tokens.keys_unavailable".into()), "{protocol:?}");
    }
    Ok(())
}
