use super::*;
use crate::control::limits::part::Missing;
use crate::control::limits::raw::memory;
use crate::control::limits::route;

#[test]
fn reads_the_limits_of_a_policy() {
    let all = limits(
        r#"{
        "per-user": { "key": ["user.sub"], "rate": "120/1m", "burst": 40, "scope": "process" },
        "per-ip": { "key": ["ip"], "rate": "600/1m" },
        "login": { "key": [{ "value": "query.email", "as": "exact" }, "ip"], "missing": "deny", "rate": "5/10m" },
        "device": { "key": ["header.x-device"], "missing": "unknown devices", "rate": "1/1s" }
    }"#,
    );
    let row = |limit: &Limit| {
        (
            limit.name().to_string(),
            limit.index(),
            limit.stage(),
            limit.budget().burst().get(),
            limit.missing().cloned(),
        )
    };
    let stand_in = Some(Missing::StandIn("unknown devices".into()));
    assert_eq!(
        all.iter().map(row).collect::<Vec<_>>(),
        [
            ("per-user".into(), 0, Stage::AfterTokens, 40, None),
            ("per-ip".into(), 1, Stage::BeforeTokens, 600, None),
            ("login".into(), 2, Stage::BeforeTokens, 5, Some(Missing::Deny)),
            ("device".into(), 3, Stage::BeforeTokens, 1, stand_in),
        ]
    );
    let exact: Vec<bool> = all.get(2).unwrap().key().iter().map(|part| part.exact).collect();
    assert_eq!(exact, [true, false]);
}

#[test]
fn what_a_part_lacks_must_be_said_where_it_can_be_missing() {
    for (row, key, missing, fine) in [
        ("an address", r#"["ip"]"#, "", true),
        ("a header", r#"["header.x"]"#, "", false),
        ("a header, said", r#"["header.x"]"#, "skip", true),
        ("a query parameter", r#"["ip", "query.x"]"#, "", false),
        ("a required claim", r#"["user.sub"]"#, "", true),
        ("another claim", r#"["user.plan"]"#, "", false),
        ("a claim of a token that requires none", r#"["staff.sub"]"#, "", false),
        ("one of two is required", r#"["user.sub|staff.sub"]"#, "", true),
        ("neither is always there", r#"["user.plan|header.x"]"#, "", false),
        ("an address stands behind it", r#"["user.sub|ip"]"#, "", true),
        ("what the app says of itself", r#"["client.version"]"#, "", false),
        ("a path parameter", r#"["path.id", "route", "method", "host"]"#, "", true),
        ("said of an address, which is refused", r#"["ip"]"#, "deny", true),
        ("an address is never skipped", r#"["ip"]"#, "skip", false),
        ("nor stood in for", r#"["ip"]"#, "nobody", false),
        ("a required claim of a guest", r#"["user.sub"]"#, "skip", true),
    ] {
        let missing = if missing.is_empty() { String::new() } else { format!(r#", "missing": "{missing}""#) };
        let (_, faults) = compile(&format!(r#"{{ "a": {{ "key": {key}, "rate": "1/1s"{missing} }} }}"#));
        assert_eq!(faults.is_empty(), fine, "{row}: {faults:?}");
        assert!(fine || faults.iter().all(|fault| fault.contains("missing")), "{row}: {faults:?}");
    }
}

#[test]
fn refuses_what_the_language_does_not_have() {
    for (field, want) in [
        (r#""key": "ip", "rate": "1/1s""#, "found the string `ip`, expected a list"),
        (r#""key": [], "rate": "1/1s""#, "a key has 1 to 8 parts"),
        (r#""key": ["ip", "ip"], "rate": "1/1s""#, "the part of the key `ip` is given twice"),
        (r#""key": ["usr.sub"], "rate": "1/1s""#, "there is no token called `usr`; did you mean `user`?"),
        (r#""key": ["response:/id"], "rate": "1/1s""#, "a limit is decided before there is an answer"),
        (r#""key": [{ "value": "ip", "as": "exact" }], "rate": "1/1s""#, "`as: exact` changes nothing"),
        (r#""key": [{ "value": "header.x", "as": "extact" }], "rate": "1/1s""#, "did you mean `exact`?"),
        (r#""key": [{ "as": "exact" }], "rate": "1/1s""#, "`value` must be written"),
        (r#""key": ["ip"]"#, "`rate` must be written"),
        (r#""rate": "1/1s""#, "`key` must be written"),
        (r#""key": ["ip"], "rate": "0/1s""#, "leave the limit out for no limit"),
        (r#""key": ["ip"], "rate": 5"#, "found the number 5, expected a string; quote it"),
        (r#""key": ["ip"], "rate": "1/1s", "burst": 0"#, "a whole number from 1 to 1000000"),
        (r#""key": ["ip"], "rate": "2000000/1s""#, "at most 1000000"),
        (r#""key": ["ip"], "rate": "1/1d", "burst": 400"#, "longer than 365d"),
        (r#""key": ["header.x"], "missing": "Skip", "rate": "1/1s""#, "did you mean `skip`?"),
        (r#""key": ["header.x"], "missing": "", "rate": "1/1s""#, "1 to 64 bytes"),
        (r#""key": ["ip"], "rate": "1/1s", "scope": "pod""#, "expected `process` or `global`"),
        (r#""key": ["ip"], "rate": "1/1s", "brust": 3"#, "unknown field `brust`; did you mean `burst`?"),
    ] {
        let (all, faults) = compile(&format!(r#"{{ "a": {{ {field} }} }}"#));
        assert_eq!(faults.len(), 1, "{field}: {faults:?}");
        assert!(faults[0].contains(want) && faults[0].starts_with('a'), "{field}: {faults:?}");
        let kept = all.iter().next().is_some();
        assert_eq!(kept, field.contains("scope") || field.contains("brust"), "{field}");
    }
    let (_, faults) = compile(r#"{ "Per_IP": { "key": ["ip"], "rate": "1/1s" } }"#);
    assert!(faults[0].contains("`Per_IP` is no name"), "{faults:?}");
}

#[test]
fn refuses_what_a_service_cannot_count_and_costs_that_are_no_number_in_a_request() {
    for (limit, want) in [
        (
            r#""key": ["ip"], "scope": "global", "count": [401]"#,
            "a: not with `scope: global`: `count` holds a unit until the answer is known and gives it back, and a rate \
             limit service gives nothing back: a limit with `count` holds in each process. Beside it a limit with `scope: \
             global` and the same key can count all requests",
        ),
        (
            r#""key": ["ip"], "scope": "global", "penalty": { "after": 3, "within": "30m", "block": "1m", "factor": 2, "max": "1h" }"#,
            "a: not with `scope: global`: a rate limit service knows no blocks: write the `penalty` in a limit with `scope: \
             process` and the same key, beside this one",
        ),
        (
            r#""key": ["ip"], "scope": "global", "distinct": { "value": "path.id" }"#,
            "a: not with `scope: global`: a rate limit service counts requests, and each process would count the same \
             value once more: a limit with `distinct` holds in each process. Beside it a limit with `scope: global` and \
             the same key can count all requests",
        ),
        (
            r#""key": ["ip"], "cost": "response:/n""#,
            "a.cost: a cost is a number in a request, and `response:/n` is none",
        ),
    ] {
        let (_, faults) = compile(&format!(r#"{{ "a": {{ {limit}, "rate": "1/1s" }} }}"#));
        assert_eq!(faults, [want]);
    }
}

#[test]
fn a_limit_by_the_apps_version_waits_for_the_tokens_where_a_claim_says_it() {
    let (policy, problems) = ("shop".parse().unwrap(), Problems::default());
    let around = Around { policy: &policy, tokens: &[], required: &|_| false, client_by_claim: true };
    let json = r#"{ "a": { "key": ["client.version"], "missing": "deny", "rate": "1/1s" } }"#;
    let all = Limits::compile(Some(&node(json)), &around, &problems);
    assert_eq!(all.iter().map(Limit::stage).collect::<Vec<_>>(), [Stage::AfterTokens]);
}

#[test]
fn a_route_names_limits_that_fit_it() {
    let (all, _) = compile(
        r#"{
        "per-user": { "key": ["user.sub"], "rate": "1/1s" },
        "per-guest": { "key": ["user.sub"], "missing": "skip", "rate": "1/1s" },
        "either": { "key": ["user.sub|staff.sub"], "missing": "deny", "rate": "1/1s" },
        "per-order": { "key": ["path.order"], "rate": "1/1s" },
        "broken": { "key": ["path.order"], "rate": 1 }
    }"#,
    );
    type Row<'r> = (&'r str, &'r [usize], &'r [usize], &'r str, &'r str);
    let rows: [Row<'_>; 9] = [
        ("fits", &[0], &[0], r#"["per-user", "per-order"]"#, ""),
        ("none", &[], &[], "[]", ""),
        ("dangling", &[0], &[0], r#"["per-usr"]"#, "no limit called `per-usr`; did you mean `per-user`?"),
        ("twice", &[0], &[0], r#"["per-user", "per-user"]"#, "the limit `per-user` is given twice"),
        ("the fault is noted elsewhere", &[0], &[0], r#"["broken"]"#, ""),
        ("no such token", &[], &[], r#"["per-user"]"#, "the route does not demand that token"),
        ("a guest may come", &[0], &[], r#"["per-user"]"#, "may come without `user.sub`"),
        ("and is spoken of", &[0], &[], r#"["per-guest"]"#, ""),
        ("each alternative is demanded", &[0], &[0], r#"["either"]"#, "the route does not demand that token"),
    ];
    for (row, demanded, sure, list, want) in rows {
        let problems = Problems::default();
        let around = route::Around {
            demands: &|token| demanded.contains(&token),
            sure_of: &|tokens| tokens.iter().any(|token| sure.contains(token)),
            has_parameter: &|name| name == "order",
        };
        all.of_route(&node(list), &around, &problems);
        let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
        assert_eq!(faults.is_empty(), want.is_empty(), "{row}: {faults:?}");
        assert!(faults.iter().all(|fault| fault.contains(want)), "{row}: {faults:?}");
    }
    let (problems, nowhere) = (Problems::default(), |_: &str| false);
    let around = route::Around { demands: &|_| true, sure_of: &|_| true, has_parameter: &nowhere };
    let named = all.of_route(&node(r#"["per-order", "per-user"]"#), &around, &problems);
    assert_eq!(named.iter().map(|named| named.index).collect::<Vec<_>>(), [3, 0]);
    assert!(problems.into_parts().0[0].to_string().contains("has no `{order}`"));
}

#[test]
fn memory_stays_within_its_bounds() {
    for (json, want) in [
        (None, Some("4MiB")),
        (Some(r#""64KiB""#), Some("64KiB")),
        (Some(r#""64MiB""#), Some("64MiB")),
        (Some(r#""63KiB""#), None),
        (Some(r#""65MiB""#), None),
        (Some("4"), None),
    ] {
        let problems = Problems::default();
        let got = memory(json.map(node).as_ref(), &problems);
        let want = want.map(|size| Memory::new(size.parse::<Size>().unwrap()).unwrap());
        assert_eq!(got, want, "{json:?}");
        assert_eq!(problems.none(), want.is_some(), "{json:?}");
    }
}
