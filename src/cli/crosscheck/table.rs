//! What came of each route: four requests, two of which must be refused.

use std::io;
use std::io::Write;

use serde_json::Value;

use crate::cli::crosscheck::accounts::Account;
use crate::cli::crosscheck::accounts::Accounts;
use crate::cli::crosscheck::ask::ask;
use crate::cli::crosscheck::gate::Answer;
use crate::cli::crosscheck::gate::Gate;
use crate::cli::crosscheck::plan::Rule;
use crate::cli::crosscheck::plan::Target;
use crate::model::pointer::Step;
use crate::model::pointer::child;
use crate::model::value::Source;

/// One route and method.
pub(super) struct Row {
    route: String,
    method: String,
    /// What each account got of its own, in the order of the accounts.
    own: Vec<Cell>,
    /// What each account got of the other's.
    foreign: Vec<Cell>,
    /// Why something could not be asked.
    untried: Option<String>,
}

/// What one request came to.
struct Cell {
    shown: String,
    good: bool,
}

impl Row {
    /// Sends the four requests. The error says why the gate cannot be asked at all.
    pub(super) fn try_out(target: &Target, accounts: &Accounts, gate: &Gate) -> Result<Self, String> {
        let (route, method) = (target.route.clone(), target.method.clone());
        let mut row = Self { route, method, own: Vec::new(), foreign: Vec::new(), untried: None };
        // Reads and own objects first: a write to another's object may be what spoils them.
        for caller in &accounts.both {
            match ask(target, caller, caller, accounts) {
                Ok(ask) => row.own.push(own(target, caller, &gate.ask(&ask)?)),
                Err(why) => row.untried = Some(why),
            }
        }
        if target.rules.iter().flat_map(Rule::sources).all(|source| matches!(source, Source::Response(_)))
            && !target.path.contains('{')
        {
            // Nothing of the request names an object: whose the answer is says it all.
            return Ok(row);
        }
        for caller in &accounts.both {
            match ask(target, caller, accounts.other(caller), accounts) {
                Ok(ask) => row.foreign.push(foreign(&gate.ask(&ask)?)),
                Err(why) => row.untried = Some(why),
            }
        }
        Ok(row)
    }

    pub(super) fn holds(&self) -> bool {
        self.untried.is_none() && self.own.iter().chain(&self.foreign).all(|cell| cell.good)
    }
}

/// A caller's own object: it must come, and what comes must be the caller's.
fn own(target: &Target, caller: &Account, answer: &Answer) -> Cell {
    let shown = answer.shown();
    if answer.status >= 400 {
        return Cell { shown, good: false };
    }
    let foreign = answer.body.as_ref().is_some_and(|body| {
        target.rules.iter().any(|rule| {
            let ids = rule.ids(&|token| caller.claims(token));
            let places = rule.sources().filter_map(|source| match source {
                Source::Response(place) => Some(place),
                _ => None,
            });
            let mut found = Vec::new();
            places.for_each(|place| walk(body, place.steps(), &mut found));
            found.iter().any(|id| !ids.iter().any(|own| same(own, id)))
        })
    });
    if foreign {
        return Cell { shown: format!("{shown} with another's"), good: false };
    }
    Cell { shown, good: true }
}

/// Another's object: it must be refused, whether that is said (403) or the object is denied (404).
fn foreign(answer: &Answer) -> Cell {
    Cell { shown: answer.shown(), good: matches!(answer.status, 403 | 404) }
}

impl Answer {
    fn shown(&self) -> String {
        match &self.reason {
            Some(reason) => format!("{} {reason}", self.status),
            None => self.status.to_string(),
        }
    }
}

/// Everything that stands at a place; `*` is every element of a list.
fn walk<'v>(value: &'v Value, steps: &[Step], found: &mut Vec<&'v Value>) {
    match steps {
        [] => found.push(value),
        [Step::Each, rest @ ..] => {
            value.as_array().into_iter().flatten().for_each(|element| walk(element, rest, found));
        }
        [Step::Key(key), rest @ ..] => {
            if let Some(inner) = child(value, key) {
                walk(inner, rest, found);
            }
        }
    }
}

/// Ids as people compare them: `42` and `"42"` are one.
fn same(a: &Value, b: &Value) -> bool {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    text(a).eq_ignore_ascii_case(&text(b))
}

/// Prints the table.
pub(super) fn print(rows: &[Row], accounts: &Accounts, out: &mut dyn Write) -> io::Result<()> {
    let [first, second] = &accounts.both;
    let names = [&first.name, &second.name].map(|name| name.as_str());
    let width = |of: &dyn Fn(&Row) -> usize, least: usize| rows.iter().map(of).max().unwrap_or(0).max(least);
    let route = width(&|row| row.route.len().saturating_add(row.method.len()).saturating_add(1), 5);
    let cells = |cells: &[Cell]| cells.iter().map(|cell| cell.shown.as_str()).collect::<Vec<_>>().join(", ");
    let own = width(&|row| cells(&row.own).len(), 9);
    let foreign = width(&|row| cells(&row.foreign).len(), 11);
    writeln!(out, "{} and {}, each for its own object and for the other's", names[0], names[1])?;
    writeln!(out, "{:route$} | {:own$} | {:foreign$} | ", "route", "their own", "the other's")?;
    for row in rows {
        let verdict = match (&row.untried, row.holds()) {
            (Some(why), _) => format!("NOT SHOWN: {why}"),
            (None, true) => "holds".into(),
            (None, false) => "FAILS".into(),
        };
        let name = format!("{} {}", row.method, row.route);
        writeln!(
            out,
            "{name:route$} | {:own$} | {:foreign$} | {verdict}",
            cells(&row.own),
            cells(&row.foreign)
        )?;
    }
    Ok(())
}
