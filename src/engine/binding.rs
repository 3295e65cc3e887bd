//! Whether the caller holds the keys that his tokens are bound to, in the mode of that rule.

use crate::control::tokens;
use crate::control::tokens::Sender;
use crate::control::tokens::Subjects;
use crate::engine::Memory;
use crate::engine::World;
use crate::engine::bench::Refused;
use crate::engine::head::Exchange;
use crate::model::mode::Rule;

/// Asks `tokens.binding`. The host is asked for the connection's TLS and certificate only where a token or a proof speaks
/// of them.
pub(crate) fn check(
    exchange: &mut Exchange,
    subjects: &Subjects,
    memory: &mut Memory,
    world: &impl World,
) -> Result<(), Refused> {
    let (policy, headers) = (exchange.bench.policy.clone(), exchange.headers.clone());
    let in_cleartext = || policy.transport.is_cleartext(world.protection(), &headers);
    let sender = Sender {
        headers: &headers,
        now: exchange.bench.now,
        host: memory.keys.host,
        in_cleartext: &in_cleartext,
        certificate: &|| world.peer_certificate(),
    };
    let replays = &mut memory.replays;
    let judge = |_: &_| tokens::check_binding(&policy.tokens, subjects, &sender, replays, world);
    exchange.bench.weigh(Rule::TokensBinding, judge).map(drop)
}
