//! Every metric name, label and audit field. `envoy/envoy.yaml` has the tag rules that read the labels back.
//!
//! proxy-wasm metrics have no labels, so they stand in the name, between `;`, as other filters do it. Values come from
//! closed sets alone: names of the policy, the words below, reason codes.

/// Counts decisions: one `admitted` per request that goes on, one `refused` per request or answer that is turned away
/// (an answer's request was admitted before), one `would_refuse` per rule that would have refused, one `exempted` per
/// use of an owner rule's `unless`, one `uninspected` per body that went on unread, one `not_forwarded` per request
/// with a claim that could not be sent on, one `removed` per answer that something was taken out of, one `would_remove`
/// where a rule in shadow would have.
pub const DECISIONS: &str = "portcullis_decisions_total";

/// 1 for the policy in force, under its digest; 0 for one that was in force before.
pub const POLICY: &str = "portcullis_policy_info";

/// Counts fetches of key sets, by token and outcome (`ok`, or what went wrong).
pub const KEY_FETCHES: &str = "portcullis_key_fetches_total";

/// Counts fetches of revocation feeds, by token and outcome (`ok`, or what went wrong).
pub const REVOCATION_FETCHES: &str = "portcullis_revocation_fetches_total";

/// Seconds since the issuer last stood by the feed in force, by token; not there before the first.
pub const REVOCATION_AGE: &str = "portcullis_revocation_age_seconds";

/// Entries of the feed in force, by token.
pub const REVOCATION_ENTRIES: &str = "portcullis_revocation_entries";

/// Counts what the table of limits went through, by event.
pub const SLOTS: &str = "portcullis_limit_slots_total";

/// Counts calls of the rate limit service, by what they came to.
pub const SERVICE_CALLS: &str = "portcullis_rate_limit_calls_total";

/// Counts look-ups in the cache of verified tokens, by token and event.
pub const TOKEN_CACHE: &str = "portcullis_token_cache_total";

/// Counts what the memory of used proofs went through, by event.
pub const PROOFS: &str = "portcullis_proofs_total";

/// 1 for whoever verifies RS and ES signatures, by engine: `host`, or `wasm` where the host cannot.
pub const SIGNATURES: &str = "portcullis_signatures_info";

/// Counts what the log left out because `audit.max_per_second` was reached.
pub const AUDIT_DROPPED: &str = "portcullis_audit_dropped_total";

/// The filter state (`wasm.portcullis` to the host) that holds a request's audit events for the access log.
pub const FILTER_STATE: &str = "portcullis";

/// What became of a request, or what one control made of it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// The request goes on.
    Admitted,
    /// It was turned away.
    Refused,
    /// It would have been turned away by a control that is in shadow.
    WouldRefuse,
    /// The caller acted on another's object, as `unless` lets some.
    Exempted,
    /// A body in shadow was too large to be looked at, and went on.
    Uninspected,
    /// A claim that `forward` names cannot stand in a header, and was not sent.
    NotForwarded,
    /// Something was taken out of an answer: members that its schema does not declare, elements that are another's.
    Removed,
    /// The same, by a rule that is in shadow.
    WouldRemove,
}

impl Outcome {
    /// The word for it in metrics and audit events.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admitted => "admitted",
            Self::Refused => "refused",
            Self::WouldRefuse => "would_refuse",
            Self::Exempted => "exempted",
            Self::Uninspected => "uninspected",
            Self::NotForwarded => "not_forwarded",
            Self::Removed => "removed",
            Self::WouldRemove => "would_remove",
        }
    }
}

/// The name of a series: `NAME;label=value;label=value;`.
pub fn series(name: &str, labels: &[(&str, &str)]) -> String {
    let mut out = String::with_capacity(128);
    out.push_str(name);
    out.push(';');
    for (label, value) in labels {
        out.push_str(label);
        out.push('=');
        out.push_str(value);
        out.push(';');
    }
    out
}
