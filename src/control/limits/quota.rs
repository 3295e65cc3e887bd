//! What a client is told of its budgets: `RateLimit` and `RateLimit-Policy` as draft-ietf-httpapi-ratelimit-headers-11
//! has them, lists of RFC 9651.
//!
//! `q` is the burst and `w` the time in which a spent burst comes back, so `q / w` is the rate, and nothing is ever
//! left that is more than `q`. `r` is how much could be taken at once, and `t` the time until that is one more: until
//! then no more than `r` are admitted. `pk` is a keyed hash of the key. Times are whole seconds, rounded up.

use std::time::Duration;

use ct_codecs::Base64;
use ct_codecs::Encoder;

use crate::control::limits::gcra::Budget;
use crate::control::limits::gcra::Due;
use crate::control::limits::raw::Limits;
use crate::model::time::Nanos;

/// The name of the header field with what is left.
const STATE: &str = "ratelimit";
/// The name of the header field with what there is.
const POLICY: &str = "ratelimit-policy";

/// The budget of one key, as it stood when a limit was asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Quota {
    /// The limit's index in the policy.
    pub limit: usize,
    /// A keyed hash that tells keys apart, and tells nothing of them; none where it is not known.
    pub partition: Option<u64>,
    pub(in crate::control::limits) budget: Budget,
    pub(in crate::control::limits) due: Due,
}

impl Quota {
    /// The budget of a limit that has nothing left for `wait`, as another says.
    pub fn spent(limit: usize, budget: Budget, partition: Option<u64>, wait: Duration, now: Nanos) -> Self {
        Self { limit, partition, budget, due: budget.spent(wait, now) }
    }

    /// How long the client must wait for its next request, if it must.
    pub fn wait(&self, now: Nanos) -> Option<Duration> {
        let (left, next) = self.budget.left(self.due, now);
        next.filter(|_| left == 0)
    }
}

/// Both header fields, by their names in lower case; none where there is nothing to tell.
pub fn fields(quotas: &[Quota], limits: &Limits, now: Nanos) -> Option<[(&'static str, String); 2]> {
    let (mut state, mut policy) = (String::new(), String::new());
    for quota in quotas {
        let Some(limit) = limits.get(quota.limit) else { continue };
        let mut key = [0; 16];
        let key = quota.partition.and_then(|it| Base64::encode_to_str(&mut key, it.to_be_bytes()).ok());
        let key = key.map_or_else(String::new, |key| format!(";pk=:{key}:"));
        let (left, next) = quota.budget.left(quota.due, now);
        // A name is letters, digits, `.` and `-`: a String of RFC 9651 as it is.
        let name = limit.name();
        push(&mut state, format!("\"{name}\";r={left}"));
        if let Some(next) = next {
            state.push_str(&format!(";t={}", seconds(next)));
        }
        state.push_str(&key);
        let window = seconds(Duration::from_nanos(quota.budget.refill()));
        push(&mut policy, format!("\"{name}\";q={};w={window}{key}", quota.budget.burst()));
    }
    (!state.is_empty()).then_some([(POLICY, policy), (STATE, state)])
}

fn push(list: &mut String, item: String) {
    if !list.is_empty() {
        list.push_str(", ");
    }
    list.push_str(&item);
}

/// Whole seconds, rounded up.
fn seconds(time: Duration) -> u64 {
    time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0))
}
