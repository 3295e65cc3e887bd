//! One token held to one definition outside of a request: where it fails, and what it says up to there.
//!
//! The verdict is [`check`]'s own, without a proof of possession, which no token brings itself; what is added here only says how far the token came. What
//! is not verified is not told, but for the header, which chooses how to verify.

use crate::control::tokens::algorithm::Algorithm;
use crate::control::tokens::cache::Caches;
use crate::control::tokens::check::check;
use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::Dpop;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::demand::Demand;
use crate::control::tokens::form::Form;
use crate::control::tokens::json;
use crate::control::tokens::keys::Keys;
use crate::control::tokens::proof::Subjects;
use crate::model::claims::Claims;
use crate::model::headers::Headers;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// What a token is asked, in this order.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Stage {
    /// Whether it is one token.
    Place,
    /// Whether it is a JWT in compact form, of strict JSON, without extensions.
    Form,
    /// Algorithm and type.
    Header,
    /// Whether there is a key for it.
    Key,
    /// Whether that key signed it.
    Signature,
    /// Issuer, audience, lifetime, and what the definition requires.
    Claims,
    /// Whether it is valid now.
    Times,
    /// Whether a proof of possession must come with it.
    Binding,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 8] = [
        Self::Place,
        Self::Form,
        Self::Header,
        Self::Key,
        Self::Signature,
        Self::Claims,
        Self::Times,
        Self::Binding,
    ];

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Place => "place",
            Self::Form => "form",
            Self::Header => "header",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Claims => "claims",
            Self::Times => "times",
            Self::Binding => "binding",
        }
    }
}

/// How far a token came.
pub struct Inspection {
    /// Where it failed and why; nothing where it is good.
    pub failed: Option<(Stage, Reason)>,
    /// `alg`, `kid` and `typ`, once the form is good.
    pub header: Option<Shown>,
    /// How many keys may have signed it.
    pub candidates: usize,
    /// Its claims, once the signature is good.
    pub claims: Option<Claims>,
}

/// What is shown of a header.
pub struct Shown {
    /// `alg`
    pub algorithm: String,
    /// `kid`
    pub kid: Option<String>,
    /// `typ`
    pub kind: Option<String>,
}

/// Holds a token to one of the definitions, as a request that brings it in its place would be.
pub fn inspect(
    definitions: &Definitions,
    definition: &Definition,
    token: &[u8],
    keys: &Keys,
    now: Nanos,
) -> Inspection {
    let value = match &definition.carrier.scheme {
        Some(scheme) => [scheme.as_bytes(), b" ", token].concat(),
        None => token.to_vec(),
    };
    let headers = Headers::from_pairs([(&*definition.carrier.header, value)]);
    let demand = Demand::of(definition);
    let verdict = check(definitions, &demand, &headers, keys, &mut Caches::default(), now)
        .and_then(|subjects| binding(definition, &subjects));
    let form = Form::read(token).ok();
    let accepted = form.as_ref().and_then(|form| {
        Algorithm::named(&form.header.algorithm).filter(|it| definition.algorithms.contains(it))
    });
    let candidates = form.as_ref().zip(accepted).zip(keys.current(definition.index, now));
    let candidates = candidates.and_then(|((form, algorithm), set)| {
        set.candidates(form.header.kid.as_deref(), algorithm).ok().map(|keys| keys.len())
    });
    let failed = verdict.err().map(|refusal| {
        let stage = match refusal.reason {
            Reason::TokensMissing | Reason::TokensAmbiguous => Stage::Place,
            Reason::TokensMalformed if form.is_some() => Stage::Claims,
            Reason::TokensTooLong
            | Reason::TokensEncrypted
            | Reason::TokensMalformed
            | Reason::TokensCritical => Stage::Form,
            Reason::TokensType => Stage::Header,
            Reason::TokensAlgorithm if accepted.is_none() => Stage::Header,
            Reason::TokensAlgorithm | Reason::TokensUnknownKey | Reason::TokensKeysUnavailable => Stage::Key,
            Reason::TokensSignature => Stage::Signature,
            Reason::TokensExpired | Reason::TokensNotYetValid => Stage::Times,
            Reason::TokensIssuer | Reason::TokensAudience | Reason::TokensLifetime | Reason::TokensClaim => {
                Stage::Claims
            }
            _ => Stage::Binding,
        };
        (stage, refusal.reason)
    });
    let signed = failed.is_none_or(|(stage, _)| stage > Stage::Signature);
    let claims = form.as_ref().filter(|_| signed).and_then(|form| json::object(&form.payload));
    let header = form.map(|form| Shown {
        algorithm: form.header.algorithm,
        kid: form.header.kid,
        kind: form.header.kind,
    });
    Inspection { failed, header, candidates: candidates.unwrap_or_default(), claims: claims.map(Claims::new) }
}

/// What a request gets that brings this token and no proof.
fn binding(definition: &Definition, subjects: &Subjects) -> Result<(), Refusal> {
    let bound = subjects.iter().any(|subject| subject.is_bound());
    match (definition.dpop, bound) {
        (Dpop::Disabled, _) | (Dpop::Optional, false) => Ok(()),
        (Dpop::Required, false) => Err(Reason::TokensBinding.into()),
        (_, true) => Err(Reason::TokensProofMissing.into()),
    }
}
