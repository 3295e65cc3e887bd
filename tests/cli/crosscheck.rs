use std::fs;

use crate::folder;
use crate::portcullis;

const POLICY: &str = r#"
version: 1
name: shop
tokens:
  user: { issuer: "https://id.example", audience: [api], algorithms: [ES256], max_lifetime: 15m, require: [sub], keep: false,
          keys: { jwks: { url: "https://id.example/jwks.json", cluster: idp } } }
routes:
  - { name: users.get, match: { method: GET, path: "/users/{id}" }, tokens: [user],
      access: { owner: { value: path.id, is: user.sub } } }
"#;

/// Runs it with this file of accounts against a gate that nobody serves.
fn run(accounts: &str) -> crate::Run {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("policy.yaml"), POLICY).unwrap();
    fs::write(scratch.path().join("accounts.yaml"), accounts).unwrap();
    fs::write(scratch.path().join("token"), "e30.eyJzdWIiOiI0MiJ9.e30").unwrap();
    let gate = ["--gate", "https://api.example", "--connect", "127.0.0.1:9", "--accounts", "accounts.yaml"];
    portcullis(scratch.path(), &[&["crosscheck", "policy.yaml"], &gate[..]].concat())
}

#[test]
fn says_all_that_is_wrong_with_a_file_of_accounts() {
    let run = run(
        "accounts:\n  alice: { tokens: { usr: { file: token } } }\n  bob: { tokens: { user: \"e30.e30.e30\" } }\n",
    );
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    for told in ["usr", "`user`", "a token does not stand here", "write two accounts"] {
        assert!(run.err.contains(told), "{told}: {}", run.err);
    }
    assert!(!run.err.contains("e30.e30"), "{}", run.err);
}

#[test]
fn says_that_a_gate_does_not_answer() {
    let accounts =
        "accounts: { a: { tokens: { user: { file: token } } }, b: { tokens: { user: { file: token } } } }\n";
    let run = run(accounts);
    assert_eq!((run.code, run.out.as_str()), (1, ""), "{}", run.err);
    assert!(run.err.starts_with("https://api.example: "), "{}", run.err);
}

#[test]
fn tries_nothing_under_a_policy_that_is_refused() {
    let gate = ["--gate", "https://api.example", "--accounts", "nowhere.yaml"];
    let arguments = [&["crosscheck", "policy.yaml"], &gate[..]].concat();
    assert_eq!(portcullis(&folder("cases/traps"), &arguments).code, 1);
}
