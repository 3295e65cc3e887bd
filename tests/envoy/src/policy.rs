//! Policies on their way to Envoy.

use anyhow::{Context, Result};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint;
use serde_json::{Value, json};

/// A policy of this name and mode for every host, over TLS or not; `rest` is YAML, its `routes` at least.
#[must_use]
pub fn policy(name: &str, mode: &str, rest: &str) -> String {
    format!(
        r#"
version: 1
name: {name}
mode: {mode}
routing: {{ hosts: any, other_hosts: refuse, unmatched: 404, preflight: refuse }}
transport: {{ cleartext: allow, min_tls: "1.2" }}
{rest}
"#
    )
}

/// The sample policy's token `user`, but with these keys written down instead of fetched. As JSON, which is YAML too.
#[must_use]
pub fn user_token(keys: &Keys) -> Value {
    json!({
        "issuer": mint::ISSUER,
        "audience": [mint::AUDIENCE],
        "algorithms": ["ES256", "RS256"],
        "type": ["at+jwt"],
        "keys": { "inline": { "keys": keys.jwks() } },
        "max_lifetime": "15m",
        "clock_skew": "30s",
        "require": ["sub", "jti", "sid"],
        "claims": [{ "claim": "tenant", "is": "shop" }],
        "dpop": "disabled",
        "forward": { "x-user-id": "user.sub" },
        "keep": false,
    })
}

/// The one JSON string in which a policy reaches the filter. JSON is taken byte for byte, right or wrong; YAML is translated.
pub(crate) fn to_json(text: &str) -> Result<String> {
    if text.trim_start().starts_with('{') {
        return Ok(text.to_owned());
    }
    let policy: Value = serde_saphyr::from_str(text).context("the policy is not YAML")?;
    Ok(policy.to_string())
}

/// The file that Envoy watches: the sample's own plugin configuration around a policy.
pub(crate) fn ecds(plugin: &Value, policy: &str) -> Result<Value> {
    let mut plugin = plugin.clone();
    *plugin.pointer_mut("/config/configuration/value").context("the plugin has no configuration")? =
        policy.into();
    Ok(json!({
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "portcullis",
            "typed_config": plugin,
        }],
    }))
}
