//! A JSON object as audit events are written: member by member, what is not known left out.

use crate::document::write_text;

/// An object that is being written. A derived serializer did as much and cost three times as many instructions: whoever
/// prunes has an event for each answer.
pub(super) struct Object {
    /// Its text so far; a comma stands behind each member.
    out: Vec<u8>,
}

impl Object {
    pub(super) fn begun() -> Self {
        let mut out = Vec::with_capacity(256);
        out.push(b'{');
        Self { out }
    }

    pub(super) fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.name(name);
            write_text(value, &mut self.out);
            self.out.push(b',');
        }
    }

    pub(super) fn number(&mut self, name: &str, value: Option<u64>) {
        if let Some(value) = value {
            self.name(name);
            self.out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            self.out.push(b',');
        }
    }

    /// A list of objects, each written by `write`.
    pub(super) fn list<T>(
        &mut self,
        name: &str,
        items: impl Iterator<Item = T>,
        write: impl Fn(T, &mut Self),
    ) {
        self.name(name);
        self.out.push(b'[');
        for item in items {
            self.out.push(b'{');
            write(item, self);
            self.close(b'}');
            self.out.push(b',');
        }
        self.close(b']');
        self.out.push(b',');
    }

    /// Its text.
    pub(super) fn ended(mut self) -> Vec<u8> {
        self.close(b'}');
        self.out
    }

    /// Names are our own: nothing in them is to be escaped.
    fn name(&mut self, name: &str) {
        self.out.push(b'"');
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(b"\":");
    }

    /// Ends what is open, in place of the comma behind its last part.
    fn close(&mut self, with: u8) {
        match self.out.last_mut() {
            Some(last) if *last == b',' => *last = with,
            _ => self.out.push(with),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::Object;

    #[test]
    fn is_json_whatever_stands_in_it() {
        let longer = "a text of more than eight bytes, \" behind it";
        for text in ["", "r7", "a \"b\" \\", "tab\tand\nline\u{1}", "Zoë 😀", longer] {
            let mut object = Object::begun();
            object.text("left_out", None);
            object.list("none", [].into_iter(), |rule, out| out.text("rule", rule));
            object.list("events", [None, Some(text)].into_iter(), |rule, out| out.text("rule", rule));
            object.number("status", Some(u64::MAX));
            let read: Value = serde_json::from_slice(&object.ended()).unwrap();
            let want = json!({ "none": [], "events": [{}, { "rule": text }], "status": u64::MAX });
            assert_eq!(read, want, "{text:?}");
        }
    }
}
