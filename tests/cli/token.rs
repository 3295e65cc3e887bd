use std::io::Write;
use std::process::Command;
use std::process::Stdio;

use crate::folder;
use crate::portcullis;

/// A token as `token mint` prints it, for an hour of which the tests know.
fn mint(arguments: &[String]) -> String {
    let always = ["token", "mint", "--policy=policy.yaml", "--at=2027-01-15T08:00:00Z", "--claim=jti=t1"];
    let all: Vec<&str> = always.into_iter().chain(arguments.iter().map(String::as_str)).collect();
    let run = portcullis(&folder("token"), &all);
    assert_eq!((run.code, run.err.as_str()), (0, ""), "{arguments:?}");
    run.out
}

/// Runs `token inspect -` with the token on standard input; what it prints, and its exit code.
fn inspect(arguments: &[String], token: &str) -> String {
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["token", "inspect", "-", "--policy=policy.yaml"])
        .args(arguments)
        .current_dir(folder("token"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(token.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    format!("{}exit {}\n", String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// Every file of `token/cases` holds the arguments of `mint` and of `inspect`, a JSON list each, and what comes of them.
#[test]
fn says_at_which_step_a_token_fails_and_prints_no_secret() {
    let mut cases: Vec<_> =
        std::fs::read_dir(folder("token/cases")).unwrap().map(|it| it.unwrap().path()).collect();
    cases.sort();
    assert!(cases.len() >= 15, "found {} cases", cases.len());
    for case in cases {
        let text = std::fs::read_to_string(&case).unwrap();
        let mut parts = text.splitn(3, '\n');
        let mut list = || -> Vec<String> { serde_json::from_str(parts.next().unwrap_or_default()).unwrap() };
        let (minted, inspected) = (list(), list());
        let token = mint(&minted);
        let printed = inspect(&inspected, &token);
        assert_eq!(printed, parts.next().unwrap(), "{}", case.display());
        for secret in token.trim().split('.').chain(["a secret tenant", "a@shop.example"]) {
            assert!(!printed.contains(secret), "{}: {secret}", case.display());
        }
    }
}

#[test]
fn a_key_is_its_owner_s_alone_and_stays_unless_it_is_to_be_replaced() {
    let place = std::env::temp_dir().join(format!("portcullis-token-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    for alg in ["ES256", "ES384", "EdDSA", "HS256"] {
        let file = format!("{alg}.json");
        let key = |more: &[&str]| {
            portcullis(&place, &[&["token", "key", &file, "--alg", alg, "--kid", "k"], more].concat())
        };
        let made = key(&[]);
        assert_eq!((made.code, made.err.as_str()), (0, ""), "{alg}");
        assert_eq!(made.out, format!("{file}: a private key for {alg} called `k`; keep it to yourself\n"));
        let first = std::fs::read_to_string(place.join(&file)).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(place.join(&file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{alg}");
        }
        let again = key(&[]);
        let there = format!("{file}: is there already; --replace writes a new key over it\n");
        assert_eq!((again.code, again.out, again.err), (1, String::new(), there));
        assert_eq!(std::fs::read_to_string(place.join(&file)).unwrap(), first, "{alg}");
        assert_eq!(key(&["--replace"]).code, 0, "{alg}");
        assert_ne!(std::fs::read_to_string(place.join(&file)).unwrap(), first, "{alg}");

        // A token of it is good to a policy that has what `jwks` prints, and nothing private is printed.
        let jwks = portcullis(&place, &["token", "jwks", &file]);
        if alg == "HS256" {
            let refused =
                format!("{file}: a secret has no public half; whoever verifies needs the file itself\n");
            assert_eq!((jwks.code, jwks.out, jwks.err), (1, String::new(), refused));
            continue;
        }
        assert_eq!(jwks.code, 0, "{alg}: {}", jwks.err);
        let set: serde_json::Value = serde_json::from_str(&jwks.out).unwrap();
        assert!(set["keys"][0].get("d").is_none() && set["keys"][0]["alg"] == alg, "{alg}: {set}");
        let policy = format!(
            "{{ version: 1, name: p, routes: [], tokens: {{ user: {{ issuer: \"https://i.example\", audience: [a],
               algorithms: [{alg}], max_lifetime: 5m, require: [sub], keep: false, keys: {{ inline: {set} }} }} }} }}"
        );
        std::fs::write(place.join("policy.yaml"), policy).unwrap();
        let token = portcullis(&place, &["token", "mint", "--key", &file, "--policy", "policy.yaml"]);
        assert_eq!((token.code, token.err.as_str()), (0, ""), "{alg}");
        let seen = portcullis(&place, &["token", "inspect", token.out.trim(), "--policy", "policy.yaml"]);
        assert_eq!(seen.code, 0, "{alg}: {}", seen.out);
    }
    std::fs::remove_dir_all(&place).unwrap();
}

#[test]
fn what_cannot_be_done_says_why() {
    for (arguments, code, why) in [
        (
            &["jwks", "jwks.json"][..],
            1,
            "jwks.json: the key must say its `alg`, one of those that a policy may list\n",
        ),
        (&["jwks", "none.json"], 1, "none.json: cannot be read: entity not found\n"),
        (&["jwks", "policy.yaml"], 1, "policy.yaml: this is no JSON Web Key\n"),
        (&["inspect", "a.b.c"], 1, "say with --policy which policy it is held to\n"),
        (
            &["inspect", "a.b.c", "--policy", "policy.yaml", "--token", "app"],
            1,
            "the policy has no token `app`; it has: user\n",
        ),
        (
            &["inspect", "a.b.c", "--policy", "policy.yaml", "--jwks", "policy.yaml"],
            1,
            "policy.yaml: this is no JSON Web Key Set: an object with a list `keys`, no name twice\n",
        ),
        (
            &["mint", "--key", "jwks.json"],
            1,
            "jwks.json: the key must say its `alg`, one of those that a policy may list\n",
        ),
    ] {
        let run = portcullis(&folder("token"), &[&["token"], arguments].concat());
        assert_eq!((run.code, run.out.as_str(), run.err.as_str()), (code, "", why), "{arguments:?}");
    }
    for arguments in [
        &["token"][..],
        &["token", "key", "x.json", "--alg", "none"],
        &["token", "mint", "--key", "key.json", "--claim", "x"],
        &["token", "inspect", "a.b.c", "--policy", "policy.yaml", "--at", "soon"],
    ] {
        assert_eq!(portcullis(&folder("token"), arguments).code, 2, "{arguments:?}");
    }
}
