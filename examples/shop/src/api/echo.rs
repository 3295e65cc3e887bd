//! An answer that says what was received.

use std::sync::Arc;

use axum::Extension;
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use crate::record::Seen;
use crate::reply;

/// The request as the record has it (see [`Seen::to_json`]), and its body in base64 under `body`.
pub(super) async fn echo(Extension(seen): Extension<Arc<Seen>>, body: Bytes) -> Response {
    let mut seen = seen.to_json();
    if let Some(members) = seen.as_object_mut() {
        members.insert("body".into(), STANDARD.encode(&body).into());
    }
    reply::ok(&seen)
}
