//! Keys come, change and fail to come; tokens that were good go on being good.
#![cfg(test)]

use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_envoy::{
    Answer, Client, Gate, Protocol, Raw, Recorder, Request, Result, Verdict, enforcing, timed, until,
    user_tokens,
};
use portcullis_shop::idp::{Feed, Trouble};
use portcullis_shop::mint::{Alg, Mint};
use portcullis_shop::{Config, Shop};
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

const ROUTES: &str = "
schemas: { order: { type: object, required: [id], properties: { id: { type: integer } } } }
routes:
  - { name: open, match: { method: GET, path: /open }, tokens: none }
  - { name: me, match: { method: GET, path: /me }, tokens: [user], access: authenticated }
  - { name: order, match: { method: POST, path: /order }, tokens: [user], access: authenticated, request: { schema: order, max_bytes: 1KiB } }
  - { name: watched, match: { method: POST, path: /watched }, tokens: [user], access: authenticated, request: { schema: order, max_bytes: 1KiB }, modes: { request: shadow } }
  - { name: upload, match: { method: POST, path: /upload }, tokens: [user], access: authenticated, request: { content: any, max_bytes: 1KiB } }
";

/// JSON that is no order.
const BAD: &[u8] = br#"{"id":"one"}"#;

/// A policy whose tokens are verified with the keys of the shop's provider.
fn fetching(name: &str, refresh: &str, max_stale: &str, wait: &str) -> String {
    let url = "https://id.shop.example/jwks.json";
    let jwks = format!(
        "{{ jwks: {{ url: \"{url}\", cluster: idp, refresh: {refresh}, timeout: 1s, max_stale: {max_stale} }} }}"
    );
    enforcing(name, &format!("first_keys_wait: {wait}\n{}\n{ROUTES}", user_tokens(&jwks)))
}

/// A provider, an upstream, and a gate of so many workers between them.
struct Scene {
    shop: Shop,
    upstream: Recorder,
    gate: Gate,
}

impl Scene {
    fn start(trouble: Trouble, policy: &str) -> Result<Self> {
        let shop = Shop::start(Config::default())?;
        shop.provider().set_trouble(Feed::Jwks, trouble);
        let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
        let gate = Gate::before(upstream.address())
            .idp(shop.idp, shop.ca.pem())
            .workers(4)
            .h1_trailers()
            .policy(policy)
            .start()?;
        Ok(Self { shop, upstream, gate })
    }

    /// A token of its own, so that nobody remembers having verified it.
    fn token(&self) -> String {
        let keys = self.shop.keys();
        self.shop.provider().mint(&keys).sign(Alg::Es256)
    }

    fn me(&self) -> Request {
        Request::get("/me").bearer(&self.token())
    }

    fn clients(&self) -> [(Protocol, Client); 2] {
        Protocol::BOTH.map(|protocol| (protocol, self.gate.cleartext(protocol)))
    }

    /// How many fetches ended so, or all of them.
    fn fetched(&self, outcome: Option<&str>) -> Result<u64> {
        let labels: Vec<_> = outcome.map(|outcome| ("outcome", outcome)).into_iter().collect();
        self.gate.sum("portcullis_key_fetches_total", &labels)
    }

    /// Waits until so many requests are under way.
    fn held(&self, count: u64) -> Result<()> {
        until("requests to be held", || {
            let active = self.gate.stats("http.edge.downstream_rq_active")?;
            Ok((active.values().sum::<u64>() == count).then_some(()))
        })
    }

    /// Nothing that the filter did was taken ill by its host.
    fn unharmed(&self) -> Result<()> {
        let log = self.gate.log()?;
        let faults: Vec<_> =
            log.lines().filter(|line| line.contains("[critical]") || line.contains("panicked")).collect();
        assert!(faults.is_empty(), "{faults:?}");
        Ok(())
    }
}

fn told(answer: &Answer) -> (u16, String) {
    (answer.status, answer.reason().unwrap_or_default())
}

#[test]
fn requests_wait_for_the_first_keys_and_are_judged_when_they_come() -> Result {
    let scene = Scene::start(Trouble::Down, &fetching("short", "1s", "1h", "1s"))?;
    for (protocol, client) in scene.clients() {
        let (answer, took) = timed(|| client.send(&scene.me()));
        let answer = answer?;
        assert_eq!(told(&answer), (503, "tokens.keys_unavailable".into()), "{protocol:?}");
        assert!(took >= Duration::from_secs(1), "{protocol:?}: it waited {took:?}");
        let wait: u64 = answer.header("retry-after").unwrap_or_default().parse()?;
        assert!((1..=60).contains(&wait), "{protocol:?}: {answer:?}");
        // Nobody waits who needs no keys, or whom no keys would help.
        assert_eq!(client.send(&Request::get("/open"))?.status, 200, "{protocol:?}");
        assert_eq!(client.send(&Request::get("/me"))?.status, 401, "{protocol:?}");
        assert_eq!(client.send(&Request::get("/me").bearer("a.b.c"))?.status, 401, "{protocol:?}");
    }
    assert!(scene.fetched(Some("status"))? > 0);
    let _ = scene.upstream.take();

    assert_eq!(scene.gate.push(&fetching("long", "1s", "1h", "30s"))?, Verdict::Accepted);
    let order = |path: &str| {
        Request::new("POST", path).bearer(&scene.token()).header("content-type", "application/json")
    };
    let rows = [
        ("no body", scene.me(), 200),
        ("good body", order("/order").chunk(r#"{"id":1}"#), 200),
        (
            "good body in chunks, with trailers",
            order("/order").chunk(r#"{"id""#).chunk(":1}").trailer("x-sum", "1"),
            200,
        ),
        ("bad body", order("/order").chunk(BAD), 422),
        (
            "bad body in chunks, with trailers",
            order("/order").chunk(r#"{"id""#).chunk(":true}").trailer("x-sum", "1"),
            422,
        ),
        ("no body where one must be", order("/order"), 400),
        ("large body", order("/order").chunk("[").chunk(" ".repeat(2000)), 413),
        ("bad body in shadow", order("/watched").chunk(BAD), 200),
        ("bad body in shadow, with trailers", order("/watched").chunk(BAD).trailer("x-sum", "1"), 200),
        ("upload", order("/upload").chunk("some").chunk("thing"), 200),
        ("large upload", order("/upload").chunk("some").chunk("x".repeat(2000)), 413),
        ("large upload with trailers", order("/upload").chunk("x".repeat(2000)).trailer("x-sum", "1"), 413),
        ("large upload of a declared length", order("/upload").chunk("x".repeat(2000)), 413),
    ];
    let mut under_way = Vec::new();
    for (protocol, client) in scene.clients() {
        for (row, request, status) in &rows {
            let (client, request) = (client.clone(), request.clone());
            under_way.push((protocol, row, status, thread::spawn(move || client.send(&request))));
        }
    }
    // One that leaves, and some whose body is still on its way.
    let begin = |line: &str, more: &str| -> Result<Raw> {
        let mut raw = scene.gate.cleartext(Protocol::H1).connect_raw()?;
        let token = scene.token();
        raw.write(format!("{line} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer {token}\r\n{more}"))?;
        Ok(raw)
    };
    let leaving = begin("GET /me", "\r\n")?;
    let json = "content-type: application/json\r\ncontent-length: 8\r\n\r\n{\"id";
    let mut late = begin("POST /order", json)?;
    let mut late_and_bad = begin("POST /order", json)?;
    let mut late_in_shadow = begin("POST /watched", json)?;
    let mut late_and_large =
        begin("POST /upload", &format!("transfer-encoding: chunked\r\n\r\n258\r\n{:600}\r\n", ""))?;
    let count = u64::try_from(2 * rows.len())?;
    scene.held(count + 5)?;
    drop(leaving);
    scene.held(count + 4)?;
    assert_eq!(scene.upstream.begun(), 2, "nothing went on but what needs no keys");
    // Those who wait outlive the policy under which they came.
    assert_eq!(scene.gate.push(&fetching("longer", "1s", "1h", "29s"))?, Verdict::Accepted);

    scene.shop.provider().set_trouble(Feed::Jwks, Trouble::None);
    for (protocol, row, status, answer) in under_way {
        let answer = answer.join().unwrap()?;
        assert_eq!(answer.status, *status, "{protocol:?} {row}: {answer:?}");
    }
    late.write("\":1}")?;
    assert_eq!(late.answer()?.status, 200);
    late_and_bad.write("\":x}")?;
    assert_eq!(late_and_bad.answer()?.status, 400);
    late_in_shadow.write("\":x}")?;
    assert_eq!(late_in_shadow.answer()?.status, 200);
    let would = [("route", "watched"), ("outcome", "would_refuse")];
    assert_eq!(scene.gate.sum("portcullis_decisions_total", &would)?, 5);
    let seen = scene.upstream.take();
    assert_eq!(seen.len(), 14, "{seen:?}");
    assert_eq!(
        scene.upstream.begun(),
        2 + 14 + 1,
        "nothing of what was refused, but the upload that goes on"
    );
    for seen in seen {
        assert_eq!(seen.headers.get("x-user-id").as_deref(), Some("42"), "{seen:?}");
        assert!(!seen.headers.has("authorization"), "{seen:?}");
        let whole = match seen.path.as_str() {
            "/order" => seen.body == br#"{"id":1}"#,
            "/upload" => seen.body == b"something",
            "/watched" => seen.body == BAD || seen.body == br#"{"id":x}"#,
            _ => seen.body.is_empty(),
        };
        assert!(whole, "{seen:?}");
    }
    // What came before and what comes after the keys is one body: its head is upstream by now, and it ends there.
    late_and_large.write(format!("258\r\n{:600}\r\n0\r\n\r\n", ""))?;
    assert_eq!(late_and_large.answer()?.status, 413);
    for (protocol, client) in scene.clients() {
        assert_eq!(client.send(&scene.me())?.status, 200, "{protocol:?}");
    }
    assert_eq!(scene.upstream.take().len(), 2);
    scene.unharmed()
}

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
            (Trouble::Many { entries: 200 }, "unusable"),
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

#[test]
fn new_keys_are_found_early_and_nobody_can_make_the_gate_ask_often() -> Result {
    /// How long after a fetch an unknown key may ask for another.
    const COOL_DOWN: Duration = Duration::from_secs(10);
    let (scene, took) = timed(|| {
        let scene = Scene::start(Trouble::None, &fetching("rotated", "5m", "1h", "5s"))?;
        let provider = scene.shop.provider();
        let passes = |client: &Client, token: &str| {
            Ok::<_, anyhow::Error>(client.send(&Request::get("/me").bearer(token))?.status == 200)
        };
        let old = scene.token();
        for (protocol, client) in scene.clients() {
            for _ in 0..16 {
                assert!(passes(&client, &old)?, "{protocol:?}");
            }
        }
        assert_eq!(provider.fetches(Feed::Jwks), 1, "one worker asks for all");

        let stranger = portcullis_shop::keys::Keys::generate()?;
        for (protocol, client) in scene.clients() {
            let unknown: Vec<_> =
                (0..50).map(|_| Request::get("/me").bearer(&Mint::new(&stranger).sign(Alg::Es256))).collect();
            for answer in client.send_together(&unknown)? {
                assert_eq!(told(&answer), (401, "tokens.unknown_key".into()), "{protocol:?}");
            }
        }

        provider.rotate(false)?;
        let new = scene.token();
        // One request is enough, however early it comes.
        assert!(!passes(&scene.gate.cleartext(Protocol::H1), &new)?);
        until("the early fetch", || Ok((provider.fetches(Feed::Jwks) == 2).then_some(())))?;
        // Each worker takes the new set over at its next look.
        for (_, client) in scene.clients() {
            until("the new keys at every worker", || {
                for _ in 0..16 {
                    if !passes(&client, &new)? || passes(&client, &old)? {
                        return Ok(None);
                    }
                }
                Ok(Some(()))
            })?;
        }
        Ok::<_, anyhow::Error>(scene)
    });
    let fetches = scene?.shop.provider().fetches(Feed::Jwks);
    let most = 2.0 + took.div_duration_f64(COOL_DOWN);
    assert!((2.0..=most).contains(&(fetches as f64)), "{fetches} fetches in {took:?}");
    Ok(())
}

#[test]
fn keys_that_stand_in_the_policy_or_the_environment_serve_their_own_algorithms() -> Result {
    const SECRET: &str = "a secret that everybody may know, of 48 bytes...";
    let shop_keys = portcullis_shop::keys::Keys::generate()?;
    let edwards = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let jwk =
        json!({ "kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": base64(edwards.public_key().as_ref()) });
    let [es, rs] = shop_keys.jwks();
    let inline = format!("{{ inline: {} }}", json!({ "keys": [es, rs, jwk] }));
    let mint = || Mint::new(&shop_keys);
    let public = user_tokens(&inline).replace("[ES256, RS256]", "[ES256, RS256, EdDSA]");
    let secret = |variable: &str| {
        let whole =
            user_tokens(&format!("{{ secret_env: {variable} }}")).replace("[ES256, RS256]", "[HS256]");
        whole
            .replace("tokens:\n", "")
            .replace("  user:", "  device:")
            .replace("user.sub", "device.sub")
            .replace("x-user-id", "x-device-id")
    };
    let routes = "routes:
  - { name: user, match: { method: GET, path: /user }, tokens: [user], access: authenticated }
  - { name: device, match: { method: GET, path: /device }, tokens: [device], access: authenticated }";
    let text = |variable| enforcing("keys", &format!("{public}{}\n{routes}", secret(variable)));

    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address())
        .env("SHOP_SECRET", SECRET)
        .env("SHORT_SECRET", "too short to be one")
        .policy(text("SHOP_SECRET"))
        .start()?;
    let hmac = |secret: &str| mint().secret(secret).sign(Alg::Hs256);
    let rows = [
        ("ES256", mint().sign(Alg::Es256), [200, 401]),
        ("RS256", mint().sign(Alg::Rs256), [200, 401]),
        ("EdDSA", eddsa(&edwards), [200, 401]),
        ("HS256", hmac(SECRET), [401, 200]),
        (
            "HS256 with another secret",
            hmac("another secret, just as long as the one that counts"),
            [401, 401],
        ),
        ("HS256 with the public RSA key", hmac(shop_keys.rs256.public_pem()), [401, 401]),
        ("HS256 with the public EC key", hmac(shop_keys.es256.public_pem()), [401, 401]),
        (
            "a good token, cut",
            mint().sign(Alg::Es256).trim_end_matches(char::is_alphanumeric).to_owned(),
            [401, 401],
        ),
    ];
    for protocol in Protocol::BOTH {
        for (row, token, expected) in &rows {
            for (path, status) in ["/user", "/device"].into_iter().zip(expected) {
                let answer = gate.cleartext(protocol).send(&Request::get(path).bearer(token))?;
                assert_eq!(answer.status, *status, "{protocol:?} {row} {path}: {answer:?}");
            }
        }
    }
    for (variable, why) in [("NO_SECRET", "the variable is not set"), ("SHORT_SECRET", "under 32 bytes")] {
        assert_eq!(gate.push(&text(variable))?, Verdict::Refused, "{variable}");
        let told = |log: &String| log.contains("tokens.device.keys.secret_env") && log.contains(why);
        until(why, || Ok(Some(gate.log()?).filter(told)))?;
    }
    let log = gate.log()?;
    assert!(!log.contains(SECRET) && !log.contains("too short to be one"), "a secret in the log");
    assert_eq!(gate.cleartext(Protocol::H1).send(&Request::get("/user").bearer(&rows[0].1))?.status, 200);
    Ok(())
}

/// A good access token of the shop's, but for how it is signed.
fn eddsa(key: &Ed25519KeyPair) -> String {
    let shop_keys = portcullis_shop::keys::Keys::generate().unwrap();
    let like = Mint::new(&shop_keys).sign(Alg::Es256);
    let claims = like.split('.').nth(1).unwrap();
    let header: Value = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "ed" });
    let input = format!("{}.{claims}", base64(header.to_string()));
    format!("{input}.{}", base64(key.sign(input.as_bytes())))
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
