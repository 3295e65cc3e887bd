//! YAML text (and so JSON) to [`Node`]s that know file, line and column.
//!
//! **Refuses** what two readers could take for different things: plain scalars that look like numbers in some YAML
//! only (see [`scalar`]), keys that are no strings or come twice, tags, merge keys, several documents in a file.
//! **Bounds** nesting by [`MAX_DEPTH`] and, with every alias written out, values by [`MAX_VALUES`].
//! **Does not** recurse: events come from the crate `saphyr-parser`, and open lists and maps stand on a stack.

mod scalar;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::rc::Rc;

use saphyr_parser::Event;
use saphyr_parser::Marker;
use saphyr_parser::Parser;
use saphyr_parser::ScalarStyle;

use crate::document::Entries;
use crate::document::Kind;
use crate::document::MAX_DEPTH;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Mark;
use crate::fault::Place;
use crate::fault::Problems;

/// How many values a file may hold once every alias is written out.
pub(crate) const MAX_VALUES: usize = 200_000;

/// Where a file's value goes in the policy.
pub(crate) enum Spot {
    /// It is the policy, or a part laid over its root.
    Root,
    /// It becomes the field `name` of the map at this place, `depth` lists and maps down.
    Field { parent: Place, name: Rc<str>, depth: usize },
}

/// Reads a whole file's text. `None` where it cannot be read to its end; the reason is noted with its line.
pub(crate) fn read(text: &str, file: &Rc<str>, spot: Spot, problems: &Problems) -> Option<Rc<Node>> {
    let mut reader = Reader { file, spot, problems, open: Vec::new(), anchors: HashMap::new(), whole: None };
    let mut parser = Parser::new_from_str(text);
    while let Some(event) = parser.next_event() {
        let step = event
            .map_err(|error| (*error.marker(), error.info().into()))
            .and_then(|(event, span)| reader.take(event, span.start).map_err(|why| (span.start, why)));
        if let Err((marker, why)) = step {
            problems.note(&Place::root(Some(mark(file, marker))), Fault::Unreadable(why));
            return None;
        }
    }
    if reader.whole.is_none() {
        let start = Marker::new(0, 1, 0);
        problems.note(&Place::root(Some(mark(file, start))), Fault::Unreadable("the file is empty".into()));
    }
    reader.whole.map(|tree| tree.node)
}

fn mark(file: &Rc<str>, marker: Marker) -> Mark {
    let column = marker.col().saturating_add(1);
    Mark { file: file.clone(), line: marker.line(), column, written: None }
}

/// A finished value, and its weight with every alias in it written out.
#[derive(Clone)]
struct Tree {
    node: Rc<Node>,
    /// How many values it holds, itself included.
    values: usize,
    /// How many lists and maps are nested in it, itself included.
    height: usize,
}

/// A list or map whose end has not come yet.
struct Open {
    place: Place,
    anchor: usize,
    filling: Filling,
    values: usize,
    height: usize,
}

enum Filling {
    List(Vec<Rc<Node>>),
    /// With the key whose value comes next.
    Map(Entries, Option<(Rc<str>, Mark)>),
}

struct Reader<'r> {
    file: &'r Rc<str>,
    spot: Spot,
    problems: &'r Problems,
    open: Vec<Open>,
    anchors: HashMap<usize, Tree>,
    whole: Option<Tree>,
}

/// What ends the reading of a file.
type Stop = Box<str>;

impl Reader<'_> {
    fn take(&mut self, event: Event<'_>, start: Marker) -> Result<(), Stop> {
        let start = mark(self.file, start);
        if let Some(Open { filling: Filling::Map(_, key @ None), place, .. }) = self.open.last_mut()
            && !matches!(event, Event::MappingEnd)
        {
            *key = Some(read_key(event, start, place, self.problems)?);
            return Ok(());
        }
        match event {
            Event::DocumentStart(_) if self.whole.is_some() => {
                Err("a second document begins here; a file holds one".into())
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd => Ok(()),
            Event::DocumentStart(_) | Event::DocumentEnd => Ok(()),
            Event::Alias(anchor) => {
                let tree = self.anchors.get(&anchor).cloned();
                self.add(tree.ok_or("this alias stands inside what it names")?)
            }
            Event::Scalar(text, style, anchor, tag) => {
                let (place, kind) = self.scalar(&text, style, start);
                self.refuse_tag(&place, tag.is_some());
                let tree = Tree { node: Rc::new(Node { place, kind }), values: 1, height: 0 };
                self.finish(tree, anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                let place = self.place(start);
                self.refuse_tag(&place, tag.is_some());
                self.begin(place, anchor, Filling::List(Vec::new()))
            }
            Event::MappingStart(anchor, tag) => {
                let place = self.place(start);
                self.refuse_tag(&place, tag.is_some());
                let entries = Entries::new(place.clone());
                self.begin(place, anchor, Filling::Map(entries, None))
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
        }
    }

    fn scalar(&self, text: &str, style: ScalarStyle, start: Mark) -> (Place, Kind) {
        if style != ScalarStyle::Plain {
            return (self.place(start), Kind::Text(text.into()));
        }
        let read = scalar::plain(text);
        let written = match &read {
            Ok(Kind::Number(number)) if number.to_string() != text => Some(text.into()),
            _ => None,
        };
        let place = self.place(Mark { written, ..start });
        let kind = read.unwrap_or_else(|why| {
            self.problems.note(&place, Fault::conflict(why));
            Kind::Text(text.into())
        });
        (place, kind)
    }

    /// Where the value goes that begins at `start`. A value that begins on a later line than its key stands where
    /// the key does: that is the line to look at.
    fn place(&self, start: Mark) -> Place {
        match self.open.last() {
            Some(Open { place, filling: Filling::List(items), .. }) => {
                place.element(items.len(), Some(start))
            }
            Some(Open { place, filling: Filling::Map(_, Some((key, at))), .. }) => {
                let mark = if start.line == at.line { start } else { at.clone() };
                place.field(key.clone(), Some(mark))
            }
            Some(Open { place, .. }) => place.clone(),
            None => match &self.spot {
                Spot::Root => Place::root(Some(start)),
                Spot::Field { parent, name, .. } => parent.field(name.clone(), Some(start)),
            },
        }
    }

    fn refuse_tag(&self, place: &Place, tagged: bool) {
        if tagged {
            let fault =
                Fault::conflict("a policy has no use for YAML tags; quote a string, write all else plainly");
            self.problems.note(place, fault);
        }
    }

    fn begin(&mut self, place: Place, anchor: usize, filling: Filling) -> Result<(), Stop> {
        self.open.push(Open { place, anchor, filling, values: 1, height: 0 });
        self.fits_below(0)
    }

    fn end(&mut self) -> Result<(), Stop> {
        let Some(Open { place, anchor, filling, values, height }) = self.open.pop() else {
            return Ok(());
        };
        let kind = match filling {
            Filling::List(items) => Kind::List(items),
            Filling::Map(entries, _) => entries.into_kind(),
        };
        let node = Rc::new(Node { place, kind });
        self.finish(Tree { node, values, height: height.saturating_add(1) }, anchor)
    }

    /// A value is whole: aliases may name it from now on. (An anchor of 0 is none.)
    fn finish(&mut self, tree: Tree, anchor: usize) -> Result<(), Stop> {
        if anchor != 0 {
            self.anchors.insert(anchor, tree.clone());
        }
        self.add(tree)
    }

    /// Puts a whole value into the list or map that is open. An alias shares the value that it names, which keeps
    /// the place where it was written.
    fn add(&mut self, tree: Tree) -> Result<(), Stop> {
        self.fits_below(tree.height)?;
        let Some(parent) = self.open.last_mut() else {
            self.whole = Some(tree);
            return Ok(());
        };
        parent.values = parent.values.saturating_add(tree.values);
        parent.height = parent.height.max(tree.height);
        if parent.values > MAX_VALUES {
            return Err(format!("more than {MAX_VALUES} values, with every alias written out").into());
        }
        match &mut parent.filling {
            Filling::List(items) => items.push(tree.node),
            Filling::Map(entries, key) => {
                if let Some((key, _)) = key.take() {
                    entries.push(key, tree.node, self.problems);
                }
            }
        }
        Ok(())
    }

    fn fits_below(&self, height: usize) -> Result<(), Stop> {
        let above = match &self.spot {
            Spot::Root => 0,
            Spot::Field { depth, .. } => *depth,
        };
        let depth = self.open.len().saturating_add(above).saturating_add(height);
        if depth > MAX_DEPTH { Err("nested too deep".into()) } else { Ok(()) }
    }
}

/// A map's key: a string. What looks like another type is noted and read as the text that it is.
fn read_key(event: Event<'_>, at: Mark, map: &Place, problems: &Problems) -> Result<(Rc<str>, Mark), Stop> {
    let Event::Scalar(text, style, _, tag) = event else {
        return Err("a key must be a plain or quoted string".into());
    };
    let key: Rc<str> = (*text).into();
    let plain = style == ScalarStyle::Plain;
    let is_text = !plain || matches!(scalar::plain(&text), Ok(Kind::Text(_)));
    let why = match &*text {
        _ if tag.is_some() => "a policy has no use for YAML tags; leave it out",
        "<<" if plain => {
            "merge keys are not read, since YAML 1.2 has none; write the fields out, or use a group"
        }
        _ if !is_text => "a key must be a string; quote it",
        _ => return Ok((key, at)),
    };
    problems.note(&map.field(key.clone(), Some(at.clone())), Fault::conflict(why));
    Ok((key, at))
}
