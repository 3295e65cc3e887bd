use super::*;

#[test]
fn what_serves_nobody_is_told() {
    let document = with_routes(json!([
        { "name": "health", "match": { "method": "GET", "path": "/health" }, "tokens": "none" },
    ]));
    let compiled = compile(&document);
    assert!(compiled.policy.is_some());
    assert_eq!(
        compiled.remarks,
        [
            "limits.per-ip: no route uses `per-ip` [unused]",
            "limits.per-user: no route uses `per-user` [unused]",
            "tokens.user: no route uses `user` [unused]",
        ]
    );
}

#[test]
fn each_demand_of_a_group_that_a_route_replaces_is_told() {
    let group = |route: Value| {
        let mut member = json!({ "name": "get", "match": { "method": "GET", "path": "/{id}" } });
        member.as_object_mut().unwrap().extend(route.as_object().unwrap().clone());
        with_routes(json!([
            { "name": "health", "match": { "method": "GET", "path": "/health" }, "tokens": ["user"], "access": "authenticated", "limits": ["per-ip", "per-user"] },
            { "group": "orders", "tokens": ["user"], "limits": ["per-user"], "access": { "scopes": ["read"], "shared": ["id"] },
              "request": { "max_bytes": "1KiB" }, "routes": [member] },
        ]))
    };
    let at = "routes[orders].routes[get]";
    for (row, route, remarks) in [
        ("nothing of its own", json!({}), &[][..]),
        (
            "the same again",
            json!({ "tokens": ["user"], "limits": ["per-user"], "access": { "scopes": ["read"] } }),
            &[],
        ),
        ("a field beside the group's", json!({ "access": { "conceal": true } }), &[]),
        ("a limit beside the group's", json!({ "limits": ["per-ip", "per-user"] }), &[]),
        (
            "the group's limit at another cost",
            json!({ "limits": ["per-ip", { "limit": "per-user", "cost": 2 }] }),
            &["limits: replaces `limits` of routes[orders].limits"],
        ),
        (
            "tokens",
            json!({ "tokens": [{ "optional": "user" }], "limits": [] }),
            &[
                "tokens: replaces `tokens` of routes[orders].tokens",
                "limits: replaces `limits` of routes[orders].limits",
            ],
        ),
        (
            "a field of a block",
            json!({ "access": { "scopes": ["write"] }, "request": { "max_bytes": "2KiB" } }),
            &[
                "access.scopes: replaces `access.scopes` of routes[orders].access.scopes",
                "request.max_bytes: replaces `request.max_bytes` of routes[orders].request.max_bytes",
            ],
        ),
        (
            "a word for a block",
            json!({ "match": { "method": "GET", "path": "/all" }, "access": "authenticated" }),
            &["access: replaces `access` of routes[orders].access"],
        ),
    ] {
        let compiled = compile(&group(route));
        assert_eq!(compiled.faults, [""; 0], "{row}");
        let wanted: Vec<String> =
            remarks.iter().map(|remark| format!("{at}.{remark} [drops-demand]")).collect();
        assert_eq!(compiled.remarks, wanted, "{row}");
    }
}

#[test]
fn an_override_that_does_nothing_is_told_and_is_no_fault() {
    let entry = |route: &str, control: &str, until: &str| json!({ "route": route, "control": control, "mode": "shadow", "until": until, "owner": "o", "reason": "r" });
    let later = "2027-01-20T00:00:00Z";
    for (row, entry, remarks) in [
        ("in force", entry("orders", "tokens", later), &[][..]),
        (
            "ended",
            entry("orders", "tokens", "2027-01-15T08:00:00Z"),
            &["overrides[0]: it has ended: it is ignored [override-ended]"],
        ),
        (
            "a route that is gone",
            entry("order", "tokens", later),
            &["overrides[0]: there is no route or group `order`: it is ignored [override-dangling]"],
        ),
        (
            "a rule that is gone",
            entry("*", "limits.gone", later),
            &["overrides[0]: there is no control or rule `limits.gone`: it is ignored [override-dangling]"],
        ),
    ] {
        let compiled = compile(&with(&json!({ "overrides": [entry] })));
        assert!(compiled.policy.is_some(), "{row}: {:?}", compiled.faults);
        assert_eq!(compiled.remarks, remarks, "{row}");
    }
}
