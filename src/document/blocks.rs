//! A document that is read again and again: only what is written otherwise than before is read anew.

use std::cell::OnceCell;
use std::rc::Rc;

use serde::Deserialize;
use serde::de::DeserializeSeed;
use serde::de::IgnoredAny;

use crate::bytes;
use crate::document::Node;
use crate::document::json::Entries;
use crate::document::json::Seed;
use crate::fault::Place;
use crate::fault::Problems;

/// The blocks of the document that was read last, which are the fields of its root.
///
/// Most updates of a large policy change a few words of one block. The nodes of all others are the same ones as before,
/// so that whoever made something of a node knows by [`Rc::ptr_eq`] that it still holds. Documents that are read in turn
/// push out each other's.
#[derive(Default)]
pub struct Blocks(Vec<Rc<Block>>);

struct Block {
    name: Rc<str>,
    written: Box<[u8]>,
    node: Rc<Node>,
    canonical: OnceCell<Vec<u8>>,
}

impl Blocks {
    /// Reads a whole JSON text, as [`Node::from_json`] does.
    pub fn read(&mut self, text: &[u8], problems: &Problems) -> Option<Rc<Node>> {
        let place = Place::root(None);
        let Some(blocks) = self.blocks(text, &place) else {
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

    /// The blocks of a text, those that are known among them; `None` where it is no map, or where anything is wrong in it.
    fn blocks(&self, text: &[u8], root: &Place) -> Option<Vec<Rc<Block>>> {
        let mut scan = Scan { text, at: 0 };
        let mut blocks = Vec::new();
        scan.expect(b'{')?;
        if scan.peek()? != b'}' {
            loop {
                let (name, _) = scan.value::<String>()?;
                scan.expect(b':')?;
                let (IgnoredAny, written) = scan.value()?;
                blocks.push(self.block(name.into(), written, root)?);
                if scan.peek()? == b'}' {
                    break;
                }
                scan.expect(b',')?;
            }
        }
        scan.expect(b'}')?;
        scan.peek().is_none().then_some(blocks)
    }

    fn block(&self, name: Rc<str>, written: &[u8], root: &Place) -> Option<Rc<Block>> {
        let same = |block: &&Rc<Block>| block.name == name && bytes::same(&block.written, written);
        if let Some(block) = self.0.iter().find(same) {
            return Some(block.clone());
        }
        let problems = Problems::default();
        let seed = Seed { place: root.field(name.clone(), None), depth: 1, problems: &problems };
        let mut reader = serde_json::Deserializer::from_slice(written);
        let node = seed.deserialize(&mut reader).ok()?;
        reader.end().ok().filter(|()| problems.none())?;
        Some(Rc::new(Block { name, written: written.into(), node, canonical: OnceCell::new() }))
    }
}

/// Goes over the root's own characters; what stands between them is serde_json's.
struct Scan<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Scan<'t> {
    /// The next byte that is no white space.
    fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.get(self.at)? {
                b' ' | b'\t' | b'\n' | b'\r' => self.at = self.at.checked_add(1)?,
                byte => return Some(*byte),
            }
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then_some(())?;
        self.at = self.at.checked_add(1)?;
        Some(())
    }

    /// One value, and how it is written.
    fn value<T: Deserialize<'t>>(&mut self) -> Option<(T, &'t [u8])> {
        self.peek()?;
        let rest = self.text.get(self.at..)?;
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter();
        let value = values.next()?.ok()?;
        let written = rest.get(..values.byte_offset())?;
        self.at = self.at.checked_add(written.len())?;
        Some((value, written))
    }
}
