//! The compiled policy: immutable, and whole or not at all.
//!
//! [`Policy::compile`] reads a document and notes every problem before it gives up; a document with a problem never
//! becomes a policy.

mod audit;
#[cfg(not(target_arch = "wasm32"))]
mod bounds;
mod compile;
mod inline;
mod modes;
mod overrides;
mod routes;
mod side_by_side;
#[cfg(test)]
mod tests;

use std::fmt;
use std::rc::Rc;
use std::time::Duration;

pub use crate::policy::audit::Audit;
pub use crate::policy::audit::PseudonymKey;
#[cfg(not(target_arch = "wasm32"))]
pub use crate::policy::bounds::remark_unbounded;
pub use crate::policy::compile::Circumstances;
pub use crate::policy::compile::Kept;
pub use crate::policy::modes::Dial;
pub use crate::policy::modes::Modes;

use crate::control::access::Access;
use crate::control::access::ShownOwner;
use crate::control::client::Client;
use crate::control::limits::Limits;
use crate::control::limits::route::Named;
use crate::control::limits::service::Service;
use crate::control::limits::table::Memory;
use crate::control::request::Request;
use crate::control::response::Response;
use crate::control::routing::Routing;
use crate::control::tokens::Definitions;
use crate::control::tokens::Demand;
use crate::control::transport::Transport;
use crate::document::digest::Digest;
use crate::model::name::Name;

/// What every route demands.
pub struct Policy {
    /// The policy's name: a label in metrics and logs.
    pub name: Name,
    /// The author's own mark, shown beside the digest.
    pub revision: Option<Rc<str>>,
    /// What the document is called by.
    pub digest: Digest,
    /// Cleartext and TLS.
    pub transport: Transport,
    /// Hosts and paths.
    pub routing: Routing,
    /// The app's version.
    pub client: Client,
    /// Token definitions.
    pub tokens: Definitions,
    /// Named limits.
    pub limits: Limits,
    /// The rate limit service, for limits that several processes share.
    pub service: Option<Service>,
    /// How much the limits' table may take.
    pub memory: Memory,
    /// The routes, in the document's order.
    pub routes: Vec<Route>,
    /// The modes for requests that have no route.
    pub modes: Modes,
    /// What events say.
    pub audit: Audit,
    /// Names of headers that `forward` sets somewhere: a client's own are removed everywhere.
    pub identity_headers: Vec<Box<str>>,
    /// How long a request waits for the first keys.
    pub first_keys_wait: Duration,
    /// Whether a request's head is held until its body was judged. Without, the host cannot hold it: the weaker way.
    pub holds_heads: bool,
    /// Whether anything needs the client's address.
    pub needs_ip: bool,
}

impl fmt::Debug for Policy {
    /// Its name and digest: the parts hold secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policy({} {})", self.name, self.digest)
    }
}

/// What one route demands.
pub struct Route {
    /// Its name.
    pub name: Name,
    /// Whose it is.
    pub team: Option<Name>,
    /// The tokens that it demands.
    pub demand: Demand,
    /// What a caller may do; `None` where nobody is demanded.
    pub access: Option<Rc<Access>>,
    /// What comes in.
    pub request: Rc<Request>,
    /// What goes out; `None` where answers are not looked at.
    pub response: Option<Rc<Response>>,
    /// Whose the objects are that answers show.
    pub shown: Rc<[ShownOwner]>,
    /// Its limits.
    pub limits: Box<[Named]>,
    /// What each control may do.
    pub modes: Modes,
}
