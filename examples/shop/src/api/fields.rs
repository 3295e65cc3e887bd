//! Sparse fieldsets: an app that asks for `?fields=id,name` is shown these and no more.
//!
//! Left open on purpose: without `fields` an answer has everything, and every field may be asked for.

use serde::Serialize;
use serde_json::Value;
use serde_json::json;

use super::body;

/// The fields that a call asks for; all where it names none.
pub(super) struct Fields(Option<Vec<String>>);

impl Fields {
    pub(super) fn asked(query: Option<&str>) -> Self {
        Self(body::query(query, "fields").map(|names| names.split(',').map(Into::into).collect()))
    }

    /// The object with these fields. A name that it does not have is passed over.
    pub(super) fn of(&self, object: &impl Serialize) -> Value {
        let mut shown = json!(object);
        if let (Some(names), Value::Object(members)) = (&self.0, &mut shown) {
            members.retain(|name, _| names.contains(name));
        }
        shown
    }
}
