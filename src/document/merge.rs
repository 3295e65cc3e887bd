//! One map laid over another, field by field: how a group's blocks reach its routes.

use std::rc::Rc;

use crate::document::Kind;
use crate::document::Node;

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
