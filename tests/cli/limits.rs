use crate::folder;
use crate::portcullis;

#[test]
fn a_services_own_configuration_is_printed_for_all_global_limits() {
    for (format, code) in [("limitador", 0), ("lyft", 3)] {
        let run = portcullis(&folder("limits"), &["limits", "policy.yaml", "--format", format]);
        let expected = std::fs::read_to_string(folder("limits").join(format!("{format}.yaml"))).unwrap();
        assert_eq!((run.code, run.err.as_str(), run.out), (code, "", expected), "{format}");
    }
}

#[test]
fn a_policy_without_global_limits_has_nothing_to_print() {
    let run = portcullis(&folder("good"), &["limits", "policy.yaml", "--format", "lyft"]);
    assert_eq!((run.code, run.err.as_str()), (0, ""));
    assert!(run.out.starts_with("# ") && run.out.ends_with("has no `rate_limit_service`.\n"), "{}", run.out);
}

#[test]
fn a_policy_that_is_refused_prints_its_problems_and_no_configuration() {
    let run = portcullis(&folder("cases/traps"), &["limits", "policy.yaml", "--format", "limitador"]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert!(run.err.contains("policy.yaml:"), "{}", run.err);
}
