//! How often each status came.

use std::collections::BTreeMap;
use std::fmt;

/// Statuses with their counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Tally(BTreeMap<u16, usize>);

impl Tally {
    /// How often a status came.
    pub(crate) fn count(&self, status: u16) -> usize {
        self.0.get(&status).copied().unwrap_or_default()
    }

    /// The statuses that came at all.
    pub(crate) fn statuses(&self) -> impl Iterator<Item = u16> {
        self.0.keys().copied()
    }
}

impl FromIterator<u16> for Tally {
    fn from_iter<T: IntoIterator<Item = u16>>(statuses: T) -> Self {
        let mut counts = BTreeMap::<u16, usize>::new();
        for status in statuses {
            let count = counts.entry(status).or_default();
            *count = count.saturating_add(1);
        }
        Self(counts)
    }
}

impl From<&[(usize, u16)]> for Tally {
    fn from(counts: &[(usize, u16)]) -> Self {
        Self(counts.iter().map(|&(count, status)| (status, count)).collect())
    }
}

/// `5 x 401, 95 x 429`, or the status alone where it came once.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let one = |(status, count): (&u16, &usize)| match count {
            1 => status.to_string(),
            _ => format!("{count} x {status}"),
        };
        f.write_str(&self.0.iter().map(one).collect::<Vec<_>>().join(", "))
    }
}
