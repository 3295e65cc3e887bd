use super::*;

/// Two routes, one in a group, with what stands behind them.
fn behind(defaults: Value, group: Value, route: Value) -> Compiled {
    let mut member = json!({ "name": "get", "match": { "method": "POST", "path": "/{id}" } });
    let mut set = json!({ "group": "orders", "team": "shop", "path": "/orders" });
    let lay = |below: &mut Value, above: &Value| {
        below.as_object_mut().unwrap().extend(above.as_object().unwrap().clone())
    };
    lay(&mut member, &route);
    lay(&mut set, &group);
    set["routes"] = json!([member]);
    let alone = json!({ "name": "alone", "match": { "method": "GET", "path": "/alone" } });
    let mut whole = with_routes(json!([set, alone]));
    whole["schemas"] = json!({ "order": { "type": "object" } });
    whole["defaults"] = defaults;
    compile(&whole)
}

#[test]
fn words_and_lists_are_the_nearest_ones_alone() {
    let user = json!({ "tokens": ["user"], "access": { "shared": ["id"] } });
    for (row, defaults, group, route, limits, demanded) in [
        (
            "the default's",
            json!({ "tokens": "none", "limits": ["per-ip"] }),
            json!({}),
            json!({}),
            &[0][..],
            false,
        ),
        (
            "the group's",
            json!({ "tokens": "none", "limits": ["per-ip"] }),
            json!({ "limits": [] }),
            user.clone(),
            &[],
            true,
        ),
        (
            "the route's",
            json!({ "tokens": "none", "limits": ["per-ip"] }),
            json!({ "limits": [] }),
            json!({ "limits": ["per-ip"] }),
            &[0],
            false,
        ),
        ("nobody's", json!({ "tokens": "none" }), json!({}), json!({}), &[], false),
    ] {
        let compiled = behind(defaults, group, route);
        let route = compiled.route("get");
        let named: Vec<usize> = route.limits.iter().map(|named| named.index).collect();
        assert_eq!(named, limits, "{row}");
        assert_eq!(!route.demand.is_none(), demanded, "{row}");
    }
}

#[test]
fn blocks_merge_field_by_field_and_a_word_stands_alone() {
    let defaults =
        json!({ "tokens": ["user"], "access": "authenticated", "request": { "max_bytes": "1KiB" } });
    let access = json!({ "scopes": ["read"], "shared": ["id"], "conceal": true });
    for (row, group, route, scopes, conceals, bytes, reads) in [
        ("the group's block", json!({ "access": access }), json!({}), true, true, 0, false),
        (
            "a field of the route's",
            json!({ "access": access }),
            json!({ "access": { "conceal": false } }),
            true,
            false,
            0,
            false,
        ),
        (
            "a schema with the default's size",
            json!({ "access": access }),
            json!({ "request": { "schema": "order" } }),
            true,
            true,
            1024,
            false,
        ),
        (
            "a size of the group's over the default's",
            json!({ "access": access, "request": { "max_bytes": "2KiB", "content": "json" } }),
            json!({}),
            true,
            true,
            2048,
            false,
        ),
        (
            "an answer's schema of the group's and a size of the route's",
            json!({ "access": access, "response": { "schema": "order" } }),
            json!({ "response": { "max_bytes": "1KiB" } }),
            true,
            true,
            0,
            true,
        ),
        (
            "a block over the default's word",
            json!({}),
            json!({ "access": { "shared": ["id"] } }),
            false,
            false,
            0,
            false,
        ),
    ] {
        let compiled = behind(defaults.clone(), group, route);
        let route = compiled.route("get");
        let access = route.access.as_ref().unwrap();
        assert_eq!((access.has_scopes(), access.conceals()), (scopes, conceals), "{row}");
        assert_eq!(route.request.max_bytes(), bytes, "{row}");
        assert_eq!(route.response.as_ref().is_some_and(|it| it.reads_body()), reads, "{row}");
        assert_eq!(route.team.as_ref().map(Name::as_str), Some("shop"), "{row}");
        let alone = compiled.route("alone");
        assert!(alone.team.is_none() && alone.access.is_some() && alone.request.takes_none(), "{row}");
    }
}

#[test]
fn what_a_group_hands_down_is_told_where_it_was_written() {
    let compiled = behind(
        json!({ "tokens": ["user"], "access": "authenticated" }),
        json!({ "access": { "scopes": ["a b"], "shared": ["id"] } }),
        json!({}),
    );
    assert_eq!(
        compiled.faults,
        [
            "routes[orders].access.scopes[0]: `a b` is no word; write one word of visible ASCII, without quotes and backslashes"
        ]
    );
}

#[test]
fn every_parameter_of_every_path_of_a_route_is_somebodys_concern() {
    let route = |shared: Value| {
        with_routes(json!([
            { "name": "two", "match": { "method": "GET", "path": ["/a/{id}/{x}", "/b/{id}"] }, "tokens": ["user"], "access": { "shared": shared }, "limits": ["per-ip", "per-user"] },
        ]))
    };
    assert_eq!(compile(&route(json!(["id", "x"]))).faults, [""; 0]);
    let forgotten = "routes[two].access: nothing says whose `path.x` is: write an `owner` for it, or `shared: [x]` where \
                     other rules protect it or nobody owns it";
    assert_eq!(compile(&route(json!(["id"]))).faults, [forgotten]);
}
