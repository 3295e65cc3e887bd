//! Whom an operation lets in: OpenAPI's `securitySchemes` and `security` as token definitions and demands.

use std::collections::BTreeMap;

use serde_json::Value;
use serde_json::json;

use crate::cli::import::contract::Contract;
use crate::cli::import::contract::Found;
use crate::cli::import::names;
use crate::model::value::RESERVED;

/// The contract's schemes, by their names there.
#[derive(Default)]
pub(super) struct Schemes(BTreeMap<String, Scheme>);

/// One way to show who calls.
pub(super) enum Scheme {
    /// A token in a header: what the policy calls it, and where the contract says its issuer describes itself.
    Token { name: String, discovery: Option<String> },
    /// Anything else, such as an API key: nothing here judges it.
    Other { kind: String },
}

/// What an operation demands of its caller.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Demand {
    /// The value of `tokens`; nothing where the contract does not say it in a way that is kept here.
    pub(super) tokens: Option<Value>,
    /// The value of `access.scopes`.
    pub(super) scopes: Option<Value>,
    /// The name of the token that owners are compared with.
    pub(super) first: Option<String>,
    /// Whether callers without any token are let in too.
    pub(super) guests: bool,
    /// What a person must decide.
    pub(super) decide: Vec<String>,
}

impl Schemes {
    pub(super) fn read(contract: &mut Contract, document: &Found) -> Result<Self, String> {
        let mut schemes = BTreeMap::new();
        let mut taken: Vec<String> = RESERVED.iter().map(|word| (*word).to_owned()).collect();
        taken.extend(["none", "any", "optional"].map(str::to_owned));
        for (key, scheme) in document.get("components").get("securitySchemes").members() {
            let scheme = contract.resolve(scheme)?;
            let kind = scheme.text("type").unwrap_or_default();
            let bearer = scheme.text("scheme").is_some_and(|it| it.eq_ignore_ascii_case("bearer"));
            let is_token = matches!((kind, bearer), ("http", true) | ("oauth2" | "openIdConnect", _));
            let read = if is_token {
                let name = names::unused(names::slug(key).replace('.', "-"), &mut taken);
                Scheme::Token { name, discovery: scheme.text("openIdConnectUrl").map(str::to_owned) }
            } else {
                Scheme::Other { kind: kind.into() }
            };
            schemes.insert(key.clone(), read);
        }
        Ok(Self(schemes))
    }

    /// The tokens that the policy defines: names, and where their issuers describe themselves.
    pub(super) fn tokens(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.0.values().filter_map(|scheme| match scheme {
            Scheme::Token { name, discovery } => Some((name.as_str(), discovery.as_deref())),
            Scheme::Other { .. } => None,
        })
    }

    /// What `security` demands. A contract that says nothing of it has decided nothing.
    pub(super) fn demand(&self, security: &Value) -> Demand {
        let Some(alternatives) = security.as_array() else {
            let why = "tokens: the contract does not say who may call this: `none`, or a list such as [user]";
            return Demand { decide: vec![why.into()], ..Demand::default() };
        };
        let (guests, known): (Vec<_>, Vec<_>) =
            alternatives.iter().map(|one| self.requirement(one)).partition(Requirement::is_empty);
        match (known.as_slice(), guests.is_empty()) {
            ([], _) => Demand { tokens: Some("none".into()), ..Demand::default() },
            ([one], true) => one.demand(),
            ([one], false) => one.optional(),
            (several, guests) => any_of(several, !guests),
        }
    }

    fn requirement(&self, written: &Value) -> Requirement {
        let mut out = Requirement::default();
        for (key, scopes) in written.as_object().into_iter().flatten() {
            match self.0.get(key) {
                Some(Scheme::Token { name, .. }) => {
                    let scopes = scopes.as_array().into_iter().flatten().filter_map(Value::as_str);
                    out.tokens.push((name.clone(), scopes.map(str::to_owned).collect()));
                }
                Some(Scheme::Other { kind }) => out.others.push(format!("`{key}` ({kind})")),
                None => out.others.push(format!("`{key}`, which it does not define")),
            }
        }
        out
    }
}

/// One alternative of `security`: all of it must hold.
#[derive(Default)]
struct Requirement {
    tokens: Vec<(String, Vec<String>)>,
    others: Vec<String>,
}

impl Requirement {
    fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.others.is_empty()
    }

    fn demand(&self) -> Demand {
        let mut decide = Vec::new();
        if !self.others.is_empty() {
            decide.push(format!(
                "tokens: the contract asks for {}, which nothing here judges",
                self.others.join(", ")
            ));
        }
        if self.tokens.is_empty() {
            return Demand { decide, ..Demand::default() };
        }
        let names: Vec<&str> = self.tokens.iter().map(|(name, _)| name.as_str()).collect();
        let mut scopes = self.tokens.iter().filter(|(_, scopes)| !scopes.is_empty());
        let scopes = match (scopes.next(), scopes.next()) {
            (Some((name, scopes)), None) if names.first() == Some(&name.as_str()) => Some(json!(scopes)),
            (None, _) => None,
            _ => {
                decide.push("access: scopes are read from the first token alone; the contract asks for them of others".into());
                None
            }
        };
        let first = names.first().map(|name| (*name).to_owned());
        Demand { tokens: Some(json!(names)), scopes, first, guests: false, decide }
    }

    fn optional(&self) -> Demand {
        let mut demand = Demand { guests: true, ..self.demand() };
        demand.tokens = match self.tokens.as_slice() {
            [(name, _)] if self.others.is_empty() => Some(json!([{ "optional": name }])),
            _ => {
                demand.decide.push("tokens: the contract lets guests in beside several credentials".into());
                None
            }
        };
        demand
    }
}

/// Alternatives of one token each are an `any`; what else the contract offers to choose from is a person's to say.
fn any_of(several: &[Requirement], guests: bool) -> Demand {
    let mut names: Vec<&str> = Vec::new();
    let mut scopes: Vec<&[String]> = Vec::new();
    for requirement in several {
        let ([(name, wanted)], []) = (requirement.tokens.as_slice(), requirement.others.as_slice()) else {
            let why = "tokens: the contract offers alternatives that cannot be said as one `any`";
            return Demand { decide: vec![why.into()], ..Demand::default() };
        };
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
        scopes.push(wanted);
    }
    let mut decide = Vec::new();
    let same = scopes.windows(2).all(|pair| matches!(pair, [a, b] if a == b));
    let single = scopes.iter().all(|wanted| wanted.len() == 1);
    let scopes = match scopes.as_slice() {
        [[], ..] if same => None,
        [first, ..] if same => Some(json!(first)),
        all if single && names.len() == 1 => Some(json!({ "any": all.concat() })),
        _ => {
            decide.push("access: the contract's alternatives ask for different scopes".into());
            None
        }
    };
    let entry = match names.as_slice() {
        [one] => json!(one),
        several => json!({ "any": several }),
    };
    let entry = if guests { json!({ "optional": entry }) } else { entry };
    Demand {
        tokens: Some(json!([entry])),
        scopes,
        first: names.first().map(|name| (*name).to_owned()),
        guests,
        decide,
    }
}
