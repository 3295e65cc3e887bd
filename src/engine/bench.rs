//! What a mode means: the one place where a control's verdict becomes a proof, a waiver or a refusal.

use std::borrow::Cow;
use std::rc::Rc;

use crate::control::routing::Parameters;
use crate::engine::record::Event;
use crate::engine::record::Record;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::time::Nanos;
use crate::policy::Modes;
use crate::policy::Policy;
use crate::policy::Route;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::telemetry::Outcome;

/// A control that was passed, with its proof, or that was waived for a reason that has a name.
#[derive(Debug)]
pub(crate) enum Cleared<Proof> {
    /// It passed.
    Passed(Proof),
    /// It did not need to, or was not let to matter.
    Waived(Waiver),
}

/// Why a control did not have to be passed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Waiver {
    /// Its mode is `disabled`.
    Disabled,
    /// Its mode is `shadow`, and it would have refused.
    Shadow,
    /// The route does not ask for it.
    NotDemanded,
    /// Who was to be asked said nothing, and the policy lets that pass.
    Unanswered,
    /// The request has no route, since `routing` does not enforce or lets it pass.
    NoRoute,
}

impl<Proof> Cleared<Proof> {
    pub(crate) fn proof(&self) -> Option<&Proof> {
        match self {
            Self::Passed(proof) => Some(proof),
            Self::Waived(_) => None,
        }
    }
}

/// A refusal that a control was let to make.
#[derive(Debug)]
pub(crate) struct Refused {
    /// What the client is told.
    pub(crate) shown: Refusal,
}

/// Weighs the controls of one request, and keeps the record.
#[derive(Debug)]
pub(crate) struct Bench {
    pub(crate) policy: Rc<Policy>,
    pub(crate) now: Nanos,
    /// In a box: a request is moved about, and this is most of it.
    pub(crate) record: Box<Record>,
    place: Option<(usize, Parameters)>,
    /// Controls that handed on no proof so far, though the route demands them.
    unproven: Vec<Control>,
}

impl Bench {
    pub(crate) fn new(policy: Rc<Policy>, now: Nanos) -> Self {
        let record = Box::new(Record::new(policy.clone()));
        Self { policy, now, record, place: None, unproven: Vec::new() }
    }

    pub(crate) fn placed(&mut self, route: usize, parameters: Parameters) {
        self.record.placed(route);
        self.place = Some((route, parameters));
    }

    /// The matched route.
    pub(crate) fn route(&self) -> Option<&Route> {
        self.place.as_ref().and_then(|(index, _)| self.policy.routes.get(*index))
    }

    pub(crate) fn parameters(&self) -> Option<&Parameters> {
        self.place.as_ref().map(|(_, parameters)| parameters)
    }

    pub(crate) fn modes(&self) -> &Modes {
        self.route().map_or(&self.policy.modes, |route| &route.modes)
    }

    /// Time goes on. Looking at the clock is a host call, and decides something only where modes end by themselves.
    pub(crate) fn later(&mut self, clock: impl FnOnce() -> Nanos) {
        if self.modes().are_timed() {
            self.now = clock();
        }
    }

    pub(crate) fn mode(&self, rule: Rule) -> Mode {
        self.modes().rule(rule, self.now)
    }

    /// Asks one rule, in its mode.
    pub(crate) fn weigh<Proof>(
        &mut self,
        rule: Rule,
        check: impl FnOnce(&Self) -> Result<Proof, Refusal>,
    ) -> Result<Cleared<Proof>, Refused> {
        let mode = self.mode(rule);
        self.weigh_in(mode, rule, check)
    }

    /// Asks one rule, in a mode that is not the route's own.
    pub(crate) fn weigh_in<Proof>(
        &mut self,
        mode: Mode,
        rule: Rule,
        check: impl FnOnce(&Self) -> Result<Proof, Refusal>,
    ) -> Result<Cleared<Proof>, Refused> {
        if mode == Mode::Disabled {
            self.unproven.push(rule.control());
            return Ok(Cleared::Waived(Waiver::Disabled));
        }
        match check(self) {
            Ok(proof) => Ok(Cleared::Passed(proof)),
            Err(refusal) => self.fail(mode, rule.control(), rule.as_str().into(), refusal),
        }
    }

    /// One failure that several rules suffer from: the strictest of them speaks, once; of equals the first.
    pub(crate) fn weigh_strictest(&mut self, rules: &[Rule], refusal: Refusal) -> Result<(), Refused> {
        let strictest = rules.iter().rev().max_by_key(|rule| self.mode(**rule));
        strictest.map_or(Ok(()), |rule| self.weigh::<()>(*rule, |_| Err(refusal)).map(drop))
    }

    /// What becomes of a refusal in a mode that is not `disabled`.
    pub(crate) fn fail<Proof>(
        &mut self,
        mode: Mode,
        control: Control,
        rule: Cow<'static, str>,
        refusal: Refusal,
    ) -> Result<Cleared<Proof>, Refused> {
        // Whoever lacks a subject, or what a claim would have said, lacks it because of `tokens`, unless it is `tokens`
        // that says so.
        let cause = match refusal.reason {
            Reason::LimitsKeyMissing | Reason::ClientUnknown => Control::Tokens,
            reason => reason.control(),
        };
        let after = Some(cause).filter(|cause| *cause != control && self.unproven.contains(cause));
        let reason = Some(refusal.reason);
        if mode == Mode::Enforce {
            self.record.note(Event { outcome: Outcome::Refused, control, rule, reason, after, count: None });
            return Err(Refused { shown: self.conceal(control, refusal) });
        }
        self.unproven.push(control);
        self.record.note(Event { outcome: Outcome::WouldRefuse, control, rule, reason, after, count: None });
        Ok(Cleared::Waived(Waiver::Shadow))
    }

    /// Notes something that is no refusal.
    pub(crate) fn note(&mut self, outcome: Outcome, rule: Rule) {
        let (control, rule) = (rule.control(), rule.as_str().into());
        self.record.note(Event { outcome, control, rule, reason: None, after: None, count: None });
    }

    /// Notes that so many parts of an answer go, or in shadow would.
    pub(crate) fn note_removed(&mut self, rule: Rule, count: usize) {
        let enforced = self.mode(rule) == Mode::Enforce;
        let outcome = if enforced { Outcome::Removed } else { Outcome::WouldRemove };
        let (control, rule) = (rule.control(), rule.as_str().into());
        let event = Event { outcome, control, rule, reason: None, after: None, count: Some(count) };
        self.record.note(event);
    }

    /// A 403 of a route that conceals its objects looks like a path that no route has.
    fn conceal(&self, control: Control, refusal: Refusal) -> Refusal {
        let conceals =
            self.route().and_then(|route| route.access.as_ref()).is_some_and(|access| access.conceals());
        if conceals && control == Control::Access && refusal.reason.status() == 403 {
            return Reason::RoutingUnmatched.into();
        }
        refusal
    }
}
