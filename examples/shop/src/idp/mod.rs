//! The identity provider: who may log in, which tokens they get, and which are called back.
//!
//! Unlike the API it is meant to be sound, because the gate builds on it: refresh tokens are single use, a wrong password and an
//! unknown address answer alike, and a logout reaches the revocation feed at once.
//!
//! | call | takes | gives |
//! | --- | --- | --- |
//! | `POST /login` | [`Login`] | [`Tokens`]; 401 |
//! | `POST /refresh` | `{"refresh_token"}` | [`Tokens`]; 401 |
//! | `POST /logout` | `{"refresh_token", "everywhere"?: bool}` | 204, whether it was known or not (RFC 7009, 2.2) |
//! | `GET /jwks.json` | | the public keys, with `etag` and `cache-control`; 304 |
//! | `GET /revoked` | | see [`Revoked`] |

mod http;
mod login;
mod revoked;
mod trouble;

pub(crate) use http::router;
pub(crate) use http::tokens;
pub use login::ACR_MFA;
pub use login::ACR_PASSWORD;
pub use login::Login;
pub use login::SCOPE;
pub use login::Tokens;
pub use revoked::Revoke;
pub use revoked::Revoked;
pub use trouble::Trouble;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use serde_json::Value;
use serde_json::json;
use uuid::Uuid;

use crate::Error;
use crate::clock;
use crate::data::Store;
use crate::data::User;
use crate::keys::Keys;
use crate::mint::Alg;
use crate::mint::Mint;
use crate::sync::lock;
use login::Session;

/// For how many seconds the key set says that it is good.
const MAX_AGE: u64 = 300;

/// The running provider; clones share one state.
#[derive(Clone)]
pub struct Idp {
    issuer: Arc<str>,
    audience: Arc<str>,
    lifetime: u64,
    users: Arc<Mutex<Store>>,
    state: Arc<Mutex<State>>,
    fetches: Arc<[AtomicU64; 2]>,
    unchanged: Arc<[AtomicU64; 2]>,
}

/// The two documents that a gate fetches and that can be made to misbehave.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Feed {
    /// `GET /jwks.json`
    Jwks,
    /// `GET /revoked`
    Revoked,
}

struct State {
    keys: Arc<Keys>,
    /// Keys of earlier rotations that are still published.
    kept: Vec<Arc<Keys>>,
    sessions: HashMap<String, Session>,
    revoked: Revoked,
    trouble: [Trouble; 2],
    /// What the key set says of its own age, in seconds.
    max_age: u64,
}

impl Idp {
    pub(crate) fn new(
        issuer: &str,
        audience: &str,
        lifetime: u64,
        users: Arc<Mutex<Store>>,
    ) -> Result<Self, Error> {
        let state = State {
            keys: Arc::new(Keys::generate()?),
            kept: Vec::new(),
            sessions: HashMap::new(),
            revoked: Revoked::of(issuer),
            trouble: [Trouble::None, Trouble::None],
            max_age: MAX_AGE,
        };
        Ok(Self {
            issuer: issuer.into(),
            audience: audience.into(),
            lifetime,
            users,
            state: Arc::new(Mutex::new(state)),
            fetches: Arc::default(),
            unchanged: Arc::default(),
        })
    }

    /// Tokens for an address and a password; `None` where they, the code or the algorithm do not fit.
    pub fn login(&self, login: &Login) -> Option<Tokens> {
        let alg = match login.alg.as_deref() {
            None | Some("ES256") => Alg::Es256,
            Some("RS256") => Alg::Rs256,
            Some(_) => return None,
        };
        let users = lock(&self.users);
        let user = users.login(&login.email, &login.password)?;
        let acr = match &login.otp {
            None => ACR_PASSWORD,
            Some(code) if *code == user.otp => ACR_MFA,
            Some(_) => return None,
        };
        let session = Session {
            sid: Uuid::new_v4().to_string(),
            sub: user.id.clone(),
            alg,
            acr,
            auth_time: clock::unix_now(),
            app_version: login.app_version.clone(),
        };
        Some(self.issue(user, session))
    }

    /// New tokens for a refresh token, which is used up; `None` where it is unknown, used or revoked.
    pub fn refresh(&self, refresh_token: &str) -> Option<Tokens> {
        let users = lock(&self.users);
        let session = lock(&self.state).sessions.remove(refresh_token)?;
        Some(self.issue(users.users.get(&session.sub)?, session))
    }

    /// Ends a session, or all sessions of its account. An unknown token ends nothing and is no error.
    pub fn logout(&self, refresh_token: &str, everywhere: bool) {
        let mut state = lock(&self.state);
        let Some(ended) = state.sessions.remove(refresh_token) else { return };
        let keep_until = clock::unix_now().saturating_add(self.lifetime);
        if everywhere {
            state.sessions.retain(|_, session| session.sub != ended.sub);
            state.revoked.add_sub(ended.sub, clock::unix_now(), keep_until);
        } else {
            state.revoked.add_sid(ended.sid, keep_until);
        }
    }

    /// Puts a token id, a session or all tokens that a subject got until now on the revocation feed.
    pub fn revoke(&self, what: Revoke) {
        let now = clock::unix_now();
        let keep_until = now.saturating_add(self.lifetime);
        let mut state = lock(&self.state);
        match what {
            Revoke::Jti(jti) => state.revoked.add_jti(jti, keep_until),
            Revoke::Sid(sid) => {
                state.sessions.retain(|_, session| session.sid != sid);
                state.revoked.add_sid(sid, keep_until);
            }
            Revoke::Sub(sub) => {
                state.sessions.retain(|_, session| session.sub != sub);
                state.revoked.add_sub(sub, now, keep_until);
            }
        }
    }

    /// Signs with new keys from now on; the old ones stay in the JWKS, or leave it, all of them.
    ///
    /// The RSA key alternates between two: after two rotations it is the first again.
    pub fn rotate(&self, keep_old: bool) -> Result<(), Error> {
        let mut state = lock(&self.state);
        let next = Arc::new(state.keys.next()?);
        let old = std::mem::replace(&mut state.keys, next);
        if keep_old {
            state.kept.push(old);
        } else {
            state.kept.clear();
        }
        Ok(())
    }

    /// The keys that sign now.
    pub fn keys(&self) -> Arc<Keys> {
        Arc::clone(&lock(&self.state).keys)
    }

    /// A good token of alice in the making, with the issuer, audience and lifetime of this provider.
    pub fn mint<'k>(&self, keys: &'k Keys) -> Mint<'k> {
        Mint::new(keys).claim("iss", &*self.issuer).claim("aud", &*self.audience).lifetime(self.lifetime)
    }

    /// How often a document was asked for, whatever came of it.
    pub fn fetches(&self, feed: Feed) -> u64 {
        let [jwks, revoked] = &*self.fetches;
        match feed {
            Feed::Jwks => jwks.load(Ordering::Relaxed),
            Feed::Revoked => revoked.load(Ordering::Relaxed),
        }
    }

    /// How often a document was answered with 304, since whoever asked had it.
    pub fn unchanged(&self, feed: Feed) -> u64 {
        let [jwks, revoked] = &*self.unchanged;
        match feed {
            Feed::Jwks => jwks.load(Ordering::Relaxed),
            Feed::Revoked => revoked.load(Ordering::Relaxed),
        }
    }

    /// Lets the key set say that it is good for so many seconds, from its next fetch on.
    pub fn set_max_age(&self, seconds: u64) {
        lock(&self.state).max_age = seconds;
    }

    /// Makes a document misbehave from its next fetch on, or behave again.
    pub fn set_trouble(&self, feed: Feed, trouble: Trouble) {
        let [jwks, revoked] = &mut lock(&self.state).trouble;
        match feed {
            Feed::Jwks => *jwks = trouble,
            Feed::Revoked => *revoked = trouble,
        }
    }

    /// How a document misbehaves now.
    pub fn trouble(&self, feed: Feed) -> Trouble {
        let [jwks, revoked] = lock(&self.state).trouble;
        match feed {
            Feed::Jwks => jwks,
            Feed::Revoked => revoked,
        }
    }

    fn count_fetch(&self, feed: Feed) {
        let [jwks, revoked] = &*self.fetches;
        match feed {
            Feed::Jwks => jwks.fetch_add(1, Ordering::Relaxed),
            Feed::Revoked => revoked.fetch_add(1, Ordering::Relaxed),
        };
    }

    fn count_unchanged(&self, feed: Feed) {
        let [jwks, revoked] = &*self.unchanged;
        match feed {
            Feed::Jwks => jwks.fetch_add(1, Ordering::Relaxed),
            Feed::Revoked => revoked.fetch_add(1, Ordering::Relaxed),
        };
    }

    /// The key set's `cache-control`.
    fn caching(&self) -> String {
        format!("public, max-age={}", lock(&self.state).max_age)
    }

    /// The key set as it should be: one that is in two generations stands there once.
    fn jwks(&self) -> Value {
        let state = lock(&self.state);
        let mut keys: Vec<Value> = Vec::new();
        for key in std::iter::once(&state.keys).chain(&state.kept).flat_map(|set| set.jwks()) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        json!({ "keys": keys })
    }

    fn revoked(&self) -> Revoked {
        let now = clock::unix_now();
        let mut state = lock(&self.state);
        state.revoked.forget(now);
        state.revoked.clone()
    }

    fn issue(&self, user: &User, session: Session) -> Tokens {
        let keys = self.keys();
        let mut mint = self
            .mint(&keys)
            .claim("sub", user.id.as_str())
            .claim("sid", session.sid.as_str())
            .claim("acr", session.acr)
            .claim("auth_time", session.auth_time)
            .claim("plan", user.plan.as_str())
            .claim("roles", user.roles.clone());
        if let Some(version) = &session.app_version {
            mint = mint.claim("app_version", version.as_str());
        }
        let access_token = mint.sign(session.alg);
        let refresh_token = Uuid::new_v4().simple().to_string();
        lock(&self.state).sessions.insert(refresh_token.clone(), session);
        Tokens {
            access_token,
            token_type: "Bearer".into(),
            expires_in: self.lifetime,
            refresh_token,
            scope: SCOPE.into(),
        }
    }
}
