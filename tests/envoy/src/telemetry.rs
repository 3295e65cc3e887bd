//! What the filter tells of its decisions, read back from Envoy's statistics and access log.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

/// One series of a metric: the labels stand in its name, as `;label=value;`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Series {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// What a counter came to, or where a gauge stands.
    pub value: u64,
}

impl Series {
    /// Reads one statistic; nothing where it is no series of the filter's metric `metric`.
    pub(crate) fn read(metric: &str, name: &str, value: u64) -> Option<Self> {
        let labels = name.strip_prefix("wasmcustom.")?.strip_prefix(metric)?.strip_prefix(';')?;
        let label = |text: &str| {
            let (label, value) = text.split_once('=')?;
            Some((label.to_owned(), value.to_owned()))
        };
        Some(Self { labels: labels.split_terminator(';').filter_map(label).collect(), value })
    }

    /// Whether it has all of these labels.
    #[must_use]
    pub fn has(&self, labels: &[(&str, &str)]) -> bool {
        labels.iter().all(|(label, value)| self.labels.get(*label).is_some_and(|known| known == value))
    }
}

/// One thing that the filter wrote of a request: `{"outcome", "rule", "reason", "after"}`.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Event {
    /// `refused`, `would_refuse`, `exempted` or `uninspected`.
    pub outcome: String,
    /// The rule, such as `access.owner`.
    pub rule: String,
    /// The reason's code; empty where there is none.
    pub reason: String,
    /// The control that this follows from; empty where it follows from none.
    pub after: String,
}

/// The audit event of a request: its line of the access log under `portcullis`. Nothing where nothing was worth one.
pub fn audit(line: &Value) -> Result<Option<Value>> {
    match line.get("portcullis").context("the access log has no field of the filter's")? {
        Value::Null => Ok(None),
        text => Ok(Some(serde_json::from_str(text.as_str().context("not a string of JSON")?)?)),
    }
}

/// The events of a request, by its line of the access log.
pub fn events(line: &Value) -> Result<Vec<Event>> {
    let Some(audit) = audit(line)? else { return Ok(Vec::new()) };
    let list = audit.get("events").and_then(Value::as_array).context("no list of events")?;
    let event = |event: &Value| {
        let text = |name: &str| event.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Event { outcome: text("outcome"), rule: text("rule"), reason: text("reason"), after: text("after") }
    };
    Ok(list.iter().map(event).collect())
}
