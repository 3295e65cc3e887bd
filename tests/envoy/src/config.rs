//! Envoy's configuration for a test: the sample that users copy, with this run's addresses and files.
//! Whatever a test does not change is what ships.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::envoy::root;

/// The HTTP connection manager in a listener.
const HCM: &str = "/filter_chains/0/filters/0/typed_config";

/// The sample as a tree.
pub(crate) struct Config(Value);

impl Config {
    pub(crate) fn sample() -> Result<Self> {
        let path = root().join("envoy/envoy.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(Self(serde_saphyr::from_str(&text).context("envoy.yaml")?))
    }

    /// Listens on loopback ports of Envoy's own choice.
    pub(crate) fn free_ports(&mut self) -> Result<()> {
        set(&mut self.0, "/admin/address/socket_address/port_value", json!(0))?;
        for listener in self.listeners()? {
            set(listener, "/address/socket_address", json!({ "address": "127.0.0.1", "port_value": 0 }))?;
        }
        Ok(())
    }

    pub(crate) fn certificate(&mut self, certificate: &Path, key: &Path) -> Result<()> {
        let https = named(self.listeners()?, "https")?;
        let tls = at(
            https,
            "/filter_chains/0/transport_socket/typed_config/common_tls_context/tls_certificates/0",
        )?;
        set(tls, "/certificate_chain/filename", json!(certificate))?;
        set(tls, "/private_key/filename", json!(key))
    }

    /// Asks clients for a certificate of this authority, and takes those that show none.
    pub(crate) fn client_authority(&mut self, authority: &Path) -> Result<()> {
        let https = named(self.listeners()?, "https")?;
        let context = at(https, "/filter_chains/0/transport_socket/typed_config")?;
        put(context, "require_client_certificate", json!(false));
        let common = at(context, "/common_tls_context")?;
        put(common, "validation_context", json!({ "trusted_ca": { "filename": authority } }));
        Ok(())
    }

    /// Sends a cluster's traffic to one address.
    pub(crate) fn endpoint(&mut self, cluster: &str, address: SocketAddr) -> Result<()> {
        let cluster = self.cluster(cluster)?;
        set(cluster, "/type", json!("STATIC"))?;
        let socket = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        set(cluster, socket, json!({ "address": address.ip().to_string(), "port_value": address.port() }))
    }

    /// Takes a cluster's only endpoint away.
    pub(crate) fn no_endpoint(&mut self, cluster: &str) -> Result<()> {
        let cluster = self.cluster(cluster)?;
        set(cluster, "/type", json!("STATIC"))?;
        set(cluster, "/load_assignment/endpoints", json!([]))
    }

    pub(crate) fn idp_authority(&mut self, authority: &Path) -> Result<()> {
        let validation = "/transport_socket/typed_config/common_tls_context/validation_context";
        set(at(self.cluster("idp")?, validation)?, "/trusted_ca/filename", json!(authority))
    }

    /// Speaks HTTP/2 without TLS to the API.
    pub(crate) fn upstream_h2(&mut self) -> Result<()> {
        self.upstream_protocol(json!({ "http2_protocol_options": {} }))
    }

    /// Lets trailers through over HTTP/1.1, on both sides; Envoy drops them by default.
    pub(crate) fn h1_trailers(&mut self) -> Result<()> {
        self.each_hcm(|hcm| {
            put(hcm, "http_protocol_options", json!({ "enable_trailers": true }));
            Ok(())
        })?;
        self.upstream_protocol(json!({ "http_protocol_options": { "enable_trailers": true } }))
    }

    /// Leaves odd paths and header names to the filter.
    pub(crate) fn without_normalisation(&mut self) -> Result<()> {
        self.each_hcm(leave_as_sent)
    }

    /// The same for the listener without TLS, which also takes addresses and schemes from headers.
    pub(crate) fn careless_cleartext(&mut self) -> Result<()> {
        let hcm = at(named(self.listeners()?, "cleartext")?, HCM)?;
        leave_as_sent(hcm)?;
        set(hcm, "/use_remote_address", json!(false))
    }

    pub(crate) fn access_log(&mut self, file: &Path) -> Result<()> {
        self.each_hcm(|hcm| set(hcm, "/access_log/0/typed_config/path", json!(file)))
    }

    /// Takes the filter out: Envoy as it would be without.
    pub(crate) fn without_filter(&mut self) -> Result<()> {
        self.each_hcm(|hcm| {
            let filters = at(hcm, "/http_filters")?.as_array_mut().context("http_filters")?;
            filters.retain(|filter| filter.get("config_discovery").is_none());
            Ok(())
        })
    }

    /// Where the filter's module and policy are, and which environment variables reach it.
    pub(crate) fn filter(&mut self, module: &Path, policy: &Path, variables: &[String]) -> Result<()> {
        let folder = policy.parent().context("the policy stands in a folder")?;
        self.each_hcm(|hcm| {
            let discovery = at(hcm, "/http_filters/0/config_discovery")?;
            set(discovery, "/config_source/path_config_source/path", json!(policy))?;
            set(discovery, "/config_source/path_config_source/watched_directory/path", json!(folder))?;
            let vm = at(discovery, "/default_config/config/vm_config")?;
            set(vm, "/code/local/filename", json!(module))?;
            let keys =
                at(vm, "/environment_variables/host_env_keys")?.as_array_mut().context("host_env_keys")?;
            for variable in variables.iter().map(|variable| json!(variable)) {
                if !keys.contains(&variable) {
                    keys.push(variable);
                }
            }
            Ok(())
        })
    }

    pub(crate) fn default_policy(&mut self, policy: &str) -> Result<()> {
        self.each_hcm(|hcm| {
            let plugin = at(hcm, "/http_filters/0/config_discovery/default_config")?;
            set(plugin, "/config/configuration/value", json!(policy))
        })
    }

    /// The plugin configuration that the sample carries as its default.
    pub(crate) fn plugin(&mut self) -> Result<Value> {
        let https = named(self.listeners()?, "https")?;
        let plugin = "/filter_chains/0/filters/0/typed_config/http_filters/0/config_discovery/default_config";
        Ok(at(https, plugin)?.clone())
    }

    /// Envoy reads JSON too, and without YAML's surprises.
    pub(crate) fn to_json(&self) -> String {
        self.0.to_string()
    }

    fn upstream_protocol(&mut self, options: Value) -> Result<()> {
        let shop = self.cluster("shop")?;
        let protocols = at(shop, "/typed_extension_protocol_options")?;
        let http = protocols.get_mut("envoy.extensions.upstreams.http.v3.HttpProtocolOptions");
        set(http.context("shop has no HttpProtocolOptions")?, "/explicit_http_config", options)
    }

    fn cluster(&mut self, name: &str) -> Result<&mut Value> {
        named(at(&mut self.0, "/static_resources/clusters")?.as_array_mut().context("clusters")?, name)
    }

    fn listeners(&mut self) -> Result<&mut Vec<Value>> {
        at(&mut self.0, "/static_resources/listeners")?.as_array_mut().context("listeners")
    }

    fn each_hcm(&mut self, mut change: impl FnMut(&mut Value) -> Result<()>) -> Result<()> {
        self.listeners()?.iter_mut().try_for_each(|listener| change(at(listener, HCM)?))
    }
}

fn leave_as_sent(hcm: &mut Value) -> Result<()> {
    set(hcm, "/normalize_path", json!(false))?;
    set(hcm, "/merge_slashes", json!(false))?;
    set(hcm, "/path_with_escaped_slashes_action", json!("KEEP_UNCHANGED"))?;
    set(hcm, "/common_http_protocol_options/headers_with_underscores_action", json!("ALLOW"))
}

fn named<'a>(list: &'a mut [Value], name: &str) -> Result<&'a mut Value> {
    let wanted = list.iter_mut().find(|entry| entry.get("name").is_some_and(|found| found == name));
    wanted.with_context(|| format!("envoy.yaml names nothing `{name}` there"))
}

fn at<'a>(tree: &'a mut Value, pointer: &str) -> Result<&'a mut Value> {
    tree.pointer_mut(pointer).with_context(|| format!("envoy.yaml has no {pointer}"))
}

/// Changes what is there: a sample that has changed its shape fails the tests instead of going untested.
fn set(tree: &mut Value, pointer: &str, value: Value) -> Result<()> {
    *at(tree, pointer)? = value;
    Ok(())
}

fn put(tree: &mut Value, name: &str, value: Value) {
    if let Some(object) = tree.as_object_mut() {
        object.insert(name.to_owned(), value);
    }
}
