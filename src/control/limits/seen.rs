//! The values that were counted for one key: a small set of fixed size, the latest [`MOST`] of them.
//!
//! 4 bytes say where the next one goes, then each value has 4 bytes of a keyed hash; 0 is none. A value that is
//! remembered is free. A new one that looks like a remembered one is taken for it: once in 2^32 / 50, and nobody can
//! search for such a pair without the process's secret. When the set is full the oldest is forgotten, which makes its
//! repetition cost a unit again: that refuses more, never less, and never concerns a key that uses no more than the
//! limit's burst of values while its slot lives.

/// How many values are remembered: the most that the burst of a limit that counts distinct ones may be.
pub(super) const MOST: usize = 50;

/// The bytes of a set.
pub(super) const SEEN: usize = 204;

/// A set, where it stands.
pub(super) struct Seen<'b>(pub(super) &'b mut [u8; SEEN]);

impl Seen<'_> {
    /// Whether this value is remembered.
    pub(super) fn has(&self, value: u32) -> bool {
        self.0.as_chunks::<4>().0.iter().skip(1).any(|known| *known == value.to_le_bytes())
    }

    /// Remembers one more, and forgets the oldest where there is no room.
    pub(super) fn remember(&mut self, value: u32) {
        let Some((next, values)) = self.0.as_chunks_mut::<4>().0.split_first_mut() else { return };
        let at = usize::try_from(u32::from_le_bytes(*next)).unwrap_or_default();
        let at = if at < values.len() { at } else { 0 };
        if let Some(place) = values.get_mut(at) {
            *place = value.to_le_bytes();
        }
        *next = u32::try_from(at.saturating_add(1)).unwrap_or_default().to_le_bytes();
    }

    /// Forgets all of them.
    pub(super) fn forget(&mut self) {
        self.0.fill(0);
    }
}
