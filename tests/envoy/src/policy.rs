//! Policies on their way to Envoy.

use std::ffi::OsString;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
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

/// A policy that enforces what it says, whose client is whoever is connected.
#[must_use]
pub fn enforcing(name: &str, rest: &str) -> String {
    policy(name, "enforce", &format!("client: {{ ip: connection }}\n{rest}"))
}

/// The field `tokens` with one definition, `user`, that takes the shop's access tokens. `keys` is what stands there, on one
/// line.
#[must_use]
pub fn user_tokens(keys: &str) -> String {
    format!(
        "
tokens:
  user:
    issuer: https://id.shop.example
    audience: [shop-mobile-api]
    algorithms: [ES256, RS256]
    keys: {keys}
    max_lifetime: 15m
    require: [sub]
    forward: {{ x-user-id: user.sub }}
    keep: false
"
    )
}

/// The one document that the filter takes, made of a policy's file and all that it names as `portcullis bundle` makes it.
pub fn bundle(policy: &Path) -> Result<String> {
    written(&["bundle", "--format", "policy"], policy)
}

/// The limits file of Limitador, made of a policy (YAML text) as `portcullis limits` makes it.
pub fn limitador(policy: &str) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("policy.yaml");
    std::fs::write(&file, policy)?;
    written(&["limits", "--format", "limitador"], &file)
}

/// What a verb writes of a policy.
fn written(words: &[&str], policy: &Path) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let output = folder.path().join("output");
    let words = ["portcullis"].iter().chain(words).chain(&["--output"]).map(OsString::from);
    let exit = portcullis::cli::run(words.chain([output.clone().into(), policy.into()]));
    ensure!(exit == ExitCode::SUCCESS, "{} is refused", policy.display());
    std::fs::read_to_string(output).context("what the verb wrote")
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
    configured(plugin, json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": policy }))
}

/// The same with the policy as a `Struct`, which is read by Envoy before the filter sees it.
pub(crate) fn ecds_struct(plugin: &Value, policy: &str) -> Result<Value> {
    configured(plugin, json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": policy }))
}

fn configured(plugin: &Value, configuration: Value) -> Result<Value> {
    let mut plugin = plugin.clone();
    *plugin.pointer_mut("/config/configuration").context("the plugin has no configuration")? = configuration;
    Ok(json!({
        "resources": [{
            "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
            "name": "portcullis",
            "typed_config": plugin,
        }],
    }))
}
