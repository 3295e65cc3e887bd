//! The least configuration with which an Envoy serves: listeners without TLS and without access log, each with a chain of
//! its own in front of the same answer.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use portcullis_envoy::{Envoy, module, root};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::cpu::Workers;

/// A listener's filters in front of the router.
pub(crate) struct Chain {
    name: &'static str,
    filters: Vec<Value>,
}

impl Chain {
    pub(crate) fn new(name: &'static str, filters: Vec<Value>) -> Self {
        Self { name, filters }
    }
}

/// An Envoy with its worker threads.
pub(crate) struct Served {
    envoy: Envoy,
    pub(crate) workers: Workers,
    _folder: TempDir,
}

impl Served {
    /// Starts one that answers everything by itself, or that hands everything to an upstream.
    pub(crate) fn start(chains: Vec<Chain>, upstream: Option<SocketAddr>, workers: u32) -> Result<Self> {
        let runs = root().join(".run");
        fs::create_dir_all(&runs)?;
        let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(runs)?;
        let config = folder.path().join("envoy.json");
        let listeners: Vec<_> = chains.into_iter().map(|chain| listener(chain, upstream.is_some())).collect();
        let clusters: Vec<_> = upstream.iter().map(cluster).collect();
        let text = json!({
            "node": { "id": "bench", "cluster": "bench" },
            "admin": { "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } } },
            "static_resources": { "listeners": listeners, "clusters": clusters },
        });
        fs::write(&config, text.to_string())?;
        let envoy = Envoy::with(folder.path(), &config, workers)?;
        let log = envoy.log()?;
        ensure!(!log.contains("[error]"), "Envoy complains:\n{log}");
        let workers = Workers::of(envoy.pid())?;
        Ok(Self { envoy, workers, _folder: folder })
    }

    pub(crate) fn address(&self, chain: &str) -> Result<SocketAddr> {
        self.envoy.listener(chain)
    }

    /// The sum of the counters whose name begins and ends so.
    pub(crate) fn counted(&self, begins: &str, contains: &str) -> Result<u64> {
        let stats = self.envoy.stats(begins)?;
        Ok(stats.iter().filter(|(name, _)| name.contains(contains)).map(|(_, value)| value).sum())
    }
}

fn listener(chain: Chain, upstream: bool) -> Value {
    let mut filters = chain.filters;
    filters.push(json!({
        "name": "envoy.filters.http.router",
        "typed_config": { "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router" },
    }));
    let route = if upstream {
        json!({ "match": { "prefix": "/" }, "route": { "cluster": "upstream" } })
    } else {
        json!({ "match": { "prefix": "/" }, "direct_response": { "status": 200, "body": { "inline_string": "{}" } } })
    };
    json!({
        "name": chain.name,
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": 0 } },
        "filter_chains": [{ "filters": [{
            "name": "envoy.filters.network.http_connection_manager",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
                "stat_prefix": chain.name,
                "use_remote_address": true,
                "http_filters": filters,
                "route_config": {
                    "virtual_hosts": [{ "name": "all", "domains": ["*"], "routes": [route] }],
                },
            },
        }] }],
    })
}

fn cluster(address: &SocketAddr) -> Value {
    json!({
        "name": "upstream",
        "type": "STATIC",
        "connect_timeout": "1s",
        "load_assignment": { "cluster_name": "upstream", "endpoints": [{ "lb_endpoints": [{
            "endpoint": { "address": { "socket_address": {
                "address": address.ip().to_string(), "port_value": address.port(),
            } } },
        }] }] },
    })
}

/// Portcullis under a policy, whose name tells its plugin from others.
pub(crate) fn portcullis(policy: &Value) -> Result<Value> {
    let name = policy.get("name").and_then(Value::as_str).context("the policy has no name")?;
    Ok(wasm(name, &module()?, policy.to_string()))
}

/// Another build of Portcullis, `BASELINE`, to hold this one against.
pub(crate) fn baseline(policy: &Value) -> Option<Value> {
    let module = std::env::var_os("BASELINE")?;
    Some(wasm("baseline", Path::new(&module), policy.to_string()))
}

/// A filter in wasm that does nothing, or that makes the host calls which Portcullis makes and nothing else: `name` and
/// what it is configured with, which the module's own page has.
pub(crate) fn empty(name: &str, calls: &str) -> Result<Value> {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let path = target.join("wasm32-wasip1/release/portcullis_bench_empty.wasm");
    ensure!(path.exists(), "no module at {}: `make bench` builds it", path.display());
    Ok(wasm(name, &path, calls.to_owned()))
}

fn wasm(name: &str, module: &Path, configuration: String) -> Value {
    json!({
        "name": name,
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {
                "name": name,
                "root_id": name,
                "failure_policy": "FAIL_RELOAD",
                "allow_on_headers_stop_iteration": true,
                "vm_config": {
                    "vm_id": if name == "baseline" { name } else { "bench" },
                    "runtime": "envoy.wasm.runtime.v8",
                    "code": { "local": { "filename": module } },
                },
                "configuration": {
                    "@type": "type.googleapis.com/google.protobuf.StringValue",
                    "value": configuration,
                },
            },
        },
    })
}
