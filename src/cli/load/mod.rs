//! A policy file and all that it names, as one document: `include`d files, an environment's patch, schema files.
//!
//! Every value keeps the file and line where it was written, and a file's own paths are relative to that file. All
//! problems are noted; only a document that could be read whole is handed on.

mod files;
mod include;
mod patch;
mod schemas;

use std::path::Path;
use std::rc::Rc;

pub(crate) use crate::cli::load::files::Files;
use crate::cli::yaml;
use crate::cli::yaml::Spot;
use crate::document::Kind;
use crate::document::Node;
use crate::document::patched;
use crate::fault::Fault;
use crate::fault::Mark;
use crate::fault::Place;
use crate::fault::Problems;

/// Reads the policy at `path`, its `include`s, the patch `env`, and every schema file. `None` where one of the files
/// cannot be read: what is missing would make errors of what is there.
pub(crate) fn load(
    path: &Path,
    env: Option<&Path>,
    files: &mut Files,
    problems: &Problems,
) -> Option<Rc<Node>> {
    let mut loader = Loader { files, problems, whole: true };
    let main = loader.read_named(path);
    let patch = env.and_then(|env| loader.read_named(env)).and_then(|patch| patch::checked(&patch, problems));
    let mut policy = include::resolve(&main?, &mut loader);
    if let Some(patch) = patch {
        policy = patched(&policy, &patch);
    }
    let policy = schemas::inline(&policy, &mut loader);
    loader.whole.then_some(policy)
}

struct Loader<'l> {
    files: &'l mut Files,
    problems: &'l Problems,
    /// Whether every file so far could be read to its end.
    whole: bool,
}

impl Loader<'_> {
    /// Reads a file that the command line names.
    fn read_named(&mut self, path: &Path) -> Option<Rc<Node>> {
        let mark = Mark { file: files::name(path), line: 1, column: 1, written: None };
        self.read(path, Spot::Root, &Place::root(Some(mark)))
    }

    /// Reads a file that is named at the place `asked`.
    fn read(&mut self, path: &Path, spot: Spot, asked: &Place) -> Option<Rc<Node>> {
        let read =
            self.files.read(path).map_err(|why| self.problems.note(asked, Fault::Unreadable(why))).ok();
        let node = read.and_then(|(file, text)| yaml::read(text, &file, spot, self.problems));
        self.whole &= node.is_some();
        node
    }
}

/// `path` as the file means it that wrote it at `place`: relative to that file's folder.
fn beside<'p>(place: &'p Place, path: &'p Path) -> std::borrow::Cow<'p, Path> {
    match place.mark().and_then(|mark| Path::new(&*mark.file).parent()) {
        Some(folder) => folder.join(path).into(),
        None => path.into(),
    }
}

/// The same map with other entries.
fn with_entries(map: &Node, entries: Vec<(Rc<str>, Rc<Node>)>) -> Rc<Node> {
    Rc::new(Node { place: map.place.clone(), kind: Kind::Map(entries) })
}
