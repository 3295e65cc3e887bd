//! One document laid over another: how a group's blocks reach its routes, and how an environment changes a policy.

use std::rc::Rc;

use crate::document::Kind;
use crate::document::Node;
use crate::fault::Place;

/// The fields of `below`, replaced by those of `above` of the same name. Where either is no map, `above` stands
/// alone. Every field keeps the place where it was written; the result has that of `above`.
pub fn over(above: &Rc<Node>, below: &Rc<Node>) -> Rc<Node> {
    let (Kind::Map(upper), Kind::Map(lower)) = (&above.kind, &below.kind) else {
        return above.clone();
    };
    let mut entries = upper.clone();
    for (key, node) in lower {
        if above.get(key).is_none() {
            entries.push((key.clone(), node.clone()));
        }
    }
    Rc::new(Node { place: above.place.clone(), kind: Kind::Map(entries) })
}

/// A JSON Merge Patch (RFC 7396, section 2): maps merge field by field, `null` deletes, all else replaces. Every value
/// keeps the place where it was written.
pub fn patched(target: &Rc<Node>, patch: &Rc<Node>) -> Rc<Node> {
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
            (_, None) => entries.push((key.clone(), patched(&nothing(), change))),
            (_, Some(at)) => {
                if let Some((_, value)) = entries.get_mut(at) {
                    *value = patched(value, change);
                }
            }
        }
    }
    Rc::new(Node { place, kind: Kind::Map(entries) })
}
