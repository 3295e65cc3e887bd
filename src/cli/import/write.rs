//! The policy as text: blocks, and a comment for each thing that is left to a person.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::cli::import::flow::field;
use crate::cli::import::flow::inline;
use crate::cli::import::limits;
use crate::cli::import::names;
use crate::cli::import::route::Route;

/// Everything that the policy says.
pub(super) struct Draft {
    /// Where it comes from: the contract's title and version.
    pub(super) source: String,
    pub(super) name: String,
    pub(super) hosts: Vec<String>,
    /// Names of tokens, and where their issuers describe themselves.
    pub(super) tokens: Vec<(String, Option<String>)>,
    pub(super) schemas: BTreeMap<String, Value>,
    pub(super) routes: Vec<Route>,
}

/// A written policy.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) groups: usize,
    /// How many lines ask a person to decide.
    pub(super) decisions: usize,
}

/// Lines, and how many of them ask.
#[derive(Default)]
struct Lines {
    lines: Vec<String>,
    decisions: usize,
}

impl Lines {
    fn put(&mut self, indent: usize, line: &str) {
        self.lines.push(format!("{}{line}", " ".repeat(indent)));
    }

    fn field(&mut self, indent: usize, name: &str, value: &Value) {
        field(name, value, indent, &mut self.lines);
    }

    fn decide(&mut self, indent: usize, what: &str) {
        self.decisions = self.decisions.saturating_add(1);
        self.put(indent, &format!("# decide: {what}"));
    }
}

impl Draft {
    pub(super) fn write(mut self, taken: &mut Vec<String>) -> Written {
        let mut out = Lines::default();
        out.put(
            0,
            &format!("# From {}. Whatever the contract does not say is marked `decide`, and", self.source),
        );
        out.put(0, "# `portcullis check` refuses the policy until somebody has.");
        out.put(0, "");
        out.field(0, "version", &json!(1));
        out.field(0, "name", &json!(self.name));
        out.put(0, "mode: shadow    # count what would be refused, change nothing: the way to begin");
        out.put(0, "");
        match self.hosts.is_empty() {
            true => out.decide(0, "routing: { hosts: [api.example] }    # whom this policy speaks for"),
            false => out.field(0, "routing", &json!({ "hosts": self.hosts })),
        }
        let limited = self.routes.iter().any(|route| !route.limits.is_empty());
        if limited {
            out.decide(0, "client: { ip: connection }    # or forwarded, where the hops in front are yours");
        }
        self.tokens(&mut out);
        if limited {
            out.put(0, "");
            out.put(0, "limits:    # suggested, by the names of operations");
            for (name, limit) in limits::SUGGESTED {
                out.put(2, &format!("{name}: {limit}"));
            }
        }
        if !self.schemas.is_empty() {
            out.put(0, "");
            out.put(0, "schemas:");
            for (name, schema) in &self.schemas {
                out.field(2, name, schema);
            }
        }
        out.put(0, "");
        // The contract's word on parameters is the whole list of them.
        out.put(0, "defaults: { request: { unknown_query: reject } }");
        out.put(0, "");
        let groups = self.groups(taken, &mut out);
        out.lines.push(String::new());
        Written { text: out.lines.join("\n"), groups, decisions: out.decisions }
    }

    fn tokens(&self, out: &mut Lines) {
        if self.tokens.is_empty() {
            return;
        }
        out.put(0, "");
        out.put(0, "tokens:");
        for (name, discovery) in &self.tokens {
            out.put(2, &format!("{name}:"));
            let hint = discovery.as_deref().map(|url| format!(" (see {url})")).unwrap_or_default();
            out.decide(4, &format!("issuer: https://id.example    # the exact `iss`{hint}"));
            out.decide(4, "audience: [this-api]    # what `aud` calls this API");
            out.decide(4, "algorithms: [ES256]");
            out.decide(4, "keys: { jwks: { url: https://id.example/jwks.json, cluster: idp } }");
            out.decide(4, "max_lifetime: 15m");
            out.put(4, "require: [sub]");
            out.put(4, "keep: false");
        }
    }

    fn groups(&mut self, taken: &mut Vec<String>, out: &mut Lines) -> usize {
        let mut groups: BTreeMap<String, Vec<Route>> = BTreeMap::new();
        for route in self.routes.drain(..) {
            groups.entry(prefix(&route.path)).or_default().push(route);
        }
        if groups.is_empty() {
            out.put(0, "routes: []");
            return 0;
        }
        out.put(0, "routes:");
        let count = groups.len();
        for (path, routes) in groups {
            let last = path.rsplit('/').next().unwrap_or_default();
            let name = names::unused(names::slug(if last.is_empty() { "root" } else { last }), taken);
            out.put(2, &format!("- group: {}", inline(&name.into())));
            if !path.is_empty() {
                out.field(4, "path", &json!(path));
            }
            let first = routes.first().and_then(|route| route.demand.tokens.clone());
            let common =
                first.filter(|it| routes.iter().all(|route| route.demand.tokens.as_ref() == Some(it)));
            if let Some(tokens) = &common {
                out.field(4, "tokens", tokens);
            }
            out.put(4, "routes:");
            for route in &routes {
                route.write(&path, common.is_some(), out);
            }
            out.put(0, "");
        }
        out.lines.pop();
        count
    }
}

impl Route {
    fn write(&self, prefix: &str, says_tokens: bool, out: &mut Lines) {
        out.put(6, &format!("- name: {}", inline(&json!(self.name))));
        let path = self.path.strip_prefix(prefix).unwrap_or(&self.path);
        out.field(8, "match", &json!({ "method": self.method, "path": path }));
        if let Some(tokens) = self.demand.tokens.as_ref().filter(|_| !says_tokens) {
            out.field(8, "tokens", tokens);
        }
        if let Some(access) = &self.access {
            out.field(8, "access", access);
        }
        for what in self.demand.decide.iter().chain(&self.decide) {
            out.decide(8, what);
        }
        if !self.request.is_empty() {
            out.field(8, "request", &Value::Object(self.request.clone()));
        }
        if let Some(response) = &self.response {
            out.field(8, "response", response);
        }
        if !self.limits.is_empty() {
            out.field(8, "limits", &json!(self.limits));
        }
    }
}

/// The path of a route's group: up to the first segment that names a thing, past version numbers.
pub(super) fn prefix(path: &str) -> String {
    let mut end = 0_usize;
    for segment in path.split('/').skip(1) {
        if segment.is_empty() || segment.contains('{') {
            break;
        }
        end = end.saturating_add(segment.len()).saturating_add(1);
        let version =
            segment.strip_prefix('v').is_some_and(|number| number.chars().all(|it| it.is_ascii_digit()));
        if !version && segment != "api" {
            break;
        }
    }
    path.get(..end).unwrap_or_default().to_owned()
}
