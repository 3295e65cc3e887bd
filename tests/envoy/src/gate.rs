//! An Envoy with the filter and a policy in front of an upstream.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use crate::certs::Ca;
use crate::client::{Client, Protocol, Tls};
use crate::config::Config;
use crate::envoy::{Envoy, root};
use crate::policy;
use crate::runtime::until;
use crate::telemetry::{Series, audit};

/// The host name under which every gate serves, as in the sample policy.
const HOST: &str = "api.shop.example";

/// Statistics of the file that carries the policy. `config_reload` counts refused policies too.
const DISCOVERY: &str = "extension_config_discovery.http_filter.portcullis.";

/// What Envoy made of a pushed policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Verdict {
    /// In force for the next request.
    Accepted,
    /// The one before stays in force; the reasons are in the log.
    Refused,
}

/// A gate to be started; made by [`Gate::before`].
pub struct Setup {
    upstream: SocketAddr,
    upstream_h2: bool,
    idp: Option<(SocketAddr, String)>,
    ratelimit: Option<SocketAddr>,
    workers: u32,
    policy: Option<String>,
    default_policy: Option<String>,
    normalised: bool,
    h1_trailers: bool,
    quiet: bool,
    careless_cleartext: bool,
    policy_file: &'static str,
    debug: bool,
    env: Vec<(String, String)>,
    module: Option<PathBuf>,
    client_authority: Option<String>,
}

impl Setup {
    /// The policy to start with, JSON or YAML text. Without one there is no filter at all.
    #[must_use]
    pub fn policy(mut self, text: impl Into<String>) -> Self {
        self.policy = Some(text.into());
        self
    }

    /// The policy in `default_config`, in force when the one to start with is refused; the sample's when not given.
    #[must_use]
    pub fn default_policy(mut self, text: impl Into<String>) -> Self {
        self.default_policy = Some(text.into());
        self
    }

    /// Worker threads; 1 when not given.
    #[must_use]
    pub fn workers(mut self, workers: u32) -> Self {
        self.workers = workers;
        self
    }

    /// Where the cluster `idp` points, and the authority (PEM) that its certificate is held to.
    #[must_use]
    pub fn idp(mut self, address: SocketAddr, authority: &str) -> Self {
        self.idp = Some((address, authority.to_owned()));
        self
    }

    /// Where the cluster `ratelimit` points; without one it has no endpoint.
    #[must_use]
    pub fn ratelimit(mut self, address: SocketAddr) -> Self {
        self.ratelimit = Some(address);
        self
    }

    /// Speaks HTTP/2 without TLS to the upstream instead of HTTP/1.1.
    #[must_use]
    pub fn upstream_h2(mut self) -> Self {
        self.upstream_h2 = true;
        self
    }

    /// Turns Envoy's own path and underscore rules off, so that the filter sees what was sent.
    #[must_use]
    pub fn without_normalisation(mut self) -> Self {
        self.normalised = false;
        self
    }

    /// Lets HTTP/1.1 trailers through, which Envoy drops by default.
    #[must_use]
    pub fn h1_trailers(mut self) -> Self {
        self.h1_trailers = true;
        self
    }

    /// Does not print where the logs are: for a program with an output of its own.
    #[must_use]
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Takes the listener without TLS for one behind a careless hop: it leaves odd paths and names to the filter, as
    /// [`Self::without_normalisation`] does, and believes what headers say of the address and the scheme. So one gate
    /// shows both ways.
    #[must_use]
    pub fn careless_cleartext(mut self) -> Self {
        self.careless_cleartext = true;
        self
    }

    /// Logs all that the filter and Envoy's own wasm code say, debugging included.
    #[must_use]
    pub fn debug(mut self) -> Self {
        self.debug = true;
        self
    }

    /// An environment variable that the filter may read.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Another module than the one that is shipped.
    #[must_use]
    pub fn module(mut self, file: &Path) -> Self {
        self.module = Some(file.to_owned());
        self
    }

    /// Asks clients of the TLS listener for a certificate of this authority (PEM); one who shows none is served too.
    #[must_use]
    pub fn asking_for_certificates(mut self, authority: &str) -> Self {
        self.client_authority = Some(authority.to_owned());
        self
    }

    /// Lets Envoy watch a YAML file instead of a JSON file.
    #[must_use]
    pub fn in_yaml(mut self) -> Self {
        self.policy_file = "policy/policy.yaml";
        self
    }

    /// Starts Envoy and waits until every worker serves.
    pub fn start(self) -> Result<Gate> {
        let runs = root().join(".run");
        fs::create_dir_all(&runs)?;
        // Kept for whoever looks into a failure; `make test` removes those of other days, `make clean` all.
        let folder = tempfile::Builder::new().prefix("gate-").tempdir_in(runs)?.keep();
        if !self.quiet {
            println!("logs of this gate: {}", folder.display());
        }

        let ca = Ca::new()?;
        let (config, plugin) = self.render(&folder, &ca)?;
        if let Some(text) = &self.policy {
            write_policy(
                &folder,
                self.policy_file,
                &policy::ecds(&plugin, &policy::to_json(text)?)?.to_string(),
            )?;
        }
        let envoy = Envoy::start(&folder, &config, self.workers, self.debug, &self.env)?;
        let (https, cleartext) = (envoy.admin.listener("https")?, envoy.admin.listener("cleartext")?);
        let tls = Tls::new(&ca.pem(), HOST)?;
        let policy_file = self.policy_file;
        Ok(Gate { folder, quiet: self.quiet, envoy, https, cleartext, tls, plugin, policy_file })
    }

    fn render(&self, folder: &Path, ca: &Ca) -> Result<(PathBuf, Value)> {
        let leaf = ca.leaf(&[HOST])?;
        let (certificate, key) = (folder.join("edge.crt"), folder.join("edge.key"));
        fs::write(&certificate, leaf.cert_pem)?;
        fs::write(&key, leaf.key_pem)?;
        fs::write(authority(folder), ca.pem())?;
        let idp_authority = folder.join("idp-ca.crt");
        // Without an identity provider the cluster leads to a closed port.
        let nobody = (([127, 0, 0, 1], 1).into(), ca.pem());
        let (idp, pem) = self.idp.as_ref().unwrap_or(&nobody);
        fs::write(&idp_authority, pem)?;

        let mut config = Config::sample()?;
        config.free_ports()?;
        config.certificate(&certificate, &key)?;
        if let Some(authority) = &self.client_authority {
            let file = folder.join("clients-ca.crt");
            fs::write(&file, authority)?;
            config.client_authority(&file)?;
        }
        config.access_log(&access_log(folder))?;
        config.endpoint("shop", self.upstream)?;
        config.endpoint("idp", *idp)?;
        config.idp_authority(&idp_authority)?;
        match self.ratelimit {
            Some(address) => config.endpoint("ratelimit", address)?,
            None => config.no_endpoint("ratelimit")?,
        }
        if self.upstream_h2 {
            config.upstream_h2()?;
        }
        if self.h1_trailers {
            config.h1_trailers()?;
        }
        if !self.normalised {
            config.without_normalisation()?;
        }
        if self.careless_cleartext {
            config.careless_cleartext()?;
        }
        let mut plugin = Value::Null;
        if self.policy.is_some() {
            let variables: Vec<_> = self.env.iter().map(|(name, _)| name.clone()).collect();
            let shipped = module();
            let module = self.module.clone().map_or(shipped, Ok)?;
            config.filter(&module, &folder.join(self.policy_file), &variables)?;
            if let Some(text) = &self.default_policy {
                config.default_policy(&policy::to_json(text)?)?;
            }
            plugin = config.plugin()?;
        } else {
            config.without_filter()?;
        }
        let file = folder.join("envoy.json");
        fs::write(&file, config.to_json())?;
        Ok((file, plugin))
    }
}

/// A running Envoy. Ends when dropped, and when the test process ends.
pub struct Gate {
    folder: PathBuf,
    quiet: bool,
    envoy: Envoy,
    https: SocketAddr,
    cleartext: SocketAddr,
    tls: Tls,
    plugin: Value,
    policy_file: &'static str,
}

impl Gate {
    /// A gate in front of this upstream.
    #[must_use]
    pub fn before(upstream: SocketAddr) -> Setup {
        Setup {
            upstream,
            upstream_h2: false,
            idp: None,
            ratelimit: None,
            workers: 1,
            policy: None,
            default_policy: None,
            normalised: true,
            h1_trailers: false,
            quiet: false,
            careless_cleartext: false,
            policy_file: "policy/policy.json",
            debug: false,
            env: Vec::new(),
            module: None,
            client_authority: None,
        }
    }

    /// A client of the TLS listener, for the host `api.shop.example`.
    #[must_use]
    pub fn client(&self, protocol: Protocol) -> Client {
        self.client_of(self.https, protocol).tls(self.tls.clone())
    }

    /// A client of the listener without TLS.
    #[must_use]
    pub fn cleartext(&self, protocol: Protocol) -> Client {
        self.client_of(self.cleartext, protocol)
    }

    fn client_of(&self, address: SocketAddr, protocol: Protocol) -> Client {
        if !self.quiet {
            self.tell_logs();
        }
        Client::new(address, protocol).authority(HOST)
    }

    /// Where the logs are, once a test: its runner shows it when the test fails.
    fn tell_logs(&self) {
        thread_local! {
            static TOLD: RefCell<BTreeSet<PathBuf>> = RefCell::default();
        }
        if TOLD.with_borrow_mut(|told| told.insert(self.folder.clone())) {
            println!("logs of this gate: {}", self.folder.display());
        }
    }

    /// Where the TLS listener listens.
    #[must_use]
    pub fn https_address(&self) -> SocketAddr {
        self.https
    }

    /// Where the listener without TLS listens.
    #[must_use]
    pub fn cleartext_address(&self) -> SocketAddr {
        self.cleartext
    }

    /// The file with the authority (PEM) that signed the TLS listener's certificate.
    #[must_use]
    pub fn authority(&self) -> PathBuf {
        authority(&self.folder)
    }

    /// Gives Envoy another policy (JSON or YAML text) and waits for its verdict. What it refused last it does not look at
    /// again, and calls accepted.
    pub fn push(&self, policy: &str) -> Result<Verdict> {
        self.push_to(&self.plugin, policy)
    }

    /// Like [`Gate::push`], with another `vm_id` around the policy: the name of the data that the filter shares.
    pub fn push_as(&self, vm_id: &str, policy: &str) -> Result<Verdict> {
        let mut plugin = self.plugin.clone();
        *plugin.pointer_mut("/config/vm_config/vm_id").context("the plugin has no vm_id")? = vm_id.into();
        self.push_to(&plugin, policy)
    }

    /// Like [`Gate::push`], but every worker runs it in a VM made anew, as after a breakdown, with the shared data of before.
    /// `mark` must be another each time: Envoy takes up a VM that was configured alike.
    pub fn push_in_new_vms(&self, mark: &str, policy: &str) -> Result<Verdict> {
        let mut plugin = self.plugin.clone();
        let vm = plugin.pointer_mut("/config/vm_config").and_then(Value::as_object_mut);
        let mark = json!({ "@type": "type.googleapis.com/google.protobuf.StringValue", "value": mark });
        vm.context("the plugin has no VM")?.insert("configuration".into(), mark);
        self.push_to(&plugin, policy)
    }

    fn push_to(&self, plugin: &Value, policy: &str) -> Result<Verdict> {
        ensure!(!plugin.is_null(), "this gate has no filter");
        self.push_text(&policy::ecds(plugin, &policy::to_json(policy)?)?.to_string())
    }

    /// Gives Envoy a policy that its own YAML reader makes a `Struct` of, as whoever does not use `portcullis bundle` would:
    /// `policy` is a YAML flow map, byte for byte. For a gate that was set up [`Setup::in_yaml`].
    pub fn push_struct(&self, policy: &str) -> Result<Verdict> {
        let hole = "the policy goes here";
        let text = policy::ecds_struct(&self.plugin, hole)?.to_string();
        self.push_text(&text.replace(&format!("\"{hole}\""), policy))
    }

    fn push_text(&self, text: &str) -> Result<Verdict> {
        let before = self.discovery()?;
        write_policy(&self.folder, self.policy_file, text)?;
        until("Envoy's verdict on the policy", || {
            let now = self.discovery()?;
            Ok(match (now.0 > before.0, now.1 > before.1) {
                (_, true) => Some(Verdict::Refused),
                (true, false) => Some(Verdict::Accepted),
                (false, false) => None,
            })
        })
    }

    /// Gives Envoy a policy that it must accept; an error with the log's reasons if it does not.
    pub fn adopt(&self, policy: &str) -> Result<()> {
        if self.push(policy)? == Verdict::Accepted {
            return Ok(());
        }
        let log = self.log()?;
        let reasons: Vec<_> = log.lines().filter(|line| line.contains("[error][wasm]")).collect();
        bail!("the policy is refused:\n{}", reasons.join("\n"))
    }

    /// How many policies were accepted, and how many refused.
    fn discovery(&self) -> Result<(u64, u64)> {
        let stats = self.envoy.admin.stats(DISCOVERY)?;
        let of = |name: &str| stats.get(&format!("{DISCOVERY}{name}")).copied().unwrap_or_default();
        Ok((of("update_success"), of("update_rejected").saturating_add(of("update_failure"))))
    }

    /// Counters and gauges whose name begins with `prefix`, under Envoy's own names.
    pub fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        self.envoy.admin.stats(prefix)
    }

    /// The series of one of the filter's metrics.
    pub fn series(&self, metric: &str) -> Result<Vec<Series>> {
        let stats = self.stats("wasmcustom.")?;
        Ok(stats.iter().filter_map(|(name, value)| Series::read(metric, name, *value)).collect())
    }

    /// The sum of the series of a metric that have all of these labels.
    pub fn sum(&self, metric: &str, labels: &[(&str, &str)]) -> Result<u64> {
        Ok(self.series(metric)?.iter().filter(|it| it.has(labels)).map(|it| it.value).sum())
    }

    /// Every statistic as Prometheus reads it.
    pub fn prometheus(&self) -> Result<String> {
        self.envoy.admin.prometheus()
    }

    /// Envoy's own log, with the filter's lines in it.
    pub fn log(&self) -> Result<String> {
        self.envoy.log()
    }

    /// The access log, once it has this many lines. What the filter wrote stands under `portcullis`, as a string of JSON.
    pub fn access_log(&self, lines: usize) -> Result<Vec<Value>> {
        until("lines in the access log", || {
            let text = fs::read_to_string(access_log(&self.folder)).unwrap_or_default();
            let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
            let entries: Result<Vec<_>, _> = whole.lines().map(serde_json::from_str).collect();
            Ok(Some(entries?).filter(|entries| entries.len() >= lines))
        })
    }

    /// The audit events of a policy, once there are this many.
    pub fn audits(&self, policy: &str, count: usize) -> Result<Vec<Value>> {
        until("audit events in the access log", || {
            let lines = self.access_log(0)?;
            let audits =
                lines.iter().filter_map(|line| audit(line).transpose()).collect::<Result<Vec<_>>>()?;
            let of_policy = |it: &Value| it.get("policy").is_some_and(|name| name == policy);
            Ok(Some(audits.into_iter().filter(of_policy).collect()).filter(|it: &Vec<_>| it.len() >= count))
        })
    }

    /// An error if the filter broke down in any worker since the start: its VM was made anew, or is still to be.
    pub fn unharmed(&self) -> Result<()> {
        let reloads = self.envoy.admin.stats("wasm.portcullis.vm_reload")?;
        ensure!(!reloads.is_empty(), "Envoy does not count breakdowns any more");
        let broken = reloads.values().any(|count| *count > 0);
        ensure!(!broken, "{reloads:?}, log: {}", self.folder.display());
        Ok(())
    }

    /// The id of Envoy's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.envoy.pid()
    }

    /// Resident memory of the process, in bytes.
    pub fn memory(&self) -> Result<u64> {
        self.envoy.memory()
    }

    /// Where logs and configuration of this gate are.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

fn authority(folder: &Path) -> PathBuf {
    folder.join("edge-ca.crt")
}

fn access_log(folder: &Path) -> PathBuf {
    folder.join("access.log")
}

/// Written beside and renamed, as every manifest asks for: Envoy never reads half a file.
fn write_policy(folder: &Path, file: &str, text: &str) -> Result<()> {
    let (fresh, file) = (folder.join("policy.fresh"), folder.join(file));
    fs::create_dir_all(folder.join("policy"))?;
    fs::write(&fresh, text)?;
    Ok(fs::rename(fresh, file)?)
}

/// The filter's module: `PORTCULLIS_WASM`, or what `make wasm` left.
pub fn module() -> Result<PathBuf> {
    let path = std::env::var_os("PORTCULLIS_WASM")
        .map_or_else(|| root().join("dist/portcullis.wasm"), PathBuf::from);
    path.canonicalize().with_context(|| format!("no module at {}: run `make wasm` first", path.display()))
}
