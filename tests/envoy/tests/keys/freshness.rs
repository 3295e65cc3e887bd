//! How often the provider is asked: by the policy, and within bounds as its answers say. And what it is asked: only for
//! what is new.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use super::*;

static STARTING: Mutex<()> = Mutex::new(());

/// The time between the next two fetches.
fn between(scene: &Scene) -> Result<Duration> {
    let before = scene.shop.provider().fetches(Feed::Jwks);
    let mut first = None;
    until("two fetches", || {
        let fetches = scene.shop.provider().fetches(Feed::Jwks).saturating_sub(before);
        if fetches > 0 {
            first.get_or_insert_with(Instant::now);
        }
        Ok(first.filter(|_| fetches > 1).map(|first| first.elapsed()))
    })
}

/// One gate of two workers: so many seconds are the policy's, so many the provider's; the time between two fetches.
fn interval(refresh: u64, max_age: u64) -> Result<Duration> {
    let shop = Shop::start(Config::default())?;
    shop.provider().set_max_age(max_age);
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let policy = fetching(&format!("fresh-{refresh}-{max_age}"), &format!("{refresh}s"), "1h", "2s");
    let gate = Gate::before(upstream.address()).idp(shop.idp, shop.ca.pem()).workers(2).policy(policy);
    let gate = {
        // A start is all work: one after the other.
        let _turn = STARTING.lock().unwrap_or_else(PoisonError::into_inner);
        gate.start()?
    };
    let scene = Scene { shop, upstream, gate };
    let waited = between(&scene)?;
    // Every one but the first came with the tag of the first.
    let provider = scene.shop.provider();
    until("304 to every fetch but the first", || {
        let (all, unchanged) = (provider.fetches(Feed::Jwks), provider.unchanged(Feed::Jwks));
        Ok((unchanged >= 2 && all.checked_sub(unchanged) == Some(1)).then_some(()))
    })?;
    until("what came of them", || Ok((scene.fetched(Some("ok"))? >= 3).then_some(())))?;
    for (protocol, client) in scene.clients() {
        assert_eq!(client.send(&scene.me())?.status, 200, "{protocol:?}: 304 keeps the keys");
    }
    scene.unharmed()?;
    Ok(waited)
}

#[test]
fn max_age_moves_the_next_fetch_within_bounds_and_what_is_unchanged_is_not_sent_again() -> Result {
    /// Ticks, a look at the count, and a busy machine.
    const LATE: Duration = Duration::from_secs(4);
    let rows = [
        // Less than a tenth of the policy's interval and than 10 s: not that often.
        ("sooner than is allowed", 60, 1, 10),
        ("sooner than the policy", 60, 13, 13),
        ("later than the policy", 5, 3_600, 5),
    ];
    thread::scope(|scope| {
        let under_way = rows.map(|(row, refresh, max_age, wait)| {
            (row, wait, scope.spawn(move || interval(refresh, max_age)))
        });
        for (row, wait, run) in under_way {
            let waited = run.join().unwrap()?;
            // Each time up to a tenth earlier, so that processes spread; and as much again for when it was looked at.
            let least = Duration::from_secs(wait).mul_f64(0.85);
            let most = Duration::from_secs(wait) + LATE;
            assert!((least..=most).contains(&waited), "{row}: {waited:?}");
        }
        Ok(())
    })
}
