//! Transfers, statements and the wallet.
//!
//! Left open on purpose: whose money it is stands in the body (`from`), the query (`account_id`) or a header (`x-account-id`), and
//! is believed; no recent login is asked for.

use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::Api;
use super::body;
use super::caller::Caller;
use super::caller::last;
use crate::reply;
use crate::sync::lock;

#[derive(Deserialize)]
struct Transfer {
    from: Option<String>,
    to: String,
    amount_cents: i64,
}

pub(super) async fn transfer(State(api): State<Api>, Caller(caller): Caller, sent: Bytes) -> Response {
    let Some(wanted) = body::typed::<Transfer>(&sent) else { return reply::bad_request() };
    let Some(from) = wanted.from.or(caller) else { return reply::unauthorized() };
    match lock(&api.store).transfer(&from, &wanted.to, wanted.amount_cents) {
        Some(()) => reply::json(
            StatusCode::CREATED,
            &json!({ "id": Uuid::new_v4(), "from": from, "to": wanted.to, "amount_cents": wanted.amount_cents }),
        ),
        None => reply::not_found(),
    }
}

/// What an account has bought.
pub(super) async fn statements(State(api): State<Api>, RawQuery(query): RawQuery) -> Response {
    let Some(account_id) = body::query(query.as_deref(), "account_id") else { return reply::bad_request() };
    let store = lock(&api.store);
    if !store.users.contains_key(&account_id) {
        return reply::not_found();
    }
    let bought = store.orders.values().filter(|order| order.customer_id == account_id);
    let lines: Vec<_> =
        bought.map(|order| json!({ "order_id": order.id, "amount_cents": order.total_cents })).collect();
    reply::ok(&json!({ "account_id": account_id, "lines": lines }))
}

/// What an account has left.
pub(super) async fn wallet(State(api): State<Api>, headers: HeaderMap) -> Response {
    let Some(account_id) = last(&headers, "x-account-id") else { return reply::bad_request() };
    match lock(&api.store).users.get(&account_id) {
        Some(user) => reply::ok(&json!({ "account_id": user.id, "balance_cents": user.balance_cents })),
        None => reply::not_found(),
    }
}
