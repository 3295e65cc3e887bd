use crate::folder;
use crate::portcullis;

#[test]
fn a_contract_becomes_a_policy_that_leaves_to_people_what_is_theirs() {
    let run = portcullis(&folder("import"), &["import", "contract.yaml"]);
    let expected = std::fs::read_to_string(folder("import/expected.yaml")).unwrap();
    assert_eq!(run.out, expected);
    let told = [
        "contract.yaml#/servers/1: only the first server's path `/api/v2` is put in front",
        "contract.yaml#/paths/~1things~1{thingId}/trace: TRACE has no route",
        "contract.yaml#/paths/~1things~1{thingId}/get/parameters/3: parameters of kind `cookie` are not judged",
        "contract.yaml#/paths/~1things~1{thingId}.json/get: no route: a parameter must be a whole segment of the path",
        "6 routes in 3 groups; 18 lines to decide",
    ];
    assert_eq!(run.err.lines().collect::<Vec<_>>(), told);
    assert_eq!(run.code, 3);
}

#[test]
fn an_imported_policy_is_refused_until_somebody_has_decided() {
    let scratch = tempfile::tempdir().unwrap();
    let import = ["import", folder("import/contract.yaml").to_str().unwrap(), "--output", "policy.yaml"]
        .map(str::to_owned);
    let import: Vec<&str> = import.iter().map(String::as_str).collect();
    assert_eq!(portcullis(scratch.path(), &import).code, 3);
    let check = portcullis(scratch.path(), &["check", "policy.yaml"]);
    assert_eq!(check.code, 1);
    for open in ["issuer", "audience", "max_lifetime", "`path.thingId`", "tokens"] {
        assert!(check.out.contains(open), "{open}: {}", check.out);
    }
}

#[test]
fn what_is_no_contract_is_said_in_one_line() {
    let run = portcullis(&folder("import"), &["import", "parts.yaml"]);
    let told = "parts.yaml: it is no OpenAPI document of 3.0 or 3.1: `openapi` does not say so\n";
    assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (1, "", told));
    let run = portcullis(&folder("import"), &["import", "nowhere.yaml"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
}
