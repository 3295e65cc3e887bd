//! The one place that turns a refusal into an answer.

use serde_json::Map;
use serde_json::Value;

use crate::engine::challenge;
pub(crate) use crate::engine::challenge::Realm;
use crate::model::mode::Control;
use crate::refusal::Extra;
use crate::refusal::Refusal;

/// An answer that the filter gives itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, in order.
    pub headers: Vec<(&'static str, String)>,
    /// The body: a problem of RFC 9457.
    pub body: Vec<u8>,
}

impl Answer {
    /// The answer to a refused request. `hsts` is the value of the header of that name where it is due.
    pub(crate) fn to(
        refusal: &Refusal,
        realm: Realm<'_>,
        request_id: Option<&str>,
        hsts: Option<&str>,
    ) -> Self {
        let reason = refusal.reason;
        let mut headers = vec![
            ("content-type", "application/problem+json".to_owned()),
            // An answer about one request is nobody else's: not a cache's either.
            ("cache-control", "no-store".to_owned()),
        ];
        headers.extend(hsts.map(|value| ("strict-transport-security", value.to_owned())));
        headers.extend(challenge::all(refusal, realm).into_iter().map(|value| ("www-authenticate", value)));
        match &refusal.extra {
            // Rounded up: never earlier than true (RFC 9110, section 10.2.3).
            Extra::RetryAfter(wait) => {
                let partial = u64::from(wait.subsec_nanos() > 0);
                headers.push(("retry-after", wait.as_secs().saturating_add(partial).max(1).to_string()));
            }
            Extra::Location(location) => headers.push(("location", location.clone())),
            Extra::Allow(methods) => headers.push(("allow", methods.to_string())),
            // RFC 9110, section 15.5.22: a 426 names the protocol; ours is the app's own.
            Extra::Upgrade(link) => headers.push(("link", format!("<{link}>; rel=\"latest-version\""))),
            Extra::Nothing | Extra::Errors(_) | Extra::Scopes(_) | Extra::StepUp { .. } => {}
        }
        Self { status: reason.status(), headers, body: problem(refusal, request_id) }
    }
}

fn problem(refusal: &Refusal, request_id: Option<&str>) -> Vec<u8> {
    let reason = refusal.reason;
    let mut out = Map::new();
    out.insert("type".into(), format!("urn:portcullis:reason:{}", reason.code()).into());
    out.insert("title".into(), reason.title().into());
    out.insert("status".into(), reason.status().into());
    out.insert("reason".into(), reason.code().into());
    if let Some(id) = request_id {
        out.insert("request_id".into(), id.into());
    }
    match &refusal.extra {
        // What is wrong with an upstream's answer is not for the client.
        Extra::Errors(errors) if !errors.is_empty() && reason.control() == Control::Request => {
            let errors = errors.iter().map(|error| {
                let pair = [("pointer", &error.pointer), ("keyword", &error.keyword)];
                Value::Object(
                    pair.into_iter().map(|(key, text)| (key.to_owned(), text.as_str().into())).collect(),
                )
            });
            out.insert("errors".into(), Value::Array(errors.collect()));
        }
        Extra::Upgrade(link) => {
            out.insert("upgrade".into(), (&**link).into());
        }
        _ => {}
    }
    Value::Object(out).to_string().into_bytes()
}
