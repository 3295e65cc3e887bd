//! Accounts.
//!
//! Left open on purpose: anybody reads and changes anybody (BOLA), the answer has every field unless the call asks for some
//! (`?fields=id,name`), a change may set every field.

use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;

use super::Api;
use super::body;
use super::fields::Fields;
use crate::reply;
use crate::sync::lock;

pub(super) async fn read(
    State(api): State<Api>,
    Path(user_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let fields = Fields::asked(query.as_deref());
    lock(&api.store).users.get(&user_id).map_or_else(reply::not_found, |user| reply::ok(&fields.of(user)))
}

/// `PUT` and `PATCH` alike lay the given fields over the old ones.
pub(super) async fn update(
    State(api): State<Api>,
    Path(user_id): Path<String>,
    RawQuery(query): RawQuery,
    sent: Bytes,
) -> Response {
    let Some(changes) = body::object(&sent) else { return reply::bad_request() };
    match lock(&api.store).update(&user_id, changes) {
        Some(Ok(user)) => reply::ok(&Fields::asked(query.as_deref()).of(&user)),
        Some(Err(_)) => reply::bad_request(),
        None => reply::not_found(),
    }
}
