use super::*;
use crate::document::Node;
use crate::fault::Problems;

fn routing(routing: &str, routes: &[&str]) -> Result<Routing, Vec<String>> {
    let problems = Problems::default();
    let node = Node::from_json(routing.as_bytes(), &problems).unwrap();
    let read = |text: &&str| {
        let node = Node::from_json(text.as_bytes(), &problems).unwrap();
        RouteMatch::compile(&node, "", &problems)
    };
    let routes: Vec<Option<RouteMatch>> = routes.iter().map(read).collect();
    let routing = Routing::compile(Some(&node), &routes, &problems);
    if problems.none() {
        Ok(routing)
    } else {
        Err(problems.into_parts().0.iter().map(ToString::to_string).collect())
    }
}

const ROUTES: [&str; 8] = [
    r#"{"method": "GET", "path": "/v1/users/{user_id}"}"#,
    r#"{"method": "GET", "path": "/v1/users/me"}"#,
    r#"{"method": ["PUT", "PATCH"], "path": "/v1/users/{id}"}"#,
    r#"{"method": "GET", "path": "/v1/users/{user_id}/orders"}"#,
    r#"{"method": "GET", "path": "/files/{name*}"}"#,
    r#"{"method": "GET", "path": "/{any}/x"}"#,
    r#"{"method": "POST", "path": "/v1/login"}"#,
    r#"{"method": "GET", "path": "/v1/{word}/{rest*}"}"#,
];

fn place(routing: &Routing, method: &str, path: &str, more: &[(&str, &str)]) -> String {
    let mut pairs = vec![(":method", method), (":authority", "api.shop.example"), (":path", path)];
    pairs.extend_from_slice(more);
    let headers = Headers::from_pairs(pairs);
    let parsed = RequestPath::parse(path.as_bytes()).ok();
    match routing.check(&headers, parsed.as_ref(), true, || None) {
        Ok(Place::Route(index, parameters)) => {
            let values: Vec<String> = parameters
                .iter(parsed.as_ref().unwrap())
                .map(|(name, value)| format!(" {name}={value}"))
                .collect();
            format!("{index}{}", values.concat())
        }
        Ok(other) => format!("{other:?}"),
        Err(misplaced) => misplaced.refusal.reason.code().into(),
    }
}

#[test]
fn places_each_request_by_the_precedence_of_the_language() {
    let routing = routing("{}", &ROUTES).unwrap();
    let rows = [
        ("GET", "/v1/users/42", "0 user_id=42"),
        ("HEAD", "/v1/users/42", "0 user_id=42"),
        ("PATCH", "/v1/users/42", "2 id=42"),
        ("GET", "/v1/users/me", "1"),
        ("GET", "/v1/users/me/orders", "3 user_id=me"),
        ("GET", "/v1/users/%34%32?x=/../", "0 user_id=42"),
        ("GET", "/v1/users/a%20b", "0 user_id=a b"),
        ("GET", "/v1/users/42/x/y", "7 word=users rest=42/x/y"),
        ("GET", "/files/a/b.txt", "4 name=a/b.txt"),
        ("GET", "/files/x", "4 name=x"),
        ("GET", "/other/x", "5 any=other"),
        ("GET", "/files", "routing.unmatched"),
        ("GET", "/", "routing.unmatched"),
        ("GET", "/v2/users/42", "routing.unmatched"),
        ("DELETE", "/v1/users/42", "routing.method"),
        ("PUT", "/v1/users/me", "routing.method"),
        ("OPTIONS", "/v1/login", "routing.method"),
        ("get", "/v1/users/42", "routing.method"),
        ("CONNECT", "/v1/users/42", "routing.upgrade"),
    ];
    for (method, path, expected) in rows {
        assert_eq!(place(&routing, method, path, &[]), expected, "{method} {path}");
    }
}

#[test]
fn refuses_every_path_that_two_readers_could_take_for_different_ones() {
    let routing = routing("{}", &ROUTES).unwrap();
    for path in [
        "/v1/users/42/",
        "/V1/users/42",
        "/v1/Users/42",
        "/v1/users/ME",
        "/v1//users/42",
        "//v1/users/42",
        "/v1/users/42;x",
        "/v1/users;x/42",
        "/v1/users/%2f..",
        "/v1/users/42%2Forders",
        "/v1/users/42%5corders",
        "/v1/users/..",
        "/v1/users/.",
        "/v1/./users/42",
        "/v1/x/../users/42",
        "/v1/users/%2e%2e/42",
        "/v1/users/%2E",
        "/v1/users/42%00",
        "/v1/users/42%0a",
        "/v1/users/42%7f",
        "/v1/users/%C2%85",
        "/v1/users/%252e",
        "/v1/users/42%3fx",
        "/v1/users/42%23x",
        "/v1/users/42#x",
        "/v1/users/42?x#y",
        "/v1/users/42%3bx",
        "/v1/users/%ff",
        "/v1/users/%c3%28",
        "/v1/users/%4",
        "/v1/users/%zz",
        "/v1/users/%",
        "/v1/users\\42",
        "v1/users/42",
        "*",
        "",
        "http://api.shop.example/v1/users/42",
        "/v1/users/4 2",
        "/v1/users/\u{e9}",
        "/files/a//b",
        "/LOGIN/x/../../v1/login",
        "/v1/login/",
    ] {
        let expected = "routing.ambiguous";
        assert_eq!(place(&routing, "GET", path, &[]), expected, "{path:?}");
    }
}

#[test]
fn letter_case_alone_may_keep_two_routes_apart_where_the_policy_has_both() {
    let routes = [r#"{"method": "GET", "path": "/A/{x}"}"#, r#"{"method": "GET", "path": "/a/{x}"}"#];
    let routing = routing("{}", &routes).unwrap();
    assert_eq!(place(&routing, "GET", "/A/1", &[]), "0 x=1");
    assert_eq!(place(&routing, "GET", "/a/1", &[]), "1 x=1");
}

#[test]
fn speaks_for_its_own_hosts() {
    let hosts = r#"{"hosts": ["api.shop.example", "m.shop.example"]}"#;
    let routes = [
        r#"{"method": "GET", "path": "/x"}"#,
        r#"{"method": "GET", "path": "/x/{id}", "host": "m.shop.example"}"#,
        r#"{"method": "GET", "path": "/x/me", "host": "api.shop.example"}"#,
    ];
    let routing = routing(hosts, &routes).unwrap();
    let at = |host, path| {
        let headers = Headers::from_pairs([(":method", "GET"), (":authority", host), (":path", path)]);
        match routing.check(&headers, RequestPath::parse(path.as_bytes()).ok().as_ref(), true, || None) {
            Ok(Place::Route(index, _)) => index.to_string(),
            Ok(other) => format!("{other:?}"),
            Err(misplaced) => misplaced.refusal.reason.code().into(),
        }
    };
    for (host, path, expected) in [
        ("api.shop.example", "/x", "0"),
        ("API.Shop.Example.:8443", "/x", "0"),
        ("m.shop.example", "/x/me", "1"),
        ("api.shop.example", "/x/me", "2"),
        ("api.shop.example", "/x/you", "routing.unmatched"),
        ("evil.example", "/x", "routing.host"),
        ("user@api.shop.example", "/x", "routing.ambiguous"),
        ("api.shop.example,evil.example", "/x", "routing.ambiguous"),
        ("api.shop.example:999999", "/x", "routing.ambiguous"),
        ("api.shop.example..", "/x", "routing.ambiguous"),
        ("", "/x", "routing.ambiguous"),
    ] {
        assert_eq!(at(host, path), expected, "{host} {path}");
    }
}

#[test]
fn lets_preflights_and_upgrades_through_only_where_told() {
    let preflight = [("origin", "https://shop.example"), ("access-control-request-method", "PUT")];
    let strict = routing("{}", &ROUTES).unwrap();
    let open = routing(r#"{"preflight": "pass"}"#, &ROUTES).unwrap();
    assert_eq!(place(&strict, "OPTIONS", "/v1/login", &preflight), "routing.method");
    assert_eq!(place(&open, "OPTIONS", "/v1/login", &preflight), "Preflight");
    assert_eq!(place(&open, "OPTIONS", "/v1/login", &[]), "routing.method");
    let upgrading = [preflight[0], preflight[1], ("upgrade", "websocket")];
    assert_eq!(place(&open, "OPTIONS", "/v1/login", &upgrading), "routing.method");
    assert_eq!(place(&open, "OPTIONS", "/nowhere", &preflight), "routing.unmatched");
    let socket = routing("{}", &[r#"{"method": "GET", "path": "/ws", "upgrade": "websocket"}"#]).unwrap();
    assert_eq!(place(&socket, "GET", "/ws", &[("upgrade", "WebSocket")]), "0");
    assert_eq!(place(&socket, "GET", "/ws", &[("upgrade", "h2c")]), "routing.upgrade");
    assert_eq!(place(&strict, "GET", "/v1/users/me", &[("upgrade", "websocket")]), "routing.upgrade");
    assert_eq!(place(&strict, "GET", "/v1/users/me", &[(":protocol", "websocket")]), "routing.upgrade");
}

#[test]
fn notes_ties_and_paths_that_no_request_could_have() {
    let faults = |routes: &[&str]| routing("{}", routes).unwrap_err().join("\n");
    let tie = [r#"{"method": "GET", "path": "/a/{x}"}"#, r#"{"method": ["GET", "PUT"], "path": "/a/{y}"}"#];
    assert_eq!(faults(&tie), "policy: the route for `GET /a/{y}` is given twice; the first stands at policy");
    for (path, part) in [
        ("a", "begin it with /"),
        ("/a//b", "leave out empty segments"),
        ("/a/", "leave out empty segments"),
        ("/a/../b", "ambiguous"),
        ("/a;b", "ambiguous"),
        ("/a/{x*}/b", "stands last"),
        ("/a/{x}.json", "whole segment"),
        ("/a/{x-y}", "name a parameter"),
        ("/a/{x}/{x}", "given twice"),
    ] {
        let got = faults(&[&format!(r#"{{"method": "GET", "path": "{path}"}}"#)]);
        assert!(got.contains(part), "{path}: {got}");
    }
    assert!(faults(&[r#"{"method": "get", "path": "/a"}"#]).contains("capitals"));
    assert!(faults(&[r#"{"method": "CONNECT", "path": "/a"}"#]).contains("tunnel"));
}

#[test]
fn versions_of_one_endpoint_must_be_told_apart_for_sure() {
    let route = |says: &str| format!(r#"{{"method": "GET", "path": "/a", {says}}}"#);
    let header = |name: &str, is: &str| route(&format!(r#""header": {{"name": "{name}", "is": {is}}}"#));
    let app = |range: &str| route(&format!(r#""app_version": "{range}""#));
    let none = r#"{"method": "GET", "path": "/a"}"#.to_owned();
    for (row, routes, apart) in [
        ("two values", [header("x-v", r#""1""#), header("x-v", r#"["2", "3"]"#)], true),
        ("a value twice", [header("x-v", r#"["1", "2"]"#), header("X-V", r#""2""#)], false),
        ("two headers", [header("x-v", r#""1""#), header("x-w", r#""2""#)], false),
        ("a header and a version", [header("x-v", r#""1""#), app("<5")], false),
        ("one and the rest", [header("x-v", r#""1""#), none.clone()], true),
        ("the rest twice", [none.clone(), none.clone()], false),
        ("ranges side by side", [app("<5.2"), app(">=5.2.0 <6")], true),
        ("ranges that meet", [app("<5.2.1"), app(">=5.2.0 <6")], false),
        ("a range and all above", [app(">=5"), app(">=6")], false),
    ] {
        let routes: Vec<&str> = routes.iter().map(String::as_str).collect();
        let told = routing("{}", &routes).map(|routing| routing.alike().collect::<Vec<_>>());
        match told {
            Ok(alike) => assert_eq!((alike, apart), (vec![(0, 1)], true), "{row}"),
            Err(faults) => {
                assert!(!apart && faults.join("").contains("is given twice"), "{row}: {faults:?}");
            }
        }
    }
    for (says, part) in [
        (r#""header": {"name": "x-v", "is": []}"#, "nothing in it"),
        (r#""header": {"name": "x-v"}"#, "`is` must be written"),
        (r#""header": {"name": "x-v", "is": " 1"}"#, "visible characters"),
        (r#""header": {"name": "authorization", "is": "1"}"#, "tells no version"),
        (r#""header": {"name": "x-v", "is": "1"}, "app_version": "<5""#, "do not stand together"),
        (r#""app_version": "5.2""#, "is no range of versions"),
    ] {
        let faults = routing("{}", &[&route(says)]).unwrap_err().join("\n");
        assert!(faults.contains(part), "{says}: {faults}");
    }
}

/// An upstream may look at the path alone: whatever else does not fit, the routes of the path are told.
#[test]
fn tells_which_routes_a_request_without_a_place_could_be_meant_for() {
    let routes = [
        r#"{"method": "GET", "path": "/users/{id}"}"#,
        r#"{"method": "POST", "path": "/users/{id}"}"#,
        r#"{"method": "GET", "path": "/admin", "host": "a.example"}"#,
    ];
    let routing = routing(r#"{"hosts": ["a.example", "b.example"]}"#, &routes).unwrap();
    let rows: [(&str, &str, &str, &[usize]); 9] = [
        ("evil.example", "GET", "/users/7", &[0, 1]),
        ("evil.example", "GET", "/admin", &[2]),
        ("evil.example", "GET", "/nothing", &[]),
        ("evil.example", "GET", "/users/7;x", &[0, 1, 2]),
        ("evil.example", "GET", "/Users/7", &[0, 1, 2]),
        ("b.example", "GET", "/admin", &[2]),
        ("b.example", "GET", "/nothing", &[]),
        ("b.example", "DELETE", "/users/7", &[0, 1]),
        ("b.example", "CONNECT", "/users/7", &[0, 1]),
    ];
    for (host, method, path, want) in rows {
        let headers = Headers::from_pairs([(":method", method), (":authority", host), (":path", path)]);
        let misplaced = routing
            .check(&headers, RequestPath::parse(path.as_bytes()).ok().as_ref(), true, || None)
            .unwrap_err();
        let mut candidates = misplaced.candidates;
        candidates.sort_unstable();
        candidates.dedup();
        assert_eq!(candidates, want, "{method} {host}{path}: {:?}", misplaced.refusal);
    }
    let pairs = [(":method", "GET"), (":authority", "a.example"), (":path", "/users/7"), ("upgrade", "x")];
    let misplaced = routing.check(
        &Headers::from_pairs(pairs),
        RequestPath::parse(b"/users/7").ok().as_ref(),
        true,
        || None,
    );
    assert_eq!(misplaced.unwrap_err().refusal.reason, Reason::RoutingUpgrade);
}
