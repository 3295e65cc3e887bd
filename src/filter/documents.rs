//! What the documents are that [`crate::filter::fetcher`] fetches: how one is asked for and judged, and who takes it over.

use std::rc::Rc;
use std::time::Duration;

use crate::control::tokens::Definition;
use crate::control::tokens::KeySet;
use crate::control::tokens::MAX_BYTES;
use crate::control::tokens::polled::Document;
use crate::control::tokens::polled::Kept;
use crate::control::tokens::polled::Kind;
use crate::control::tokens::polled::Sheet;
use crate::control::tokens::revocation::Feed;
use crate::control::tokens::revocation::FeedFault;
use crate::control::tokens::revocation::Held;
use crate::control::tokens::revocation::Revocation;
use crate::control::tokens::revocation::WHOLE_EVERY;
use crate::filter::host;
use crate::filter::host::Level;
use crate::filter::host::Metric;
use crate::filter::runtime::Runtime;
use crate::filter::runtime::add;
use crate::model::time::Nanos;
use crate::telemetry;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    /// Only if it is not the one with this tag; empty for whatever there is.
    pub(crate) tag: Vec<u8>,
    /// Only what came after this state.
    pub(crate) after: Option<Box<str>>,
}

/// A document that was found good.
pub(crate) struct Good {
    /// As it is kept.
    pub(crate) body: Vec<u8>,
    /// Whether it came as a whole.
    pub(crate) whole: bool,
}

/// What to ask for when this is kept.
pub(crate) fn wanted(
    runtime: &Runtime,
    document: &Document,
    sheet: &Sheet,
    kept: Kept,
    now: Nanos,
) -> Wanted {
    let tagged = Wanted { tag: kept.tag, after: None };
    match document.kind {
        Kind::Keys => tagged,
        Kind::Revoked => {
            let concerns = feed_bounds(runtime, document).1;
            match Held::read(&kept.body) {
                Some(held) if now.since(sheet.whole) < WHOLE_EVERY && held.cursor(concerns).is_some() => {
                    Wanted { after: held.cursor(concerns).map(Into::into), ..Wanted::default() }
                }
                Some(held) if held.covers(concerns) => tagged,
                _ => Wanted::default(),
            }
        }
    }
}

/// The most bytes that an answer may have.
pub(crate) fn max_bytes(runtime: &Runtime, document: &Document) -> usize {
    match document.kind {
        Kind::Keys => MAX_BYTES,
        Kind::Revoked => feeds(runtime, document).map(|(_, it)| it.max_bytes()).max().unwrap_or_default(),
    }
}

/// Whether a request asks for an early fetch.
pub(crate) fn take_wish(runtime: &Runtime, document: &Document) -> bool {
    if document.kind != Kind::Keys {
        return false;
    }
    let memory = runtime.memory.borrow();
    // All of them are taken: one fetch serves all.
    document.definitions.iter().filter(|index| memory.keys.take_refresh_wish(**index)).count() > 0
}

/// Judges an answer's body. A document is good that serves any of its definitions; the others keep what they have.
pub(crate) fn judge(
    runtime: &Runtime,
    document: &Document,
    kept: Option<&Kept>,
    wanted: &Wanted,
    body: Vec<u8>,
    now: Nanos,
) -> Result<Good, &'static str> {
    match document.kind {
        Kind::Keys => {
            let serves = |it: &Definition| KeySet::parse(&body, &it.algorithms).is_ok();
            let good = readers(runtime, document).any(serves);
            if good { Ok(Good { body, whole: true }) } else { Err("unusable") }
        }
        Kind::Revoked => {
            let (max, concerns) = feed_bounds(runtime, document);
            let fault = |fault: FeedFault| fault.as_str();
            let feed = Feed::parse(&body, &document.issuer, max, wanted.after.as_deref()).map_err(fault)?;
            drop(body);
            let whole = feed.is_whole();
            let before = kept.and_then(|kept| Held::read(&kept.body)).unwrap_or_default();
            let held = before.with(feed, concerns, max, now).map_err(fault)?;
            Ok(Good { body: held.to_bytes(), whole })
        }
    }
}

/// Takes over what the sheet says, and the document where it is a new one.
pub(crate) fn adopt(runtime: &Runtime, document: &Document, sheet: &Sheet, kept: Option<&Kept>) {
    match document.kind {
        Kind::Keys => {
            for definition in readers(runtime, document) {
                let set = kept.and_then(|kept| keys(definition, &kept.body));
                runtime.memory.borrow_mut().keys.look(definition, sheet, set);
            }
        }
        Kind::Revoked => {
            let held = kept.and_then(|kept| Held::read(&kept.body)).map(Rc::new);
            for (definition, _) in feeds(runtime, document) {
                runtime.memory.borrow_mut().feeds.look(definition, sheet, held.clone());
            }
        }
    }
}

fn keys(definition: &Definition, text: &[u8]) -> Option<Rc<KeySet>> {
    let name = &definition.name;
    match KeySet::parse(text, &definition.algorithms) {
        Ok((set, skipped)) => {
            for key in &skipped {
                host::log(Level::Warn, &format!("portcullis: keys of `{name}`: {key}"));
            }
            host::log(Level::Info, &format!("portcullis: keys of `{name}`: {} in force", set.len()));
            Some(Rc::new(set))
        }
        Err(fault) => {
            host::log(Level::Warn, &format!("portcullis: keys of `{name}`: {fault}"));
            None
        }
    }
}

fn readers<'r>(runtime: &'r Runtime, document: &'r Document) -> impl Iterator<Item = &'r Definition> {
    document.definitions.iter().filter_map(|index| runtime.policy.tokens.get(*index))
}

fn feeds<'r>(
    runtime: &'r Runtime,
    document: &'r Document,
) -> impl Iterator<Item = (&'r Definition, &'r Revocation)> {
    readers(runtime, document).filter_map(|it| Some((it, it.revocation.as_ref()?)))
}

/// The most entries of a feed, and how long they are kept: as much as any definition asks for.
fn feed_bounds(runtime: &Runtime, document: &Document) -> (usize, Duration) {
    let most = feeds(runtime, document).map(|(_, it)| it.max_entries).max().unwrap_or_default();
    (most, feeds(runtime, document).map(|(_, it)| it.concerns).max().unwrap_or_default())
}

/// What a document is called in the log.
pub(crate) fn title(runtime: &Runtime, document: &Document) -> String {
    let names: Vec<String> = readers(runtime, document).map(|it| format!("`{}`", it.name)).collect();
    let kind = match document.kind {
        Kind::Keys => "keys",
        Kind::Revoked => "revocations",
    };
    format!("{kind} of {}", names.join(", "))
}

/// Counts a fetch, under the first definition that reads the document.
pub(crate) fn count(runtime: &Runtime, document: &Document, outcome: &str) {
    let Some(first) = readers(runtime, document).next() else { return };
    let labels =
        [("policy", runtime.policy.name.as_str()), ("token", first.name.as_str()), ("outcome", outcome)];
    let counter = match document.kind {
        Kind::Keys => telemetry::KEY_FETCHES,
        Kind::Revoked => telemetry::REVOCATION_FETCHES,
    };
    add(counter, &labels, 1);
}

/// Shows how old the feeds in force are, and how much they hold.
pub(crate) fn show(runtime: &Runtime) {
    let now = host::now();
    for definition in runtime.policy.tokens.iter() {
        let Some((entries, fetched)) = runtime.memory.borrow().feeds.state(definition.index) else {
            continue;
        };
        let labels = [("policy", runtime.policy.name.as_str()), ("token", definition.name.as_str())];
        let entries = u64::try_from(entries).unwrap_or(u64::MAX);
        for (name, value) in [
            (telemetry::REVOCATION_AGE, now.since(fetched).as_secs()),
            (telemetry::REVOCATION_ENTRIES, entries),
        ] {
            if let Ok(id) = host::metric(Metric::Gauge, &telemetry::series(name, &labels)) {
                host::gauge(id, value);
            }
        }
    }
}
