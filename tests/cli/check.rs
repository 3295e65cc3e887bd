use std::path::Path;

use serde_json::Value;
use serde_json::json;

use crate::folder;
use crate::portcullis;

/// Every folder of `cases` holds a `policy.yaml`, perhaps an `env.yaml`, and in `expected.txt` all that `check` prints.
#[test]
fn shows_all_problems_of_a_broken_policy_with_their_lines() {
    let mut cases: Vec<_> =
        std::fs::read_dir(folder("cases")).unwrap().map(|it| it.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 5, "found {} cases", cases.len());
    for case in cases {
        let env: &[&str] = if case.join("env.yaml").exists() { &["--env", "env.yaml"] } else { &[] };
        let run = portcullis(&case, &[&["check", "policy.yaml"], env].concat());
        let expected = std::fs::read_to_string(case.join("expected.txt")).unwrap();
        assert_eq!(run.out, expected, "{}", case.display());
        assert_eq!((run.code, run.err.as_str()), (1, ""), "{}", case.display());
    }
}

#[test]
fn a_good_policy_is_fine_and_is_called_by_its_digest() {
    let run = portcullis(&folder("good"), &["check", "policy.yaml"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    let digest = run.out.strip_prefix("policy.yaml: fine, digest ").unwrap().trim_end();
    assert!(digest.len() == 12 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
}

/// The folder's `expected.txt` is all that `check` prints.
#[test]
fn what_schemas_in_use_leave_without_bound_is_told_once_where_it_is_written() {
    let run = portcullis(&folder("findings"), &["check", "policy.yaml"]);
    let expected = std::fs::read_to_string(folder("findings").join("expected.txt")).unwrap();
    assert_eq!(run.out, expected);
    assert_eq!((run.code, run.err.as_str()), (3, ""));
    let json = portcullis(&folder("findings"), &["check", "policy.yaml", "--format", "json"]);
    let report: Value = serde_json::from_str(&json.out).unwrap();
    let at_text = report["findings"].as_array().unwrap().iter().find(|it| it["line"] == 4).unwrap();
    let place = [&at_text["file"], &at_text["at"], &at_text["kind"]];
    assert_eq!(place, ["schemas/note.json", "schemas.note.properties.text", "unbounded-string"]);
}

#[test]
fn the_sample_policy_has_nothing_to_find() {
    let run = portcullis(Path::new(env!("CARGO_MANIFEST_DIR")), &["check", "envoy/policy.yaml"]);
    assert!(run.out.starts_with("envoy/policy.yaml: fine, digest "), "{}", run.out);
    assert_eq!(run.code, 0);
}

#[test]
fn json_has_the_same_problems_in_a_stable_shape() {
    let run = portcullis(&folder("cases/schema"), &["check", "policy.yaml", "--format", "json"]);
    assert_eq!(run.code, 1);
    let report: Value = serde_json::from_str(&run.out).unwrap();
    assert_eq!(report["findings"], json!([]));
    assert_eq!(report["problems"].as_array().unwrap().len(), 5);
    let problem = json!({
        "file": "policy.yaml", "line": 8, "column": 17, "at": "schemas.five.file",
        "message": "found the number 5, expected a string; quote it",
    });
    assert_eq!(report["problems"][4], problem);
    let fine = portcullis(&folder("good"), &["check", "policy.yaml", "--format", "json"]);
    let fine: Value = serde_json::from_str(&fine.out).unwrap();
    assert_eq!(fine, json!({ "problems": [], "findings": [] }));
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem_like_others() {
    let run = portcullis(&folder("good"), &["check", "nowhere.yaml", "--env", "env/none.yaml"]);
    assert_eq!(run.code, 1);
    let expected = "nowhere.yaml:1: cannot be read: there is no file `nowhere.yaml`\n\n\
                    env/none.yaml:1: cannot be read: there is no file `env/none.yaml`\n\n\
                    nowhere.yaml: refused, 2 problems\n";
    assert_eq!(run.out, expected);
}

#[test]
fn a_wrong_command_line_exits_with_2_and_help_with_0() {
    for (arguments, code) in [
        (&["check"][..], 2),
        (&["chek", "policy.yaml"], 2),
        (&["check", "policy.yaml", "--format", "xml"], 2),
        (&["bundle", "policy.yaml", "--format", "ecds", "--vm-id", ""], 2),
        (&["--help"], 0),
        (&["bundle", "--help"], 0),
        (&["--version"], 0),
    ] {
        assert_eq!(portcullis(&folder("good"), arguments).code, code, "{arguments:?}");
    }
}
