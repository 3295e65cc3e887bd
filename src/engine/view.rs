//! A request as the value notation sees it.

use std::borrow::Cow;

use serde_json::Value;

use crate::control::limits::key::KeySight;
use crate::control::routing::Parameters;
use crate::control::tokens::Subjects;
use crate::engine::edits;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::host::Host;
use crate::model::ip::ClientIp;
use crate::model::path::RequestPath;
use crate::model::pointer::Pointer;
use crate::model::value::Seen;
use crate::model::value::Sight;
use crate::model::value::Source;
use crate::policy::Policy;

/// What is known of a request beside its head: more with each step.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Known<'k> {
    pub(crate) path: Option<&'k RequestPath>,
    pub(crate) subjects: Option<&'k Subjects>,
    pub(crate) body: Body<'k>,
}

/// A request's body, to whoever needs a value of it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) enum Body<'b> {
    /// There is none, or it was not read yet.
    #[default]
    Absent,
    /// It cannot be read in just one way: too large, encoded, not strict JSON. Every value of it is ambiguous.
    Unfit,
    /// What it says.
    Read(&'b Value),
}

/// Everything that a value can be read from.
pub(crate) struct View<'v> {
    pub(crate) policy: &'v Policy,
    pub(crate) headers: &'v Headers,
    pub(crate) route: Option<&'v str>,
    pub(crate) parameters: Option<&'v Parameters>,
    pub(crate) ip: Option<ClientIp>,
    pub(crate) known: Known<'v>,
}

impl View<'_> {
    fn query(&self, name: &str) -> Seen<'_> {
        let query = self.known.path.and_then(RequestPath::query);
        if query.is_some_and(|query| query.0.contains(&b';')) {
            // Some readers take it for `&`.
            return Seen::Ambiguous;
        }
        match query.map_or(Found::Missing, |query| query.single(name)) {
            Found::Missing => Seen::Missing,
            Found::Ambiguous => Seen::Ambiguous,
            Found::One(value) => Seen::Bytes(value),
        }
    }

    fn header(&self, name: &str) -> Seen<'_> {
        // Some upstreams take `x_account` for `x-account`: a twin is a second value.
        let twin = |known: &[u8]| known != name.as_bytes() && edits::same_header(known, name.as_bytes());
        if name.contains(['-', '_']) && self.headers.iter().any(|(known, _)| twin(known)) {
            return Seen::Ambiguous;
        }
        match self.headers.single(name) {
            Found::Missing => Seen::Missing,
            Found::Ambiguous => Seen::Ambiguous,
            Found::One(value) => Seen::Bytes(Cow::Borrowed(value)),
        }
    }
}

impl<'b> Body<'b> {
    /// What stands at `place`. Of a list without elements nobody can say whose they are: that is missing.
    fn see(self, place: &Pointer) -> Seen<'b> {
        let value = match self {
            Self::Absent => return Seen::Missing,
            Self::Unfit => return Seen::Ambiguous,
            Self::Read(value) => value,
        };
        if !place.has_each() {
            return place.find(value).filter(|it| !it.is_null()).map_or(Seen::Missing, Seen::Json);
        }
        match place.spread(value) {
            Some(spread) if !spread.has_empty => Seen::Each(spread.values),
            _ => Seen::Missing,
        }
    }
}

fn owned<'a>(text: Option<String>) -> Seen<'a> {
    text.map_or(Seen::Missing, |text| Seen::Bytes(Cow::Owned(text.into_bytes())))
}

impl KeySight for View<'_> {
    fn issuer(&self, token: usize) -> Option<&str> {
        self.known.subjects.and_then(|subjects| subjects.of(token)).map(|subject| subject.issuer())
    }
}

impl Sight for View<'_> {
    fn see(&self, source: &Source) -> Seen<'_> {
        match source {
            Source::Ip => self.ip.map_or(Seen::Missing, |ip| Seen::Ip(ip.prefix())),
            Source::Path(name) => {
                let value = self.known.path.and_then(|path| self.parameters?.get(name, path));
                value.map_or(Seen::Missing, |value| Seen::Bytes(Cow::Borrowed(value.as_bytes())))
            }
            Source::Query(name) => self.query(name),
            Source::Header(name) => self.header(name),
            Source::Claim(claim) => {
                let subject = self.known.subjects.and_then(|subjects| subjects.of(claim.token));
                subject
                    .and_then(|subject| subject.claims().get(&claim.claim))
                    .map_or(Seen::Missing, Seen::Json)
            }
            Source::Body(place) => self.known.body.see(place),
            // An answer has a sight of its own.
            Source::Response(_) => Seen::Missing,
            Source::Route => {
                self.route.map_or(Seen::Missing, |name| Seen::Bytes(Cow::Borrowed(name.as_bytes())))
            }
            Source::Method => self.header(":method"),
            Source::Host => {
                let host = self.headers.single(":authority").one().and_then(Host::parse);
                owned(host.map(|host| host.as_str().to_owned()))
            }
            Source::Version => owned(self.policy.client.app(self).version.map(|version| version.to_string())),
            Source::Platform => {
                owned(self.policy.client.app(self).platform.map(|platform| platform.to_string()))
            }
        }
    }
}
