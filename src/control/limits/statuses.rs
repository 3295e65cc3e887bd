//! `count`: the answers for which a request keeps what it took.

use std::ops::RangeInclusive;

use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;

/// The most entries of a list.
const MAX_ENTRIES: usize = 32;

/// A list of statuses and classes of them: `[401, "5xx"]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Statuses(Box<[RangeInclusive<u16>]>);

impl Statuses {
    /// Reads the list.
    pub fn compile(node: &Node, problems: &Problems) -> Option<Self> {
        let items = node.list(problems)?;
        if !(1..=MAX_ENTRIES).contains(&items.len()) {
            let sentence = format!("`count` has 1 to {MAX_ENTRIES} statuses, such as [401]");
            problems.note(&node.place, Fault::conflict(sentence));
            return None;
        }
        let ranges: Vec<_> = items.iter().map(|item| entry(item, problems)).collect();
        ranges.into_iter().collect::<Option<_>>().map(Self)
    }

    /// Whether an answer with this status counts.
    pub fn has(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

fn entry(node: &Node, problems: &Problems) -> Option<RangeInclusive<u16>> {
    let Kind::Text(text) = &node.kind else {
        let status = u16::try_from(node.integer(100..=599, problems)?).ok()?;
        return Some(status..=status);
    };
    let class = match &**text {
        "1xx" => Some(100..=199),
        "2xx" => Some(200..=299),
        "3xx" => Some(300..=399),
        "4xx" => Some(400..=499),
        "5xx" => Some(500..=599),
        _ => None,
    };
    if class.is_none() {
        let expected = "write statuses as numbers, such as 401, or a class of them, such as \"4xx\"";
        problems.note(&node.place, Fault::Malformed { what: "status", found: cut(text), expected });
    }
    class
}
