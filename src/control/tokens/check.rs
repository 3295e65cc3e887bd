//! Judges the tokens of one request.

use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::cache::Caches;
use crate::control::tokens::definition::Carrier;
use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::Sent;
use crate::control::tokens::definition::Signatures;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::demand::Demand;
use crate::control::tokens::demand::Entry;
use crate::control::tokens::form::Form;
use crate::control::tokens::form::MAX_TOKEN;
use crate::control::tokens::host_signature::HostVerifier;
use crate::control::tokens::json;
use crate::control::tokens::keys::Keys;
use crate::control::tokens::proof::Subject;
use crate::control::tokens::proof::Subjects;
use crate::control::tokens::rules;
use crate::control::tokens::signature;
use crate::model::claims::Claims;
use crate::model::headers::Headers;
use crate::model::time::Nanos;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// When a caller is asked to come back while there are no keys: by then a fetch has had its time.
const KEYS_RETRY: Duration = Duration::from_secs(5);

/// Judges `tokens`: every entry of the route's demand must hold. Whether a bound token's proof came with it is a rule
/// of its own: see [`check_binding`](crate::control::tokens::check_binding).
///
/// # Errors
/// The first entry's refusal that does not hold, `tokens.*`; the module's page has the order of the reasons.
pub fn check(
    definitions: &Definitions,
    demand: &Demand,
    headers: &Headers,
    keys: &Keys,
    caches: &mut Caches,
    now: Nanos,
) -> Result<Subjects, Refusal> {
    let mut subjects = Subjects::default();
    for entry in demand.entries() {
        match find(definitions, entry, headers)? {
            Some((carrier, token)) => {
                let choices = entry.tokens.iter().filter_map(|index| definitions.get(*index));
                let choices = choices.filter(|choice| choice.carrier == *carrier);
                subjects.push(judge(token, choices, keys, caches, now)?);
            }
            None if entry.optional => {}
            None => return Err(Reason::TokensMissing.into()),
        }
    }
    Ok(subjects)
}

/// The one token that a request shows for an entry, and where. Credentials of another scheme are no token (RFC 6750,
/// section 3.1), and nobody who sends some is a guest. Two tokens for one `any` are ambiguous.
fn find<'h>(
    definitions: &'h Definitions,
    entry: &Entry,
    headers: &'h Headers,
) -> Result<Option<(&'h Carrier, &'h [u8])>, Reason> {
    let mut found: Option<(&Carrier, &[u8])> = None;
    let mut other_scheme = false;
    for index in &entry.tokens {
        let definition = definitions.get(*index).ok_or(Reason::TokensMissing)?;
        let carrier = &definition.carrier;
        match (definition.sent(headers), found) {
            (Sent::Nothing, _) => {}
            (Sent::Twice, _) => return Err(Reason::TokensAmbiguous),
            (Sent::OtherScheme, _) => other_scheme = true,
            (Sent::Token(_), Some((known, _))) if known.header != carrier.header => {
                return Err(Reason::TokensAmbiguous);
            }
            (Sent::Token(token), _) => found = Some((carrier, token)),
        }
    }
    match found {
        None if other_scheme => Err(Reason::TokensMissing),
        _ => Ok(found),
    }
}

/// Judges one token, held to one of `choices`.
fn judge<'d>(
    token: &[u8],
    choices: impl Iterator<Item = &'d Definition> + Clone,
    keys: &Keys,
    caches: &mut Caches,
    now: Nanos,
) -> Result<Rc<Subject>, Refusal> {
    if token.len() > MAX_TOKEN {
        return Err(Reason::TokensTooLong.into());
    }
    for choice in choices.clone() {
        let Some(set) = keys.current(choice.index, now) else { continue };
        if let Some(subject) = caches.under(choice, set).and_then(|cache| cache.good(token)) {
            subject.times().at(now, choice.clock_skew)?;
            return Ok(subject);
        }
    }
    let form = Form::read(token)?;
    let definition = pick(&form, choices)?;
    let algorithm = accepted(definition, &form)?;
    let Some(set) = keys.current(definition.index, now) else {
        return Err(Refusal::from(Reason::TokensKeysUnavailable).with(Extra::RetryAfter(KEYS_RETRY)));
    };
    let candidates = set.candidates(form.header.kid.as_deref(), algorithm).inspect_err(|reason| {
        if *reason == Reason::TokensUnknownKey {
            keys.miss(definition, form.header.kid.as_deref(), now);
        }
    })?;
    let mut cache = caches.under(definition, set);
    if let Some(reason) = cache.as_mut().and_then(|cache| cache.bad(token)) {
        return Err(reason.into());
    }
    let host = match definition.signatures {
        Signatures::Auto => keys.host,
        Signatures::Wasm => HostVerifier::default(),
    };
    let signed =
        candidates.iter().any(|key| signature::verify(host, key, algorithm, form.input, &form.signature));
    let proved = if signed { prove(definition, &form.payload) } else { Err(Reason::TokensSignature) };
    match proved {
        Err(reason) => {
            if let Some(cache) = cache {
                cache.keep_bad(token, reason);
            }
            Err(reason.into())
        }
        Ok(subject) => {
            // A token that is over takes no room from those that are not.
            subject.times().at(now, definition.clock_skew)?;
            let subject = Rc::new(subject);
            if let Some(cache) = cache {
                cache.keep_good(token, &subject);
            }
            Ok(subject)
        }
    }
}

/// The definition that a token is held to: the only one, or the one whose issuer it names. That is read before anything
/// is verified, and so decides nothing else.
fn pick<'d>(
    form: &Form<'_>,
    mut choices: impl Iterator<Item = &'d Definition> + Clone,
) -> Result<&'d Definition, Reason> {
    let mut rest = choices.clone();
    if let (Some(only), None) = (rest.next(), rest.next()) {
        return Ok(only);
    }
    let claims = Claims::new(json::object(&form.payload).ok_or(Reason::TokensMalformed)?);
    let issuer = rules::text(&claims, "iss")?.ok_or(Reason::TokensIssuer)?;
    choices.find(|choice| choice.issuer.as_deref() == Some(issuer)).ok_or(Reason::TokensIssuer)
}

/// The token's algorithm, if the definition accepts it and the token's type (RFC 8725, sections 3.1 and 3.11).
fn accepted(definition: &Definition, form: &Form<'_>) -> Result<Algorithm, Reason> {
    let algorithm = Algorithm::named(&form.header.algorithm)
        .filter(|algorithm| definition.algorithms.contains(algorithm))
        .ok_or(Reason::TokensAlgorithm)?;
    if !definition.accepts_type(form.header.kind.as_deref()) {
        return Err(Reason::TokensType);
    }
    Ok(algorithm)
}

/// The caller by claims whose signature is good.
fn prove(definition: &Definition, payload: &[u8]) -> Result<Subject, Reason> {
    let claims = Claims::new(json::object(payload).ok_or(Reason::TokensMalformed)?);
    let times = rules::lasting(definition, &claims)?;
    Ok(Subject::new(definition.index, claims, times))
}
