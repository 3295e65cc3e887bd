//! Plays a row on both sides, and compares what came with what the row expects.

use std::collections::BTreeMap;
use std::time::Duration;

use portcullis_envoy::{Answer, Client, Gate, Protocol, Request, Result};
use serde_json::Value;
use tokio::time::Instant;

use crate::row::{Aim, Row, Way};
use crate::stage::Stage;
use crate::tally::Tally;

/// What came of a row.
pub(crate) struct Verdict {
    pub(crate) row: Row,
    pub(crate) without: String,
    pub(crate) with: String,
    pub(crate) reason: String,
    /// In what it is not as expected: a sentence each.
    pub(crate) faults: Vec<String>,
}

impl Verdict {
    pub(crate) fn as_expected(&self) -> bool {
        self.faults.is_empty()
    }
}

struct Played {
    answers: Vec<Answer>,
    took: Duration,
}

/// Plays the row that stands at `at` on both sides, each time against a fresh shop.
pub(crate) fn verdict(stage: &Stage, at: usize, row: Row) -> Verdict {
    let side = |gate| {
        stage.shop.reset();
        play(&row, gate, at)
    };
    match (side(&stage.without), side(&stage.with)) {
        (Ok(without), Ok(with)) => judge(row, &without, &with),
        (without, with) => {
            let told = |side: &Result<Played>| side.as_ref().map_or("failed".to_owned(), Played::statuses);
            let errors = [&without, &with].map(|side| side.as_ref().err().map(|error| format!("{error:#}")));
            Verdict {
                without: told(&without),
                with: told(&with),
                reason: String::new(),
                faults: errors.into_iter().flatten().collect(),
                row,
            }
        }
    }
}

fn play(row: &Row, gate: &Gate, at: usize) -> Result<Played> {
    // Every row has an address of its own, so that no row uses up the budget of another.
    let address = u8::try_from(at).unwrap_or_default().saturating_add(10);
    let client = match row.cleartext {
        true => gate.cleartext(Protocol::H2),
        false => gate.client(Protocol::H2),
    };
    let client = client.from_loopback(address);
    let start = Instant::now();
    let answers = match row.way {
        Way::InTurn => in_turn(&client, &row.requests)?,
        Way::AtOnce { .. } => client.send_together(&row.requests)?,
        // Above those of the rows.
        Way::FromMany => {
            let each = (100..=u8::MAX).cycle().zip(&row.requests);
            each.map(|(last, request)| client.clone().from_loopback(last).send(request))
                .collect::<Result<_>>()?
        }
    };
    Ok(Played { answers, took: start.elapsed() })
}

/// One after the other on one connection. A `{name}` in a path or a header stands for the text of that name in an
/// earlier answer.
fn in_turn(client: &Client, requests: &[Request]) -> Result<Vec<Answer>> {
    let mut connection = client.connect()?;
    let mut known = BTreeMap::new();
    let mut answers = Vec::new();
    for request in requests {
        let answer = connection.send(&filled(request, &known))?;
        if let Ok(Value::Object(members)) = answer.json() {
            let texts =
                members.into_iter().filter_map(|(name, value)| Some((name, value.as_str()?.to_owned())));
            known.extend(texts);
        }
        answers.push(answer);
    }
    Ok(answers)
}

fn filled(request: &Request, known: &BTreeMap<String, String>) -> Request {
    let mut filled = request.clone();
    let values = filled.headers.0.iter_mut().map(|(_, value)| value);
    for text in values.chain([&mut filled.path]) {
        for (name, value) in known {
            *text = String::from_utf8_lossy(text).replace(&format!("{{{name}}}"), value).into_bytes();
        }
    }
    filled
}

fn judge(row: Row, without: &Played, with: &Played) -> Verdict {
    let mut faults = Vec::new();
    let mut expect = |holds: bool, fault: String| faults.extend((!holds).then_some(fault));
    expect(row.without == without.tally(), format!("without: expected {}", row.without));
    expect(row.admits(with), format!("with: expected {}", row.with));
    let mut reason = with.reasons();
    expect(reason == row.reason, format!("reason: expected {}", row.reason));
    match row.aim {
        Aim::Statuses => {}
        Aim::Prize(prize) => {
            expect(without.holds(prize), format!("without: nothing says {prize}"));
            expect(!with.holds(prize), format!("with: an answer says {prize}"));
            if reason.is_empty() {
                reason =
                    if with.holds(prize) { "got through" } else { "passes, and gains nothing" }.to_owned();
            }
        }
        Aim::SameAnswers => {
            let same = without.lasting() == with.lasting();
            expect(same, "the answers differ".to_owned());
            reason = if same { "the same answers" } else { "other answers" }.to_owned();
        }
    }
    Verdict { without: without.statuses(), with: with.statuses(), reason, faults, row }
}

impl Row {
    /// Whether the statuses are those expected. A budget that was refilled meanwhile lets so many more pass, and no more.
    fn admits(&self, with: &Played) -> bool {
        let tally = with.tally();
        let Way::AtOnce { refill } = self.way else { return tally == self.with };
        let refilled = with.took.as_millis().checked_div(refill.as_millis()).unwrap_or_default();
        let most = self.with.count(429);
        let least = most.saturating_sub(usize::try_from(refilled).unwrap_or(most));
        (least..=most).contains(&tally.count(429)) && tally.statuses().eq(self.with.statuses())
    }
}

impl Played {
    fn tally(&self) -> Tally {
        self.answers.iter().map(|answer| answer.status).collect()
    }

    fn statuses(&self) -> String {
        self.tally().to_string()
    }

    /// The refusals' reasons, each once, in the order in which they came.
    fn reasons(&self) -> String {
        let mut reasons: Vec<String> = Vec::new();
        for reason in self.answers.iter().filter_map(Answer::reason) {
            if !reasons.contains(&reason) {
                reasons.push(reason);
            }
        }
        reasons.join(", ")
    }

    fn holds(&self, text: &str) -> bool {
        self.answers.iter().any(|answer| answer.text().contains(text))
    }

    /// The answers, but for what is new in every run: tokens, and the ids of new orders.
    fn lasting(&self) -> Vec<(u16, Option<String>, Vec<u8>)> {
        let lasting = |answer: &Answer| {
            let body = match answer.json() {
                Ok(mut body) => {
                    forget_fresh(&mut body);
                    body.to_string().into_bytes()
                }
                Err(_) => answer.body.clone(),
            };
            (answer.status, answer.header("content-type"), body)
        };
        self.answers.iter().map(lasting).collect()
    }
}

fn forget_fresh(value: &mut Value) {
    let Value::Object(members) = value else { return };
    for name in ["access_token", "refresh_token", "id"] {
        if let Some(fresh) = members.get_mut(name) {
            *fresh = "fresh".into();
        }
    }
}

#[cfg(test)]
mod tests {
    use portcullis_envoy::Headers;

    use super::*;
    use crate::row::{attack, honest};

    fn answer(status: u16, body: &str) -> Answer {
        Answer { status, headers: Headers::default(), body: body.into(), trailers: Headers::default() }
    }

    fn played(answers: impl IntoIterator<Item = (usize, u16)>, took_ms: u64) -> Played {
        let answers =
            answers.into_iter().flat_map(|(count, status)| vec![answer(status, ""); count]).collect();
        Played { answers, took: Duration::from_millis(took_ms) }
    }

    #[test]
    fn a_budget_may_be_refilled_while_a_flood_lasts_and_no_faster() {
        let row = attack("flood", [], Aim::Statuses)
            .at_once(Duration::from_millis(500))
            .with(&[(60, 401), (140, 429)], "limits.exceeded");
        for (about, answers, took_ms, want) in [
            ("exactly the burst", [(60, 401), (140, 429)], 100, true),
            ("one more at once", [(61, 401), (139, 429)], 499, false),
            ("one more after half a second", [(61, 401), (139, 429)], 500, true),
            ("fewer than the burst", [(59, 401), (141, 429)], 5_000, false),
            ("another status", [(60, 200), (140, 429)], 100, false),
        ] {
            assert_eq!(row.admits(&played(answers, took_ms)), want, "{about}");
        }
    }

    #[test]
    fn an_attack_must_succeed_without_and_fail_with() {
        let side = |body| Played { answers: vec![answer(200, body)], took: Duration::ZERO };
        let faults = |without, with| {
            judge(attack("", [Request::get("/")], Aim::Prize("bob")), &side(without), &side(with)).faults
        };
        assert_eq!(faults("bob", "alice"), Vec::<String>::new());
        assert_eq!(faults("alice", "alice"), ["without: nothing says bob"]);
        assert_eq!(faults("bob", "bob"), ["with: an answer says bob"]);
    }

    #[test]
    fn honest_answers_are_the_same_but_for_what_is_fresh() {
        let side = |body| Played { answers: vec![answer(200, body)], took: Duration::ZERO };
        let fine =
            |without, with| judge(honest("", [], &[(1, 200)]), &side(without), &side(with)).as_expected();
        assert!(fine(r#"{"id":"1","name":"a"}"#, r#"{"id":"2","name":"a"}"#));
        assert!(!fine(r#"{"id":"1","name":"a"}"#, r#"{"id":"1","name":"b"}"#));
        assert!(!fine("data: 1", "data: 2"));
    }

    #[test]
    fn names_in_braces_stand_for_texts_of_earlier_answers() {
        let known = BTreeMap::from([("id".to_owned(), "7".to_owned()), ("token".to_owned(), "t".to_owned())]);
        let request = filled(&Request::get("/orders/{id}?a={b}").bearer("{token}"), &known);
        assert_eq!(String::from_utf8_lossy(&request.path), "/orders/7?a={b}");
        assert_eq!(request.headers.get("authorization").as_deref(), Some("Bearer t"));
    }
}
