//! What the caller may do, rule by rule.

use crate::control::access::Access;
use crate::control::access::Ownership;
use crate::control::tokens::Subjects;
use crate::engine::bench::Cleared;
use crate::engine::bench::Refused;
use crate::engine::bench::Waiver;
use crate::engine::head::Exchange;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::path::RequestPath;
use crate::telemetry::Outcome;

impl Exchange {
    /// Asks `access` as a whole, then each rule within it.
    pub(crate) fn access(
        &mut self,
        path: Option<&RequestPath<'_>>,
        subjects: Option<&Subjects>,
    ) -> Result<Cleared<Ownership>, Refused> {
        let Some(access) = self.bench.route().and_then(|route| route.access.clone()) else {
            return Ok(Cleared::Waived(Waiver::NotDemanded));
        };
        let first = subjects.and_then(Subjects::first).map(|subject| subject.claims());
        let now = self.bench.now;
        let whole = Rule::Whole(Control::Access);
        let caller = self.bench.weigh(whole, |_| access.check_caller(first).map(drop))?;
        if first.is_none() {
            let said = matches!(caller, Cleared::Waived(Waiver::Shadow));
            return self.without_caller(&access, path, said);
        }
        if access.has_scopes() {
            self.bench.weigh(Rule::AccessScopes, |_| access.check_scopes(first))?;
        }
        if access.has_claims() {
            let verdict = access.check_claims(first, &self.view(path, subjects));
            self.bench.weigh(Rule::AccessClaims, |_| verdict)?;
        }
        if access.has_step_up() {
            self.bench.weigh(Rule::AccessStepUp, |_| access.check_step_up(first, now))?;
        }
        let verdict = access.check_owners(first, &self.view(path, subjects));
        let cleared = self.bench.weigh(Rule::AccessOwner, |_| verdict)?;
        if let Cleared::Passed(Ownership::Exempted) = cleared {
            self.bench.note(Outcome::Exempted, Rule::AccessOwner);
        }
        Ok(cleared)
    }

    /// Nobody is known, and `access` as a whole does not enforce: a rule of it that does still fails by itself. In shadow
    /// the finer rules would only repeat what was `said` for all of them.
    fn without_caller(
        &mut self,
        access: &Access,
        path: Option<&RequestPath<'_>>,
        said: bool,
    ) -> Result<Cleared<Ownership>, Refused> {
        let now = self.bench.now;
        let rules = [
            (Rule::AccessScopes, access.check_scopes(None).map(drop)),
            (Rule::AccessClaims, access.check_claims(None, &self.view(path, None)).map(drop)),
            (Rule::AccessStepUp, access.check_step_up(None, now).map(drop)),
            (Rule::AccessOwner, access.check_owners(None, &self.view(path, None)).map(drop)),
        ];
        for (rule, verdict) in rules {
            if !said || self.bench.mode(rule) == Mode::Enforce {
                self.bench.weigh(rule, |_| verdict)?;
            }
        }
        Ok(Cleared::Waived(Waiver::Shadow))
    }
}
