//! Cases as data, under `tests/cases`.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::envoy::root;

/// The rows of `tests/cases/NAME.json`; an error if there are none.
pub fn cases<T: DeserializeOwned>(name: &str) -> Result<Vec<T>> {
    let path = root().join("tests/cases").join(name).with_extension("json");
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let rows: Vec<T> = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    ensure!(!rows.is_empty(), "{} has no rows", path.display());
    Ok(rows)
}

/// A piece of a body as a table writes it: text, bytes in hex, or a text many times.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Piece {
    /// Text as it is.
    Text(String),
    /// Bytes, two digits each.
    Hex {
        /// The digits.
        hex: String,
    },
    /// A text, so many times.
    Repeat {
        /// The text.
        repeat: String,
        /// How many times.
        times: usize,
    },
}

impl Piece {
    /// Its bytes.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        match self {
            Self::Text(text) => Ok(text.clone().into_bytes()),
            Self::Repeat { repeat, times } => Ok(repeat.repeat(*times).into_bytes()),
            Self::Hex { hex } => hex
                .as_bytes()
                .chunks(2)
                .map(|digits| {
                    let digits = std::str::from_utf8(digits)?;
                    u8::from_str_radix(digits, 16).with_context(|| format!("not two hex digits: {digits}"))
                })
                .collect(),
        }
    }
}

/// Header lines as a table writes them; `content-type: application/json` where it does not say.
pub fn lines(headers: Option<&[(String, Piece)]>) -> Result<Vec<(String, Vec<u8>)>> {
    match headers {
        None => Ok(vec![("content-type".to_owned(), b"application/json".to_vec())]),
        Some(lines) => lines.iter().map(|(name, value)| Ok((name.clone(), value.bytes()?))).collect(),
    }
}
