//! A route's `limits: [names]`.

use std::rc::Rc;

use crate::control::limits::raw::Lacking;
use crate::control::limits::raw::Limit;
use crate::control::limits::raw::Limits;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::value::Source;

/// The most limits of a route.
pub const MAX_LIMITS: usize = 16;

/// What a route's limits need to know of the route.
pub struct Around<'r> {
    /// Whether the route demands this token in any way, also as one of several or as optional.
    pub demands: &'r dyn Fn(usize) -> bool,
    /// Whether every caller who passes `tokens` has brought at least one of these.
    pub sure_of: &'r dyn Fn(&[usize]) -> bool,
    /// Whether each of the route's paths has this parameter.
    pub has_parameter: &'r dyn Fn(&str) -> bool,
}

impl Limits {
    /// Reads a list of names as the limits' indices, in the order written, and holds each limit against the route.
    /// What is wrong is noted; the rest is answered.
    pub fn of_route(&self, node: &Node, around: &Around<'_>, problems: &Problems) -> Box<[usize]> {
        let items = node.list(problems).unwrap_or_default();
        if items.len() > MAX_LIMITS {
            let sentence = format!("a route has at most {MAX_LIMITS} limits");
            problems.note(&node.place, Fault::conflict(sentence));
        }
        let mut seen: Vec<(usize, &Rc<Node>)> = Vec::new();
        for item in items {
            let Some(text) = item.text(problems) else { continue };
            let Some(Some(index)) = problems.need(&item.place, self.named(text)) else { continue };
            if let Some((_, first)) = seen.iter().find(|(known, _)| *known == index) {
                let first = Some(first.place.clone());
                problems.note(&item.place, Fault::Duplicate { what: "limit", name: (&**text).into(), first });
                continue;
            }
            if let Some(sentence) = self.get(index).and_then(|limit| unfit(limit, around)) {
                problems.note(&item.place, Fault::conflict(sentence));
            }
            seen.push((index, item));
        }
        seen.into_iter().map(|(index, _)| index).collect()
    }
}

/// Why a limit cannot stand on a route.
fn unfit(limit: &Limit, around: &Around<'_>) -> Option<String> {
    let name = limit.name();
    limit.key().iter().find_map(|part| {
        let value = &part.value;
        let foreign = value.sources().iter().find_map(|source| match source {
            Source::Claim(claim) if !(around.demands)(claim.token) => {
                Some(format!("`{name}` counts by `{value}`, and the route does not demand that token"))
            }
            Source::Path(parameter) if !(around.has_parameter)(parameter) => {
                Some(format!("`{name}` counts by `{value}`, and the route's path has no `{{{parameter}}}`"))
            }
            _ => None,
        });
        foreign.or_else(|| match &part.lacking {
            Lacking::Without(tokens) if limit.missing().is_none() && !(around.sure_of)(tokens) => {
                Some(format!(
                    "a caller of this route may come without `{value}`: write `missing` in the limit `{name}`"
                ))
            }
            _ => None,
        })
    })
}
