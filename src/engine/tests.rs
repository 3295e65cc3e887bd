use std::rc::Rc;
use std::time::Duration;

use super::bench::Bench;
use super::bench::Cleared;
use super::bench::Waiver;
use super::challenge::Realm;
use super::*;
use crate::control::tokens::Schemes;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::headers::Headers;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::secrets::Secrets;
use crate::policy::Circumstances;
use crate::policy::Kept;
use crate::policy::Policy;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::refusal::SchemaError;
use crate::telemetry::Outcome;

const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

/// A policy with one route, `one`, whose `modes` are these.
fn policy(modes: &str) -> Rc<Policy> {
    let text = format!(
        r#"{{ "version": 1, "name": "shop", "revision": "r7", "client": {{ "ip": "connection", "platform": "header.p",
            "app_version": {{ "from": "header.v" }}, "upgrade": {{ "ios": "https://a.example" }}, "tracked_versions": ["5.1"] }},
            "audit": {{ "ip": "prefix" }},
            "routes": [{{ "name": "one", "team": "mobile", "match": {{ "method": "GET", "path": "/one" }}, "tokens": "none", "modes": {modes} }}] }}"#
    );
    let problems = Problems::default();
    let node = Node::from_json(text.as_bytes(), &problems).unwrap();
    let circumstances = Circumstances { now: NOW, secrets: Secrets::needed(&|_| None) };
    let policy = Policy::compile(&node, &mut Kept::default(), circumstances, &problems);
    Rc::new(policy.unwrap_or_else(|| panic!("{:?}", problems.into_parts().0)))
}

fn bench(modes: &str) -> Bench {
    let mut bench = Bench::new(policy(modes), NOW);
    bench.placed(0, Default::default());
    bench
}

/// The outcomes so far, each with its rule and what it follows from.
fn told(bench: &Bench) -> Vec<(Outcome, &str, Option<Control>)> {
    bench.record.events().iter().map(|event| (event.outcome, &*event.rule, event.after)).collect()
}

#[test]
fn a_rule_that_passes_hands_on_its_proof_in_every_mode_but_disabled() {
    for (modes, wanted) in [
        (r#"{ "client": "enforce" }"#, Some(7)),
        (r#"{ "client": "shadow" }"#, Some(7)),
        (r#"{ "client": "disabled" }"#, None),
    ] {
        let mut bench = bench(modes);
        let cleared = bench.weigh(Rule::Whole(Control::Client), |_| Ok(7)).unwrap();
        assert_eq!(cleared.proof().copied(), wanted, "{modes}");
        assert_eq!(told(&bench), [], "{modes}");
    }
}

#[test]
fn a_rule_that_fails_refuses_is_told_or_is_not_asked() {
    let rule = Rule::AccessOwner;
    let fail = |_: &Bench| Err::<(), _>(Reason::AccessForeign.into());

    let mut enforced = bench(r#"{ "access.owner": "enforce" }"#);
    assert_eq!(enforced.weigh(rule, fail).unwrap_err().shown.reason, Reason::AccessForeign);
    assert_eq!(told(&enforced), [(Outcome::Refused, "access.owner", None)]);

    let mut shadow = bench(r#"{ "access.owner": "shadow" }"#);
    assert!(matches!(shadow.weigh(rule, fail).unwrap(), Cleared::Waived(Waiver::Shadow)));
    assert_eq!(told(&shadow), [(Outcome::WouldRefuse, "access.owner", None)]);

    let mut disabled = bench(r#"{ "access.owner": "disabled" }"#);
    let asked = disabled.weigh::<()>(rule, |_| panic!("nobody asks a rule that is disabled")).unwrap();
    assert!(matches!(asked, Cleared::Waived(Waiver::Disabled)));
    assert_eq!(told(&disabled), []);
}

#[test]
fn what_is_missing_because_of_an_earlier_control_says_so() {
    for (modes, after) in [
        (r#"{ "tokens": "shadow" }"#, Some(Control::Tokens)),
        (r#"{ "tokens": "disabled" }"#, Some(Control::Tokens)),
    ] {
        let mut bench = bench(modes);
        let missing = |_: &Bench| Err::<(), _>(Reason::TokensMissing.into());
        bench.weigh(Rule::Whole(Control::Tokens), missing).unwrap();
        bench.weigh(Rule::Whole(Control::Access), missing).unwrap_err();
        assert_eq!(told(&bench).last(), Some(&(Outcome::Refused, "access", after)), "{modes}");
    }
    let mut first = bench("{}");
    first.weigh::<()>(Rule::Whole(Control::Access), |_| Err(Reason::AccessForeign.into())).unwrap_err();
    assert_eq!(told(&first), [(Outcome::Refused, "access", None)]);
}

#[test]
fn of_several_rules_that_suffer_the_strictest_speaks_and_of_equals_the_first() {
    let rules = [Rule::RequestSize, Rule::RequestJson, Rule::RequestSchema];
    for (modes, wanted) in [
        ("{}", &[(Outcome::Refused, "request.size", None)][..]),
        (r#"{ "request.size": "shadow" }"#, &[(Outcome::Refused, "request.json", None)]),
        (
            r#"{ "request": "shadow", "request.schema": "enforce" }"#,
            &[(Outcome::Refused, "request.schema", None)],
        ),
        (r#"{ "request": "shadow" }"#, &[(Outcome::WouldRefuse, "request.size", None)]),
        (
            r#"{ "request": "disabled", "request.schema": "shadow" }"#,
            &[(Outcome::WouldRefuse, "request.schema", None)],
        ),
        (r#"{ "request": "disabled" }"#, &[]),
    ] {
        let mut bench = bench(modes);
        let verdict = bench.weigh_strictest(&rules, Reason::RequestTooLarge.into());
        assert_eq!(told(&bench), wanted, "{modes}");
        assert_eq!(
            verdict.is_err(),
            wanted.first().is_some_and(|(it, ..)| *it == Outcome::Refused),
            "{modes}"
        );
    }
}

#[test]
fn a_request_without_a_route_has_the_policys_modes() {
    let bench = Bench::new(policy(r#"{ "transport": "disabled" }"#), NOW);
    assert_eq!(bench.mode(Rule::Whole(Control::Transport)), Mode::Enforce);
}

#[test]
fn an_answer_says_what_its_reason_and_what_stands_beside_it_say() {
    let seconds = Duration::from_secs;
    let challenge = |rest: &str| Some(("www-authenticate", format!("Bearer realm=\"shop\"{rest}")));
    let header = |name, value: &str| Some((name, value.to_owned()));
    for (reason, extra, status, wanted) in [
        (Reason::TokensMissing, Extra::Nothing, 401, challenge("")),
        (Reason::TokensExpired, Extra::Nothing, 401, challenge(", error=\"invalid_token\"")),
        (Reason::TokensAmbiguous, Extra::Nothing, 400, challenge(", error=\"invalid_request\"")),
        (
            Reason::AccessScope,
            Extra::Scopes(vec!["a".into(), "b".into()]),
            403,
            challenge(", error=\"insufficient_scope\", scope=\"a b\""),
        ),
        (Reason::AccessForeign, Extra::Nothing, 403, challenge(", error=\"insufficient_scope\"")),
        (
            Reason::AccessStepUp,
            Extra::StepUp { acr: vec!["m".into()], max_age: Some(seconds(60)) },
            401,
            challenge(", error=\"insufficient_user_authentication\", acr_values=\"m\", max_age=\"60\""),
        ),
        (
            Reason::AccessStepUp,
            Extra::StepUp { acr: Vec::new(), max_age: None },
            401,
            challenge(", error=\"insufficient_user_authentication\""),
        ),
        (Reason::TokensKeysUnavailable, Extra::RetryAfter(seconds(5)), 503, header("retry-after", "5")),
        (
            Reason::LimitsExceeded,
            Extra::RetryAfter(Duration::from_millis(1001)),
            429,
            header("retry-after", "2"),
        ),
        (Reason::LimitsExceeded, Extra::RetryAfter(Duration::ZERO), 429, header("retry-after", "1")),
        (
            Reason::TransportRedirect,
            Extra::Location("https://a.example/b".into()),
            308,
            header("location", "https://a.example/b"),
        ),
        (Reason::RoutingMethod, Extra::Allow("GET, HEAD".into()), 405, header("allow", "GET, HEAD")),
        (
            Reason::ClientOutdated,
            Extra::Upgrade("https://a.example".into()),
            426,
            header("link", "<https://a.example>; rel=\"latest-version\""),
        ),
        (Reason::RoutingUnmatched, Extra::Nothing, 404, None),
        (Reason::ResponseSchema, Extra::Nothing, 502, None),
    ] {
        let refusal = Refusal::new(reason).with(extra);
        let answer = Answer::to(&refusal, shop(), Some("id-1"), None);
        let mut headers =
            vec![("content-type", "application/problem+json".into()), ("cache-control", "no-store".into())];
        headers.extend(wanted);
        assert_eq!((answer.status, answer.headers), (status, headers), "{}", reason.code());
        let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(body["type"], format!("urn:portcullis:reason:{}", reason.code()));
        assert_eq!((&body["status"], &body["reason"]), (&status.into(), &reason.code().into()));
        assert_eq!((&body["title"], &body["request_id"]), (&reason.title().into(), &"id-1".into()));
    }
}

#[test]
fn a_challenge_offers_each_scheme_that_would_do_and_says_why_in_the_one_that_was_used() {
    let algs = "algs=\"ES256 ES384 EdDSA PS256 PS384 PS512 RS256 RS384 RS512\"";
    let bearer = |rest: &str| format!("Bearer realm=\"shop\"{rest}");
    let dpop = |rest: &str| format!("DPoP realm=\"shop\"{rest}, {algs}");
    let schemes = |bearer, dpop, came_by_dpop| Schemes { bearer, dpop, came_by_dpop };
    let scopes = || Extra::Scopes(vec!["a\"b\\".into(), "c d".into(), "e\r\nx: y".into(), "f".into()]);
    let invalid = ", error=\"invalid_token\"";
    for (row, reason, extra, schemes, wanted) in [
        (
            "no token",
            Reason::TokensMissing,
            Extra::Nothing,
            schemes(true, true, false),
            vec![bearer(""), dpop("")],
        ),
        (
            "no token where all are bound",
            Reason::TokensMissing,
            Extra::Nothing,
            schemes(false, true, false),
            vec![dpop("")],
        ),
        (
            "no token where none is",
            Reason::TokensMissing,
            Extra::Nothing,
            schemes(true, false, false),
            vec![bearer("")],
        ),
        (
            "a bad token as a bearer's",
            Reason::TokensExpired,
            Extra::Nothing,
            schemes(true, true, false),
            vec![bearer(invalid), dpop("")],
        ),
        (
            "a bad token with a proof",
            Reason::TokensExpired,
            Extra::Nothing,
            schemes(true, true, true),
            vec![bearer(""), dpop(invalid)],
        ),
        (
            "a bad token as a bearer's where all are bound",
            Reason::TokensExpired,
            Extra::Nothing,
            schemes(false, true, false),
            vec![dpop(invalid)],
        ),
        (
            "a bad proof beside a bearer's token",
            Reason::TokensProofTime,
            Extra::Nothing,
            schemes(true, true, false),
            vec![bearer(""), dpop(", error=\"invalid_dpop_proof\"")],
        ),
        (
            "too little, and another scheme is no help; and words that would end the string, or the line",
            Reason::AccessScope,
            scopes(),
            schemes(true, true, true),
            vec![dpop(", error=\"insufficient_scope\", scope=\"a\\\"b\\\\ f\"")],
        ),
        ("no memory", Reason::TokensProofsUnavailable, Extra::Nothing, schemes(true, true, true), vec![]),
    ] {
        let realm = Realm { name: "shop", schemes };
        let answer = Answer::to(&Refusal::new(reason).with(extra), realm, None, None);
        let found: Vec<String> = answer
            .headers
            .into_iter()
            .filter(|(name, _)| *name == "www-authenticate")
            .map(|it| it.1)
            .collect();
        assert_eq!(found, wanted, "{row}");
    }
}

/// The realm of a policy of that name, on a route that takes bearers.
fn shop() -> Realm<'static> {
    Realm { name: "shop", schemes: Schemes::default() }
}

#[test]
fn errors_of_a_request_are_told_and_those_of_an_upstream_are_not() {
    let errors = || Extra::Errors(vec![SchemaError { pointer: "/a".into(), keyword: "type".into() }]);
    let body = |reason: Reason| {
        let answer = Answer::to(&Refusal::new(reason).with(errors()), shop(), None, None);
        serde_json::from_slice::<serde_json::Value>(&answer.body).unwrap()
    };
    let told = serde_json::json!([{ "pointer": "/a", "keyword": "type" }]);
    assert_eq!(body(Reason::RequestSchema)["errors"], told);
    assert_eq!(body(Reason::RequestParameter)["errors"], told);
    assert_eq!(body(Reason::ResponseSchema).get("errors"), None);
}

#[test]
fn every_answer_carries_the_hsts_that_is_due() {
    let answer = Answer::to(&Reason::RoutingUnmatched.into(), shop(), None, Some("max-age=1"));
    assert_eq!(answer.headers.last(), Some(&("strict-transport-security", "max-age=1".into())));
    let body: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(body.get("request_id"), None);
}

#[test]
fn what_is_not_the_clients_to_say_is_removed_by_every_name_an_upstream_may_read() {
    let identity: Vec<Box<str>> = vec!["x-user-id".into(), "x_tenant".into()];
    for (row, name, removed) in [
        ("the name", "x-user-id", true),
        ("in capitals", "X-User-ID", true),
        ("with underscores", "x_user_id", true),
        ("with one", "x-user_id", true),
        ("a name with an underscore", "x-tenant", true),
        ("a longer name", "x-user-id-2", false),
        ("a shorter name", "x-user-i", false),
        ("another", "x-user.id", false),
        ("an override", "X-HTTP-Method-Override", true),
        ("an override with underscores", "x_original_url", true),
    ] {
        let headers = Headers::from_pairs([(name, "v"), ("accept", "*/*"), (name, "w")]);
        let edits = untrusted(&headers, &identity);
        let wanted: &[Rc<str>] = &[name.to_ascii_lowercase().into()];
        assert_eq!(edits.remove, if removed { wanted } else { &[] }, "{row}");
        assert!(edits.set.is_empty(), "{row}");
    }
}

#[test]
fn an_audit_event_says_who_and_why_and_is_handed_out_once() {
    let mut bench = bench(r#"{ "client": "shadow" }"#);
    bench.record.identified(&Headers::from_pairs([("x-request-id", "id-1")]));
    bench.record.ip = crate::model::ip::ClientIp::from_connection(b"203.0.113.7:1", false);
    bench.weigh::<()>(Rule::Whole(Control::Client), |_| Err(Reason::ClientOutdated.into())).unwrap();
    bench.note(Outcome::Admitted, Rule::Whole(Control::Routing));
    let record = &mut bench.record;
    assert!(record.has_untold());
    let event: serde_json::Value = serde_json::from_slice(&record.audit(Some(200))).unwrap();
    let wanted = serde_json::json!({
        "policy": "shop", "digest": policy(r#"{ "client": "shadow" }"#).digest.to_string(), "revision": "r7", "route": "one",
        "team": "mobile", "status": 200, "request_id": "id-1", "ip": "203.0.113.0/24",
        "events": [{ "outcome": "would_refuse", "rule": "client", "reason": "client.outdated" }],
    });
    assert_eq!(event, wanted);
    record.tell();
    assert!(!record.has_untold());
    let line = record.audit_line(None, record.audit(None));
    let event: serde_json::Value =
        serde_json::from_str(line.strip_prefix("portcullis-audit ").unwrap()).unwrap();
    assert_eq!(event["events"], serde_json::json!([]));
    assert!(
        String::from_utf8_lossy(&record.audit(None)).contains("client.outdated"),
        "the access log has all of it"
    );
}

#[test]
fn what_a_route_takes_out_of_each_answer_crowds_nothing_out_of_the_log() {
    let news = |note: fn(&mut Bench)| {
        let mut bench = bench("{}");
        note(&mut bench);
        assert!(bench.record.has_untold(), "the access log has it all the same");
        bench.record.has_news()
    };
    assert!(!news(|bench| bench.note_removed(Rule::ResponseUndeclared, 2)));
    assert!(news(|bench| bench.note_removed(Rule::AccessOwner, 2)), "objects of others were asked for");
    assert!(news(|bench| bench.note(Outcome::WouldRemove, Rule::ResponseUndeclared)));
    assert!(news(|bench| {
        bench.note_removed(Rule::ResponseUndeclared, 2);
        bench.note(Outcome::Exempted, Rule::AccessOwner);
    }));
}

#[test]
fn a_series_is_named_by_closed_sets_alone() {
    let mut bench = bench(r#"{ "client": "shadow" }"#);
    bench.weigh::<()>(Rule::Whole(Control::Client), |_| Err(Reason::ClientOutdated.into())).unwrap();
    bench.note(Outcome::Admitted, Rule::Whole(Control::Routing));
    let policy = bench.policy.clone();
    let names: Vec<String> = bench.record.untold().map(|labels| labels.name(&policy)).collect();
    assert_eq!(
        names,
        [
            "portcullis_decisions_total;policy=shop;route=one;control=client;outcome=would_refuse;reason=client.outdated;app_version=other;",
            "portcullis_decisions_total;policy=shop;route=one;control=none;outcome=admitted;reason=none;app_version=other;",
        ]
    );
}

#[test]
fn a_head_that_the_host_could_not_hand_over_is_refused_whatever_the_modes() {
    for modes in ["{}", r#"{ "transport": "disabled" }"#] {
        let Decision::Refuse(rejection) = unreadable(&policy(modes), NOW) else {
            panic!("{modes}: admitted")
        };
        assert_eq!((rejection.answer.status, rejection.record.route_name()), (503, "none"));
    }
}
