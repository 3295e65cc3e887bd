//! Whose objects an answer shows.

use std::rc::Rc;

use serde_json::Value;
use serde_json::json;

use crate::control::access::Shown;
use crate::control::access::ShownOwner;
use crate::control::access::Surroundings;
use crate::control::access::tests::request;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::name::Name;

fn shown(owner: &Value) -> Result<Rc<[ShownOwner]>, String> {
    let problems = Problems::default();
    let node = Node::from_json(owner.to_string().as_bytes(), &problems).unwrap();
    let tokens: Vec<Name> = ["user", "app"].iter().map(|name| name.parse().unwrap()).collect();
    let around = Surroundings { tokens: &tokens, demanded: &[0], parameters: &[], all_parameters: &[] };
    let owners = ShownOwner::compile_all(&node, around, &problems);
    let faults: Vec<String> = problems.into_parts().0.iter().map(ToString::to_string).collect();
    if faults.is_empty() { Ok(owners) } else { Err(faults.join("\n")) }
}

/// What is left of an answer, or the reason.
fn left(owner: &Value, claims: Value, answer: &Value) -> Value {
    let owners = shown(owner).unwrap();
    match owners[0].check(&request(claims, &[]), answer) {
        Ok(Shown::Own(cut)) => {
            let mut left = answer.clone();
            cut.prune(&mut left);
            left
        }
        Ok(Shown::Exempted) => json!("exempted"),
        Err(refusal) => json!(refusal.reason.code()),
    }
}

#[test]
fn an_object_is_the_callers_or_the_answer_is_refused() {
    let owner = |value: Value| json!({"value": value, "is": "user.sub"});
    let me = || json!({"sub": "u1"});
    let (foreign, missing) = (json!("access.foreign"), json!("access.owner_missing"));
    for (place, answer, want) in [
        (json!("response:/by"), json!({"by": "u1"}), json!({"by": "u1"})),
        (json!("response:/by"), json!({"by": "u2"}), foreign.clone()),
        (json!("response:/by"), json!({"by": ["u1"]}), missing.clone()),
        (json!("response:/by"), json!({"by": ""}), missing.clone()),
        (json!("response:/by"), json!(["u1"]), missing.clone()),
        (json!("response:/0/by"), json!([{"by": "u1"}, {"by": "u2"}]), json!([{"by": "u1"}, {"by": "u2"}])),
        (json!("response:/*"), json!(["u1", "u1"]), json!(["u1", "u1"])),
        (json!("response:/*"), json!(["u1", "u2"]), foreign.clone()),
        (json!("response:/*"), json!({"*": "u1"}), missing.clone()),
        (json!("response:/*/by"), json!([]), json!([])),
        (json!("response:/*/by"), json!([null]), missing.clone()),
        (json!("response:/*/*"), json!([["u1"], []]), json!([["u1"], []])),
        (json!("response:/*/*"), json!([["u1"], "u1"]), missing.clone()),
        (
            json!(["response:/by", "response:/of/by"]),
            json!({"by": "u1", "of": {"by": "u1"}}),
            json!({"by": "u1", "of": {"by": "u1"}}),
        ),
        (
            json!(["response:/by", "response:/of/by"]),
            json!({"by": "u1", "of": {"by": "u2"}}),
            missing.clone(),
        ),
        (json!(["response:/by", "response:/of/by"]), json!({"by": "u2", "of": {"by": "u2"}}), foreign),
        (json!(["response:/by", "response:/of/by"]), json!({"by": "u1"}), missing),
    ] {
        assert_eq!(left(&owner(place.clone()), me(), &answer), want, "{place} {answer}");
    }
}

#[test]
fn what_is_anothers_is_dropped_where_the_route_filters() {
    let owner = json!({"value": "response:/a/*/by", "is": "user.accounts", "as": "integer", "on_foreign": "filter",
        "unless": [{"claim": "user.roles", "has": "support"}]});
    let me = || json!({"accounts": [1, "2"]});
    for (answer, want) in [
        (json!({"a": [{"by": 1}, {"by": 3}, {"by": "2"}]}), json!({"a": [{"by": 1}, {"by": "2"}]})),
        (json!({"a": [{"by": 3}, {"by": "x"}]}), json!({"a": []})),
        (json!({"a": [{"by": 1}, {}]}), json!("access.owner_missing")),
        (json!({"a": {}}), json!("access.owner_missing")),
    ] {
        assert_eq!(left(&owner, me(), &answer), want, "{answer}");
    }
    assert_eq!(left(&owner, json!({"roles": ["support"]}), &json!({})), json!("exempted"));
    assert_eq!(left(&owner, json!({"accounts": []}), &json!({"a": [{"by": 1}]})), json!({"a": []}));
}

#[test]
fn an_answer_that_shows_nothing_is_for_those_who_may_see_all() {
    let owners = shown(&json!({"value": "response:/by", "is": "user.sub", "unless": [{"claim": "user.roles", "has": "support"}]})).unwrap();
    let judged = |claims| owners[0].check_nothing(&request(claims, &[])).map_err(|it| it.reason.code());
    assert_eq!(judged(json!({"sub": "u1"})), Err("access.owner_missing"));
    assert_eq!(judged(json!({"sub": "u1", "roles": ["support"]})), Ok(Shown::Exempted));
}

#[test]
fn what_cannot_be_kept_is_refused_with_its_place() {
    let with = |field: &str, value: Value| {
        let mut owner = json!({"value": "response:/*/by", "is": "user.sub"});
        owner[field] = value;
        owner
    };
    for (owner, want) in [
        (with("value", json!("path.id")), "value: the owner of an answer stands in the answer"),
        (
            with("value", json!("response:/a|response:/b")),
            "value: the owner of an answer stands in the answer",
        ),
        (with("value", json!("body:/a")), "value: the owner of an answer stands in the answer"),
        (with("value", json!([])), "`value` has nothing in it"),
        (with("value", json!(["response:/*/a", "response:/b/*/a"])), "the same way up to the last `*`"),
        (with("is", json!("header.x")), "only a claim of a verified token says who calls"),
        (with("is", json!("app.sub")), "the route does not demand the token `app`"),
        (with("on_foreign", json!("drop")), "found `drop`, expected `refuse` or `filter`"),
        (with("lookup", json!({})), "`lookup` is not supported yet"),
        (with("owner", json!({})), "unknown field `owner`"),
        (
            json!({"value": "response:/by", "is": "user.sub", "on_foreign": "filter"}),
            "on_foreign: only elements of a list can be dropped",
        ),
        (json!({"is": "user.sub"}), "`value` must be written"),
        (json!([]), "`owner` has nothing in it"),
    ] {
        let faults = shown(&owner).expect_err("a fault");
        assert!(faults.contains(want), "{owner}\n{faults}");
    }
}
