//! Tokens that their issuer takes back, and feeds that do not come.

use portcullis_envoy::unix_now;
use portcullis_shop::idp::Revoke;

use super::*;

/// How often the feed is fetched.
const REFRESH: Duration = Duration::from_secs(1);

/// The policy of keys, whose tokens can be revoked; `more` is what else stands beside the feed's address.
fn revoking(name: &str, wait: &str, more: &str) -> String {
    let url = "https://id.shop.example/revoked";
    let feed = format!("{{ url: \"{url}\", cluster: idp, refresh: 1s, timeout: 1s, {more} }}");
    let policy = fetching(name, "5m", "1h", wait).replace("require: [sub]", "require: [sub, jti, sid]");
    policy.replace("    keep: false\n", &format!("    keep: false\n    revocation: {feed}\n"))
}

impl Scene {
    fn revocations(&self, outcome: &str) -> Result<u64> {
        self.gate.sum("portcullis_revocation_fetches_total", &[("outcome", outcome)])
    }

    /// What all of a row of requests are told, each on a connection of its own so that every worker is met; nothing
    /// where they are not told the same.
    fn told_everywhere(&self, token: &str) -> Result<Option<Told>> {
        let mut all = Vec::new();
        for (_, client) in self.clients() {
            for _ in 0..12 {
                all.push(told(&client.send(&Request::get("/me").bearer(token))?));
            }
        }
        let first = all.first().cloned();
        Ok(first.filter(|first| all.iter().all(|told| told == first)))
    }
}

/// What a request is told.
type Told = (u16, String);

fn passes() -> Told {
    (200, String::new())
}

fn revoked() -> Told {
    (401, "tokens.revoked".into())
}

#[test]
fn a_logout_is_known_to_every_worker_within_the_interval_and_a_second() -> Result {
    let (scene, took) = timed(|| {
        let scene = Scene::start(Trouble::None, &revoking("logout", "10s", "on_error: keep"))?;
        let provider = scene.shop.provider();
        let keys = scene.shop.keys();
        let mint = |n: u32| {
            let mint = provider.mint(&keys).claim("sub", format!("user-{n}"));
            mint.claim("sid", format!("session-{n}")).claim("jti", format!("token-{n}"))
        };
        let other = mint(0).sign(Alg::Es256);
        let rows = [
            (1, Revoke::Sid("session-1".into())),
            (2, Revoke::Jti("token-2".into())),
            (3, Revoke::Sub("user-3".into())),
        ];
        for (n, what) in rows {
            let (row, token) = (format!("{what:?}"), mint(n).sign(Alg::Es256));
            // Every worker remembers it as verified.
            assert_eq!(scene.told_everywhere(&token)?, Some(passes()), "{row}");
            provider.revoke(what);
            let clients = scene.clients();
            let (mut since, mut refused) = (Duration::ZERO, 0);
            while refused < 48 {
                let (_, client) = &clients[refused % 2];
                let (answer, took) = timed(|| client.send(&Request::get("/me").bearer(&token)));
                let told = told(&answer?);
                let late = since > REFRESH + Duration::from_secs(1);
                assert!(told == revoked() || told == passes() && !late, "{row}: {told:?} {since:?} after it");
                refused = if told == revoked() { refused + 1 } else { 0 };
                since += took;
            }
            assert_eq!(scene.told_everywhere(&other)?, Some(passes()), "{row}: another's");
        }
        let later = mint(3).claim("jti", "later").claim("sid", "later").issued_at(unix_now() + 2);
        assert_eq!(scene.told_everywhere(&later.sign(Alg::Es256))?, Some(passes()), "a login after that");
        assert_eq!(scene.gate.sum("portcullis_revocation_entries", &[])?, 3);
        Ok::<_, anyhow::Error>(scene)
    });
    let scene = scene?;
    // Four workers, one fetch an interval.
    let fetches = scene.shop.provider().fetches(Feed::Revoked);
    let most = took.div_duration_f64(REFRESH.mul_f64(0.9)) + 2.0;
    assert!((3.0..=most).contains(&(fetches as f64)), "{fetches} fetches in {took:?}");
    scene.unharmed()
}

#[test]
fn what_was_revoked_stays_so_whatever_the_provider_answers_and_deny_ends_it() -> Result {
    let keep = revoking("feed", "30s", "on_error: keep, max_entries: 1000");
    let scene = Scene::with(Feed::Revoked, Trouble::Down, &keep)?;
    let provider = scene.shop.provider();
    let keys = scene.shop.keys();
    let token = |sid: &str| provider.mint(&keys).claim("sid", sid).sign(Alg::Es256);
    let (good, gone) = (token("good"), token("gone"));
    provider.revoke(Revoke::Sid("gone".into()));

    // Before the first feed requests are held, and judged when it comes.
    let client = scene.gate.cleartext(Protocol::H2);
    let send = |token: &str| {
        let (client, request) = (client.clone(), Request::get("/me").bearer(token));
        thread::spawn(move || client.send(&request))
    };
    let held = [send(&good), send(&gone)];
    scene.held(2)?;
    assert_eq!(client.send(&Request::get("/open"))?.status, 200);
    assert_eq!(client.send(&Request::get("/me").bearer("a.b.c"))?.status, 401, "no feed would help");
    provider.set_trouble(Feed::Revoked, Trouble::None);
    let [good_answer, gone_answer] = held.map(|answer| answer.join().unwrap());
    assert_eq!((told(&good_answer?), told(&gone_answer?)), (passes(), revoked()));

    for (trouble, outcome) in [
        (Trouble::Down, "status"),
        (Trouble::Html, "unusable"),
        (Trouble::Empty, "unusable"),
        (Trouble::Many { entries: 1_001 }, "too_many"),
        (Trouble::Huge { mib: 10 }, "too_large"),
        (Trouble::Slow { ms: 3_000 }, "status"),
        (Trouble::None, "ok"),
        (Trouble::Down, "status"),
    ] {
        let before = scene.revocations(outcome)?;
        provider.set_trouble(Feed::Revoked, trouble);
        let seen = until("a fetch", || Ok((scene.revocations(outcome)? > before).then_some(())));
        assert!(seen.is_ok(), "{trouble:?}: {:?}", scene.gate.series("portcullis_revocation_fetches_total"));
        assert_eq!(scene.told_everywhere(&good)?, Some(passes()), "{trouble:?}");
        assert_eq!(scene.told_everywhere(&gone)?, Some(revoked()), "{trouble:?}");
    }

    let refused = (503, "tokens.revocation_unavailable".into());
    let deny = revoking("feed", "0s", "on_error: deny, max_stale: 3s");
    assert_eq!(scene.gate.push(&deny)?, Verdict::Accepted);
    until("the feed to be too old", || Ok(scene.told_everywhere(&good)?.filter(|told| *told == refused)))?;
    let age = || scene.gate.sum("portcullis_revocation_age_seconds", &[]);
    until("its age to be shown", || Ok((age()? >= 3).then_some(())))?;
    let answer = client.send(&Request::get("/me").bearer(&good))?;
    let wait: u64 = answer.header("retry-after").unwrap_or_default().parse()?;
    assert!((1..=60).contains(&wait), "{answer:?}");
    provider.set_trouble(Feed::Revoked, Trouble::None);
    until("a feed", || Ok(scene.told_everywhere(&good)?.filter(|told| *told == passes())))?;
    assert_eq!(scene.told_everywhere(&gone)?, Some(revoked()));

    // In shadow it goes on, and is told.
    let shadow = revoking("feed", "1s", "on_error: keep")
        .replace("routes:\n", "modes: { tokens.revocation: shadow }\nroutes:\n");
    assert_eq!(scene.gate.push(&shadow)?, Verdict::Accepted);
    assert_eq!(scene.told_everywhere(&gone)?, Some(passes()));
    let would = [("outcome", "would_refuse"), ("reason", "tokens.revoked")];
    assert!(scene.gate.sum("portcullis_decisions_total", &would)? >= 24);
    scene.unharmed()
}
