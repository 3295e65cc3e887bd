//! The gate that is asked, by a plain HTTP client.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use ureq::Agent;
use ureq::config::Config;
use ureq::http::Request;
use ureq::http::Uri;
use ureq::tls::PemItem;
use ureq::tls::RootCerts;
use ureq::tls::TlsConfig;
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::resolver::ResolvedSocketAddrs;
use ureq::unversioned::resolver::Resolver;
use ureq::unversioned::transport::DefaultConnector;
use ureq::unversioned::transport::NextTimeout;

/// How long one answer may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The most that is read of an answer.
const MAX_ANSWER: u64 = 8 << 20;

/// Where the gate is, and how it is asked.
pub(super) struct Gate {
    agent: Agent,
    /// Scheme and host, without a slash at the end.
    base: String,
}

/// A request to the gate.
#[derive(Default)]
pub(super) struct Ask {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) headers: Vec<(String, String)>,
    pub(super) body: Option<Value>,
}

/// What the gate answered.
pub(super) struct Answer {
    pub(super) status: u16,
    /// The `reason` of a problem, where the filter itself refused.
    pub(super) reason: Option<String>,
    /// The body, where it is JSON.
    pub(super) body: Option<Value>,
}

/// Answers every name with one address.
#[derive(Debug)]
struct Fixed(Option<SocketAddr>);

impl Resolver for Fixed {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        match self.0 {
            None => DefaultResolver::default().resolve(uri, config, timeout),
            Some(address) => {
                let mut addresses = self.empty();
                addresses.push(address);
                Ok(addresses)
            }
        }
    }
}

impl Gate {
    /// A client for the gate at `url`.
    pub(super) fn new(url: &str, connect: Option<SocketAddr>, ca: Option<&Path>) -> Result<Self, String> {
        if !(url.starts_with("https://") || url.starts_with("http://")) {
            return Err(format!("--gate `{url}`: write https://HOST or http://HOST"));
        }
        let mut tls = TlsConfig::builder();
        if let Some(path) = ca {
            tls = tls.root_certs(authority(path)?);
        }
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_global(Some(TIMEOUT))
            .tls_config(tls.build())
            .build();
        let agent = Agent::with_parts(config, DefaultConnector::default(), Fixed(connect));
        Ok(Self { agent, base: url.trim_end_matches('/').to_owned() })
    }

    /// Sends one request. The error says why there is no answer.
    pub(super) fn ask(&self, ask: &Ask) -> Result<Answer, String> {
        let url = format!("{}{}", self.base, ask.target);
        let mut request = Request::builder().method(ask.method.as_str()).uri(url);
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        let answer = match &ask.body {
            None => self.agent.run(request.body(()).map_err(told)?),
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).map_err(told)?)
            }
        };
        let mut answer = answer.map_err(told)?;
        let text = answer.body_mut().with_config().limit(MAX_ANSWER).read_to_vec().map_err(told)?;
        let body: Option<Value> = serde_json::from_slice(&text).ok();
        let kind = answer.headers().get("content-type").and_then(|kind| kind.to_str().ok());
        let reason = body
            .as_ref()
            .filter(|_| kind == Some("application/problem+json"))
            .and_then(|body| body.get("reason")?.as_str().map(str::to_owned));
        Ok(Answer { status: answer.status().as_u16(), reason, body })
    }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn authority(path: &Path) -> Result<RootCerts, String> {
    let unreadable = |why: String| format!("{}: {why}", path.display());
    let pem = std::fs::read(path).map_err(|error| unreadable(error.to_string()))?;
    let mut certificates = Vec::new();
    for item in ureq::tls::parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|error| unreadable(error.to_string()))? {
            certificates.push(certificate);
        }
    }
    if certificates.is_empty() {
        return Err(unreadable("there is no certificate in it".into()));
    }
    Ok(RootCerts::new_with_certs(&certificates))
}
