//! The policy that a token is made for or held to, and the one definition in it.

use std::path::PathBuf;

use clap::Args;

use crate::cli::checked::compiled;
use crate::control::tokens::Definition;
use crate::model::name::Name;
use crate::model::time::Nanos;
use crate::policy::Policy;

/// Which policy, and which of its tokens.
#[derive(Args)]
pub(super) struct PolicyArgs {
    /// The policy's file, YAML or JSON.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
    /// A file with what an environment has otherwise, as for `check`.
    #[arg(long, value_name = "FILE", requires = "policy")]
    env: Option<PathBuf>,
    /// The token's name in the policy; not needed where it has one only.
    #[arg(long, value_name = "NAME", requires = "policy")]
    token: Option<String>,
}

impl PolicyArgs {
    /// The policy, where one is named.
    pub(super) fn read(&self) -> Result<Option<Policy>, String> {
        let Some(path) = &self.policy else { return Ok(None) };
        let (policy, report) = compiled(path, self.env.as_deref());
        let refused = || format!("{report}{}: refused, {}", path.display(), report.counts());
        policy.ok_or_else(refused).map(Some)
    }

    /// The definition that is meant.
    pub(super) fn definition<'p>(&self, policy: &'p Policy) -> Result<&'p Definition, String> {
        let names = || policy.tokens.names().iter().map(Name::as_str).collect::<Vec<_>>().join(", ");
        match (&self.token, policy.tokens.iter().collect::<Vec<_>>().as_slice()) {
            (Some(name), _) => policy
                .tokens
                .named(name)
                .ok_or_else(|| format!("the policy has no token `{name}`; it has: {}", names())),
            (None, [only]) => Ok(only),
            (None, []) => Err("the policy has no tokens".into()),
            (None, _) => Err(format!("the policy has several tokens; say --token with one of: {}", names())),
        }
    }
}

/// A time as RFC 3339 has it, or in seconds since the epoch.
pub(super) fn time(text: &str) -> Result<Nanos, String> {
    let nanos = |since: std::time::Duration| u64::try_from(since.as_nanos()).ok().map(Nanos);
    let seconds = text.parse().ok().and_then(|seconds| nanos(std::time::Duration::from_secs(seconds)));
    let written = || {
        let time = humantime::parse_rfc3339(text).ok()?;
        nanos(time.duration_since(std::time::UNIX_EPOCH).ok()?)
    };
    seconds
        .or_else(written)
        .ok_or_else(|| "write it as 2027-01-15T08:00:00Z, or in seconds since 1970".to_owned())
}
