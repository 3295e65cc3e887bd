//! Accounts.
//!
//! Left open on purpose: anybody reads and changes anybody (BOLA), the answer has every field, a change may set every field.

use axum::extract::Path;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use serde_json::json;

use super::Api;
use super::body;
use crate::reply;
use crate::sync::lock;

pub(super) async fn read(State(api): State<Api>, Path(user_id): Path<String>) -> Response {
    lock(&api.store).users.get(&user_id).map_or_else(reply::not_found, |user| reply::ok(&json!(user)))
}

/// `PUT` and `PATCH` alike lay the given fields over the old ones.
pub(super) async fn update(State(api): State<Api>, Path(user_id): Path<String>, sent: Bytes) -> Response {
    let Some(fields) = body::object(&sent) else { return reply::bad_request() };
    match lock(&api.store).update(&user_id, fields) {
        Some(Ok(user)) => reply::ok(&json!(user)),
        Some(Err(_)) => reply::bad_request(),
        None => reply::not_found(),
    }
}
