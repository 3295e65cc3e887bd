//! Ids in path, query and header, and what else a caller must be.

use portcullis_envoy::{Answer, Protocol, Request, Result, policy, unix_now, until};
use portcullis_shop::data::{ALICE, ALICE_LOGIN, BOB, BOB_LOGIN};
use portcullis_shop::mint::Alg;
use serde_json::json;

use crate::{STAGE, Stage, row, shown};

fn owners(stage: &Stage, name: &str) -> String {
    let routes = format!(
        r#"
{}
schemas: {{ object: {{ type: object }} }}
routes:
  - group: users
    path: "/v1/users/{{user_id}}"
    tokens: [user]
    routes:
      - name: users.get
        match: {{ method: GET, path: "" }}
        access: {{ scopes: [users:read], owner: {{ value: path.user_id, is: user.sub, unless: [{{ claim: user.roles, has: support }}] }} }}
      - name: users.update
        match: {{ method: PATCH, path: "" }}
        access: {{ scopes: [users:write], owner: {{ value: path.user_id, is: user.sub }} }}
        request: {{ schema: object }}
  - group: accounts
    tokens: [user]
    routes:
      - {{ name: statements, match: {{ method: GET, path: /v1/statements }}, access: {{ owner: {{ value: query.account_id, is: user.sub }} }}, request: {{ unknown_query: allow }} }}
      - {{ name: wallet, match: {{ method: GET, path: /v1/wallet }}, access: {{ owner: {{ value: header.x-account-id, is: user.sub }} }} }}
  - group: echo
    path: /echo
    tokens: [user]
    routes:
      - {{ name: text, match: {{ method: GET, path: "/text/{{id}}" }}, access: {{ owner: {{ value: path.id, is: user.sub }} }} }}
      - {{ name: integer, match: {{ method: GET, path: "/integer/{{id}}" }}, access: {{ owner: {{ value: path.id, is: user.number, as: integer }} }} }}
      - {{ name: uuid, match: {{ method: GET, path: "/uuid/{{id}}" }}, access: {{ owner: {{ value: path.id, is: user.account, as: uuid }} }} }}
      - {{ name: list, match: {{ method: GET, path: "/list/{{id}}" }}, access: {{ owner: {{ value: path.id, is: user.accounts }} }} }}
      - {{ name: two, match: {{ method: GET, path: "/two/{{id}}" }}, access: {{ owner: {{ value: [path.id, query.id], is: user.sub }} }} }}
      - {{ name: scopes, match: {{ method: GET, path: /scopes }}, access: {{ scopes: [orders:read, admin] }} }}
      - {{ name: any-scope, match: {{ method: GET, path: /any-scope }}, access: {{ scopes: {{ any: [admin, refunds] }} }} }}
      - {{ name: claims, match: {{ method: GET, path: /claims }}, access: {{ claims: [{{ claim: user.groups, has: refunds }}, {{ claim: user.plan, any: [gold, black] }}] }} }}
      - {{ name: money, match: {{ method: GET, path: /money }}, access: {{ acr: ["urn:shop:mfa"], max_auth_age: 10m }} }}
"#,
        stage.tokens()
    );
    policy(name, "enforce", &routes)
}

const FOREIGN: Option<&str> = Some("access.foreign");
const MISSING: Option<&str> = Some("access.owner_missing");
const AMBIGUOUS: Option<&str> = Some("access.ambiguous");

fn verdict(name: &str, answer: &Answer, reason: Option<&str>) {
    let status = match reason {
        None => 200,
        Some("access.ambiguous") => 400,
        Some("routing.unmatched") => 404,
        Some("access.step_up") => 401,
        Some(_) => 403,
    };
    assert_eq!((answer.status, answer.reason().as_deref()), (status, reason), "{name}: {answer:?}");
}

#[test]
fn neither_account_reads_or_changes_the_others_object() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&owners(&stage, "accounts"))?;
    let accounts = [(ALICE, ALICE_LOGIN.0, BOB, "Bob"), (BOB, BOB_LOGIN.0, ALICE, "Alice")];
    for protocol in Protocol::BOTH {
        let client = stage.gate.client(protocol);
        for (own, email, other, name) in accounts {
            let token = stage.mint().claim("sub", own).sign(Alg::Es256);
            let user =
                |method: &str, id: &str| Request::new(method, format!("/v1/users/{id}")).bearer(&token);
            let change = |id: &str, name: &str| {
                let body = json!({ "name": name }).to_string();
                user("PATCH", id).header("content-type", "application/json").chunk(body)
            };
            let statements =
                |id: &str| Request::get(format!("/v1/statements?account_id={id}")).bearer(&token);
            let wallet = |id: &str| Request::get("/v1/wallet").header("x-account-id", id).bearer(&token);

            let answer = client.send(&user("GET", own))?;
            assert_eq!((answer.status, shown(&answer)), (200, Some(email)), "{protocol:?}");
            for request in [statements(own), wallet(own), user("HEAD", own)] {
                assert_eq!(client.send(&request)?.status, 200, "{protocol:?} {request:?}");
            }
            let own_name = stage.shop.user(own).unwrap().name;
            assert_eq!(client.send(&change(own, &own_name))?.status, 200, "{protocol:?}");

            let before = stage.shop.seen_total();
            for request in [user("GET", other), statements(other), wallet(other), change(other, "Mallory")] {
                verdict(&row(protocol, format!("{request:?}")), &client.send(&request)?, FOREIGN);
            }
            assert_eq!(client.send(&user("HEAD", other))?.status, 403, "{protocol:?}");
            assert_eq!(stage.shop.seen_total(), before, "{protocol:?}: the shop was asked");
            assert_eq!(stage.shop.user(other).unwrap().name, name, "{protocol:?}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn an_id_in_another_form_is_anothers() -> Result {
    const ACCOUNT: &str = "9c4d7e2a-1b3f-4c5d-9e8f-7a6b5c4d3e77";
    let stage = STAGE.enter()?;
    stage.gate.adopt(&owners(&stage, "forms"))?;
    let token =
        stage.mint().claim("number", 42).claim("account", ACCOUNT).claim("accounts", json!(["42", "43"]));
    let token = token.sign(Alg::Es256);
    let get = |path: &str| Request::get(path).bearer(&token);
    let wallet =
        |ids: &[&[u8]]| ids.iter().fold(get("/v1/wallet"), |request, id| request.header("x-account-id", id));
    let upper = ACCOUNT.to_uppercase();
    let undashed = ACCOUNT.replace('-', "");
    let mut rows = vec![
        // The path.
        ("one's own".to_owned(), get("/echo/text/42"), None),
        ("escaped".to_owned(), get("/echo/text/%34%32"), None),
        ("a zero in front".to_owned(), get("/echo/text/042"), FOREIGN),
        ("a space behind".to_owned(), get("/echo/text/42%20"), FOREIGN),
        ("a space in front".to_owned(), get("/echo/text/%2042"), FOREIGN),
        ("a plus sign".to_owned(), get("/echo/text/+42"), FOREIGN),
        ("a fraction".to_owned(), get("/echo/text/42.0"), FOREIGN),
        ("other digits".to_owned(), get("/echo/text/%ef%bc%94%ef%bc%92"), FOREIGN),
        ("nothing".to_owned(), get("/echo/text/"), Some("routing.unmatched")),
        // As what it is.
        ("an integer".to_owned(), get("/echo/integer/42"), None),
        ("an integer with a zero in front".to_owned(), get("/echo/integer/042"), FOREIGN),
        ("an integer with a sign".to_owned(), get("/echo/integer/+42"), FOREIGN),
        ("an integer with an exponent".to_owned(), get("/echo/integer/42e0"), FOREIGN),
        ("an integer past 64 bits".to_owned(), get("/echo/integer/18446744073709551658"), FOREIGN),
        ("a UUID".to_owned(), get(&format!("/echo/uuid/{ACCOUNT}")), None),
        ("a UUID in capitals".to_owned(), get(&format!("/echo/uuid/{upper}")), None),
        ("a UUID without dashes".to_owned(), get(&format!("/echo/uuid/{undashed}")), FOREIGN),
        ("a UUID in braces".to_owned(), get(&format!("/echo/uuid/%7b{ACCOUNT}%7d")), FOREIGN),
        ("one of a list".to_owned(), get("/echo/list/43"), None),
        ("none of a list".to_owned(), get("/echo/list/77"), FOREIGN),
        ("a list as text".to_owned(), get("/echo/list/42,43"), FOREIGN),
        // Two places must agree.
        ("both".to_owned(), get("/echo/two/42?id=42"), None),
        ("the second is missing".to_owned(), get("/echo/two/42"), MISSING),
        ("the second is another's".to_owned(), get("/echo/two/42?id=77"), AMBIGUOUS),
        ("the first is another's".to_owned(), get("/echo/two/77?id=42"), AMBIGUOUS),
        // A header.
        ("a header".to_owned(), wallet(&[b"42"]), None),
        ("no header".to_owned(), wallet(&[]), MISSING),
        ("an empty header".to_owned(), wallet(&[b""]), MISSING),
        ("a header twice".to_owned(), wallet(&[b"42", b"77"]), AMBIGUOUS),
        ("a header twice, the same".to_owned(), wallet(&[b"42", b"42"]), AMBIGUOUS),
        ("two ids in a header".to_owned(), wallet(&[b"42,77"]), FOREIGN),
        ("a header that is not UTF-8".to_owned(), wallet(&[b"42\xff"]), FOREIGN),
        ("a header with a zero in front".to_owned(), wallet(&[b"042"]), FOREIGN),
    ];
    // The query, of which the shop takes the last.
    for (query, reason) in [
        ("account_id=42", None),
        ("account_id=%34%32", None),
        ("%61ccount_id=42", None),
        ("", MISSING),
        ("account_id", MISSING),
        ("account_id=", MISSING),
        ("Account_id=42", MISSING),
        ("account_id[]=42", MISSING),
        ("account_id=77", FOREIGN),
        ("account_id=042", FOREIGN),
        ("account_id=42%20", FOREIGN),
        ("account_id=42+", FOREIGN),
        ("account_id=42,77", FOREIGN),
        ("account_id=42;account_id=77", AMBIGUOUS),
        ("account_id=42%26account_id=77", FOREIGN),
        ("account_id=42%00", FOREIGN),
        ("account_id=42%ff", FOREIGN),
        ("account_id=42&account_id=77", AMBIGUOUS),
        ("account_id=77&account_id=42", AMBIGUOUS),
        ("account_id=42&%61ccount_id=77", AMBIGUOUS),
        ("account_id=42&account%5fid=77", AMBIGUOUS),
    ] {
        rows.push((format!("?{query}"), get(&format!("/v1/statements?{query}")), reason));
    }
    for protocol in Protocol::BOTH {
        for (name, request, reason) in &rows {
            let before = stage.shop.seen_total();
            let answer = stage.gate.client(protocol).send(request)?;
            verdict(&row(protocol, name), &answer, *reason);
            let asked = stage.shop.seen_total() - before;
            assert_eq!(asked, u64::from(reason.is_none()), "{protocol:?} {name}: requests at the shop");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn scopes_claims_and_a_login_that_is_strong_and_recent_are_demanded_and_told() -> Result {
    const STEP_UP: &str = "Bearer realm=\"demands\", error=\"insufficient_user_authentication\", \
                           acr_values=\"urn:shop:mfa\", max_age=\"600\"";
    let stage = STAGE.enter()?;
    stage.gate.adopt(&owners(&stage, "demands"))?;
    let now = unix_now();
    let mint = || stage.mint();
    let mfa = || mint().claim("acr", "urn:shop:mfa");
    let scope = |scope: &str| {
        Some(format!("Bearer realm=\"demands\", error=\"insufficient_scope\", scope=\"{scope}\""))
    };
    let forbidden = || Some("Bearer realm=\"demands\", error=\"insufficient_scope\"".to_owned());
    let rows = [
        ("all scopes", "/echo/scopes", mint().claim("scope", "orders:read admin"), None, None),
        (
            "all scopes, as a list",
            "/echo/scopes",
            mint().without("scope").claim("scp", json!(["admin", "orders:read"])),
            None,
            None,
        ),
        (
            "one scope of two",
            "/echo/scopes",
            mint().claim("scope", "orders:read"),
            Some("access.scope"),
            scope("orders:read admin"),
        ),
        (
            "a scope that begins alike",
            "/echo/scopes",
            mint().claim("scope", "orders:read admin2"),
            Some("access.scope"),
            scope("orders:read admin"),
        ),
        (
            "no scope",
            "/echo/scopes",
            mint().without("scope"),
            Some("access.scope"),
            scope("orders:read admin"),
        ),
        ("one of two", "/echo/any-scope", mint().claim("scope", "refunds"), None, None),
        (
            "none of two",
            "/echo/any-scope",
            mint().claim("scope", "refund"),
            Some("access.scope"),
            scope("admin refunds"),
        ),
        ("the claims", "/echo/claims", mint().claim("groups", json!(["refunds", "x"])), None, None),
        ("a claim as text", "/echo/claims", mint().claim("groups", "refunds"), None, None),
        (
            "a claim among words",
            "/echo/claims",
            mint().claim("groups", "x refunds"),
            Some("access.claim"),
            forbidden(),
        ),
        ("no such claim", "/echo/claims", mint(), Some("access.claim"), forbidden()),
        (
            "one claim of two",
            "/echo/claims",
            mint().claim("groups", "refunds").claim("plan", "free"),
            Some("access.claim"),
            forbidden(),
        ),
        ("strong and recent", "/echo/money", mfa(), None, None),
        ("weak", "/echo/money", mint(), Some("access.step_up"), Some(STEP_UP.to_owned())),
        (
            "long ago",
            "/echo/money",
            mfa().claim("auth_time", now - 700),
            Some("access.step_up"),
            Some(STEP_UP.to_owned()),
        ),
        (
            "in the future",
            "/echo/money",
            mfa().claim("auth_time", now + 700),
            Some("access.step_up"),
            Some(STEP_UP.to_owned()),
        ),
        (
            "at no time",
            "/echo/money",
            mfa().without("auth_time"),
            Some("access.step_up"),
            Some(STEP_UP.to_owned()),
        ),
        (
            "at a time that is text",
            "/echo/money",
            mfa().claim("auth_time", now.to_string()),
            Some("access.step_up"),
            Some(STEP_UP.to_owned()),
        ),
    ];
    for protocol in Protocol::BOTH {
        for (name, path, token, reason, challenge) in &rows {
            let request = Request::get(path).bearer(&token.sign(Alg::Es256));
            let answer = stage.gate.client(protocol).send(&request)?;
            verdict(&row(protocol, name), &answer, *reason);
            assert_eq!(answer.header("www-authenticate"), *challenge, "{protocol:?} {name}");
        }
    }
    stage.gate.unharmed()
}

#[test]
fn support_may_read_anothers_object_and_each_time_is_counted_and_audited() -> Result {
    let stage = STAGE.enter()?;
    stage.gate.adopt(&owners(&stage, "exempted"))?;
    let support = stage.mint().claim("roles", json!(["customer", "support"])).sign(Alg::Es256);
    let before = stage.gate.access_log(0)?.len();
    for protocol in Protocol::BOTH {
        let answer = stage.gate.client(protocol).send(&Request::get("/v1/users/77").bearer(&support))?;
        assert_eq!((answer.status, shown(&answer)), (200, Some(BOB_LOGIN.0)), "{protocol:?}");
        // To read is what `unless` is for; to change is not.
        let change = Request::new("PATCH", "/v1/users/77").bearer(&support);
        let change = change.header("content-type", "application/json").chunk("{}");
        verdict(&row(protocol, "change"), &stage.gate.client(protocol).send(&change)?, FOREIGN);
    }
    let exempted = || stage.count("exempted", "route=users.get;control=access;outcome=exempted;");
    assert_eq!(until("the count", || Ok(Some(exempted()?).filter(|count| *count > 0)))?, 2);
    let log = stage.gate.access_log(before + 4)?;
    let events: Vec<_> = log.iter().skip(before).filter_map(|line| line["portcullis"].as_str()).collect();
    let audited = events.iter().filter(|event| event.contains(r#""outcome":"exempted""#)).count();
    assert_eq!(audited, 2, "{events:?}");
    assert!(!events.concat().contains(BOB_LOGIN.0));
    stage.gate.unharmed()
}
