//! Tokens with a scope, an owner and limits: fresh, known, none and bad ones.

use portcullis_tokens::{merged, mint};
use serde_json::{Map, Value, json};

use crate::traffic::{Exchange, OFTEN, Scene, policy};

/// The callers, each with a token of its own.
const CALLERS: usize = 2;

/// How often all callers come again: of a hundred tokens one is fresh, which is clearly seldom.
const ROUNDS: usize = OFTEN.div_ceil(CALLERS);

const SCOPE: &str = "orders:read";

/// A rate and a burst that all requests together do not use up.
const AMPLE: (&str, u32) = ("1000000/1m", 1_000_000);

/// How tokens are signed.
#[derive(Clone, Copy)]
struct Signed {
    /// The name of the definition, of the key, and the first segment of the paths that demand it.
    name: &'static str,
    algorithm: &'static str,
    /// The way of signing, as the mint calls it.
    how: &'static str,
}

const RS: Signed = Signed { name: "rs", algorithm: "RS256", how: "rs256" };
const ES: Signed = Signed { name: "es", algorithm: "ES256", how: "es256" };
/// With a key that the policy does not know.
const FORGED: Signed = Signed { how: "es256-other", ..ES };

/// A token, a scope, an owner and one limit, for each way to sign.
pub(super) fn demanding() -> Scene {
    let mut exchanges = vec![Exchange::get("open", "/open")];
    exchanges.extend(good());
    let tight = |name| Exchange::get(name, "/tight").bearer(&token(ES, 0));
    exchanges.extend([
        Exchange::get("no token", &path(RS, 0)).refused(401),
        Exchange::get("a bad token", &path(ES, 0)).bearer(&token(FORGED, 0)).refused(401),
        tight("the limit's first").times(1),
        tight("over the limit").refused(429).times(2),
    ]);
    // One question for each caller's tokens, and one for the bad token.
    Scene { name: "tokens", policy: policy(demands()), exchanges, questions: 5 }
}

/// The same with `transport`, the app's version and a limit per address, over TLS and without.
pub(super) fn whole() -> Scene {
    let mut whole = policy(demands());
    let minimum = json!({ "ios": "5.0.0", "android": "5.1.0" });
    let version = json!({ "from": "header.x-app-version", "minimum": minimum, "unknown": "allow" });
    portcullis_tokens::merge(
        &mut whole,
        &json!({
            "modes": null,
            "client": { "ip": "connection", "platform": "header.x-app-platform", "app_version": version },
            "limits": { "per-ip": limit("ip", AMPLE) },
        }),
    );
    for route in whole.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(limits) = route.get_mut("limits").and_then(Value::as_array_mut) {
            limits.push("per-ip".into());
        }
    }
    let cleartext = good();
    let tls = good().into_iter().map(|exchange| Exchange { tls: true, ..exchange });
    let exchanges = cleartext.into_iter().chain(tls).collect();
    Scene { name: "tokens, transport and client", policy: whole, exchanges, questions: 4 }
}

/// What all callers ask: their tokens are fresh in the first round and known ever after.
fn good() -> Vec<Exchange> {
    let mut exchanges = Vec::new();
    for signed in [RS, ES] {
        let tokens: Vec<String> = (0..CALLERS).map(|caller| token(signed, caller)).collect();
        for _ in 0..ROUNDS {
            let ask = |(caller, token): (usize, &String)| {
                Exchange::get("a good token", &path(signed, caller)).bearer(token).times(1)
            };
            exchanges.extend(tokens.iter().enumerate().map(ask));
        }
    }
    exchanges
}

fn demands() -> Value {
    let (mut tokens, mut limits, mut routes) = (Map::new(), Map::new(), Vec::new());
    for Signed { name, algorithm, .. } in [RS, ES] {
        let subject = format!("{name}.sub");
        let per_caller = format!("per-{name}");
        let key = merged(mint::jwk(name), &json!({ "alg": algorithm, "use": "sig" }));
        tokens.insert(
            name.into(),
            json!({
                "issuer": "https://id.shop.example",
                "audience": ["shop-mobile-api"],
                "algorithms": [algorithm],
                "type": ["at+jwt"],
                "keys": { "inline": { "keys": [key] } },
                "max_lifetime": "15m",
                "clock_skew": "30s",
                "require": ["sub"],
                "dpop": "disabled",
                "forward": { "x-user-id": subject },
                "keep": false,
            }),
        );
        limits.insert(per_caller.clone(), limit(&subject, AMPLE));
        routes.push(json!({
            "name": format!("{name}.get"),
            "match": { "method": "GET", "path": format!("/{name}/{{user}}") },
            "tokens": [name],
            "access": { "scopes": [SCOPE], "owner": { "value": "path.user", "is": subject } },
            "limits": [per_caller],
        }));
    }
    limits.insert("tight".into(), limit("es.sub", ("1/1m", 1)));
    routes.push(json!({
        "name": "tight", "match": { "method": "GET", "path": "/tight" }, "tokens": ["es"], "access": "authenticated",
        "limits": ["tight"],
    }));
    routes.push(json!({ "name": "open", "match": { "method": "GET", "path": "/open" }, "tokens": "none" }));
    json!({ "tokens": tokens, "limits": limits, "routes": routes })
}

fn limit(key: &str, (rate, burst): (&str, u32)) -> Value {
    json!({ "key": [key], "rate": rate, "burst": burst })
}

/// A caller's `sub`.
fn name(caller: usize) -> String {
    format!("0b7e5b9c-3f6e-4a36-8a57-{caller:012}")
}

fn path(signed: Signed, caller: usize) -> String {
    format!("/{}/{}", signed.name, name(caller))
}

/// A caller's token. Keys, times and signatures are always the same, so that hints are.
fn token(signed: Signed, caller: usize) -> String {
    let header = json!({ "alg": signed.algorithm, "typ": "at+jwt", "kid": signed.name });
    let patch = json!({
        "sub": name(caller),
        "jti": format!("01890a5d-ac96-774b-bcce-{caller:012}"),
        "sid": "7b0fe4a2-11c8-4bbb-9bd4-9a2f8c2f1c1d",
        "scope": format!("{SCOPE} orders:write profile"),
        "acr": "urn:shop:pwd",
        "plan": "gold",
        "roles": ["customer"],
    });
    mint::token(header.to_string(), merged(mint::claims(), &patch).to_string(), signed.how)
}
