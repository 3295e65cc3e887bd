//! Answers in JSON.

use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use serde_json::Value;
use serde_json::json;

/// A JSON answer.
pub(crate) fn json(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

/// 200 with JSON.
pub(crate) fn ok(value: &Value) -> Response {
    json(StatusCode::OK, value)
}

/// 400: the body is not what the call takes.
pub(crate) fn bad_request() -> Response {
    json(StatusCode::BAD_REQUEST, &json!({ "error": "bad_request" }))
}

/// 401: the call needs to know who asks, or a code was wrong.
pub(crate) fn unauthorized() -> Response {
    json(StatusCode::UNAUTHORIZED, &json!({ "error": "unauthorized" }))
}

/// 404: no such thing.
pub(crate) fn not_found() -> Response {
    json(StatusCode::NOT_FOUND, &json!({ "error": "not_found" }))
}
