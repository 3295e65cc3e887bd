//! Whose objects an answer shows, and what goes of it where some are another's.

use std::collections::HashSet;

use serde_json::Value;

use crate::control::access::Allowed;
use crate::control::access::Owner;
use crate::control::access::owner::Id;
use crate::model::claims::Claims;
use crate::model::cut::Cut;
use crate::model::pointer::Pointer;
use crate::model::pointer::Step;
use crate::model::pointer::child;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// One owner rule of an answer.
#[derive(Clone, Debug)]
pub struct ShownOwner {
    pub(super) owner: Owner,
    /// The way to each object: up to the last `*`, or nothing where the whole answer is one.
    pub(super) objects: Box<[Step]>,
    /// Where its id stands in the object; several places must agree.
    pub(super) ids: Vec<Box<[Step]>>,
    pub(super) filters: bool,
}

/// How an owner rule of an answer was held.
#[derive(Debug, Eq, PartialEq)]
pub enum Shown {
    /// What is left after this cut is the caller's.
    Own(Cut),
    /// The caller may see others' objects: `unless` said so.
    Exempted,
}

impl ShownOwner {
    /// The steps up to the last `*`, and those behind it.
    pub(super) fn split(place: &Pointer) -> (Box<[Step]>, Box<[Step]>) {
        let steps = place.steps();
        let behind = steps.iter().rposition(|step| *step == Step::Each).map_or(0, |at| at.saturating_add(1));
        steps
            .split_at_checked(behind)
            .map_or_else(Default::default, |(to, within)| (to.into(), within.into()))
    }

    /// Somebody must have been verified.
    ///
    /// # Errors
    /// `tokens.missing`.
    pub fn check_caller(first: Option<&Claims>) -> Result<Allowed, Refusal> {
        first.map(|_| Allowed(())).ok_or_else(|| Reason::TokensMissing.into())
    }

    /// An answer that shows nothing by which one could say whose it is.
    ///
    /// # Errors
    /// `access.owner_missing`, unless the caller may see others' objects.
    pub fn check_nothing(&self, sight: &impl Sight) -> Result<Shown, Refusal> {
        if self.owner.exempts(sight) { Ok(Shown::Exempted) } else { Err(Reason::AccessOwnerMissing.into()) }
    }

    /// Judges one answer. `unless` is looked at first.
    ///
    /// # Errors
    /// `access.owner_missing` where an object has no id, or two that differ, and where no list stands at a `*`;
    /// `access.foreign` where an object is another's and is not to be dropped.
    pub fn check(&self, sight: &impl Sight, answer: &Value) -> Result<Shown, Refusal> {
        if self.owner.exempts(sight) {
            return Ok(Shown::Exempted);
        }
        let own = self.owner.own(sight);
        if self.objects.is_empty() {
            return if self.is_own(&own, answer)? { Ok(Shown::Own(Cut::default())) } else { foreign() };
        }
        self.walk(&own, &self.objects, answer).map(Shown::Own)
    }

    fn walk(&self, own: &HashSet<Id<'_>>, way: &[Step], value: &Value) -> Result<Cut, Refusal> {
        let mut cut = Cut::default();
        match way.split_first() {
            None => {}
            Some((Step::Key(key), rest)) => {
                let inner = child(value, key).ok_or(Reason::AccessOwnerMissing)?;
                let inner = self.walk(own, rest, inner)?;
                match key.parse() {
                    Ok(index) if value.is_array() => cut.within_element(index, inner),
                    _ => cut.within_member(key, inner),
                }
            }
            Some((Step::Each, rest)) => {
                let items = value.as_array().ok_or(Reason::AccessOwnerMissing)?;
                for (index, item) in items.iter().enumerate() {
                    if !rest.is_empty() {
                        cut.within_element(index, self.walk(own, rest, item)?);
                    } else if !self.is_own(own, item)? {
                        if !self.filters {
                            return foreign();
                        }
                        cut.drop_element(index);
                    }
                }
            }
        }
        Ok(cut)
    }

    /// Whether the object is the caller's, by every place of its id.
    fn is_own(&self, own: &HashSet<Id<'_>>, object: &Value) -> Result<bool, Refusal> {
        let mut named: Option<Result<Id<'_>, Reason>> = None;
        for place in &self.ids {
            let key = |value, step: &Step| match step {
                Step::Key(key) => child(value, key),
                Step::Each => None,
            };
            let id = place.iter().try_fold(object, key).map_or(Seen::Missing, Seen::Json);
            let id = match self.owner.id(id) {
                // An id of another kind is another's.
                Err(Reason::AccessForeign) => Err(Reason::AccessForeign),
                id => Ok(id?),
            };
            if named.as_ref().is_some_and(|first| *first != id) {
                // Nobody can say whose it is: the same 403 as an object without an id, which can be concealed.
                return Err(Reason::AccessOwnerMissing.into());
            }
            named = Some(id);
        }
        match named {
            Some(Ok(id)) => Ok(own.contains(&id)),
            Some(Err(_)) => Ok(false),
            None => Err(Reason::AccessOwnerMissing.into()),
        }
    }
}

fn foreign<T>() -> Result<T, Refusal> {
    Err(Reason::AccessForeign.into())
}
