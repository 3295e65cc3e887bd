//! Schemas of the contract as the policy takes them: draft 2020-12, each whole in itself, with what it refers to in
//! its `$defs`.
//!
//! OpenAPI 3.0's own words (`nullable`, `exclusiveMinimum: true`) become their equals. What the contract says is
//! `readOnly` may not stand in a request, what is `writeOnly` is not declared in an answer.

use std::collections::BTreeMap;

use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::cli::import::contract::Contract;
use crate::cli::import::contract::Found;
use crate::cli::import::contract::Spot;
use crate::cli::import::contract::target;
use crate::cli::import::names;
use crate::control::body::schema::FORMATS;

/// How deep a schema may nest.
const MAX_DEPTH: usize = 64;

/// Which way a body goes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Way {
    In,
    Out,
}

/// Words that say nothing about which values fit.
const SILENT: [&str; 12] = [
    "title",
    "description",
    "example",
    "examples",
    "default",
    "deprecated",
    "externalDocs",
    "xml",
    "discriminator",
    "nullable",
    "$comment",
    "$schema",
];

/// Every schema that a route names, by its name in the policy.
#[derive(Default)]
pub(super) struct Schemas {
    pub(super) named: BTreeMap<String, Value>,
}

impl Schemas {
    /// Takes a body's schema, and answers the name by which routes call it. `fallback` serves where the contract gives it
    /// no name.
    pub(super) fn take(
        &mut self,
        contract: &mut Contract,
        schema: Found,
        way: Way,
        fallback: &str,
    ) -> Result<String, String> {
        let named = schema.text("$ref").map(|reference| target(&schema.at, reference)).transpose()?;
        let name = named.map_or_else(|| names::slug(fallback), |spot| names::slug(&spot.last()));
        let whole = convert(contract, schema, way)?;
        let way = if way == Way::In { "in" } else { "out" };
        let numbered = (2_u32..).map(|number| format!("{name}-{number}"));
        let names = [name.clone(), format!("{name}-{way}")].into_iter().chain(numbered);
        for name in names {
            match self.named.get(&name) {
                Some(known) if *known == whole => return Ok(name),
                Some(_) => {}
                None => {
                    self.named.insert(name.clone(), whole);
                    return Ok(name);
                }
            }
        }
        Err("there are too many schemas of one name".into())
    }
}

/// One schema, whole in itself.
pub(super) fn convert(contract: &mut Contract, schema: Found, way: Way) -> Result<Value, String> {
    let root = contract.resolve(schema)?;
    let mut converter = Converter { contract, way, names: BTreeMap::new(), open: Vec::new() };
    converter.names.insert(root.at.clone(), "#".into());
    let mut whole = converter.schema(&root, MAX_DEPTH)?;
    let mut definitions = Map::new();
    while let Some((spot, name)) = converter.open.pop() {
        let found = converter.contract.at(&spot)?;
        definitions.insert(name, converter.schema(&found, MAX_DEPTH)?);
    }
    if let (Value::Object(whole), false) = (&mut whole, definitions.is_empty()) {
        whole.insert("$defs".into(), Value::Object(definitions));
    }
    Ok(whole)
}

struct Converter<'c> {
    contract: &'c mut Contract,
    way: Way,
    /// What each schema that was met is called in references.
    names: BTreeMap<Spot, String>,
    /// Those that are still to be converted, with their names in `$defs`.
    open: Vec<(Spot, String)>,
}

impl Converter<'_> {
    fn schema(&mut self, found: &Found, depth: usize) -> Result<Value, String> {
        let depth = depth.checked_sub(1).ok_or_else(|| format!("{}: the schema nests too deep", found.at))?;
        let Some(members) = found.value.as_object() else { return Ok(found.value.clone()) };
        if self.contract.legacy && members.contains_key("$ref") {
            return Ok(json!({ "$ref": self.reference(&found.get("$ref"))? }));
        }
        let mut out = Map::new();
        for (word, value) in members {
            let here = Found { at: found.at.child(word), value: value.clone() };
            let converted = match word.as_str() {
                word if SILENT.contains(&word) || word.starts_with("x-") => continue,
                "readOnly" | "writeOnly" | "$defs" | "definitions" => continue,
                "$ref" => self.reference(&here)?,
                "properties" => self.properties(&here, depth)?,
                "required" => self.required(found),
                "patternProperties" | "dependentSchemas" => self.map(&here, depth)?,
                "allOf" | "anyOf" | "oneOf" | "prefixItems" => self.list(&here, depth)?,
                "items" if value.is_array() => self.list(&here, depth)?,
                "items"
                | "additionalProperties"
                | "not"
                | "if"
                | "then"
                | "else"
                | "contains"
                | "propertyNames"
                | "unevaluatedProperties"
                | "unevaluatedItems" => self.schema(&here, depth)?,
                // What is not asserted is a hint to people and code generators.
                "format" if !value.as_str().is_some_and(|format| FORMATS.contains(&format)) => continue,
                _ => value.clone(),
            };
            out.insert(word.clone(), converted);
        }
        widths(members, &mut out);
        bounds(&mut out);
        Ok(if members.get("nullable") == Some(&Value::Bool(true)) {
            or_null(out)
        } else {
            Value::Object(out)
        })
    }

    fn reference(&mut self, here: &Found) -> Result<Value, String> {
        let reference = here.value.as_str().ok_or_else(|| format!("{}: `$ref` is no text", here.at))?;
        let spot = target(&here.at, reference)?;
        if let Some(name) = self.names.get(&spot) {
            return Ok(name.clone().into());
        }
        let last = spot.last();
        let taken = |name: &String| {
            self.open.iter().any(|(_, known)| known == name)
                || self.names.values().any(|known| *known == format!("#/$defs/{name}"))
        };
        let numbered = (2_u32..).map(|number| format!("{last}-{number}"));
        let name = [last.clone()].into_iter().chain(numbered).find(|name| !taken(name));
        let name = names::plain(&name.unwrap_or(last));
        let pointer = format!("#/$defs/{name}");
        self.names.insert(spot.clone(), pointer.clone());
        self.open.push((spot, name));
        Ok(pointer.into())
    }

    /// What only an answer holds may not come in; what only a request holds is not declared on the way out.
    fn properties(&mut self, here: &Found, depth: usize) -> Result<Value, String> {
        let mut out = Map::new();
        for (name, property) in here.members() {
            let converted =
                match (self.way, self.says(&property, "readOnly"), self.says(&property, "writeOnly")) {
                    (Way::In, true, _) => Value::Bool(false),
                    (Way::Out, _, true) => continue,
                    _ => self.schema(&property, depth)?,
                };
            out.insert(name.clone(), converted);
        }
        Ok(Value::Object(out))
    }

    fn required(&mut self, schema: &Found) -> Value {
        let word = if self.way == Way::In { "readOnly" } else { "writeOnly" };
        let properties = schema.get("properties");
        let stays = |name: &Value| {
            let name = name.as_str().unwrap_or_default();
            !self.says(&properties.get(name), word)
        };
        let names = schema.value.get("required").and_then(Value::as_array).cloned().unwrap_or_default();
        Value::Array(names.into_iter().filter(stays).collect())
    }

    /// Whether a property is marked, itself or where its `$ref` leads.
    fn says(&mut self, property: &Found, word: &str) -> bool {
        let marked = |value: &Value| value.get(word) == Some(&Value::Bool(true));
        marked(&property.value)
            || self.contract.resolve(property.clone()).is_ok_and(|meant| marked(&meant.value))
    }

    fn map(&mut self, here: &Found, depth: usize) -> Result<Value, String> {
        let members: Vec<_> = here.members().map(|(name, schema)| (name.clone(), schema)).collect();
        let convert = |(name, schema)| Ok((name, self.schema(&schema, depth)?));
        members.into_iter().map(convert).collect::<Result<_, _>>().map(Value::Object)
    }

    fn list(&mut self, here: &Found, depth: usize) -> Result<Value, String> {
        let elements: Vec<_> = here.elements().collect();
        let all: Result<_, String> = elements.iter().map(|schema| self.schema(schema, depth)).collect();
        all.map(Value::Array)
    }
}

/// OpenAPI's widths of integers, as bounds where none are written. Beyond 2^53 no number passes strict JSON.
fn widths(members: &Map<String, Value>, out: &mut Map<String, Value>) {
    let whole = members.get("type").is_some_and(|kind| kind == "integer");
    if whole && members.get("format").is_some_and(|format| format == "int32") {
        out.entry("minimum").or_insert(i32::MIN.into());
        out.entry("maximum").or_insert(i32::MAX.into());
    }
}

/// In 3.0 `exclusiveMinimum: true` says that `minimum` itself does not fit.
fn bounds(out: &mut Map<String, Value>) {
    for (exclusive, bound) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        match out.get(exclusive) {
            Some(Value::Bool(true)) => {
                match out.remove(bound) {
                    Some(limit) => out.insert(exclusive.into(), limit),
                    None => out.remove(exclusive),
                };
            }
            Some(Value::Bool(false)) => drop(out.remove(exclusive)),
            _ => {}
        }
    }
}

/// `nullable: true` of 3.0.
fn or_null(mut out: Map<String, Value>) -> Value {
    match out.get("type").cloned() {
        Some(Value::String(kind)) => {
            out.insert("type".into(), json!([kind, "null"]));
            if let Some(Value::Array(values)) = out.get_mut("enum")
                && !values.contains(&Value::Null)
            {
                values.push(Value::Null);
            }
            Value::Object(out)
        }
        _ => json!({ "anyOf": [out, { "type": "null" }] }),
    }
}
