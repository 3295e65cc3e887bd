mod answers;

use std::rc::Rc;

use super::bench::Bench;
use super::bench::Cleared;
use super::bench::Waiver;
use super::*;
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
use crate::refusal::Reason;
use crate::telemetry::Outcome;

const NOW: Nanos = Nanos(1_800_000_000_000_000_000);

/// A policy with one route, `one`, whose `modes` are these.
fn policy(modes: &str) -> Rc<Policy> {
    lowered(modes, "[]")
}

/// The same with these overrides.
fn lowered(modes: &str, overrides: &str) -> Rc<Policy> {
    let text = format!(
        r#"{{ "version": 1, "name": "shop", "revision": "r7", "client": {{ "ip": "connection", "platform": "header.p",
            "app_version": {{ "from": "header.v" }}, "upgrade": {{ "ios": "https://a.example" }}, "tracked_versions": ["5.1"] }},
            "audit": {{ "ip": "prefix" }}, "overrides": {overrides},
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
fn the_clock_is_looked_at_only_where_a_mode_ends_by_itself() {
    let later = Nanos(NOW.0 + 7_200_000_000_000);
    let mut bench = bench("{}");
    bench.later(|| panic!("nothing depends on the time"));

    let outage = r#"[{ "route": "one", "control": "client", "mode": "shadow", "until": "2027-01-15T09:00:00Z", "owner": "me", "reason": "outage" }]"#;
    let mut bench = Bench::new(lowered("{}", outage), NOW);
    bench.placed(0, Default::default());
    let client = |bench: &Bench| bench.mode(Rule::Whole(Control::Client));
    assert_eq!(client(&bench), Mode::Shadow);
    bench.later(|| later);
    assert_eq!(client(&bench), Mode::Enforce);
}

#[test]
fn a_request_without_a_route_has_the_policys_modes() {
    let bench = Bench::new(policy(r#"{ "transport": "disabled" }"#), NOW);
    assert_eq!(bench.mode(Rule::Whole(Control::Transport)), Mode::Enforce);
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
