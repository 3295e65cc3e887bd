//! The catalogue.
//!
//! Left open on purpose: `limit` has no bound, so one call fetches the whole catalogue, and nobody counts the calls.

use axum::extract::RawQuery;
use axum::extract::State;
use axum::response::Response;
use serde_json::json;

use super::Api;
use super::body;
use crate::reply;
use crate::sync::lock;

pub(super) async fn search(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let query = query.as_deref();
    let words = body::query(query, "q").unwrap_or_default().to_lowercase();
    let limit = body::number(query, "limit").unwrap_or(20_usize);
    let store = lock(&api.store);
    let found: Vec<_> =
        store.products.iter().filter(|product| product.name.contains(&words)).take(limit).collect();
    reply::ok(&json!({ "results": found }))
}
