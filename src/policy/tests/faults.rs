use super::*;

/// Whoever mends one error at a time wants to see them all.
#[test]
fn all_that_is_wrong_is_told_at_once_each_with_its_place() {
    let document = json!({
        "version": 2, "revision": "a\nb", "include": ["teams/*.yaml"], "mode": "enforced", "rotues": [],
        "modes": { "acess.owner": "shadow", "limits.per-usr": "shadow", "tokens": true },
        "first_keys_wait": "1m", "body_hold": "held", "limits_memory": "1KiB",
        "audit": { "pseudonym": { "id": "K1", "secret_env": "GONE" }, "ip": "whole", "max_per_second": 100_000 },
        "limits": { "per-user": { "key": ["header.x"], "rate": "0/1m" } },
        "defaults": { "token": ["user"], "limits": ["per-ip"] },
        "overrides": [{ "route": "*", "control": "tokens", "mode": "enforce", "until": "tomorrow", "owner": "o" }],
        "routes": [
            { "name": "Login", "match": { "method": "post", "path": "login" }, "mode": "off" },
            { "name": "a", "match": { "method": "GET", "path": "/a" }, "tokens": ["usr"], "modes": { "routing": "shadow" } },
            { "name": "b", "match": { "method": "GET", "path": "/a" }, "tokens": "none", "access": "authenticated" },
            { "group": "g", "path": "g/", "routes": [{ "group": "h" }, { "name": "a", "match": {}, "tokens": "none" }, 7] },
        ],
    });
    let compiled = compile(&document);
    assert!(compiled.policy.is_none());
    assert_eq!(
        compiled.faults,
        [
            "version: `2` is out of range: a whole number from 1 to 1",
            "policy: `name` must be written",
            "revision: `a\\nb` is out of range: at most 64 characters, none of them a control character",
            "include: the filter reads no files; run `portcullis bundle`, which puts the included ones in their place",
            "limits.per-user.rate: `0/1m` is no rate; write how many in how long, such as 5/1m; neither may be 0, leave the limit out for no limit",
            "limits.per-user: `header.x` can be missing: write `missing: deny`, `skip` or a text that stands in",
            "limits_memory: `1KiB` is out of range: from 64KiB to 64MiB",
            "defaults.token: unknown field `token`; did you mean `tokens`?",
            "mode: found `enforced`, expected `disabled`, `shadow` or `enforce`; did you mean `enforce`?",
            "modes.acess.owner: found `acess.owner`, expected a control, or a rule such as `request.schema` or `limits.NAME`; did you mean `access.owner`?",
            "modes.limits.per-usr: there is no limit called `per-usr`; did you mean `per-user`?",
            "modes.tokens: found the boolean true, expected `disabled`, `shadow` or `enforce`; quote it",
            "audit.pseudonym.id: `K1` is no name; write 1 to 64 of a-z 0-9 . -",
            "audit.pseudonym.secret_env: the host does not hand this variable to the filter",
            "audit.ip: found `whole`, expected `prefix` or `none`",
            "audit.max_per_second: `100000` is out of range: a whole number from 0 to 10000",
            "first_keys_wait: `1m` is out of range: at most 30s",
            "body_hold: found `held`, expected `hold` or `stream`; did you mean `hold`?",
            "routes[Login].name: `Login` is no name; write 1 to 64 of a-z 0-9 . -",
            "routes[g].path: `g/` is no group's path; begin it with / and end it without; it is put in front of its routes' paths",
            "routes[g].routes[h]: groups do not nest",
            "routes[g].routes[2]: found the number 7, expected a map",
            "routes[g].routes[a]: the name `a` is given twice; the first stands at routes[a]",
            "overrides[0].mode: found `enforce`, expected `disabled` or `shadow`",
            "overrides[0].until: `tomorrow` is no time; write it in UTC as in RFC 3339, such as \"2026-12-01T00:00:00Z\"",
            "overrides[0]: `reason` must be written",
            "routes[Login].match.method: `post` is no method; write it in capitals, such as GET",
            "routes[Login].match.path: `login` is no path; begin it with /",
            "routes[g].routes[a].match: `method` must be written",
            "routes[g].routes[a].match: `path` must be written",
            "routes[b].match: the route for `GET /a` is given twice; the first stands at routes[a].match",
            "rotues: unknown field `rotues`; did you mean `routes`?",
            "routes[Login].mode: found `off`, expected `disabled`, `shadow` or `enforce`",
            "routes[Login]: `tokens` must be written",
            "defaults.limits[0]: there is no limit called `per-ip`; did you mean `per-user`?",
            "routes[a].modes.routing: `routing` has one mode, the policy's: a request that cannot be placed could be any route's",
            "routes[a].tokens[0]: there is no token called `usr`",
            "routes[b].access: `access` judges a caller, and the route says `tokens: none`",
        ]
    );
}

#[test]
fn each_rule_of_the_policy_itself_is_kept() {
    let route = |fields: Value| {
        let mut route = json!({ "name": "one", "match": { "method": "GET", "path": "/one" } });
        route.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        with(&json!({ "limits": null, "routes": [route] }))
    };
    let override_ = |fields: Value| {
        let mut entry = json!({ "route": "*", "control": "*", "mode": "shadow", "until": "2027-01-20T00:00:00Z", "owner": "o", "reason": "r" });
        entry.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        with(&json!({ "overrides": [entry] }))
    };
    for (row, document, fault) in [
        ("no map", json!([]), "policy: found a list, expected a map"),
        (
            "a version of the future",
            with(&json!({ "version": 3 })),
            "version: `3` is out of range: a whole number from 1 to 1",
        ),
        ("no version", with(&json!({ "version": null })), "policy: `version` must be written"),
        ("no name", with(&json!({ "name": null })), "policy: `name` must be written"),
        (
            "no routes",
            with(&json!({ "routes": null, "limits": null, "tokens": null })),
            "policy: `routes` must be written",
        ),
        (
            "a name with a space",
            with(&json!({ "name": "my shop" })),
            "name: `my shop` is no name; write 1 to 64 of a-z 0-9 . -",
        ),
        (
            "the owner of an answer to a write",
            route(
                json!({ "match": { "method": ["GET", "POST"], "path": "/one" }, "tokens": ["user"], "access": "authenticated", "response": { "owner": { "value": "response:/by", "is": "user.sub" } } }),
            ),
            "routes[one].response.owner: the owner of an answer is for GET and HEAD: after a write it is too late",
        ),
        (
            "a field of another version",
            with(&json!({ "routs": [] })),
            "routs: unknown field `routs`; did you mean `routes`?",
        ),
        (
            "a revision that is a number",
            with(&json!({ "revision": 5 })),
            "revision: found the number 5, expected a string; quote it",
        ),
        (
            "a limit by address without saying whose",
            with(&json!({ "client": null })),
            "policy: a limit counts by `ip`: say whose address that is, `client.ip: connection` or `forwarded`",
        ),
        (
            "a wait of more than half a minute",
            with(&json!({ "first_keys_wait": "31s" })),
            "first_keys_wait: `31s` is out of range: at most 30s",
        ),
        (
            "a pseudonym of a short secret",
            with(&json!({ "audit": { "pseudonym": { "id": "k1", "secret_env": "SHORT" } } })),
            "audit.pseudonym.secret_env: the variable holds less than 32 bytes",
        ),
        (
            "a pseudonym of no secret",
            with(&json!({ "audit": { "pseudonym": { "id": "k1", "secret_env": "GONE" } } })),
            "audit.pseudonym.secret_env: the host does not hand this variable to the filter",
        ),
        ("no word on tokens", route(json!({})), "routes[one]: `tokens` must be written"),
        (
            "no word on access",
            route(json!({ "tokens": ["user"] })),
            "routes[one]: `access` must be written: what it demands, or `authenticated` for every verified caller",
        ),
        (
            "access to nobody",
            route(json!({ "tokens": "none", "access": "authenticated" })),
            "routes[one].access: `access` judges a caller, and the route says `tokens: none`",
        ),
        (
            "an owner in the body of a route that takes none",
            route(
                json!({ "tokens": ["user"], "access": { "owner": { "value": "body:/id", "is": "user.sub" } } }),
            ),
            "routes[one].access: an owner stands in the body and the route takes none: write `request`, such as `request: { content: json }`",
        ),
        (
            "a field of a group in a route",
            route(json!({ "tokens": "none", "path": "/x" })),
            "routes[one].path: unknown field `path`",
        ),
        (
            "a mode of routing in a route",
            route(json!({ "tokens": "none", "modes": { "routing": "shadow" } })),
            "routes[one].modes.routing: `routing` has one mode, the policy's: a request that cannot be placed could be any route's",
        ),
        (
            "a mode of a limit that is not there",
            route(json!({ "tokens": "none", "modes": { "limits.per-ip": "shadow" } })),
            "routes[one].modes.limits.per-ip: there is no limit called `per-ip`",
        ),
        (
            "a mode of a rule that is not there",
            route(json!({ "tokens": "none", "modes": { "access.owners": "shadow" } })),
            "routes[one].modes.access.owners: found `access.owners`, expected a control, or a rule such as `request.schema` or `limits.NAME`; did you mean `access.owner`?",
        ),
        (
            "a schema that is not there",
            route(json!({ "tokens": "none", "response": { "schema": "order" } })),
            "routes[one].response.schema: there is no schema called `order`",
        ),
        (
            "an override that raises",
            override_(json!({ "mode": "enforce" })),
            "overrides[0].mode: found `enforce`, expected `disabled` or `shadow`",
        ),
        (
            "an override for too long",
            override_(json!({ "until": "2027-02-14T08:00:01Z" })),
            "overrides[0].until: `2027-02-14T08:00:01Z` is out of range: an override ends within 30 days; change the policy for longer",
        ),
        (
            "an override until no time",
            override_(json!({ "until": "2027-01-20 00:00" })),
            "overrides[0].until: `2027-01-20 00:00` is no time; write it in UTC as in RFC 3339, such as \"2026-12-01T00:00:00Z\"",
        ),
        (
            "an override until another zone's time",
            override_(json!({ "until": "2027-01-20T00:00:00+02:00" })),
            "overrides[0].until: `2027-01-20T00:00:00+02:00` is no time; write it in UTC as in RFC 3339, such as \"2026-12-01T00:00:00Z\"",
        ),
        (
            "an override that nobody answers for",
            override_(json!({ "owner": 7 })),
            "overrides[0].owner: found the number 7, expected a string; quote it",
        ),
    ] {
        let compiled = compile(&document);
        assert_eq!(compiled.faults, [fault], "{row}");
        assert!(compiled.policy.is_none(), "{row}");
    }
}

#[test]
fn names_are_given_once_among_routes_and_groups() {
    let route = |name: &str, path: &str| json!({ "name": name, "match": { "method": "GET", "path": path }, "tokens": "none" });
    let group = |name: &str, path: &str| json!({ "group": name, "path": path, "routes": [route(&format!("{name}.x"), "/x")] });
    for (row, routes, fault) in [
        (
            "two routes",
            json!([route("a", "/a"), route("a", "/b")]),
            "routes[a]: the name `a` is given twice; the first stands at routes[a]",
        ),
        (
            "a route and a route of a group",
            json!([route("g.x", "/a"), group("g", "/g")]),
            "routes[g].routes[g.x]: the name `g.x` is given twice; the first stands at routes[g.x]",
        ),
        (
            "a route and a group",
            json!([route("g", "/a"), group("g", "/g")]),
            "routes[g]: the name `g` is given twice; the first stands at routes[g]",
        ),
        (
            "a group and a route",
            json!([group("g", "/g"), route("g", "/a")]),
            "routes[g]: the name `g` is given twice; the first stands at routes[g]",
        ),
        (
            "a group and its route",
            json!([{ "group": "g", "routes": [route("g", "/x")] }]),
            "routes[g].routes[g]: the name `g` is given twice; the first stands at routes[g]",
        ),
    ] {
        let document = with(&json!({ "limits": null, "tokens": null, "client": null, "routes": routes }));
        assert_eq!(compile(&document).faults, [fault], "{row}");
    }
    let twice = json!([group("g", "/g"), { "group": "g", "path": "/h", "routes": [route("y", "/y"), route("z", "/z")] }]);
    let document = with(&json!({ "limits": null, "tokens": null, "client": null, "routes": twice }));
    assert_eq!(
        compile(&document).faults,
        ["routes[g]: the name `g` is given twice; the first stands at routes[g]"]
    );
}

#[test]
fn a_secret_that_is_not_here_is_no_fault_of_a_policy_that_is_only_checked() {
    let document = with(&json!({ "audit": { "pseudonym": { "id": "k1", "secret_env": "GONE" } } }));
    let problems = Problems::default();
    let node = Node::from_json(document.to_string().as_bytes(), &problems).unwrap();
    let circumstances = Circumstances { now: NOW, secrets: Secrets::if_there(&|_| None) };
    assert!(Policy::compile(&node, &mut Kept::default(), circumstances, &problems).is_some());
    assert!(problems.none());
}

/// What a client says chooses no weaker door.
#[test]
fn versions_of_one_endpoint_demand_the_same_of_a_caller() {
    let with = |first: Value, second: Value| {
        let route = |name: &str, value: &str, more: &Value| {
            let mut route = json!({ "name": name, "tokens": ["user"], "access": { "scopes": ["a"] }, "limits": ["per-user"],
                "match": { "method": "GET", "path": "/side", "header": { "name": "x-v", "is": value } } });
            route.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            route
        };
        compile(&with_routes(json!([route("one", "1", &first), route("two", "2", &second)]))).faults
    };
    let nothing = || json!({});
    let request = json!({ "request": { "unknown_query": "reject" }, "modes": { "request": "shadow" } });
    assert_eq!(with(nothing(), request), [""; 0]);
    let apart = "only what a client says keeps these routes apart, so they demand the same";
    for (second, field) in [
        (json!({ "tokens": "none", "access": null }), "tokens"),
        (json!({ "access": { "scopes": ["b"] } }), "access"),
        (json!({ "limits": [] }), "limits"),
        (json!({ "response": { "owner": { "value": "response:/id", "is": "user.sub" } } }), "response.owner"),
    ] {
        let faults = with(nothing(), second);
        let want = format!("routes[two]: `{field}` differs from that of routes[one]: {apart}");
        assert!(faults.contains(&want), "{field}: {faults:?}");
    }
    for modes in [
        json!({ "modes": { "tokens": "shadow" } }),
        json!({ "mode": "disabled" }),
        json!({ "modes": { "access.scopes": "shadow" } }),
    ] {
        let faults = with(nothing(), modes.clone());
        assert!(
            faults
                .iter()
                .any(|it| it.starts_with("routes[two].match: `")
                    && it.contains("has another mode than on `one`")),
            "{modes}: {faults:?}"
        );
    }
    let by_app = json!([{ "name": "one", "match": { "method": "GET", "path": "/a", "app_version": "<5" }, "tokens": "none" }]);
    let faults = compile(&with_routes(by_app)).faults;
    assert!(
        faults.iter().any(|it| it.contains("`app_version` needs `client.app_version` in a header")),
        "{faults:?}"
    );
}
