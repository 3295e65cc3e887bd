//! # Routing: which route a request is for
//! **Refuses** a path that two readers could take for different ones (`routing.ambiguous`, 400), tunnels and upgrades that
//! no route asks for (`routing.upgrade`, 400), a path that no route has (`routing.unmatched`, 404), a method that no
//! route of the path has (`routing.method`, 405), and another's host (`routing.host`, 421).
//! **Needs** the request's method, host and path; hands on the route and its path parameters.
//! With versions side by side: a client that says none that is served (`routing.version`, 400).
//! **Does not** look at who the client is: the same request is placed alike for everybody.

mod raw;
mod says;
#[cfg(test)]
mod tests;
mod tree;

use std::borrow::Cow;
use std::ops::Range;
use std::rc::Rc;

pub use crate::control::routing::raw::RouteMatch;
use crate::control::routing::says::Ambiguous;
use crate::control::routing::says::Says;
use crate::control::routing::tree::Tree;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::host::Host;
use crate::model::path::RequestPath;
use crate::model::version::Version;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// Header lines by which an upstream could be told another method or path than the one that was judged. They are
/// removed from every request.
pub const OVERRIDES: [&str; 5] =
    ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];

/// The compiled `routing` of a policy, with the paths of its routes.
#[derive(Debug)]
pub struct Routing {
    hosts: Hosts,
    pass_other_hosts: bool,
    pass_preflight: bool,
    /// One per host that some route names; the last serves every other host.
    tables: Vec<(Host, Table)>,
    common: Table,
}

/// Whom the policy speaks for.
#[derive(Debug)]
enum Hosts {
    Any,
    These(Vec<Host>),
}

/// The paths of one host's routes.
#[derive(Debug, Default)]
struct Table {
    patterns: Vec<Pattern>,
    /// Routes of one method and path that only what a client says keeps apart.
    alike: Vec<(usize, usize)>,
    /// The pattern of a path.
    exact: Tree,
    /// The same with literals in lower case: the first of the patterns that only letter case keeps apart.
    folded: Tree,
}

/// One path and whom it serves. Paths that differ only in the names of their parameters are one pattern.
#[derive(Debug)]
struct Pattern {
    /// The first pattern that only letter case keeps apart from this one, or itself.
    folded: usize,
    endpoints: Vec<Endpoint>,
}

/// One route's claim to a pattern.
#[derive(Debug)]
struct Endpoint {
    route: usize,
    methods: Rc<[Box<str>]>,
    parameters: Rc<[Box<str>]>,
    websocket: bool,
    /// What the client must say; `None` for whoever says nothing that another route hangs on.
    says: Option<Says>,
}

/// Where a request belongs: the proof of this control.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// To the route with this index.
    Route(usize, Parameters),
    /// A CORS preflight to a known path, where the policy lets them pass.
    Preflight,
    /// To a host that the policy does not speak for, where it lets those pass.
    Elsewhere,
}

/// The path parameters of a placed request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    names: Rc<[Box<str>]>,
    spans: Vec<Range<usize>>,
}

impl Parameters {
    /// The parameter `name`, decoded once; `path` is the path that was placed.
    pub fn get<'p>(&self, name: &str, path: &'p RequestPath) -> Option<&'p str> {
        let index = self.names.iter().position(|known| **known == *name)?;
        path.as_str().get(self.spans.get(index)?.clone())
    }

    /// All parameters, in the order of the path.
    pub fn iter<'p>(&'p self, path: &'p RequestPath) -> impl Iterator<Item = (&'p str, &'p str)> {
        self.names
            .iter()
            .zip(&self.spans)
            .filter_map(|(name, span)| Some((&**name, path.as_str().get(span.clone())?)))
    }
}

/// A request that has no place.
#[derive(Debug, PartialEq)]
pub struct Misplaced {
    /// Why.
    pub refusal: Refusal,
    /// The routes that an upstream could take it for all the same: by its path, where host, method or upgrade do not
    /// fit; all of them, where the path is ambiguous.
    pub candidates: Vec<usize>,
}

impl Routing {
    /// Pairs of routes that only what a client says keeps apart.
    pub fn alike(&self) -> impl Iterator<Item = (usize, usize)> {
        let tables = self.tables.iter().map(|(_, table)| table).chain([&self.common]);
        tables.flat_map(|table| table.alike.iter().copied())
    }

    /// Finds the request's place. `path` is what [`RequestPath::parse`] said of its `:path`, `ends` whether the head is
    /// the whole request, `app` the app's version as the head says it.
    ///
    /// # Errors
    /// The reasons that the module's head lists.
    pub fn check(
        &self,
        headers: &Headers,
        path: Option<&RequestPath>,
        ends: bool,
        app: impl Fn() -> Option<Version>,
    ) -> Result<Place, Misplaced> {
        let misplaced = |refusal: Refusal| Misplaced { refusal, candidates: self.routes_by_path(path) };
        let ambiguous = || misplaced(Reason::RoutingAmbiguous.into());
        let host = match headers.single(":authority") {
            Found::Missing => None,
            Found::Ambiguous => return Err(ambiguous()),
            // One that does not read could be anybody's: no table is the right one.
            Found::One(authority) => Some(Host::read(authority).ok_or_else(ambiguous)?),
        };
        let table = match (&self.hosts, host) {
            (Hosts::These(hosts), host)
                if !host.is_some_and(|host| hosts.iter().any(|known| known.is(host))) =>
            {
                return if self.pass_other_hosts {
                    Ok(Place::Elsewhere)
                } else {
                    Err(misplaced(Reason::RoutingHost.into()))
                };
            }
            (_, Some(host)) => {
                self.tables.iter().find(|(known, _)| known.is(host)).map_or(&self.common, |it| &it.1)
            }
            (_, None) => &self.common,
        };
        let method = headers.single(":method").one().and_then(|it| std::str::from_utf8(it).ok());
        let (Some(path), Some(method)) = (path, method) else {
            return Err(ambiguous());
        };
        if method == "CONNECT" {
            return Err(misplaced(Reason::RoutingUpgrade.into()));
        }
        let (pattern, spans) = table.find(path).map_err(|reason| misplaced(reason.into()))?;
        let preflight =
            method == "OPTIONS" && headers.has("origin") && headers.has("access-control-request-method");
        if preflight && self.pass_preflight && upgrade_fits(headers, false) {
            // It has no body: what came with one would go on uncounted.
            return if ends {
                Ok(Place::Preflight)
            } else {
                Err(misplaced(Reason::RequestBodyUnexpected.into()))
            };
        }
        let endpoint = pattern.endpoint(method, headers, app)?;
        if !upgrade_fits(headers, endpoint.websocket) {
            return Err(misplaced(Reason::RoutingUpgrade.into()));
        }
        Ok(Place::Route(endpoint.route, Parameters { names: endpoint.parameters.clone(), spans }))
    }

    /// The routes, of any host, that a path could mean: an upstream may look at nothing else. All there are where it is
    /// ambiguous.
    fn routes_by_path(&self, path: Option<&RequestPath>) -> Vec<usize> {
        let tables = || self.tables.iter().map(|(_, table)| table).chain([&self.common]);
        let mut routes = Vec::new();
        for table in tables() {
            match path.map(|path| table.find(path)) {
                Some(Ok((pattern, _))) => routes.extend(pattern.routes()),
                Some(Err(Reason::RoutingUnmatched)) => {}
                Some(Err(_)) | None => {
                    return tables().flat_map(|table| &table.patterns).flat_map(Pattern::routes).collect();
                }
            }
        }
        routes
    }
}

/// No upgrade is asked for, or the one that the route takes.
fn upgrade_fits(headers: &Headers, websocket: bool) -> bool {
    let asked = [headers.single("upgrade"), headers.single(":protocol")];
    asked.iter().all(|asked| match asked {
        Found::Missing => true,
        Found::One(it) => websocket && it.eq_ignore_ascii_case(b"websocket"),
        Found::Ambiguous => false,
    })
}

impl Table {
    fn find(&self, path: &RequestPath) -> Result<(&Pattern, Vec<Range<usize>>), Reason> {
        let text = path.as_str();
        let exact = self.exact.find(text);
        // Nearly every path is in lower case already.
        let lower = match text.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase()) {
            true => Cow::Borrowed(text),
            false => Cow::Owned(text.to_lowercase()),
        };
        let folded = match lower.strip_suffix('/') {
            Some("") | None => &*lower,
            Some(shorter) => shorter,
        };
        let alike = self.folded.find(folded).map(|(first, _)| first);
        let exact = exact.and_then(|(index, spans)| Some((self.patterns.get(index)?, spans)));
        match (exact, alike) {
            // What is served under this very path, and no other path is meant by it.
            (Some((pattern, spans)), Some(first)) if pattern.folded == first => Ok((pattern, spans)),
            (None, None) => Err(Reason::RoutingUnmatched),
            _ => Err(Reason::RoutingAmbiguous),
        }
    }
}

impl Pattern {
    fn endpoint(
        &self,
        method: &str,
        headers: &Headers,
        app: impl Fn() -> Option<Version>,
    ) -> Result<&Endpoint, Misplaced> {
        let serves = |wanted: &str, endpoint: &Endpoint| endpoint.methods.iter().any(|it| **it == *wanted);
        let some = |wanted: &str| self.endpoints.iter().any(|endpoint| serves(wanted, endpoint));
        // GET answers HEAD, with the same demands.
        let method = if method == "HEAD" && !some("HEAD") { "GET" } else { method };
        let misplaced =
            |reason: Reason| Misplaced { refusal: reason.into(), candidates: self.routes().collect() };
        let mut found: Option<&Endpoint> = None;
        for endpoint in self.endpoints.iter().filter(|endpoint| serves(method, endpoint)) {
            let Some(says) = &endpoint.says else {
                // The first, as ever.
                found = found.or(Some(endpoint));
                continue;
            };
            match says.fits(headers, app()) {
                Ok(true) => return Ok(endpoint),
                Ok(false) => {}
                Err(Ambiguous) => return Err(misplaced(Reason::RoutingAmbiguous)),
            }
        }
        found.ok_or_else(|| match some(method) {
            true => misplaced(Reason::RoutingVersion),
            false => self.wrong_method(),
        })
    }

    fn wrong_method(&self) -> Misplaced {
        let mut methods: Vec<&str> = Vec::new();
        for method in self.endpoints.iter().flat_map(|it| it.methods.iter()) {
            methods.push(method);
            if &**method == "GET" {
                methods.push("HEAD");
            }
        }
        methods.sort_unstable();
        methods.dedup();
        let refusal = Refusal::new(Reason::RoutingMethod).with(Extra::Allow(methods.join(", ").into()));
        Misplaced { refusal, candidates: self.routes().collect() }
    }

    fn routes(&self) -> impl Iterator<Item = usize> {
        self.endpoints.iter().map(|it| it.route)
    }
}
