//! JSON text to [`Node`]: places are made on the way down, and a key given twice is noted.

use std::fmt;
use std::rc::Rc;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::SeqAccess;
use serde::de::Visitor;
use serde_json::Number;

use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Place;
use crate::fault::Problems;

/// How deep a policy document may nest, for every reader of one.
pub const MAX_DEPTH: usize = 100;

impl Node {
    /// Reads a whole JSON text; what is not JSON, or nests deeper than [`MAX_DEPTH`], is one fault at the root.
    pub fn from_json(text: &[u8], problems: &Problems) -> Option<Rc<Node>> {
        let place = Place::root(None);
        let mut reader = serde_json::Deserializer::from_slice(text);
        let read = Seed { place: place.clone(), depth: 0, problems }
            .deserialize(&mut reader)
            .and_then(|node| reader.end().map(|()| node));
        let unreadable = |why: serde_json::Error| Fault::Unreadable(why.to_string().into());
        problems.need(&place, read.map_err(unreadable))
    }
}

/// Reads a value that stands at `place`, `depth` levels down.
pub(super) struct Seed<'p> {
    pub(super) place: Place,
    pub(super) depth: usize,
    pub(super) problems: &'p Problems,
}

impl Seed<'_> {
    fn node(self, kind: Kind) -> Rc<Node> {
        Rc::new(Node { place: self.place, kind })
    }

    fn deeper<E: Error>(&self) -> Result<usize, E> {
        let depth = self.depth.saturating_add(1);
        if depth > MAX_DEPTH { Err(E::custom("nested too deep")) } else { Ok(depth) }
    }
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Rc<Node>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Rc<Node>, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Rc<Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Rc<Node>, E> {
        Ok(self.node(Kind::Null))
    }

    fn visit_bool<E: Error>(self, it: bool) -> Result<Rc<Node>, E> {
        Ok(self.node(Kind::Bool(it)))
    }

    fn visit_u64<E: Error>(self, it: u64) -> Result<Rc<Node>, E> {
        Ok(self.node(Kind::Number(it.into())))
    }

    fn visit_i64<E: Error>(self, it: i64) -> Result<Rc<Node>, E> {
        Ok(self.node(Kind::Number(it.into())))
    }

    fn visit_f64<E: Error>(self, it: f64) -> Result<Rc<Node>, E> {
        let number = Number::from_f64(it).ok_or_else(|| E::custom("not a number"))?;
        Ok(self.node(Kind::Number(number)))
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Rc<Node>, E> {
        Ok(self.node(Kind::Text(it.into())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Rc<Node>, A::Error> {
        let depth = self.deeper()?;
        let mut items = Vec::new();
        loop {
            let place = self.place.element(items.len(), None);
            match list.next_element_seed(Seed { place, depth, problems: self.problems })? {
                Some(item) => items.push(item),
                None => return Ok(self.node(Kind::List(items))),
            }
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rc<Node>, A::Error> {
        let depth = self.deeper()?;
        let mut entries = Entries::new(self.place.clone());
        while let Some(key) = map.next_key_seed(Key)? {
            let place = self.place.field(key.clone(), None);
            let node = map.next_value_seed(Seed { place, depth, problems: self.problems })?;
            entries.push(key, node, self.problems);
        }
        Ok(self.node(entries.into_kind()))
    }
}

/// A map's key, written to memory once.
struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Rc<str>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Rc<str>, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Rc<str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, it: &str) -> Result<Rc<str>, E> {
        Ok(it.into())
    }
}

/// A map under construction, for every reader: notes what comes twice, names the list element that it is.
pub(crate) struct Entries {
    place: Place,
    entries: Vec<(Rc<str>, Rc<Node>)>,
}

impl Entries {
    pub(crate) fn new(place: Place) -> Self {
        Self { place, entries: Vec::new() }
    }

    pub(crate) fn push(&mut self, key: Rc<str>, node: Rc<Node>, problems: &Problems) {
        if let (true, Kind::Text(name)) = (matches!(&*key, "name" | "group"), &node.kind) {
            self.place.call(name);
        }
        // A large map (a schema's, say) is rare: a linear look is cheaper than a set for all others.
        match self.entries.iter().find(|(known, _)| *known == key) {
            Some((_, first)) => {
                let first = Some(first.place.clone());
                problems.note(&node.place, Fault::Duplicate { what: "field", name: (&*key).into(), first });
            }
            None => self.entries.push((key, node)),
        }
    }

    pub(crate) fn into_kind(self) -> Kind {
        Kind::Map(self.entries)
    }
}
