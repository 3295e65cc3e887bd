//! The tables of `tests/cases/schemas`: a schema, values, and whether they pass. `tests/cases/README.md` is the format's
//! reference. The Envoy suite reads them by this file too.

use serde::Deserialize;
use serde_json::Value;
use serde_json::json;

/// The name of a group's schema in the policy that is made of it.
pub(crate) const SUBJECT: &str = "subject";

/// A schema, and what it makes of values.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Group {
    /// The claim.
    pub(crate) about: String,
    #[serde(default = "newest")]
    pub(crate) drafts: Vec<Draft>,
    pub(crate) schema: Value,
    /// Others that it refers to by `schemas:`.
    #[serde(default)]
    pub(crate) schemas: serde_json::Map<String, Value>,
    #[serde(default)]
    pub(crate) way: Way,
    /// `any`, or nothing.
    #[serde(default)]
    pub(crate) numbers: Option<String>,
    #[serde(default)]
    pub(crate) rows: Vec<Row>,
    /// Part of what is said of a schema that no policy may have.
    #[serde(default)]
    pub(crate) refused: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
pub(crate) enum Draft {
    #[serde(rename = "4")]
    D4,
    #[serde(rename = "6")]
    D6,
    #[serde(rename = "7")]
    D7,
    #[serde(rename = "2019-09")]
    D2019,
    #[serde(rename = "2020-12")]
    D2020,
    #[serde(rename = "openapi-3.0")]
    OpenApi,
}

/// Whether the value comes in or goes out.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Way {
    #[default]
    Request,
    Answer,
}

/// A value and the verdict.
#[derive(Deserialize)]
#[serde(from = "RawRow")]
pub(crate) struct Row {
    pub(crate) name: String,
    /// The body, byte for byte.
    pub(crate) text: String,
    pub(crate) verdict: Verdict,
    /// The suite's verdict, where it is another, and why.
    pub(crate) other: Option<(bool, String)>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    Valid,
    Invalid,
    /// Not read at all, for this reason.
    Unread(String),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum RawRow {
    Short(String, Value, bool),
    Long(LongRow),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LongRow {
    row: String,
    text: String,
    #[serde(default)]
    valid: bool,
    #[serde(default)]
    refuse: Option<String>,
    #[serde(default)]
    suite: Option<bool>,
    #[serde(default)]
    why: String,
}

impl From<RawRow> for Row {
    fn from(raw: RawRow) -> Self {
        let verdict = |valid| if valid { Verdict::Valid } else { Verdict::Invalid };
        match raw {
            RawRow::Short(name, value, valid) => {
                let exact = value.as_object().filter(|it| it.len() == 1).and_then(|it| it.get("text"));
                let text = exact.and_then(Value::as_str).map_or_else(|| value.to_string(), Into::into);
                Self { name, text, verdict: verdict(valid), other: None }
            }
            RawRow::Long(row) => {
                let verdict = row.refuse.map_or_else(|| verdict(row.valid), Verdict::Unread);
                Self { name: row.row, text: row.text, verdict, other: row.suite.map(|it| (it, row.why)) }
            }
        }
    }
}

fn newest() -> Vec<Draft> {
    vec![Draft::D2020]
}

impl Draft {
    pub(crate) const ALL: [Self; 6] = [Self::D4, Self::D6, Self::D7, Self::D2019, Self::D2020, Self::OpenApi];

    fn uri(self) -> &'static str {
        match self {
            Self::D4 => "http://json-schema.org/draft-04/schema#",
            Self::D6 => "http://json-schema.org/draft-06/schema#",
            Self::D7 => "http://json-schema.org/draft-07/schema#",
            Self::D2019 => "https://json-schema.org/draft/2019-09/schema",
            Self::D2020 => "https://json-schema.org/draft/2020-12/schema",
            Self::OpenApi => "https://spec.openapis.org/oas/3.0/schema/2021-09-28",
        }
    }

    /// The schema as it speaks this draft. One that names a draft itself keeps it.
    pub(crate) fn spoken(self, schema: &Value) -> Value {
        let mut schema = schema.clone();
        if let Some(members) = schema.as_object_mut() {
            members.entry("$schema").or_insert_with(|| json!(self.uri()));
        }
        schema
    }
}

impl Group {
    /// The groups of one file.
    pub(crate) fn read(text: &str) -> Result<Vec<Self>, serde_json::Error> {
        serde_json::from_str(text)
    }

    /// The schemas of a policy, this one by `name`.
    pub(crate) fn schemas(&self, name: &str, draft: Draft) -> serde_json::Map<String, Value> {
        let others = self.schemas.iter().map(|(name, schema)| (name.clone(), draft.spoken(schema)));
        others.chain([(name.to_owned(), draft.spoken(&self.schema))]).collect()
    }

    /// A route on which the schema `name` judges what comes in, or what goes out.
    pub(crate) fn route(&self, name: &str) -> Value {
        let numbers = self.numbers.iter().map(|word| ("numbers".to_owned(), json!(word)));
        let block: serde_json::Map<_, _> = numbers.chain([("schema".to_owned(), json!(name))]).collect();
        let (method, block_name) = match self.way {
            Way::Request => ("POST", "request"),
            Way::Answer => ("GET", "response"),
        };
        json!({ "name": name, "match": { "method": method, "path": format!("/{name}") }, "tokens": "none", block_name: block })
    }
}
