//! What is to be tried: the routes of a policy that have an owner, with everything that a request to them needs.

use serde_json::Value;

use crate::model::claims::Claims;
use crate::model::name::Name;
use crate::model::value::Source;
use crate::model::value::ValueRef;

/// One route and method, and whose the object is that it names.
pub(super) struct Target {
    pub(super) route: String,
    pub(super) method: String,
    /// The pattern, from the host's root.
    pub(super) path: String,
    /// Query parameters and headers that must be there, in the notation of values.
    pub(super) required: Vec<String>,
    /// The header that tells this version of an endpoint from others.
    pub(super) says: Option<(String, String)>,
    pub(super) takes_body: bool,
    /// The tokens that the route demands: of each entry, those that will do.
    pub(super) tokens: Vec<Vec<String>>,
    pub(super) rules: Vec<Rule>,
}

/// One owner rule: where the id stands, and which claim it equals.
pub(super) struct Rule {
    pub(super) values: Vec<ValueRef>,
    pub(super) is: ValueRef,
}

/// A token definition: its name, and the header and scheme it stands in.
pub(super) struct Token {
    pub(super) name: Name,
    pub(super) header: String,
    pub(super) scheme: Option<String>,
}

/// The policy's tokens, in the order in which claims number them.
pub(super) fn tokens(policy: &Value) -> Vec<Token> {
    let all = policy.get("tokens").and_then(Value::as_object).into_iter().flatten();
    let read = |(name, definition): (&String, &Value)| {
        let place = definition.get("in");
        let text =
            |field| place.and_then(|place| place.get(field)).and_then(Value::as_str).map(str::to_owned);
        let header = text("header").unwrap_or_else(|| "authorization".into());
        let usual = header.eq_ignore_ascii_case("authorization").then(|| "Bearer".into());
        Some(Token { name: name.parse().ok()?, scheme: text("scheme").or(usual), header })
    };
    all.filter_map(read).collect()
}

/// Every route and method that has an owner, in the policy's order.
pub(super) fn targets(policy: &Value, tokens: &[Token]) -> Vec<Target> {
    let names: Vec<Name> = tokens.iter().map(|token| token.name.clone()).collect();
    let nothing = Value::Null;
    let defaults = policy.get("defaults").unwrap_or(&nothing);
    let mut out = Vec::new();
    for entry in list(policy.get("routes")) {
        match entry.get("routes") {
            None => out.extend(of_route(entry, &[defaults], "", &names)),
            members => {
                let prefix = entry.get("path").and_then(Value::as_str).unwrap_or_default();
                for route in list(members) {
                    out.extend(of_route(route, &[entry, defaults], prefix, &names));
                }
            }
        }
    }
    out
}

/// One target for each method of a route, on its first path.
fn of_route(route: &Value, below: &[&Value], prefix: &str, names: &[Name]) -> Vec<Target> {
    let matched = |field: &str| words(route.pointer(&format!("/match/{field}")));
    let rules: Vec<Rule> = [block(route, below, "access"), block(route, below, "response")]
        .iter()
        .flat_map(|block| one_or_list(block.get("owner")))
        .filter_map(|owner| Rule::read(&owner, names))
        .collect();
    let paths = matched("path");
    let (Some(path), false) = (paths.first(), rules.is_empty()) else { return Vec::new() };
    let request = block(route, below, "request");
    let nearest = std::iter::once(route).chain(below.iter().copied());
    let tokens = nearest.map(|level| level.get("tokens")).find_map(|it| it).map(demanded).unwrap_or_default();
    let says = matched("header/name").first().cloned().zip(matched("header/is").first().cloned());
    let target = |method: String| Target {
        says: says.clone(),
        route: route.get("name").and_then(Value::as_str).unwrap_or_default().to_owned(),
        takes_body: request.get("schema").is_some() || request.get("content").is_some(),
        required: words(request.get("required")),
        path: format!("{prefix}{path}"),
        tokens: tokens.clone(),
        rules: rules.iter().map(|rule| Rule { values: rule.values.clone(), is: rule.is.clone() }).collect(),
        method,
    };
    matched("method").into_iter().map(target).collect()
}

/// A route's block with what its group and the defaults say where it does not.
fn block(route: &Value, below: &[&Value], name: &str) -> Value {
    let mut out = serde_json::Map::new();
    for level in std::iter::once(route).chain(below.iter().copied()) {
        match level.get(name) {
            None => {}
            Some(Value::Object(fields)) => {
                for (field, value) in fields {
                    out.entry(field.clone()).or_insert_with(|| value.clone());
                }
            }
            // A word, `authenticated`: nothing below it counts.
            Some(_) => break,
        }
    }
    Value::Object(out)
}

/// The names that each entry of `tokens` would take.
fn demanded(tokens: &Value) -> Vec<Vec<String>> {
    fn choices(entry: &Value) -> Vec<String> {
        match (entry.get("optional"), entry.get("any")) {
            (Some(inner), _) => choices(inner),
            (None, Some(any)) => words(Some(any)),
            (None, None) => words(Some(entry)),
        }
    }
    list(Some(tokens)).iter().map(choices).collect()
}

impl Rule {
    fn read(owner: &Value, names: &[Name]) -> Option<Self> {
        let value = |text: &String| ValueRef::parse(text, names).ok();
        let values = words(owner.get("value")).iter().filter_map(value).collect();
        Some(Self { values, is: value(&owner.get("is")?.as_str()?.to_owned())? })
    }

    /// What an account is called by this rule: the claim, or all of a claim that is a list.
    pub(super) fn ids(&self, claims: &dyn Fn(usize) -> Option<Claims>) -> Vec<Value> {
        let found = self.is.claims().find_map(|place| claims(place.token)?.get(&place.claim).cloned());
        match found {
            None => Vec::new(),
            Some(Value::Array(several)) => several,
            Some(one) => vec![one],
        }
    }

    /// Every place that the rule looks at.
    pub(super) fn sources(&self) -> impl Iterator<Item = &Source> {
        self.values.iter().flat_map(ValueRef::sources)
    }
}

fn list(value: Option<&Value>) -> &[Value] {
    value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn one_or_list(value: Option<&Value>) -> Vec<Value> {
    match value {
        None => Vec::new(),
        Some(Value::Array(several)) => several.clone(),
        Some(one) => vec![one.clone()],
    }
}

/// A text, or a list of them.
fn words(value: Option<&Value>) -> Vec<String> {
    one_or_list(value).iter().filter_map(Value::as_str).map(str::to_owned).collect()
}
