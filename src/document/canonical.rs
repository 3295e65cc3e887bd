//! A [`Node`] as the one text that its value has: compact JSON, its maps sorted by their keys.

use std::io::Write;
use std::rc::Rc;

use crate::bytes;
use crate::document::Kind;
use crate::document::Node;

impl Node {
    /// The text of this value: the same for each document that says the same.
    pub fn canonical(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.write_canonical(&mut out);
        out
    }

    pub(super) fn write_canonical(&self, out: &mut Vec<u8>) {
        self.write_with(out, |inner, out| inner.write_canonical(out));
    }

    /// Writes this value, and by `write` those within it.
    pub(super) fn write_with(&self, out: &mut Vec<u8>, write: impl Fn(&Rc<Self>, &mut Vec<u8>)) {
        match &self.kind {
            Kind::Null => out.extend_from_slice(b"null"),
            Kind::Bool(it) => out.extend_from_slice(if *it { b"true" } else { b"false" }),
            // Writing to memory does not fail.
            Kind::Number(it) => drop(write!(out, "{it}")),
            Kind::Text(it) => write_text(it, out),
            Kind::List(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    write(item, out);
                }
                out.push(b']');
            }
            Kind::Map(entries) => {
                out.push(b'{');
                if entries.is_sorted_by(|(one, _), (next, _)| one <= next) {
                    write_entries(entries.iter(), out, write);
                } else {
                    let mut sorted: Vec<&(Rc<str>, Rc<Node>)> = entries.iter().collect();
                    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
                    write_entries(sorted.into_iter(), out, write);
                }
                out.push(b'}');
            }
        }
    }
}

fn write_entries<'n>(
    entries: impl Iterator<Item = &'n (Rc<str>, Rc<Node>)>,
    out: &mut Vec<u8>,
    write: impl Fn(&Rc<Node>, &mut Vec<u8>),
) {
    for (index, (key, node)) in entries.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write_text(key, out);
        out.push(b':');
        write(node, out);
    }
}

/// Writes a text as JSON.
pub(crate) fn write_text(text: &str, out: &mut Vec<u8>) {
    if bytes::plain(text.as_bytes()) < text.len() {
        // Writing to memory does not fail.
        drop(serde_json::to_writer(out, text));
        return;
    }
    out.push(b'"');
    out.extend_from_slice(text.as_bytes());
    out.push(b'"');
}
