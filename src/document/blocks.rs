//! A document that is read again and again: only what is written otherwise than before is read anew.

use std::cell::OnceCell;
use std::fmt;
use std::rc::Rc;

use serde::de::DeserializeSeed;
use serde::de::Deserializer;
use serde::de::Error;
use serde::de::MapAccess;
use serde::de::Visitor;
use serde_json::value::RawValue;

use crate::bytes;
use crate::document::Node;
use crate::document::json::Entries;
use crate::document::json::Key;
use crate::document::json::Seed;
use crate::fault::Place;
use crate::fault::Problems;

/// The blocks of the document that was read last, which are the fields of its root.
///
/// Most updates of a large policy change a few words of one block. The nodes of all others are the same ones as before,
/// so that whoever made something of a node knows by [`Rc::ptr_eq`] that it still holds.
#[derive(Default)]
pub struct Blocks(Vec<Rc<Block>>);

struct Block {
    name: Rc<str>,
    written: Box<RawValue>,
    node: Rc<Node>,
    canonical: OnceCell<Vec<u8>>,
}

impl Blocks {
    /// Reads a whole JSON text, as [`Node::from_json`] does.
    pub fn read(&mut self, text: &[u8], problems: &Problems) -> Option<Rc<Node>> {
        let place = Place::root(None);
        let found = Problems::default();
        let mut reader = serde_json::Deserializer::from_slice(text);
        let root = Root { place: place.clone(), known: &self.0, problems: &found };
        let read = reader.deserialize_map(root).and_then(|blocks| reader.end().map(|()| blocks));
        let Some(blocks) = read.ok().filter(|_| found.none()) else {
            // Something is wrong with it. From block to block nobody counts lines.
            return Node::from_json(text, problems);
        };
        self.0 = blocks;
        let mut entries = Entries::new(place.clone());
        for block in &self.0 {
            entries.push(block.name.clone(), block.node.clone(), problems);
        }
        Some(Rc::new(Node { place, kind: entries.into_kind() }))
    }

    /// The canonical text of a document, of which the blocks that are known are written once.
    pub fn canonical(&self, document: &Node) -> Vec<u8> {
        let mut out = Vec::new();
        document.write_with(&mut out, |node, out| {
            match self.0.iter().find(|block| Rc::ptr_eq(&block.node, node)) {
                Some(block) => out.extend_from_slice(block.canonical.get_or_init(|| node.canonical())),
                None => node.write_canonical(out),
            }
        });
        out
    }
}

/// Reads the root, given what is known.
struct Root<'b> {
    place: Place,
    known: &'b [Rc<Block>],
    problems: &'b Problems,
}

impl<'de> Visitor<'de> for Root<'_> {
    type Value = Vec<Rc<Block>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<Rc<Block>>, A::Error> {
        let mut blocks = Vec::new();
        while let Some(name) = map.next_key_seed(Key)? {
            let written: &RawValue = map.next_value()?;
            let bytes = written.get().as_bytes();
            let same =
                |block: &&Rc<Block>| block.name == name && bytes::same(block.written.get().as_bytes(), bytes);
            let block = match self.known.iter().find(same) {
                Some(block) => block.clone(),
                None => {
                    let place = self.place.field(name.clone(), None);
                    let seed = Seed { place, depth: 1, problems: self.problems };
                    let mut reader = serde_json::Deserializer::from_str(written.get());
                    let node = seed.deserialize(&mut reader).map_err(A::Error::custom)?;
                    Rc::new(Block { name, written: written.to_owned(), node, canonical: OnceCell::new() })
                }
            };
            blocks.push(block);
        }
        Ok(blocks)
    }
}
