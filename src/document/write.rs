//! A [`Node`] back to JSON text, its maps in the order written.

use std::io;

use serde::Serialize;
use serde::Serializer;
use serde_json::ser::Formatter;

use crate::document::Kind;
use crate::document::Node;

impl Serialize for Node {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        match &self.kind {
            Kind::Null => out.serialize_unit(),
            Kind::Bool(it) => out.serialize_bool(*it),
            Kind::Number(it) => it.serialize(out),
            Kind::Text(it) => out.serialize_str(it),
            Kind::List(items) => out.collect_seq(items.iter().map(|item| &**item)),
            Kind::Map(entries) => out.collect_map(entries.iter().map(|(key, node)| (&**key, &**node))),
        }
    }
}

impl Node {
    /// The value as compact JSON that is YAML too: the characters that YAML does not print are escaped.
    ///
    /// # Errors
    /// Never in practice: a tree of strings and finite numbers can be written to memory.
    pub fn to_compact_json(&self) -> serde_json::Result<String> {
        let mut bytes = Vec::new();
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut bytes, Printed))?;
        String::from_utf8(bytes).map_err(serde::ser::Error::custom)
    }
}

/// JSON without white space, in characters that YAML 1.2 lists as printable (section 5.1), line breaks excepted.
struct Printed;

impl Formatter for Printed {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, text: &str) -> io::Result<()> {
        text.chars().try_for_each(|c| match c {
            c if c.is_control() => write!(out, "\\u{:04x}", u32::from(c)),
            '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                write!(out, "\\u{:04x}", u32::from(c))
            }
            _ => write!(out, "{c}"),
        })
    }
}
