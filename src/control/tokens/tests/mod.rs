#![expect(
    clippy::arithmetic_side_effects,
    clippy::string_slice,
    reason = "a test that overflows or slices wrong fails, as it must"
)]

mod caching;
mod definitions;
mod demands;
mod dpop;
mod fetching;
mod host;
mod hostile;
mod key_sets;
mod onward;
mod properties;
mod sending;

use portcullis_tokens::definition;
use portcullis_tokens::merged;
use portcullis_tokens::mint;
use portcullis_tokens::mint::NOW;
use serde_json::Value;
use serde_json::json;

use crate::control::tokens::*;
use crate::document::Node;
use crate::fault::Problems;
use crate::model::headers::Headers;
use crate::model::secrets::Secrets;
use crate::model::shared::InMemory;
use crate::model::time::Nanos;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// Seconds after [`NOW`].
fn at(seconds: i64) -> Nanos {
    Nanos(NOW.checked_add_signed(seconds).unwrap() * 1_000_000_000)
}

/// Compiles `tokens` with these variables; faults and remarks as they are printed.
fn compile(tokens: &Value, variables: &[(&str, &str)]) -> (Definitions, Vec<String>, Vec<String>) {
    let read =
        |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
    let problems = Problems::default();
    let node = Node::from_json(json!({ "tokens": tokens }).to_string().as_bytes(), &problems).unwrap();
    let definitions = Definitions::compile(node.get("tokens").unwrap(), Secrets::needed(&read), &problems);
    let (faults, remarks) = problems.into_parts();
    let print = |it: &dyn ToString| it.to_string();
    (definitions, faults.iter().map(|it| print(it)).collect(), remarks.iter().map(|it| print(it)).collect())
}

fn compile_demand(tokens: &Value, definitions: &Definitions) -> (Option<Demand>, Vec<String>) {
    let problems = Problems::default();
    let node = Node::from_json(tokens.to_string().as_bytes(), &problems).unwrap();
    let demand = Demand::compile(&node, definitions, &problems);
    (demand, problems.into_parts().0.iter().map(|it| it.fault.to_string()).collect())
}

/// A worker with a policy in force.
struct Worker {
    definitions: Definitions,
    demand: Demand,
    keys: Keys,
    caches: Caches,
    replays: Replays,
    store: InMemory,
    /// Whether the client came without TLS, and the certificate that it showed.
    in_cleartext: bool,
    certificate: Option<[u8; 32]>,
}

impl Worker {
    fn new(tokens: &Value, demand: &Value) -> Self {
        let (definitions, faults, _) = compile(tokens, &[]);
        assert_eq!(faults, [""; 0]);
        let (demand, faults) = compile_demand(demand, &definitions);
        assert_eq!(faults, [""; 0]);
        let keys = Keys::new(&definitions, None);
        let caches = Caches::new(&definitions, None);
        let store = InMemory::default();
        let replays = Replays::prepare(&definitions, &store, [9; 16]).unwrap();
        let demand = demand.unwrap();
        Self { definitions, demand, keys, caches, replays, store, in_cleartext: false, certificate: None }
    }

    /// One token, `user`, demanded by the route.
    fn of_user(definition: &Value) -> Self {
        Self::new(&json!({ "user": definition }), &json!(["user"]))
    }

    fn check(&mut self, headers: &[(&str, &[u8])], now: Nanos) -> Result<Subjects, Refusal> {
        let headers = Headers::from_pairs(headers.iter().copied());
        check(&self.definitions, &self.demand, &headers, &self.keys, &mut self.caches, now)
    }

    /// [`Worker::check`], and what the tokens are bound to.
    fn judge(&mut self, headers: &[(&str, &[u8])], now: Nanos) -> Result<(), Refusal> {
        let subjects = self.check(headers, now)?;
        let headers = Headers::from_pairs(headers.iter().copied());
        let (in_cleartext, certificate) = (self.in_cleartext, self.certificate);
        let sender = Sender {
            headers: &headers,
            now,
            host: self.keys.host,
            in_cleartext: &|| in_cleartext,
            certificate: &|| certificate,
        };
        check_binding(&self.definitions, &subjects, &sender, &mut self.replays, &self.store)
    }

    fn bearer(&mut self, token: &str, now: Nanos) -> Result<Subjects, Reason> {
        let value = format!("Bearer {token}");
        self.check(&[("authorization", value.as_bytes())], now).map_err(|refusal| refusal.reason)
    }
}
