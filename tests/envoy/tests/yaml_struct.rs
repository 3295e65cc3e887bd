//! Envoy's own YAML reader makes other values of some words than their author meant. What reaches the filter so is read
//! right, or refused with the hint.
#![cfg(test)]

use portcullis_envoy::{Gate, Recorder, Result, Verdict, enforcing};

/// What stands in the policy, and what the log says of it; nothing where it is read right.
const ROWS: [(&str, &str); 9] = [
    (r#"revision: "5.10""#, ""),
    ("revision: plain", ""),
    ("audit: { max_per_second: 50 }", ""),
    ("mode: off", "mode: found the boolean false, expected `disabled`, `shadow` or `enforce`; quote it"),
    // Its numbers with a point, and those above 32 bits, are strings.
    ("revision: 5.10", ""),
    ("transport: { min_tls: 1.2 }", ""),
    ("revision: y", "revision: found the boolean true, expected a string; quote it"),
    (
        "audit: { max_per_second: 3000000000 }",
        "audit.max_per_second: found the string `3000000000`, expected a whole number; write it without quotes",
    ),
    ("routing: { hosts: [NO] }", "routing.hosts[0]: found the boolean false, expected a string; quote it"),
];

#[test]
fn what_envoys_yaml_makes_of_a_policy_is_read_right_or_refused_with_the_hint() -> Result {
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    let gate = Gate::before(upstream.address()).in_yaml().policy(enforcing("first", "routes: []")).start()?;
    for (row, (written, told)) in ROWS.into_iter().enumerate() {
        let before = gate.log()?.len();
        let verdict =
            gate.push_struct(&format!("{{ version: 1, name: row-{row}, routes: [], {written} }}"))?;
        let log = gate.log()?;
        let new = log.get(before..).unwrap_or_default();
        let want = if told.is_empty() { Verdict::Accepted } else { Verdict::Refused };
        assert_eq!(verdict, want, "{written}: {new}");
        assert!(new.contains(told), "{written}: {new}");
        assert!(told.is_empty() || new.contains("quote"), "{written} without the hint: {new}");
    }
    Ok(())
}
