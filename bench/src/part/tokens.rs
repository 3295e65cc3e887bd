//! A token, a scope, an owner and a budget per caller, beside `jwt_authn`, `rbac` and `local_ratelimit`.

use anyhow::Result;
use portcullis_shop::mint::{AUDIENCE, ISSUER};
use serde_json::{Map, Value, json};

use crate::envoy::{Chain, Served, baseline, empty, portcullis};
use crate::native;
use crate::part::policy;
use crate::report::{Page, Target};
use crate::rounds::{Effort, Row, measure};
use crate::tokens::{CALLERS, Issuer, ROLE, SCOPE, Signed, get, name};

const BARE: &str = "bare";
const EMPTY: &str = "empty filter";
const CALLS: &str = "empty filter: the host calls of a warm request";
const VERIFYING: &str = "empty filter: the host calls of a fresh RS256";
const OPEN: &str = "Portcullis: a route without demands";
const WHOLE: &str = "Portcullis: RS256, warm, with transport, app version and a limit per address";
const REFUSED: &str = "Portcullis: refused, no token";
const REFUSED_NATIVE: &str = "native: refused, no token";

/// The names of the rows of one way to sign.
struct Names {
    cached: &'static str,
    uncached: &'static str,
    warm: &'static str,
    fresh: &'static str,
    baseline_warm: &'static str,
    baseline_fresh: &'static str,
}

fn names(signed: Signed) -> Names {
    match signed {
        Signed::Rs256 => Names {
            cached: "native: RS256, cached",
            uncached: "native: RS256, no cache",
            warm: "Portcullis: RS256, warm",
            fresh: "Portcullis: RS256, fresh",
            baseline_warm: "baseline: RS256, warm",
            baseline_fresh: "baseline: RS256, fresh",
        },
        Signed::Es256 => Names {
            cached: "native: ES256, cached",
            uncached: "native: ES256, no cache",
            warm: "Portcullis: ES256, warm",
            fresh: "Portcullis: ES256, fresh",
            baseline_warm: "baseline: ES256, warm",
            baseline_fresh: "baseline: ES256, fresh",
        },
        Signed::EdDsa => Names {
            cached: "native: EdDSA, cached",
            uncached: "native: EdDSA, no cache",
            warm: "Portcullis: EdDSA, warm",
            fresh: "Portcullis: EdDSA, fresh",
            baseline_warm: "baseline: EdDSA, warm",
            baseline_fresh: "baseline: EdDSA, fresh",
        },
    }
}

pub(crate) fn run(effort: Effort) -> Result<Page> {
    let issuer = Issuer::new()?;
    let mut chains = chains(&issuer)?;
    let baseline = baseline(&demanding(&issuer));
    let compared = baseline.is_some();
    chains.extend(baseline.map(|filter| Chain::new("baseline", vec![filter])));
    let served = Served::start(chains, None, 1)?;
    let at = |chain: &str| served.address(chain);

    let warm = |signed| issuer.requests(signed, CALLERS);
    let simple = || vec![get("/open", "")];
    let anonymous = || vec![get(&format!("/rs/{}", name(0)), "")];
    let mut rows = vec![
        Row::new(BARE, at("bare")?, warm(Signed::Rs256), 200)?,
        Row::new(EMPTY, at("empty")?, warm(Signed::Rs256), 200)?,
        Row::new(CALLS, at("calls")?, warm(Signed::Rs256), 200)?,
        Row::new(VERIFYING, at("verifying")?, warm(Signed::Rs256), 200)?,
        Row::new(OPEN, at("portcullis")?, simple(), 200)?,
        Row::new(REFUSED_NATIVE, at("cached")?, anonymous(), 401)?,
        Row::new(REFUSED, at("portcullis")?, anonymous(), 401)?,
        Row::new(WHOLE, at("whole")?, warm(Signed::Rs256), 200)?,
    ];
    for signed in Signed::ALL {
        let Names { cached, uncached, warm: known, fresh, baseline_warm, baseline_fresh } = names(signed);
        let each_once = issuer.requests(signed, effort.all());
        rows.push(Row::new(cached, at("cached")?, warm(signed), 200)?);
        rows.push(Row::new(uncached, at("uncached")?, each_once.clone(), 200)?);
        rows.push(Row::new(known, at("portcullis")?, warm(signed), 200)?);
        if compared {
            rows.push(Row::new(baseline_warm, at("baseline")?, warm(signed), 200)?);
            rows.push(Row::new(baseline_fresh, at("baseline")?, each_once.clone(), 200)?);
        }
        rows.push(Row::new(fresh, at("portcullis")?, each_once, 200)?);
    }
    served.workers.pin()?;
    let measured = measure(&served.workers, &mut rows, effort)?;

    let mut page = Page::new("Tokens, access and one limit per caller");
    page.costs(&measured, BARE)?;
    for signed in Signed::ALL {
        let Names { cached, uncached, warm, fresh, baseline_warm, baseline_fresh } = names(signed);
        let most = |ratio| (signed != Signed::EdDsa).then_some(Target::AtMost(ratio));
        page.ratio(&measured, (warm, cached, BARE), Some(Target::AtMost(0.9)))?;
        page.ratio(&measured, (fresh, uncached, BARE), most(1.0))?;
        if compared {
            page.ratio(&measured, (warm, baseline_warm, BARE), None)?;
            page.ratio(&measured, (fresh, baseline_fresh, BARE), None)?;
        }
    }
    // What a filter would cost whose own work costs nothing.
    page.ratio(&measured, (CALLS, names(Signed::Rs256).cached, BARE), None)?;
    page.ratio(&measured, (VERIFYING, names(Signed::Rs256).uncached, BARE), None)?;
    page.ratio(&measured, (REFUSED, names(Signed::Rs256).warm, BARE), Some(Target::Below(1.0)))?;
    page.ratio(&measured, (REFUSED, REFUSED_NATIVE, BARE), None)?;
    Ok(page)
}

fn chains(issuer: &Issuer) -> Result<Vec<Chain>> {
    let providers = || {
        let provider = |signed: Signed| native::Provider {
            name: signed.name(),
            path: signed.prefix(),
            jwk: issuer.jwk(signed),
        };
        Signed::ALL.map(provider)
    };
    let native = |cached| {
        vec![
            native::jwt_authn(&providers(), ISSUER, AUDIENCE, cached),
            native::rbac(SCOPE, ROLE),
            native::local_ratelimit(&[native::Key::Subject]),
        ]
    };
    let mut whole = demanding(issuer);
    if let Some(whole) = whole.as_object_mut() {
        whole.remove("modes");
        whole.insert("name".into(), "whole".into());
        let minimum = json!({ "ios": "5.0.0", "android": "5.1.0" });
        let version = json!({ "from": "header.x-app-version", "minimum": minimum, "unknown": "allow" });
        let client =
            json!({ "ip": "connection", "platform": "header.x-app-platform", "app_version": version });
        whole.insert("client".into(), client);
        if let Some(limits) = whole.get_mut("limits").and_then(Value::as_object_mut) {
            limits
                .insert("per-ip".into(), json!({ "key": ["ip"], "rate": "1000000/1m", "burst": 1_000_000 }));
        }
        for route in whole.get_mut("routes").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(limits) = route.get_mut("limits").and_then(Value::as_array_mut) {
                limits.push("per-ip".into());
            }
        }
    }
    Ok(vec![
        Chain::new("bare", vec![]),
        Chain::new("empty", vec![empty("empty", "")?]),
        Chain::new("calls", vec![empty("calls", "calls")?]),
        Chain::new("verifying", vec![empty("verifying", &format!("calls {}", issuer.question()?))?]),
        Chain::new("cached", native(true)),
        Chain::new("uncached", native(false)),
        Chain::new("portcullis", vec![portcullis(&demanding(issuer))?]),
        Chain::new("whole", vec![portcullis(&whole)?]),
    ])
}

/// A token, a scope, an owner and one limit, for each way to sign.
fn demanding(issuer: &Issuer) -> Value {
    let mut tokens = Map::new();
    let mut limits = Map::new();
    let mut routes = vec![json!({
        "name": "open",
        "match": { "method": "GET", "path": "/open" },
        "tokens": "none",
    })];
    for signed in Signed::ALL {
        let name = signed.name();
        let limit = format!("per-{name}");
        tokens.insert(
            name.into(),
            json!({
                "issuer": ISSUER,
                "audience": [AUDIENCE],
                "algorithms": [signed.algorithm()],
                "type": ["at+jwt"],
                "keys": { "inline": { "keys": [issuer.jwk(signed)] } },
                "max_lifetime": "15m",
                "clock_skew": "30s",
                "require": ["sub"],
                "dpop": "disabled",
                "forward": { "x-user-id": format!("{name}.sub") },
                "keep": false,
            }),
        );
        limits.insert(
            limit.clone(),
            json!({ "key": [format!("{name}.sub")], "rate": "1000000/1m", "burst": 1_000_000 }),
        );
        routes.push(json!({
            "name": format!("{name}.get"),
            "match": { "method": "GET", "path": format!("{}{{user}}", signed.prefix()) },
            "tokens": [name],
            "access": { "scopes": [SCOPE], "owner": { "value": "path.user", "is": format!("{name}.sub") } },
            "limits": [limit],
        }));
    }
    policy(json!({ "tokens": tokens, "limits": limits, "routes": routes }))
}
