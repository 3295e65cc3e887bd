//! The rule `tokens.binding`: a token that is bound to a key is its holder's alone.
//!
//! **Refuses** with `tokens.binding` (401) a bound token that comes as a bearer's, one that is not bound and says that it
//! comes with a proof, one that is not bound where its definition says `dpop: required`, one that is bound to another
//! certificate than the connection's or in a way that is not known here; with `tokens.proof_*` one whose proof is not
//! there or not good, see [`dpop`].
//!
//! **Needs** the request's head, and of the host what it is asked for only where a token or a proof speaks of it.
//!
//! A request has one proof, and that shows one key. Where several of its tokens are bound to keys, such as the user's and
//! an attestation of the app, they must all be bound to this one: a proof names the token that comes under the scheme
//! `DPoP`, else the first that the route names.

use std::time::Duration;

use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::Dpop;
use crate::control::tokens::definition::Sent;
use crate::control::tokens::definition::Signatures;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::dpop;
use crate::control::tokens::dpop::Wanted;
use crate::control::tokens::host_signature::HostVerifier;
use crate::control::tokens::proof::Subjects;
use crate::control::tokens::replay::Replays;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::shared::Buckets;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// Who sent the tokens: what a proof is compared with.
pub struct Sender<'s> {
    /// The request's head.
    pub headers: &'s Headers,
    /// The time.
    pub now: Nanos,
    /// Who may verify signatures beside this module.
    pub host: HostVerifier,
    /// Whether the client came without TLS.
    pub in_cleartext: &'s dyn Fn() -> bool,
    /// SHA-256 of the certificate that the client showed, if it did and the host tells.
    pub certificate: &'s dyn Fn() -> Option<[u8; 32]>,
}

/// A token of this request that is bound to a key.
struct Bound<'b> {
    definition: &'b Definition,
    token: &'b [u8],
    key: [u8; 32],
    says_proved: bool,
}

/// Judges `tokens.binding` for the tokens that `subjects` stand for. A proof that is good serves once.
///
/// # Errors
/// The reasons of the module's page; `tokens.proofs_unavailable` where nobody can tell whether a proof was used before.
pub fn check_binding(
    definitions: &Definitions,
    subjects: &Subjects,
    sender: &Sender<'_>,
    replays: &mut Replays,
    store: &impl Buckets,
) -> Result<(), Refusal> {
    let mut bound: Vec<Bound<'_>> = Vec::new();
    for subject in subjects.iter() {
        let definition = definitions.get(subject.token()).ok_or(Reason::TokensBinding)?;
        if definition.dpop == Dpop::Disabled {
            continue;
        }
        let Sent::Token(token) = definition.sent(sender.headers) else {
            return Err(Reason::TokensBinding.into());
        };
        let binding = subject.binding();
        let says_proved = definition.says_proved(sender.headers);
        let downgraded = says_proved.is_some_and(|says| says != binding.key.is_some());
        let wanting = definition.dpop == Dpop::Required && binding.key.is_none();
        if binding.unprovable || downgraded || wanting {
            return Err(Reason::TokensBinding.into());
        }
        if binding.certificate.is_some() && binding.certificate != (sender.certificate)() {
            return Err(Reason::TokensBinding.into());
        }
        if let Some(key) = binding.key {
            bound.push(Bound { definition, token, key, says_proved: says_proved == Some(true) });
        }
    }
    let Some(named) = bound.iter().find(|bound| bound.says_proved).or_else(|| bound.first()) else {
        return Ok(());
    };
    let proof = match sender.headers.single(dpop::HEADER) {
        Found::Missing => return Err(Reason::TokensProofMissing.into()),
        Found::Ambiguous => return Err(Reason::TokensProofInvalid.into()),
        Found::One(proof) => proof,
    };
    if bound.iter().any(|other| other.key != named.key) {
        return Err(Reason::TokensProofKey.into());
    }
    // Of several definitions the strictest says how old it may be.
    let least = |of: fn(&Definition) -> Duration| {
        bound.iter().map(|bound| of(bound.definition)).min().unwrap_or_default()
    };
    let wanted = Wanted {
        key: named.key,
        token: named.token,
        headers: sender.headers,
        in_cleartext: sender.in_cleartext,
        now: sender.now,
        max_age: least(|definition| definition.proof_max_age),
        clock_skew: least(|definition| definition.clock_skew),
        host: match named.definition.signatures {
            Signatures::Auto => sender.host,
            Signatures::Wasm => HostVerifier::default(),
        },
    };
    dpop::check(proof, &wanted, replays, store)
}
