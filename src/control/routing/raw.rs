//! Reads `routing` and each route's `match`, and builds the tables.

use std::rc::Rc;

use crate::control::routing::Endpoint;
use crate::control::routing::Hosts;
use crate::control::routing::Pattern;
use crate::control::routing::Routing;
use crate::control::routing::Table;
use crate::control::routing::says::Says;
use crate::document::Fields;
use crate::document::Node;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Place;
use crate::fault::Problems;
use crate::model::host::Host;
use crate::model::pattern::PathPattern;
use crate::model::pattern::Segment;

/// A route's `match`.
#[derive(Clone, Debug)]
pub struct RouteMatch {
    place: Place,
    methods: Rc<[Box<str>]>,
    paths: Vec<PathPattern>,
    hosts: Option<Vec<Host>>,
    websocket: bool,
    says: Option<Says>,
}

impl RouteMatch {
    /// Reads `match`; `prefix` is the group's path.
    pub fn compile(node: &Node, prefix: &str, problems: &Problems) -> Option<Self> {
        let fields = Fields::open(node, problems)?;
        let methods: Option<Vec<Box<str>>> = fields
            .required("method")
            .map(|node| node.one_or_list().iter().filter_map(|item| method(item, problems)).collect());
        let paths: Option<Vec<PathPattern>> = fields.required("path").map(|node| {
            let path = |item: &Rc<Node>| {
                let text = format!("{prefix}{}", item.text(problems)?);
                problems.need(&item.place, text.parse())
            };
            node.one_or_list().iter().filter_map(path).collect()
        });
        let hosts = fields.optional("host").map(|node| hosts(node, problems));
        let says = Says::compile(&fields, problems);
        let upgrade = fields.optional("upgrade").and_then(|node| node.word(&[("websocket", ())], problems));
        fields.close();
        for (name, empty) in [
            ("method", methods.as_ref().is_some_and(Vec::is_empty)),
            ("path", paths.as_ref().is_some_and(Vec::is_empty)),
        ] {
            if empty && problems.none() {
                problems.note(&node.place, Fault::conflict(format!("`{name}` has nothing in it")));
            }
        }
        let (methods, websocket) = (methods?.into(), upgrade.is_some());
        Some(Self { place: node.place.clone(), methods, paths: paths?, hosts, websocket, says })
    }

    /// Where it is written.
    pub fn place(&self) -> &Place {
        &self.place
    }

    /// The route's paths.
    pub fn paths(&self) -> &[PathPattern] {
        &self.paths
    }

    /// Where it hangs on the app's version: the place of that.
    pub fn by_app(&self) -> Option<&Place> {
        matches!(self.says, Some(Says::App(_))).then_some(&self.place)
    }

    /// The parameters that every path has.
    pub fn shared_parameters(&self) -> Vec<&str> {
        let mut paths = self.paths.iter();
        let first: Vec<&str> = paths.next().map(|path| path.parameters().collect()).unwrap_or_default();
        let everywhere = |name: &&str| self.paths.iter().all(|path| path.parameters().any(|it| it == *name));
        first.into_iter().filter(everywhere).collect()
    }

    /// The route's methods.
    pub fn methods(&self) -> impl Iterator<Item = &str> {
        self.methods.iter().map(|method| &**method)
    }
}

fn method(node: &Node, problems: &Problems) -> Option<Box<str>> {
    let text = node.text(problems)?;
    let token = text.len() <= 32 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-');
    if text.is_empty() || !token {
        let expected = "write it in capitals, such as GET";
        problems.note(&node.place, Fault::Malformed { what: "method", found: cut(text), expected });
        return None;
    }
    if &**text == "CONNECT" {
        problems
            .note(&node.place, Fault::conflict("CONNECT opens a tunnel that nothing here could look into"));
        return None;
    }
    Some((&**text).into())
}

fn hosts(node: &Rc<Node>, problems: &Problems) -> Vec<Host> {
    let mut hosts = Vec::new();
    for item in node.one_or_list() {
        match item.parse::<Host>(problems) {
            Some(host) if hosts.contains(&host) => {
                let fault = Fault::Duplicate { what: "host", name: host.as_str().into(), first: None };
                problems.note(&item.place, fault);
            }
            host => hosts.extend(host),
        }
    }
    hosts
}

impl Routing {
    /// Reads `routing` and builds the tables for `routes`, whose indices are the routes' own.
    pub fn compile(node: Option<&Rc<Node>>, routes: &[Option<RouteMatch>], problems: &Problems) -> Self {
        let mut routing = Self {
            hosts: Hosts::Any,
            pass_other_hosts: false,
            pass_preflight: false,
            tables: Vec::new(),
            common: Table::default(),
        };
        if let Some(fields) = node.and_then(|node| Fields::open(node, problems)) {
            routing.read(fields, problems);
        }
        routing.build(routes, problems);
        routing
    }

    fn read(&mut self, fields: Fields<'_>, problems: &Problems) {
        let pass = [("refuse", false), ("pass", true)];
        if let Some(node) = fields.optional("hosts") {
            let any = node
                .one_or_list()
                .iter()
                .all(|item| matches!(&item.kind, crate::document::Kind::Text(it) if &**it == "any"));
            if node.one_or_list().is_empty() {
                problems.note(
                    &node.place,
                    Fault::conflict("`hosts` has nothing in it; write `any` for every host"),
                );
            } else if !any {
                self.hosts = Hosts::These(hosts(node, problems));
            }
        }
        let word = |name| fields.optional(name).and_then(|node| node.word(&pass, problems)).unwrap_or(false);
        self.pass_other_hosts = word("other_hosts");
        self.pass_preflight = word("preflight");
        if let Some(node) = fields.optional("unmatched") {
            // The field is there to be read by people; the answer is part of what `conceal` promises.
            node.integer(404..=404, problems);
        }
        fields.close();
    }

    fn build(&mut self, routes: &[Option<RouteMatch>], problems: &Problems) {
        let named = routes.iter().flatten().flat_map(|route| route.hosts.iter().flatten());
        let mut hosts: Vec<Host> = named.cloned().collect();
        hosts.sort();
        hosts.dedup();
        for (index, route) in routes.iter().enumerate() {
            let Some(route) = route else { continue };
            if let (Hosts::These(known), Some(hosts)) = (&self.hosts, &route.hosts) {
                for host in hosts.iter().filter(|host| !known.contains(host)) {
                    let names = known.iter().map(Host::as_str);
                    problems
                        .note(&route.place, Fault::dangling("host in `routing.hosts`", host.as_str(), names));
                }
            }
            if route.hosts.is_none() {
                self.common.add(index, route, routes, problems);
            }
        }
        for host in hosts {
            let mut table = Table::default();
            // A tie among the routes of every host was noted above; here only the ones with this host's own.
            let quiet = Problems::default();
            for (index, route) in routes.iter().enumerate() {
                match route {
                    Some(route) if route.hosts.is_none() => table.add(index, route, routes, &quiet),
                    Some(route) if route.hosts.as_ref().is_some_and(|hosts| hosts.contains(&host)) => {
                        table.add(index, route, routes, problems);
                    }
                    _ => {}
                }
            }
            self.tables.push((host, table));
        }
    }
}

impl Table {
    fn add(&mut self, index: usize, route: &RouteMatch, routes: &[Option<RouteMatch>], problems: &Problems) {
        for path in &route.paths {
            let next = self.patterns.len();
            let at = *self.exact.leaf(path.segments()).get_or_insert(next);
            if at == next {
                let folded: Vec<Segment> = path.segments().iter().map(fold).collect();
                let folded = *self.folded.leaf(&folded).get_or_insert(at);
                self.patterns.push(Pattern { folded, endpoints: Vec::new() });
            }
            let Some(pattern) = self.patterns.get_mut(at) else { continue };
            for taken in &pattern.endpoints {
                let shared = taken.methods.iter().find(|method| route.methods.contains(method));
                let apart = match (&taken.says, &route.says) {
                    // One that hangs on nothing is for whoever says nothing that another hangs on.
                    (None, None) => false,
                    (Some(says), Some(others)) => !says.meets(others),
                    _ => true,
                };
                if shared.is_some() && apart {
                    self.alike.push((taken.route, index));
                } else if let Some(method) = shared {
                    let first = routes.get(taken.route).and_then(Option::as_ref).map(|it| it.place.clone());
                    let fault = Fault::Duplicate {
                        what: "route for",
                        name: format!("{method} {path}").into(),
                        first,
                    };
                    problems.note(&route.place, fault);
                }
            }
            pattern.endpoints.push(Endpoint {
                route: index,
                methods: route.methods.clone(),
                parameters: path.parameters().map(Into::into).collect(),
                websocket: route.websocket,
                says: route.says.clone(),
            });
        }
    }
}

fn fold(segment: &Segment) -> Segment {
    match segment {
        Segment::Literal(text) => Segment::Literal(text.to_lowercase().into()),
        other => other.clone(),
    }
}
