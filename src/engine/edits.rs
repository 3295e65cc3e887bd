//! What changes in a request's head, once and last: every change may make the host choose its route anew.

use crate::control::routing;
use crate::model::headers::Headers;

/// Changes to a head.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edits {
    /// Lines to remove, by the names under which they came.
    pub remove: Vec<String>,
    /// Lines to set: one line of that name, with this value.
    pub set: Vec<(Box<str>, Vec<u8>)>,
}

impl Edits {
    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.remove.is_empty() && self.set.is_empty()
    }

    /// Removes what is there of `name` (in lower case).
    pub(crate) fn drop(&mut self, headers: &Headers, name: &str) {
        if headers.has(name) && !self.remove.iter().any(|known| known == name) {
            self.remove.push(name.to_owned());
        }
    }
}

/// What goes in every mode, on every route and on none: identity headers that the client sent, in any case, also with `_`
/// for `-`, and the lines by which an upstream could be told another method or path.
pub fn untrusted(headers: &Headers, identity: &[Box<str>]) -> Edits {
    let mut edits = Edits::default();
    for (name, _) in headers.iter() {
        let Ok(name) = std::str::from_utf8(name) else { continue };
        let same = |known: &str| known.len() == name.len() && known.bytes().zip(name.bytes()).all(alike);
        if identity.iter().any(|known| same(known)) || routing::OVERRIDES.iter().any(|known| same(known)) {
            edits.drop(headers, name);
        }
    }
    edits
}

/// Bytes of header names that some upstream takes for one another.
fn alike((known, byte): (u8, u8)) -> bool {
    known == byte.to_ascii_lowercase() || known == b'-' && byte == b'_' || known == b'_' && byte == b'-'
}
