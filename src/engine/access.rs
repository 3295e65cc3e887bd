//! What a caller may do, and to whose objects: before the body, and once more for owners that stand in it.

use crate::control::access::Access;
use crate::control::access::Ownership;
use crate::control::tokens::Subjects;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::Exchange;
use crate::engine::view::Known;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::telemetry::Outcome;

/// Everything that `access` asks before the body.
pub(crate) fn judge(exchange: &mut Exchange, known: Known<'_>) -> Result<Cleared<Ownership>, Refused> {
    let Some(access) = exchange.bench.route().and_then(|route| route.access.clone()) else {
        return Ok(Cleared::Waived(Waiver::NotDemanded));
    };
    let first = known.subjects.and_then(Subjects::first).map(|subject| subject.claims());
    let now = exchange.bench.now;
    let whole = Rule::Whole(Control::Access);
    let caller = exchange.bench.weigh(whole, |_| access.check_caller(first).map(drop))?;
    if first.is_none() {
        let said = matches!(caller, Cleared::Waived(Waiver::Shadow));
        return without_caller(exchange, &access, known, said);
    }
    if access.has_scopes() {
        exchange.bench.weigh(Rule::AccessScopes, |_| access.check_scopes(first))?;
    }
    if access.has_claims() {
        let verdict = access.check_claims(first, &exchange.view(known));
        exchange.bench.weigh(Rule::AccessClaims, |_| verdict)?;
    }
    if access.has_step_up() {
        exchange.bench.weigh(Rule::AccessStepUp, |_| access.check_step_up(first, now))?;
    }
    owners(exchange, &access, known, false)
}

/// The owners that stand in the body. Whoever is nobody was told so before.
pub(crate) fn after_body(exchange: &mut Exchange, known: Known<'_>) -> Result<Cleared<Ownership>, Refused> {
    let access = exchange.bench.route().and_then(|route| route.access.clone());
    match access.filter(|access| access.reads_body()) {
        None => Ok(Cleared::Waived(Waiver::NotDemanded)),
        Some(_) if known.subjects.and_then(Subjects::first).is_none() => Ok(Cleared::Waived(Waiver::Shadow)),
        Some(access) => owners(exchange, &access, known, true),
    }
}

fn owners(
    exchange: &mut Exchange,
    access: &Access,
    known: Known<'_>,
    after_body: bool,
) -> Result<Cleared<Ownership>, Refused> {
    let first = known.subjects.and_then(Subjects::first).map(|subject| subject.claims());
    let verdict = access.check_owners(first, &exchange.view(known), after_body);
    let cleared = exchange.bench.weigh(Rule::AccessOwner, |_| verdict)?;
    if let Cleared::Passed(Ownership::Exempted) = cleared {
        exchange.bench.note(Outcome::Exempted, Rule::AccessOwner);
    }
    Ok(cleared)
}

/// Nobody is known, and `access` as a whole does not enforce: a rule of it that does still fails by itself. In shadow
/// the finer rules would only repeat what was `said` for all of them.
fn without_caller(
    exchange: &mut Exchange,
    access: &Access,
    known: Known<'_>,
    said: bool,
) -> Result<Cleared<Ownership>, Refused> {
    let now = exchange.bench.now;
    let nobody = Known { subjects: None, ..known };
    let rules = [
        (Rule::AccessScopes, access.check_scopes(None).map(drop)),
        (Rule::AccessClaims, access.check_claims(None, &exchange.view(nobody)).map(drop)),
        (Rule::AccessStepUp, access.check_step_up(None, now).map(drop)),
        (Rule::AccessOwner, access.check_owners(None, &exchange.view(nobody), false).map(drop)),
    ];
    for (rule, verdict) in rules {
        if !said || exchange.bench.mode(rule) == Mode::Enforce {
            exchange.bench.weigh(rule, |_| verdict)?;
        }
    }
    Ok(Cleared::Waived(Waiver::Shadow))
}
