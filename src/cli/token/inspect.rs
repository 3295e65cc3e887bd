//! `portcullis token inspect`: what a policy makes of a token, step by step.
//!
//! Prints no signature, no whole token, and no claim's value but those that the policy itself speaks of: issuer,
//! audience and times. Of all others it prints the names.

use std::io::Read;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Duration;
use std::time::UNIX_EPOCH;

use clap::Args;
use serde_json::Value;

use crate::cli::compile::now;
use crate::cli::exit::Exit;
use crate::cli::token::policy::PolicyArgs;
use crate::cli::token::policy::time;
use crate::cli::token::unwritten;
use crate::control::tokens::Definition;
use crate::control::tokens::Inspection;
use crate::control::tokens::KeySet;
use crate::control::tokens::Keys;
use crate::control::tokens::Stage;
use crate::control::tokens::inspect;
use crate::document::Printable;
use crate::model::claims::Claims;
use crate::model::time::Nanos;
use crate::policy::Policy;
use crate::refusal::Reason;

/// The most characters of a value that are shown.
const SHOWN: usize = 120;

/// Explain what a policy makes of a token, step by step, without printing its secrets.
///
/// Exits with 0 if the token is good, 4 if it is refused, 1 if the policy, the keys or the token cannot be read.
#[derive(Args)]
pub(crate) struct Inspect {
    /// The token; `-` reads it from standard input, where no list of processes shows it.
    #[arg(value_name = "TOKEN|-")]
    text: String,
    #[command(flatten)]
    policy: PolicyArgs,
    /// The key set that the policy fetches, as a file.
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// When it is judged; now where not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Nanos>,
}

impl Inspect {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Exit, String> {
        let policy = self.policy.read()?.ok_or("say with --policy which policy it is held to")?;
        let definition = self.policy.definition(&policy)?;
        let token = self.token()?;
        let now = self.at.unwrap_or_else(now);
        let mut report = format!("`{}`, {} bytes, judged at {}\n", definition.name, token.len(), date(now));
        let keys = self.keys(&policy, definition, now, &mut report)?;
        let seen = inspect(&policy.tokens, definition, token.as_bytes(), &keys, now);
        for stage in Stage::ALL {
            let (said, told) = match seen.failed {
                // Why a lifetime is too long is seen by the times behind it.
                Some((failed, _)) if stage > failed => ("not reached".into(), stage == Stage::Times),
                Some((failed, reason)) if stage == failed => {
                    (format!("{}: {}", reason.code(), advice(reason)), true)
                }
                _ => ("fine".into(), true),
            };
            let mut line = format!("  {:<10} {said}", stage.as_str());
            for part in told.then(|| details(stage, &seen, definition)).into_iter().flatten() {
                line.push_str("; ");
                line.push_str(&part);
            }
            report.push_str(&line);
            report.push('\n');
        }
        let (verdict, exit) = match seen.failed {
            None => ("good".to_owned(), Exit::Fine),
            Some((_, reason)) => (format!("refused, {}", reason.code()), Exit::Refused),
        };
        writeln!(out, "{report}{verdict}").map_err(unwritten)?;
        Ok(exit)
    }

    fn token(&self) -> Result<String, String> {
        if self.text != "-" {
            return Ok(self.text.clone());
        }
        let mut text = String::new();
        let most = 64 * 1024;
        std::io::stdin()
            .take(most)
            .read_to_string(&mut text)
            .map_err(|error| format!("standard input: {error}"))?;
        Ok(text.trim().to_owned())
    }

    /// The keys in force: the policy's own, or the file in the place of a fetch.
    fn keys(
        &self,
        policy: &Policy,
        definition: &Definition,
        now: Nanos,
        report: &mut String,
    ) -> Result<Keys, String> {
        let mut keys = Keys::new(&policy.tokens, None);
        let Some(path) = &self.jwks else { return Ok(keys) };
        if definition.jwks().is_none() {
            return Err(format!(
                "`{}` has its keys in the policy; --jwks is for those it fetches",
                definition.name
            ));
        }
        let (set, skipped) = read_set(path, definition)?;
        for key in skipped {
            report.push_str(&format!("  {}: {key}\n", path.display()));
        }
        keys.put(definition, Rc::new(set), now);
        Ok(keys)
    }
}

fn read_set(
    path: &Path,
    definition: &Definition,
) -> Result<(KeySet, Vec<crate::control::tokens::Skipped>), String> {
    let shown = path.display();
    let text = std::fs::read(path).map_err(|error| format!("{shown}: cannot be read: {}", error.kind()))?;
    KeySet::parse(&text, &definition.algorithms).map_err(|fault| format!("{shown}: {fault}"))
}

/// What is worth to be shown beside a stage's outcome.
fn details(stage: Stage, seen: &Inspection, definition: &Definition) -> Vec<String> {
    let mut said = Vec::new();
    match (stage, &seen.header, &seen.claims) {
        (Stage::Header, Some(header), _) => {
            let members = [
                ("alg", Some(&header.algorithm)),
                ("kid", header.kid.as_ref()),
                ("typ", header.kind.as_ref()),
            ];
            said.extend(members.iter().map(|(name, value)| match value {
                Some(value) => format!("{name} {}", quoted(value)),
                None => format!("no {name}"),
            }));
        }
        (Stage::Key, Some(_), _) if seen.candidates > 0 => {
            said.push(format!("{} to try", plural(seen.candidates, "key")));
        }
        (Stage::Claims, _, Some(claims)) => {
            said.push(format!("iss {}, aud {}", value(claims, "iss"), value(claims, "aud")));
            said.push(format!("has {}", names(claims)));
            said.extend(missing(claims, definition));
        }
        (Stage::Times, _, Some(claims)) => {
            for (name, word) in [("iat", "issued"), ("nbf", "valid from"), ("exp", "ends")] {
                said.extend(claims.number(name).map(|seconds| format!("{word} {}", seconds_date(seconds))));
            }
        }
        _ => {}
    }
    said
}

/// Which of the claims that the definition asks for are not there, or are not what it asks for. Not their values.
fn missing(claims: &Claims, definition: &Definition) -> Option<String> {
    let required = definition.require.iter().filter(|claim| claims.get(claim).is_none());
    let unfit =
        definition.claims.iter().filter(|condition| !condition.test.holds(claims.get(&condition.claim)));
    let places: Vec<String> =
        required.chain(unfit.map(|condition| &condition.claim)).map(|place| format!("`{place}`")).collect();
    (!places.is_empty()).then(|| format!("not as the policy asks: {}", places.join(", ")))
}

fn names(claims: &Claims) -> String {
    let names: Vec<String> = claims.names().map(cut).collect();
    if names.is_empty() { "no claims".into() } else { names.join(", ") }
}

/// A claim that the policy speaks of, or that it is not there.
fn value(claims: &Claims, name: &str) -> String {
    match claims.member(name) {
        None => "not there".into(),
        Some(Value::String(text)) => quoted(text),
        Some(Value::Array(list)) => {
            let all: Vec<String> =
                list.iter().map(|it| it.as_str().map_or("no string".into(), quoted)).collect();
            format!("[{}]", all.join(", "))
        }
        Some(_) => "no string".into(),
    }
}

fn quoted(text: impl AsRef<str>) -> String {
    format!("`{}`", cut(text.as_ref()))
}

/// The beginning of a text that anybody may have written, fit for a line.
fn cut(text: &str) -> String {
    let short: String = text.chars().take(SHOWN).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    format!("{}{more}", Printable(&short))
}

fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}

fn date(now: Nanos) -> String {
    humantime::format_rfc3339_seconds(
        UNIX_EPOCH.checked_add(Duration::from_nanos(now.0)).unwrap_or(UNIX_EPOCH),
    )
    .to_string()
}

fn seconds_date(seconds: f64) -> String {
    let since = Duration::try_from_secs_f64(seconds).ok().filter(|_| seconds <= 253_402_300_799.0);
    match since.and_then(|since| UNIX_EPOCH.checked_add(since)) {
        Some(time) => humantime::format_rfc3339_seconds(time).to_string(),
        None => "at no date".into(),
    }
}

/// What to do about a refusal: for whoever has the token and the policy at hand.
fn advice(reason: Reason) -> &'static str {
    match reason {
        Reason::TokensMissing => "there is no token",
        Reason::TokensAmbiguous => "a comma makes two tokens of it; send one",
        Reason::TokensMalformed => {
            "it is no JWT in compact form, its JSON has two readings, or a claim has the wrong type"
        }
        Reason::TokensTooLong => "it is over 8 KiB; take claims out",
        Reason::TokensEncrypted => "it has five parts; encrypted tokens are not read",
        Reason::TokensCritical => "it has `crit` or `b64`; no extension is understood",
        Reason::TokensType => "`typ` is none that `type` lists; is it an ID token?",
        Reason::TokensAlgorithm => "`alg` is not listed, or not its key's",
        Reason::TokensUnknownKey => {
            "no key has this `kid`; is it of another environment, or the key set of yesterday?"
        }
        Reason::TokensKeysUnavailable => {
            "the policy fetches its keys; give them with --jwks, or set the secret's variable"
        }
        Reason::TokensSignature => "none of the keys signed it; it was changed, or is of another environment",
        Reason::TokensIssuer => "`iss` is not the policy's, byte for byte",
        Reason::TokensAudience => "`aud` names none of the policy's; it is meant for another service",
        Reason::TokensLifetime => {
            "it lives longer than `max_lifetime`, has no `exp` or `iat`, or ends before it begins"
        }
        Reason::TokensClaim => {
            "a claim that `require` or `claims` asks for is not there or not so, or `sub` is empty"
        }
        Reason::TokensExpired => "it is over; refresh it",
        Reason::TokensNotYetValid => "`iat` or `nbf` lies ahead; look at the clocks",
        Reason::TokensProofMissing => {
            "it is bound to a key, whose proof must come with each request; see `dpop`"
        }
        Reason::TokensBinding => "it is bound to no key, and the policy takes bound tokens only",
        other => other.title(),
    }
}
