use super::*;
use crate::model::pointer::Pointer;
use std::time::Duration;

fn good() -> Value {
    definition(&mint::jwks(&["es", "rs", "ed"]))
}

/// The faults of one definition, `user`, with `patch` laid over.
fn faults(patch: Value) -> Vec<String> {
    compile(&json!({ "user": merged(good(), &patch) }), &[("WEAK", "too short"), ("STRONG", mint::SECRET)]).1
}

#[test]
fn what_a_definition_leaves_out_is_strict() {
    let (definitions, faults, remarks) = compile(&json!({ "user": good() }), &[]);
    assert_eq!((faults, remarks), (vec![], vec![]));
    let user = definitions.named("user").unwrap();
    assert_eq!((&*user.carrier.header, user.carrier.scheme.as_deref()), ("authorization", Some("bearer")));
    assert_eq!(user.types.as_deref(), Some(&[Box::from("at+jwt")][..]));
    assert_eq!(user.clock_skew, Duration::from_secs(30));
    assert_eq!((user.cache, user.keep, user.dpop), (4096, false, Dpop::Optional));
    assert_eq!(user.signatures, Signatures::Auto);
}

#[test]
fn everything_that_decides_security_must_be_written() {
    for field in ["issuer", "audience", "algorithms", "keys", "max_lifetime", "keep"] {
        assert_eq!(faults(json!({ field: null })), [format!("tokens.user: `{field}` must be written")]);
    }
}

#[test]
fn refuses_what_makes_no_definition() {
    let jwks = json!({ "url": "https://id.shop.example/jwks.json", "cluster": "idp" });
    let keys = |patch: Value| json!({ "keys": { "inline": null, "jwks": merged(jwks.clone(), &patch) } });
    let revocation = json!({ "url": "https://id.shop.example/r", "cluster": "idp", "on_error": "keep" });
    let revoking = |patch: Value| json!({ "revocation": merged(revocation.clone(), &patch) });
    let rows = [
        (json!({ "audiense": ["a"] }), "did you mean `audience`?"),
        (json!({ "issuer": "" }), "an empty string stands for nothing"),
        (json!({ "issuer": ["https://id.shop.example"] }), "found a list, expected a string"),
        (json!({ "audience": [] }), "an empty `audience` would accept no token"),
        (json!({ "audience": ["a", "any"] }), "`any` stands alone: `audience: any`"),
        (json!({ "audience": [5] }), "found the number 5, expected a string; quote it"),
        (json!({ "type": [] }), "an empty `type` would accept no token"),
        (json!({ "algorithms": [] }), "an empty `algorithms` would accept no token"),
        (json!({ "algorithms": "ES256" }), "expected a list"),
        (json!({ "algorithms": ["none"] }), "found `none`, expected `RS256`"),
        (json!({ "algorithms": ["es256"] }), "found `es256`"),
        (json!({ "algorithms": ["ES512"] }), "found `ES512`"),
        (json!({ "algorithms": ["ES256", "ES256"] }), "the algorithm `ES256` is given twice"),
        (json!({ "algorithms": ["ES256", "HS256"] }), "HS algorithms stand by themselves"),
        (json!({ "max_lifetime": "0s" }), "`0s` is out of range"),
        (json!({ "max_lifetime": 900 }), "expected a string; quote it"),
        (json!({ "clock_skew": "6m" }), "`6m` is out of range: from 0ms to 300s"),
        (json!({ "require": ["*"] }), "`*` is no claim"),
        (json!({ "require": ["/a/*"] }), "`*` names no one claim"),
        (json!({ "require": ["user.sub"] }), "`user.sub` is no claim"),
        (json!({ "claims": [{ "claim": "tenant" }] }), "write just one of `is`, `has` and `any`"),
        (json!({ "claims": [{ "is": "shop" }] }), "`claim` must be written"),
        (json!({ "keep": "no" }), "expected true or false"),
        (json!({ "cache": 65537 }), "a whole number from 0 to 65536"),
        (json!({ "signatures": "host" }), "expected `auto` or `wasm`"),
        (json!({ "proof_max_age": "0s" }), "from 1000ms to 600s"),
        (json!({ "proof_max_age": "11m" }), "from 1000ms to 600s"),
        (json!({ "dpop": "on" }), "found `on`"),
        (revoking(json!({ "url": "http://id.shop.example/r" })), "revocation feed URL"),
        (revoking(json!({ "on_error": null })), "`on_error` must be written"),
        (revoking(json!({ "on_error": "allow" })), "expected `keep` or `deny`"),
        (revoking(json!({ "on_error": "deny" })), "`on_error: deny` needs `max_stale`"),
        (revoking(json!({ "max_stale": "1m" })), "`on_error: keep` keeps the last feed however old it is"),
        (
            revoking(json!({ "on_error": "deny", "max_stale": "11s" })),
            "`max_stale` is under `refresh` and `timeout`",
        ),
        (revoking(json!({ "max_entries": 0 })), "a whole number from 1 to 500000"),
        (
            merged(revoking(json!({})), &json!({ "issuer": "any" })),
            "`revocation` cannot stand beside `issuer: any`",
        ),
        (
            merged(revoking(json!({})), &json!({ "max_lifetime": "any" })),
            "`revocation` cannot stand beside `max_lifetime: any`",
        ),
        (json!({ "in": { "header": "cookie" } }), "`cookie` has a meaning of its own already"),
        (json!({ "in": { "header": ":path" } }), "`:path` is no header name"),
        (json!({ "in": { "query": "access_token" } }), "unknown field `query`"),
        (json!({ "in": { "scheme": "Bearer x" } }), "`Bearer x` is no scheme"),
        (
            json!({ "forward": { "x-user-id": "user.sub", "x_user_id": "user.sub" } }),
            "the header `x_user_id` is given twice",
        ),
        (json!({ "forward": { "host": "user.sub" } }), "`host` has a meaning of its own already"),
        (json!({ "forward": { "Content-Length": "user.sub" } }), "`content-length` has a meaning"),
        (json!({ "forward": { "transfer_encoding": "user.sub" } }), "`transfer_encoding` has a meaning"),
        (json!({ "forward": { "x-forwarded-for": "user.sub" } }), "`x-forwarded-for` has a meaning"),
        (json!({ "forward": { "x-http-method-override": "user.sub" } }), "has a meaning of its own"),
        (json!({ "forward": { "authorization": "user.sub" } }), "`authorization` is for credentials"),
        (json!({ "forward": { ":path": "user.sub" } }), "`:path` is no header name"),
        (json!({ "forward": { "x-a": "header.x-b" } }), "only claims of this token"),
        (json!({ "forward": { "x-a": "user.sub|ip" } }), "only claims of this token"),
        (json!({ "forward": { "x-a": "usr.sub" } }), "there is no token called `usr`; did you mean `user`?"),
        (json!({ "keys": { "inline": null } }), "write just one of `jwks`, `inline` and `secret_env`"),
        (json!({ "keys": { "jwks": jwks } }), "write just one of `jwks`, `inline` and `secret_env`"),
        (json!({ "keys": { "inline": "{}" } }), "expected a JSON Web Key Set: a map"),
        (json!({ "keys": { "inline": { "keys": null } } }), "no JSON Web Key Set"),
        (json!({ "keys": { "inline": { "keys": [] } } }), "the key set is empty"),
        (keys(json!({ "url": "http://id.shop.example/jwks.json" })), "write it as https://host/path"),
        (keys(json!({ "url": "https://id.shop.example" })), "write it as https://host/path"),
        (keys(json!({ "url": "https://user@id.shop.example/" })), "write it as https://host/path"),
        (keys(json!({ "url": "https://id.shop.example/a b" })), "write it as https://host/path"),
        (keys(json!({ "url": "https://id.shop.example/a#b" })), "write it as https://host/path"),
        (keys(json!({ "cluster": "" })), "`cluster` is the host's name"),
        (keys(json!({ "cluster": null })), "`cluster` must be written"),
        (keys(json!({ "refresh": "0s" })), "`0s` is out of range"),
        (keys(json!({ "timeout": "31s" })), "`31s` is out of range"),
        (keys(json!({ "max_stale": "1m" })), "`max_stale` is under `refresh`"),
        (
            json!({ "keys": { "inline": null, "secret_env": "STRONG" } }),
            "`secret_env` serves HS algorithms only",
        ),
        (
            json!({ "algorithms": ["HS256"], "keys": { "inline": null, "jwks": jwks } }),
            "HS algorithms need a secret",
        ),
        (
            json!({ "algorithms": ["HS256"], "keys": { "inline": null, "secret_env": "MISSING" } }),
            "tokens.user.keys.secret_env: the variable is not set",
        ),
        (
            json!({ "algorithms": ["HS256"], "keys": { "inline": null, "secret_env": "WEAK" } }),
            "the variable's value is under 32 bytes",
        ),
        (json!({ "algorithms": ["HS256"] }), "the key set has no usable key"),
    ];
    for (patch, expected) in rows {
        let found = faults(patch.clone());
        assert!(found.len() == 1 && found[0].contains(expected), "{patch}: {found:?}");
    }
}

#[test]
fn no_message_shows_a_secret_or_a_key() {
    let secret = "hunter2-hunter2-hunter2";
    let rows = [
        json!({ "algorithms": ["HS256"], "keys": { "inline": null, "secret_env": secret } }),
        json!({ "algorithms": ["HS256"], "keys": { "inline": secret } }),
        json!({ "algorithms": ["HS256"], "keys": { "inline": { "keys": [{ "kty": "oct", "k": "aHVudGVyMg" }] } } }),
        json!({ "keys": { "inline": { "keys": [{ "kty": "EC", "crv": secret, "d": secret, "x": secret }] } } }),
    ];
    for row in rows {
        let found = faults(row.clone());
        assert!(!found.is_empty(), "{row}");
        assert!(
            !found.iter().any(|fault| fault.contains("hunter2") || fault.contains("aHVudGVyMg")),
            "{found:?}"
        );
    }
}

#[test]
fn any_is_said_aloud_and_remarked() {
    let tokens = json!({ "user": merged(good(), &json!({
        "issuer": "any", "audience": "any", "type": "any", "max_lifetime": "any",
    })) });
    let (definitions, faults, remarks) = compile(&tokens, &[]);
    assert_eq!(faults, [""; 0]);
    let user = definitions.get(0).unwrap();
    assert!(user.issuer.is_none() && user.audience.is_none() && user.types.is_none());
    assert!(user.max_lifetime.is_none());
    for kind in ["[issuer-any]", "[audience-any]", "[type-any]", "[lifetime-any]"] {
        assert!(remarks.iter().any(|remark| remark.ends_with(kind)), "{kind}: {remarks:?}");
    }
}

#[test]
fn a_secret_comes_from_the_environment_and_check_can_do_without() {
    let tokens = json!({ "user": merged(good(), &json!({
        "algorithms": ["HS256"], "keys": { "inline": null, "secret_env": "KEY" },
    })) });
    assert_eq!(compile(&tokens, &[("KEY", mint::SECRET)]).1, [""; 0]);
    assert_eq!(compile(&tokens, &[]).1, ["tokens.user.keys.secret_env: the variable is not set"]);

    let problems = Problems::default();
    let node = Node::from_json(tokens.to_string().as_bytes(), &problems).unwrap();
    let definitions = Definitions::compile(&node, Secrets::if_there(&|_| None), &problems);
    assert!(problems.none() && definitions.named("user").is_some());
    assert!(Keys::new(&definitions, None).current(0, at(0)).is_none());
}

#[test]
fn a_fetched_key_set_has_its_defaults() {
    let tokens = json!({ "user": merged(good(), &json!({
        "keys": { "inline": null, "jwks": { "url": "https://id.shop.example:8443/keys?v=1", "cluster": "idp" } },
    })) });
    let (definitions, faults, _) = compile(&tokens, &[]);
    assert_eq!(faults, [""; 0]);
    let jwks = definitions.get(0).unwrap().jwks().unwrap();
    let source = &jwks.source;
    assert_eq!(
        (&*source.cluster, &*source.authority, &*source.path),
        ("idp", "id.shop.example:8443", "/keys?v=1")
    );
    let seconds = [source.refresh, source.timeout, jwks.max_stale].map(|span| span.as_secs());
    assert_eq!(seconds, [300, 2, 86_400]);
}

#[test]
fn a_name_must_not_be_a_word_of_the_notation() {
    for name in ["ip", "path", "body", "client", "none", "any", "optional", "User", "a.b", ""] {
        let faults = compile(&json!({ name: good() }), &[]).1;
        assert_eq!(faults.len(), 1, "{name}: {faults:?}");
    }
}

#[test]
fn two_definitions_that_one_token_would_satisfy_are_refused() {
    let rows = [
        ("the same twice", json!({}), json!({}), true),
        ("another issuer", json!({}), json!({ "issuer": "https://other.example" }), false),
        ("any issuer covers all", json!({}), json!({ "issuer": "any" }), true),
        ("another audience", json!({}), json!({ "audience": "other" }), false),
        ("audiences overlap", json!({}), json!({ "audience": ["other", "shop-mobile-api"] }), true),
        ("another type", json!({}), json!({ "type": "JWT" }), false),
        ("the same type in another spelling", json!({}), json!({ "type": "application/AT+JWT" }), true),
        ("other algorithms", json!({ "algorithms": ["ES256"] }), json!({ "algorithms": ["RS256"] }), false),
        ("algorithms overlap", json!({}), json!({ "algorithms": ["RS256"] }), true),
        ("another header is no difference", json!({}), json!({ "in": { "header": "x-app" } }), true),
        (
            "claims that exclude each other",
            json!({}),
            json!({ "claims": [{ "claim": "tenant", "is": "other" }] }),
            false,
        ),
        (
            "one of several, ours not among them",
            json!({}),
            json!({ "claims": [{ "claim": "tenant", "any": ["a", "b"] }] }),
            false,
        ),
        (
            "one of several, ours among them",
            json!({}),
            json!({ "claims": [{ "claim": "tenant", "any": ["a", "shop"] }] }),
            true,
        ),
        (
            "a list may have both",
            json!({ "claims": [{ "claim": "groups", "has": "a" }] }),
            json!({ "claims": [{ "claim": "groups", "has": "b" }] }),
            true,
        ),
        (
            "conditions on different claims",
            json!({}),
            json!({ "claims": [{ "claim": "plan", "is": "gold" }] }),
            true,
        ),
        ("what one requires is no difference", json!({}), json!({ "require": ["sid"] }), true),
    ];
    for (row, a, b, refused) in rows {
        let tokens = json!({ "one": merged(good(), &a), "two": merged(good(), &b) });
        let faults = compile(&tokens, &[]).1;
        let expected = "tokens.two: one token would satisfy both `one` and `two`";
        assert_eq!(faults.iter().any(|fault| fault.starts_with(expected)), refused, "{row}: {faults:?}");
        assert_eq!(faults.len(), usize::from(refused), "{row}: {faults:?}");
    }
}

#[test]
fn no_token_stands_in_a_header_that_a_forward_sets() {
    let tokens = json!({
        "user": merged(good(), &json!({ "forward": { "X-App_Token": "user.sub" } })),
        "app": merged(good(), &json!({ "issuer": "https://a.example", "in": { "header": "x-app-token" } })),
    });
    let faults = compile(&tokens, &[]).1;
    assert_eq!(faults, ["tokens: `app` stands in `x-app-token`, which a `forward` sets"]);
}

#[test]
fn knows_which_claims_every_token_has() {
    let (definitions, ..) = compile(&json!({ "user": good() }), &[]);
    let user = definitions.get(0).unwrap();
    for (claim, always) in [
        ("sub", true),
        ("jti", true),
        ("tenant", true),
        ("iss", true),
        ("aud", true),
        ("exp", true),
        ("iat", true),
        ("nbf", false),
        ("plan", false),
        ("email", false),
    ] {
        assert_eq!(user.always_has(&Pointer::member(claim)), always, "{claim}");
    }
    let lax = json!({ "issuer": "any", "audience": "any", "max_lifetime": "any" });
    let (definitions, ..) = compile(&json!({ "user": merged(good(), &lax) }), &[]);
    let user = definitions.get(0).unwrap();
    for claim in ["iss", "aud", "iat"] {
        assert!(!user.always_has(&Pointer::member(claim)), "{claim}");
    }
}
