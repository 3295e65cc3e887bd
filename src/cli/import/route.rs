//! One operation as a route: what the contract says, and a line for each thing that it leaves to a person.

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cli::import::contract::Contract;
use crate::cli::import::contract::Found;
use crate::cli::import::limits;
use crate::cli::import::names;
use crate::cli::import::operations::Operation;
use crate::cli::import::schema;
use crate::cli::import::schema::Schemas;
use crate::cli::import::schema::Way;
use crate::cli::import::security::Demand;

/// A route, ready to be written.
pub(super) struct Route {
    pub(super) name: String,
    pub(super) method: String,
    /// Whole; the group's part is cut off where it is written.
    pub(super) path: String,
    pub(super) demand: Demand,
    /// `access`, as far as the contract decides it.
    pub(super) access: Option<Value>,
    pub(super) request: Map<String, Value>,
    pub(super) response: Option<Value>,
    pub(super) limits: Vec<&'static str>,
    /// What a person must decide, beside what `demand` leaves open.
    pub(super) decide: Vec<String>,
}

/// What the importer keeps while it goes from route to route.
pub(super) struct Desk<'d> {
    pub(super) contract: &'d mut Contract,
    pub(super) schemas: &'d mut Schemas,
    pub(super) names: &'d mut Vec<String>,
    pub(super) notes: &'d mut Vec<String>,
}

impl Route {
    pub(super) fn of(operation: &Operation, demand: Demand, desk: &mut Desk<'_>) -> Result<Self, String> {
        let described = || format!("{}-{}", operation.method.to_ascii_lowercase(), operation.path);
        let called = operation.id.clone().unwrap_or_else(described);
        let name = names::unused(names::slug(&called), desk.names);
        let mut route = Self {
            name,
            method: operation.method.clone(),
            path: operation.path.clone(),
            demand,
            access: None,
            request: Map::new(),
            response: None,
            limits: Vec::new(),
            decide: Vec::new(),
        };
        route.parameters(operation, desk)?;
        route.body(operation, desk)?;
        route.answer(operation, desk)?;
        route.access(operation);
        route.limits = limits::suggested(operation);
        Ok(route)
    }

    fn parameters(&mut self, operation: &Operation, desk: &mut Desk<'_>) -> Result<(), String> {
        let (mut params, mut required) = (Map::new(), Vec::new());
        for parameter in &operation.parameters {
            let (Some(name), Some(place)) = (parameter.text("name"), parameter.text("in")) else {
                return Err(format!("{}: a parameter needs `name` and `in`", parameter.at));
            };
            let header = place == "header";
            let known = ["accept", "content-type", "authorization"];
            if header && known.contains(&name.to_ascii_lowercase().as_str()) {
                continue;
            }
            if !matches!(place, "path" | "query" | "header") {
                desk.notes.push(format!("{}: parameters of kind `{place}` are not judged", parameter.at));
                continue;
            }
            let name = if header { name.to_ascii_lowercase() } else { name.to_owned() };
            let notation = format!("{place}.{name}");
            match typed(parameter, desk)? {
                Ok(schema) => drop(params.insert(notation.clone(), schema)),
                Err(why) => self.decide.push(format!("request: `{notation}` {why}")),
            }
            if place != "path" && parameter.value.get("required") == Some(&Value::Bool(true)) {
                required.push(Value::from(notation.clone()));
            }
            if place == "query" && names_somebody(&name) && self.demand.tokens.is_some() {
                let rule = self.owner_of(&notation);
                self.decide.push(format!("access: is `{notation}` the caller's own? then {rule}"));
            }
        }
        if !params.is_empty() {
            self.request.insert("params".into(), Value::Object(params));
        }
        // A parameter whose type is a person's to decide is not named in `params` yet.
        required.retain(|notation| {
            let params = self.request.get("params");
            notation.as_str().is_some_and(|name| params.is_some_and(|params| params.get(name).is_some()))
        });
        if !required.is_empty() {
            self.request.insert("required".into(), Value::Array(required));
        }
        Ok(())
    }

    fn body(&mut self, operation: &Operation, desk: &mut Desk<'_>) -> Result<(), String> {
        let Some(body) = &operation.body else { return Ok(()) };
        let content = body.get("content");
        let kinds: Vec<(String, Found)> =
            content.members().map(|(kind, media)| (essence(kind), media)).collect();
        match kinds.as_slice() {
            [] => self.decide.push("request: the contract does not say what the body is".into()),
            [(kind, media)] if is_json(kind) || kind == "application/x-www-form-urlencoded" => {
                if !is_json(kind) {
                    self.request.insert("content".into(), "form".into());
                }
                match media.get("schema") {
                    schema if schema.is_there() => {
                        let name = desk.schemas.take(desk.contract, schema, Way::In, &self.name)?;
                        self.request.insert("schema".into(), name.into());
                    }
                    _ if is_json(kind) => drop(self.request.insert("content".into(), "json".into())),
                    _ => {}
                }
            }
            kinds => {
                let list: Vec<&str> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
                let plain =
                    |kind: &&str| !is_json(kind) && !kind.starts_with("multipart/") && !kind.contains('*');
                if list.iter().all(|kind| plain(kind) && !kind.contains("form")) {
                    self.request.insert("content".into(), json!(list));
                } else {
                    let said = list.join("`, `");
                    self.decide.push(format!("request: `content`, for bodies that are `{said}`"));
                }
            }
        }
        Ok(())
    }

    /// The answers of 2xx that are JSON. One schema is the route's; several go by their statuses.
    fn answer(&mut self, operation: &Operation, desk: &mut Desk<'_>) -> Result<(), String> {
        let mut judged: Vec<(String, String)> = Vec::new();
        for (status, answer) in &operation.answers {
            if !status.starts_with('2') {
                continue;
            }
            let content = answer.get("content");
            let mut json = content.members().filter(|(kind, _)| is_json(&essence(kind)));
            let Some((_, media)) = json.next() else { continue };
            let schema = media.get("schema");
            if schema.is_there() {
                let fallback = format!("{}-answer", self.name);
                let name = desk.schemas.take(desk.contract, schema, Way::Out, &fallback)?;
                judged.push((status.clone(), name));
            }
        }
        let first = judged.first().map(|(_, name)| name.clone());
        let Some(first) = first else { return Ok(()) };
        let mut response = Map::new();
        response.insert("schema".into(), first.clone().into());
        response.insert("undeclared".into(), "remove".into());
        let others: Map<String, Value> = judged
            .into_iter()
            .filter(|(status, name)| *name != first && status.parse::<u16>().is_ok())
            .map(|(status, name)| (status, name.into()))
            .collect();
        if !others.is_empty() {
            response.insert("statuses".into(), Value::Object(others));
        }
        self.response = Some(Value::Object(response));
        Ok(())
    }

    /// Scopes are the contract's to give. Whose an object is stands in no contract.
    fn access(&mut self, operation: &Operation) {
        if self.demand.first.is_none() {
            return;
        }
        let ids: Vec<&str> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.text("in") == Some("path"))
            .filter_map(|parameter| parameter.text("name"))
            .collect();
        if let Some(scopes) = &self.demand.scopes {
            self.access = Some(json!({ "scopes": scopes }));
        } else if ids.is_empty() && !self.demand.guests {
            self.decide.push(
                "access: any scopes, claims or owner? `access: authenticated` lets in whoever has a token"
                    .into(),
            );
        }
        for id in ids {
            let rule = self.owner_of(&format!("path.{id}"));
            self.decide.push(format!("access: whose is `{id}`? {rule}, or `shared: [{id}]`"));
        }
    }

    fn owner_of(&self, notation: &str) -> String {
        let first = self.demand.first.as_deref().unwrap_or("TOKEN");
        format!("`owner: {{ value: {notation}, is: {first}.sub }}`")
    }
}

/// A parameter's schema in place; or why there is none.
fn typed(parameter: &Found, desk: &mut Desk<'_>) -> Result<Result<Value, String>, String> {
    let schema = parameter.get("schema");
    if !schema.is_there() {
        return Ok(Err("has no `schema`".into()));
    }
    let style = parameter.text("style").unwrap_or("form");
    if !matches!(style, "form" | "simple") {
        return Ok(Err(format!("is written in the style `{style}`, which is not read here")));
    }
    let schema = schema::convert(desk.contract, schema, Way::In)?;
    let kind = match schema.get("type") {
        Some(Value::String(kind)) => kind.clone(),
        // `nullable` says nothing of a text.
        Some(Value::Array(kinds)) => {
            let mut named = kinds.iter().filter_map(Value::as_str).filter(|kind| *kind != "null");
            named.next().unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    if !matches!(kind.as_str(), "string" | "integer" | "number" | "boolean" | "array") {
        return Ok(Err("has a schema without a plain `type`".into()));
    }
    let mut schema = schema;
    if let Some(members) = schema.as_object_mut() {
        members.insert("type".into(), kind.into());
    }
    Ok(Ok(schema))
}

/// A media type without its parameters, in lower case.
fn essence(kind: &str) -> String {
    kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

fn is_json(kind: &str) -> bool {
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

/// Whether a parameter is called as if it named a caller.
fn names_somebody(name: &str) -> bool {
    let name = names::slug(name);
    let somebody = ["user", "account", "customer", "owner", "member", "client", "patient", "employee"];
    let mut words = name.split(['-', '.']);
    words.any(|word| somebody.contains(&word.strip_suffix("id").filter(|it| !it.is_empty()).unwrap_or(word)))
}
