//! A tree of path segments. Left to right a literal beats a parameter, a parameter beats a rest.
//!
//! Our own, since the router crates at hand refuse a parameter and a rest in the same place, which the language has.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::model::pattern::Segment;

/// Numbers by path.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    leaf: Option<usize>,
    literals: BTreeMap<Box<str>, Tree>,
    parameter: Option<Box<Tree>>,
    rest: Option<usize>,
}

impl Tree {
    /// The leaf at a pattern, to be filled.
    pub(crate) fn leaf(&mut self, segments: &[Segment]) -> &mut Option<usize> {
        match segments.split_first() {
            None => &mut self.leaf,
            Some((Segment::Literal(text), more)) => self.literals.entry(text.clone()).or_default().leaf(more),
            Some((Segment::Parameter(_), more)) => self.parameter.get_or_insert_default().leaf(more),
            Some((Segment::Rest(_), _)) => &mut self.rest,
        }
    }

    /// The best leaf for a decoded path, and where in it the parameters stand.
    pub(crate) fn find(&self, path: &str) -> Option<(usize, Vec<Range<usize>>)> {
        let mut spans = Vec::new();
        // `/` has no segment, `/a` has one.
        let start = if path.len() > 1 { Some(1) } else { None };
        self.walk(path, start, &mut spans).map(|leaf| (leaf, spans))
    }

    /// Each node is entered at most once a look-up, since its depth says how much of the path is behind it: a hostile
    /// path costs no more than the policy has nodes.
    fn walk(&self, path: &str, start: Option<usize>, spans: &mut Vec<Range<usize>>) -> Option<usize> {
        let Some(start) = start else { return self.leaf };
        let left = path.get(start..)?;
        let (segment, next) = match left.split_once('/') {
            Some((segment, _)) => (segment, Some(start.saturating_add(segment.len()).saturating_add(1))),
            None => (left, None),
        };
        if let Some(found) = self.literals.get(segment).and_then(|below| below.walk(path, next, spans)) {
            return Some(found);
        }
        if let (false, Some(below)) = (segment.is_empty(), &self.parameter) {
            spans.push(start..start.saturating_add(segment.len()));
            if let Some(found) = below.walk(path, next, spans) {
                return Some(found);
            }
            spans.pop();
        }
        let rest = self.rest.filter(|_| !left.is_empty())?;
        spans.push(start..path.len());
        Some(rest)
    }
}
