//! Login, refresh and logout for the app, which the identity provider answers.
//!
//! Left open on purpose: a password may be guessed without end.

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use bytes::Bytes;
use serde_json::Value;

use super::Api;
use super::body;
use crate::idp;
use crate::reply;

pub(super) async fn login(State(api): State<Api>, RawQuery(query): RawQuery, sent: Bytes) -> Response {
    let Some(mut login) = body::typed::<idp::Login>(&sent) else { return reply::bad_request() };
    login.alg = login.alg.or_else(|| body::query(query.as_deref(), "alg"));
    idp::tokens(api.idp.login(&login))
}

pub(super) async fn refresh(State(api): State<Api>, sent: Bytes) -> Response {
    let fields = body::object(&sent).unwrap_or_default();
    let Some(token) = fields.get("refresh_token").and_then(Value::as_str) else {
        return reply::bad_request();
    };
    idp::tokens(api.idp.refresh(token))
}

pub(super) async fn logout(State(api): State<Api>, sent: Bytes) -> Response {
    let fields = body::object(&sent).unwrap_or_default();
    let Some(token) = fields.get("refresh_token").and_then(Value::as_str) else {
        return reply::bad_request();
    };
    let everywhere = fields.get("everywhere").and_then(Value::as_bool).unwrap_or(false);
    api.idp.logout(token, everywhere);
    StatusCode::NO_CONTENT.into_response()
}
