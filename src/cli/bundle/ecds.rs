//! The file that Envoy watches: the filter's configuration as a discovery response.

use std::collections::BTreeSet;

use clap::Args;
use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;
use serde_json::json;

use crate::cli::checked::Bundle;
use crate::document::Kind;
use crate::document::Node;

/// How the filter is called in Envoy; read by `--format ecds` only.
#[derive(Args)]
pub(crate) struct Extension {
    /// The filter's module, as Envoy sees it.
    #[arg(long, value_name = "FILE", default_value = "/etc/portcullis/portcullis.wasm")]
    module: String,
    /// The extension's name: that of the filter with `config_discovery` in Envoy's listener.
    #[arg(long, default_value = "portcullis", value_parser = NonEmptyStringValueParser::new())]
    name: String,
    /// The id whose holders share counters and keys; never the id of another plugin.
    #[arg(long, default_value = "portcullis", value_parser = NonEmptyStringValueParser::new())]
    vm_id: String,
}

impl Extension {
    /// A `DiscoveryResponse` with one `TypedExtensionConfig`, for a `path_config_source`.
    pub(super) fn resource(&self, bundle: Bundle) -> Value {
        let mut secrets = BTreeSet::new();
        collect_secrets(&bundle.policy, &mut secrets);
        let mut vm = json!({
            "vm_id": self.vm_id,
            "runtime": "envoy.wasm.runtime.v8",
            "code": { "local": { "filename": self.module } },
        });
        if let (false, Some(vm)) = (secrets.is_empty(), vm.as_object_mut()) {
            vm.insert("environment_variables".into(), json!({ "host_env_keys": secrets }));
        }
        json!({
            "version_info": bundle.digest.to_string(),
            "resources": [{
                "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
                "name": self.name,
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                    "config": {
                        "name": self.name,
                        "root_id": self.name,
                        "vm_config": vm,
                        "allow_on_headers_stop_iteration": true,
                        "failure_policy": "FAIL_RELOAD",
                        "configuration": {
                            "@type": "type.googleapis.com/google.protobuf.StringValue",
                            "value": bundle.json,
                        },
                    },
                },
            }],
        })
    }
}

/// Every variable that a `secret_env` names: Envoy hands none to the module that is not listed. A schema's own words
/// are none of the policy's.
fn collect_secrets<'n>(node: &'n Node, secrets: &mut BTreeSet<&'n str>) {
    match &node.kind {
        Kind::List(items) => items.iter().for_each(|item| collect_secrets(item, secrets)),
        Kind::Map(entries) => {
            for (key, node) in entries.iter().filter(|(key, _)| &**key != "schemas") {
                match &node.kind {
                    Kind::Text(name) if &**key == "secret_env" => drop(secrets.insert(name)),
                    _ => collect_secrets(node, secrets),
                }
            }
        }
        _ => {}
    }
}
