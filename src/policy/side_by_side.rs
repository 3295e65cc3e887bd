//! Routes that only what a client says keeps apart: versions of one endpoint. A client says what it likes, and an upstream
//! may not look at it at all, so what guards one guards the others alike. Bodies, parameters and answers may differ.

use crate::control::routing::RouteMatch;
use crate::control::routing::Routing;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::mode::Control;
use crate::model::mode::Rule;
use crate::model::time::Nanos;
use crate::policy::Route;
use crate::policy::routes::Inherited;
use crate::policy::routes::RawRoute;

/// Controls that must have the same mode on all of them.
const ALIKE: [Control; 5] =
    [Control::Transport, Control::Client, Control::Limits, Control::Tokens, Control::Access];

/// What must be the same, in the order of [`RawRoute::demands`].
const DEMANDS: [&str; 4] = ["tokens", "access", "limits", "response.owner"];

/// Notes each pair that demands different things of a caller.
pub(super) fn demand_the_same(
    routes: &[RawRoute<'_>],
    routing: &Routing,
    defaults: &Inherited,
    problems: &Problems,
) {
    for (one, other) in routing.alike() {
        let (Some(one), Some(other)) = (routes.get(one), routes.get(other)) else { continue };
        let (wanted, demanded) = (one.demands(defaults), other.demands(defaults));
        for ((name, wanted), demanded) in DEMANDS.iter().zip(wanted).zip(demanded) {
            if wanted.map(|it| it.to_json()) != demanded.map(|it| it.to_json()) {
                let why = format!(
                    "`{name}` differs from that of {}: only what a client says keeps these routes apart, so they demand \
                     the same",
                    one.place()
                );
                problems.note(other.place(), Fault::conflict(why));
            }
        }
    }
}

/// Notes each pair of which a guard is enforced on one and not on the other. Overrides may lower one: they end.
pub(super) fn have_the_same_modes(
    routes: &[Route],
    matches: &[Option<RouteMatch>],
    routing: &Routing,
    problems: &Problems,
) {
    // Modes as written: by then every override has ended.
    let written = |route: &Route, rule| route.modes.rule(rule, Nanos(u64::MAX));
    for (one, other) in routing.alike() {
        let (Some(first), Some(second)) = (routes.get(one), routes.get(other)) else { continue };
        let guards = Rule::ALL.into_iter().filter(|rule| ALIKE.contains(&rule.control()));
        let differs = guards.into_iter().find(|rule| written(first, *rule) != written(second, *rule));
        if let (Some(rule), Some(Some(matched))) = (differs, matches.get(other)) {
            let why = format!(
                "`{}` has another mode than on `{}`: only what a client says keeps these routes apart, so what guards \
                 one guards the other",
                rule.as_str(),
                first.name
            );
            problems.note(matched.place(), Fault::conflict(why));
        }
    }
}
