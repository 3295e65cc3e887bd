//! One bucket of used proofs: fixed bytes, edited where they stand.
//!
//! All numbers are little endian. 8 bytes say what it is, 4 up to when it has forgotten, 4 are spare; then 82 slots of 12
//! bytes: a proof's fingerprint, and its `iat` in whole seconds, 0 in a slot that was never used.
//!
//! A slot whose proof is over is given to another, and the bucket remembers the latest `iat` of all that it gave away. A
//! proof that is not later than that could have been among them, so it is refused: whatever clocks do, and however a
//! policy changes what is over, no proof that was used is ever taken for a new one.

/// What every bucket of this layout begins with; the eighth byte is the layout's version.
const MAGIC: [u8; 8] = *b"pcproof\x01";

/// The bytes before the slots.
const HEADER: usize = 16;

/// The bytes of one slot.
const SLOT: usize = 12;

/// How many proofs a bucket holds.
pub(super) const SLOTS: usize = 82;

/// The bytes of a bucket. With what an allocator adds to them they are 1 KiB.
pub(super) const BUCKET: usize = 1_000;

/// The bytes of a bucket while a request looks at it.
#[derive(Debug)]
pub(super) struct Bucket {
    bytes: Vec<u8>,
    mended: bool,
}

/// Why a proof has no slot.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Taken {
    /// It has one: it was used. Or it could have had one that was given away.
    Before,
    /// Every slot is that of a proof that is not over.
    Full,
}

/// A slot for a proof that has none.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Free {
    index: usize,
    /// How many proofs in the bucket are not over.
    pub(super) live: u32,
}

impl Bucket {
    /// A bucket in which nothing was noted.
    pub(super) fn empty() -> Self {
        let mut bytes = Vec::with_capacity(BUCKET);
        bytes.extend_from_slice(&MAGIC);
        bytes.resize(BUCKET, 0);
        Self { bytes, mended: false }
    }

    /// Reads a bucket off the shared memory. Absent or empty is a new one. Bytes that are no bucket have lost what was
    /// noted in them, so everything up to `lost` counts as used.
    pub(super) fn read(value: Option<Vec<u8>>, lost: u32) -> Self {
        match value {
            Some(bytes) if bytes.len() == BUCKET && bytes.starts_with(&MAGIC) => {
                Self { bytes, mended: false }
            }
            None => Self::empty(),
            Some(bytes) if bytes.is_empty() => Self::empty(),
            Some(_) => {
                let mut bucket = Self::empty();
                bucket.forget(lost);
                Self { mended: true, ..bucket }
            }
        }
    }

    /// What is written back.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether it was made anew out of bytes that were no bucket: that is written back even if nothing is noted, else it
    /// would be lost at each look anew.
    pub(super) fn mended(&self) -> bool {
        self.mended
    }

    /// Looks for a slot for a proof. Those issued before `oldest` are over.
    pub(super) fn find(&self, print: u64, issued: u32, oldest: u32) -> Result<Free, Taken> {
        let (mut free, mut live) = (None, 0_u32);
        for (index, (known, at)) in self.slots().enumerate() {
            if at != 0 && known == print {
                return Err(Taken::Before);
            }
            if at != 0 && at >= oldest {
                live = live.saturating_add(1);
            } else if free.is_none() {
                free = Some(index);
            }
        }
        if issued <= self.forgotten() {
            return Err(Taken::Before);
        }
        free.map(|index| Free { index, live }).ok_or(Taken::Full)
    }

    /// Notes a proof in a slot that was found for it.
    pub(super) fn note(&mut self, free: Free, print: u64, issued: u32) {
        let before = self.slots().nth(free.index).map_or(0, |(_, at)| at);
        self.forget(before);
        let place = self.bytes.get_mut(HEADER..).unwrap_or_default().as_chunks_mut::<SLOT>().0;
        if let Some(slot) = place.get_mut(free.index) {
            let (first, last) = slot.split_at_mut(8);
            first.copy_from_slice(&print.to_le_bytes());
            last.copy_from_slice(&issued.to_le_bytes());
        }
    }

    /// The latest `iat` that may have been given away.
    fn forgotten(&self) -> u32 {
        self.bytes.get(8..12).and_then(|it| it.try_into().ok()).map_or(u32::MAX, u32::from_le_bytes)
    }

    fn forget(&mut self, issued: u32) {
        let latest = self.forgotten().max(issued);
        if let Some(place) = self.bytes.get_mut(8..12) {
            place.copy_from_slice(&latest.to_le_bytes());
        }
    }

    fn slots(&self) -> impl Iterator<Item = (u64, u32)> {
        self.bytes.get(HEADER..).unwrap_or_default().as_chunks::<SLOT>().0.iter().map(|slot| {
            let [a, b, c, d, e, f, g, h, i, j, k, l] = *slot;
            (u64::from_le_bytes([a, b, c, d, e, f, g, h]), u32::from_le_bytes([i, j, k, l]))
        })
    }
}
