//! `docker-compose.yml` runs the demo's services from the same files: what `envoy.yaml` names is there. With
//! `docker-compose.global.yml` beside it a rate limit service too.
#![cfg(test)]

use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use portcullis_envoy::{RateLimitService, Redis, Result, root};
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

/// The word behind a flag.
fn flag<'v>(command: &[&'v str], flag: &str) -> &'v str {
    command.iter().skip_while(|word| **word != flag).nth(1).unwrap()
}

/// Where a cluster of `envoy.yaml` leads.
fn leads(cluster: &str) -> Result<(String, u64)> {
    let envoy = read("envoy/envoy.yaml")?;
    let clusters = envoy["static_resources"]["clusters"].as_array().unwrap();
    let found = clusters.iter().find(|found| found["name"] == cluster).unwrap();
    let endpoint = "/load_assignment/endpoints/0/lb_endpoints/0/endpoint/address/socket_address";
    let socket = found.pointer(endpoint).unwrap();
    Ok((socket["address"].as_str().unwrap().to_owned(), socket["port_value"].as_u64().unwrap()))
}

#[test]
fn the_shop_listens_where_the_clusters_lead() -> Result {
    let compose = read("envoy/docker-compose.yml")?;
    let command = strings(&compose["services"]["shop"]["command"]);
    for (cluster, name) in [("shop", "--api"), ("idp", "--idp")] {
        let port = flag(&command, name).strip_prefix("0.0.0.0:").unwrap().parse()?;
        assert_eq!(leads(cluster)?, ("shop".to_owned(), port));
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

#[test]
fn the_rate_limit_service_is_where_its_cluster_leads_and_asked_for_by_its_own_file_alone() -> Result {
    let (plain, global) = (read("envoy/docker-compose.yml")?, read("envoy/docker-compose.global.yml")?);
    let services = global["services"].as_object().unwrap();
    assert_eq!(services.keys().collect::<Vec<_>>(), ["envoy", "limitador", "redis"]);
    let image = |name: &str| services[name]["image"].as_str().unwrap();
    assert_eq!(
        image("redis").split(':').next(),
        Some("redis"),
        "its own, from the registry that needs no name"
    );
    assert!(
        image("limitador").starts_with("${LIMITADOR_IMAGE:?"),
        "compose refuses it where nobody says which"
    );
    // What a variable of the plain file lacks would stop those who want no service at all.
    assert!(!plain.to_string().contains(":?"), "{plain}");

    let command = strings(&services["limitador"]["command"]);
    let port: u64 = flag(&command, "--rls-port").parse()?;
    assert_eq!(
        (flag(&command, "--rls-ip"), leads("ratelimit")?),
        ("0.0.0.0", ("limitador".to_owned(), port))
    );
    assert_eq!(command[command.len() - 2..], ["redis", "redis://redis:6379"]);
    // Each is healthy before who needs it begins.
    for (first, then) in [("redis", "limitador"), ("limitador", "envoy")] {
        let healthy = &services[then]["depends_on"][first]["condition"];
        assert_eq!(healthy, "service_healthy", "{first}, then {then}");
        assert!(services[first]["healthcheck"]["test"].is_array(), "{first}");
    }
    Ok(())
}

#[test]
fn the_commands_that_the_file_shows_write_what_its_services_read() -> Result {
    let file = "envoy/docker-compose.global.yml";
    let (text, global) = (fs::read_to_string(root().join(file))?, read(file)?);
    let written = tempfile::tempdir()?;
    let shown = text.lines().filter_map(|line| line.strip_prefix("#   cargo run --bin portcullis -- "));
    let mut outputs = Vec::new();
    for command in shown {
        let words: Vec<_> = command.split(' ').collect();
        let output = flag(&words, "--output");
        let mounted = written.path().join(output);
        fs::create_dir_all(mounted.parent().unwrap())?;
        // As if from the project's folder, but into another.
        let place = |word: &str| match word {
            word if word == output => mounted.clone().into(),
            word if word.starts_with("envoy/") => root().join(word).into(),
            word => OsString::from(word),
        };
        let exit =
            portcullis::cli::run(["portcullis".into()].into_iter().chain(words.iter().copied().map(place)));
        assert_eq!(exit, ExitCode::SUCCESS, "{command}");
        outputs.push((output, fs::read_to_string(mounted)?));
    }
    let [(policy_file, ecds), (limits_file, limits)] = &outputs[..] else { panic!("{outputs:?}") };

    // The policy, where Envoy watches for it: its cluster is one of Envoy's, its secrets reach the container.
    assert_eq!(Path::new(policy_file).parent(), Some(Path::new("dist/policy")));
    let ecds: Value = serde_json::from_str(ecds)?;
    let config = ecds.pointer("/resources/0/typed_config/config").unwrap();
    let policy: Value = serde_json::from_str(config["configuration"]["value"].as_str().unwrap())?;
    let service = &policy["rate_limit_service"];
    leads(service["cluster"].as_str().unwrap())?;
    let plain = read("envoy/docker-compose.yml")?;
    for secret in strings(&config["vm_config"]["environment_variables"]["host_env_keys"]) {
        let of =
            |compose: &Value| compose["services"]["envoy"]["environment"][secret].as_str().map(str::to_owned);
        let value = of(&global).or_else(|| of(&plain)).unwrap();
        let default =
            value.strip_prefix(&format!("${{{secret}:-")).and_then(|it| it.strip_suffix('}')).unwrap();
        assert!(default.len() >= 32, "{secret}: {default}");
    }

    // The limits, in the folder that the service has at the place that it is told: those of the policy that are global.
    let limitador = &global["services"]["limitador"];
    let volumes = strings(&limitador["volumes"]);
    let [folder, at, "ro"] = volumes[0].split(':').collect::<Vec<_>>()[..] else { panic!("{volumes:?}") };
    let read_at = format!("{at}/{}", Path::new(limits_file).file_name().unwrap().display());
    assert_eq!(format!("../{}", Path::new(limits_file).parent().unwrap().display()), folder);
    assert!(strings(&limitador["command"]).contains(&read_at.as_str()), "{read_at}");
    let told: Value = serde_saphyr::from_str(limits)?;
    let told = told.as_array().unwrap();
    assert!(told.iter().all(|limit| limit["namespace"] == service["domain"]), "{told:?}");
    let mut names: Vec<_> = told.iter().map(|limit| limit["name"].as_str().unwrap()).collect();
    names.sort_unstable();
    let all = policy["limits"].as_object().unwrap();
    let shared: Vec<_> =
        all.iter().filter(|(_, limit)| limit["scope"] == "global").map(|(name, _)| name).collect();
    assert_eq!(names, shared);

    // Limitador's own engine takes them.
    RateLimitService::start(&Redis::start()?, limits)?;
    Ok(())
}
