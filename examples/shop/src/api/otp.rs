//! Codes by text message.
//!
//! Left open on purpose: a code has six digits, never changes, never expires, and may be guessed without end.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;

use super::Api;
use super::body;
use super::caller::Caller;
use crate::reply;
use crate::sync::lock;

#[derive(Deserialize)]
struct Guess {
    code: String,
    user_id: Option<String>,
}

/// 202: a message is on its way, so to speak.
pub(super) async fn send(Caller(caller): Caller) -> Response {
    match caller {
        Some(_) => reply::json(StatusCode::ACCEPTED, &json!({ "sent": true })),
        None => reply::unauthorized(),
    }
}

/// 200 for the caller's code, or that of the `user_id` in the body; 401 for another.
pub(super) async fn verify(State(api): State<Api>, Caller(caller): Caller, sent: Bytes) -> Response {
    let Some(guess) = body::typed::<Guess>(&sent) else { return reply::bad_request() };
    let right = |id: &String| lock(&api.store).users.get(id).is_some_and(|user| user.otp == guess.code);
    match guess.user_id.clone().or(caller) {
        Some(id) if right(&id) => reply::ok(&json!({ "verified": true })),
        _ => reply::unauthorized(),
    }
}
