//! Durations, sizes and rates as a policy writes them.

use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

use crate::document::cut;
use crate::fault::Fault;

/// A duration: `250ms`, `30s`, `15m`, `12h`, `30d`; whole numbers only.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Span(pub Duration);

/// A size in bytes: `512B`, `16KiB`, `1MiB`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Size(pub u64);

/// So many in so long: `5/1m`. Neither is zero.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Rate {
    /// How many.
    pub count: NonZeroU32,
    /// In how long.
    pub per: Duration,
}

/// Splits `16KiB` into 16 and `KiB`; a leading zero is no number here, since readers disagree on `010`.
fn split(text: &str) -> Option<(u64, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at_checked(end)?;
    if digits.len() > 1 && digits.starts_with('0') {
        return None;
    }
    Some((digits.parse().ok()?, unit))
}

impl FromStr for Span {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let read = || {
            let (number, unit) = split(text)?;
            let millis = match unit {
                "ms" => number,
                "s" => number.checked_mul(1_000)?,
                "m" => number.checked_mul(60_000)?,
                "h" => number.checked_mul(3_600_000)?,
                "d" => number.checked_mul(86_400_000)?,
                _ => return None,
            };
            // 10,000 years: whatever is added to a time of today stays far from overflow.
            (millis <= 315_360_000_000_000).then_some(Self(Duration::from_millis(millis)))
        };
        read().ok_or_else(|| Fault::Malformed {
            what: "duration",
            found: cut(text),
            expected: "write a whole number and ms, s, m, h or d, such as 15m",
        })
    }
}

impl FromStr for Size {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let read = || {
            let (number, unit) = split(text)?;
            let factor: u64 = match unit {
                "B" => 1,
                "KiB" => 1 << 10,
                "MiB" => 1 << 20,
                _ => return None,
            };
            number.checked_mul(factor).filter(|bytes| *bytes <= 1 << 30).map(Self)
        };
        read().ok_or_else(|| Fault::Malformed {
            what: "size",
            found: cut(text),
            expected: "write a whole number and B, KiB or MiB, such as 16KiB, up to 1024MiB",
        })
    }
}

impl FromStr for Rate {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        let malformed = || Fault::Malformed {
            what: "rate",
            found: cut(text),
            expected: "write how many in how long, such as 5/1m; neither may be 0, leave the limit out for no limit",
        };
        let (count, per) = text.split_once('/').ok_or_else(malformed)?;
        let leading_zero = count.starts_with('0');
        let count = count.parse().ok().filter(|_| !leading_zero && count.bytes().all(|b| b.is_ascii_digit()));
        let Span(per) = per.parse().map_err(|_| malformed())?;
        match count {
            Some(count) if !per.is_zero() => Ok(Self { count, per }),
            _ => Err(malformed()),
        }
    }
}
