//! Reads `revocation` of a definition.

use std::time::Duration;

use crate::control::tokens::polled::Source;
use crate::control::tokens::polled::span_within;
use crate::control::tokens::revocation::OnError;
use crate::control::tokens::revocation::Revocation;
use crate::document::Fields;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;

/// How often a feed is fetched where a policy does not say.
const REFRESH: Duration = Duration::from_secs(10);
/// The longest bound on a feed's age that is still one.
const MAX_STALE: Duration = Duration::from_secs(86_400);

const DEFAULT_ENTRIES: u64 = 100_000;
const MAX_ENTRIES: u64 = 500_000;

/// What the rest of the definition says.
pub(in crate::control::tokens) struct Beside<'d> {
    /// `None` for `issuer: any`.
    pub(in crate::control::tokens) issuer: Option<&'d str>,
    /// `None` for `max_lifetime: any`.
    pub(in crate::control::tokens) max_lifetime: Option<Duration>,
    pub(in crate::control::tokens) clock_skew: Duration,
}

impl Revocation {
    /// Reads the map. `beside` is nothing where the rest of the definition could not be read.
    pub(in crate::control::tokens) fn compile(
        node: &Node,
        beside: Option<Beside<'_>>,
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let source = Source::read(&fields, "revocation feed URL", REFRESH, problems);
        let max_stale = fields
            .optional("max_stale")
            .map(|node| (node, span_within(node, Duration::from_secs(1), MAX_STALE, problems)));
        let deny = fields
            .required("on_error")
            .and_then(|node| node.word(&[("keep", false), ("deny", true)], problems));
        let max_entries = match fields.optional("max_entries") {
            None => Some(DEFAULT_ENTRIES),
            Some(node) => node.integer(1..=MAX_ENTRIES, problems),
        };
        fields.close();
        let on_error = match (deny?, max_stale) {
            (false, None) => Some(OnError::Keep),
            (true, Some((_, stale))) => stale.map(OnError::Deny),
            (false, Some((node, _))) => {
                problems.note(
                    &node.place,
                    Fault::conflict("`on_error: keep` keeps the last feed however old it is"),
                );
                None
            }
            (true, None) => {
                let why = "`on_error: deny` needs `max_stale`: the age from which on nobody passes";
                problems.note(&node.place, Fault::conflict(why));
                None
            }
        };
        let (source, on_error, beside) = (source?, on_error?, beside?);
        if let OnError::Deny(stale) = on_error
            && stale < source.refresh.saturating_add(source.timeout)
        {
            let why = "`max_stale` is under `refresh` and `timeout` together: a feed would be too old before the next came";
            problems.note(&node.place, Fault::conflict(why));
        }
        let issuer = beside.issuer.ok_or("`issuer: any`: whose tokens are revoked must be known");
        let lifetime = beside.max_lifetime.ok_or(
            "`max_lifetime: any`: an entry is kept until the longest token has expired, and there is none",
        );
        let told = |why: &str| Fault::conflict(format!("`revocation` cannot stand beside {why}"));
        let issuer = problems.need(&node.place, issuer.map_err(told));
        let lifetime = problems.need(&node.place, lifetime.map_err(told));
        Some(Self {
            source,
            on_error,
            max_entries: usize::try_from(max_entries?).ok()?,
            issuer: issuer?.into(),
            // Issued by a clock that is ahead, and taken by one that is behind.
            concerns: lifetime?.saturating_add(beside.clock_skew.saturating_mul(2)),
        })
    }
}
