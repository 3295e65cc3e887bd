//! How a key set or a revocation feed misbehaves when a test wants it to.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use serde_json::Value;
use serde_json::json;

/// What is wrong with the answer. As JSON: `{"kind": "slow", "ms": 500}`.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase", tag = "kind")]
pub enum Trouble {
    /// Nothing.
    #[default]
    None,
    /// 503 with an empty body.
    Down,
    /// The right answer, too late.
    Slow {
        /// By so many milliseconds.
        ms: u64,
    },
    /// 200 with a page for people.
    Html,
    /// The right answer and a member of so many bytes that nobody reads.
    Huge {
        /// Of 2^20 bytes; at most [`Trouble::HUGEST`].
        mib: usize,
    },
    /// The right answer behind so many other entries: keys of a stranger, or ids of tokens that nobody has.
    Many {
        /// How many.
        entries: usize,
    },
    /// An empty list of keys, or an empty object for a feed.
    Empty,
}

impl Trouble {
    /// More than any gate takes, and still little enough for the machine that runs the test.
    pub const HUGEST: usize = 256;

    /// How long the answer waits.
    pub(super) fn delay(self) -> Duration {
        match self {
            Self::Slow { ms } => Duration::from_millis(ms),
            _ => Duration::ZERO,
        }
    }

    /// A body that is not the right one, with its status and media type.
    pub(super) fn stand_in(self) -> Option<(u16, &'static str, &'static str)> {
        match self {
            Self::Down => Some((503, "text/plain", "")),
            Self::Html => Some((200, "text/html", "<!doctype html><title>Sign in to this network</title>")),
            _ => None,
        }
    }

    /// Spoils the right document. `list` is its member that holds entries, `decoy` the n-th entry of a stranger.
    pub(super) fn spoil(self, mut document: Value, list: &str, decoy: impl Fn(usize) -> Value) -> Value {
        match self {
            Self::Huge { mib } => {
                let bytes = mib.min(Self::HUGEST).saturating_mul(1 << 20);
                if let Value::Object(members) = &mut document {
                    members.insert("padding".into(), "x".repeat(bytes).into());
                }
            }
            Self::Many { entries } => {
                if let Some(right) = document.get_mut(list).and_then(Value::as_array_mut) {
                    right.splice(0..0, (0..entries).map(decoy));
                }
            }
            Self::Empty if list == "keys" => document = json!({ "keys": [] }),
            Self::Empty => document = json!({}),
            Self::None | Self::Down | Self::Slow { .. } | Self::Html => {}
        }
        document
    }
}
