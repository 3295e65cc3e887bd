//! A request of one account for an object of its own, or of the other's.

use percent_encoding::AsciiSet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::cli::crosscheck::accounts::Account;
use crate::cli::crosscheck::accounts::Accounts;
use crate::cli::crosscheck::gate::Ask;
use crate::cli::crosscheck::plan::Rule;
use crate::cli::crosscheck::plan::Target;
use crate::model::pointer::Step;
use crate::model::value::Source;

/// What stays as it is in a path and a query.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The request of `caller` for an object of `owner`.
pub(super) fn ask(
    target: &Target,
    caller: &Account,
    owner: &Account,
    accounts: &Accounts,
) -> Result<Ask, String> {
    let extra = accounts.routes.get(&target.route);
    let value = |notation: &str| -> Option<String> {
        let said = owner.values.get(notation).cloned();
        said.or_else(|| ruled(target, owner, notation)).or_else(|| extra?.values.get(notation).cloned())
    };
    let need = |notation: &str| {
        value(notation).ok_or_else(|| format!("`{}` says no `{notation}` among its `values`", owner.name))
    };
    let mut path = String::new();
    for segment in target.path.split('/').skip(1) {
        path.push('/');
        match segment.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            None => path.push_str(segment),
            Some(name) => {
                let id = need(&format!("path.{}", name.trim_end_matches('*')))?;
                path.push_str(&utf8_percent_encode(&id, PLAIN).to_string());
            }
        }
    }
    let mut notations: Vec<String> = target.required.clone();
    notations.extend(target.rules.iter().flat_map(Rule::sources).filter_map(notation));
    notations.extend(extra.iter().flat_map(|extra| extra.values.keys().cloned()));
    notations.sort();
    notations.dedup();
    let (mut query, mut headers) = (Vec::new(), Vec::new());
    for name in &notations {
        if let Some(parameter) = name.strip_prefix("query.") {
            let value = need(name)?;
            let coded = |text: &str| utf8_percent_encode(text, PLAIN).to_string();
            query.push(format!("{}={}", coded(parameter), coded(&value)));
        } else if let Some(header) = name.strip_prefix("header.") {
            headers.push((header.to_owned(), need(name)?));
        }
    }
    headers.extend(target.says.clone());
    for choices in &target.tokens {
        headers.extend(caller.header(choices, &accounts.tokens));
    }
    let question = if query.is_empty() { "" } else { "?" };
    Ok(Ask {
        method: target.method.clone(),
        target: format!("{path}{question}{}", query.join("&")),
        headers,
        body: body(target, owner, accounts)?,
    })
}

/// The body that the file of accounts says, with the owner's ids where a rule looks for them.
fn body(target: &Target, owner: &Account, accounts: &Accounts) -> Result<Option<Value>, String> {
    let said = accounts.routes.get(&target.route).and_then(|extra| extra.body.clone());
    let Some(mut body) = said else {
        if target.takes_body {
            return Err(format!("write `routes.{}.body` into the file of accounts", target.route));
        }
        return Ok(None);
    };
    for rule in &target.rules {
        for source in rule.sources() {
            if let (Source::Body(place), Some(id)) = (source, rule.ids(&|token| owner.claims(token)).first())
            {
                put(&mut body, place.steps(), id);
            }
        }
    }
    Ok(Some(body))
}

/// What a rule says must stand at a place, by the owner's token.
fn ruled(target: &Target, owner: &Account, wanted: &str) -> Option<String> {
    target.rules.iter().find_map(|rule| {
        let here = rule.sources().filter_map(notation).any(|it| it == wanted);
        let id = rule.ids(&|token| owner.claims(token)).into_iter().next().filter(|_| here)?;
        Some(match id {
            Value::String(text) => text,
            other => other.to_string(),
        })
    })
}

/// A place of a request's head, as values are written.
fn notation(source: &Source) -> Option<String> {
    match source {
        Source::Path(name) => Some(format!("path.{name}")),
        Source::Query(name) => Some(format!("query.{name}")),
        Source::Header(name) => Some(format!("header.{name}")),
        _ => None,
    }
}

/// Puts `id` at a place that is there.
fn put(value: &mut Value, steps: &[Step], id: &Value) {
    match (steps, value) {
        ([], value) => *value = id.clone(),
        ([Step::Each, rest @ ..], Value::Array(list)) => list.iter_mut().for_each(|it| put(it, rest, id)),
        ([Step::Key(key), rest @ ..], Value::Object(map)) => {
            if let Some(inner) = map.get_mut(&**key) {
                put(inner, rest, id);
            }
        }
        _ => {}
    }
}
