//! Reads `routes`: groups, what they hand down, and each route's own.

use std::rc::Rc;

use crate::control::access::Access;
use crate::control::access::Owner;
use crate::control::access::ShownOwner;
use crate::control::access::Surroundings;
use crate::control::body::schema::SchemaStore;
use crate::control::body::schema::Schemas;
use crate::control::limits;
use crate::control::limits::Limits;
use crate::control::limits::Stage;
use crate::control::request::Readers;
use crate::control::request::Request;
use crate::control::response::Response;
use crate::control::routing::RouteMatch;
use crate::control::tokens::Definitions;
use crate::control::tokens::Demand;
use crate::document::Fields;
use crate::document::Kind;
use crate::document::Node;
use crate::document::cut;
use crate::document::over;
use crate::fault::Fault;
use crate::fault::Place;
use crate::fault::Problems;
use crate::model::name::Name;
use crate::policy::Route;
use crate::policy::modes;
use crate::policy::modes::ModeWords;
use crate::policy::modes::Modes;
use crate::policy::overrides::Override;

/// The fields that a group may hand to its routes, and `defaults` to all.
#[derive(Clone, Default)]
pub(super) struct Inherited {
    tokens: Option<Rc<Node>>,
    access: Option<Rc<Node>>,
    request: Option<Rc<Node>>,
    response: Option<Rc<Node>>,
    limits: Option<Rc<Node>>,
}

impl Inherited {
    pub(super) fn take(fields: &Fields<'_>) -> Self {
        let take = |name| fields.optional(name).cloned();
        Self {
            tokens: take("tokens"),
            access: take("access"),
            request: take("request"),
            response: take("response"),
            limits: take("limits"),
        }
    }

    /// These fields, with those of `below` where there are none: lists and words whole, blocks field by field.
    fn over(&self, below: &Self) -> Self {
        let whole =
            |above: &Option<Rc<Node>>, below: &Option<Rc<Node>>| above.clone().or_else(|| below.clone());
        let block = |above: &Option<Rc<Node>>, below: &Option<Rc<Node>>| match (above, below) {
            (Some(above), Some(below)) => Some(over(above, below)),
            _ => whole(above, below),
        };
        Self {
            tokens: whole(&self.tokens, &below.tokens),
            access: block(&self.access, &below.access),
            request: block(&self.request, &below.request),
            response: block(&self.response, &below.response),
            limits: whole(&self.limits, &below.limits),
        }
    }

    /// Remarks on each demand of the group that the route puts something else in the place of.
    fn remark_dropped(&self, group: &Self, problems: &Problems) {
        let replaced = |above: &Option<Rc<Node>>, below: &Option<Rc<Node>>, name: &str| {
            if let (Some(above), Some(below)) = (above, below)
                && above.to_json() != below.to_json()
            {
                let text = format!("replaces `{name}` of {}", below.place);
                problems.remark(&above.place, "drops-demand", text);
            }
        };
        replaced(&self.tokens, &group.tokens, "tokens");
        if !adds_to(&self.limits, &group.limits) {
            replaced(&self.limits, &group.limits, "limits");
        }
        let blocks = [
            ("access", &self.access, &group.access),
            ("request", &self.request, &group.request),
            ("response", &self.response, &group.response),
        ];
        for (name, above, below) in blocks {
            let (Some(above), Some(below)) = (above, below) else { continue };
            match (&above.kind, &below.kind) {
                (Kind::Map(entries), Kind::Map(_)) => {
                    for (key, node) in entries {
                        replaced(&Some(node.clone()), &below.get(key).cloned(), &format!("{name}.{key}"));
                    }
                }
                _ => replaced(&Some(above.clone()), &Some(below.clone()), name),
            }
        }
    }
}

/// Whether a list has all that another has, each as it stands there: then it drops nothing.
fn adds_to(above: &Option<Rc<Node>>, below: &Option<Rc<Node>>) -> bool {
    let all = |list: &Option<Rc<Node>>| match list.as_deref().map(|node| &node.kind) {
        Some(Kind::List(items)) => items.iter().map(|item| item.to_json()).collect(),
        _ => Vec::new(),
    };
    all(below).iter().all(|item| all(above).contains(item))
}

/// A route as it was written, with what its group hands down.
pub(super) struct RawRoute<'n> {
    fields: Fields<'n>,
    name: Option<Name>,
    group: Option<Rc<RawGroup>>,
}

/// A group's own part.
pub(super) struct RawGroup {
    place: Place,
    name: Name,
    team: Option<Name>,
    path: String,
    inherited: Inherited,
    words: ModeWords,
}

/// What routes are compiled with.
pub(super) struct Around<'p> {
    pub(super) definitions: &'p Definitions,
    pub(super) schemas: &'p Schemas,
    pub(super) limits: &'p Limits,
    pub(super) limit_names: &'p [Name],
    pub(super) defaults: &'p Inherited,
    pub(super) words: &'p ModeWords,
    pub(super) overrides: &'p [Override],
    pub(super) problems: &'p Problems,
}

impl<'n> RawRoute<'n> {
    /// Opens every route of the document, the groups' among them, in order.
    pub(super) fn open_all(node: &'n Rc<Node>, limits: &[Name], problems: &'n Problems) -> Vec<Self> {
        let mut routes: Vec<Self> = Vec::new();
        for item in node.list(problems).unwrap_or_default() {
            let Some(fields) = Fields::open(item, problems) else { continue };
            if item.get("group").is_none() {
                routes.push(Self::open(fields, None, problems));
                continue;
            }
            let members = fields.required("routes").and_then(|node| node.list(problems)).unwrap_or_default();
            let group = RawGroup::read(fields, limits, problems).map(Rc::new);
            for member in members {
                let Some(fields) = Fields::open(member, problems) else { continue };
                if member.get("group").is_some() {
                    problems.note(&member.place, Fault::conflict("groups do not nest"));
                    continue;
                }
                routes.push(Self::open(fields, group.clone(), problems));
            }
        }
        routes
    }

    fn open(fields: Fields<'n>, group: Option<Rc<RawGroup>>, problems: &Problems) -> Self {
        let name = fields.required("name").and_then(|node| node.parse::<Name>(problems));
        Self { fields, name, group }
    }

    /// The route's name.
    pub(super) fn name(&self) -> Option<&Name> {
        self.name.as_ref()
    }

    /// The group's name.
    pub(super) fn group_name(&self) -> Option<&Name> {
        self.group.as_ref().map(|group| &group.name)
    }

    /// Notes each name that two routes, two groups, or a route and a group have.
    pub(super) fn note_duplicates(routes: &[Self], problems: &Problems) {
        let mut seen: Vec<(&Name, &Place)> = Vec::new();
        let mut last: Option<&Rc<RawGroup>> = None;
        for route in routes {
            let group = route.group.as_ref().filter(|group| !last.is_some_and(|it| Rc::ptr_eq(it, group)));
            let own = route.name.as_ref().map(|name| (name, &route.fields.node.place));
            for (name, place) in group.map(|group| (&group.name, &group.place)).into_iter().chain(own) {
                if let Some((_, first)) = seen.iter().find(|(known, _)| *known == name) {
                    let first = Some((*first).clone());
                    let fault = Fault::Duplicate { what: "name", name: name.as_str().into(), first };
                    problems.note(place, fault);
                }
                seen.push((name, place));
            }
            last = route.group.as_ref();
        }
    }

    /// What it demands of a caller, as `side_by_side` calls it: `tokens`, `access`, `limits`, the owner of answers.
    pub(super) fn demands(&self, defaults: &Inherited) -> [Option<Rc<Node>>; 4] {
        let all = effective(&Inherited::take(&self.fields), self.group.as_deref(), defaults);
        let shown = all.response.as_ref().and_then(|response| response.get("owner")).cloned();
        [all.tokens, all.access, all.limits, shown]
    }

    /// Where it is written.
    pub(super) fn place(&self) -> &Place {
        &self.fields.node.place
    }

    /// Reads `match`.
    pub(super) fn read_match(&self, problems: &Problems) -> Option<RouteMatch> {
        let prefix = self.group.as_ref().map_or("", |group| &group.path);
        self.fields.required("match").and_then(|node| RouteMatch::compile(node, prefix, problems))
    }

    /// Compiles what the route demands.
    pub(super) fn compile(
        self,
        matched: Option<&RouteMatch>,
        store: &mut SchemaStore,
        around: &Around<'_>,
    ) -> Option<Route> {
        let Around { definitions, problems, .. } = *around;
        let Self { fields, name, group } = self;
        let place = &fields.node.place;
        let team = fields.optional("team").and_then(|node| node.parse::<Name>(problems));
        let own = Inherited::take(&fields);
        let words = ModeWords::take(&fields, false, around.limit_names, problems);
        fields.close();
        if let Some(group) = &group {
            own.remark_dropped(&group.inherited, problems);
        }
        let effective = effective(&own, group.as_deref(), around.defaults);
        let demand = match &effective.tokens {
            Some(node) => Demand::compile(node, definitions, problems),
            None => {
                problems.note(place, Fault::MissingField("tokens".into()));
                None
            }
        };
        let parameters: Vec<&str> = matched.map(RouteMatch::shared_parameters).unwrap_or_default();
        let methods: Vec<&str> = matched.map(|it| it.methods().collect()).unwrap_or_default();
        let demanded: Vec<usize> =
            demand.iter().flat_map(|it| it.entries()).flat_map(|it| it.tokens.iter().copied()).collect();
        let mut all_parameters: Vec<&str> =
            matched.iter().flat_map(|it| it.paths()).flat_map(|path| path.parameters()).collect();
        all_parameters.sort_unstable();
        all_parameters.dedup();
        let surroundings = Surroundings {
            tokens: definitions.names(),
            demanded: &demanded,
            parameters: &parameters,
            all_parameters: &all_parameters,
        };
        let access = match (&effective.access, &demand) {
            (Some(node), Some(demand)) if demand.is_none() => {
                // A group's does not concern its open routes.
                if own.access.is_some() {
                    let why = "`access` judges a caller, and the route says `tokens: none`";
                    problems.note(&node.place, Fault::conflict(why));
                }
                None
            }
            (Some(node), Some(demand)) => {
                let access = Access::compile(node, surroundings, problems);
                access.filter(|access| demand.requires() || access.demands_more()).map(Rc::new)
            }
            (None, Some(demand)) if demand.requires() => {
                let why =
                    "`access` must be written: what it demands, or `authenticated` for every verified caller";
                problems.note(place, Fault::conflict(why));
                None
            }
            (None, Some(demand)) if !demand.is_none() && !all_parameters.is_empty() => {
                let why = "`access` must be written: whose the path's parameters are, by `owner` or `shared`";
                problems.note(place, Fault::conflict(why));
                None
            }
            _ => None,
        };
        let limits_around = limits::route::Around {
            demands: &|token| demanded.contains(&token),
            sure_of: &|tokens| demand.as_ref().is_some_and(|demand| demand.sure_of(tokens)),
            has_parameter: &|name| parameters.contains(&name),
        };
        let limits = match &effective.limits {
            Some(node) => around.limits.of_route(node, &limits_around, problems),
            None => Box::default(),
        };
        let readers = Readers {
            owner: access.as_ref().is_some_and(|access| access.reads_body()),
            limit: limits.iter().any(|named| {
                around.limits.get(named.index).is_some_and(|limit| limit.stage() == Stage::AfterBody)
            }),
        };
        let request = match &effective.request {
            Some(node) => {
                Request::compile(node, around.schemas, store, &parameters, &methods, readers, problems)
            }
            None => {
                if let (true, Some(node)) = (readers.owner, &effective.access) {
                    let why = "an owner stands in the body and the route takes none: write `request`, such as \
                               `request: { content: json }`";
                    problems.note(&node.place, Fault::conflict(why));
                }
                if let (true, Some(node)) = (readers.limit, &effective.limits) {
                    let why = "a limit counts by the body and the route takes none: write `request`, such as \
                               `request: { content: json }`";
                    problems.note(&node.place, Fault::conflict(why));
                }
                Some(Request::default())
            }
        };
        let owners = access.iter().flat_map(|access| access.owners());
        let request =
            request.map(|request| Rc::new(request.naming(owners.flat_map(Owner::query_parameters))));
        let owner = effective.response.as_ref().and_then(|node| node.get("owner"));
        let shown = owner.map(|node| {
            if methods.iter().any(|method| !matches!(*method, "GET" | "HEAD")) {
                let why = "the owner of an answer is for GET and HEAD: after a write it is too late";
                problems.note(&node.place, Fault::conflict(why));
            }
            ShownOwner::compile_all(node, surroundings, problems)
        });
        let response = effective
            .response
            .as_ref()
            .map(|node| Response::compile(node, around.schemas, problems).map(Rc::new));
        let group_words = group.as_ref().map(|group| &group.words);
        let levels: Vec<&ModeWords> =
            [Some(&words), group_words, Some(around.words)].into_iter().flatten().collect();
        let name = name?;
        let group_name = group.as_ref().map(|group| &group.name);
        let fits = |it: &Override| {
            it.route.as_ref().is_none_or(|wanted| *wanted == name || Some(wanted) == group_name)
        };
        let indices: Vec<usize> = limits.iter().map(|named| named.index).collect();
        let modes = Modes::resolve(&levels, around.overrides, fits, &indices);
        modes::remark_lowered(&modes, access.is_some(), place, problems);
        let team = team.or_else(|| group.as_ref().and_then(|group| group.team.clone()));
        let (demand, request, response) =
            (demand?, request?, response.map_or(Some(None), |it| it.map(Some))?);
        Some(Route {
            name,
            team,
            demand,
            access,
            request,
            response,
            shown: shown.unwrap_or_default(),
            limits,
            modes,
        })
    }
}

/// A route's own fields over those that its group and the defaults hand down.
fn effective(own: &Inherited, group: Option<&RawGroup>, defaults: &Inherited) -> Inherited {
    group.map_or_else(|| own.clone(), |group| own.over(&group.inherited)).over(defaults)
}

impl RawGroup {
    fn read(fields: Fields<'_>, limits: &[Name], problems: &Problems) -> Option<Self> {
        let name = fields.required("group").and_then(|node| node.parse::<Name>(problems));
        let team = fields.optional("team").and_then(|node| node.parse::<Name>(problems));
        let path = fields.optional("path").and_then(|node| {
            let text = node.text(problems)?;
            if !text.starts_with('/') || text.ends_with('/') {
                let expected = "begin it with / and end it without; it is put in front of its routes' paths";
                problems
                    .note(&node.place, Fault::Malformed { what: "group's path", found: cut(text), expected });
            }
            Some(text.to_string())
        });
        let inherited = Inherited::take(&fields);
        let words = ModeWords::take(&fields, false, limits, problems);
        let place = fields.node.place.clone();
        fields.close();
        Some(Self { place, name: name?, team, path: path.unwrap_or_default(), inherited, words })
    }
}
