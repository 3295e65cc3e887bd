//! `WWW-Authenticate`: how a caller who was turned away may come again (RFC 9110, section 11.6.1).
//!
//! One line a scheme that would do on the route: `Bearer` (RFC 6750, section 3), `DPoP` (RFC 9449, section 7.1). The scheme
//! by which the request came says what was wrong, in one of the words of the RFCs; which check it was is for whoever runs
//! the service. Where no token came nothing was wrong with it, and nothing is said.

use crate::control::tokens::PROOF_ALGORITHMS;
use crate::control::tokens::Schemes;
use crate::model::mode::Control;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// Where a caller is to show who he is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Realm<'r> {
    /// The policy's name: fit for a quoted string as it is.
    pub(crate) name: &'r str,
    /// The schemes that would do.
    pub(crate) schemes: Schemes,
}

/// The challenges of a refusal; none for one that is not about the caller.
pub(crate) fn all(refusal: &Refusal, realm: Realm<'_>) -> Vec<String> {
    let about_caller = matches!(refusal.reason.control(), Control::Tokens | Control::Access);
    if !about_caller || !matches!(refusal.reason.status(), 400 | 401 | 403) {
        return Vec::new();
    }
    let Schemes { bearer, dpop, came_by_dpop } = realm.schemes;
    let by_dpop = came_by_dpop || is_about_proof(refusal.reason) || !bearer;
    // Another scheme is no help to somebody who may not do this at all.
    let again = refusal.reason.status() == 401;
    let mut challenges = Vec::new();
    if !by_dpop || (bearer && again) {
        challenges.push(challenge("Bearer", realm, refusal, !by_dpop));
    }
    if by_dpop || (dpop && again) {
        let names: Vec<&str> = PROOF_ALGORITHMS.iter().map(|algorithm| algorithm.name()).collect();
        let mut line = challenge("DPoP", realm, refusal, by_dpop);
        put(&mut line, "algs", &names);
        challenges.push(line);
    }
    challenges
}

/// Whether a caller is to mend the proof, and not the token.
fn is_about_proof(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::TokensProofMissing
            | Reason::TokensProofInvalid
            | Reason::TokensProofKey
            | Reason::TokensProofTarget
            | Reason::TokensProofTime
            | Reason::TokensProofReplayed
    )
}

fn challenge(scheme: &str, realm: Realm<'_>, refusal: &Refusal, says_why: bool) -> String {
    let mut out = format!("{scheme} realm=\"{}\"", realm.name);
    let error = match (refusal.reason, refusal.reason.status()) {
        (Reason::TokensMissing, _) => None,
        (Reason::AccessStepUp, _) => Some("insufficient_user_authentication"),
        (reason, _) if is_about_proof(reason) => Some("invalid_dpop_proof"),
        (_, 400) => Some("invalid_request"),
        (_, 401) => Some("invalid_token"),
        _ => Some("insufficient_scope"),
    };
    let Some(error) = error.filter(|_| says_why) else { return out };
    put(&mut out, "error", &[error]);
    match &refusal.extra {
        Extra::Scopes(scopes) => put(&mut out, "scope", scopes),
        Extra::StepUp { acr, max_age } => {
            put(&mut out, "acr_values", acr);
            if let Some(age) = max_age {
                put(&mut out, "max_age", &[age.as_secs().to_string()]);
            }
        }
        _ => {}
    }
    out
}

/// A parameter with words as a quoted string (RFC 9110, section 5.6.4). A word that cannot stand in a list of words is left
/// out, and a list without words altogether: what a policy names must not end the string, or the line.
fn put(out: &mut String, name: &str, words: &[impl AsRef<str>]) {
    let fits = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).filter(fits).collect();
    if words.is_empty() {
        return;
    }
    let text = words.join(" ").replace('\\', r"\\").replace('"', "\\\"");
    out.push_str(&format!(", {name}=\"{text}\""));
}
