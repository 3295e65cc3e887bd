//! `tests/cases/tokens/hostile.json`: one row a token, how it is made, and what becomes of it.

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

use super::*;

const ROWS: &str = include_str!("../../../../tests/cases/tokens/hostile.json");

/// A row. What is not written is as in an honest ES256 token.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    name: String,
    /// Laid over the definition.
    #[serde(default)]
    policy: Option<Value>,
    /// The key set: names of `mint::jwk`, or `[name, patch]`.
    #[serde(default)]
    keys: Option<Vec<Value>>,
    /// Laid over the header and the claims.
    #[serde(default)]
    header: Option<Value>,
    #[serde(default)]
    claims: Option<Value>,
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
    /// A claim `pad` of so many bytes.
    #[serde(default)]
    pad: usize,
    #[serde(default)]
    sign: Option<String>,
    /// After signing.
    #[serde(default)]
    edits: Vec<Edit>,
    /// The header lines; `{}` is the token.
    #[serde(default)]
    send: Option<Vec<(String, String)>>,
    /// Seconds from now.
    #[serde(default)]
    wait: i64,
    expect: String,
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
        }
    }
}

/// Text whose every character stands for one byte, so that a row can hold bytes that are not UTF-8.
fn bytes(text: &str) -> Vec<u8> {
    text.chars().map(|character| u8::try_from(u32::from(character)).unwrap()).collect()
}

impl Row {
    fn jwks(&self) -> Value {
        let Some(keys) = &self.keys else { return mint::jwks(&["es", "rs", "ed"]) };
        let jwk = |key: &Value| match key {
            Value::String(name) => mint::jwk(name),
            pair => merged(mint::jwk(pair[0].as_str().unwrap()), &pair[1]),
        };
        json!({ "keys": keys.iter().map(jwk).collect::<Vec<_>>() })
    }

    fn token(&self) -> String {
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
        let header = whole(&self.header_text, mint::header(), &self.header, &self.header_add);
        let pad = if self.pad == 0 { String::new() } else { format!(r#","pad":"{}""#, "x".repeat(self.pad)) };
        let add = format!("{}{pad}", self.claims_add);
        let claims = whole(&self.claims_text, mint::claims(), &self.claims, &add);
        let token = mint::token(header, claims, self.sign.as_deref().unwrap_or("es256"));
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        self.edits.iter().for_each(|edit| edit.apply(&mut parts));
        parts.join(".")
    }

    fn lines(&self) -> Vec<(String, Vec<u8>)> {
        let token = self.token();
        let send = self.send.clone();
        let send = send.unwrap_or_else(|| vec![("authorization".into(), "Bearer {}".into())]);
        send.into_iter().map(|(name, value)| (name, bytes(&value.replace("{}", &token)))).collect()
    }
}

#[test]
fn every_row_ends_as_it_says_also_the_second_time_and_honest_tokens_pass_after_it() {
    let rows: Vec<Row> = serde_json::from_str(ROWS).unwrap();
    let refused = rows.iter().filter(|row| row.expect != "pass").count();
    assert!(refused >= 60, "only {refused} hostile rows");
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), rows.len(), "a row's name is there twice");

    let mut wrong = Vec::new();
    for row in &rows {
        let mut definition = definition(&row.jwks());
        merge(&mut definition, row.policy.as_ref().unwrap_or(&json!({})));
        let lines = row.lines();
        let lines: Vec<(&str, &[u8])> =
            lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        // Whoever verifies, this module or a host: the verdict is the same, and so it is from the cache.
        for host in [HostVerifier::default(), HostVerifier::tested(super::host::able)] {
            let mut worker = Worker::of_user(&definition);
            worker.keys.host = host;
            for turn in ["first", "second"] {
                let outcome = worker.judge(&lines, at(row.wait)).map_err(|refusal| refusal.reason.code());
                if outcome.err().unwrap_or("pass") != row.expect {
                    wrong.push(format!("{} ({host:?}, {turn}): {outcome:?}, not {}", row.name, row.expect));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    // One worker for all rows: nothing that one of them leaves behind helps or harms another.
    let mut worker = Worker::of_user(&super::definition(&mint::jwks(&["es", "rs", "ed"])));
    for row in rows.iter().filter(|row| row.policy.is_none() && row.keys.is_none()) {
        let lines = row.lines();
        let lines: Vec<(&str, &[u8])> =
            lines.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let outcome = worker.judge(&lines, at(row.wait));
        assert_eq!(outcome.is_ok(), row.expect == "pass", "{}", row.name);
        assert!(worker.bearer(&mint::es256_token(json!({})), at(0)).is_ok(), "after {}", row.name);
    }
}
