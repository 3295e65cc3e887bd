use super::*;

/// By index `app`, `app-id`, `lax`, `staff`, `user`. `user` and `staff` share the header, with issuers of their own; `app` stands in another; `lax` takes any issuer.
fn tokens() -> Value {
    let good = definition(&mint::jwks(&["es"]));
    let of = |patch: Value| merged(merged(good.clone(), &json!({ "algorithms": ["ES256"] })), &patch);
    json!({
        "user": of(json!({ "forward": { "x-user-id": "user.sub" } })),
        "staff": of(json!({ "issuer": "https://staff.example", "forward": { "x-user-id": "staff.sub" } })),
        "app": of(json!({ "issuer": "https://app.example", "in": { "header": "x-app" }, "require": [] })),
        "app-id": of(json!({ "issuer": "https://app2.example", "in": { "header": "x-app-2" }, "forward": { "x_user_id": "app-id.sub" } })),
        "lax": of(json!({ "issuer": "any", "audience": "lax" })),
    })
}

#[test]
fn reads_what_a_route_demands() {
    let (definitions, faults, _) = compile(&tokens(), &[]);
    assert_eq!(faults, [""; 0]);
    let entry = |tokens: &[usize], optional| Entry { tokens: tokens.into(), optional };
    let rows = [
        (json!("none"), vec![]),
        (json!(["user"]), vec![entry(&[4], false)]),
        (json!(["user", "app"]), vec![entry(&[4], false), entry(&[0], false)]),
        (json!([{ "any": ["user", "staff"] }]), vec![entry(&[4, 3], false)]),
        (json!([{ "optional": "user" }]), vec![entry(&[4], true)]),
        (
            json!(["app", { "optional": { "any": ["staff", "user"] } }]),
            vec![entry(&[0], false), entry(&[3, 4], true)],
        ),
    ];
    for (written, expected) in rows {
        let (demand, faults) = compile_demand(&written, &definitions);
        assert_eq!(faults, [""; 0], "{written}");
        assert_eq!(demand.unwrap().entries(), expected, "{written}");
    }
}

#[test]
fn refuses_what_is_no_demand() {
    let (definitions, ..) = compile(&tokens(), &[]);
    let rows = [
        (json!([]), "an empty list demands nothing; say `none`"),
        (json!("user"), "expected `none` or a list such as [user]"),
        (json!(null), "expected `none` or a list such as [user]"),
        (json!({ "any": ["user"] }), "expected `none` or a list such as [user]"),
        (json!(["none"]), "there is no token called `none`"),
        (json!(["usr"]), "there is no token called `usr`; did you mean `user`?"),
        (json!([5]), "expected a string"),
        (json!([{}]), "`any` must be written"),
        (json!([{ "any": [] }]), "an empty `any` would never hold"),
        (json!([{ "any": "user" }]), "expected a list"),
        (json!([{ "any": ["user"], "all": [] }]), "unknown field `all`"),
        (json!([{ "optional": "user", "any": ["staff"] }]), "unknown field `any`"),
        (json!([{ "optional": { "optional": "user" } }]), "unknown field `optional`"),
        (json!(["user", "user"]), "the token `user` is given twice"),
        (json!([{ "any": ["user", "user"] }]), "the token `user` is given twice"),
        (json!(["user", { "optional": "user" }]), "the token `user` is given twice"),
        (json!(["user", "staff"]), "stand in the same header"),
        (json!(["user", { "optional": "staff" }]), "stand in the same header"),
        (json!([{ "any": ["user", "lax"] }]), "`any` picks by the exact issuer"),
        (json!(["user", "app-id"]), "both forward `x-user-id`"),
    ];
    for (written, expected) in rows {
        let (_, faults) = compile_demand(&written, &definitions);
        assert!(faults.iter().any(|fault| fault.contains(expected)), "{written}: {faults:?}");
    }
}

#[test]
fn knows_which_tokens_every_caller_has_brought() {
    let (definitions, ..) = compile(&tokens(), &[]);
    let rows: [(Value, &[&str], bool); 7] = [
        (json!(["user"]), &["user"], true),
        (json!(["user"]), &["app"], false),
        (json!(["user", "app"]), &["app"], true),
        (json!([{ "optional": "user" }]), &["user"], false),
        (json!([{ "any": ["user", "staff"] }]), &["user"], false),
        (json!([{ "any": ["user", "staff"] }]), &["user", "staff"], true),
        (json!("none"), &["user"], false),
    ];
    for (written, names, sure) in rows {
        let demand = compile_demand(&written, &definitions).0.unwrap();
        let index =
            |name: &&str| definitions.names().iter().position(|known| known.as_str() == *name).unwrap();
        let tokens: Vec<usize> = names.iter().map(index).collect();
        assert_eq!(demand.sure_of(&tokens), sure, "{written} {names:?}");
    }
}
