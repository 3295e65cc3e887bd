use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use serde_json::json;

use crate::folder;
use crate::portcullis;

const POLICY: &str = concat!(
    r#"{"version":1,"name":"shop","mode":"enforce","tokens":{"user":{"issuer":"https://id.shop.example","#,
    r#""audience":["shop-mobile-api"],"algorithms":["HS256"],"keys":{"secret_env":"SHOP_TOKEN_KEY"},"#,
    r#""max_lifetime":"15m","keep":false}},"schemas":{"login":{"type":"object","additionalProperties":false,"required":["email"],"#,
    r#""properties":{"email":{"type":"string","maxLength":254}}},"order":{"type":"object","#,
    r#""additionalProperties":false,"properties":{"id":{"type":"string","pattern":"^[0-9]{1,9}$"},"#,
    r#""ok":{"enum":["yes","no","off"]}}}},"routes":[{"name":"login","match":{"method":"POST","path":"/v1/login"},"#,
    r#""tokens":"none","request":{"schema":"login"}},{"name":"orders.list","match":{"method":"GET","#,
    r#""path":"/v1/orders"},"tokens":["user"],"access":"authenticated","response":{"schema":"order"}},"#,
    r#"{"name":"health","match":{"method":"GET","path":"/health"},"tokens":"none"}]}"#,
);

fn bundle(arguments: &[&str]) -> String {
    let run = portcullis(&folder("good"), &[&["bundle", "policy.yaml"], arguments].concat());
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
    run.out
}

/// A fresh folder for a test's output.
fn scratch(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    drop(fs::remove_dir_all(&folder));
    fs::create_dir_all(&folder).unwrap();
    folder
}

#[test]
fn puts_included_routes_behind_the_own_ones_and_files_where_they_are_named() {
    assert_eq!(bundle(&["--format", "policy"]), format!("{POLICY}\n"));
}

#[test]
fn prints_one_json_string_that_yaml_reads_too() {
    let text = bundle(&[]);
    assert_eq!(text.lines().count(), 1);
    let policy: String = serde_json::from_str(&text).unwrap();
    assert_eq!(policy, POLICY);
}

#[test]
fn an_environment_replaces_deletes_and_keeps() {
    let policy: Value =
        serde_json::from_str(&bundle(&["--env", "env/prod.yaml", "--format", "policy"])).unwrap();
    assert_eq!(policy.get("mode"), None);
    assert_eq!(policy["modes"], json!({ "limits": "shadow" }));
    assert_eq!(policy["tokens"]["user"]["issuer"], "https://id.prod.example");
    assert_eq!(policy["tokens"]["user"]["max_lifetime"], "15m");
    assert_eq!(
        policy["schemas"]["login"], policy["schemas"]["order"],
        "a path is relative to the file that names it"
    );
    assert_eq!(policy["routes"].as_array().unwrap().len(), 3);
}

#[test]
fn ecds_is_a_discovery_response_that_hands_on_the_named_secrets() {
    let text = bundle(&["--format", "ecds", "--module", "/m.wasm", "--vm-id", "shop-vm", "--name", "gate"]);
    let digest = portcullis(&folder("good"), &["check", "policy.yaml"]).out;
    let response: Value = serde_json::from_str(&text).unwrap();
    assert!(digest.trim_end().ends_with(response["version_info"].as_str().unwrap()), "{digest}");
    let expected = json!([{
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": "gate",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": "gate",
                "root_id": "gate",
                "vm_config": {
                    "vm_id": "shop-vm",
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": "/m.wasm" } },
                    "environment_variables": { "host_env_keys": ["SHOP_TOKEN_KEY"] },
                },
                "allow_on_headers_stop_iteration": true,
                "failure_policy": "FAIL_RELOAD",
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": POLICY,
                },
            },
        },
    }]);
    assert_eq!(response["resources"], expected);
}

#[test]
fn is_the_same_every_time() {
    for format in ["string", "policy", "ecds"] {
        assert_eq!(bundle(&["--format", format]), bundle(&["--format", format]), "{format}");
    }
}

#[test]
fn replaces_its_output_by_one_rename() {
    let folder = scratch("replaces");
    let file = folder.join("policy.json");
    fs::write(&file, "the last one").unwrap();
    // Whoever has the old file open keeps it whole: it is replaced, not written over.
    let before = fs::File::open(&file).unwrap();
    let printed = bundle(&["--format", "ecds", "--output", file.to_str().unwrap()]);
    assert_eq!(printed, "");
    assert_eq!(fs::read_to_string(&file).unwrap(), bundle(&["--format", "ecds"]));
    assert_eq!(std::io::read_to_string(before).unwrap(), "the last one");
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "nothing is left beside it");
}

#[test]
fn a_refused_policy_leaves_the_old_output_and_says_why() {
    let file = scratch("refused").join("policy.json");
    fs::write(&file, "the last one").unwrap();
    let case = folder("cases/traps");
    let run = portcullis(&case, &["bundle", "policy.yaml", "--output", file.to_str().unwrap()]);
    assert_eq!((run.code, run.out.as_str()), (1, ""));
    assert_eq!(run.err, fs::read_to_string(case.join("expected.txt")).unwrap());
    assert_eq!(fs::read_to_string(&file).unwrap(), "the last one");
}

#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let file = scratch("unwritable").join("none/policy.json");
    let run = portcullis(&folder("good"), &["bundle", "policy.yaml", "--output", file.to_str().unwrap()]);
    assert_eq!(run.code, 1);
    assert!(run.err.contains("cannot be written: "), "{}", run.err);
}
