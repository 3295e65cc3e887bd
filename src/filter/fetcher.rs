//! Fetches documents: one worker at a time, for all of them. What is in one is [`crate::filter::documents`]'s business.
//!
//! Two shared values a document: its [`Sheet`], and what is [`Kept`] of the last good answer. Whoever moves the sheet on
//! by compare-and-swap has the lease and sends the request.

use std::cell::RefCell;
use std::collections::HashMap;

use crate::control::tokens::Definitions;
use crate::control::tokens::polled::Document;
use crate::control::tokens::polled::Heard;
use crate::control::tokens::polled::Kept;
use crate::control::tokens::polled::Sheet;
use crate::control::tokens::polled::entity_tag;
use crate::control::tokens::polled::freshness;
use crate::engine::World;
use crate::filter::documents;
use crate::filter::documents::Good;
use crate::filter::documents::Wanted;
use crate::filter::host;
use crate::filter::host::Body;
use crate::filter::host::Failed;
use crate::filter::host::Level;
use crate::filter::host::Map;
use crate::filter::runtime::Runtime;
use crate::filter::world::Host;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::time::Nanos;

/// Fetches in flight and sheets seen, of one worker.
#[derive(Default)]
pub(crate) struct Fetcher {
    /// By call token.
    calls: RefCell<HashMap<u32, Call>>,
    /// By the document's name: its sheet when this worker looked last.
    seen: RefCell<HashMap<String, Sheet>>,
}

/// A request under way: which document's, and when it was sent.
struct Call {
    name: String,
    asked: Nanos,
    wanted: Wanted,
}

/// Why an answer is no good: the outcome that is counted.
type Why = &'static str;

fn sheet_name(name: &str) -> String {
    format!("{name}.sheet")
}

fn text_name(name: &str) -> String {
    format!("{name}.text")
}

fn sheet(name: &str) -> Option<(Sheet, u32)> {
    let (bytes, cas) = host::shared(&sheet_name(name)).ok()??;
    Some((Sheet::read(&bytes)?, cas))
}

fn put_sheet(name: &str, sheet: Sheet, cas: u32) -> Result<(), Why> {
    host::set_shared(&sheet_name(name), &sheet.to_bytes(), cas).map_err(|_| "not_kept")
}

fn kept(name: &str) -> Option<Kept> {
    Kept::read(host::shared(&text_name(name)).ok()??.0)
}

/// Makes the sheets that are not there yet. Called while one thread alone configures: compare-and-swap on an absent
/// value would let every worker win.
pub(crate) fn prepare(definitions: &Definitions) {
    Document::all(definitions).iter().for_each(|document| prepare_one(&document.name()));
}

fn prepare_one(name: &str) {
    if sheet(name).is_none() && put_sheet(name, Sheet::default(), 0).is_err() {
        host::log(Level::Error, "portcullis: the host does not keep shared data; nothing can be fetched");
    }
}

impl Fetcher {
    /// Looks at every document: takes over what another worker fetched, and fetches what is due. Answers whether
    /// anything happened that a held request may have waited for.
    pub(crate) fn tick(&self, runtime: &Runtime) -> bool {
        let news = self.look(runtime);
        for document in &runtime.documents {
            self.fetch_if_due(runtime, document);
        }
        news
    }

    /// Takes over what another worker fetched, or this one under the policy before. Answers whether anything happened.
    pub(crate) fn look(&self, runtime: &Runtime) -> bool {
        let mut news = false;
        for document in &runtime.documents {
            let name = document.name();
            let Some((sheet, _)) = sheet(&name) else { continue };
            let seen = self.seen.borrow_mut().insert(name.clone(), sheet);
            if seen == Some(sheet) {
                continue;
            }
            news = true;
            let version = seen.map(|seen| seen.version).unwrap_or_default();
            let text = (sheet.version != version).then(|| kept(&name)).flatten();
            documents::adopt(runtime, document, &sheet, text.as_ref());
        }
        news
    }

    fn fetch_if_due(&self, runtime: &Runtime, document: &Document) {
        let name = document.name();
        let Some((sheet, cas)) = sheet(&name) else { return prepare_one(&name) };
        let now = host::now();
        let wished = || documents::take_wish(runtime, document);
        let Some(leased) = sheet.take(now, &document.source, wished) else { return };
        // Whoever moves the due time on sends the request.
        if put_sheet(&name, leased, cas).is_err() {
            return;
        }
        let text = kept(&name).filter(|_| sheet.version != 0);
        let wanted =
            text.map(|text| documents::wanted(runtime, document, &sheet, text, now)).unwrap_or_default();
        match send(document, &wanted) {
            Ok(call) => {
                self.calls.borrow_mut().insert(call, Call { name, asked: now, wanted });
            }
            Err(_) => failed(runtime, document, now, "unreachable"),
        }
    }

    /// The answer to one of the calls. Answers whether it was to one.
    pub(crate) fn on_answer(&self, runtime: &Runtime, call: u32, headers: usize, size: usize) -> bool {
        let Some(call) = self.calls.borrow_mut().remove(&call) else { return false };
        let Some(document) = runtime.documents.iter().find(|document| document.name() == call.name) else {
            return false;
        };
        match read(runtime, document, &call, headers, size) {
            Ok(()) => documents::count(runtime, document, "ok"),
            Err(why) => failed(runtime, document, call.asked, why),
        }
        self.look(runtime)
    }
}

fn send(document: &Document, wanted: &Wanted) -> Result<u32, Failed> {
    let source = &document.source;
    let mut path = source.path.to_string();
    if let Some(after) = &wanted.after {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str("after=");
        path.push_str(after);
    }
    host::get(&source.cluster, &source.authority, &path, &wanted.tag, source.timeout)
}

/// The sheet under which the request was sent. Nobody is heard who comes when another has the lease.
fn own_sheet(name: &str, asked: Nanos) -> Option<(Sheet, u32)> {
    sheet(name).filter(|(sheet, _)| sheet.asked == asked)
}

fn read(runtime: &Runtime, document: &Document, call: &Call, headers: usize, size: usize) -> Result<(), Why> {
    // A call that failed has no headers at all.
    let head = if headers == 0 { None } else { host::headers(Map::CallResponse) };
    let head = head.ok_or("unreachable")?;
    let (before, cas) = own_sheet(&call.name, call.asked).ok_or("late")?;
    match head.single(":status") {
        Found::One(b"200") => take_in(runtime, document, call, &head, size, before, cas),
        Found::One(b"304") if !call.wanted.tag.is_empty() => {
            let heard = Heard { changed: false, whole: true, fresh: freshness(&head) };
            put_sheet(&call.name, before.kept(host::now(), &document.source, heard, Host.jitter()), cas)
        }
        _ => Err("status"),
    }
}

fn take_in(
    runtime: &Runtime,
    document: &Document,
    call: &Call,
    head: &Headers,
    size: usize,
    before: Sheet,
    cas: u32,
) -> Result<(), Why> {
    let most = documents::max_bytes(runtime, document);
    if size > most {
        return Err("too_large");
    }
    let body = host::body(Body::CallResponse, most).map_err(|_| "unreadable")?;
    let old = kept(&call.name).filter(|_| before.version != 0);
    let Good { body, whole } =
        documents::judge(runtime, document, old.as_ref(), &call.wanted, body, host::now())?;
    // The tag of a difference is not that of the whole.
    let tag = entity_tag(head).filter(|_| whole).unwrap_or_default().to_vec();
    let new = Kept { tag, body };
    let changed = old.as_ref().map(|old| &old.body) != Some(&new.body);
    if old.as_ref() != Some(&new) {
        host::set_shared(&text_name(&call.name), &new.to_bytes(), 0).map_err(|_| "not_kept")?;
    }
    let heard = Heard { changed, whole, fresh: freshness(head) };
    put_sheet(&call.name, before.kept(host::now(), &document.source, heard, Host.jitter()), cas)
}

fn failed(runtime: &Runtime, document: &Document, asked: Nanos, why: Why) {
    let name = document.name();
    documents::count(runtime, document, why);
    host::log(
        Level::Warn,
        &format!("portcullis: {}: fetch failed: {why}", documents::title(runtime, document)),
    );
    let Some((sheet, cas)) = own_sheet(&name, asked) else { return };
    // Whoever was faster knows better.
    let _ = put_sheet(&name, sheet.failed(host::now(), &document.source, Host.jitter()), cas);
}
