//! Who calls: a hostile token is a stated refusal and costs no worker, a good one is told apart from what a client says.
#![cfg(test)]

mod certificates;
mod flood;
mod identity;
mod places;
mod tables;

use portcullis_envoy::{Answer, Gate, Recorder, Seen, Shared, policy, user_token};
use portcullis_shop::keys::Keys;
use portcullis_shop::mint::Mint;
use serde_json::json;

pub(crate) struct Stage {
    pub(crate) upstream: Recorder,
    pub(crate) gate: Gate,
    pub(crate) keys: Keys,
    /// The keys of the app's own attestation, and of an issuer of old.
    pub(crate) app: Keys,
    pub(crate) legacy: Keys,
}

pub(crate) static STAGE: Shared<Stage> = Shared::new(|| {
    let keys = Keys::generate()?;
    let (app, legacy) = (keys.next()?, keys.next()?.next()?);
    let upstream = Recorder::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")?;
    // Names with an underscore reach the filter only where the host lets them through.
    let setup = Gate::before(upstream.address()).workers(4).h1_trailers().without_normalisation();
    let gate = setup.policy(policy("begin", "enforce", "routes: []")).start()?;
    Ok(Stage { upstream, gate, keys, app, legacy })
});

/// Enough connections that every worker has had one.
pub(crate) const EVERY_WORKER: usize = 16;

impl Stage {
    pub(crate) fn tokens(&self, name: &str, mode: &str, more: &str) -> String {
        let mut legacy = user_token(&self.legacy);
        legacy["issuer"] = json!("https://legacy.shop.example");
        legacy["forward"] = json!({ "x-user-id": "legacy.sub" });
        let mut app = user_token(&self.app);
        app["in"] = json!({ "header": "x-app-token" });
        app["issuer"] = json!("https://app.shop.example");
        app["forward"] = json!({ "x-app-id": "app.sub" });
        app["keep"] = json!(true);
        let tokens = json!({ "user": user_token(&self.keys), "legacy": legacy, "app": app });
        let routes = format!(
            r#"
{more}
tokens: {tokens}
schemas: {{ object: {{ type: object }} }}
defaults: {{ request: {{ content: any }} }}
routes:
  - {{ name: user, match: {{ method: [GET, POST], path: /user }}, tokens: [user], access: authenticated }}
  - {{ name: held, match: {{ method: POST, path: /held }}, tokens: [user], access: authenticated, request: {{ content: json, schema: object }} }}
  - {{ name: open, match: {{ method: [GET, POST], path: /open }}, tokens: none }}
  - {{ name: guest, match: {{ method: [GET, POST], path: /guest }}, tokens: [{{ optional: user }}] }}
  - {{ name: either, match: {{ method: [GET, POST], path: /either }}, tokens: [{{ any: [user, legacy] }}], access: authenticated }}
  - {{ name: both, match: {{ method: [GET, POST], path: /both }}, tokens: [app, user], access: authenticated }}
"#
        );
        policy(name, mode, &routes)
    }

    pub(crate) fn alice(&self) -> Mint<'_> {
        Mint::new(&self.keys)
    }

    pub(crate) fn app(&self) -> Mint<'_> {
        Mint::new(&self.app).claim("iss", "https://app.shop.example").claim("sub", "install-1")
    }

    pub(crate) fn legacy(&self) -> Mint<'_> {
        Mint::new(&self.legacy).claim("iss", "https://legacy.shop.example").claim("sub", "old-42")
    }

    /// The one request that the upstream saw since the last time.
    pub(crate) fn seen(&self, row: &str) -> Seen {
        let mut seen = self.upstream.take();
        assert_eq!(seen.len(), 1, "{row}: {seen:?}");
        seen.remove(0)
    }
}

/// That it is a refusal of the token for this reason, told as RFC 6750, section 3 has it.
pub(crate) fn refused(row: &str, answer: &Answer, realm: &str, reason: &str) {
    let (status, error) = match reason {
        "tokens.missing" => (401, None),
        "tokens.ambiguous" => (400, Some("invalid_request")),
        _ => (401, Some("invalid_token")),
    };
    assert_eq!((answer.status, answer.reason().as_deref()), (status, Some(reason)), "{row}: {answer:?}");
    let error = error.map(|error| format!(", error=\"{error}\"")).unwrap_or_default();
    let challenge = format!("Bearer realm=\"{realm}\"{error}");
    assert_eq!(answer.header("www-authenticate"), Some(challenge), "{row}");
    assert_eq!(answer.header("cache-control").as_deref(), Some("no-store"), "{row}");
}
