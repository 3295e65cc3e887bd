//! Modes: what each control and rule may do on each route, worked out once when the policy is compiled.

use std::rc::Rc;

use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Place;
use crate::fault::Problems;
use crate::fault::nearest;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::name::Name;
use crate::model::time::Nanos;
use crate::policy::overrides::Override;

/// What a mode can be written for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Target {
    /// A control, or a rule within one.
    Rule(Rule),
    /// A limit, by its index in the policy.
    Limit(usize),
}

impl Target {
    /// Reads `tokens`, `request.schema`, `limits.per-user`.
    pub(crate) fn parse(text: &str, limits: &[Name]) -> Result<Self, Fault> {
        if let Some(rule) = Rule::ALL.iter().find(|rule| rule.as_str() == text) {
            return Ok(Self::Rule(*rule));
        }
        if let Some(name) = text.strip_prefix("limits.") {
            let index = limits.iter().position(|limit| limit.as_str() == name);
            let dangling = || Fault::dangling("limit", name, limits.iter().map(Name::as_str));
            return index.map(Self::Limit).ok_or_else(dangling);
        }
        let hint = nearest(text, Rule::ALL.iter().map(|rule| rule.as_str()));
        let expected = "a control, or a rule such as `request.schema` or `limits.NAME`".into();
        Err(Fault::UnknownWord { found: crate::document::cut(text), expected, hint })
    }

    /// Whether what is said of `self` is said of `other` too: a control covers its rules.
    pub(crate) fn covers(self, other: Self) -> bool {
        match (self, other) {
            (Self::Rule(Rule::Whole(control)), Self::Rule(rule)) => rule.control() == control,
            (Self::Rule(Rule::Whole(Control::Limits)), Self::Limit(_)) => true,
            _ => self == other,
        }
    }
}

/// `mode` and `modes` of one level: the policy, a group or a route.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModeWords {
    whole: Option<Mode>,
    named: Vec<(Target, Mode)>,
}

impl ModeWords {
    /// Takes `mode` and `modes` off a level's fields. `routing` is the policy's alone.
    pub(crate) fn take(fields: &Fields<'_>, of_policy: bool, limits: &[Name], problems: &Problems) -> Self {
        let whole = fields.optional("mode").and_then(|node| node.word(&Mode::WORDS, problems));
        let mut words = Self { whole, named: Vec::new() };
        let entries = fields.optional("modes").and_then(|node| node.map(problems)).unwrap_or_default();
        for (key, node) in entries {
            let Some(target) = problems.need(&node.place, Target::parse(key, limits)) else { continue };
            if !of_policy && target == Target::Rule(Rule::Whole(Control::Routing)) {
                let why = "`routing` has one mode, the policy's: a request that cannot be placed could be any route's";
                problems.note(&node.place, Fault::conflict(why));
            }
            words.named.extend(mode(node, problems).map(|mode| (target, mode)));
        }
        words
    }

    /// What this level says of `target`: of itself, of its control, of everything.
    fn say(&self, target: Target) -> Option<Mode> {
        let exact = self.named.iter().find(|(known, _)| *known == target);
        let control = || self.named.iter().find(|(known, _)| known.covers(target));
        exact.or_else(control).map(|(_, mode)| *mode).or(self.whole)
    }
}

fn mode(node: &Rc<Node>, problems: &Problems) -> Option<Mode> {
    if matches!(node.kind, Kind::List(_)) {
        problems.note(&node.place, Fault::NotSupportedYet("a list of `when` rules".into()));
        return None;
    }
    node.word(&Mode::WORDS, problems)
}

/// The mode of one control or rule on one route, at any time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Dial {
    base: Mode,
    /// Overrides that fit, in the policy's order.
    lowered: Box<[(Nanos, Mode)]>,
}

impl Dial {
    /// The mode now. The first override that has not ended wins, and only ever lowers.
    pub fn at(&self, now: Nanos) -> Mode {
        let lowered = self.lowered.iter().find(|(until, _)| now < *until);
        lowered.map_or(self.base, |(_, mode)| self.base.min(*mode))
    }
}

/// All dials of one route, or of requests that have none.
#[derive(Clone, Debug)]
pub struct Modes {
    rules: Box<[Dial]>,
    /// One per limit of the route, in its order.
    limits: Box<[Dial]>,
    /// Whether any of them ends by itself.
    timed: bool,
}

impl Modes {
    /// Works out every dial. `levels` stand nearest first; `fits` says which overrides concern this route; `limits` are
    /// the route's.
    pub(crate) fn resolve(
        levels: &[&ModeWords],
        overrides: &[Override],
        fits: impl Fn(&Override) -> bool,
        limits: &[usize],
    ) -> Self {
        let dial = |target: Target| {
            let said = match (target, levels.split_last()) {
                (Target::Rule(Rule::Whole(Control::Routing)), Some((policy, _))) => policy.say(target),
                _ => levels.iter().find_map(|level| level.say(target)),
            };
            let concern = |it: &&Override| fits(it) && it.what.is_none_or(|what| what.covers(target));
            let lowered = overrides.iter().filter(concern).map(|it| (it.until, it.mode)).collect();
            // Nothing said anywhere is enforced: the reading that refuses more.
            Dial { base: said.unwrap_or(Mode::Enforce), lowered }
        };
        let rules: Box<[Dial]> = Rule::ALL.iter().map(|rule| dial(Target::Rule(*rule))).collect();
        let limits: Box<[Dial]> = limits.iter().map(|limit| dial(Target::Limit(*limit))).collect();
        let timed = rules.iter().chain(&limits).any(|dial| !dial.lowered.is_empty());
        Self { rules, limits, timed }
    }

    /// Whether any mode here may be another at another time.
    pub fn are_timed(&self) -> bool {
        self.timed
    }

    /// The mode of a rule now.
    pub fn rule(&self, rule: Rule, now: Nanos) -> Mode {
        self.rules.get(rule.index()).map_or(Mode::Enforce, |dial| dial.at(now))
    }

    /// The mode of the route's limit with this position in its list.
    pub fn limit(&self, position: usize, now: Nanos) -> Mode {
        self.limits.get(position).map_or(Mode::Enforce, |dial| dial.at(now))
    }

    /// The strictest mode of anything on the route now.
    pub fn strictest(&self, now: Nanos) -> Mode {
        self.rules.iter().chain(&self.limits).map(|dial| dial.at(now)).max().unwrap_or(Mode::Enforce)
    }
}

/// Remarks where a token is not enforced and what needs one is: a caller without a good one is refused all the same.
pub(super) fn remark_lowered(modes: &Modes, has_access: bool, place: &Place, problems: &Problems) {
    // Modes as written: by then every override has ended.
    let written = |rule| modes.rule(rule, Nanos(u64::MAX));
    let needs = |rule: &&Rule| rule.control() == Control::Access && written(**rule) == Mode::Enforce;
    if has_access
        && written(Rule::Whole(Control::Tokens)) != Mode::Enforce
        && Rule::ALL.iter().any(|it| needs(&it))
    {
        let text = "`tokens` does not enforce here and `access` does: a caller without a good token is refused with \
                    tokens.missing all the same; lower both to let such callers through";
        problems.remark(place, "tokens-lowered-alone", text);
    }
}
