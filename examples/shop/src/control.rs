//! The levers of a test or a demo, on a port of their own that no client should reach.
//!
//! | call | does |
//! | --- | --- |
//! | `GET /control/seen` | `{"total", "seen": [...]}`: the latest requests, see [`crate::Seen::to_json`]; `DELETE` forgets them |
//! | `POST /control/rotate?keep=true` | new signing keys; the old ones stay published only with `keep=true` |
//! | `POST /control/revoke` | takes a [`Revoke`] |
//! | `GET /control/jwks`, `GET /control/revoked` | `{"fetches", "trouble"}`; `PUT` takes a [`Trouble`] |
//! | `POST /control/mint` | takes [`Wanted`], gives `{"token"}` |

use axum::Router;
use axum::extract::Path;
use axum::extract::RawQuery;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use bytes::Bytes;
use serde::Deserialize;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::api::body;
use crate::idp::Feed;
use crate::idp::Idp;
use crate::idp::Revoke;
use crate::idp::Trouble;
use crate::mint::Alg;
use crate::record::Record;
use crate::record::Seen;
use crate::reply;

/// A token to mint: a good one of alice with these changes. `null` takes a claim or a header parameter away.
#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    /// `ES256` (the default), `RS256`, `HS256`, `none`.
    alg: Option<String>,
    claims: Map<String, Value>,
    header: Map<String, Value>,
    /// For HS256.
    secret: String,
}

#[derive(Clone)]
struct Control {
    idp: Idp,
    record: Record,
}

pub(crate) fn router(idp: Idp, record: Record) -> Router {
    Router::new()
        .route("/healthz", get(async || StatusCode::OK))
        .route("/control/seen", get(seen).delete(forget))
        .route("/control/rotate", post(rotate))
        .route("/control/revoke", post(revoke))
        .route("/control/mint", post(mint))
        .route("/control/{feed}", get(feed).put(set_trouble))
        .with_state(Control { idp, record })
}

async fn seen(State(control): State<Control>) -> Response {
    let seen: Vec<Value> = control.record.seen().iter().map(Seen::to_json).collect();
    reply::ok(&json!({ "total": control.record.total(), "seen": seen }))
}

async fn forget(State(control): State<Control>) -> StatusCode {
    control.record.clear();
    StatusCode::NO_CONTENT
}

async fn rotate(State(control): State<Control>, RawQuery(query): RawQuery) -> StatusCode {
    let keep_old = body::query(query.as_deref(), "keep").as_deref() == Some("true");
    control.idp.rotate(keep_old).map_or(StatusCode::INTERNAL_SERVER_ERROR, |()| StatusCode::NO_CONTENT)
}

async fn revoke(State(control): State<Control>, sent: Bytes) -> Response {
    let Ok(what) = serde_json::from_slice::<Revoke>(&sent) else { return reply::bad_request() };
    control.idp.revoke(what);
    StatusCode::NO_CONTENT.into_response()
}

async fn feed(State(control): State<Control>, Path(name): Path<String>) -> Response {
    let Some(feed) = feed_called(&name) else { return reply::not_found() };
    reply::ok(&json!({ "fetches": control.idp.fetches(feed), "trouble": control.idp.trouble(feed) }))
}

async fn set_trouble(State(control): State<Control>, Path(name): Path<String>, sent: Bytes) -> Response {
    let Some(feed) = feed_called(&name) else { return reply::not_found() };
    let Ok(trouble) = serde_json::from_slice::<Trouble>(&sent) else { return reply::bad_request() };
    control.idp.set_trouble(feed, trouble);
    StatusCode::NO_CONTENT.into_response()
}

fn feed_called(name: &str) -> Option<Feed> {
    match name {
        "jwks" => Some(Feed::Jwks),
        "revoked" => Some(Feed::Revoked),
        _ => None,
    }
}

async fn mint(State(control): State<Control>, sent: Bytes) -> Response {
    let Ok(wanted) = serde_json::from_slice::<Wanted>(&sent) else { return reply::bad_request() };
    let alg = match wanted.alg.as_deref() {
        None | Some("ES256") => Alg::Es256,
        Some("RS256") => Alg::Rs256,
        Some("HS256") => Alg::Hs256,
        Some("none") => Alg::None,
        Some(_) => return reply::bad_request(),
    };
    let keys = control.idp.keys();
    let mut token = control.idp.mint(&keys).secret(wanted.secret);
    for (name, value) in wanted.claims {
        token = if value.is_null() { token.without(&name) } else { token.claim(&name, value) };
    }
    for (name, value) in wanted.header {
        token = if value.is_null() { token.without_header(&name) } else { token.header(&name, value) };
    }
    reply::ok(&json!({ "token": token.sign(alg) }))
}
