//! What became of a request, held against what its case expects.

use std::collections::BTreeMap;
use std::rc::Rc;

use portcullis::engine::Edits;
use portcullis::engine::Event;
use portcullis::engine::Record;
use portcullis::engine::Rejection;
use portcullis::refusal::Reason;
use portcullis::telemetry::Outcome;
use serde_json::Value;

use crate::case::Case;

/// What became of a request.
pub(crate) struct Seen {
    /// The route by which it went on; none where it was refused.
    pub(crate) route: Option<String>,
    pub(crate) edits: Edits,
    pub(crate) record: Record,
    /// What the client was sent, where there was an answer.
    pub(crate) end: Option<End>,
}

/// What the client was sent.
pub(crate) struct End {
    pub(crate) status: u16,
    /// The headers that the filter set.
    pub(crate) headers: Vec<(String, String)>,
    /// The headers that the filter removed from the upstream's.
    pub(crate) removed: Vec<String>,
    /// The filter's own body; null where the upstream's went on.
    pub(crate) body: Value,
    /// The text that stands in the place of the upstream's, where the filter changed it.
    pub(crate) text: Option<String>,
}

impl Seen {
    pub(crate) fn refused(rejection: Rejection) -> Self {
        let record = Record::clone(&rejection.record);
        Self { route: None, edits: Edits::default(), record, end: Some(End::replaced(rejection)) }
    }

    /// The reasons of all refusals of this outcome, and what each follows from.
    fn reasons(&self, outcome: Outcome) -> Vec<String> {
        let events = self.record.events().iter().filter(|event| event.outcome == outcome);
        let told = events.map(|event| {
            let reason = event.reason.map_or("none", |reason| reason.code());
            match event.after {
                Some(control) => format!("{reason} after {}", control.as_str()),
                None => reason.to_owned(),
            }
        });
        told.collect()
    }

    fn notes(&self) -> Vec<String> {
        let told = |it: &&Event| {
            matches!(
                it.outcome,
                Outcome::Exempted | Outcome::Uninspected | Outcome::Removed | Outcome::WouldRemove
            )
        };
        let note = |event: &Event| match event.count {
            Some(count) => format!("{} {count} by {}", event.outcome.as_str(), event.rule),
            None => event.outcome.as_str().to_owned(),
        };
        self.record.events().iter().filter(told).map(note).collect()
    }
}

fn names(names: &[Rc<str>]) -> Vec<String> {
    names.iter().map(|name| name.to_string()).collect()
}

impl End {
    pub(crate) fn passed(status: u16, edits: Edits) -> Self {
        let text = |value: Vec<u8>| String::from_utf8_lossy(&value).into_owned();
        let headers = edits.set.into_iter().map(|(name, value)| (name.to_string(), text(value)));
        let removed = names(&edits.remove);
        Self { status, headers: headers.collect(), removed, body: Value::Null, text: None }
    }

    pub(crate) fn replaced(rejection: Rejection) -> Self {
        let answer = rejection.answer;
        let headers = answer.headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Self {
            status: answer.status,
            headers,
            removed: Vec::new(),
            body: serde_json::from_slice(&answer.body).unwrap_or_default(),
            text: None,
        }
    }
}

/// Holds what was seen against what the case expects.
pub(crate) fn check(case: &Case, seen: &Seen) -> Result<Vec<String>, String> {
    let expect = &case.expect;
    let refused = seen.reasons(Outcome::Refused);
    let went = match (&seen.route, refused.first()) {
        (Some(route), _) => format!("admitted by {route}"),
        (None, reason) => format!("refused: {}", reason.map_or("nobody says why", |reason| reason)),
    };
    let wanted = match (&expect.admit, &expect.refuse) {
        (Some(route), None) => format!("admitted by {route}"),
        (None, Some(reason)) => format!("refused: {reason}"),
        _ => return Err("`expect` says just one of `admit` and `refuse`".into()),
    };
    same("decision", &went, &wanted)?;
    same("would_refuse", &seen.reasons(Outcome::WouldRefuse), &expect.would_refuse)?;
    same("notes", &seen.notes(), &expect.notes)?;
    if let Some(rule) = &expect.rule {
        let by = seen.record.events().iter().find(|event| event.outcome == Outcome::Refused);
        same("rule", by.map_or("none", |event| &*event.rule), rule)?;
    }
    if let Some(sets) = &expect.sets {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let set = seen.edits.set.iter().map(|(name, value)| (name.to_string(), text(value)));
        same("sets", &set.collect::<BTreeMap<_, _>>(), sets)?;
    }
    if let Some(removes) = &expect.removes {
        let (mut removed, mut removes) = (names(&seen.edits.remove), removes.clone());
        removed.sort();
        removes.sort();
        same("removes", &removed, &removes)?;
    }
    let reason = expect.refuse.as_deref().or(expect.response.as_deref().filter(|it| *it != "passes"));
    if let Some(wanted) = &expect.response {
        let ended = if case.upstream.is_none() { "there is no `upstream`" } else { "passes" };
        let ended = refused.first().map_or(ended, |reason| reason);
        same("response", ended, wanted.as_str())?;
    }
    check_answer(case, seen, reason)?;
    Ok(refused.into_iter().chain(expect.would_refuse.clone()).collect())
}

/// What the client was sent.
fn check_answer(case: &Case, seen: &Seen, reason: Option<&str>) -> Result<(), String> {
    let expect = &case.expect;
    let said = &expect.answer;
    let asks = expect.status.is_some()
        || !said.headers.is_empty()
        || !said.body.is_empty()
        || said.text.is_some()
        || said.removes.is_some();
    let Some(end) = &seen.end else {
        return if asks {
            Err("there is no answer yet: say what the `upstream` answers".into())
        } else {
            Ok(())
        };
    };
    let own = reason.and_then(|code| {
        let word = code.split(' ').next().unwrap_or_default();
        Reason::ALL.iter().find(|reason| reason.code() == word)
    });
    let status = expect.status.or(own.map(|reason| reason.status())).unwrap_or(end.status);
    same("status", &end.status, &status)?;
    let header =
        |name: &str| end.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    for (name, value) in &said.headers {
        same(&format!("answer.headers.{name}"), &header(name), &Some(value))?;
    }
    for name in &said.without {
        same(&format!("answer.headers.{name}"), &header(name), &None::<&str>)?;
    }
    if let Some(removes) = &said.removes {
        same("answer.removes", &end.removed, removes)?;
    }
    if let Some(text) = &said.text {
        same("answer.text", &end.text.as_deref().unwrap_or("as the upstream sent it"), &text.as_str())?;
    } else if expect.response.as_deref() == Some("passes") {
        same("answer.text", &end.text, &None::<String>)?;
    }
    for (name, value) in &said.body {
        same(&format!("answer.body.{name}"), end.body.get(name).unwrap_or(&Value::Null), value)?;
    }
    Ok(())
}

fn same<T: PartialEq<U> + std::fmt::Debug + ?Sized, U: std::fmt::Debug + ?Sized>(
    what: &str,
    seen: &T,
    wanted: &U,
) -> Result<(), String> {
    if seen == wanted { Ok(()) } else { Err(format!("{what}: {seen:?}, not {wanted:?}")) }
}
