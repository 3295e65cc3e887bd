//! How a request goes on: what changes in its head, and what is kept for its answer.

use crate::control::request::QueryEdit;
use crate::control::response::Response;
use crate::control::tokens;
use crate::control::tokens::Subjects;
use crate::engine::Admission;
use crate::engine::BodyCount;
use crate::engine::Decision;
use crate::engine::Evidence;
use crate::engine::content::AfterBody;
use crate::engine::edits;
use crate::engine::edits::Edits;
use crate::engine::head::BeforeBody;
use crate::engine::head::Exchange;
use crate::engine::response::AwaitAnswer;
use crate::model::mode::Control;
use crate::model::mode::Mode;
use crate::model::mode::Rule;
use crate::telemetry::Outcome;

/// What changes in the head, and how many claims could not be sent on.
pub(crate) fn request_edits(exchange: &Exchange, before: &BeforeBody) -> (Edits, usize) {
    let policy = &exchange.bench.policy;
    let headers = &exchange.headers;
    let mut edits = edits::untrusted(headers, &policy.identity_headers);
    let Some(route) = exchange.bench.route() else { return (edits, 0) };
    let subjects = before.tokens.proof();
    if exchange.bench.mode(Rule::Whole(Control::Tokens)) == Mode::Enforce {
        let nobody = Subjects::default();
        let proved = subjects.unwrap_or(&nobody);
        for name in tokens::stripped(&policy.tokens, proved, headers) {
            edits.drop(headers, name.clone());
        }
        // A route without tokens may be where they are had: there a proof is the upstream's to look at (RFC 9449, section 5).
        if !route.demand.is_none() && !tokens::proof_goes_on(&policy.tokens, proved) {
            edits.drop(headers, tokens::PROOF_HEADER);
        }
    }
    let forwarded = subjects.map(|subjects| tokens::forwarded(&policy.tokens, subjects)).unwrap_or_default();
    let unsent = forwarded.unsent;
    edits.set = forwarded.headers;
    if let Some(response) = route.response.as_ref().filter(|response| response.reads_body()) {
        let conditions = Response::CONDITIONS.into_iter().filter(|_| response.is_owned());
        for name in Response::TAKEN_OFF.into_iter().chain(conditions) {
            edits.drop(headers, name);
        }
    }
    if let Some(QueryEdit(query)) = &before.form.query
        && let Some(target) = headers.single(":path").one()
    {
        let path = target.split(|byte| *byte == b'?').next().unwrap_or_default();
        let mut target = path.to_vec();
        if !query.is_empty() {
            target.push(b'?');
            target.extend_from_slice(query);
        }
        edits.set.push((":path".into(), target));
    }
    (edits, unsent)
}

/// Lets the request go on.
pub(crate) fn admit(
    mut exchange: Exchange,
    before: BeforeBody,
    after: AfterBody,
    count: Option<BodyCount>,
) -> Decision {
    let (edits, unsent) = request_edits(&exchange, &before);
    if unsent > 0 {
        exchange.bench.note(Outcome::NotForwarded, Rule::Whole(Control::Tokens));
    }
    exchange.bench.note(Outcome::Admitted, Rule::Whole(Control::Routing));
    let answer = AwaitAnswer::new(exchange, before.tokens.proof());
    let evidence = Evidence { before, after };
    Decision::Admit(Box::new(Admission { evidence, edits, count, answer }))
}
