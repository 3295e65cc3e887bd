//! Overrides: the kill switch. They beat every mode, only ever lower, and end by themselves.

use std::rc::Rc;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use crate::document::Fields;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::mode::Mode;
use crate::model::name::Name;
use crate::model::time::Nanos;
use crate::policy::modes::Target;

/// The longest that an override may still run.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// One entry of `overrides`.
#[derive(Clone, Debug)]
pub(crate) struct Override {
    /// A route's or a group's name; `None` for `"*"`.
    pub(crate) route: Option<Name>,
    /// What it lowers; `None` for `"*"`.
    pub(crate) what: Option<Target>,
    pub(crate) mode: Mode,
    pub(crate) until: Nanos,
}

impl Override {
    /// Reads `overrides`. One that names what no longer exists, or has ended, is no error: it is left out with a remark,
    /// since the switch that was thrown at night must not keep the next policy from loading.
    pub(crate) fn compile_all(
        node: &Node,
        routes: &[&Name],
        limits: &[Name],
        now: Nanos,
        problems: &Problems,
    ) -> Vec<Self> {
        let items = node.list(problems).unwrap_or_default();
        items.iter().filter_map(|item| Self::compile(item, routes, limits, now, problems)).collect()
    }

    fn compile(
        node: &Rc<Node>,
        routes: &[&Name],
        limits: &[Name],
        now: Nanos,
        problems: &Problems,
    ) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let text = |name| fields.required(name).and_then(|node| node.text(problems));
        let (route, control) = (text("route"), text("control"));
        let words = [("disabled", Mode::Disabled), ("shadow", Mode::Shadow)];
        let mode = fields.required("mode").and_then(|node| node.word(&words, problems));
        let until = fields.required("until").and_then(|node| {
            let until = problems.need(&node.place, instant(node.text(problems)?))?;
            if until > now.plus(LONGEST) {
                let expected = "an override ends within 30 days; change the policy for longer".into();
                problems.note(&node.place, Fault::OutOfRange { found: cut(node.text(problems)?), expected });
            }
            Some(until)
        });
        // Whoever wakes up to it must know whom to ask, and why.
        text("owner");
        text("reason");
        fields.not_yet("when");
        fields.close();
        let (route, control, mode, until) = (route?, control?, mode?, until?);
        let gone = |what: &str, name: &str| {
            problems.remark(
                &node.place,
                "override-dangling",
                format!("there is no {what} `{}`: it is ignored", cut(name)),
            );
        };
        let named = routes.iter().find(|name| name.as_str() == &**route).map(|name| (*name).clone());
        if &**route != "*" && named.is_none() {
            gone("route or group", route);
            return None;
        }
        let what = match &**control {
            "*" => None,
            text => match Target::parse(text, limits) {
                Ok(target) => Some(target),
                Err(_) => {
                    gone("control or rule", text);
                    return None;
                }
            },
        };
        if until <= now {
            problems.remark(&node.place, "override-ended", "it has ended: it is ignored");
            return None;
        }
        Some(Self { route: named, what, mode, until })
    }
}

/// A time of RFC 3339 in UTC.
fn instant(text: &str) -> Result<Nanos, Fault> {
    let read = humantime::parse_rfc3339(text).ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    read.and_then(|since| u64::try_from(since.as_nanos()).ok()).map(Nanos).ok_or_else(|| Fault::Malformed {
        what: "time",
        found: cut(text),
        expected: "write it in UTC as in RFC 3339, such as \"2026-12-01T00:00:00Z\"",
    })
}
