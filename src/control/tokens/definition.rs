//! One entry of `tokens`, compiled: what a token must be to count as this one.

use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::key_set::KeySet;
use crate::control::tokens::polled::Source;
use crate::control::tokens::revocation::Revocation;
use crate::model::claims::ClaimTest;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::name::Name;
use crate::model::pointer::Pointer;
use crate::model::pointer::Step;
use crate::model::value::ValueRef;

/// A token definition. Only [`Definitions::compile`](crate::control::tokens::Definitions::compile) makes one.
pub struct Definition {
    /// Its name in the policy.
    pub name: Name,
    /// Its place among the policy's definitions, as [`ClaimRef::token`](crate::model::value::ClaimRef::token) has it.
    pub index: usize,
    /// Where the token stands in a request.
    pub carrier: Carrier,
    /// `iss`, byte for byte; `None` for `any`.
    pub issuer: Option<Box<str>>,
    /// `aud` must hold one of these; `None` for `any`.
    pub audience: Option<Box<[Box<str>]>>,
    /// The algorithms accepted, never empty; HMAC only by itself.
    pub algorithms: Box<[Algorithm]>,
    /// The media types accepted, without `application/`, in lower case; `None` for `any`.
    pub types: Option<Box<[Box<str>]>>,
    /// Where the keys come from.
    pub keys: KeySource,
    /// The longest `exp - iat`; `None` for `any`.
    pub max_lifetime: Option<Duration>,
    /// How far two clocks may differ.
    pub clock_skew: Duration,
    /// Claims that must be there.
    pub require: Box<[Pointer]>,
    /// What claims must be.
    pub claims: Box<[Condition]>,
    /// Claims that the upstream gets as headers.
    pub forward: Box<[Forward]>,
    /// Whether the token itself goes on to the upstream.
    pub keep: bool,
    /// How many verified tokens are remembered; 0 for none.
    pub cache: usize,
    /// What may verify signatures.
    pub signatures: Signatures,
    /// Where revoked tokens are named, if that is looked at.
    pub revocation: Option<Revocation>,
    /// What becomes of tokens that are bound to a key, and of those that are not.
    pub dpop: Dpop,
    /// How old a proof of possession may be.
    pub proof_max_age: Duration,
    /// SHA-256 of the definition as written and of its place: what is remembered under one holds under no other.
    pub(crate) fingerprint: [u8; 32],
}

/// The one header that a token may stand in, and the scheme in front of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Carrier {
    /// The header's name, in lower case.
    pub header: Rc<str>,
    /// The scheme, in lower case; compared in any case (RFC 9110, section 11.1).
    pub scheme: Option<Box<str>>,
}

/// What a [`Carrier`] shows.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sent<'h> {
    /// The header is not there.
    Nothing,
    /// More than one, so that two readers could choose differently.
    Twice,
    /// Credentials of another scheme.
    OtherScheme,
    /// A token, perhaps empty.
    Token(&'h [u8]),
}

/// Where a definition's keys come from.
pub enum KeySource {
    /// Fetched, again and again.
    Jwks(Jwks),
    /// Written in the policy.
    Inline(Rc<KeySet>),
    /// A secret of the environment; `None` where the policy is only checked and the variable is not there.
    Secret(Option<Rc<KeySet>>),
}

/// Where a key set is fetched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Jwks {
    /// Where, and how often.
    pub source: Source,
    /// How long the last good keys serve while fetches fail.
    pub max_stale: Duration,
}

/// One entry of `claims`.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// Which claim.
    pub claim: Pointer,
    /// What it must be.
    pub test: ClaimTest,
}

/// One entry of `forward`.
#[derive(Clone, Debug, PartialEq)]
pub struct Forward {
    /// The header, in lower case.
    pub header: Rc<str>,
    /// A claim of this token; of several the first that is there.
    pub value: ValueRef,
}

/// Whether a token is to be proved by its holder's key (RFC 9449).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Dpop {
    /// A token bound to a key is accepted without proof.
    Disabled,
    /// A bound token needs its proof; one that is not bound is a bearer's.
    Optional,
    /// Every token must be bound, and needs its proof.
    Required,
}

impl Dpop {
    /// The words of the language.
    pub const WORDS: [(&'static str, Dpop); 3] =
        [("disabled", Dpop::Disabled), ("optional", Dpop::Optional), ("required", Dpop::Required)];
}

/// What may verify signatures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Signatures {
    /// The host's `verify_signature` where it serves.
    Auto,
    /// This module only.
    Wasm,
}

impl Definition {
    /// Whether every token that passes has this claim: `require` names it, or a rule needs it.
    pub fn always_has(&self, claim: &Pointer) -> bool {
        let by_rule = match claim.steps() {
            [Step::Key(name)] => match &**name {
                "exp" => true,
                "iat" => self.max_lifetime.is_some(),
                "iss" => self.issuer.is_some(),
                "aud" => self.audience.is_some(),
                _ => false,
            },
            _ => false,
        };
        by_rule
            || self.require.contains(claim)
            || self.claims.iter().any(|condition| condition.claim == *claim)
    }

    /// Where its keys are fetched, if they are.
    pub fn jwks(&self) -> Option<&Jwks> {
        match &self.keys {
            KeySource::Jwks(jwks) => Some(jwks),
            KeySource::Inline(_) | KeySource::Secret(_) => None,
        }
    }

    /// Whether a token's `typ` is accepted (RFC 8725, section 3.11); an absent one is nobody's.
    pub(crate) fn accepts_type(&self, kind: Option<&str>) -> bool {
        let Some(types) = &self.types else { return true };
        kind.is_some_and(|kind| {
            let kind = short_media_type(kind);
            types.iter().any(|accepted| accepted.eq_ignore_ascii_case(kind))
        })
    }
}

/// The scheme of tokens that come with a proof (RFC 9449, section 7.1).
const DPOP: &str = "dpop";

impl Definition {
    /// What a request shows in this token's place. Where bearers stand a bound token stands too, under its own scheme.
    pub fn sent<'h>(&self, headers: &'h Headers) -> Sent<'h> {
        match self.carrier.read(headers) {
            Sent::OtherScheme if self.has_both_schemes() => self.carrier.under(headers, Some(DPOP)),
            sent => sent,
        }
    }

    /// Whether what stands in this token's place says that it comes with a proof; `None` where its place has no scheme
    /// that could say so.
    pub fn says_proved(&self, headers: &Headers) -> Option<bool> {
        let said = || matches!(self.carrier.under(headers, Some(DPOP)), Sent::Token(_));
        let can_say = self.has_both_schemes() || self.carrier.scheme.as_deref() == Some(DPOP);
        can_say.then(said)
    }

    fn has_both_schemes(&self) -> bool {
        self.dpop != Dpop::Disabled && self.carrier.scheme.as_deref() == Some("bearer")
    }
}

impl Carrier {
    /// What a request shows here.
    pub fn read<'h>(&self, headers: &'h Headers) -> Sent<'h> {
        self.under(headers, self.scheme.as_deref())
    }

    fn under<'h>(&self, headers: &'h Headers, scheme: Option<&str>) -> Sent<'h> {
        let value = match headers.single(&self.header) {
            Found::Missing => return Sent::Nothing,
            Found::Ambiguous => return Sent::Twice,
            Found::One(value) => value,
        };
        let Some(scheme) = scheme else { return Sent::Token(value) };
        let end = value.iter().position(|byte| *byte == b' ').unwrap_or(value.len());
        match value.split_at_checked(end) {
            Some((found, rest)) if found.eq_ignore_ascii_case(scheme.as_bytes()) => {
                let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
                Sent::Token(rest.get(spaces..).unwrap_or_default())
            }
            _ => Sent::OtherScheme,
        }
    }
}

/// A media type as `typ` has it: `application/` is left out where no other `/` follows (RFC 7515, section 4.1.9).
pub(crate) fn short_media_type(kind: &str) -> &str {
    match kind.split_once('/') {
        Some((top, rest)) if top.eq_ignore_ascii_case("application") && !rest.contains('/') => rest,
        _ => kind,
    }
}
