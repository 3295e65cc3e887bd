//! The fields of the language: README's tables against the readers, and against the schema for editors.

use std::collections::BTreeSet;
use std::path::Path;

use portcullis::fault::Problems;
use serde_json::Value;

use crate::policy;
use crate::readme;

const SCHEMA: &str = include_str!("../../schemas/policy.schema.json");

/// Fields that `check` and `bundle` replace by what they name, so that no policy has them any more.
const OF_THE_COMMAND_LINE: [&str; 2] = ["include", "schemas.NAME.file"];

/// A row of the tables of fields.
struct Field {
    path: String,
    required: bool,
    /// Known by name, and refused.
    later: bool,
}

fn fields() -> Vec<Field> {
    let read = |row: Vec<String>| {
        let [path, _, default, meaning] = row.try_into().unwrap();
        Field { path, required: default.starts_with("required"), later: meaning.contains("**Not yet.**") }
    };
    readme::table("fields").into_iter().map(read).collect()
}

/// The policy that has every field, as one document.
fn every_field() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies/every-field.yaml");
    portcullis::cli::read(&path, &Problems::default()).unwrap().to_json()
}

/// What the filter says of a policy.
fn said(policy: &Value) -> String {
    policy::of_json(policy).problems
}

/// Every map that holds the last field of `path`, as JSON Pointers: `NAME` is any key, `[]` any element.
fn holders(policy: &Value, path: &str) -> (Vec<String>, String) {
    let steps: Vec<&str> = path.split('.').collect();
    let (field, steps) = steps.split_last().unwrap();
    let mut found = vec![String::new()];
    for step in steps {
        let (name, list) = step.strip_suffix("[]").map_or((*step, false), |name| (name, true));
        found = found.iter().flat_map(|at| children(policy, at, name)).collect();
        if list {
            found = found.iter().flat_map(|at| elements(policy, at)).collect();
        }
    }
    found.retain(|at| policy.pointer(at).is_some_and(Value::is_object));
    (found, (*field).to_owned())
}

fn children(policy: &Value, at: &str, name: &str) -> Vec<String> {
    let Some(Value::Object(map)) = policy.pointer(at) else { return Vec::new() };
    let keys = map.keys().filter(|key| name == "NAME" || *key == name);
    keys.map(|key| format!("{at}/{}", key.replace('~', "~0").replace('/', "~1"))).collect()
}

/// The elements of a list; of a list of routes those of its groups too.
fn elements(policy: &Value, at: &str) -> Vec<String> {
    let Some(Value::Array(items)) = policy.pointer(at) else { return Vec::new() };
    let mut found = Vec::new();
    for index in 0..items.len() {
        let element = format!("{at}/{index}");
        if at.ends_with("/routes") {
            found.extend(elements(policy, &format!("{element}/routes")));
        }
        found.push(element);
    }
    found
}

#[test]
fn every_field_is_listed_once() {
    let mut seen = BTreeSet::new();
    for field in fields() {
        assert!(seen.insert(field.path.clone()), "`{}` is listed twice", field.path);
    }
    assert!(seen.len() > 120, "{} fields", seen.len());
}

#[test]
fn the_filter_takes_every_field_that_is_there_already() {
    let policy = every_field();
    assert_eq!(said(&policy), "");
    for field in fields().iter().filter(|field| !field.later) {
        if OF_THE_COMMAND_LINE.contains(&&*field.path) {
            continue;
        }
        let (holders, name) = holders(&policy, &field.path);
        let taken = holders.iter().any(|at| policy.pointer(at).is_some_and(|map| map.get(&name).is_some()));
        assert!(taken, "`{}` is in README, and not in tests/policies/every-field.yaml", field.path);
    }
}

#[test]
fn the_filter_knows_what_is_not_there_yet_and_refuses_it() {
    for field in fields().iter().filter(|field| field.later) {
        let mut policy = every_field();
        // A rule stands in the place of a mode: the list is what is refused.
        let path =
            field.path.split("[].").next().filter(|it| it.starts_with("modes.")).unwrap_or(&field.path);
        let (holders, name) = holders(&policy, path);
        let at = holders.first().unwrap_or_else(|| panic!("nothing holds `{}`", field.path)).clone();
        let name = if name == "NAME" { "client".to_owned() } else { name };
        policy.pointer_mut(&at).unwrap()[&name] = Value::Array(Vec::new());
        let said = said(&policy);
        assert!(said.contains("not supported yet"), "`{}`: {said}", field.path);
    }
}

#[test]
fn the_filter_refuses_a_policy_without_what_is_required() {
    for field in fields().iter().filter(|field| field.required) {
        let policy = every_field();
        let (holders, name) = holders(&policy, &field.path);
        for at in holders {
            let mut policy = policy.clone();
            let map = policy.pointer_mut(&at).and_then(Value::as_object_mut).unwrap();
            if map.remove(&name).is_none() {
                continue;
            }
            // What the route does not say, `defaults` would say for it.
            if let Some(defaults) = policy.get_mut("defaults").and_then(Value::as_object_mut) {
                defaults.remove(&name);
            }
            let said = said(&policy);
            assert!(said.contains(&format!("`{name}`")), "without `{}` at {at}: {said}", field.path);
        }
    }
}

#[test]
fn files_are_the_command_line_s_and_the_filter_says_so() {
    for (field, value) in [("include", r#"["a.yaml"]"#), ("schemas", r#"{ "thing": { "file": "a.json" } }"#)]
    {
        let mut policy = every_field();
        policy[field] = serde_json::from_str(value).unwrap();
        assert!(said(&policy).contains("run `portcullis bundle`"), "{field}");
    }
}

/// Where README lists the fields of a definition of the schema that stands in several places.
const HOMES: [(&str, &str); 15] = [
    ("token", "tokens.NAME"),
    ("limit", "limits.NAME"),
    ("limitNames", "routes[].limits"),
    ("schema", "schemas.NAME"),
    ("ownClaim", "tokens.NAME.claims[]"),
    ("callerClaim", "tokens.NAME.claims[]"),
    ("route", "routes[]"),
    ("group", "routes[]"),
    ("tokens", "routes[].tokens"),
    ("tokenChoice", "routes[].tokens[]"),
    ("access", "routes[].access"),
    ("owner", "routes[].access.owner"),
    ("shownOwner", "routes[].response.owner"),
    ("request", "routes[].request"),
    ("response", "routes[].response"),
];

/// Every path of a field that a schema describes.
struct Walk<'s> {
    definitions: &'s Value,
    /// Definitions that were described, with their homes.
    seen: BTreeSet<(String, String)>,
    paths: BTreeSet<String>,
}

impl Walk<'_> {
    fn schema(&mut self, schema: &Value, at: &str) {
        let Value::Object(members) = schema else { return };
        if let Some(name) =
            members.get("$ref").and_then(Value::as_str).and_then(|it| it.strip_prefix("#/$defs/"))
        {
            let home = HOMES.iter().find(|(known, _)| *known == name).map_or(at, |(_, home)| *home);
            if self.seen.insert((name.into(), home.into())) {
                let definition = &self.definitions[name];
                self.schema(definition, home);
            }
        }
        for (key, member) in members {
            match (key.as_str(), member) {
                ("properties", Value::Object(named)) => {
                    for (name, inner) in named {
                        let path = if at.is_empty() { name.clone() } else { format!("{at}.{name}") };
                        self.paths.insert(path.clone());
                        self.schema(inner, &path);
                    }
                }
                ("additionalProperties", inner) => self.schema(inner, &format!("{at}.NAME")),
                ("items", inner) => self.schema(inner, &format!("{at}[]")),
                ("anyOf" | "allOf" | "oneOf", Value::Array(choices)) => {
                    choices.iter().for_each(|choice| self.schema(choice, at));
                }
                ("if" | "then" | "else", inner) => self.schema(inner, at),
                _ => {}
            }
        }
    }
}

#[test]
fn readme_and_the_schema_for_editors_list_the_same_fields() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut walk = Walk { definitions: &schema["$defs"], seen: BTreeSet::new(), paths: BTreeSet::new() };
    walk.schema(&schema, "");
    // `modes` stands at several levels.
    let same = |path: &str| match path.split_once(".modes.") {
        Some((_, rest)) => format!("modes.{rest}"),
        None => path.to_owned(),
    };
    let described: BTreeSet<String> = walk.paths.iter().map(|path| same(path)).collect();
    let fields = fields();
    let listed: BTreeSet<String> = fields.iter().map(|field| field.path.clone()).collect();
    // What is not there yet is listed as a whole.
    let later: Vec<&str> = fields.iter().filter(|field| field.later).map(|field| &*field.path).collect();
    let inside = |path: &&String| {
        !later.iter().any(|field| {
            path.strip_prefix(*field).is_some_and(|rest| rest.starts_with('.') || rest.starts_with('['))
        })
    };
    let described: BTreeSet<String> = described.iter().filter(inside).cloned().collect();
    let only = |a: &BTreeSet<String>, b: &BTreeSet<String>| a.difference(b).cloned().collect::<Vec<_>>();
    assert_eq!(only(&described, &listed), Vec::<String>::new(), "in the schema, and not in README");
    assert_eq!(only(&listed, &described), Vec::<String>::new(), "in README, and not in the schema");
}
