//! Limits count exactly, whoever comes from wherever, and never more than their table holds.
#![cfg(test)]
#![expect(clippy::arithmetic_side_effects, reason = "small numbers of a test's own")]

mod counted;
mod crash;
mod crowds;
mod penalty;

use std::sync::OnceLock;
use std::time::Duration;

use portcullis_envoy::{
    Answer, Client, Gate, Protocol, Recorder, Request, Result, Stage, Verdict, enforcing, timed, user_tokens,
};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::{Alg, Mint};
use serde_json::json;

pub(crate) fn upstream() -> Result<Recorder> {
    Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
}

/// The keys that sign every token of this suite.
pub(crate) fn keys() -> &'static Keys {
    static KEYS: OnceLock<Keys> = OnceLock::new();
    KEYS.get_or_init(|| Keys::generate().unwrap())
}

/// A token of this subject, made anew each time.
pub(crate) fn token(sub: &str) -> String {
    Mint::new(keys()).claim("sub", sub).sign(Alg::Es256)
}

/// A policy of open routes `GET /NAME`, each with its limits, and of routes that are said in full in `more`.
pub(crate) fn routes(name: &str, limits: &str, routes: &[(&str, &str)], more: &str) -> String {
    let open = |(name, limits): &(&str, &str)| {
        format!(
            "  - {{ name: {name}, match: {{ method: GET, path: /{name} }}, tokens: none, limits: [{limits}] }}\n"
        )
    };
    let tokens = user_tokens(&format!("{{ inline: {} }}", json!({ "keys": keys().jwks() })));
    let routes: String = routes.iter().map(open).collect();
    enforcing(name, &format!("{tokens}\nlimits:\n{limits}\nroutes:\n{routes}{more}"))
}

/// Sends `count` of these, one after the other, and answers their statuses and reasons.
pub(crate) fn send(client: &Client, request: &Request, count: usize) -> Result<Vec<(u16, String)>> {
    let mut connection = client.connect()?;
    let mut told = |_| {
        let answer = connection.send(request)?;
        Ok((answer.status, answer.reason().unwrap_or_default()))
    };
    (0..count).map(&mut told).collect()
}

/// How many of `count` requests pass; the others must be refused for this limit's being spent.
pub(crate) fn passed(client: &Client, request: &Request, count: usize) -> Result<usize> {
    let told = send(client, request, count)?;
    let passed = told.iter().filter(|(status, _)| *status == 200).count();
    let refused = told.iter().filter(|told| **told == (429, "limits.exceeded".into())).count();
    assert_eq!(passed + refused, count, "{:?}: {told:?}", request.path);
    Ok(passed)
}

/// RFC 9457, and RFC 9110, section 10.2.3.
fn is_a_refusal(answer: &Answer) -> bool {
    let wait: u64 = answer.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or_default();
    let problem = answer.json().unwrap_or_default();
    answer.reason().as_deref() == Some("limits.exceeded")
        && (1..=120).contains(&wait)
        && answer.header("cache-control").as_deref() == Some("no-store")
        && problem["status"] == 429
        && problem["title"].is_string()
        && problem["request_id"].is_string()
        && problem["type"] == "urn:portcullis:reason:limits.exceeded"
}

#[test]
fn of_a_hundred_requests_at_once_just_the_budget_passes() -> Result {
    const BUDGET: usize = 10;
    const EVERY: Duration = Duration::from_secs(6);
    let limits = "  by-ip: { key: [ip], rate: 10/1m, burst: 10 }
  by-header: { key: [header.x-device], missing: deny, rate: 10/1m, burst: 10 }
  by-claim: { key: [user.sub], rate: 10/1m, burst: 10 }
  by-path: { key: [path.id], rate: 10/1m, burst: 10 }
  by-route: { key: [route], rate: 10/1m, burst: 10 }";
    let more = "  - { name: claim, match: { method: GET, path: /claim }, tokens: [user], access: authenticated, limits: [by-claim] }
  - { name: path, match: { method: GET, path: \"/path/{id}\" }, tokens: none, limits: [by-path] }";
    let open = [("ip", "by-ip"), ("header", "by-header"), ("route-h1", "by-route"), ("route-h2", "by-route")];
    let stage = Stage::under(&routes("crowd", limits, &open, more))?;
    let Stage { upstream, gate } = &*stage;
    for (protocol, mark, last) in [(Protocol::H1, "h1", 11), (Protocol::H2, "h2", 12)] {
        let client = gate.cleartext(protocol).from_loopback(last);
        for (row, request) in [
            ("ip", Request::get("/ip")),
            ("header", Request::get("/header").header("x-device", mark)),
            ("claim", Request::get("/claim").bearer(&token(mark))),
            ("path", Request::get(format!("/path/{mark}"))),
            ("route", Request::get(format!("/route-{mark}"))),
        ] {
            let before = upstream.begun();
            let (answers, took) = timed(|| client.send_together(&vec![request; 100]));
            let answers = answers?;
            // On a machine that takes its time, what has come back meanwhile passes too: one each six seconds.
            let most = BUDGET + took.div_duration_f64(EVERY) as usize;
            let passed = answers.iter().filter(|answer| answer.status == 200).count();
            assert!((BUDGET..=most).contains(&passed), "{protocol:?} {row}: {passed} of 100 pass");
            for answer in answers.iter().filter(|answer| answer.status != 200) {
                assert!(is_a_refusal(answer), "{protocol:?} {row}: {answer:?}");
            }
            assert_eq!(upstream.begun() - before, passed, "{protocol:?} {row}: seen upstream");
        }
    }
    // It was a crowd at several workers, not a queue at one.
    let stats = gate.stats("listener.")?;
    let of_a_worker = |name: &str| name.contains(".worker_") && name.ends_with("downstream_cx_total");
    let busy = stats.iter().filter(|(name, count)| of_a_worker(name) && **count > 50);
    assert!(busy.count() >= 2, "{stats:?}");
    Ok(())
}

#[test]
fn a_new_forwarded_address_gives_no_new_budget() -> Result {
    let limits = "  by-ip: { key: [ip], rate: 2/1h, burst: 2 }";
    let stage = Stage::under(&routes("addresses", limits, &[("ip", "by-ip")], ""))?;
    let gate = &stage.gate;
    for (protocol, last) in [(Protocol::H1, 11), (Protocol::H2, 12)] {
        let client = gate.cleartext(protocol).from_loopback(last);
        let passed = (0..20).map(|turn| {
            let forwarded = Request::get("/ip").header("x-forwarded-for", format!("203.0.113.{turn}"));
            Ok(client.send(&forwarded)?.status == 200)
        });
        let passed: Result<Vec<bool>> = passed.collect();
        assert_eq!(passed?.into_iter().filter(|passed| *passed).count(), 2, "{protocol:?}");
    }
    Ok(())
}

#[test]
fn an_address_from_a_header_is_missing_unless_the_author_vouches_for_it() -> Result {
    let upstream = upstream()?;
    let limits = "  by-ip: { key: [ip], rate: 2/1h, burst: 2 }";
    let text = routes("addresses", limits, &[("ip", "by-ip")], "");
    let gate = Gate::before(upstream.address()).careless_cleartext().policy(&*text).start()?;
    let from = |address: &str| Request::get("/ip").header("x-forwarded-for", address);
    for (protocol, last) in [(Protocol::H1, 11), (Protocol::H2, 12)] {
        let client = gate.cleartext(protocol).from_loopback(last);
        let told = send(&client, &from("203.0.113.9"), 2)?;
        assert_eq!(told, vec![(429, "limits.key_missing".to_owned()); 2], "{protocol:?}");
        assert_eq!(
            passed(&client, &Request::get("/ip"), 5)?,
            2,
            "{protocol:?}: the connection's own address"
        );
    }
    let vouched = text.replace("ip: connection", "ip: forwarded").replace("addresses", "vouched");
    assert_eq!(gate.push(&vouched)?, Verdict::Accepted);
    for (protocol, address, other, of_its_own) in [
        (Protocol::H1, "198.51.100.1", "198.51.100.2", 2),
        (Protocol::H2, "198.51.100.3", "198.51.100.4", 2),
        // Of IPv6 a whole /64 is one client's.
        (Protocol::H1, "2001:db8:0:1::1", "2001:db8:0:1:ffff::2", 0),
        (Protocol::H2, "2001:db8:0:2::1", "2001:db8:0:3::1", 2),
    ] {
        let client = gate.cleartext(protocol);
        assert_eq!(passed(&client, &from(address), 4)?, 2, "{protocol:?} {address}");
        assert_eq!(passed(&client, &from(other), 4)?, of_its_own, "{protocol:?} {other}");
    }
    Ok(())
}

#[test]
fn limits_of_one_request_charge_all_or_none_each_in_its_mode() -> Result {
    let limits = "  small: { key: [header.x-device], missing: deny, rate: 2/1h, burst: 2 }
  large: { key: [header.x-device], missing: deny, rate: 5/1h, burst: 5 }
  early: { key: [header.x-device], missing: deny, rate: 3/1h, burst: 3 }
  watched: { key: [header.x-device], missing: deny, rate: 3/1h, burst: 3 }";
    let open = [("both", "small, large"), ("large", "large"), ("early", "early"), ("watched", "watched")];
    let more = "  - { name: guarded, match: { method: GET, path: /guarded }, tokens: [user], access: authenticated, limits: [early] }
  - { name: shadow, match: { method: GET, path: /shadow }, tokens: none, limits: [watched], modes: { limits.watched: shadow } }";
    let stage = Stage::under(&routes("steps", limits, &open, more))?;
    let gate = &stage.gate;
    for protocol in Protocol::BOTH {
        let client = gate.cleartext(protocol);
        let of = |path: &str| Request::get(path).header("x-device", format!("{protocol:?}"));
        assert_eq!(passed(&client, &of("/both"), 10)?, 2, "{protocol:?}: the small one refuses");
        assert_eq!(
            passed(&client, &of("/large"), 10)?,
            3,
            "{protocol:?}: and takes nothing of the large one"
        );

        let told = send(&client, &of("/guarded"), 5)?;
        let expected = [[(401, "tokens.missing"); 3].as_slice(), &[(429, "limits.exceeded"); 2]].concat();
        let expected: Vec<_> =
            expected.into_iter().map(|(status, reason)| (status, reason.to_owned())).collect();
        assert_eq!(told, expected, "{protocol:?}: an earlier step's charge stays");
        assert_eq!(
            passed(&client, &of("/early"), 3)?,
            0,
            "{protocol:?}: and is the limit's wherever it is named"
        );

        let all = send(&client, &of("/shadow"), 10)?;
        assert!(all.iter().all(|(status, _)| *status == 200), "{protocol:?}: shadow refuses nobody: {all:?}");
        assert_eq!(passed(&client, &of("/watched"), 10)?, 3, "{protocol:?}: and uses up nobody's budget");
    }
    let labels = [("route", "shadow"), ("outcome", "would_refuse"), ("reason", "limits.exceeded")];
    assert_eq!(gate.sum("portcullis_decisions_total", &labels)?, 14, "shadow counts in slots of its own");
    Ok(())
}

#[test]
fn what_lacks_a_key_is_refused_let_through_or_counted_as_the_limit_says() -> Result {
    let limits = "  deny: { key: [header.x-device, query.q], missing: deny, rate: 2/1h, burst: 2 }
  skip: { key: [header.x-device], missing: skip, rate: 2/1h, burst: 2 }
  guest: { key: [header.x-device], missing: guest, rate: 2/1h, burst: 2 }
  guests: { key: [user.sub], missing: guest, rate: 2/1h, burst: 2 }";
    let open = [("deny", "deny"), ("skip", "skip"), ("guest", "guest")];
    let more = "  - { name: guests, match: { method: GET, path: /guests }, tokens: [{ optional: user }], limits: [guests] }";
    let stage = Stage::under(&routes("missing", limits, &open, more))?;
    let gate = &stage.gate;
    for protocol in Protocol::BOTH {
        let client = gate.cleartext(protocol);
        let device = format!("{protocol:?}");
        let with = |path: &str| Request::get(path).header("x-device", &device);
        for (row, request, status, reason) in [
            ("neither part", Request::get("/deny"), 429, "limits.key_missing"),
            ("one part", with("/deny"), 429, "limits.key_missing"),
            ("the other part", Request::get("/deny?q=1"), 429, "limits.key_missing"),
            ("a part over 1 KiB", with(&format!("/deny?q={}", "x".repeat(1025))), 429, "limits.key_missing"),
            ("a header twice", with("/deny?q=1").header("x-device", "other"), 400, "limits.ambiguous"),
            ("a parameter twice", with("/deny?q=1&q=2"), 400, "limits.ambiguous"),
        ] {
            assert_eq!(send(&client, &request, 1)?, [(status, reason.to_owned())], "{protocol:?} {row}");
        }
        assert_eq!(passed(&client, &with("/deny?q=1"), 5)?, 2, "{protocol:?} deny: with its key");
        assert_eq!(passed(&client, &with("/deny?q=%31"), 5)?, 0, "{protocol:?} deny: in another spelling");

        assert_eq!(passed(&client, &Request::get("/skip"), 10)?, 10, "{protocol:?} skip: without a key");
        assert_eq!(passed(&client, &with("/skip"), 10)?, 2, "{protocol:?} skip: with one");
        let loud =
            Request::get("/skip").header("x-device", format!(" {device:?} ").replace('"', "").to_lowercase());
        assert_eq!(passed(&client, &loud, 10)?, 0, "{protocol:?} skip: text is folded");

        // Who lacks the key has one budget with all others who do, over both protocols.
        let shared = if protocol == Protocol::H1 { 2 } else { 0 };
        assert_eq!(
            passed(&client, &Request::get("/guest"), 10)?,
            shared,
            "{protocol:?} stand-in: without a key"
        );
        assert_eq!(passed(&client, &with("/guest"), 10)?, 2, "{protocol:?} stand-in: with one");
        assert_eq!(passed(&client, &Request::get("/guests"), 10)?, shared, "{protocol:?} stand-in: a guest");
        let user = Request::get("/guests").bearer(&token(&device));
        assert_eq!(passed(&client, &user, 10)?, 2, "{protocol:?} stand-in: a user");
    }
    let named = Request::get("/guest").header("x-device", "guest");
    assert_eq!(
        passed(&gate.cleartext(Protocol::H1), &named, 10)?,
        2,
        "a key that spells the stand-in is a key"
    );
    Ok(())
}

#[test]
fn counters_survive_a_new_policy_and_another_name_has_its_own() -> Result {
    let upstream = upstream()?;
    for workers in [1, 4] {
        let limit = |burst| format!("  by-ip: {{ key: [ip], rate: 4/1h, burst: {burst} }}");
        let text = |name, burst| routes(name, &limit(burst), &[("ip", "by-ip")], "");
        let gate = Gate::before(upstream.address()).workers(workers).policy(text("first", 4)).start()?;
        // Open before, so that the same connections meet each policy.
        let mut connections: Vec<_> =
            Protocol::BOTH.iter().map(|it| gate.cleartext(*it).connect()).collect::<Result<_>>()?;
        let mut pass = |rounds: usize| -> Result<usize> {
            let mut passed = 0;
            for _ in 0..rounds {
                for connection in &mut connections {
                    passed += usize::from(connection.send(&Request::get("/ip"))?.status == 200);
                }
            }
            Ok(passed)
        };
        assert_eq!(pass(1)?, 2, "{workers} workers");
        let other_route = text("first", 4).replace("name: ip,", "name: renamed,");
        assert_eq!(gate.push(&other_route)?, Verdict::Accepted);
        assert_eq!(pass(3)?, 2, "{workers} workers: what is left");
        assert_eq!(gate.push(&text("first", 5))?, Verdict::Accepted);
        assert_eq!(pass(3)?, 1, "{workers} workers: a larger burst is what it adds");
        assert_eq!(gate.push(&text("second", 4))?, Verdict::Accepted);
        assert_eq!(pass(4)?, 4, "{workers} workers: another policy's own");
        assert_eq!(gate.push(&text("first", 4))?, Verdict::Accepted);
        assert_eq!(pass(2)?, 0, "{workers} workers: and back");
    }
    Ok(())
}

/// draft-ietf-httpapi-ratelimit-headers-11, sections 3 and 4.
#[test]
fn a_client_is_told_how_its_budgets_stand() -> Result {
    let limits = "  told: { key: [header.x-device], missing: deny, rate: 60/1m, burst: 2, headers: true }
  silent: { key: [header.x-device], missing: deny, rate: 60/1m, burst: 1 }
  minute: { key: [header.x-device, route], missing: deny, rate: 1/1h, burst: 5, headers: true }
  day: { key: [header.x-device, route], missing: deny, rate: 1/1d, burst: 9, headers: true }
  hidden: { key: [header.x-device, route], missing: deny, rate: 1/1h, burst: 2 }";
    let open = [("told", "told"), ("silent", "silent"), ("several", "minute, day, hidden")];
    let stage = Stage::under(&routes("headers", limits, &open, ""))?;
    for protocol in [Protocol::H1, Protocol::H2] {
        let client = stage.gate.cleartext(protocol);
        let ask = |route: &str| {
            let request = Request::get(format!("/{route}")).header("x-device", format!("{protocol:?}"));
            client.send(&request)
        };
        let told = |answer: &Answer| (answer.header("ratelimit"), answer.header("ratelimit-policy"));

        let (first, second) = (ask("told")?, ask("told")?);
        assert_eq!([first.status, second.status], [200, 200]);
        let (Some(state), Some(policy)) = told(&first) else { panic!("nothing is told") };
        assert!(state.starts_with("\"told\";r=1;t=1;pk=:"), "{state}");
        assert!(policy.starts_with("\"told\";q=2;w=2;pk=:"), "{policy}");
        assert!(!state.contains("H1") && !state.contains("H2"), "a key is told as a hash: {state}");
        let refused = ask("told")?;
        let (Some(state), Some(_)) = told(&refused) else { panic!("nothing is told") };
        assert_eq!(refused.status, 429);
        assert!(state.starts_with("\"told\";r=0;t="), "{state}");
        let after = |text: &str| text.split(";t=").nth(1)?.split(';').next()?.parse::<u64>().ok();
        let wait: u64 = refused.header("retry-after").and_then(|wait| wait.parse().ok()).unwrap_or_default();
        assert!(after(&state).is_some_and(|soonest| wait >= soonest), "{wait} is before {state}");

        assert_eq!(told(&ask("silent")?), (None, None), "only where the limit says so, until it refuses");
        assert!(told(&ask("silent")?).0.is_some());

        // Several at once, in the order of the route: of those that say `headers`, and of whoever refuses.
        let names = |list: &str| -> Vec<String> {
            list.split(", ")
                .filter_map(|item| Some(item.split(';').next()?.trim_matches('"').to_owned()))
                .collect()
        };
        for (turn, status, listed) in [
            (0, 200, &["minute", "day"][..]),
            (1, 200, &["minute", "day"]),
            (2, 429, &["minute", "day", "hidden"]),
            (3, 429, &["minute", "day", "hidden"]),
        ] {
            let answer = ask("several")?;
            let (Some(state), Some(policy)) = told(&answer) else { panic!("nothing is told: {answer:?}") };
            let mut listed: Vec<_> = listed.iter().map(ToString::to_string).collect();
            let mut seen = [names(&state), names(&policy)];
            seen.iter_mut().for_each(|names| names.sort());
            listed.sort();
            assert_eq!(
                (answer.status, &seen[0], &seen[1]),
                (status, &listed, &listed),
                "{protocol:?} {turn}"
            );
            assert_eq!(answer.headers.all("ratelimit").count(), 1, "one line: {answer:?}");
            let left = |name: &str| {
                let item = state.split(", ").find(|item| item.starts_with(&format!("\"{name}\"")))?;
                item.split(";r=").nth(1)?.split(';').next()?.parse::<u64>().ok()
            };
            // All or none: what is refused takes nothing of the others.
            let used = (turn + 1).min(2);
            assert_eq!(
                (left("minute"), left("day")),
                (Some(5 - used), Some(9 - used)),
                "{protocol:?} {turn}: {state}"
            );
            if status == 429 {
                assert_eq!(left("hidden"), Some(0), "{state}");
            }
        }
    }
    stage.gate.unharmed()
}
