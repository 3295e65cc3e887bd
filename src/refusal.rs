//! Every reason to turn a request away. Answers, metrics, audit events and `explain` all print [`Reason::code`].

use std::time::Duration;

use crate::model::mode::Control;

/// Makes the closed list from one table: variant, control, code, status, title. README says what to do about each.
macro_rules! reasons {
    ($($variant:ident $control:ident $code:literal $status:literal $title:literal;)*) => {
        /// Why a request is refused. The list is closed; README lists the same codes.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub enum Reason {
            $(#[doc = concat!("`", $code, "`, ", stringify!($status), ": ", $title)] $variant,)*
        }

        impl Reason {
            /// All of them, in the order of the controls.
            pub const ALL: &'static [Reason] = &[$(Self::$variant),*];

            /// The control whose reason this is. Another may refuse with it: `access` without a subject says
            /// `tokens.missing`.
            pub const fn control(self) -> Control {
                match self { $(Self::$variant => Control::$control),* }
            }

            /// The stable code, the same everywhere.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The status of the answer.
            pub const fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// One sentence for a person; the same for every request.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

reasons! {
    TransportCleartext Transport "transport.cleartext" 403 "Cleartext is not accepted here";
    TransportRedirect Transport "transport.redirect" 308 "Use HTTPS";
    TransportTls Transport "transport.tls_version" 403 "The TLS version is too old";
    RoutingAmbiguous Routing "routing.ambiguous" 400 "The path can be read in more than one way";
    RoutingUpgrade Routing "routing.upgrade" 400 "Upgrades and tunnels are not accepted here";
    RoutingUnmatched Routing "routing.unmatched" 404 "Not found";
    RoutingMethod Routing "routing.method" 405 "The method is not allowed here";
    RoutingVersion Routing "routing.version" 400 "No version that is served here is asked for";
    RoutingHost Routing "routing.host" 421 "This host is not served here";
    RoutingUnreadable Routing "routing.unreadable" 503 "The request cannot be judged at the moment";
    LimitsExceeded Limits "limits.exceeded" 429 "Too many requests";
    LimitsPenalty Limits "limits.penalty" 429 "Too many requests, again and again";
    LimitsKeyMissing Limits "limits.key_missing" 429 "The request lacks what its limit is counted by";
    LimitsContended Limits "limits.contended" 429 "Too many requests at once";
    LimitsUnavailable Limits "limits.unavailable" 503 "Limits cannot be checked at the moment";
    LimitsAmbiguous Limits "limits.ambiguous" 400 "A value that a limit is counted by is given more than once";
    LimitsCost Limits "limits.cost" 400 "The request does not say what it costs, or costs more than is ever granted";
    ClientOutdated Client "client.outdated" 426 "This version of the app is no longer served";
    ClientUnknown Client "client.unknown" 426 "The app does not say which version it is";
    ClientAmbiguous Client "client.ambiguous" 400 "The app's version or platform is given more than once";
    TokensMissing Tokens "tokens.missing" 401 "A token is required";
    TokensAmbiguous Tokens "tokens.ambiguous" 400 "The token is given more than once";
    TokensMalformed Tokens "tokens.malformed" 401 "The token is not valid";
    TokensTooLong Tokens "tokens.too_long" 401 "The token is not valid";
    TokensEncrypted Tokens "tokens.encrypted" 401 "The token is not valid";
    TokensCritical Tokens "tokens.critical" 401 "The token is not valid";
    TokensType Tokens "tokens.type" 401 "The token is not valid";
    TokensAlgorithm Tokens "tokens.algorithm" 401 "The token is not valid";
    TokensUnknownKey Tokens "tokens.unknown_key" 401 "The token is not valid";
    TokensSignature Tokens "tokens.signature" 401 "The token is not valid";
    TokensIssuer Tokens "tokens.issuer" 401 "The token is not valid";
    TokensAudience Tokens "tokens.audience" 401 "The token is not valid";
    TokensExpired Tokens "tokens.expired" 401 "The token is not valid";
    TokensNotYetValid Tokens "tokens.not_yet_valid" 401 "The token is not valid";
    TokensLifetime Tokens "tokens.lifetime" 401 "The token is not valid";
    TokensClaim Tokens "tokens.claim" 401 "The token is not valid";
    TokensRevoked Tokens "tokens.revoked" 401 "The token is not valid";
    TokensRevocationUnavailable Tokens "tokens.revocation_unavailable" 503 "Tokens cannot be checked at the moment";
    TokensBinding Tokens "tokens.binding" 401 "The token is not valid";
    TokensProofMissing Tokens "tokens.proof_missing" 401 "The proof of possession is not valid";
    TokensProofInvalid Tokens "tokens.proof_invalid" 401 "The proof of possession is not valid";
    TokensProofKey Tokens "tokens.proof_key" 401 "The proof of possession is not valid";
    TokensProofTarget Tokens "tokens.proof_target" 401 "The proof of possession is not valid";
    TokensProofTime Tokens "tokens.proof_time" 401 "The proof of possession is not valid";
    TokensProofReplayed Tokens "tokens.proof_replayed" 401 "The proof of possession is not valid";
    TokensProofsUnavailable Tokens "tokens.proofs_unavailable" 503 "Tokens cannot be checked at the moment";
    TokensKeysUnavailable Tokens "tokens.keys_unavailable" 503 "Tokens cannot be checked at the moment";
    AccessScope Access "access.scope" 403 "The token does not allow this";
    AccessClaim Access "access.claim" 403 "The token does not allow this";
    AccessStepUp Access "access.step_up" 401 "A stronger or more recent login is required";
    AccessForeign Access "access.foreign" 403 "This belongs to somebody else";
    AccessOwnerMissing Access "access.owner_missing" 403 "The request does not say whose object it means";
    AccessAmbiguous Access "access.ambiguous" 400 "The request says in more than one way whose object it means";
    RequestParameter Request "request.parameter" 400 "A parameter is not as it must be";
    RequestUnknownQuery Request "request.unknown_query" 400 "The query has a parameter that is not known here";
    RequestAmbiguous Request "request.ambiguous" 400 "A header or parameter is given more than once";
    RequestBodyUnexpected Request "request.body_unexpected" 400 "No body is accepted here";
    RequestBodyMissing Request "request.body_missing" 400 "A body is required";
    RequestTooLarge Request "request.too_large" 413 "The body is too large";
    RequestContentType Request "request.content_type" 415 "The content type is not accepted here";
    RequestEncoding Request "request.content_encoding" 415 "Encoded bodies are not accepted here";
    RequestMalformed Request "request.malformed" 400 "The body is not well-formed";
    RequestDuplicateName Request "request.duplicate_name" 400 "The body gives a name twice in one object";
    RequestNumber Request "request.number" 400 "The body has a number that not every reader can keep";
    RequestStructure Request "request.structure" 400 "The body is nested too deep, or has too many or too long parts";
    RequestSchema Request "request.schema" 422 "The body is not as it must be";
    ResponseTooLarge Response "response.too_large" 502 "The answer cannot be passed on";
    ResponseContent Response "response.content" 502 "The answer cannot be passed on";
    ResponseMalformed Response "response.malformed" 502 "The answer cannot be passed on";
    ResponseUndeclared Response "response.undeclared" 502 "The answer cannot be passed on";
    ResponseSchema Response "response.schema" 502 "The answer cannot be passed on";
}

/// A request turned away: the reason, and what the answer needs beside it.
#[derive(Clone, Debug, PartialEq)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// What the answer carries beside the reason.
    pub extra: Extra,
}

/// What an answer carries beside its reason. None of it tells a value that a client sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Extra {
    /// Nothing.
    #[default]
    Nothing,
    /// When to come back: 429 and 503. Never earlier than true.
    RetryAfter(Duration),
    /// Which parts of a body or which parameters did not pass, at most 10.
    Errors(Vec<SchemaError>),
    /// The scopes that the route demands: `scope` of the challenge (RFC 6750, section 3).
    Scopes(Vec<Box<str>>),
    /// The login that the route demands (RFC 9470, section 3).
    StepUp {
        /// `acr_values`: any of these would do; empty where the route names none.
        acr: Vec<Box<str>>,
        /// `max_age`: the oldest login that would do.
        max_age: Option<Duration>,
    },
    /// The same address over HTTPS.
    Location(String),
    /// Where the app is updated.
    Upgrade(Box<str>),
    /// The methods that the path has: `Allow` of a 405.
    Allow(Box<str>),
}

/// One part that did not pass its schema, without its value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SchemaError {
    /// A JSON Pointer into the body; for a parameter its notation, such as `query.limit`.
    pub pointer: String,
    /// The schema's keyword that it failed.
    pub keyword: String,
}

impl Refusal {
    /// A refusal that needs nothing beside its reason.
    pub const fn new(reason: Reason) -> Self {
        Self { reason, extra: Extra::Nothing }
    }

    /// The same, and where it says when to come back, not before `wait` is over.
    pub fn not_before(self, wait: Duration) -> Self {
        match self.extra {
            Extra::RetryAfter(before) => self.with(Extra::RetryAfter(before.max(wait))),
            _ => self,
        }
    }

    /// The same with something beside it.
    pub fn with(self, extra: Extra) -> Self {
        Self { extra, ..self }
    }
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        Self::new(reason)
    }
}
