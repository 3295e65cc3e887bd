//! What goes of a JSON text: members of objects and elements of lists, whole, at any depth. What stays keeps its order and
//! every byte, the numbers' text among it: no text is written anew.
//!
//! A [`Cut`] is worked out on the value and then made twice, in the value and in the text that it was read from.

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use crate::bytes;

/// What goes of one value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Cut {
    members: Parts<Box<str>>,
    elements: Parts<usize>,
}

/// Parts in the order of their keys, each key once: the order in which a value's parts are met.
type Parts<K> = Vec<(K, Part)>;

/// What goes of a member or an element.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    /// All of it.
    Whole,
    /// Something in it.
    Inner(Cut),
}

/// A text that is not the one that a [`Cut`] was worked out on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Differs;

impl Cut {
    /// Whether nothing goes.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty() && self.elements.is_empty()
    }

    /// How many members and elements go, without what stands in them.
    pub fn count(&self) -> usize {
        let one = |part: &Part| match part {
            Part::Whole => 1,
            Part::Inner(cut) => cut.count(),
        };
        let sum = |sum: usize, part| sum.saturating_add(one(part));
        let members = self.members.iter().map(|(_, part)| part);
        members.chain(self.elements.iter().map(|(_, part)| part)).fold(0, sum)
    }

    /// The member goes.
    pub fn drop_member(&mut self, name: &str) {
        put(&mut self.members, name.into(), Part::Whole);
    }

    /// The element goes.
    pub fn drop_element(&mut self, index: usize) {
        put(&mut self.elements, index, Part::Whole);
    }

    /// Something in the member goes, or nothing.
    pub fn within_member(&mut self, name: &str, cut: Cut) {
        if !cut.is_empty() {
            put(&mut self.members, name.into(), Part::Inner(cut));
        }
    }

    /// Something in the element goes, or nothing.
    pub fn within_element(&mut self, index: usize, cut: Cut) {
        if !cut.is_empty() {
            put(&mut self.elements, index, Part::Inner(cut));
        }
    }

    /// Adds another cut of the same value; or of what this one left, where no elements went, whose numbers move.
    pub fn merge(&mut self, later: Cut) {
        let Cut { members, elements } = later;
        merge(&mut self.members, members);
        merge(&mut self.elements, elements);
    }

    /// Makes the cut in the value.
    pub fn prune(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, part) in &self.members {
                    match part {
                        Part::Whole => drop(members.remove(&**name)),
                        Part::Inner(cut) => members.get_mut(&**name).into_iter().for_each(|it| cut.prune(it)),
                    }
                }
            }
            Value::Array(items) => {
                let (mut index, mut parts) = (0_usize, self.elements.iter().peekable());
                items.retain_mut(|item| {
                    let part = parts.next_if(|(at, _)| *at == index).map(|(_, part)| part);
                    index = index.saturating_add(1);
                    if let Some(Part::Inner(cut)) = part {
                        cut.prune(item);
                    }
                    part != Some(&Part::Whole)
                });
            }
            _ => {}
        }
    }

    /// Makes the cut in the text: well-formed JSON without a name twice, the very text of the value.
    ///
    /// # Errors
    /// [`Differs`] where something that goes is not there.
    pub fn splice(&self, text: &[u8]) -> Result<Vec<u8>, Differs> {
        let mut reader = Reader { text, at: 0, gone: Vec::new(), met: 0 };
        reader.space();
        reader.value(Some(self))?;
        if reader.met != self.count() {
            return Err(Differs);
        }
        without(text, &reader.gone).ok_or(Differs)
    }
}

/// A text without these ranges, which stand in order; `None` where one is not in it.
pub(crate) fn without(text: &[u8], gone: &[Range<usize>]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut from = 0;
    for range in gone {
        out.extend_from_slice(text.get(from..range.start)?);
        from = range.end;
    }
    out.extend_from_slice(text.get(from..)?);
    Some(out)
}

/// A part that goes: where it begins behind its separator or what opens its list, where it ends, where the one behind
/// begins, and where the first of the list began.
pub(crate) struct Gone {
    pub(crate) first: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
    pub(crate) next: usize,
    /// Whether any part stays before it.
    pub(crate) stays: bool,
    /// Whether it is the last of its list.
    pub(crate) last: bool,
}

impl Gone {
    /// Notes its range, together with those before that it covers or touches.
    ///
    /// One separator goes with it: the one before, or, where nothing stays before it, the one behind.
    pub(crate) fn note(self, gone: &mut Vec<Range<usize>>) {
        let mut range = match (self.stays, self.last) {
            (true, _) => self.start.saturating_sub(1)..self.end,
            (false, false) => self.start..self.next,
            (false, true) => self.first..self.end,
        };
        while let Some(before) = gone.pop_if(|before| before.end >= range.start) {
            range = before.start.min(range.start)..before.end.max(range.end);
        }
        gone.push(range);
    }
}

/// Puts a part in its place, which is the end for who goes over a value in its order.
fn put<K: Ord>(parts: &mut Parts<K>, key: K, part: Part) {
    if parts.last().is_none_or(|(last, _)| *last < key) {
        return parts.push((key, part));
    }
    let at = parts.binary_search_by(|(known, _)| known.cmp(&key));
    match at.map(|at| parts.get_mut(at)) {
        Ok(Some((_, known))) => *known = part,
        Ok(None) => {}
        Err(at) => parts.insert(at, (key, part)),
    }
}

fn merge<K: Ord>(earlier: &mut Parts<K>, later: Parts<K>) {
    if earlier.is_empty() {
        *earlier = later;
        return;
    }
    let mut known = std::mem::take(earlier).into_iter().peekable();
    for (key, part) in later {
        while let Some(before) = known.next_if(|(known, _)| *known < key) {
            earlier.push(before);
        }
        let part = match (known.next_if(|(known, _)| *known == key), part) {
            (Some((_, Part::Inner(mut earlier))), Part::Inner(later)) => {
                earlier.merge(later);
                Part::Inner(earlier)
            }
            (Some((_, Part::Whole)), _) => Part::Whole,
            (_, part) => part,
        };
        earlier.push((key, part));
    }
    earlier.extend(known);
}

/// Goes over the text once, and notes the ranges that go, in order.
struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    gone: Vec<Range<usize>>,
    /// How many parts were met that go whole.
    met: usize,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> Result<u8, Differs> {
        self.text.get(self.at).copied().ok_or(Differs)
    }

    fn step(&mut self) {
        self.at = self.at.saturating_add(1);
    }

    fn space(&mut self) {
        while matches!(self.peek(), Ok(b' ' | b'\t' | b'\n' | b'\r')) {
            self.step();
        }
    }

    fn expect(&mut self, byte: u8) -> Result<(), Differs> {
        if self.peek()? != byte {
            return Err(Differs);
        }
        self.step();
        Ok(())
    }

    /// Goes past one value. Nothing in a value without a cut needs to be told apart.
    fn value(&mut self, cut: Option<&Cut>) -> Result<(), Differs> {
        match (self.peek()?, cut) {
            (b'"', _) => self.string().map(drop),
            (b'{', Some(cut)) => self.parts(b'}', |reader, _| {
                let name = reader.name()?;
                reader.space();
                reader.expect(b':')?;
                reader.space();
                let at = cut.members.binary_search_by(|(known, _)| (**known).cmp(&name));
                Ok(at.ok().and_then(|at| cut.members.get(at)).map(|(_, part)| part))
            }),
            (b'[', Some(cut)) => {
                let mut parts = cut.elements.iter().peekable();
                self.parts(b']', |_, index| Ok(parts.next_if(|(at, _)| *at == index).map(|(_, part)| part)))
            }
            (b'{' | b'[', None) => self.skip(),
            _ => {
                while !matches!(self.peek(), Err(_) | Ok(b',' | b'}' | b']' | b' ' | b'\t' | b'\n' | b'\r')) {
                    self.step();
                }
                Ok(())
            }
        }
    }

    /// Goes past a list or an object. What stays is what stands between two separators, white space and all; `lead` goes
    /// up to the value of a part and says what goes of it.
    fn parts<'c>(
        &mut self,
        close: u8,
        mut lead: impl FnMut(&mut Self, usize) -> Result<Option<&'c Part>, Differs>,
    ) -> Result<(), Differs> {
        self.step();
        // Where the part begins behind its separator; whether any part stays so far.
        let (mut start, mut stays) = (self.at, false);
        self.space();
        if self.peek()? == close {
            self.step();
            return Ok(());
        }
        let first = start;
        for index in 0_usize.. {
            let part = lead(self, index)?;
            self.value(match part {
                Some(Part::Inner(cut)) => Some(cut),
                _ => None,
            })?;
            self.space();
            let (end, last) = (self.at, self.peek()? == close);
            self.expect(if last { close } else { b',' })?;
            if part == Some(&Part::Whole) {
                self.met = self.met.saturating_add(1);
                let next = self.at;
                Gone { first, start, end, next, stays, last }.note(&mut self.gone);
            } else {
                stays = true;
            }
            if last {
                return Ok(());
            }
            start = self.at;
            self.space();
        }
        Err(Differs)
    }

    /// Goes past a list or an object, whatever is in it.
    fn skip(&mut self) -> Result<(), Differs> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth = depth.saturating_add(1),
                b'}' | b']' => depth = depth.saturating_sub(1),
                _ => {}
            }
            self.step();
            if depth == 0 {
                return Ok(());
            }
        }
    }

    /// Goes past a string, and answers it with its quotes and whether it has escapes.
    fn string(&mut self) -> Result<(Range<usize>, bool), Differs> {
        let start = self.at;
        let mut escaped = false;
        self.expect(b'"')?;
        loop {
            self.at = self.at.saturating_add(bytes::plain(self.text.get(self.at..).unwrap_or_default()));
            let byte = self.peek()?;
            self.step();
            match byte {
                b'"' => return Ok((start..self.at, escaped)),
                b'\\' => {
                    escaped = true;
                    self.step();
                }
                _ => {}
            }
        }
    }

    /// A member's name, its escapes undone.
    fn name(&mut self) -> Result<Cow<'t, str>, Differs> {
        let (range, escaped) = self.string()?;
        let quoted = self.text.get(range).ok_or(Differs)?;
        if escaped {
            return serde_json::from_slice(quoted).map(Cow::Owned).map_err(|_| Differs);
        }
        let inner = quoted.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).ok_or(Differs)?;
        std::str::from_utf8(inner).map(Into::into).map_err(|_| Differs)
    }
}
