//! Who a request says it comes from.

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::HeaderMap;
use axum::http::header;
use axum::http::request::Parts;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// The account that a request speaks for, if it names one.
///
/// Left open on purpose: `x-user-id` and its twin `x_user_id` are believed, and where they are missing the `sub` of a bearer
/// token, of which only the second part is read.
pub(crate) struct Caller(pub(crate) Option<String>);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let named = ["x-user-id", "x_user_id"].into_iter().find_map(|name| last(&parts.headers, name));
        Ok(Self(named.or_else(|| subject(&last(&parts.headers, header::AUTHORIZATION.as_str())?))))
    }
}

/// The last value of a header.
pub(crate) fn last(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(name)
        .iter()
        .next_back()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

/// `sub` of a bearer token that nobody verified.
fn subject(authorization: &str) -> Option<String> {
    let claims = URL_SAFE_NO_PAD.decode(authorization.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    Some(claims.get("sub")?.as_str()?.into())
}
