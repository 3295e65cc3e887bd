//! What changes in a request's head, once and last: every change may make the host choose its route anew.

use std::rc::Rc;

use crate::control::routing;
use crate::model::headers::Found;
use crate::model::headers::Headers;

/// Changes to a head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// Lines to remove, by the names under which they came.
    pub remove: Vec<Rc<str>>,
    /// Lines to set: one line of that name, with this value.
    pub set: Vec<(Rc<str>, Vec<u8>)>,
}

impl Edits {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// These changes, and then the others.
    pub(crate) fn and(mut self, others: Self) -> Self {
        // Most often there are none on one side.
        if self.is_empty() {
            return others;
        }
        self.set.extend(others.set);
        self.remove.extend(others.remove);
        self
    }

    /// Removes what is there of `name` (in lower case).
    pub(crate) fn drop<N: AsRef<str> + Into<Rc<str>>>(&mut self, headers: &Headers, name: N) {
        if headers.has(name.as_ref()) && !self.remove.iter().any(|known| **known == *name.as_ref()) {
            self.remove.push(name.into());
        }
    }
}

/// What goes in every mode, on every route and on none: identity headers that the client sent, in any case, also with `_`
/// for `-`, and the lines by which an upstream could be told another method or path.
pub fn untrusted(headers: &Headers, identity: &[Box<str>]) -> Edits {
    let mut edits = Edits::default();
    for (name, _) in headers.iter() {
        let same = |known: &str| same_header(known.as_bytes(), name);
        if (identity.iter().any(|known| same(known)) || routing::OVERRIDES.iter().any(|known| same(known)))
            && let Ok(name) = std::str::from_utf8(name)
        {
            edits.drop(headers, name);
        }
    }
    edits
}

/// Digests of a body, in a head or in trailers (RFC 9530, and what it made obsolete).
pub const DIGESTS: [&str; 4] = ["content-digest", "repr-digest", "digest", "content-md5"];

/// What changes in an answer's head with its body, but for the length: digests go, a strong `etag` becomes a weak one,
/// since it spoke of other bytes (RFC 9110, section 8.8.1), and one that cannot be read goes.
pub(crate) fn changed_body(headers: &Headers) -> Edits {
    let mut edits = Edits::default();
    for name in DIGESTS {
        edits.drop(headers, name);
    }
    match headers.single("etag") {
        Found::Missing => {}
        Found::One(strong) if is_tag(strong) => edits.set.push(("etag".into(), [b"W/", strong].concat())),
        Found::One(weak) if weak.strip_prefix(b"W/").is_some_and(is_tag) => {}
        Found::One(_) | Found::Ambiguous => edits.drop(headers, "etag"),
    }
    edits
}

/// One quoted tag (RFC 9110, section 8.8.3). A host joins two lines of them into `"a","b"`, which is none.
fn is_tag(text: &[u8]) -> bool {
    let inner = text.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    inner.is_some_and(|inner| inner.iter().all(|byte| matches!(byte, b'!' | 0x23..=0x7e | 0x80..)))
}

/// Whether some upstream takes one header's name for the other's: in any case, `_` for `-`.
pub(crate) fn same_header(one: &[u8], other: &[u8]) -> bool {
    let plain = |byte: &u8| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() };
    one.len() == other.len() && one.iter().map(plain).eq(other.iter().map(plain))
}
