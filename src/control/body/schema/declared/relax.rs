//! A schema without what closes objects: what asks whether a value fits a branch before its extra members went.

use serde_json::Map;
use serde_json::Value;

/// Keywords that hold a schema.
const ONE: [&str; 12] = [
    "additionalItems",
    "additionalProperties",
    "contains",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
    "contentSchema",
];
/// Keywords that hold a list of schemas; `items` may too.
const LISTS: [&str; 5] = ["allOf", "anyOf", "oneOf", "prefixItems", "items"];
/// Keywords that hold schemas by names.
pub(super) const MAPS: [&str; 6] =
    ["$defs", "definitions", "dependencies", "dependentSchemas", "patternProperties", "properties"];

/// The schema with no object closed and no member counted. What stands in a `not` stays: open there would be closed.
pub(super) fn relaxed(schema: &Value) -> Value {
    let Value::Object(keywords) = schema else { return schema.clone() };
    let mut out = Map::new();
    for (keyword, child) in keywords {
        let closes = match keyword.as_str() {
            "additionalProperties" | "unevaluatedProperties" => *child == Value::Bool(false),
            "maxProperties" | "propertyNames" => true,
            _ => false,
        };
        if closes {
            continue;
        }
        let child = match child {
            _ if keyword == "not" => child.clone(),
            Value::Array(items) if LISTS.contains(&keyword.as_str()) => {
                items.iter().map(relaxed).collect::<Vec<_>>().into()
            }
            Value::Object(named) if MAPS.contains(&keyword.as_str()) => {
                named.iter().map(|(name, child)| (name.clone(), relaxed(child))).collect::<Map<_, _>>().into()
            }
            Value::Object(_) if ONE.contains(&keyword.as_str()) => relaxed(child),
            _ => child.clone(),
        };
        out.insert(keyword.clone(), child);
    }
    Value::Object(out)
}
