//! The API, insecure on purpose.
//!
//! It stands for the services behind a gateway of which nobody knows whether each of them checks what it should. **Never put it
//! on a network.** What is left open on purpose, because the gate closes it:
//!
//! | hole | where |
//! | --- | --- |
//! | tokens are not verified: no signature, no expiry, `alg: none` will do | [`caller`] |
//! | `x-user-id` and `x_user_id` are believed from anybody | [`caller`] |
//! | object ids are taken at face value (BOLA), in path, query, header and body | [`users`], [`orders`], [`money`] |
//! | of a parameter or header that comes twice the last one counts | [`caller`], [`money`] |
//! | answers hold everything there is, `password_hash`, `internal_notes`, `margin_cents`, unless `?fields=` asks for less | [`users`], [`orders`] |
//! | `PATCH` sets any field, `roles` and `balance_cents` too (mass assignment) | [`users`] |
//! | no limits: passwords and six-digit codes may be guessed for ever, lists have no end | [`session`], [`otp`], [`search`] |
//! | a body is JSON whatever its `content-type`; of two equal keys the last counts | [`body`] |
//! | paths are decoded, merged and lower-cased, `;x` is cut off; `x-original-url` replaces them | [`lenient`] |
//! | `x-http-method-override` replaces the method | [`lenient`] |
//! | cleartext is accepted, over HTTP/1.1 and HTTP/2 | the listener |
//!
//! Apart from the holes it serves tests: `/echo/*` answers with what it received, `/v1/canned/*` with answers of any kind.

pub(crate) mod body;
mod caller;
mod canned;
mod echo;
mod fields;
mod lenient;
mod money;
mod orders;
mod otp;
mod search;
mod session;
mod streams;
mod users;

use std::sync::Arc;
use std::sync::Mutex;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use axum::routing::get;
use axum::routing::post;

use crate::data::Store;
use crate::idp::Idp;
use crate::record;
use crate::record::Record;
use crate::reply;

/// What the handlers share.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) store: Arc<Mutex<Store>>,
    pub(crate) idp: Idp,
}

pub(crate) fn router(api: Api, record: Record) -> Router {
    let routes = Router::new()
        .route("/healthz", get(async || StatusCode::OK))
        .route("/v1/login", post(session::login))
        .route("/v1/refresh", post(session::refresh))
        .route("/v1/logout", post(session::logout))
        .route("/v1/users/{user_id}", get(users::read).put(users::update).patch(users::update))
        .route("/v1/orders", get(orders::list).post(orders::create))
        .route("/v1/orders/{order_id}", get(orders::read))
        .route("/v1/search", get(search::search))
        .route("/v1/otp", post(otp::send))
        .route("/v1/otp/verify", post(otp::verify))
        .route("/v1/transfers", post(money::transfer))
        .route("/v1/statements", get(money::statements))
        .route("/v1/wallet", get(money::wallet))
        .route("/v1/events", get(streams::events))
        .route("/v1/downloads/{name}", get(streams::download))
        .route("/v1/canned/{what}", get(canned::answer).post(canned::answer))
        .route("/echo", any(echo::echo))
        .route("/echo/{*rest}", any(echo::echo))
        .fallback(async || reply::not_found())
        .with_state(api);
    // The outer router has no routes, so that its layers run before the inner one looks at the path.
    Router::new()
        .fallback_service(routes)
        .layer(from_fn(lenient::rewrite))
        .layer(from_fn_with_state(record, record::watch))
}
