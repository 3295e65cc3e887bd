//! README's examples and links.

use std::path::Path;
use std::process::Command;
use std::process::Output;

use crate::policy::file;
use crate::readme;

fn portcullis(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_portcullis")).args(arguments).output().unwrap()
}

/// Checks a policy, which must be good; findings are welcome.
fn check(policy: &Path, more: &[&str]) {
    let run = portcullis(&[&["check", policy.to_str().unwrap()], more].concat());
    let said = String::from_utf8_lossy(&run.stdout);
    assert!(matches!(run.status.code(), Some(0 | 3)), "{said}");
}

#[test]
fn every_example_of_a_policy_is_good() {
    for (at, text) in readme::examples("policy").iter().enumerate() {
        check(&file(&format!("policy-{at}.yaml"), text), &[]);
    }
}

#[test]
fn the_policy_of_ten_lines_has_ten_lines() {
    let [first, ..] = &readme::examples("policy")[..] else { panic!("there is none") };
    assert_eq!(first.lines().count(), 10);
}

#[test]
fn every_change_to_the_policy_of_ten_lines_makes_a_good_one() {
    let [first, ..] = &readme::examples("policy")[..] else { panic!("there is none") };
    let policy = file("policy-to-change.yaml", first);
    for (at, text) in readme::examples("patch").iter().enumerate() {
        let patch = file(&format!("patch-{at}.yaml"), text);
        check(&policy, &["--env", patch.to_str().unwrap()]);
    }
}

/// It is read whole before the gate is asked, and at this gate nobody answers.
#[test]
fn every_file_of_accounts_can_be_read() {
    let [first, ..] = &readme::examples("policy")[..] else { panic!("there is none") };
    let policy = file("policy-of-accounts.yaml", first);
    for text in readme::examples("accounts") {
        let accounts = file("accounts.yaml", &text);
        file("bob.jwt", "e30.e30.e30");
        let run = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .args(["crosscheck", "--gate", "https://api.example", "--connect", "127.0.0.1:9", "--accounts"])
            .args([&accounts, &policy])
            .env("ALICE_TOKEN", "e30.e30.e30")
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&run.stderr);
        assert!(told.is_empty() || told.starts_with("https://api.example: "), "{told}");
    }
}

#[test]
fn no_example_of_yaml_is_left_unchecked() {
    let fences = readme::text().matches("\n```yaml").count();
    let checked = ["policy", "patch", "accounts"].map(|kind| readme::examples(kind).len());
    assert_eq!(fences, checked.iter().sum::<usize>());
}

#[test]
fn every_link_leads_somewhere() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for page in ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"] {
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        for link in readme::links(&text) {
            let (file, anchor) =
                link.split_once('#').map_or((link, None), |(file, anchor)| (file, Some(anchor)));
            let file = root.join(if file.is_empty() { page } else { file });
            assert!(file.exists(), "{page}: {link}");
            let anchors = readme::anchors(&std::fs::read_to_string(&file).unwrap());
            assert!(
                anchor.is_none_or(|anchor| anchors.iter().any(|known| known == anchor)),
                "{page}: {link}"
            );
        }
    }
}

#[test]
fn the_exit_codes_are_those_that_the_program_gives() {
    let good = file("exit-good.yaml", "version: 1\nname: good\nroutes: []\n");
    let bad = file("exit-bad.yaml", "version: 2\nname: bad\nroutes: []\n");
    let limit = "limits: { spare: { key: [route], rate: 1/1m } }";
    let finding = file("exit-finding.yaml", &format!("version: 1\nname: good\nroutes: []\n{limit}\n"));
    let run = |policy: &Path| portcullis(&["check", policy.to_str().unwrap()]).status.code().unwrap();
    let usage = portcullis(&["chek"]).status.code().unwrap();
    let user = "{ issuer: any, audience: any, algorithms: [ES256], max_lifetime: any, keep: false, keys: { jwks: { url: \"https://i.example/k\", cluster: i } } }";
    let tokens = format!("version: 1\nname: good\nroutes: []\ntokens: {{ user: {user} }}\n");
    let tokens = file("exit-token.yaml", &tokens);
    let inspected = portcullis(&["token", "inspect", "a.b.c", "--policy", tokens.to_str().unwrap()]);
    let refused = inspected.status.code().unwrap();
    let given = [run(&good), run(&bad), usage, run(&finding), refused].map(|code| code.to_string());
    assert_eq!(readme::column("exits"), given);
}
