//! The files of an OpenAPI document: read once each, and every `$ref` followed from file to file.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;
use std::path::PathBuf;

use saphyr::LoadableYamlNode;
use saphyr::Scalar;
use saphyr::Yaml;
use serde_json::Map;
use serde_json::Value;

/// How many references lead from one to the next before they count as a circle.
const MAX_HOPS: usize = 32;

/// How deep a document may nest.
const MAX_DEPTH: usize = 200;

/// Every file that was read so far.
#[derive(Default)]
pub(super) struct Contract {
    /// OpenAPI 3.0: what stands beside a `$ref` counts for nothing.
    pub(super) legacy: bool,
    files: BTreeMap<PathBuf, Value>,
}

/// Where a value stands: in which file, at which JSON Pointer (RFC 6901).
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Spot {
    pub(super) file: PathBuf,
    pub(super) pointer: String,
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) at: Spot,
    pub(super) value: Value,
}

impl Spot {
    /// A member of what stands here.
    pub(super) fn child(&self, name: &str) -> Self {
        let name = name.replace('~', "~0").replace('/', "~1");
        Self { file: self.file.clone(), pointer: format!("{}/{name}", self.pointer) }
    }

    /// The last step of the pointer, as it is written in the document.
    pub(super) fn last(&self) -> String {
        let last = self.pointer.rsplit('/').next().unwrap_or_default();
        last.replace("~1", "/").replace("~0", "~")
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}#{}", self.file.display(), self.pointer)
    }
}

impl Found {
    /// A member of a map; `Null` where there is none.
    pub(super) fn get(&self, name: &str) -> Self {
        Self { at: self.at.child(name), value: self.value.get(name).cloned().unwrap_or_default() }
    }

    /// The members of a map, in the order of their names.
    pub(super) fn members(&self) -> impl Iterator<Item = (&String, Self)> {
        let members = self.value.as_object().into_iter().flatten();
        members.map(|(name, value)| (name, Self { at: self.at.child(name), value: value.clone() }))
    }

    /// The elements of a list.
    pub(super) fn elements(&self) -> impl Iterator<Item = Self> {
        let elements = self.value.as_array().into_iter().flatten().enumerate();
        elements.map(|(index, value)| Self { at: self.at.child(&index.to_string()), value: value.clone() })
    }

    /// A member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.value.get(name)?.as_str()
    }

    pub(super) fn is_there(&self) -> bool {
        !self.value.is_null()
    }
}

impl Contract {
    /// The whole document of a file.
    pub(super) fn open(&mut self, path: &Path) -> Result<Found, String> {
        let at = Spot { file: path.to_owned(), pointer: String::new() };
        self.at(&at)
    }

    /// What stands at a place; the file is read where that has not happened yet.
    pub(super) fn at(&mut self, at: &Spot) -> Result<Found, String> {
        let document = match self.files.entry(at.file.clone()) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(read(&at.file)?),
        };
        let value = document.pointer(&at.pointer).cloned();
        value.map(|value| Found { at: at.clone(), value }).ok_or_else(|| format!("there is nothing at {at}"))
    }

    /// Follows `$ref` to what is meant. What has none is meant itself.
    pub(super) fn resolve(&mut self, mut found: Found) -> Result<Found, String> {
        for _ in 0..MAX_HOPS {
            let Some(reference) = found.text("$ref") else { return Ok(found) };
            found = self.at(&target(&found.at, reference)?)?;
        }
        Err(format!("{}: the references go round in a circle", found.at))
    }
}

/// The place that a `$ref` written at `from` names.
pub(super) fn target(from: &Spot, reference: &str) -> Result<Spot, String> {
    let (file, pointer) = reference.split_once('#').unwrap_or((reference, ""));
    if file.contains("://") {
        return Err(format!(
            "{from}: `{reference}` is a remote reference: nothing is fetched; save it as a file"
        ));
    }
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8();
    let pointer = pointer.map_err(|_| format!("{from}: `{reference}` is not UTF-8"))?;
    if !pointer.is_empty() && !pointer.starts_with('/') {
        return Err(format!(
            "{from}: `{reference}` names an anchor; write a pointer such as #/components/schemas/Name"
        ));
    }
    let file = match file {
        "" => from.file.clone(),
        file => from.file.parent().unwrap_or(Path::new("")).join(file),
    };
    Ok(Spot { file, pointer: pointer.into_owned() })
}

fn read(path: &Path) -> Result<Value, String> {
    let text = fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
    let documents = Yaml::load_from_str(&text)
        .map_err(|error| format!("{}:{}: {}", path.display(), error.marker().line(), error.info()))?;
    match documents.as_slice() {
        [one] => json(one, MAX_DEPTH).map_err(|why| format!("`{}`: {why}", path.display())),
        _ => Err(format!("`{}` must hold one document", path.display())),
    }
}

/// YAML as JSON: what an OpenAPI document may hold of it. A key that is a number (`200`) is its text.
fn json(yaml: &Yaml<'_>, depth: usize) -> Result<Value, String> {
    let depth = depth.checked_sub(1).ok_or("it nests too deep")?;
    Ok(match yaml {
        Yaml::Value(scalar) => value(scalar)?,
        Yaml::Sequence(items) => {
            Value::Array(items.iter().map(|item| json(item, depth)).collect::<Result<_, _>>()?)
        }
        Yaml::Mapping(entries) => {
            let mut out = Map::new();
            for (key, entry) in entries {
                let key = match key {
                    Yaml::Value(Scalar::String(text)) => text.to_string(),
                    Yaml::Value(Scalar::Integer(number)) => number.to_string(),
                    Yaml::Value(Scalar::Boolean(it)) => it.to_string(),
                    _ => return Err("a key is neither text nor a whole number".into()),
                };
                out.insert(key, json(entry, depth)?);
            }
            Value::Object(out)
        }
        Yaml::Tagged(_, inner) => json(inner, depth)?,
        _ => return Err("something in it is no value".into()),
    })
}

fn value(scalar: &Scalar<'_>) -> Result<Value, String> {
    Ok(match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(it) => (*it).into(),
        Scalar::Integer(it) => (*it).into(),
        Scalar::FloatingPoint(it) => {
            let number = serde_json::Number::from_f64(it.into_inner());
            Value::Number(number.ok_or("a number in it is not finite")?)
        }
        Scalar::String(text) => text.to_string().into(),
    })
}
