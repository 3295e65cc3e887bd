//! `docker-compose.yml` runs the demo's services from the same files: what `envoy.yaml` names is there.
#![cfg(test)]

use std::fs;

use portcullis_envoy::{Result, root};
use serde_json::Value;

fn read(file: &str) -> Result<Value> {
    Ok(serde_saphyr::from_str(&fs::read_to_string(root().join(file))?)?)
}

fn strings(list: &Value) -> Vec<&str> {
    list.as_array().unwrap().iter().map(|item| item.as_str().unwrap()).collect()
}

/// Every string of a tree.
fn texts<'v>(tree: &'v Value, found: &mut Vec<&'v str>) {
    match tree {
        Value::String(text) => found.push(text),
        Value::Array(items) => items.iter().for_each(|item| texts(item, found)),
        Value::Object(members) => members.values().for_each(|member| texts(member, found)),
        _ => {}
    }
}

#[test]
fn the_services_are_the_shop_and_the_envoy_that_suites_and_demo_use() -> Result {
    let compose = read("envoy/docker-compose.yml")?;
    let services: Vec<_> = compose["services"].as_object().unwrap().keys().collect();
    assert_eq!(services, ["envoy", "shop"]);

    let fetched = fs::read_to_string(root().join("tests/envoy/bin/find-envoy"))?;
    let image = compose["services"]["envoy"]["image"].as_str().unwrap();
    let version = image.strip_prefix("envoyproxy/envoy:v").unwrap();
    assert!(fetched.contains(&format!("\nrelease={version}\n")), "{image} is not the Envoy of the demo");
    Ok(())
}

#[test]
fn the_shop_listens_where_the_clusters_lead() -> Result {
    let compose = read("envoy/docker-compose.yml")?;
    let command = strings(&compose["services"]["shop"]["command"]);
    let listens = |flag: &str| {
        let at = command.iter().position(|word| *word == flag).unwrap();
        command[at + 1].strip_prefix("0.0.0.0:").unwrap().parse::<u64>().unwrap()
    };
    let envoy = read("envoy/envoy.yaml")?;
    for (cluster, flag) in [("shop", "--api"), ("idp", "--idp")] {
        let clusters = envoy["static_resources"]["clusters"].as_array().unwrap();
        let found = clusters.iter().find(|found| found["name"] == cluster).unwrap();
        let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
        let socket = found.pointer(endpoint).unwrap();
        assert_eq!(
            (&socket["address"], socket["port_value"].as_u64()),
            (&"shop".into(), Some(listens(flag)))
        );
    }
    Ok(())
}

#[test]
fn every_file_listener_and_secret_of_the_sample_reaches_its_container() -> Result {
    let compose = read("envoy/docker-compose.yml")?;
    let service = &compose["services"]["envoy"];
    let envoy = read("envoy/envoy.yaml")?;

    let volumes = strings(&service["volumes"]);
    let mounted: Vec<_> = volumes.iter().map(|volume| volume.split(':').nth(1).unwrap()).collect();
    let mut named = Vec::new();
    texts(&envoy, &mut named);
    let files: Vec<_> = named.into_iter().filter(|text| text.starts_with("/etc/")).collect();
    assert!(files.len() > 4, "{files:?}");
    for file in files {
        assert!(mounted.iter().any(|folder| file.starts_with(folder)), "nothing is mounted at {file}");
    }

    let published = strings(&service["ports"]);
    for listener in envoy["static_resources"]["listeners"].as_array().unwrap() {
        let port = &listener["address"]["socket_address"]["port_value"];
        assert!(published.contains(&format!("127.0.0.1:{port}:{port}").as_str()), "{port}: {published:?}");
    }

    // The filter refuses a policy whose secret is shorter.
    let secret = service["environment"]["PORTCULLIS_AUDIT_KEY"].as_str().unwrap();
    let default =
        secret.strip_prefix("${PORTCULLIS_AUDIT_KEY:-").and_then(|it| it.strip_suffix('}')).unwrap();
    assert!(default.len() >= 32, "{default}");
    Ok(())
}
