//! `--env env/prod.yaml`: what an environment has otherwise, as a JSON Merge Patch (RFC 7396).

use std::rc::Rc;

use crate::cli::load::with_entries;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Place;
use crate::fault::Problems;

/// The patch without the fields that no environment may change, which are noted.
pub(super) fn checked(patch: &Node, problems: &Problems) -> Option<Rc<Node>> {
    let mut allowed = Vec::new();
    for (key, node) in patch.map(problems)? {
        match &**key {
            "routes" | "include" => {
                let why = format!(
                    "an environment changes everything but `routes` and `include`; leave `{key}` out"
                );
                problems.note(&node.place, Fault::conflict(why));
            }
            _ => allowed.push((key.clone(), node.clone())),
        }
    }
    Some(with_entries(patch, allowed))
}

/// RFC 7396, section 2: maps merge field by field, `null` deletes, all else replaces. Every value keeps the place
/// where it was written.
pub(super) fn merge(target: &Rc<Node>, patch: &Rc<Node>) -> Rc<Node> {
    let Kind::Map(changes) = &patch.kind else { return patch.clone() };
    let (place, mut entries) = match &target.kind {
        Kind::Map(entries) => (target.place.clone(), entries.clone()),
        _ => (patch.place.clone(), Vec::new()),
    };
    for (key, change) in changes {
        let known = entries.iter().position(|(name, _)| name == key);
        let nothing = || Rc::new(Node { place: Place::root(None), kind: Kind::Null });
        match (&change.kind, known) {
            (Kind::Null, _) => entries.retain(|(name, _)| name != key),
            (_, None) => entries.push((key.clone(), merge(&nothing(), change))),
            (_, Some(at)) => {
                if let Some((_, value)) = entries.get_mut(at) {
                    *value = merge(value, change);
                }
            }
        }
    }
    Rc::new(Node { place, kind: Kind::Map(entries) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(json: &str) -> Rc<Node> {
        Node::from_json(json.as_bytes(), &Problems::default()).unwrap()
    }

    #[test]
    fn merges_as_rfc_7396_appendix_a_says() {
        for (target, patch, result) in [
            (r#"{"a":"b"}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"b":"c"}"#, r#"{"a":"b","b":"c"}"#),
            (r#"{"a":"b"}"#, r#"{"a":null}"#, r#"{}"#),
            (r#"{"a":"b","b":"c"}"#, r#"{"a":null}"#, r#"{"b":"c"}"#),
            (r#"{"a":["b"]}"#, r#"{"a":"c"}"#, r#"{"a":"c"}"#),
            (r#"{"a":"c"}"#, r#"{"a":["b"]}"#, r#"{"a":["b"]}"#),
            (r#"{"a":{"b":"c"}}"#, r#"{"a":{"b":"d","c":null}}"#, r#"{"a":{"b":"d"}}"#),
            (r#"{"a":[{"b":"c"}]}"#, r#"{"a":[1]}"#, r#"{"a":[1]}"#),
            (r#"["a","b"]"#, r#"["c","d"]"#, r#"["c","d"]"#),
            (r#"{"a":"b"}"#, r#"["c"]"#, r#"["c"]"#),
            (r#"{"a":"foo"}"#, "null", "null"),
            (r#"{"a":"foo"}"#, r#""bar""#, r#""bar""#),
            (r#"{"e":null}"#, r#"{"a":1}"#, r#"{"e":null,"a":1}"#),
            ("[1,2]", r#"{"a":"b","c":null}"#, r#"{"a":"b"}"#),
            ("{}", r#"{"a":{"bb":{"ccc":null}}}"#, r#"{"a":{"bb":{}}}"#),
        ] {
            let merged = merge(&node(target), &node(patch)).to_compact_json().unwrap();
            assert_eq!(merged, result, "{target} with {patch}");
        }
    }
}
