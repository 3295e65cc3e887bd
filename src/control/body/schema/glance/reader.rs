//! The text, gone over once.

use std::borrow::Cow;
use std::ops::Range;

use arrayvec::ArrayVec;
use jsonschema::Validator;
use serde_json::Number;
use serde_json::Value;

use crate::bytes;
use crate::control::body::schema::glance::Bound;
use crate::control::body::schema::glance::Glance;
use crate::control::body::schema::glance::Member;
use crate::control::body::schema::glance::Named;
use crate::control::body::schema::glance::Node;
use crate::control::body::schema::glance::Others;
use crate::control::body::schema::glance::Shape;
use crate::control::body::schema::glance::Types;
use crate::control::body::schema::glance::compile::ANY;
use crate::control::body::schema::glance::compile::exact;
use crate::control::body::schema::glance::matcher::Matcher;
use crate::control::body::schema::glance::matcher::is_uuid;
use crate::model::cut::Gone;
use crate::model::json::Budget;
use crate::model::json::number;
use crate::model::json::scan;
use crate::model::json::scan::Cursor;
use crate::model::json::strict::DEEPEST;

/// How many members of one object are looked at that the schema does not name: each is held against those before it.
const MAX_OTHERS: usize = 32;

/// Looks at a whole text; `None` where it is for others to judge. `trims` lets go what is not declared.
pub(super) fn glance(shape: &Shape, text: &[u8], budget: &Budget, trims: bool) -> Option<Glance> {
    let text = std::str::from_utf8(text).ok()?;
    let mut reader = Reader {
        shape,
        cursor: Cursor::new(text),
        budget,
        parts: 0,
        tried: Value::Null,
        // Where members go, most often a few do: growing step by step would cost more than their room.
        gone: Vec::with_capacity(if trims { 16 } else { 0 }),
        count: 0,
    };
    reader.value(shape.root, 0, trims)?;
    reader.cursor.past_space().is_none().then_some(Glance { gone: reader.gone, count: reader.count })
}

struct Reader<'t> {
    shape: &'t Shape,
    cursor: Cursor<'t>,
    budget: &'t Budget,
    parts: usize,
    /// The last text that was held against patterns, for its memory.
    tried: Value,
    gone: Vec<Range<usize>>,
    count: usize,
}

impl<'t> Reader<'t> {
    fn value(&mut self, node: usize, depth: usize, trims: bool) -> Option<()> {
        let shape = self.shape;
        let node = shape.node(node).filter(|node| !node.unsure)?;
        match self.cursor.past_space()? {
            b'"' => self.string(node),
            b'-' | b'0'..=b'9' => self.number(node),
            b'{' if takes(node, Types::OBJECT) => self.object(node, self.inner(depth)?, trims),
            b'[' if takes(node, Types::ARRAY) => self.list(node, self.inner(depth)?, trims),
            b't' => self.word(node, Types::BOOLEAN, "true", &Value::Bool(true)),
            b'f' => self.word(node, Types::BOOLEAN, "false", &Value::Bool(false)),
            b'n' => self.word(node, Types::NULL, "null", &Value::Null),
            _ => None,
        }
    }

    fn inner(&self, depth: usize) -> Option<usize> {
        let depth = depth.checked_add(1)?;
        (depth <= self.budget.depth.min(DEEPEST)).then_some(depth)
    }

    fn one_more(&mut self) -> Option<()> {
        self.parts = self.parts.checked_add(1)?;
        (self.parts <= self.budget.parts).then_some(())
    }

    fn word(&mut self, node: &Node, kind: Types, word: &str, value: &Value) -> Option<()> {
        let fits = !node.not.has(kind) && node.words.as_ref().is_none_or(|words| words.contains(value));
        if !fits || !self.cursor.rest().starts_with(word.as_bytes()) {
            return None;
        }
        self.cursor.step(word.len());
        Some(())
    }

    fn number(&mut self, node: &Node) -> Option<()> {
        let (written, _) = scan::number(self.cursor.rest());
        self.cursor.step(written.len());
        let number = match number::plain(written) {
            Some(number) => number,
            None if !number::allowed(written, self.budget.numbers) => return None,
            None => serde_json::from_slice::<Number>(written).ok()?,
        };
        let kind = if number.is_f64() { Types::OTHER_NUMBER } else { Types::INTEGER };
        if !takes(node, kind) {
            return None;
        }
        if node.bounds.is_empty() {
            return Some(());
        }
        let value = exact(&number)?;
        let within = |bound: &Bound| match *bound {
            Bound::Least(least) => value >= least,
            Bound::Above(least) => value > least,
            Bound::Greatest(greatest) => value <= greatest,
            Bound::Below(greatest) => value < greatest,
        };
        node.bounds.iter().all(within).then_some(())
    }

    fn string(&mut self, node: &Node) -> Option<()> {
        let text = match self.unescaped() {
            Some(text) => Cow::Borrowed(text),
            None => Cow::Owned(self.escaped()?),
        };
        if text.len() > self.budget.text || node.not.has(Types::STRING) {
            return None;
        }
        if let Some(words) = &node.words
            && !words.iter().any(|word| word.as_str() == Some(&*text))
        {
            return None;
        }
        let fits = node.text.has_chars(&text)
            && node.matches.iter().all(|matcher| match matcher {
                Matcher::Run(run) => run.matches(&text),
                Matcher::Uuid => is_uuid(&text),
                Matcher::Schema(validator) => self.passes(validator, &text),
            });
        fits.then_some(())
    }

    fn passes(&mut self, validator: &Validator, text: &str) -> bool {
        if let Value::String(tried) = &mut self.tried {
            tried.clear();
            tried.push_str(text);
        } else {
            self.tried = text.into();
        }
        validator.is_valid(&self.tried)
    }

    /// A string without escapes. At any other the cursor stays.
    fn unescaped(&mut self) -> Option<&'t str> {
        let start = self.cursor.at.checked_add(1)?;
        let rest = self.cursor.text.as_bytes().get(start..)?;
        let length = bytes::plain(rest);
        if rest.get(length) != Some(&b'"') {
            return None;
        }
        let end = start.checked_add(length)?;
        self.cursor.at = end.checked_add(1)?;
        self.cursor.text.get(start..end)
    }

    /// A string with escapes, undone.
    fn escaped(&mut self) -> Option<String> {
        let start = self.cursor.at;
        self.cursor.step(1);
        loop {
            self.cursor.step(bytes::plain(self.cursor.rest()));
            match self.cursor.rest().first()? {
                b'"' => break,
                b'\\' => self.cursor.step(2),
                _ => return None,
            }
        }
        self.cursor.step(1);
        serde_json::from_str(self.cursor.text.get(start..self.cursor.at)?).ok()
    }

    fn list(&mut self, node: &Node, depth: usize, trims: bool) -> Option<()> {
        self.cursor.step(1);
        let mut count = 0_usize;
        if self.cursor.past_space()? == b']' {
            self.cursor.step(1);
        } else {
            loop {
                self.value(node.items, depth, trims)?;
                self.one_more()?;
                count = count.checked_add(1)?;
                if self.ends(b']')? {
                    break;
                }
            }
        }
        node.elements.has(count).then_some(())
    }

    fn object(&mut self, node: &Node, depth: usize, trims: bool) -> Option<()> {
        self.cursor.step(1);
        let first = self.cursor.at;
        let (mut start, mut count, mut required, mut stays) = (first, 0_usize, 0_usize, false);
        let mut met = Met::default();
        let mut others = ArrayVec::<&str, MAX_OTHERS>::new();
        if self.cursor.past_space()? == b'}' {
            self.cursor.step(1);
            return (node.required == 0 && node.size.has(0)).then_some(());
        }
        loop {
            let name = self.name()?;
            let known = met.member(node, name)?;
            if known.is_none() {
                if others.contains(&name) {
                    return None;
                }
                others.try_push(name).ok()?;
            }
            let inner = match (known, node.others) {
                (Some(member), _) => Some(member.node),
                (None, Others::Node(node)) => Some(node),
                (None, _) if trims => None,
                (None, Others::Any) => Some(ANY),
                (None, Others::None) => return None,
            };
            let inner = inner.filter(|inner| !trims || self.shape.node(*inner).is_some_and(|it| !it.hidden));
            self.value(inner.unwrap_or(ANY), depth, trims && inner.is_some())?;
            self.cursor.past_space();
            let end = self.cursor.at;
            let last = self.ends(b'}')?;
            if inner.is_some() {
                stays = true;
                count = count.checked_add(1)?;
                required = required.checked_add(known.is_some_and(|member| member.required).into())?;
            } else {
                self.count = self.count.checked_add(1)?;
                Gone { first, start, end, next: self.cursor.at, stays, last }.note(&mut self.gone);
            }
            if last {
                break;
            }
            start = self.cursor.at;
        }
        (required == node.required && node.size.has(count)).then_some(())
    }

    /// The name of a member, and past its colon. One with escapes is for others.
    fn name(&mut self) -> Option<&'t str> {
        if self.cursor.past_space()? != b'"' {
            return None;
        }
        let name = self.unescaped()?;
        self.one_more()?;
        if name.len() > self.budget.name || self.cursor.past_space()? != b':' {
            return None;
        }
        self.cursor.step(1);
        Some(name)
    }

    /// Goes past the comma behind a part, or past the end of what it is in: whether it was the end.
    fn ends(&mut self, close: u8) -> Option<bool> {
        let next = self.cursor.past_space()?;
        self.cursor.step(1);
        match next {
            b',' => Some(false),
            byte if byte == close => Some(true),
            _ => None,
        }
    }
}

/// Which of its named members an object had so far: one bit each.
#[derive(Default)]
struct Met(u64);

impl Met {
    /// The member that the node names so; `None` where the object has it for the second time.
    fn member(&mut self, node: &Node, name: &str) -> Option<Option<Member>> {
        let mark = bytes::mark(name.as_bytes());
        let same = |it: &Named| it.mark == mark && bytes::same(it.name.as_bytes(), name.as_bytes());
        let named = node.members.iter().zip(0_u32..).find(|(it, _)| same(it));
        let Some((named, place)) = named else { return Some(None) };
        let bit = 1_u64.checked_shl(place)?;
        if self.0 & bit != 0 {
            return None;
        }
        self.0 |= bit;
        Some(Some(named.member))
    }
}

/// Whether a node takes values of a kind that are no words.
fn takes(node: &Node, kind: Types) -> bool {
    !node.not.has(kind) && node.words.is_none()
}
