//! Envoy's admin port: readiness, the ports it chose, statistics.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::client::{Client, Protocol};
use crate::message::Request;

#[derive(Clone)]
pub(crate) struct Admin(Client);

impl Admin {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self(Client::new(address, Protocol::H1))
    }

    /// Whether every worker takes connections.
    pub(crate) fn ready(&self) -> Result<bool> {
        if self.0.send(&Request::get("/ready"))?.status != 200 {
            return Ok(false);
        }
        Ok(self.stats("listener_manager.workers_started")?.values().any(|&started| started == 1))
    }

    /// The address on which a listener of this name listens.
    pub(crate) fn listener(&self, name: &str) -> Result<SocketAddr> {
        let all: Value = serde_json::from_str(&self.get("/listeners?format=json")?)?;
        let listeners = all.get("listener_statuses").and_then(Value::as_array).context("no listeners")?;
        let listener =
            listeners.iter().find(|listener| listener.get("name").is_some_and(|found| found == name));
        let socket = listener
            .and_then(|listener| listener.pointer("/local_address/socket_address"))
            .with_context(|| format!("no listener `{name}`"))?;
        let address = socket.get("address").and_then(Value::as_str).context("no address")?;
        let port = socket.get("port_value").and_then(Value::as_u64).context("no port")?;
        Ok(SocketAddr::new(address.parse()?, u16::try_from(port)?))
    }

    /// Counters and gauges whose name begins with `prefix`. Histograms and texts are left out.
    pub(crate) fn stats(&self, prefix: &str) -> Result<BTreeMap<String, u64>> {
        let all = self.get("/stats")?;
        let wanted = all.lines().filter(|line| line.starts_with(prefix));
        let values = wanted.filter_map(|line| {
            let (name, value) = line.rsplit_once(": ")?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Ok(values.collect())
    }

    /// Every statistic as Prometheus reads it.
    pub(crate) fn prometheus(&self) -> Result<String> {
        self.get("/stats/prometheus")
    }

    fn get(&self, path: &str) -> Result<String> {
        let answer = self.0.send(&Request::get(path))?;
        ensure!(answer.status == 200, "{path} answers {}", answer.status);
        Ok(answer.text())
    }
}
