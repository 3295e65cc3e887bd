//! # Access: what the caller may do, and to whose objects
//! **Refuses** a caller without the scopes (`access.scope`, 403) or claims (`access.claim`, 403) that the route demands,
//! without a strong or recent enough login (`access.step_up`, 401), and one who names another's object
//! (`access.foreign`, 403; `access.owner_missing` where the request names none, `access.ambiguous` where it names two).
//! **Needs** the claims of verified tokens, and the places where the request says whose object it means; for a place in
//! the body, the body, read strictly. Without a subject it refuses with `tokens.missing`.
//! **Judges** answers too, where `response` names an owner ([`ShownOwner`]): whose objects they show.
//! **Does not** ask anybody: ownership that neither the token nor the request shows is not seen here.

mod owner;
mod raw;
mod shown;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;

pub use crate::control::access::owner::Owner;
pub use crate::control::access::owner::Ownership;
pub use crate::control::access::raw::Surroundings;
pub use crate::control::access::shown::Shown;
pub use crate::control::access::shown::ShownOwner;
use crate::model::claims::ClaimTest;
use crate::model::claims::Claims;
use crate::model::time::Nanos;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// The compiled `access` of a route. `authenticated` is one without further demands.
#[derive(Clone, Debug, Default)]
pub struct Access {
    scopes: Option<Scopes>,
    claims: Vec<Condition>,
    acr: Vec<Box<str>>,
    max_auth_age: Option<Duration>,
    owners: Vec<Owner>,
    conceal: bool,
}

/// The scopes that a route demands.
#[derive(Clone, Debug)]
enum Scopes {
    All(Vec<Box<str>>),
    Any(Vec<Box<str>>),
}

/// A claim and what it must be.
#[derive(Clone, Debug)]
struct Condition {
    claim: Source,
    test: ClaimTest,
}

/// Proof that a rule of `access` was held.
#[derive(Debug)]
pub struct Allowed(());

impl Access {
    /// Whether refusals of this route look like an unmatched path.
    pub fn conceals(&self) -> bool {
        self.conceal
    }

    /// Whether it demands anything of a caller beyond being one. Beside tokens that are all optional, an `access` that
    /// does not only says whose the path's parameters are, and guests pass.
    pub fn demands_more(&self) -> bool {
        self.has_scopes() || self.has_claims() || self.has_step_up() || !self.owners.is_empty()
    }

    /// The route's owner rules, for those who look whether there are any.
    pub fn owners(&self) -> &[Owner] {
        &self.owners
    }

    /// Whether the route says `scopes`.
    pub fn has_scopes(&self) -> bool {
        self.scopes.is_some()
    }

    /// Whether the route says `claims`.
    pub fn has_claims(&self) -> bool {
        !self.claims.is_empty()
    }

    /// Whether the route says `acr` or `max_auth_age`.
    pub fn has_step_up(&self) -> bool {
        !self.acr.is_empty() || self.max_auth_age.is_some()
    }

    /// Somebody must have been verified: the demand of every `access`.
    ///
    /// # Errors
    /// `tokens.missing`.
    pub fn check_caller<'c>(&self, first: Option<&'c Claims>) -> Result<&'c Claims, Refusal> {
        first.ok_or_else(|| Reason::TokensMissing.into())
    }

    /// The scopes of the first token that the route names and that is present: `scope` (words, RFC 9068) or `scp`
    /// (a string or a list).
    ///
    /// # Errors
    /// `access.scope`, or `tokens.missing` without a subject.
    pub fn check_scopes(&self, first: Option<&Claims>) -> Result<Allowed, Refusal> {
        let Some(demanded) = &self.scopes else { return Ok(Allowed(())) };
        let held = Held::of(self.check_caller(first)?);
        let has = |scope: &str| held.has(scope);
        let (fits, names) = match demanded {
            Scopes::All(names) => (names.iter().all(|it| has(it)), names),
            Scopes::Any(names) => (names.iter().any(|it| has(it)), names),
        };
        if fits {
            Ok(Allowed(()))
        } else {
            Err(Refusal::new(Reason::AccessScope).with(Extra::Scopes(names.clone())))
        }
    }

    /// All entries of `claims`.
    ///
    /// # Errors
    /// `access.claim`, or `tokens.missing` without a subject.
    pub fn check_claims(&self, first: Option<&Claims>, sight: &impl Sight) -> Result<Allowed, Refusal> {
        if self.claims.is_empty() {
            return Ok(Allowed(()));
        }
        self.check_caller(first)?;
        let holds = |condition: &Condition| condition.holds(sight);
        if self.claims.iter().all(holds) { Ok(Allowed(())) } else { Err(Reason::AccessClaim.into()) }
    }

    /// A strong and recent enough login (RFC 9470).
    ///
    /// # Errors
    /// `access.step_up`, or `tokens.missing` without a subject.
    pub fn check_step_up(&self, first: Option<&Claims>, now: Nanos) -> Result<Allowed, Refusal> {
        if !self.has_step_up() {
            return Ok(Allowed(()));
        }
        let claims = self.check_caller(first)?;
        let strong = self.acr.is_empty()
            || claims.text("acr").is_some_and(|acr| self.acr.iter().any(|it| **it == *acr));
        let recent = self.max_auth_age.is_none_or(|limit| {
            let age = claims.number("auth_time").map(|time| now.as_secs_f64() - time);
            // A login of the future is none; a minute is for clocks that differ.
            age.is_some_and(|age| age >= -60.0 && age <= limit.as_secs_f64())
        });
        if strong && recent {
            return Ok(Allowed(()));
        }
        let extra = Extra::StepUp { acr: self.acr.clone(), max_age: self.max_auth_age };
        Err(Refusal::new(Reason::AccessStepUp).with(extra))
    }

    /// Whether an owner rule has a place in the request's body.
    pub fn reads_body(&self) -> bool {
        self.owners.iter().any(Owner::on_body)
    }

    /// The owner rules whose turn it is: those with a place in the request's body once that was read (`after_body`), all
    /// others before.
    ///
    /// # Errors
    /// The reasons of [`Owner::check`], or `tokens.missing` without a subject where there is any rule.
    pub fn check_owners(
        &self,
        first: Option<&Claims>,
        sight: &impl Sight,
        after_body: bool,
    ) -> Result<Ownership, Refusal> {
        let mut ownership = Ownership::Own;
        if self.owners.is_empty() {
            return Ok(ownership);
        }
        self.check_caller(first)?;
        for owner in self.owners.iter().filter(|owner| owner.on_body() == after_body) {
            if owner.check(sight)? == Ownership::Exempted {
                ownership = Ownership::Exempted;
            }
        }
        Ok(ownership)
    }
}

impl Condition {
    fn holds(&self, sight: &impl Sight) -> bool {
        match sight.see(&self.claim) {
            Seen::Json(value) => self.test.holds(Some(value)),
            _ => false,
        }
    }
}

/// The scopes that a token says it has.
enum Held<'c> {
    /// Between blanks.
    Words(&'c str),
    /// In a list.
    List(&'c [Value]),
}

impl<'c> Held<'c> {
    fn of(claims: &'c Claims) -> Self {
        let place = |name| claims.member(name).filter(|value| !value.is_null());
        match place("scope").or_else(|| place("scp")) {
            Some(Value::String(words)) => Self::Words(words),
            Some(Value::Array(list)) => Self::List(list),
            _ => Self::List(&[]),
        }
    }

    fn has(&self, scope: &str) -> bool {
        match self {
            Self::Words(words) => {
                words.as_bytes().split(|byte| *byte == b' ').any(|word| word == scope.as_bytes())
            }
            Self::List(list) => list.iter().filter_map(Value::as_str).any(|held| held == scope),
        }
    }
}
