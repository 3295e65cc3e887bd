//! Envoy's own filters, set to do the same work.

use serde_json::{Value, json};

/// Enough for every key of a run: the native filter forgets a key that does not fit, and hands it a whole budget again.
const KEYS: u32 = 10_000;

/// A budget that no run spends.
const PLENTY: u32 = 1_000_000;

/// What `jwt_authn` calls the claims that it verified.
const CLAIMS: &str = "claims";

/// One way to sign, as `jwt_authn` is told of it.
pub(crate) struct Provider {
    pub(crate) name: &'static str,
    pub(crate) path: &'static str,
    pub(crate) jwk: Value,
}

/// `jwt_authn` with a provider for each first segment of the path.
pub(crate) fn jwt_authn(providers: &[Provider], issuer: &str, audience: &str, cached: bool) -> Value {
    let provider = |it: &Provider| {
        let mut provider = json!({
            "issuer": issuer,
            "audiences": [audience],
            "local_jwks": { "inline_string": json!({ "keys": [it.jwk] }).to_string() },
            "payload_in_metadata": CLAIMS,
            "clock_skew_seconds": 30,
            "require_expiration": true,
            "max_lifetime": "900s",
            "claim_to_headers": [{ "header_name": "x-user-id", "claim_name": "sub" }],
        });
        if let (true, Some(fields)) = (cached, provider.as_object_mut()) {
            fields.insert("jwt_cache_config".into(), json!({ "jwt_cache_size": 4096 }));
        }
        (it.name.to_owned(), provider)
    };
    let rules: Vec<_> = providers
        .iter()
        .map(|it| json!({ "match": { "prefix": it.path }, "requires": { "provider_name": it.name } }))
        .collect();
    let providers: serde_json::Map<_, _> = providers.iter().map(provider).collect();
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": providers,
            "rules": rules,
        },
    })
}

/// `rbac`: a method, a scope and a role. It cannot compare a path with a claim, so a role stands in for the owner.
pub(crate) fn rbac(scope: &str, role: &str) -> Value {
    let claim = |name: &str, value: Value| {
        json!({ "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{ "key": CLAIMS }, { "key": name }],
            "value": value,
        } })
    };
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": { "action": "ALLOW", "policies": { "read": {
                "permissions": [{ "header": { "name": ":method", "string_match": { "exact": "GET" } } }],
                "principals": [{ "and_ids": { "ids": [
                    claim("scope", json!({ "string_match": { "contains": scope } })),
                    claim("roles", json!({ "list_match": { "one_of": { "string_match": { "exact": role } } } })),
                ] } }],
            } } },
        },
    })
}

/// Where a key of `local_ratelimit` comes from.
pub(crate) enum Key {
    /// The verified `sub`.
    Subject,
    /// A request header.
    Header(&'static str),
}

/// `local_ratelimit` with a budget per value of each key.
pub(crate) fn local_ratelimit(keys: &[Key]) -> Value {
    let bucket = json!({ "max_tokens": PLENTY, "tokens_per_fill": PLENTY, "fill_interval": "60s" });
    let always = json!({ "default_value": { "numerator": 100, "denominator": "HUNDRED" } });
    let name = |at: usize| format!("key-{at}");
    let action = |(at, key): (usize, &Key)| {
        let action = match key {
            Key::Subject => json!({ "metadata": {
                "descriptor_key": name(at),
                "metadata_key": {
                    "key": "envoy.filters.http.jwt_authn",
                    "path": [{ "key": CLAIMS }, { "key": "sub" }],
                },
                "source": "DYNAMIC",
            } }),
            Key::Header(header) => {
                json!({ "request_headers": { "header_name": header, "descriptor_key": name(at) } })
            }
        };
        json!({ "actions": [action] })
    };
    // An entry without a value stands for all of them.
    let descriptor = |at: usize| json!({ "entries": [{ "key": name(at) }], "token_bucket": bucket });
    json!({
        "name": "envoy.filters.http.local_ratelimit",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit",
            "stat_prefix": "bench",
            "token_bucket": bucket,
            "filter_enabled": always,
            "filter_enforced": always,
            "always_consume_default_token_bucket": false,
            "max_dynamic_descriptors": KEYS,
            "rate_limits": keys.iter().enumerate().map(action).collect::<Vec<_>>(),
            "descriptors": (0..keys.len()).map(descriptor).collect::<Vec<_>>(),
        },
    })
}
