//! What the claims of a token must say, once its signature is known to be good. No other place looks at a time.
//!
//! [`lasting`] holds all that no time can change, so that it is judged once a token; [`Times::at`] is judged at each
//! request. The first that fails is the reason: a claim that has the wrong type, issuer, audience, lifetime, what
//! the definition requires, and last whether the token is over or not yet valid.

use std::time::Duration;

use serde_json::Value;

use crate::control::tokens::definition::Definition;
use crate::model::claims::Claims;
use crate::model::time::Nanos;
use crate::refusal::Reason;

/// The end of the year 9999: a NumericDate beyond it is in another unit, or is no date.
const LAST_DATE: f64 = 253_402_300_799.0;

/// A token's times in seconds since the epoch, fractions kept (RFC 7519, section 2).
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Times {
    expires: f64,
    not_before: Option<f64>,
    issued: Option<f64>,
}

impl Times {
    /// Whether the token is valid now, clocks being `skew` apart at most.
    pub(crate) fn at(&self, now: Nanos, skew: Duration) -> Result<(), Reason> {
        let (now, skew) = (now.as_secs_f64(), skew.as_secs_f64());
        let (latest, earliest) = (now + skew, now - skew);
        // Written so that a comparison that fails refuses.
        let running = self.expires > earliest;
        let begun = |date: Option<f64>| date.is_none_or(|date| date <= latest);
        match (running, begun(self.not_before) && begun(self.issued)) {
            (false, _) => Err(Reason::TokensExpired),
            (true, false) => Err(Reason::TokensNotYetValid),
            (true, true) => Ok(()),
        }
    }
}

/// Judges all but the time, and gives the times.
pub(crate) fn lasting(definition: &Definition, claims: &Claims) -> Result<Times, Reason> {
    let (issuer, subject) = (text(claims, "iss")?, text(claims, "sub")?);
    if definition.revocation.is_some() {
        // What cannot be looked up could not be revoked.
        text(claims, "jti")?;
        text(claims, "sid")?;
    }
    let audience = Audience::read(claims.member("aud"))?;
    let expires = date(claims, "exp")?;
    let (not_before, issued) = (date(claims, "nbf")?, date(claims, "iat")?);

    if definition.issuer.as_deref().is_some_and(|expected| issuer != Some(expected)) {
        return Err(Reason::TokensIssuer);
    }
    if definition.audience.as_ref().is_some_and(|ours| !ours.iter().any(|one| audience.holds(one))) {
        return Err(Reason::TokensAudience);
    }
    // A token without an end has no bounded lifetime, whatever the bound.
    let expires = expires.ok_or(Reason::TokensLifetime)?;
    // A token that is over before it begins is a mistake or a trick; within the skew it would pass.
    if [issued, not_before].into_iter().flatten().any(|begins| begins > expires) {
        return Err(Reason::TokensLifetime);
    }
    if let Some(longest) = definition.max_lifetime {
        let issued = issued.ok_or(Reason::TokensLifetime)?;
        if expires - issued > longest.as_secs_f64() {
            return Err(Reason::TokensLifetime);
        }
    }
    // An empty `sub` names nobody, and everybody who has one.
    if subject == Some("") {
        return Err(Reason::TokensClaim);
    }
    let required = definition.require.iter().all(|claim| claims.get(claim).is_some());
    let fitting =
        definition.claims.iter().all(|condition| condition.test.holds(claims.get(&condition.claim)));
    if !required || !fitting {
        return Err(Reason::TokensClaim);
    }
    Ok(Times { expires, not_before, issued })
}

/// A claim that is a string where it is there.
pub(crate) fn text<'c>(claims: &'c Claims, name: &str) -> Result<Option<&'c str>, Reason> {
    match claims.member(name) {
        None => Ok(None),
        Some(Value::String(it)) => Ok(Some(it)),
        Some(_) => Err(Reason::TokensMalformed),
    }
}

/// A NumericDate, where it is there.
pub(crate) fn date(claims: &Claims, name: &str) -> Result<Option<f64>, Reason> {
    let Some(value) = claims.member(name) else { return Ok(None) };
    match value.as_f64() {
        Some(seconds) if (0.0..=LAST_DATE).contains(&seconds) => Ok(Some(seconds)),
        _ => Err(Reason::TokensMalformed),
    }
}

/// `aud`: a string or a list of them (RFC 7519, section 4.1.3).
enum Audience<'c> {
    One(Option<&'c str>),
    Several(Vec<&'c str>),
}

impl<'c> Audience<'c> {
    fn read(value: Option<&'c Value>) -> Result<Self, Reason> {
        match value {
            None => Ok(Self::One(None)),
            Some(Value::String(one)) => Ok(Self::One(Some(one))),
            Some(Value::Array(list)) => {
                let all: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
                all.map(Self::Several).ok_or(Reason::TokensMalformed)
            }
            Some(_) => Err(Reason::TokensMalformed),
        }
    }

    fn holds(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => *one == Some(audience),
            Self::Several(all) => all.contains(&audience),
        }
    }
}

#[cfg(test)]
impl Times {
    /// Times that are always good.
    pub(crate) fn forever() -> Self {
        Self { expires: LAST_DATE, not_before: None, issued: None }
    }
}
