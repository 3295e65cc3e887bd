//! All of `tokens`: the definitions by name and by place, and what they must be towards each other.

use std::rc::Rc;

use crate::control::tokens::definition::Condition;
use crate::control::tokens::definition::Definition;
use crate::control::tokens::definition::Dpop;
use crate::control::tokens::header::same_header;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::claims::ClaimTest;
use crate::model::name::Name;
use crate::model::secrets::Secrets;
use crate::model::value::RESERVED;

/// The policy's token definitions.
#[derive(Default)]
pub struct Definitions {
    names: Vec<Name>,
    list: Vec<Option<Definition>>,
    may_bind: bool,
    may_revoke: bool,
}

impl Definitions {
    /// Reads the map `tokens`. What is wrong is noted, and the rest can still be named by others, so that one fault
    /// does not become many; a policy with a fault is refused anyway.
    pub fn compile(node: &Node, secrets: Secrets<'_>, problems: &Problems) -> Self {
        let Some(entries) = node.map(problems) else { return Self::default() };
        let named: Vec<(Name, &Rc<Node>)> = entries
            .iter()
            .filter_map(|(key, node)| Some((problems.need(&node.place, token_name(key))?, node)))
            .collect();
        let names: Vec<Name> = named.iter().map(|(name, _)| name.clone()).collect();
        let mut list: Vec<Option<Definition>> = Vec::new();
        for (index, (_, node)) in named.iter().enumerate() {
            let new = Definition::compile(index, node, &names, secrets, problems);
            if let Some(new) = &new {
                for known in list.iter().flatten().filter(|known| one_token_fits(known, new)) {
                    let why = format!(
                        "one token would satisfy both `{}` and `{}`; tell them apart by issuer, audience, type or claims",
                        known.name, new.name
                    );
                    problems.note(&node.place, Fault::conflict(why));
                }
            }
            list.push(new);
        }
        let may_bind = list.iter().flatten().any(|it| it.dpop != Dpop::Disabled);
        let may_revoke = list.iter().flatten().any(|it| it.revocation.is_some());
        let definitions = Self { names, list, may_bind, may_revoke };
        definitions.keep_headers_apart(node, problems);
        definitions
    }

    /// What a client sends in a forwarded header is removed, so no token may stand in one.
    fn keep_headers_apart(&self, node: &Node, problems: &Problems) {
        for definition in self.iter() {
            let carrier = &definition.carrier.header;
            if self.forwarded_headers().any(|header| same_header(header, carrier)) {
                let why = format!("`{}` stands in `{carrier}`, which a `forward` sets", definition.name);
                problems.note(&node.place, Fault::conflict(why));
            }
        }
    }

    /// The names, in order: a definition's place among them is its index everywhere.
    pub fn names(&self) -> &[Name] {
        &self.names
    }

    /// The definition at `index`.
    pub fn get(&self, index: usize) -> Option<&Definition> {
        self.list.get(index)?.as_ref()
    }

    /// The definition called `name`.
    pub fn named(&self, name: &str) -> Option<&Definition> {
        self.iter().find(|definition| definition.name.as_str() == name)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Definition> {
        self.list.iter().flatten()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether any of them may be bound to its holder's key or certificate, so that somebody must look.
    pub fn may_bind(&self) -> bool {
        self.may_bind
    }

    /// Whether any of them can be revoked.
    pub fn may_revoke(&self) -> bool {
        self.may_revoke
    }

    /// Whether the policy knows no token.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Every header that any `forward` sets, in lower case: what a client sends under these names, also with `_` for
    /// `-`, is removed from each request.
    pub fn forwarded_headers(&self) -> impl Iterator<Item = &str> {
        self.iter().flat_map(|definition| definition.forward.iter()).map(|forward| &*forward.header)
    }
}

/// A token's name stands before a dot or a colon (`user.sub`), so no word of the notation may be one.
fn token_name(key: &str) -> Result<Name, Fault> {
    let name: Name = key.parse()?;
    if RESERVED.contains(&key) || matches!(key, "none" | "any" | "optional") {
        return Err(Fault::conflict(format!(
            "no token may be called `{key}`: the word has a meaning of its own"
        )));
    }
    if key.contains('.') {
        return Err(Fault::conflict(format!(
            "`{key}.sub` would be read as a claim of `{}`: no token has a dot in its name",
            key.split('.').next().unwrap_or_default()
        )));
    }
    Ok(name)
}

/// Whether some token would pass as both, by what the definitions say. Keys are left out: two definitions that only
/// their keys tell apart are one mistake away from being the same.
fn one_token_fits(a: &Definition, b: &Definition) -> bool {
    let issuer = match (&a.issuer, &b.issuer) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    };
    let share = |a: &Option<Box<[Box<str>]>>, b: &Option<Box<[Box<str>]>>| match (a, b) {
        (Some(a), Some(b)) => a.iter().any(|it| b.contains(it)),
        _ => true,
    };
    let apart = |a: &Condition| b.claims.iter().any(|b| a.claim == b.claim && never_both(&a.test, &b.test));
    issuer
        && share(&a.audience, &b.audience)
        && share(&a.types, &b.types)
        && a.algorithms.iter().any(|algorithm| b.algorithms.contains(algorithm))
        && !a.claims.iter().any(apart)
}

/// Whether no claim can pass both tests. Two `has` can: a list may contain both.
fn never_both(a: &ClaimTest, b: &ClaimTest) -> bool {
    match (a, b) {
        (ClaimTest::Has(_), ClaimTest::Has(_)) => false,
        (ClaimTest::Is(a) | ClaimTest::Has(a), ClaimTest::Is(b) | ClaimTest::Has(b)) => a != b,
        (ClaimTest::Any(any), ClaimTest::Is(one) | ClaimTest::Has(one))
        | (ClaimTest::Is(one) | ClaimTest::Has(one), ClaimTest::Any(any)) => !any.contains(one),
        (ClaimTest::Any(a), ClaimTest::Any(b)) => !a.iter().any(|it| b.contains(it)),
    }
}
