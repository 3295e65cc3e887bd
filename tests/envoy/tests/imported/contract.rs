//! The contract of 60 operations as a client reads it: for each a request that is as documented.

use portcullis_envoy::{Request, Result, root};
use serde_json::{Map, Value};

/// One operation, and a request for it with the contract's own examples.
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) query: String,
    /// Beside what a token and a body bring.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<(String, Value)>,
    /// The security scheme, and the scopes that it asks for. Nothing where anybody may call.
    pub(crate) demand: Option<(String, Vec<String>)>,
    /// Whether callers without a token may come too.
    pub(crate) guests: bool,
    /// The names of its path's parameters.
    pub(crate) ids: Vec<String>,
}

/// Reads all of them off the JSON of 3.0.
pub(crate) fn operations() -> Result<Vec<Operation>> {
    let text = std::fs::read_to_string(root().join("tests/openapi/pocket-3.0.json"))?;
    let document: Value = serde_json::from_str(&text)?;
    let base = "/v1";
    let mut out = Vec::new();
    for (path, item) in object(&document["paths"]) {
        for (method, operation) in object(item).iter().filter(|(name, _)| *name != "parameters") {
            out.push(Operation::read(&format!("{base}{path}"), method, operation, &item["parameters"]));
        }
    }
    Ok(out)
}

impl Operation {
    fn read(pattern: &str, method: &str, operation: &Value, common: &Value) -> Self {
        let mut path = pattern.to_owned();
        let (mut query, mut headers, mut ids) = (Vec::new(), Vec::new(), Vec::new());
        for parameter in list(common).iter().chain(list(&operation["parameters"])) {
            let (name, value) = (text(&parameter["name"]), example(parameter));
            match text(&parameter["in"]).as_str() {
                "path" => {
                    path = path.replace(&format!("{{{name}}}"), &value);
                    ids.push(name);
                }
                "query" => query.push(format!("{name}={value}")),
                _ => headers.push((name, value)),
            }
        }
        let content = object(&operation["requestBody"]["content"]).iter().next();
        let body = content.map(|(kind, media)| (kind.clone(), media["example"].clone()));
        let security = list(&operation["security"]);
        let demand = security
            .iter()
            .find_map(|one| object(one).iter().next())
            .map(|(scheme, scopes)| (scheme.clone(), list(scopes).iter().map(text).collect()));
        Self {
            id: text(&operation["operationId"]),
            method: method.to_uppercase(),
            path,
            query: query.join("&"),
            headers,
            body,
            guests: security.iter().any(|one| object(one).is_empty()),
            demand,
            ids,
        }
    }

    /// The request as documented; `token` where the operation takes one.
    pub(crate) fn request(&self, token: Option<&str>) -> Request {
        self.request_to(&self.path, &self.query, self.body.as_ref().map(|(_, body)| body), token)
    }

    /// The same for another path, query and body.
    pub(crate) fn request_to(
        &self,
        path: &str,
        query: &str,
        body: Option<&Value>,
        token: Option<&str>,
    ) -> Request {
        let question = if query.is_empty() { "" } else { "?" };
        let mut request = Request::new(&self.method, format!("{path}{question}{query}"));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        if let Some(token) = token {
            request = request.bearer(token);
        }
        match (&self.body, body) {
            (Some((kind, _)), Some(body)) if kind.ends_with("form-urlencoded") => {
                let pair = |(name, value): (&String, &Value)| {
                    format!("{name}={}", value.as_str().unwrap_or_default())
                };
                let form: Vec<String> = object(body).iter().map(pair).collect();
                request.header("content-type", kind).chunk(form.join("&"))
            }
            (Some((kind, _)), Some(body)) => request.header("content-type", kind).chunk(body.to_string()),
            _ => request,
        }
    }
}

/// `SUB` stands for the caller's own id.
fn example(parameter: &Value) -> String {
    match &parameter["example"] {
        Value::String(text) if text == "SUB" => portcullis_shop::data::ALICE.to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn object(value: &Value) -> &Map<String, Value> {
    static EMPTY: std::sync::OnceLock<Map<String, Value>> = std::sync::OnceLock::new();
    value.as_object().unwrap_or_else(|| EMPTY.get_or_init(Map::new))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map(Vec::as_slice).unwrap_or_default()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
