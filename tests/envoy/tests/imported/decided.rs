//! What a person makes of an imported policy: an answer for each line that asks for one.

use std::collections::BTreeMap;

use portcullis_shop::keys::Keys;
use serde_json::json;

/// The policy with every `# decide:` answered. Nothing else of it changes but its mode, its name, and how many wrong
/// guesses a minute of tests may hold.
pub(crate) fn decided(imported: &str, name: &str, keys: &Keys) -> String {
    let jwks = json!({ "inline": { "keys": keys.jwks() } }).to_string();
    let mut out: Vec<String> = Vec::new();
    let mut token = "";
    // Of the route that is being written: whose its objects are.
    let mut rules: BTreeMap<String, String> = BTreeMap::new();
    let mut access_at = None;
    for line in imported.lines() {
        let trimmed = line.trim_start();
        let pad = indent(line);
        let put = |text: String| format!("{pad}{text}");
        match trimmed {
            "staff-token:" | "user-token:" => token = trimmed,
            _ if trimmed.starts_with("- name: ") => (rules, access_at) = (BTreeMap::new(), None),
            _ => {}
        }
        let written = match trimmed.strip_prefix("# decide: ") {
            Some(asked) if asked.starts_with("client:") => "client: { ip: connection }".into(),
            Some(asked) if asked.starts_with("issuer:") => format!("issuer: {}", issuer(token)),
            Some(asked) if asked.starts_with("audience:") => "audience: [shop-mobile-api]".into(),
            Some(asked) if asked.starts_with("keys:") => format!("keys: {jwks}"),
            Some(asked) if asked.starts_with("access: ") => {
                let (kind, id) = answer(asked);
                let all = rules.entry(kind.into()).or_default();
                let comma = if all.is_empty() { "" } else { ", " };
                all.push_str(&format!("{comma}{id}"));
                if let Some(line) = access_at.and_then(|at: usize| out.get_mut(at)) {
                    *line = access(line, &rules);
                }
                continue;
            }
            Some(asked) => asked.to_owned(),
            None if trimmed.starts_with("mode: ") => "mode: enforce".into(),
            None if trimmed.starts_with("name: ") && pad.is_empty() => format!("name: {name}"),
            None if trimmed.starts_with("guess-fail:") => {
                trimmed.replace("5/10m, burst: 5", "500/10m, burst: 500")
            }
            None => trimmed.to_owned(),
        };
        if written.starts_with("access: ") {
            access_at = Some(out.len());
        }
        out.push(put(written));
    }
    out.join("\n")
}

/// Two issuers, so that no token is both.
fn issuer(token: &str) -> &'static str {
    if token == "staff-token:" { "https://staff.pocket.example" } else { "https://id.shop.example" }
}

/// A user's own id names the caller; every other object has an owner that only its service knows.
fn answer(asked: &str) -> (&'static str, String) {
    let value = asked.split("value: ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
    match value {
        "path.user_id" | "query.customer_id" => {
            ("owner", format!("{{ value: {value}, is: user-token.sub }}"))
        }
        _ => ("shared", value.trim_start_matches("path.").to_owned()),
    }
}

/// The line `access: { scopes: [...] }` with the rules in it.
fn access(line: &str, rules: &BTreeMap<String, String>) -> String {
    let scopes = line.split("scopes: ").nth(1).and_then(|rest| rest.split(']').next()).unwrap_or_default();
    let pad = indent(line);
    let rules: Vec<String> = rules.iter().map(|(kind, all)| format!("{kind}: [{all}]")).collect();
    format!("{pad}access: {{ scopes: {scopes}], {} }}", rules.join(", "))
}

fn indent(line: &str) -> &str {
    line.split(|letter: char| letter != ' ').next().unwrap_or_default()
}
