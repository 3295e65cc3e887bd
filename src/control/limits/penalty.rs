//! What becomes of a key that goes on after its budget is spent: it is blocked, each time for longer.
//!
//! Refusals are counted in windows, one after the other; those of the window that runs and of the one before count
//! together, so that no `after` refusals within one window are missed, and none that are two windows apart are taken
//! together. The key is then blocked. What it asks during a block neither prolongs it nor counts. After the block each
//! whole window without another takes one level back, so a key that rests begins anew.
//!
//! Times are whole seconds: a window begins at the second below, a block ends at the one above.

use std::rc::Rc;
use std::time::Duration;

use crate::control::limits::gcra::GRACE;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::quantity::Span;
use crate::model::time::Nanos;

/// The longest window and the longest block.
pub const LONGEST: Duration = Duration::from_hours(24);

/// The most refusals that a penalty may wait for.
pub const MOST: u16 = 1_000;

/// The greatest factor.
const STEEPEST: u64 = 100;

/// `penalty` of a limit. Spans are in seconds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Penalty {
    after: u16,
    within: u32,
    block: u32,
    factor: u32,
    max: u32,
    /// At which level a block is as long as it gets.
    top: u8,
}

/// What one key did: 8 bytes of its slot. The default says that it did nothing.
///
/// | bits | hold |
/// | --- | --- |
/// | 0..32 | when the block ends, or when the window that runs began: seconds since the epoch |
/// | 32..42 | refusals in the window that runs |
/// | 42..52 | refusals in the one before |
/// | 52..57 | how many blocks, less one for each whole window since without another |
/// | 57 | whether the key is blocked |
/// | 58..63 | the power of two that is no shorter than the window, in seconds: so that whoever comes by can tell when all this is forgotten |
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Strikes {
    anchor: u32,
    recent: u16,
    earlier: u16,
    level: u8,
    blocked: bool,
    fade: u8,
}

impl Penalty {
    /// Reads `penalty`.
    pub fn compile(node: &Rc<Node>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let whole = |name, most| fields.required(name).and_then(|node| node.integer(1..=most, problems));
        let span = |name| fields.required(name).and_then(|node| seconds(node, problems));
        let (after, factor) = (whole("after", MOST.into()), whole("factor", STEEPEST));
        let (within, block, max) = (span("within"), span("block"), span("max"));
        fields.close();
        let (block, max) = (block?, max?);
        if max < block {
            problems.note(&node.place, Fault::conflict("`max` of a penalty is not shorter than its `block`"));
            return None;
        }
        Some(Self::new(after?.try_into().ok()?, within?, block, factor?.try_into().ok()?, max))
    }

    /// A penalty whose spans are in seconds.
    pub(in crate::control::limits) fn new(
        after: u16,
        within: u32,
        block: u32,
        factor: u32,
        max: u32,
    ) -> Self {
        let mut penalty = Self { after, within, block, factor, max, top: 1 };
        while penalty.top < 31 && factor > 1 && penalty.length(penalty.top) < max {
            penalty.top = penalty.top.saturating_add(1);
        }
        penalty
    }

    /// What a key's strikes have become by now, and how long it is still blocked.
    pub fn look(&self, strikes: Strikes, now: Nanos) -> (Strikes, Option<Duration>) {
        let mut strikes = strikes;
        if strikes == Strikes::default() {
            return (strikes, None);
        }
        let second = second(now);
        strikes.level = strikes.level.min(self.top);
        if strikes.blocked {
            // A policy that has become milder, or a clock that has stepped back: no longer than a whole block.
            let most = now.plus(Duration::from_secs(self.length(strikes.level).into())).plus(GRACE);
            strikes.anchor = strikes.anchor.min(second_up(most));
            let ends = Nanos(u64::from(strikes.anchor).saturating_mul(1_000_000_000));
            if ends > now {
                return (strikes, Some(ends.since(now)));
            }
            strikes.blocked = false;
        }
        // A window that begins after now was begun by another clock.
        strikes.anchor = strikes.anchor.min(second);
        let windows = second.saturating_sub(strikes.anchor).checked_div(self.within).unwrap_or_default();
        if windows > 0 {
            strikes.earlier = if windows == 1 { strikes.recent } else { 0 };
            strikes.recent = 0;
            strikes.level = strikes.level.saturating_sub(u8::try_from(windows).unwrap_or(u8::MAX));
            strikes.anchor = strikes.anchor.saturating_add(windows.saturating_mul(self.within));
        }
        if (strikes.recent, strikes.earlier, strikes.level) == (0, 0, 0) {
            strikes = Strikes::default();
        }
        (strikes, None)
    }

    /// One more refusal of a key that is not blocked, as [`Penalty::look`] left it: its strikes from now on, and how
    /// long it is blocked, if it is.
    pub fn strike(&self, strikes: Strikes, now: Nanos) -> (Strikes, Option<Duration>) {
        let mut strikes = Strikes { fade: fade(self.within), ..strikes };
        if (strikes.recent, strikes.earlier, strikes.level) == (0, 0, 0) {
            strikes.anchor = second(now);
        }
        strikes.recent = strikes.recent.saturating_add(1);
        if strikes.recent.saturating_add(strikes.earlier) < self.after {
            return (strikes, None);
        }
        strikes.level = strikes.level.saturating_add(1).min(self.top);
        let ends = second_up(now.plus(Duration::from_secs(self.length(strikes.level).into())));
        let strikes = Strikes { anchor: ends, recent: 0, earlier: 0, blocked: true, ..strikes };
        (strikes, Some(Nanos(u64::from(ends).saturating_mul(1_000_000_000)).since(now)))
    }

    /// How long the block of this level is.
    fn length(&self, level: u8) -> u32 {
        let times = self.factor.saturating_pow(u32::from(level.saturating_sub(1)));
        self.block.saturating_mul(times).min(self.max)
    }
}

impl Strikes {
    /// Reads them.
    pub fn from_bits(bits: u64) -> Self {
        let field = |from: u32, width: u32| (bits >> from) & !(u64::MAX << width);
        Self {
            anchor: u32::try_from(field(0, 32)).unwrap_or_default(),
            recent: u16::try_from(field(32, 10)).unwrap_or_default(),
            earlier: u16::try_from(field(42, 10)).unwrap_or_default(),
            level: u8::try_from(field(52, 5)).unwrap_or_default(),
            blocked: field(57, 1) == 1,
            fade: u8::try_from(field(58, 5)).unwrap_or_default(),
        }
    }

    /// Writes them.
    pub fn to_bits(self) -> u64 {
        u64::from(self.anchor)
            | u64::from(self.recent) << 32
            | u64::from(self.earlier) << 42
            | u64::from(self.level) << 52
            | u64::from(self.blocked) << 57
            | u64::from(self.fade) << 58
    }

    /// Whether there is something that may still count; sure only when it answers no, since the window is not at hand.
    pub fn is_live(self, now: Nanos) -> bool {
        let windows = u64::from(self.level).saturating_add(2);
        let fades = u64::from(self.anchor).saturating_add(windows << self.fade);
        self != Self::default() && u64::from(second(now)) < fades
    }

    /// Cuts a time further off than any block can be: a clock that has stepped back since left it.
    pub fn cut(self, now: Nanos) -> Self {
        let furthest = second_up(now.plus(LONGEST).plus(GRACE));
        Self { anchor: self.anchor.min(furthest), ..self }
    }
}

fn second(now: Nanos) -> u32 {
    u32::try_from(now.0.checked_div(1_000_000_000).unwrap_or_default()).unwrap_or(u32::MAX)
}

fn second_up(at: Nanos) -> u32 {
    u32::try_from(at.0.div_ceil(1_000_000_000)).unwrap_or(u32::MAX)
}

/// The power of two that is no shorter than the window.
fn fade(within: u32) -> u8 {
    u8::try_from(within.next_power_of_two().trailing_zeros()).unwrap_or(u8::MAX)
}

fn seconds(node: &Node, problems: &Problems) -> Option<u32> {
    let Span(span) = node.parse(problems)?;
    if span.subsec_nanos() > 0 || !(Duration::from_secs(1)..=LONGEST).contains(&span) {
        let expected = "whole seconds, from 1s to 24h".into();
        let found = crate::document::cut(node.text(problems)?);
        problems.note(&node.place, Fault::OutOfRange { found, expected });
        return None;
    }
    u32::try_from(span.as_secs()).ok()
}
