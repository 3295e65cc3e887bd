//! `portcullis limits`: what a rate limit service is to be told of a policy's global limits.

use std::io;
use std::io::Write;
use std::iter;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::ValueEnum;

use crate::cli::checked::PolicyArgs;
use crate::cli::compile::compile;
use crate::cli::exit::Exit;
use crate::cli::output;
use crate::control::limits::gcra::Budget;
use crate::control::limits::limit::Limit;
use crate::control::limits::service::KEY;
use crate::control::limits::service::LIMIT;
use crate::control::limits::service::TIER;
use crate::control::limits::service::tier_of;
use crate::fault::Problems;
use crate::policy::Policy;

/// Print the configuration of the rate limit service for all limits with `scope: global`.
///
/// Exits with 0 if it was printed, 1 if the policy is refused, 3 if the service cannot be told of one of them.
#[derive(Args)]
pub(crate) struct LimitsVerb {
    #[command(flatten)]
    policy: PolicyArgs,
    /// Whose configuration.
    #[arg(long, value_enum)]
    format: Format,
    /// The file to write, at once and whole; standard output where none is given.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Format {
    /// A limits file of Kuadrant's Limitador.
    Limitador,
    /// A domain file of Lyft's (Envoy's) ratelimit.
    Lyft,
}

impl LimitsVerb {
    pub(crate) fn run(&self, out: &mut dyn Write, err: &mut dyn Write) -> io::Result<Exit> {
        let (bundle, report) = self.policy.check();
        let policy = bundle.and_then(|bundle| compile(&bundle.policy, &Problems::default()));
        let Some(policy) = policy else {
            write!(err, "{report}")?;
            return Ok(Exit::Broken);
        };
        let mut text = Vec::new();
        let whole = match (&policy.service, self.format) {
            (None, _) => writeln!(text, "# `{}` has no `rate_limit_service`.", policy.name).map(|()| true)?,
            (Some(service), Format::Limitador) => limitador(&policy, &service.domain, &mut text)?,
            (Some(service), Format::Lyft) => lyft(&policy, &service.domain, &mut text)?,
        };
        let text = String::from_utf8(text).map_err(io::Error::other)?;
        if let Err(why) = output::write(self.output.as_deref(), &text, out) {
            writeln!(err, "{why}")?;
            return Ok(Exit::Broken);
        }
        Ok(if whole { Exit::Fine } else { Exit::Findings })
    }
}

fn globals(policy: &Policy) -> impl Iterator<Item = &Limit> {
    policy.limits.iter().filter(|limit| limit.is_global())
}

/// The rates of a limit: of each tier, and of whoever has none.
fn rates(limit: &Limit) -> impl Iterator<Item = (Option<&str>, &Budget)> {
    iter::once((None, limit.budget())).chain(limit.tiers().map(|(tier, budget)| (Some(tier), budget)))
}

/// What stands above a rate: how the policy writes it, and whose it is.
fn title(tier: Option<&str>, budget: &Budget) -> String {
    let millis = budget.per().as_millis();
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
    let fits = |(size, _): &(u128, &str)| millis.checked_rem(*size) == Some(0);
    let (size, unit) = units.into_iter().find(fits).unwrap_or((1, "ms"));
    let rate = format!("{}/{}{unit}", budget.count(), millis.checked_div(size).unwrap_or_default());
    tier.map_or(rate.clone(), |tier| format!("{rate} for {}", quoted(tier)))
}

/// Limitador counts whole seconds: a window of them, with as many as the rate gives in it, rounded down.
fn limitador(policy: &Policy, domain: &str, out: &mut dyn Write) -> io::Result<bool> {
    for (limit, (tier, budget)) in
        globals(policy).flat_map(|limit| rates(limit).map(move |rate| (limit, rate)))
    {
        let (name, per) = (limit.name(), budget.per());
        let seconds = per.as_secs().saturating_add(u64::from(per.subsec_nanos() > 0));
        let most = within(budget, Duration::from_secs(seconds));
        writeln!(out, "# {}", title(tier, budget))?;
        writeln!(out, "- namespace: {}", quoted(domain))?;
        writeln!(
            out,
            "  name: {}",
            quoted(&tier.map_or_else(|| name.to_string(), |tier| format!("{name} {tier}")))
        )?;
        writeln!(out, "  max_value: {most}")?;
        writeln!(out, "  seconds: {seconds}")?;
        writeln!(out, "  conditions:")?;
        writeln!(out, "    - \"'{name}' in descriptors[0]\"")?;
        let entry = tier_of(name.as_str());
        match tier {
            Some(tier) => {
                let same =
                    format!("'{entry}' in descriptors[0] && descriptors[0]['{entry}'] == {}", quoted(tier));
                writeln!(out, "    - {}", quoted(&same))?;
            }
            None if limit.tiers().next().is_some() => {
                writeln!(out, "    - \"!('{entry}' in descriptors[0])\"")?
            }
            None => {}
        }
        writeln!(out, "  variables:")?;
        writeln!(out, "    - \"descriptors[0]['{name}']\"")?;
    }
    Ok(true)
}

/// Lyft's service has units: the shortest that is not shorter than the rate's time, with as many as the rate gives in it,
/// rounded down. A time above a day is cut to what a day has of it. Answers whether none is left out.
fn lyft(policy: &Policy, domain: &str, out: &mut dyn Write) -> io::Result<bool> {
    writeln!(out, "domain: {}", quoted(domain))?;
    writeln!(out, "descriptors:")?;
    let mut whole = true;
    for limit in globals(policy) {
        let (told, lost): (Vec<_>, Vec<_>) = rates(limit)
            .map(|(tier, budget)| (tier, budget, in_units(budget)))
            .partition(|(_, _, (_, most))| *most > 0);
        for (tier, budget, _) in &lost {
            writeln!(out, "  # {}", title(*tier, budget))?;
            writeln!(out, "  # left out: the service has no unit in which that is one or more")?;
            whole = false;
        }
        if told.is_empty() {
            continue;
        }
        for (tier, budget, _) in &told {
            writeln!(out, "  # {}", title(*tier, budget))?;
        }
        writeln!(out, "  - key: {LIMIT}")?;
        writeln!(out, "    value: {}", quoted(limit.name().as_str()))?;
        writeln!(out, "    descriptors:")?;
        for (tier, _, (unit, most)) in told {
            let mut indent = "      ";
            if let Some(tier) = tier {
                writeln!(out, "      - key: {TIER}")?;
                writeln!(out, "        value: {}", quoted(tier))?;
                writeln!(out, "        descriptors:")?;
                indent = "          ";
            }
            writeln!(out, "{indent}- key: {KEY}")?;
            writeln!(out, "{indent}  rate_limit:")?;
            writeln!(out, "{indent}    unit: {unit}")?;
            writeln!(out, "{indent}    requests_per_unit: {most}")?;
        }
    }
    Ok(whole)
}

/// A budget in a unit of Lyft's service, and how many in it.
fn in_units(budget: &Budget) -> (&'static str, u128) {
    const UNITS: [(&str, u64); 4] = [("second", 1), ("minute", 60), ("hour", 3_600), ("day", 86_400)];
    let unit = UNITS.iter().find(|(_, seconds)| Duration::from_secs(*seconds) >= budget.per());
    let (unit, seconds) = unit.copied().unwrap_or(("day", 86_400));
    (unit, within(budget, Duration::from_secs(seconds)))
}

/// How many the rate gives in this time, rounded down.
fn within(budget: &Budget, time: Duration) -> u128 {
    let all = u128::from(budget.count().get()).saturating_mul(time.as_nanos());
    all.checked_div(budget.per().as_nanos()).unwrap_or_default()
}

/// Text in quotes: a reader of YAML takes some names for numbers. What JSON escapes, YAML and CEL read alike.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
