//! What the controls make of an answer whose body is whole: one parse, whatever asks.

use serde_json::Value;

use crate::control::access::Shown;
use crate::control::access::ShownOwner;
use crate::control::response::Response;
use crate::control::response::Undeclared;
use crate::control::tokens::Subjects;
use crate::engine::bench::Bench;
use crate::engine::bench::Refused;
use crate::model::cut::Cut;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::telemetry::Outcome;

/// The rules of the route that need what stands in the answer.
pub(crate) fn needing(response: &Response) -> impl Iterator<Item = Rule> + use<> {
    let rules = [
        Some(Rule::Whole(Control::Response)),
        response.has_schema().then_some(Rule::ResponseSchema),
        response.undeclared().map(|_| Rule::ResponseUndeclared),
        response.is_owned().then_some(Rule::AccessOwner),
    ];
    rules.into_iter().flatten()
}

/// What stands in the answer cannot be had: whoever needs it fails in its own mode.
pub(crate) fn unfit(bench: &mut Bench, response: &Response, refusal: Refusal) -> Result<(), Refused> {
    bench.weigh_strictest(&needing(response).collect::<Vec<_>>(), refusal)
}

/// Whether something may be taken out of answers.
pub(crate) fn removes(bench: &Bench, response: &Response) -> bool {
    response.undeclared() == Some(Undeclared::Remove) && bench.mode(Rule::ResponseUndeclared) == Mode::Enforce
}

/// Whether an answer of this status would show an object whose owner is asked.
pub(crate) fn shows_nothing(response: &Response, status: u16) -> bool {
    response.is_owned() && ((200..300).contains(&status) || status == 304)
}

/// Judges an answer that would show an object and has no body: nobody can say whose it is.
pub(crate) fn judge_nothing(bench: &mut Bench, subjects: Option<&Subjects>) -> Result<(), Refused> {
    judge_owners(bench, subjects, |owner, sight| owner.check_nothing(sight)).map(drop)
}

/// Judges a whole body: first whose objects it shows, so that another's look the same whatever is wrong with them; then
/// what must go goes, and what is left is judged. `Some` where it is another now.
pub(crate) fn judge(
    bench: &mut Bench,
    subjects: Option<&Subjects>,
    response: &Response,
    status: u16,
    body: &[u8],
) -> Result<Option<Vec<u8>>, Refused> {
    if let Some(left) = glance(bench, response, status, body)? {
        return Ok(left);
    }
    let mut value = match response.check_json(body) {
        Ok(Some(value)) => value,
        Ok(None) if shows_nothing(response, status) => return judge_nothing(bench, subjects).map(|()| None),
        Ok(None) => return Ok(None),
        Err(refusal) => return unfit(bench, response, refusal).map(|()| None),
    };
    let mut changed = None;
    if (200..300).contains(&status) {
        let judge = |owner: &ShownOwner, sight: &Claimed<'_>| owner.check(sight, &value);
        if let Some(cut) = judge_owners(bench, subjects, judge)? {
            bench.note_removed(Rule::AccessOwner, cut.count());
            if bench.mode(Rule::AccessOwner) == Mode::Enforce {
                make(bench, response, &cut, &mut value, &mut changed, body)?;
            }
        }
    }
    let undeclared = bench.weigh(Rule::ResponseUndeclared, |_| response.check_undeclared(status, &value))?;
    if let Some(cut) = undeclared.proof().filter(|cut| !cut.is_empty()) {
        bench.note_removed(Rule::ResponseUndeclared, cut.count());
        if removes(bench, response) {
            make(bench, response, cut, &mut value, &mut changed, body)?;
        }
    }
    bench.weigh(Rule::ResponseSchema, |_| response.check_schema(status, &value))?;
    Ok(changed)
}

/// Judges a body that a glance admits: `None` of all others, which must be read; within it what the body is now, where it
/// is another.
fn glance(
    bench: &mut Bench,
    response: &Response,
    status: u16,
    body: &[u8],
) -> Result<Option<Option<Vec<u8>>>, Refused> {
    let asks = response.undeclared().is_some() && bench.mode(Rule::ResponseUndeclared) != Mode::Disabled;
    let Some(glance) = response.glance(status, body, asks) else { return Ok(None) };
    let left = match glance.count() {
        0 => None,
        // What is left was looked at, and it is what goes on only where the rest is removed.
        _ if !removes(bench, response) => return Ok(None),
        _ => match glance.left(body) {
            None => return Ok(None),
            left => left,
        },
    };
    bench.weigh(Rule::ResponseUndeclared, |_| Ok(()))?;
    if left.is_some() {
        bench.note_removed(Rule::ResponseUndeclared, glance.count());
    }
    bench.weigh(Rule::ResponseSchema, |_| Ok(()))?;
    Ok(Some(left))
}

/// Makes a cut in the value and in the text.
fn make(
    bench: &mut Bench,
    response: &Response,
    cut: &Cut,
    value: &mut Value,
    changed: &mut Option<Vec<u8>>,
    body: &[u8],
) -> Result<(), Refused> {
    match cut.splice(changed.as_deref().unwrap_or(body)) {
        Ok(text) => {
            cut.prune(value);
            *changed = Some(text);
            Ok(())
        }
        // It was read from this very text. If it were not, nobody would know what is in it.
        Err(_) => unfit(bench, response, Reason::ResponseMalformed.into()),
    }
}

/// Asks every owner rule of the answer. What goes, together: elements alone, so that no cut moves another's.
fn judge_owners(
    bench: &mut Bench,
    subjects: Option<&Subjects>,
    check: impl Fn(&ShownOwner, &Claimed<'_>) -> Result<Shown, Refusal>,
) -> Result<Option<Cut>, Refused> {
    let shown = bench.route().map(|route| route.shown.clone()).unwrap_or_default();
    if shown.is_empty() {
        return Ok(None);
    }
    let first = subjects.and_then(Subjects::first).map(|subject| subject.claims());
    let sight = Claimed(subjects);
    let verdict = ShownOwner::check_caller(first).and_then(|_| {
        let mut all = Cut::default();
        let mut exempted = false;
        for owner in shown.iter() {
            match check(owner, &sight)? {
                Shown::Own(cut) => all.merge(cut),
                Shown::Exempted => exempted = true,
            }
        }
        Ok((all, exempted))
    });
    let cleared = bench.weigh(Rule::AccessOwner, |_| verdict)?;
    let Some((cut, exempted)) = cleared.proof() else { return Ok(None) };
    if *exempted {
        bench.note(Outcome::Exempted, Rule::AccessOwner);
    }
    Ok(Some(cut.clone()).filter(|cut| !cut.is_empty()))
}

/// The claims of verified tokens: all that an owner rule of an answer needs beside the answer.
struct Claimed<'s>(Option<&'s Subjects>);

impl Sight for Claimed<'_> {
    fn see(&self, source: &Source) -> Seen<'_> {
        let Source::Claim(claim) = source else { return Seen::Missing };
        let subject = self.0.and_then(|subjects| subjects.of(claim.token));
        subject.and_then(|subject| subject.claims().get(&claim.claim)).map_or(Seen::Missing, Seen::Json)
    }
}
