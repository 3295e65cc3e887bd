//! A route's `limits`: names, and what a request of the route costs.

use std::num::NonZeroU32;
use std::rc::Rc;

use crate::control::limits::limit::Limit;
use crate::control::limits::part::Lacking;
use crate::control::limits::raw::Limits;
use crate::control::limits::terms::units;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::value::Source;

/// The most limits of a route.
pub const MAX_LIMITS: usize = 16;

/// A limit as a route names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Named {
    /// Its place among the policy's limits.
    pub index: usize,
    /// What a request of this route costs, where the route says so.
    pub cost: Option<NonZeroU32>,
}

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
    /// Reads a list of names, in the order written, and holds each limit against the route. What is wrong is noted;
    /// the rest is answered.
    pub fn of_route(&self, node: &Node, around: &Around<'_>, problems: &Problems) -> Box<[Named]> {
        let items = node.list(problems).unwrap_or_default();
        if items.len() > MAX_LIMITS {
            let sentence = format!("a route has at most {MAX_LIMITS} limits");
            problems.note(&node.place, Fault::conflict(sentence));
        }
        let mut seen: Vec<(Named, &Rc<Node>)> = Vec::new();
        for item in items {
            let (name, cost) = match &item.kind {
                Kind::Map(_) => {
                    let Some(fields) = Fields::open(item, problems) else { continue };
                    let (name, cost) = (fields.required("limit"), fields.required("cost"));
                    fields.close();
                    let Some(name) = name else { continue };
                    (name, cost.and_then(|node| units(node, problems)))
                }
                _ => (item, None),
            };
            let Some(text) = name.text(problems) else { continue };
            let Some(Some(index)) = problems.need(&name.place, self.named(text)) else { continue };
            if let Some((_, first)) = seen.iter().find(|(known, _)| known.index == index) {
                let first = Some(first.place.clone());
                problems.note(&item.place, Fault::Duplicate { what: "limit", name: (&**text).into(), first });
                continue;
            }
            if let Some(limit) = self.get(index) {
                let sentence = unfit(limit, around);
                problems.need(&item.place, sentence.map_or(Ok(()), |it| Err(Fault::conflict(it))));
                problems.need(&item.place, cost.map_or(Ok(()), |cost| limit.affords(cost)));
            }
            seen.push((Named { index, cost }, item));
        }
        seen.into_iter().map(|(named, _)| named).collect()
    }
}

/// Why a limit cannot stand on a route.
fn unfit(limit: &Limit, around: &Around<'_>) -> Option<String> {
    let name = limit.name();
    let foreign = limit.values().find_map(|value| {
        value.sources().iter().find_map(|source| match source {
            Source::Claim(claim) if !(around.demands)(claim.token) => {
                Some(format!("`{name}` counts by `{value}`, and the route does not demand that token"))
            }
            Source::Path(parameter) if !(around.has_parameter)(parameter) => {
                Some(format!("`{name}` counts by `{value}`, and the route's path has no `{{{parameter}}}`"))
            }
            _ => None,
        })
    });
    let lacking = || {
        limit.key().iter().chain(limit.distinct()).find_map(|part| match &part.lacking {
            Lacking::Without(tokens) if limit.missing().is_none() && !(around.sure_of)(tokens) => {
                let value = &part.value;
                Some(format!(
                    "a caller of this route may come without `{value}`: write `missing` in the limit `{name}`"
                ))
            }
            _ => None,
        })
    };
    foreign.or_else(lacking)
}
