//! What the documents are that [`crate::filter::fetcher`] fetches: how one is judged, and who takes it over.

use std::rc::Rc;

use crate::control::tokens::Definition;
use crate::control::tokens::KeySet;
use crate::control::tokens::MAX_BYTES;
use crate::control::tokens::polled::Document;
use crate::control::tokens::polled::Kept;
use crate::control::tokens::polled::Kind;
use crate::control::tokens::polled::Sheet;
use crate::filter::host;
use crate::filter::host::Level;
use crate::filter::runtime::Runtime;
use crate::filter::runtime::add;
use crate::model::time::Nanos;
use crate::telemetry;

/// A document that was found good.
pub(crate) struct Good {
    /// As it is kept.
    pub(crate) body: Vec<u8>,
    /// Whether it came as a whole.
    pub(crate) whole: bool,
}

/// The most bytes that an answer may have.
pub(crate) fn max_bytes(_: &Runtime, document: &Document) -> usize {
    match document.kind {
        Kind::Keys => MAX_BYTES,
    }
}

/// Whether a request asks for an early fetch.
pub(crate) fn take_wish(runtime: &Runtime, document: &Document) -> bool {
    let memory = runtime.memory.borrow();
    // All of them are taken: one fetch serves all.
    document.definitions.iter().filter(|index| memory.keys.take_refresh_wish(**index)).count() > 0
}

/// Judges an answer's body. A document is good that serves any of its definitions; the others keep what they have.
pub(crate) fn judge(
    runtime: &Runtime,
    document: &Document,
    _: Option<&Kept>,
    body: Vec<u8>,
    _: Nanos,
) -> Result<Good, &'static str> {
    match document.kind {
        Kind::Keys => {
            let serves = |it: &Definition| KeySet::parse(&body, &it.algorithms).is_ok();
            let good = readers(runtime, document).any(serves);
            if good { Ok(Good { body, whole: true }) } else { Err("unusable") }
        }
    }
}

/// Takes over what the sheet says, and the document where it is a new one.
pub(crate) fn adopt(runtime: &Runtime, document: &Document, sheet: &Sheet, text: Option<&Kept>) {
    for definition in readers(runtime, document) {
        match document.kind {
            Kind::Keys => {
                let set = text.and_then(|text| keys(definition, &text.body));
                runtime.memory.borrow_mut().keys.look(definition, sheet, set);
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

/// What a document is called in the log.
pub(crate) fn title(runtime: &Runtime, document: &Document) -> String {
    let names: Vec<String> = readers(runtime, document).map(|it| format!("`{}`", it.name)).collect();
    let kind = match document.kind {
        Kind::Keys => "keys",
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
    };
    add(counter, &labels, 1);
}
