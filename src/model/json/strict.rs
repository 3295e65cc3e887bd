//! JSON text to a value that no other reader of the same bytes sees differently.
//!
//! Bodies are read at every request, so the text is gone over once, by hand: bounds, names and numbers are looked at where
//! they stand. What is rare is the parser's of `serde_json`: escapes, exponents, long numbers. A test holds this reader
//! against a slow one that is made of that parser alone.

use serde_json::Map;
use serde_json::Number;
use serde_json::Value;
use serde_json::map::Entry;

use crate::bytes;
use crate::model::json::budget::Budget;
use crate::model::json::number;
use crate::model::json::scan;
use crate::model::json::scan::Cursor;

/// Why a body is not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unfit {
    /// Not JSON (RFC 8259), not UTF-8, half a surrogate pair, a byte order mark, bytes after the value, no bytes.
    Malformed,
    /// A name twice in one object, once its escapes are undone.
    DuplicateName,
    /// A number that the [`Budget`] does not allow.
    Number,
    /// Deeper, or of more or longer parts, than the [`Budget`] allows.
    Structure,
}

/// The deepest that anything is read, whatever a budget says: reading takes stack.
pub(crate) const DEEPEST: usize = 127;

/// Reads a whole body.
///
/// # Errors
/// [`Unfit`], by whatever is met first; but a number that is not allowed goes before all else.
pub fn read(text: &[u8], budget: &Budget) -> Result<Value, Unfit> {
    let (valid, whole) = match std::str::from_utf8(text) {
        Ok(text) => (text, true),
        // What stands before the first byte that is no text may be unfit for another reason.
        Err(error) => (utf8(text.get(..error.valid_up_to()).unwrap_or_default())?, false),
    };
    let mut reader = Reader { cursor: Cursor::new(valid), budget, parts: 0 };
    let value = reader.document().and_then(|value| if whole { Ok(value) } else { Err(Unfit::Malformed) });
    value.map_err(|unfit| if number::fit(text, budget.numbers) { unfit } else { Unfit::Number })
}

fn utf8(text: &[u8]) -> Result<&str, Unfit> {
    std::str::from_utf8(text).map_err(|_| Unfit::Malformed)
}

/// How far a text is read, and what is counted over all of it.
struct Reader<'t> {
    cursor: Cursor<'t>,
    budget: &'t Budget,
    parts: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Value, Unfit> {
        let first = self.cursor.past_space();
        let value = self.value(first, 0)?;
        if self.cursor.past_space().is_none() { Ok(value) } else { Err(Unfit::Malformed) }
    }

    /// The value that begins with the byte `first`, which is where this stands.
    fn value(&mut self, first: Option<u8>, depth: usize) -> Result<Value, Unfit> {
        match first {
            Some(b'"') => {
                let text = self.string()?;
                within(text.len(), self.budget.text)?;
                Ok(Value::String(text))
            }
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b'{') => self.object(self.inner(depth)?),
            Some(b'[') => self.list(self.inner(depth)?),
            Some(b't') => self.word(b"true", Value::Bool(true)),
            Some(b'f') => self.word(b"false", Value::Bool(false)),
            Some(b'n') => self.word(b"null", Value::Null),
            _ => Err(Unfit::Malformed),
        }
    }

    fn word(&mut self, word: &[u8], value: Value) -> Result<Value, Unfit> {
        if !self.cursor.rest().starts_with(word) {
            return Err(Unfit::Malformed);
        }
        self.cursor.step(word.len());
        Ok(value)
    }

    fn number(&mut self) -> Result<Value, Unfit> {
        let (written, _) = scan::number(self.cursor.rest());
        if let Some(number) = number::plain(written) {
            self.cursor.step(written.len());
            return Ok(Value::Number(number));
        }
        if !number::allowed(written, self.budget.numbers) {
            return Err(Unfit::Number);
        }
        // What stands behind it without a comma, as in `1.2.3`, is met when the next part is.
        let written = number::head(written).ok_or(Unfit::Malformed)?;
        self.cursor.step(written.len());
        serde_json::from_slice::<Number>(written).map(Value::Number).map_err(|_| Unfit::Malformed)
    }

    /// A string, its escapes undone.
    fn string(&mut self) -> Result<String, Unfit> {
        let start = self.cursor.at;
        let mut escaped = false;
        self.cursor.step(1);
        loop {
            self.cursor.step(bytes::plain(self.cursor.rest()));
            match self.cursor.text.as_bytes().get(self.cursor.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.cursor.step(2);
                }
                _ => return Err(Unfit::Malformed),
            }
        }
        let inner = self.cursor.text.get(start.saturating_add(1)..self.cursor.at);
        self.cursor.step(1);
        if escaped {
            let quoted = self.cursor.text.get(start..self.cursor.at).ok_or(Unfit::Malformed)?;
            return serde_json::from_str(quoted).map_err(|_| Unfit::Malformed);
        }
        inner.map(str::to_owned).ok_or(Unfit::Malformed)
    }

    fn list(&mut self, depth: usize) -> Result<Value, Unfit> {
        let mut items = Vec::new();
        self.cursor.step(1);
        let mut next = self.cursor.past_space();
        if next == Some(b']') {
            self.cursor.step(1);
            return Ok(Value::Array(items));
        }
        loop {
            items.push(self.value(next, depth)?);
            self.one_more()?;
            if self.ends(b']')? {
                return Ok(Value::Array(items));
            }
            next = self.cursor.past_space();
        }
    }

    fn object(&mut self, depth: usize) -> Result<Value, Unfit> {
        // Names are looked up in a tree: no choice of names makes that slow.
        let mut members = Map::new();
        self.cursor.step(1);
        let mut next = self.cursor.past_space();
        if next == Some(b'}') {
            self.cursor.step(1);
            return Ok(Value::Object(members));
        }
        loop {
            if next != Some(b'"') {
                return Err(Unfit::Malformed);
            }
            let name = self.string()?;
            within(name.len(), self.budget.name)?;
            self.one_more()?;
            let Entry::Vacant(free) = members.entry(name) else { return Err(Unfit::DuplicateName) };
            if self.cursor.past_space() != Some(b':') {
                return Err(Unfit::Malformed);
            }
            self.cursor.step(1);
            let first = self.cursor.past_space();
            free.insert(self.value(first, depth)?);
            if self.ends(b'}')? {
                return Ok(Value::Object(members));
            }
            next = self.cursor.past_space();
        }
    }

    /// Goes past the comma behind a part, or past the end of what it is in: whether it was the end.
    fn ends(&mut self, close: u8) -> Result<bool, Unfit> {
        let next = self.cursor.past_space();
        self.cursor.step(1);
        match next {
            Some(b',') => Ok(false),
            Some(byte) if byte == close => Ok(true),
            _ => Err(Unfit::Malformed),
        }
    }

    fn inner(&self, depth: usize) -> Result<usize, Unfit> {
        if depth >= DEEPEST {
            return Err(Unfit::Malformed);
        }
        let depth = depth.saturating_add(1);
        within(depth, self.budget.depth).map(|()| depth)
    }

    fn one_more(&mut self) -> Result<(), Unfit> {
        self.parts = self.parts.saturating_add(1);
        within(self.parts, self.budget.parts)
    }
}

fn within(count: usize, bound: usize) -> Result<(), Unfit> {
    if count > bound { Err(Unfit::Structure) } else { Ok(()) }
}
