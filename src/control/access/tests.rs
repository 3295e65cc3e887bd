mod shown;

use std::collections::HashMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use super::*;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::name::Name;

/// A request's values by their notation, and one token's claims.
struct Request {
    values: HashMap<String, Vec<u8>>,
    claims: Option<Claims>,
}

impl Sight for Request {
    fn see(&self, source: &Source) -> Seen<'_> {
        let name = match source {
            Source::Claim(it) => {
                return self
                    .claims
                    .as_ref()
                    .and_then(|claims| claims.get(&it.claim))
                    .map_or(Seen::Missing, Seen::Json);
            }
            Source::Path(name) => format!("path.{name}"),
            Source::Query(name) => format!("query.{name}"),
            Source::Header(name) => format!("header.{name}"),
            _ => return Seen::Missing,
        };
        match self.values.get(&name) {
            Some(value) if value == b"TWICE" => Seen::Ambiguous,
            Some(value) => Seen::Bytes(value.as_slice().into()),
            None => Seen::Missing,
        }
    }
}

fn access(text: &str) -> Result<Access, String> {
    let problems = Problems::default();
    let node = Node::from_json(text.as_bytes(), &problems).unwrap();
    let tokens: Vec<Name> = ["user", "app"].iter().map(|name| name.parse().unwrap()).collect();
    let around = Surroundings {
        tokens: &tokens,
        demanded: &[0],
        parameters: &["user_id"],
        all_parameters: &["user_id"],
    };
    let access = Access::compile(&node, around, &problems);
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    if faults.is_empty() { Ok(access.unwrap()) } else { Err(faults.join("\n")) }
}

fn claims(value: Value) -> Claims {
    let Value::Object(map) = value else { panic!("an object") };
    Claims::new(map)
}

fn request(claims_value: Value, values: &[(&str, &str)]) -> Request {
    let values = values.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    Request { values, claims: Some(claims(claims_value)) }
}

fn code<T>(got: Result<T, Refusal>) -> &'static str {
    got.map_or_else(|refusal| refusal.reason.code(), |_| "passes")
}

#[test]
fn an_id_must_equal_the_callers_claim_in_the_form_that_the_policy_names() {
    let rows: &[(&str, Value, &str, &str)] = &[
        ("string", json!("alice"), "alice", "passes"),
        ("string", json!("alice"), "xalice", "access.foreign"),
        ("string", json!("alice"), "Alice", "access.foreign"),
        ("string", json!("alice"), "alice ", "access.foreign"),
        ("string", json!("alice bob"), "alice", "access.foreign"),
        ("string", json!(["bob", "alice"]), "alice", "passes"),
        ("string", json!(["bob", ["alice"]]), "alice", "access.foreign"),
        ("string", json!(42), "42", "access.foreign"),
        ("string", json!(""), "", "access.owner_missing"),
        ("string", json!(null), "null", "access.foreign"),
        ("string", json!({"id": "alice"}), "alice", "access.foreign"),
        ("integer", json!(42), "42", "passes"),
        ("integer", json!("42"), "42", "passes"),
        ("integer", json!(42), "042", "access.foreign"),
        ("integer", json!(42), "+42", "access.foreign"),
        ("integer", json!(42), "42.0", "access.foreign"),
        ("integer", json!(42.5), "42", "access.foreign"),
        ("integer", json!(0), "-0", "access.foreign"),
        ("integer", json!(u64::MAX), "18446744073709551615", "passes"),
        ("integer", json!(-1), "18446744073709551615", "access.foreign"),
        ("integer", json!(0), "18446744073709551616", "access.foreign"),
        ("integer", json!("x"), "x", "access.foreign"),
        (
            "uuid",
            json!("6F9619FF-8B86-D011-B42D-00C04FC964FF"),
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "passes",
        ),
        (
            "uuid",
            json!("6f9619ff-8b86-d011-b42d-00c04fc964ff"),
            "6f9619ff8b86d011b42d00c04fc964ff",
            "access.foreign",
        ),
        (
            "uuid",
            json!("6f9619ff-8b86-d011-b42d-00c04fc964fe"),
            "6f9619ff-8b86-d011-b42d-00c04fc964ff",
            "access.foreign",
        ),
    ];
    for (kind, claim, id, expected) in rows {
        let policy = format!(r#"{{"owner": {{"value": "path.user_id", "is": "user.sub", "as": "{kind}"}}}}"#);
        let access = access(&policy).unwrap();
        let request = request(json!({ "sub": claim }), &[("path.user_id", id)]);
        let got = access.check_owners(request.claims.as_ref(), &request, false);
        assert_eq!(code(got), *expected, "{kind} {claim} {id}");
    }
}

#[test]
fn an_id_that_stands_in_several_places_must_agree() {
    let policy =
        r#"{"owner": {"value": ["path.user_id", "query.account", "header.x-account"], "is": "user.sub"}}"#;
    let access = access(policy).unwrap();
    let rows: &[(&[(&str, &str)], &str)] = &[
        (&[("path.user_id", "a"), ("query.account", "a"), ("header.x-account", "a")], "passes"),
        (&[("path.user_id", "a"), ("query.account", "b"), ("header.x-account", "a")], "access.ambiguous"),
        (&[("path.user_id", "b"), ("query.account", "b"), ("header.x-account", "b")], "access.foreign"),
        (&[("path.user_id", "a"), ("header.x-account", "a")], "access.owner_missing"),
        (&[("path.user_id", "a"), ("query.account", "TWICE"), ("header.x-account", "a")], "access.ambiguous"),
        (&[("path.user_id", "a"), ("query.account", ""), ("header.x-account", "a")], "access.owner_missing"),
    ];
    for (values, expected) in rows {
        let request = request(json!({"sub": "a"}), values);
        assert_eq!(
            code(access.check_owners(request.claims.as_ref(), &request, false)),
            *expected,
            "{values:?}"
        );
    }
}

#[test]
fn an_id_that_is_not_utf_8_is_somebody_elses() {
    let access =
        access(r#"{"owner": {"value": "header.x", "is": "user.sub"}, "shared": ["user_id"]}"#).unwrap();
    let mut request = request(json!({"sub": "a"}), &[]);
    request.values.insert("header.x".into(), vec![b'a', 0xff]);
    assert_eq!(code(access.check_owners(request.claims.as_ref(), &request, false)), "access.foreign");
}

#[test]
fn support_may_act_on_others_objects_and_that_is_told() {
    let policy = r#"{"owner": {"value": "path.user_id", "is": "user.sub",
                     "unless": [{"claim": "user.roles", "has": "support"}]}}"#;
    let access = access(policy).unwrap();
    for (roles, expected) in [
        (json!(["support"]), Ok(Ownership::Exempted)),
        (json!("support"), Ok(Ownership::Exempted)),
        (json!("supporter"), Err(Reason::AccessForeign.into())),
        (json!(["user"]), Err(Reason::AccessForeign.into())),
    ] {
        let request = request(json!({"sub": "a", "roles": roles}), &[("path.user_id", "b")]);
        assert_eq!(access.check_owners(request.claims.as_ref(), &request, false), expected, "{roles}");
    }
}

#[test]
fn scopes_are_whole_words_of_scope_or_scp() {
    let shared = r#""shared": ["user_id"]"#;
    let all = access(&format!(r#"{{"scopes": ["orders:read", "orders:write"], {shared}}}"#)).unwrap();
    let any =
        access(&format!(r#"{{"scopes": {{"any": ["orders:read", "orders:write"]}}, {shared}}}"#)).unwrap();
    for (token, of_all, of_any) in [
        (json!({"scope": "orders:write orders:read profile"}), "passes", "passes"),
        (json!({"scope": "orders:read"}), "access.scope", "passes"),
        (json!({"scp": ["orders:read", "orders:write"]}), "passes", "passes"),
        (json!({"scp": "orders:read orders:write"}), "passes", "passes"),
        (json!({"scope": "orders:readwrite"}), "access.scope", "access.scope"),
        (json!({"scope": "", "scp": ["orders:read"]}), "access.scope", "access.scope"),
        (json!({"scope": 7}), "access.scope", "access.scope"),
        (json!({}), "access.scope", "access.scope"),
    ] {
        let claims = claims(token.clone());
        assert_eq!(code(all.check_scopes(Some(&claims))), of_all, "{token}");
        assert_eq!(code(any.check_scopes(Some(&claims))), of_any, "{token}");
    }
}

#[test]
fn a_sensitive_route_wants_a_strong_and_recent_login() {
    let policy = r#"{"acr": ["urn:shop:mfa"], "max_auth_age": "10m", "shared": ["user_id"]}"#;
    let access = access(policy).unwrap();
    let now = Nanos(1_700_000_000_000_000_000);
    for (token, expected) in [
        (json!({"acr": "urn:shop:mfa", "auth_time": 1_699_999_500}), "passes"),
        (json!({"acr": "urn:shop:mfa", "auth_time": 1_699_999_399}), "access.step_up"),
        (json!({"acr": "urn:shop:mfa", "auth_time": 1_700_000_030}), "passes"),
        (json!({"acr": "urn:shop:mfa", "auth_time": 1_700_000_061}), "access.step_up"),
        (json!({"acr": "urn:shop:mfa", "auth_time": "1699999500"}), "access.step_up"),
        (json!({"acr": "urn:shop:mfa"}), "access.step_up"),
        (json!({"acr": "0", "auth_time": 1_699_999_500}), "access.step_up"),
        (json!({"auth_time": 1_699_999_500}), "access.step_up"),
    ] {
        let claims = claims(token.clone());
        assert_eq!(code(access.check_step_up(Some(&claims), now)), expected, "{token}");
    }
}

#[test]
fn every_rule_fails_without_a_subject() {
    let policy = r#"{"scopes": ["a"], "claims": [{"claim": "user.tier", "is": 1}], "acr": ["b"],
                     "owner": {"value": "path.user_id", "is": "user.sub"}}"#;
    let access = access(policy).unwrap();
    let nobody = Request { values: HashMap::from([("path.user_id".into(), b"a".to_vec())]), claims: None };
    assert_eq!(code(access.check_caller(None)), "tokens.missing");
    assert_eq!(code(access.check_scopes(None)), "tokens.missing");
    assert_eq!(code(access.check_claims(None, &nobody)), "tokens.missing");
    assert_eq!(code(access.check_step_up(None, Nanos(0))), "tokens.missing");
    assert_eq!(code(access.check_owners(None, &nobody, false)), "tokens.missing");
}

#[test]
fn all_claims_must_hold() {
    let policy = r#"{"claims": [{"claim": "user.groups", "has": "refunds"}, {"claim": "user:/a~1b/c", "any": [1, 2]}],
                     "shared": ["user_id"]}"#;
    let access = access(policy).unwrap();
    for (token, expected) in [
        (json!({"groups": ["x", "refunds"], "a/b": {"c": 2}}), "passes"),
        (json!({"groups": ["x", "refunds"], "a/b": {"c": [2]}}), "access.claim"),
        (json!({"groups": ["x"], "a/b": {"c": 2}}), "access.claim"),
        (json!({"groups": "refunds"}), "access.claim"),
        (json!(Map::new()), "access.claim"),
    ] {
        let request = request(token.clone(), &[]);
        assert_eq!(code(access.check_claims(request.claims.as_ref(), &request)), expected, "{token}");
    }
}

#[test]
fn notes_what_would_leave_an_object_open() {
    for (policy, part) in [
        (r#""authenticated""#, "nothing says whose `path.user_id` is"),
        (r#""autenticated""#, "did you mean `authenticated`?"),
        (r#"{"shared": ["userid"]}"#, "there is no path parameter called `userid`; did you mean `user_id`?"),
        (r#"{"owner": {"value": "path.user_id"}}"#, "`is` must be written"),
        (r#"{"owner": {"value": "path.user_id", "is": "header.x"}}"#, "only a claim of a verified token"),
        (r#"{"owner": {"value": "path.user_id", "is": "app.sub"}}"#, "does not demand the token `app`"),
        (
            r#"{"owner": {"value": "path.user_id", "is": "usr.sub"}}"#,
            "no token called `usr`; did you mean `user`?",
        ),
        (
            r#"{"owner": {"value": "path.user_id|query.id", "is": "user.sub"}}"#,
            "write several places as a list",
        ),
        (r#"{"owner": {"value": "user.sub", "is": "user.sub"}}"#, "an id stands in path."),
        (
            r#"{"owner": {"value": "body:/id|path.user_id", "is": "user.sub"}}"#,
            "write several places as a list",
        ),
        (r#"{"owner": {"value": "response:/id", "is": "user.sub"}}"#, "belongs in the `owner` of `response`"),
        (
            r#"{"owner": {"value": "path.user_id", "is": "user.sub", "lookup": {}}}"#,
            "`lookup` is not supported yet",
        ),
        (r#"{}"#, "this demands nothing"),
        (r#"{"claims": [], "shared": ["user_id"]}"#, "an empty list demands nothing"),
        (r#"{"scopes": [], "shared": ["user_id"]}"#, "an empty list demands nothing"),
        (r#"{"claims": [{"claim": "user.a", "is": 1, "has": 2}], "shared": ["user_id"]}"#, "just one of"),
    ] {
        let got = access(policy).unwrap_err();
        assert!(got.contains(part), "{policy}: {got}");
    }
}
