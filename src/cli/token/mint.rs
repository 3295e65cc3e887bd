//! `portcullis token mint`: a token that a policy accepts, or one that is wrong in just one way.

use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cli::compile::now;
use crate::cli::exit::Exit;
use crate::cli::token::policy::PolicyArgs;
use crate::cli::token::policy::time;
use crate::cli::token::private_key::PrivateKey;
use crate::cli::token::private_key::base64;
use crate::cli::token::private_key::name;
use crate::cli::token::unwritten;
use crate::control::tokens::Definition;
use crate::model::claims::ClaimTest;
use crate::model::pointer::Pointer;
use crate::model::pointer::Step;
use crate::model::time::Nanos;

/// How long a token lives where nobody says.
const LIFETIME: Duration = Duration::from_secs(300);

/// Print a token for development.
///
/// With --policy it says what that policy asks for: issuer, audience, type, lifetime, and the claims that it requires.
/// What is given beside that goes over it, so that a token can be wrong in just one way.
#[derive(Args)]
pub(crate) struct Mint {
    /// The private key to sign with, as `portcullis token key` makes it.
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    #[command(flatten)]
    policy: PolicyArgs,
    /// Whose token it is.
    #[arg(long, value_name = "SUB")]
    sub: Option<String>,
    /// A claim: its value is JSON, or a string where it is none. May be given often.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    claim: Vec<(String, Value)>,
    /// Takes a claim away.
    #[arg(long, value_name = "NAME")]
    without: Vec<String>,
    /// A header parameter, as --claim.
    #[arg(long, value_name = "NAME=VALUE", value_parser = pair)]
    header: Vec<(String, Value)>,
    /// `exp - iat`, such as 5m; 5m, or less where the policy takes less.
    #[arg(long, value_name = "SPAN", value_parser = humantime::parse_duration)]
    lifetime: Option<Duration>,
    /// When it is issued; now where not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    at: Option<Nanos>,
    /// Breaks the signature.
    #[arg(long)]
    forged: bool,
}

fn pair(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or("write it as name=value")?;
    Ok((name.to_owned(), serde_json::from_str(value).unwrap_or_else(|_| value.into())))
}

impl Mint {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<Exit, String> {
        let key = PrivateKey::read(&self.key)?;
        let policy = self.policy.read()?;
        let definition = policy.as_ref().map(|policy| self.policy.definition(policy)).transpose()?;
        if let Some(definition) = definition.filter(|it| !it.algorithms.contains(&key.algorithm)) {
            let (token, alg) = (&definition.name, name(key.algorithm));
            return Err(format!("{}: a key for {alg}, which `{token}` does not list", self.key.display()));
        }
        let input = format!(
            "{}.{}",
            base64(self.protected(&key, definition).to_string())?,
            base64(self.claims(definition)?.to_string())?
        );
        let mut signature = key.sign(input.as_bytes()).ok_or("the key does not sign")?;
        if let Some(byte) = signature.last_mut().filter(|_| self.forged) {
            *byte ^= 1;
        }
        writeln!(out, "{input}.{}", base64(signature)?).map_err(unwritten)?;
        Ok(Exit::Fine)
    }

    fn protected(&self, key: &PrivateKey, definition: Option<&Definition>) -> Value {
        let kind = definition.and_then(|it| it.types.as_ref()?.first()).map_or("at+jwt", |kind| kind);
        let mut header = Map::new();
        header.insert("alg".into(), name(key.algorithm).into());
        header.insert("typ".into(), kind.into());
        if let Some(kid) = &key.kid {
            header.insert("kid".into(), kid.as_str().into());
        }
        header.extend(self.header.iter().cloned());
        header.into()
    }

    fn claims(&self, definition: Option<&Definition>) -> Result<Value, String> {
        let issued = self.at.unwrap_or_else(now).0 / 1_000_000_000;
        let most = definition.and_then(|it| it.max_lifetime).unwrap_or(LIFETIME);
        let lifetime = self.lifetime.unwrap_or_else(|| most.min(LIFETIME)).as_secs();
        let mut claims = json!({ "iat": issued, "exp": issued.saturating_add(lifetime) });
        if let Some(definition) = definition {
            asked_for(definition, &mut claims)?;
        }
        let Value::Object(mut claims) = claims else { return Ok(claims) };
        if let Some(sub) = &self.sub {
            claims.insert("sub".into(), sub.as_str().into());
        }
        claims.extend(self.claim.iter().cloned());
        for name in &self.without {
            claims.remove(name);
        }
        Ok(claims.into())
    }
}

/// Puts in all that the definition asks for and nobody has said.
fn asked_for(definition: &Definition, claims: &mut Value) -> Result<(), String> {
    if let Some(issuer) = &definition.issuer {
        put(claims, Pointer::member("iss").steps(), (&**issuer).into());
    }
    if let Some(audience) = definition.audience.as_ref().and_then(|all| all.first()) {
        put(claims, Pointer::member("aud").steps(), (&**audience).into());
    }
    for condition in &definition.claims {
        let fitting = match &condition.test {
            ClaimTest::Is(value) => value.clone(),
            ClaimTest::Has(value) => json!([value]),
            ClaimTest::Any(values) => values.first().cloned().unwrap_or_default(),
        };
        put(claims, condition.claim.steps(), fitting);
    }
    for claim in &definition.require {
        let mut random = [0; 16];
        getrandom::fill(&mut random).map_err(|error| format!("no randomness: {error}"))?;
        put(claims, claim.steps(), base64(random)?.into());
    }
    Ok(())
}

/// Puts a value at a place where none is.
fn put(target: &mut Value, steps: &[Step], value: Value) {
    match (steps, target) {
        ([], target) if target.is_null() => *target = value,
        ([Step::Key(name), rest @ ..], target) => {
            if target.is_null() {
                *target = json!({});
            }
            if let Value::Object(members) = target {
                put(members.entry(&**name).or_insert(Value::Null), rest, value);
            }
        }
        _ => {}
    }
}
