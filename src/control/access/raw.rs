//! Reads `access`.

use std::rc::Rc;

use crate::control::access::Access;
use crate::control::access::Condition;
use crate::control::access::Owner;
use crate::control::access::Scopes;
use crate::control::access::ShownOwner;
use crate::control::access::owner::IdKind;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::claims::ClaimTest;
use crate::model::name::Name;
use crate::model::quantity::Span;
use crate::model::value::ClaimRef;
use crate::model::value::Source;
use crate::model::value::ValueRef;

/// What a route's `access` stands among.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'p> {
    /// The policy's token definitions, by index.
    pub tokens: &'p [Name],
    /// The definitions that the route demands, by index.
    pub demanded: &'p [usize],
    /// The names of the parameters that every path of the route has: an owner can be named by these.
    pub parameters: &'p [&'p str],
    /// The names of the parameters that any path of the route has: each must be somebody's concern.
    pub all_parameters: &'p [&'p str],
}

impl Access {
    /// Reads `access` of a route that demands a token, and sees that every path parameter is somebody's concern.
    pub fn compile(node: &Rc<Node>, around: Surroundings<'_>, problems: &Problems) -> Option<Self> {
        let mut access = Self::default();
        let mut shared = Vec::new();
        if let Kind::Text(_) = &node.kind {
            node.word(&[("authenticated", ())], problems)?;
        } else {
            let fields = Fields::open(node, problems)?;
            access.read(&fields, around, problems);
            let empty = matches!(&node.kind, Kind::Map(entries) if entries.is_empty());
            if empty {
                let why = "this demands nothing: write `authenticated` where every verified caller may";
                problems.note(&node.place, Fault::conflict(why));
            }
            if let Some(node) = fields.optional("shared") {
                let known = around.all_parameters.iter().copied();
                for item in node.list(problems).unwrap_or_default() {
                    let Some(text) = item.text(problems) else { continue };
                    if !around.all_parameters.contains(&&**text) {
                        problems.note(&item.place, Fault::dangling("path parameter", text, known.clone()));
                    }
                    shared.push(&**text);
                }
            }
            fields.close();
        }
        let protected: Vec<&str> = access.owners.iter().flat_map(Owner::path_parameters).collect();
        for name in
            around.all_parameters.iter().filter(|name| !protected.contains(name) && !shared.contains(*name))
        {
            let why = format!(
                "nothing says whose `path.{name}` is: write an `owner` for it, or `shared: [{name}]` where other \
                 rules protect it or nobody owns it"
            );
            problems.note(&node.place, Fault::conflict(why));
        }
        Some(access)
    }

    fn read(&mut self, fields: &Fields<'_>, around: Surroundings<'_>, problems: &Problems) {
        self.scopes = fields.optional("scopes").and_then(|node| scopes(node, problems));
        if let Some(node) = fields.optional("claims") {
            self.claims = conditions(node, around, problems);
        }
        if let Some(node) = fields.optional("acr") {
            self.acr = words(node, problems);
        }
        self.max_auth_age = fields
            .optional("max_auth_age")
            .and_then(|node| node.parse::<Span>(problems))
            .map(|Span(age)| age);
        if let Some(node) = fields.optional("owner") {
            self.owners =
                node.one_or_list().iter().filter_map(|item| owner(item, around, problems)).collect();
            if node.one_or_list().is_empty() {
                problems.note(&node.place, Fault::conflict("`owner` has nothing in it; leave it out"));
            }
        }
        self.conceal = fields.optional("conceal").and_then(|node| node.boolean(problems)).unwrap_or(false);
    }
}

fn scopes(node: &Rc<Node>, problems: &Problems) -> Option<Scopes> {
    if let Kind::Map(_) = &node.kind {
        let fields = Fields::open(node, problems)?;
        let any = fields.required("any").map(|node| words(node, problems));
        fields.close();
        return any.map(Scopes::Any);
    }
    Some(Scopes::All(words(node, problems)))
}

/// A list of words without spaces: scopes (RFC 6749, section 3.3), values of `acr`.
fn words(node: &Rc<Node>, problems: &Problems) -> Vec<Box<str>> {
    let items = node.list(problems).unwrap_or_default();
    if items.is_empty() && problems.none() {
        problems.note(&node.place, Fault::conflict("an empty list demands nothing; leave the field out"));
    }
    let word = |item: &Rc<Node>| {
        let text = item.text(problems)?;
        let fits = !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
        if !fits {
            let expected = "write one word of visible ASCII, without quotes and backslashes";
            let found = crate::document::cut(text);
            problems.note(&item.place, Fault::Malformed { what: "word", found, expected });
        }
        fits.then(|| (&**text).into())
    };
    items.iter().filter_map(word).collect()
}

fn conditions(node: &Rc<Node>, around: Surroundings<'_>, problems: &Problems) -> Vec<Condition> {
    let condition = |item: &Rc<Node>| {
        let fields = Fields::open(item, problems)?;
        let claim = fields.required("claim").and_then(|node| {
            let value = claim_value(node, around, problems)?;
            match value.sources() {
                [claim] => Some(claim.clone()),
                _ => {
                    problems.note(&node.place, Fault::conflict("one claim, without alternatives"));
                    None
                }
            }
        });
        let test = ClaimTest::compile(&fields, problems);
        fields.close();
        Some(Condition { claim: claim?, test: test? })
    };
    let items = node.list(problems);
    if items.is_some_and(<[_]>::is_empty) {
        problems.note(&node.place, Fault::conflict("an empty list demands nothing; leave the field out"));
    }
    items.unwrap_or_default().iter().filter_map(condition).collect()
}

/// A value that stands in claims of tokens that the route demands, and nowhere else.
fn claim_value(node: &Node, around: Surroundings<'_>, problems: &Problems) -> Option<ValueRef> {
    let value = problems.need(&node.place, ValueRef::parse(node.text(problems)?, around.tokens))?;
    if value.claims().count() != value.sources().len() {
        let why = "only a claim of a verified token says who calls: write TOKEN.CLAIM or TOKEN:/pointer";
        problems.note(&node.place, Fault::conflict(why));
    }
    undemanded(&value, node, around, problems);
    Some(value)
}

/// Notes the claims of tokens that the route does not demand.
fn undemanded(value: &ValueRef, node: &Node, around: Surroundings<'_>, problems: &Problems) {
    for ClaimRef { token, .. } in value.claims().filter(|claim| !around.demanded.contains(&claim.token)) {
        let name = around.tokens.get(*token).map(Name::as_str).unwrap_or_default();
        let why = format!("the route does not demand the token `{name}`, so this is never there");
        problems.note(&node.place, Fault::conflict(why));
    }
}

fn owner(node: &Rc<Node>, around: Surroundings<'_>, problems: &Problems) -> Option<Owner> {
    let fields = Fields::open(node, problems)?;
    let owner = owner_at(&fields, around, place_of_id, problems);
    fields.not_yet("lookup");
    if let Some(node) = fields.optional("on_foreign") {
        problems.note(&node.place, Fault::conflict("`on_foreign` is for the owner of a response"));
    }
    fields.close();
    owner
}

/// What the owner rules of requests and of answers have in common; `place` reads where an id stands.
fn owner_at(
    fields: &Fields<'_>,
    around: Surroundings<'_>,
    place: impl Fn(&Node, Surroundings<'_>, &Problems) -> Option<ValueRef>,
    problems: &Problems,
) -> Option<Owner> {
    let values = fields.required("value").map(|node| {
        node.one_or_list().iter().filter_map(|item| place(item, around, problems)).collect::<Vec<_>>()
    });
    let is = fields.required("is").and_then(|node| claim_value(node, around, problems));
    let kinds = [("string", IdKind::Text), ("integer", IdKind::Integer), ("uuid", IdKind::Uuid)];
    let kind = fields.optional("as").and_then(|node| node.word(&kinds, problems)).unwrap_or_default();
    let unless = fields.optional("unless").map(|node| conditions(node, around, problems)).unwrap_or_default();
    let values = values?;
    if values.is_empty() && problems.none() {
        problems.note(&fields.node.place, Fault::conflict("`value` has nothing in it"));
    }
    Some(Owner { values, is: is?, kind, unless })
}

impl ShownOwner {
    /// Reads the `owner` of a route's `response`: one entry or a list.
    pub fn compile_all(node: &Rc<Node>, around: Surroundings<'_>, problems: &Problems) -> Rc<[Self]> {
        let entries = node.one_or_list();
        if entries.is_empty() {
            problems.note(&node.place, Fault::conflict("`owner` has nothing in it; leave it out"));
        }
        entries.iter().filter_map(|item| Self::compile(item, around, problems)).collect()
    }

    fn compile(node: &Rc<Node>, around: Surroundings<'_>, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let owner = owner_at(&fields, around, place_in_answer, problems);
        let on_foreign = fields.optional("on_foreign");
        let filters = on_foreign
            .and_then(|node| node.word(&[("refuse", false), ("filter", true)], problems))
            .unwrap_or(false);
        fields.not_yet("lookup");
        fields.close();
        let owner = owner?;
        let places = owner.sources().filter_map(|source| match source {
            Source::Response(place) => Some(ShownOwner::split(place)),
            _ => None,
        });
        let (ways, ids): (Vec<_>, Vec<_>) = places.unzip();
        let objects = ways.first()?.clone();
        if ways.iter().any(|way| *way != objects) {
            let why = "several places name one object: they have the same way up to the last `*`";
            problems.note(&node.place, Fault::conflict(why));
        }
        if let Some(node) = on_foreign.filter(|_| filters && objects.is_empty()) {
            let why = "only elements of a list can be dropped: write a `*` in `value`, or `refuse`";
            problems.note(&node.place, Fault::conflict(why));
        }
        Some(Self { owner, objects, ids, filters })
    }
}

/// Where an id may stand in an answer: in one place each.
fn place_in_answer(node: &Node, around: Surroundings<'_>, problems: &Problems) -> Option<ValueRef> {
    let value = problems.need(&node.place, ValueRef::parse(node.text(problems)?, around.tokens))?;
    if let [Source::Response(_)] = value.sources() {
        return Some(value);
    }
    let why = "the owner of an answer stands in the answer: write one response:/pointer, or a list of them, which must agree";
    problems.note(&node.place, Fault::conflict(why));
    None
}

/// Where an id may stand before the request goes on: in the path, the query, a header or the body, and in one place
/// each, since the upstream might read the other.
fn place_of_id(node: &Node, around: Surroundings<'_>, problems: &Problems) -> Option<ValueRef> {
    let value = problems.need(&node.place, ValueRef::parse(node.text(problems)?, around.tokens))?;
    match value.sources() {
        [Source::Path(name)] if !around.parameters.contains(&&**name) => {
            let known = around.parameters.iter().copied();
            problems.note(&node.place, Fault::dangling("path parameter", name, known));
        }
        [Source::Path(_) | Source::Query(_) | Source::Header(_) | Source::Body(_)] => {}
        [Source::Response(_)] => {
            problems.note(&node.place, Fault::conflict("`response:` belongs in the `owner` of `response`"));
        }
        [_] => problems.note(&node.place, Fault::conflict("an id stands in path., query., header. or body:")),
        _ => {
            let why = "the upstream might read the other alternative: write several places as a list, which must agree";
            problems.note(&node.place, Fault::conflict(why));
        }
    }
    Some(value)
}
