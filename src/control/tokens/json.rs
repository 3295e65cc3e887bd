//! JSON as a token and a key set may use it: one reading only. Callers bound the size.

use serde_json::Map;
use serde_json::Value;

use crate::model::json;
use crate::model::json::Budget;
use crate::model::json::Numbers;

/// Real claims stay below 6 levels. Numbers may be whatever a double can reach: what they mean is each claim's to say.
const BUDGET: Budget =
    Budget { depth: 32, parts: usize::MAX, name: usize::MAX, text: usize::MAX, numbers: Numbers::Any };

/// Reads an object; `None` for everything that has a second reading, and for every other value.
pub(crate) fn object(text: &[u8]) -> Option<Map<String, Value>> {
    match json::read(text, &BUDGET) {
        Ok(Value::Object(map)) => Some(map),
        _ => None,
    }
}
