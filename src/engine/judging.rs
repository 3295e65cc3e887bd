//! What the controls make of an answer whose body is whole: one parse, whatever asks.

use crate::control::response::Response;
use crate::control::response::Undeclared;
use crate::engine::bench::Bench;
use crate::engine::bench::Refused;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::refusal::Reason;

/// The rules of the route that need what stands in the answer.
pub(crate) fn needing(response: &Response) -> Vec<Rule> {
    let undeclared = response.undeclared().map(|_| Rule::ResponseUndeclared);
    [Rule::Whole(Control::Response), Rule::ResponseSchema].into_iter().chain(undeclared).collect()
}

/// Whether something may be taken out of answers.
pub(crate) fn removes(bench: &Bench, response: &Response) -> bool {
    response.undeclared() == Some(Undeclared::Remove) && bench.mode(Rule::ResponseUndeclared) == Mode::Enforce
}

/// Judges a whole body: first what must go of it goes, then what is left is judged. `Some` where it is another now.
pub(crate) fn judge(
    bench: &mut Bench,
    response: &Response,
    status: u16,
    body: &[u8],
) -> Result<Option<Vec<u8>>, Refused> {
    let mut value = match response.check_json(body) {
        Ok(Some(value)) => value,
        Ok(None) => return Ok(None),
        Err(refusal) => return bench.weigh_strictest(&needing(response), refusal).map(|()| None),
    };
    let undeclared = bench.weigh(Rule::ResponseUndeclared, |_| response.check_undeclared(status, &value))?;
    let mut changed = None;
    if let Some(cut) = undeclared.proof().filter(|cut| !cut.is_empty()) {
        bench.note_removed(Rule::ResponseUndeclared, cut.count());
        if removes(bench, response) {
            cut.prune(&mut value);
            // It was read from this very text. If it were not, nobody would know what is in it.
            match cut.splice(body) {
                Ok(body) => changed = Some(body),
                Err(_) => bench.weigh_strictest(&needing(response), Reason::ResponseMalformed.into())?,
            }
        }
    }
    bench.weigh(Rule::ResponseSchema, |_| response.check_schema(status, &value))?;
    Ok(changed)
}
