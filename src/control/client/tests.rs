use std::borrow::Cow;

use super::*;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::value::Source;

/// Headers by name; a name that stands twice is ambiguous.
struct Says(Vec<(&'static str, &'static str)>);

impl Sight for Says {
    fn see(&self, source: &Source) -> Seen<'_> {
        let Source::Header(name) = source else { return Seen::Missing };
        let mut found = self.0.iter().filter(|(known, _)| *known == &**name);
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Seen::Bytes(Cow::Borrowed(value.as_bytes())),
            (Some(_), Some(_)) => Seen::Ambiguous,
            (None, _) => Seen::Missing,
        }
    }
}

fn client(text: &str) -> Result<Client, Vec<String>> {
    let problems = Problems::default();
    let node = Node::from_json(text.as_bytes(), &problems).unwrap();
    let client = Client::compile(&node, &[], &problems);
    if problems.none() {
        Ok(client.unwrap())
    } else {
        Err(problems.into_parts().0.iter().map(ToString::to_string).collect())
    }
}

const POLICY: &str = r#"{
  "platform": "header.x-platform",
  "app_version": {"from": "header.x-version", "minimum": {"ios": "5.0.0", "android": "5.10"}, "unknown": "UNKNOWN"},
  "upgrade": {"ios": "https://apps.example/ios"},
  "tracked_versions": ["5.0", "5.1"]
}"#;

#[test]
fn refuses_an_app_older_than_its_platforms_minimum() {
    let rows: &[(&str, &str, &str)] = &[
        ("ios", "5.0.0", "passes"),
        ("ios", "5", "passes"),
        ("ios", "4.9.9 (1234)", "client.outdated"),
        ("iOS", "4.9", "client.outdated"),
        ("android", "5.9.1", "client.outdated"),
        ("android", "5.10+build", "passes"),
        ("windows", "1.0", "passes"),
        ("ios", "banana", "passes"),
    ];
    let client = client(&POLICY.replace("UNKNOWN", "allow")).unwrap();
    for (platform, version, expected) in rows {
        let says = Says(vec![("x-platform", platform), ("x-version", version)]);
        let got = client.check(&says).map_or_else(|refusal| refusal.reason.code(), |_| "passes");
        assert_eq!(got, *expected, "{platform} {version}");
    }
    let refusal = client.check(&Says(vec![("x-platform", "ios"), ("x-version", "1.0")])).unwrap_err();
    assert_eq!(refusal.extra, Extra::Upgrade("https://apps.example/ios".into()));
}

#[test]
fn an_app_that_does_not_say_is_refused_where_the_policy_says_so() {
    let client = client(&POLICY.replace("UNKNOWN", "refuse")).unwrap();
    for says in [vec![], vec![("x-version", "9.0")], vec![("x-platform", "ios"), ("x-version", "five")]] {
        assert_eq!(client.check(&Says(says)).unwrap_err().reason, Reason::ClientUnknown);
    }
    let twice = Says(vec![("x-platform", "ios"), ("x-version", "9.0"), ("x-version", "1.0")]);
    assert_eq!(client.check(&twice).unwrap_err().reason, Reason::ClientAmbiguous);
}

#[test]
fn versions_become_labels_of_a_closed_set() {
    let client = client(&POLICY.replace("UNKNOWN", "allow")).unwrap();
    for (version, label) in [("5.0.7", "5.0"), ("5.1", "5.1"), ("5.2.0", "other"), ("4.9", "other")] {
        assert_eq!(client.version_label(Version::parse(version)), Some(label));
    }
    assert_eq!(client.version_label(None), Some("other"));
}

#[test]
fn says_aloud_whether_an_unknown_app_passes() {
    let faults =
        client(r#"{"platform": "header.p", "app_version": {"from": "header.v", "minimum": {"ios": 5.10}}}"#);
    assert_eq!(
        faults.unwrap_err(),
        [
            "app_version.minimum.ios: found the number 5.1, expected a string; quote it",
            "app_version: `unknown` must be written"
        ]
    );
}
