use super::*;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;

/// A policy of one group of one route, with what each level says of modes.
fn levels(policy: Value, group: Value, route: Value) -> Value {
    let mut member = json!({
        "name": "get", "match": { "method": "GET", "path": "/x" }, "tokens": ["user"], "access": "authenticated",
        "limits": ["per-user", "per-ip"],
    });
    let mut set = json!({ "group": "all" });
    let lay = |below: &mut Value, above: &Value| {
        below.as_object_mut().unwrap().extend(above.as_object().unwrap().clone())
    };
    lay(&mut member, &route);
    lay(&mut set, &group);
    set["routes"] = json!([member]);
    let mut whole = with_routes(json!([set]));
    lay(&mut whole, &policy);
    whole
}

#[test]
fn the_nearest_level_decides_and_on_one_level_the_finest_word() {
    use Mode::Disabled as D;
    use Mode::Enforce as E;
    use Mode::Shadow as S;
    let owner = Rule::AccessOwner;
    let scopes = Rule::AccessScopes;
    let access = Rule::Whole(Control::Access);
    let tokens = Rule::Whole(Control::Tokens);
    let routing = Rule::Whole(Control::Routing);
    let none = json!({});
    for (row, policy, group, route, wanted) in [
        (
            "nothing said",
            none.clone(),
            none.clone(),
            none.clone(),
            &[(owner, E), (access, E), (tokens, E), (routing, E)][..],
        ),
        (
            "the policy's mode",
            json!({ "mode": "shadow" }),
            none.clone(),
            none.clone(),
            &[(owner, S), (access, S), (tokens, S), (routing, S)],
        ),
        (
            "the policy's control",
            json!({ "mode": "shadow", "modes": { "access": "enforce" } }),
            none.clone(),
            none.clone(),
            &[(owner, E), (access, E), (tokens, S)],
        ),
        (
            "the policy's rule",
            json!({ "mode": "shadow", "modes": { "access": "disabled", "access.owner": "enforce" } }),
            none.clone(),
            none.clone(),
            &[(owner, E), (scopes, D), (access, D), (tokens, S)],
        ),
        (
            "a rule says nothing of its control",
            json!({ "modes": { "access.owner": "shadow" } }),
            none.clone(),
            none.clone(),
            &[(owner, S), (access, E), (scopes, E)],
        ),
        (
            "the group's mode beats the policy's rule",
            json!({ "modes": { "access.owner": "enforce" } }),
            json!({ "mode": "shadow" }),
            none.clone(),
            &[(owner, S), (access, S)],
        ),
        (
            "but not that of routing",
            json!({ "modes": { "routing": "enforce" } }),
            json!({ "mode": "disabled" }),
            json!({ "mode": "disabled" }),
            &[(routing, E), (tokens, D)],
        ),
        (
            "the route's mode beats the group's rule",
            none.clone(),
            json!({ "modes": { "access.owner": "enforce" } }),
            json!({ "mode": "disabled" }),
            &[(owner, D), (access, D)],
        ),
        (
            "the route's control beats the group's rule",
            none.clone(),
            json!({ "modes": { "access.owner": "enforce" } }),
            json!({ "modes": { "access": "shadow" } }),
            &[(owner, S), (access, S), (tokens, E)],
        ),
        (
            "the route's rule beats all",
            json!({ "mode": "disabled" }),
            json!({ "mode": "disabled" }),
            json!({ "mode": "shadow", "modes": { "access": "shadow", "access.owner": "enforce" } }),
            &[(owner, E), (access, S), (tokens, S)],
        ),
        (
            "what the route leaves the group says",
            json!({ "mode": "disabled" }),
            json!({ "modes": { "tokens": "shadow" } }),
            json!({ "modes": { "access": "enforce" } }),
            &[(owner, E), (tokens, S), (Rule::RequestSize, D)],
        ),
    ] {
        let compiled = compile(&levels(policy, group, route));
        let modes = &compiled.route("get").modes;
        for (rule, mode) in wanted {
            assert_eq!(modes.rule(*rule, NOW), *mode, "{row}: {}", rule.as_str());
        }
    }
}

#[test]
fn a_limit_has_the_mode_of_its_name_or_of_all_limits() {
    for (row, modes, wanted) in [
        ("nothing said", json!({}), [Mode::Enforce, Mode::Enforce]),
        ("all", json!({ "limits": "shadow" }), [Mode::Shadow, Mode::Shadow]),
        ("one", json!({ "limits.per-ip": "disabled" }), [Mode::Enforce, Mode::Disabled]),
        (
            "one among all",
            json!({ "limits": "shadow", "limits.per-user": "enforce" }),
            [Mode::Enforce, Mode::Shadow],
        ),
    ] {
        let compiled = compile(&levels(json!({}), json!({}), json!({ "modes": modes })));
        let modes = &compiled.route("get").modes;
        // In the order of the route: per-user, per-ip.
        assert_eq!([modes.limit(0, NOW), modes.limit(1, NOW)], wanted, "{row}");
    }
}

#[test]
fn an_override_lowers_what_it_covers_until_it_ends() {
    let until = Nanos(NOW.0 + 60_000_000_000);
    let lowered = |route: &str, control: &str, mode: &str| {
        let entry = json!({ "route": route, "control": control, "mode": mode, "until": "2027-01-15T08:01:00Z", "owner": "o", "reason": "r" });
        compile(&levels(
            json!({ "overrides": [entry] }),
            json!({}),
            json!({ "modes": { "access.scopes": "disabled" } }),
        ))
    };
    let mode = |compiled: &Compiled, rule, at| compiled.route("get").modes.rule(rule, at);
    let (owner, scopes, tokens) = (Rule::AccessOwner, Rule::AccessScopes, Rule::Whole(Control::Tokens));
    for (row, route, control, wanted) in [
        ("of the route", "get", "access", [Mode::Shadow, Mode::Disabled, Mode::Enforce]),
        ("of its group", "all", "access", [Mode::Shadow, Mode::Disabled, Mode::Enforce]),
        ("of everything", "*", "*", [Mode::Shadow, Mode::Disabled, Mode::Shadow]),
        ("of a rule", "*", "access.owner", [Mode::Shadow, Mode::Disabled, Mode::Enforce]),
        ("of another rule", "*", "access.claims", [Mode::Enforce, Mode::Disabled, Mode::Enforce]),
    ] {
        let compiled = lowered(route, control, "shadow");
        assert_eq!([owner, scopes, tokens].map(|rule| mode(&compiled, rule, NOW)), wanted, "{row}");
        let after = [Mode::Enforce, Mode::Disabled, Mode::Enforce];
        assert_eq!(
            [owner, scopes, tokens].map(|rule| mode(&compiled, rule, until)),
            after,
            "{row}, at its end"
        );
    }
    let everywhere = lowered("*", "transport", "disabled").policy.unwrap();
    assert_eq!(everywhere.modes.rule(Rule::Whole(Control::Transport), NOW), Mode::Disabled);
    let one_route = lowered("get", "transport", "disabled").policy.unwrap();
    assert_eq!(
        one_route.modes.rule(Rule::Whole(Control::Transport), NOW),
        Mode::Enforce,
        "none of a route's concern"
    );
}

#[test]
fn the_strictest_of_a_route_counts_rules_and_limits() {
    for (row, route, wanted) in [
        ("all disabled", json!({ "mode": "disabled" }), Mode::Disabled),
        (
            "one rule in shadow",
            json!({ "mode": "disabled", "modes": { "response.schema": "shadow" } }),
            Mode::Shadow,
        ),
        (
            "one limit enforced",
            json!({ "mode": "disabled", "modes": { "limits.per-ip": "enforce" } }),
            Mode::Enforce,
        ),
    ] {
        let compiled = compile(&levels(json!({ "modes": { "routing": "disabled" } }), json!({}), route));
        assert_eq!(compiled.route("get").modes.strictest(NOW), wanted, "{row}");
    }
}
