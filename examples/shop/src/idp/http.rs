//! The provider's calls over HTTPS.

use std::cell::LazyCell;

use axum::Router;
use axum::extract::Query;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::http::StatusCode;
use axum::http::header;
use axum::response::IntoResponse;
use axum::response::Response;
use axum::routing::get;
use axum::routing::post;
use bytes::Bytes;
use ring::digest;
use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::Feed;
use super::Idp;
use super::Login;
use super::Tokens;
use crate::keys::Keys;
use crate::record::hex;
use crate::reply;

#[derive(Deserialize)]
struct Wanted {
    alg: Option<String>,
}

#[derive(Deserialize)]
struct Asked {
    after: Option<String>,
}

#[derive(Deserialize)]
struct Refresh {
    refresh_token: String,
    #[serde(default)]
    everywhere: bool,
}

pub(crate) fn router(idp: Idp) -> Router {
    Router::new()
        .route("/login", post(login))
        .route("/refresh", post(refresh))
        .route("/logout", post(logout))
        .route("/jwks.json", get(jwks))
        .route("/revoked", get(revoked))
        .with_state(idp)
}

async fn login(State(idp): State<Idp>, Query(wanted): Query<Wanted>, body: Bytes) -> Response {
    let Ok(mut login) = serde_json::from_slice::<Login>(&body) else { return reply::bad_request() };
    login.alg = login.alg.or(wanted.alg);
    tokens(idp.login(&login))
}

async fn refresh(State(idp): State<Idp>, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Refresh>(&body) else { return reply::bad_request() };
    tokens(idp.refresh(&asked.refresh_token))
}

async fn logout(State(idp): State<Idp>, body: Bytes) -> Response {
    let Ok(asked) = serde_json::from_slice::<Refresh>(&body) else { return reply::bad_request() };
    idp.logout(&asked.refresh_token, asked.everywhere);
    StatusCode::NO_CONTENT.into_response()
}

/// The answer to a login or a refresh; what failed is not told apart.
pub(crate) fn tokens(tokens: Option<Tokens>) -> Response {
    match tokens {
        Some(tokens) => {
            let mut answer = reply::json(StatusCode::OK, &json!(tokens));
            answer.headers_mut().insert(header::CACHE_CONTROL, header::HeaderValue::from_static("no-store"));
            answer
        }
        None => reply::json(StatusCode::UNAUTHORIZED, &json!({ "error": "invalid_grant" })),
    }
}

async fn jwks(State(idp): State<Idp>, headers: HeaderMap) -> Response {
    let right = idp.jwks();
    // One point under many ids: a key set must not take a second to make.
    let stranger =
        LazyCell::new(|| Keys::generate().map(|keys| keys.es256.jwk().clone()).unwrap_or_default());
    let decoy = move |n: usize| {
        let mut key = Value::clone(&stranger);
        if let Value::Object(members) = &mut key {
            members.insert("kid".into(), format!("stranger-{n}").into());
        }
        key
    };
    let caching = idp.caching();
    document(&idp, Feed::Jwks, caching, &headers, right, "keys", decoy).await
}

async fn revoked(State(idp): State<Idp>, Query(asked): Query<Asked>, headers: HeaderMap) -> Response {
    let right = idp.revoked().to_json(asked.after.as_deref());
    let decoy = |n: usize| format!("nobody-{n}").into();
    document(&idp, Feed::Revoked, "no-cache".to_owned(), &headers, right, "jti", decoy).await
}

/// A document with an entity tag, or the trouble that a test asked for.
async fn document(
    idp: &Idp,
    feed: Feed,
    caching: String,
    headers: &HeaderMap,
    right: Value,
    list: &'static str,
    decoy: impl Fn(usize) -> Value,
) -> Response {
    idp.count_fetch(feed);
    let trouble = idp.trouble(feed);
    tokio::time::sleep(trouble.delay()).await;
    if let Some((status, media, body)) = trouble.stand_in() {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::SERVICE_UNAVAILABLE);
        return (status, [(header::CONTENT_TYPE, media)], body).into_response();
    }
    let body = trouble.spoil(right, list, decoy).to_string();
    let tag = format!("\"{}\"", hex(digest::digest(&digest::SHA256, body.as_bytes()).as_ref()));
    let known = headers.get(header::IF_NONE_MATCH).is_some_and(|sent| sent.as_bytes() == tag.as_bytes());
    let common = [(header::ETAG, tag), (header::CACHE_CONTROL, caching)];
    if known {
        idp.count_unchanged(feed);
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    (common, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
