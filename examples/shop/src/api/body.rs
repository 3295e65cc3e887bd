//! Bodies and queries, read as laxly as many services do.

use serde::de::DeserializeOwned;
use serde_json::Map;
use serde_json::Value;

/// A JSON object from a body. Left open on purpose: any `content-type`, of two equal keys the last, bytes that are not UTF-8
/// replaced, fields that nobody knows left in.
pub(crate) fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_str(&String::from_utf8_lossy(body)) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    }
}

/// The same, as the type that a call takes.
pub(crate) fn typed<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    serde_json::from_value(object(body)?.into()).ok()
}

/// The last value of a query parameter, decoded.
pub(crate) fn query(query: Option<&str>, name: &str) -> Option<String> {
    let mut pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let decoded = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    pairs.rfind(|(key, _)| decoded(key) == name).map(|(_, value)| decoded(value))
}

/// The same as a number.
pub(crate) fn number<T: std::str::FromStr>(from: Option<&str>, name: &str) -> Option<T> {
    query(from, name)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_equal_keys_or_parameters_the_last_one_counts() {
        assert_eq!(object(br#"{"a":1,"a":2}"#).unwrap()["a"], 2);
        assert_eq!(query(Some("account_id=42&x&%61ccount_id=7+7"), "account_id").unwrap(), "7 7");
        assert_eq!(query(Some("x"), "account_id"), None);
    }
}
