//! The closed lists: reasons, rules, metrics, outcomes, fields of events, findings.

use std::collections::BTreeSet;

use portcullis::engine::Labels;
use portcullis::model::mode::Rule;
use portcullis::refusal::Reason;
use portcullis::telemetry;
use portcullis::telemetry::Outcome;

use crate::policy;
use crate::policy::file;
use crate::readme;

const TELEMETRY: &str = include_str!("../../src/telemetry.rs");
const RECORD: &str = include_str!("../../src/engine/record.rs");
const ENVOY: &str = include_str!("../../envoy/envoy.yaml");

/// What stands in quotes behind each occurrence of `before`.
fn quoted<'t>(text: &'t str, before: &'t str) -> BTreeSet<&'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.strip_prefix('"')?.split('"').next()).collect()
}

#[test]
fn every_reason_has_its_status_and_title_and_says_what_to_do() {
    let rows = readme::table("reasons");
    assert_eq!(rows.len(), Reason::ALL.len());
    for (row, reason) in rows.iter().zip(Reason::ALL) {
        let [code, status, title, advice] = row.as_slice() else { panic!("{row:?}") };
        assert_eq!((&**code, &**title), (reason.code(), reason.title()));
        assert_eq!(*status, reason.status().to_string(), "{code}");
        assert!(advice.ends_with('.'), "{code}: {advice}");
    }
}

#[test]
fn every_reason_that_is_spoken_of_is_one() {
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    let controls = ["transport.", "routing.", "tokens.", "access.", "request.", "response."];
    let fields = readme::column("fields");
    for word in readme::words(readme::text()) {
        let concerns =
            controls.iter().any(|control| word.starts_with(control)) && !word.contains([' ', '/', '=']);
        let rule = Rule::ALL.iter().any(|rule| rule.as_str() == word);
        let field = fields.iter().any(|field| *field == word || word.starts_with("tokens.NAME"));
        assert!(!concerns || rule || field || codes.contains(&&*word), "`{word}`");
    }
}

#[test]
fn every_control_and_rule_is_listed() {
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
    assert_eq!(readme::column("rules"), rules);
}

#[test]
fn every_metric_is_listed_and_no_other_is_spoken_of() {
    let named = quoted(TELEMETRY, "&str = ");
    let known: BTreeSet<&str> = named.into_iter().filter(|name| name.starts_with("portcullis_")).collect();
    assert_eq!(readme::column("metrics").iter().map(String::as_str).collect::<BTreeSet<_>>(), known);
    let letters = |it: char| it.is_ascii_lowercase() || it == '_';
    for at in readme::text().split("portcullis_").skip(1) {
        let name = format!("portcullis_{}", at.split(|it| !letters(it)).next().unwrap_or_default());
        assert!(known.contains(&*name), "{name}");
    }
}

#[test]
fn every_label_is_listed_and_read_back_by_the_sample_s_rules() {
    let rows = readme::table("metrics");
    let listed: BTreeSet<String> = rows.iter().flat_map(|row| readme::words(&row[2])).collect();
    let read_back = ENVOY.split("tag_name: ").skip(1).filter_map(|rest| rest.split(',').next());
    assert_eq!(listed, read_back.map(String::from).collect::<BTreeSet<_>>());
}

#[test]
fn the_decisions_have_the_labels_that_are_listed() {
    let policy =
        policy::of_file(&file("labels.yaml", "version: 1\nname: shop\nroutes: []\n")).policy.unwrap();
    let version = Some("5.1".into());
    let labels = Labels { route: None, control: None, outcome: Outcome::Admitted, reason: None, version };
    let series = labels.name(&policy);
    let [name, rest @ ..] = &series.split_terminator(';').collect::<Vec<_>>()[..] else { panic!("{series}") };
    assert_eq!(*name, telemetry::DECISIONS);
    let written: Vec<&str> = rest.iter().filter_map(|label| label.split('=').next()).collect();
    let rows = readme::table("metrics");
    assert_eq!(readme::words(&rows[0][2]), written);
}

#[test]
fn every_outcome_is_listed() {
    // A new outcome does not compile here before it has its place.
    let next = |outcome| match outcome {
        Outcome::Admitted => Some(Outcome::Refused),
        Outcome::Refused => Some(Outcome::WouldRefuse),
        Outcome::WouldRefuse => Some(Outcome::Exempted),
        Outcome::Exempted => Some(Outcome::Uninspected),
        Outcome::Uninspected => Some(Outcome::NotForwarded),
        Outcome::NotForwarded => Some(Outcome::Removed),
        Outcome::Removed => Some(Outcome::WouldRemove),
        Outcome::WouldRemove => None,
    };
    let all = std::iter::successors(Some(Outcome::Admitted), |outcome| next(*outcome));
    assert_eq!(readme::column("outcomes"), all.map(Outcome::as_str).collect::<Vec<_>>());
}

#[test]
fn every_field_of_an_event_is_listed() {
    let names = |call: &'static str| RECORD.split(call).skip(1).filter_map(|rest| rest.split('"').next());
    let written: BTreeSet<_> =
        ["out.text(\"", "out.number(\"", "out.list(\""].into_iter().flat_map(names).collect();
    assert_eq!(readme::column("audit").iter().map(String::as_str).collect::<BTreeSet<_>>(), written);
}

#[test]
fn every_finding_that_is_listed_is_made() {
    let key = r#"{ kty: EC, crv: P-256, kid: "1", x: MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, y: 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM }"#;
    let policy = format!(
        r#"
version: 1
name: findings
tokens:
  user: {{ issuer: any, audience: any, algorithms: [ES256], type: any, max_lifetime: any, keep: false,
           keys: {{ inline: {{ keys: [{key}, {{ kty: EC, crv: P-521 }}] }} }} }}
  app: {{ in: {{ header: x-app }}, issuer: app, audience: shop, algorithms: [HS256], max_lifetime: 1h, keep: false,
          keys: {{ secret_env: APP }}, revocation: {{ url: "https://id.example/r", cluster: idp, on_error: keep }} }}
limits: {{ spare: {{ key: [route], rate: 1/1m }} }}
routes:
  - group: all
    tokens: [user]
    access: authenticated
    routes:
      - {{ name: one, match: {{ method: GET, path: /one }}, tokens: none, access: authenticated, request: {{ content: any }} }}
      - {{ name: two, match: {{ method: GET, path: /two }}, modes: {{ tokens: shadow }} }}
overrides:
  - {{ route: all, control: client, mode: shadow, until: "2020-01-01T00:00:00Z", owner: a, reason: b }}
  - {{ route: gone, control: client, mode: shadow, until: "2020-01-01T00:00:00Z", owner: a, reason: b }}
"#
    );
    // What schemas leave open is told of a policy that is good.
    let open = r#"
version: 1
name: open
schemas: { open: { type: object, properties: { a: { type: string }, b: { type: array, items: {} } } } }
routes: [{ name: one, match: { method: GET, path: /one }, tokens: none, response: { schema: open } }]
"#;
    let mut findings = policy::of_file(&file("findings.yaml", &policy)).findings;
    findings.extend(policy::of_file(&file("open.yaml", open)).findings);
    let made: BTreeSet<&str> = findings.iter().map(|remark| remark.kind).collect();
    assert_eq!(readme::column("findings").iter().map(String::as_str).collect::<BTreeSet<_>>(), made);
}
