//! What a login takes, gives and leaves behind.

use serde::Deserialize;
use serde::Serialize;

use crate::mint::Alg;

/// `scope` of every token that a login gives.
pub const SCOPE: &str = "users:read users:write orders:read orders:write transfers:write";
/// `acr` after a login with a password.
pub const ACR_PASSWORD: &str = "urn:shop:pwd";
/// `acr` after a login with a password and the code of the telephone.
pub const ACR_MFA: &str = "urn:shop:mfa";

/// What a login takes.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Login {
    /// The account's address.
    pub email: String,
    /// Its password.
    pub password: String,
    /// The code of the telephone: a right one makes `acr` [`ACR_MFA`], a wrong one is 401.
    pub otp: Option<String>,
    /// `ES256` (the default) or `RS256`; may also stand in the query.
    pub alg: Option<String>,
    /// The app's version, copied into the claim of the same name.
    pub app_version: Option<String>,
}

/// What a login and a refresh give (RFC 6749, 5.1).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tokens {
    /// The access token, a JWT of type `at+jwt` (RFC 9068).
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds that the access token lives.
    pub expires_in: u64,
    /// Good for one refresh.
    pub refresh_token: String,
    /// What the access token is good for.
    pub scope: String,
}

/// What stands behind a refresh token.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) sid: String,
    pub(super) sub: String,
    pub(super) alg: Alg,
    pub(super) acr: &'static str,
    pub(super) auth_time: u64,
    pub(super) app_version: Option<String>,
}
