//! A route's `tokens`: which of the definitions a caller must satisfy.

use std::rc::Rc;

use crate::control::tokens::definition::Definition;
use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::header::same_header;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::name::Name;

/// What a route demands; nothing for `tokens: none`.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Demand {
    entries: Box<[Entry]>,
}

/// One entry; all must hold.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Entry {
    /// The definitions by index: one, or the choices of an `any`.
    pub tokens: Box<[usize]>,
    /// Whether a caller without it is a guest. One that is sent must be good all the same.
    pub optional: bool,
}

impl Demand {
    /// Reads `none` or a list of entries.
    pub fn compile(node: &Node, definitions: &Definitions, problems: &Problems) -> Option<Self> {
        if matches!(&node.kind, Kind::Text(text) if &**text == "none") {
            return Some(Self::default());
        }
        let Kind::List(items) = &node.kind else {
            node.wrong_type("`none` or a list such as [user]", problems);
            return None;
        };
        if items.is_empty() {
            problems.note(&node.place, Fault::conflict("an empty list demands nothing; say `none`"));
            return None;
        }
        let entries: Vec<Option<Entry>> =
            items.iter().map(|item| Entry::compile(item, definitions, problems)).collect();
        let entries: Box<[Entry]> = entries.into_iter().collect::<Option<_>>()?;
        let clashes: Vec<Fault> = entries
            .iter()
            .enumerate()
            .flat_map(|(at, later)| entries.iter().take(at).map(move |earlier| (earlier, later)))
            .filter_map(|(earlier, later)| clash(earlier, later, definitions))
            .collect();
        for clash in clashes {
            problems.note(&node.place, clash);
        }
        Some(Self { entries })
    }

    /// The demand for tokens of one definition.
    #[cfg(not(target_arch = "wasm32"))]
    pub(crate) fn of(definition: &Definition) -> Self {
        Self { entries: [Entry { tokens: [definition.index].into(), optional: false }].into() }
    }

    /// The entries, in the order of the route.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Whether the route says `tokens: none`.
    pub fn is_none(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether the route names this definition, so that its claims may be spoken of.
    pub fn names(&self, token: usize) -> bool {
        self.entries.iter().any(|entry| entry.tokens.contains(&token))
    }

    /// Whether a caller needs any token at all.
    pub fn requires(&self) -> bool {
        self.entries.iter().any(|entry| !entry.optional)
    }

    /// Whether every caller who passes has brought at least one of these tokens.
    pub fn sure_of(&self, tokens: &[usize]) -> bool {
        let sure = |entry: &Entry| !entry.optional && entry.tokens.iter().all(|token| tokens.contains(token));
        self.entries.iter().any(sure)
    }
}

impl Entry {
    fn compile(node: &Rc<Node>, definitions: &Definitions, problems: &Problems) -> Option<Self> {
        if let Some(inner) = node.get("optional") {
            let fields = Fields::open(node, problems)?;
            fields.optional("optional");
            fields.close();
            let tokens = choices(inner, definitions, problems)?;
            return Some(Self { tokens, optional: true });
        }
        Some(Self { tokens: choices(node, definitions, problems)?, optional: false })
    }
}

/// A name, or `{ any: [names] }`.
fn choices(node: &Node, definitions: &Definitions, problems: &Problems) -> Option<Box<[usize]>> {
    if !matches!(node.kind, Kind::Map(_)) {
        return token(node, definitions, problems).map(|token| [token].into());
    }
    let fields = Fields::open(node, problems)?;
    let list = fields.required("any");
    fields.close();
    let node = list?;
    let tokens: Vec<Option<usize>> =
        node.list(problems)?.iter().map(|item| token(item, definitions, problems)).collect();
    let tokens: Box<[usize]> = tokens.into_iter().collect::<Option<_>>()?;
    if tokens.is_empty() {
        problems.note(&node.place, Fault::conflict("an empty `any` would never hold"));
        return None;
    }
    for (at, later) in tokens.iter().enumerate() {
        for earlier in tokens.iter().take(at) {
            let (Some(a), Some(b)) = (definitions.get(*earlier), definitions.get(*later)) else { continue };
            if let Some(fault) = cannot_pick(a, b) {
                problems.note(&node.place, fault);
            }
        }
    }
    Some(tokens)
}

fn token(node: &Node, definitions: &Definitions, problems: &Problems) -> Option<usize> {
    let name = node.text(problems)?;
    let found = definitions.names().iter().position(|known| known.as_str() == &**name);
    let dangling = || Fault::dangling("token", name, definitions.names().iter().map(Name::as_str));
    problems.need(&node.place, found.ok_or_else(dangling))
}

/// Two choices of one `any` in the same header are told apart by `iss` alone.
fn cannot_pick(a: &Definition, b: &Definition) -> Option<Fault> {
    if a.index == b.index {
        return Some(Fault::Duplicate { what: "token", name: a.name.as_str().into(), first: None });
    }
    let exact = a.issuer.is_some() && b.issuer.is_some() && a.issuer != b.issuer;
    (a.carrier.header == b.carrier.header && !exact).then(|| {
        Fault::conflict(format!(
            "`any` picks by the exact issuer; `{}` and `{}` need one each, and two different",
            a.name, b.name
        ))
    })
}

/// What two entries that must both hold cannot share: a token, a header to stand in, a header to be forwarded in.
fn clash(earlier: &Entry, later: &Entry, definitions: &Definitions) -> Option<Fault> {
    let pairs = earlier.tokens.iter().flat_map(|a| later.tokens.iter().map(move |b| (a, b)));
    let known = pairs.filter_map(|(a, b)| Some((definitions.get(*a)?, definitions.get(*b)?)));
    known.into_iter().find_map(|(a, b)| {
        if a.index == b.index {
            return Some(Fault::Duplicate { what: "token", name: a.name.as_str().into(), first: None });
        }
        if same_header(&a.carrier.header, &b.carrier.header) {
            return Some(Fault::conflict(format!(
                "`{}` and `{}` stand in the same header, which holds one token: write {{ any: [{}, {}] }} for either",
                a.name, b.name, a.name, b.name
            )));
        }
        let shared = a.forward.iter().find(|one| b.forward.iter().any(|two| same_header(&one.header, &two.header)))?;
        Some(Fault::conflict(format!("`{}` and `{}` both forward `{}`, and both are sent", a.name, b.name, shared.header)))
    })
}
