//! A table of tokens: one row a token, how it is made, and what becomes of it.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use crate::definition;
use crate::merged;
use crate::mint;

/// Tokens as an attacker makes them, and odd ones that are good.
pub const HOSTILE: &str = include_str!("../../cases/tokens/hostile.json");
/// The examples of the RFCs.
pub const RFC: &str = include_str!("../../cases/tokens/rfc.json");
/// Signatures at the edges of their arithmetic and of their encodings.
pub const SIGNATURES: &str = include_str!("../../cases/tokens/signatures.json");

/// A row. What is not written is as in an honest ES256 token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// What it is, once a table.
    pub name: String,
    /// Laid over the definition.
    #[serde(default)]
    policy: Option<Value>,
    /// The key set: names of `mint::jwk`, `[name, patch]`, or whole keys.
    #[serde(default)]
    keys: Option<Vec<Value>>,
    /// The whole token, instead of all that follows up to `sign`.
    #[serde(default)]
    token: Option<String>,
    /// Laid over the header and the claims.
    #[serde(default)]
    header: Option<Value>,
    #[serde(default)]
    claims: Option<Value>,
    /// Claims that are dates, in seconds from now.
    #[serde(default)]
    times: BTreeMap<String, f64>,
    /// The whole text instead, each character one byte.
    #[serde(default)]
    header_text: Option<String>,
    #[serde(default)]
    claims_text: Option<String>,
    /// Put in front of the closing brace, each character one byte.
    #[serde(default)]
    header_add: String,
    #[serde(default)]
    claims_add: String,
    /// The token gets just this length, by a claim and a header parameter `pad`.
    #[serde(default)]
    length: Option<usize>,
    #[serde(default)]
    sign: Option<String>,
    /// After signing.
    #[serde(default)]
    edits: Vec<Edit>,
    /// The header lines; `{}` is the token. The line `:path` is the request's target.
    #[serde(default)]
    send: Option<Vec<(String, String)>>,
    /// It is judged so many seconds after it was made.
    #[serde(default)]
    wait: i64,
    /// It is judged at this time, in seconds since the epoch; where the clock cannot be set, it has expired.
    #[serde(default)]
    pub at: Option<u64>,
    /// A second more or less changes the outcome: for clocks that stand still.
    #[serde(default)]
    pub still: bool,
    /// What becomes of it: `pass` or a reason.
    pub expect: String,
    /// What becomes of it over a protocol where that differs: see [`Row::through`].
    #[serde(default)]
    h1: Option<String>,
    #[serde(default)]
    h2: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
enum Edit {
    /// The part's text.
    Set(usize, String),
    Append(usize, String),
    Prepend(usize, String),
    /// The part's last character becomes the next of the alphabet: other text, the same bytes to a lax reader.
    NudgeLast(usize),
    /// The part loses its last so many characters.
    Cut(usize, usize),
    /// Parts change places.
    Swap(usize, usize),
    /// The part becomes text behind itself: itself in quotes, say; `{}` is the part.
    Wrap(usize, String),
}

impl Edit {
    fn apply(&self, parts: &mut [String]) {
        match self {
            Self::Set(part, text) => parts[*part] = text.clone(),
            Self::Append(part, text) => parts[*part].push_str(text),
            Self::Prepend(part, text) => parts[*part].insert_str(0, text),
            Self::NudgeLast(part) => {
                const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
                let last = parts[*part].pop().unwrap();
                let at = ALPHABET.iter().position(|byte| char::from(*byte) == last).unwrap();
                parts[*part].push(char::from(ALPHABET[at + 1]));
            }
            Self::Cut(part, count) => {
                let left = parts[*part].len() - count;
                parts[*part].truncate(left);
            }
            Self::Swap(a, b) => parts.swap(*a, *b),
            Self::Wrap(part, text) => parts[*part] = text.replace("{}", &parts[*part]),
        }
    }
}

/// What becomes of a row's request at a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome<'r> {
    /// It reaches the upstream.
    Pass,
    /// The filter refuses it for this reason.
    Refused(&'r str),
    /// The host turns it away before a filter sees it.
    Host,
    /// No client can say it over this protocol.
    Unsayable,
}

impl<'r> Outcome<'r> {
    fn named(word: &'r str) -> Self {
        match word {
            "pass" => Self::Pass,
            "host" => Self::Host,
            "unsayable" => Self::Unsayable,
            reason => Self::Refused(reason),
        }
    }
}

/// The rows of a table, in order.
pub fn rows(table: &str) -> Vec<Row> {
    let rows: Vec<Row> = serde_json::from_str(table).unwrap();
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    let twice = names.windows(2).find(|pair| pair[0] == pair[1]);
    assert_eq!(twice, None, "a row's name is there twice");
    rows
}

/// Text whose every character stands for one byte, so that a row can hold bytes that are not UTF-8.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

impl Row {
    /// The definition that its token is held to.
    pub fn definition(&self) -> Value {
        merged(definition(&self.jwks()), self.policy.as_ref().unwrap_or(&json!({})))
    }

    /// Whether it stands before the definition that most rows share.
    pub fn is_before_the_usual(&self) -> bool {
        self.policy.is_none() && self.keys.is_none()
    }

    fn jwks(&self) -> Value {
        let Some(keys) = &self.keys else { return mint::jwks(&["es", "rs", "ed"]) };
        let jwk = |key: &Value| match key {
            Value::String(name) => mint::jwk(name),
            Value::Array(pair) => merged(mint::jwk(pair[0].as_str().unwrap()), &pair[1]),
            whole => whole.clone(),
        };
        json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() })
    }

    /// The time at which it is judged where the clock can be set, in seconds since the epoch.
    pub fn judged_at(&self) -> u64 {
        self.at.unwrap_or_else(|| mint::NOW.checked_add_signed(self.wait).unwrap())
    }

    /// The request's header lines, for a request that is judged at `now`, in seconds since the epoch.
    pub fn lines(&self, now: f64) -> Vec<(String, Vec<u8>)> {
        let token = self.token(now - self.wait as f64);
        let send = self.send.clone();
        let send = send.unwrap_or_else(|| vec![("authorization".into(), "Bearer {}".into())]);
        send.into_iter().map(|(name, value)| (name, bytes(&value.replace("{}", &token)))).collect()
    }

    fn token(&self, made: f64) -> String {
        let token = match (&self.token, self.length) {
            (Some(token), _) => token.clone(),
            (None, None) => self.mint(made, 0, 0),
            (None, Some(length)) => {
                let missing = length - self.mint(made, 0, 0).len();
                // Base64 makes 4 characters of 3 bytes, so that not every length is one padding away.
                let about = missing * 3 / 4;
                let sizes =
                    (0..4).flat_map(|header| (about - 20..=about).map(move |claims| (header, claims)));
                sizes
                    .map(|(header, claims)| self.mint(made, header, claims))
                    .find(|token| token.len() == length)
                    .unwrap()
            }
        };
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        self.edits.iter().for_each(|edit| edit.apply(&mut parts));
        parts.join(".")
    }

    fn mint(&self, made: f64, header_pad: usize, claims_pad: usize) -> String {
        let whole = |text: &Option<String>, honest: Value, patch: &Option<Value>, add: &str| match text {
            Some(text) => bytes(text),
            None => {
                let mut text = merged(honest, patch.as_ref().unwrap_or(&json!({}))).to_string().into_bytes();
                let end = text.pop().unwrap();
                text.extend(bytes(add));
                text.push(end);
                text
            }
        };
        let pad = |length: usize| match length {
            0 => String::new(),
            length => format!(r#","pad":"{}""#, "x".repeat(length)),
        };
        let header_add = format!("{}{}", self.header_add, pad(header_pad));
        let header = whole(&self.header_text, mint::header(), &self.header, &header_add);
        let mut honest = mint::claims();
        for (name, offset) in [("iat", -60.0), ("exp", 540.0)] {
            honest[name] = date(made + offset);
        }
        for (name, offset) in &self.times {
            honest[name] = date(made + offset);
        }
        let claims_add = format!("{}{}", self.claims_add, pad(claims_pad));
        let claims = whole(&self.claims_text, honest, &self.claims, &claims_add);
        mint::token(header, claims, self.sign.as_deref().unwrap_or("es256"))
    }

    /// What becomes of it through a host whose clock is the world's, over HTTP/2 or HTTP/1.1.
    pub fn through(&self, http2: bool) -> Outcome<'_> {
        match if http2 { &self.h2 } else { &self.h1 } {
            Some(other) => Outcome::named(other),
            None if self.at.is_some() && self.expect == "pass" => Outcome::Refused("tokens.expired"),
            None => Outcome::named(&self.expect),
        }
    }
}

/// A NumericDate: whole seconds are written as such.
fn date(seconds: f64) -> Value {
    if seconds.fract() == 0.0 { json!(seconds as i64) } else { json!(seconds) }
}
