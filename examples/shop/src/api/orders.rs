//! Orders.
//!
//! Left open on purpose: anybody reads any order, lists those of any customer by `?customer_id=`, and orders in any name; an
//! answer has every field unless the call asks for some (`?fields=id,status`).

use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

use super::Api;
use super::body;
use super::caller::Caller;
use super::fields::Fields;
use crate::data::Item;
use crate::data::Order;
use crate::data::Store;
use crate::reply;
use crate::sync::lock;

#[derive(Deserialize)]
struct Wanted {
    items: Vec<Item>,
    customer_id: Option<String>,
    total_cents: Option<i64>,
}

pub(super) async fn list(
    State(api): State<Api>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.as_deref();
    let Some(customer) = body::query(query, "customer_id").or(caller) else { return reply::unauthorized() };
    let store = lock(&api.store);
    let fields = Fields::asked(query);
    let theirs = store.orders.values().filter(|order| order.customer_id == customer);
    let orders: Vec<_> = theirs.map(|order| fields.of(order)).collect();
    reply::ok(&json!({ "orders": orders }))
}

pub(super) async fn read(
    State(api): State<Api>,
    Path(order_id): Path<String>,
    RawQuery(query): RawQuery,
) -> Response {
    let Ok(order_id) = order_id.parse::<Uuid>() else { return reply::not_found() };
    let fields = Fields::asked(query.as_deref());
    lock(&api.store).orders.get(&order_id).map_or_else(reply::not_found, |order| reply::ok(&fields.of(order)))
}

pub(super) async fn create(
    State(api): State<Api>,
    Caller(caller): Caller,
    RawQuery(query): RawQuery,
    sent: Bytes,
) -> Response {
    let Some(wanted) = body::typed::<Wanted>(&sent) else { return reply::bad_request() };
    let Some(customer_id) = wanted.customer_id.or(caller) else { return reply::unauthorized() };
    let mut store = lock(&api.store);
    let total_cents = wanted.total_cents.unwrap_or_else(|| total(&store, &wanted.items));
    let order = Order {
        id: Uuid::new_v4(),
        customer_id,
        items: wanted.items,
        status: "new".into(),
        total_cents,
        margin_cents: total_cents.saturating_div(3),
        fraud_score: 50,
    };
    store.orders.insert(order.id, order.clone());
    reply::json(StatusCode::CREATED, &Fields::asked(query.as_deref()).of(&order))
}

/// Left open on purpose: a `total_cents` that the client sends is believed before this is asked.
fn total(store: &Store, items: &[Item]) -> i64 {
    let price =
        |sku: &str| store.products.iter().find(|product| product.sku == sku).map_or(0, |p| p.price_cents);
    items.iter().fold(0, |sum: i64, item| {
        sum.saturating_add(price(&item.sku).saturating_mul(i64::from(item.quantity)))
    })
}
