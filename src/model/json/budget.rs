//! How much structure a body may have. Every bound is finite, and counted while the text is read.

/// The bounds of one body. What is over one of them is refused when it is met, not after the text is read.
#[derive(Clone, Debug)]
pub struct Budget {
    /// How many arrays and objects may stand in each other; at most 127, the parser's own bound.
    pub depth: usize,
    /// Members of objects and elements of arrays, all together.
    pub parts: usize,
    /// The longest name of a member, in bytes, escapes undone.
    pub name: usize,
    /// The longest string, in bytes, escapes undone.
    pub text: usize,
    /// Which numbers may stand.
    pub numbers: Numbers,
}

/// Which numbers a body may hold.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Numbers {
    /// Those that every reader keeps (I-JSON, RFC 7493, section 2.2): at most 2^53-1 either way, however written;
    /// at most 17 significant digits; nothing so small that a double makes it 0.
    #[default]
    Interoperable,
    /// `numbers: any`: every number of JSON within the range of a double. Past 64 bits, and past 17 digits, what is
    /// *judged* is the nearest double, while the bytes go on as they came. `1e400` is still refused: nothing here
    /// can hold it.
    Any,
}

impl Budget {
    /// A request's: 32 levels, 10,000 parts, names of 256 bytes, strings of `max_string` bytes.
    pub fn request(max_string: u64, numbers: Numbers) -> Self {
        Self { depth: 32, parts: 10_000, name: 256, text: size(max_string), numbers }
    }

    /// An answer's: the same with 100,000 parts, because lists are what an API sends.
    pub fn response(max_string: u64, numbers: Numbers) -> Self {
        Self { parts: 100_000, ..Self::request(max_string, numbers) }
    }
}

fn size(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
