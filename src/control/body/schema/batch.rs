//! Many schemas compiled together.
//!
//! Where it runs in wasm, the crate makes the validator of the meta-schema anew for each document that it compiles, which
//! takes longer than the document itself: 3 ms for the meta-schema of 2020-12. Here that of each draft is made once while
//! a policy is compiled, and documents are compiled in lots, behind references from a document of draft 4, whose own
//! meta-schema is small. A pattern is compiled once, however many schemas have it.
//!
//! **Does not** say what is wrong: a document that does not compile here is compiled alone, which tells.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Weak;

use jsonschema::Draft;
use jsonschema::Keyword;
use jsonschema::Registry;
use jsonschema::ValidationError;
use jsonschema::ValidationOptions;
use jsonschema::Validator;
use jsonschema::ValidatorMap;
use jsonschema::meta::MetaValidator;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::FORMATS;
use crate::control::body::schema::compile::options;
use crate::control::body::schema::linked::Part;

/// How many documents are compiled together. The crate copies its list of them for each that is added.
const LOT: usize = 40;
/// Words that move what references mean, or what words mean.
const MOVING: [&str; 8] =
    ["$id", "id", "$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveAnchor", "$recursiveRef", "$schema"];

/// What schemas are compiled with.
#[derive(Default)]
pub(super) struct Batch {
    /// The validator of each draft's meta-schema.
    metas: Vec<(Draft, MetaValidator<'static>)>,
    /// Each pattern that some schema still has.
    patterns: HashMap<Box<str>, Weak<Validator>>,
    /// Each format that some schema had: there are few.
    formats: HashMap<Box<str>, Arc<Validator>>,
}

/// What matches the texts of a document: its patterns and its formats, each a schema of its own.
#[derive(Default)]
pub(super) struct Matchers {
    pub(super) patterns: HashMap<Box<str>, Arc<Validator>>,
    pub(super) formats: HashMap<Box<str>, Arc<Validator>>,
}

impl Batch {
    /// What matches the texts of a document; without what does not compile.
    pub(super) fn matchers(&mut self, document: &Value) -> Matchers {
        Matchers { patterns: self.patterns(&[document]), formats: self.formats(&[document]) }
    }

    /// The formats of these documents, those that are not known yet compiled.
    pub(super) fn formats(&mut self, documents: &[&Value]) -> HashMap<Box<str>, Arc<Validator>> {
        let mut names = Vec::new();
        documents.iter().for_each(|document| texts_of(document, "format", &mut names));
        names.sort_unstable();
        names.dedup();
        names.retain(|name| FORMATS.contains(name));
        let (mut all, mut new) = (HashMap::new(), Vec::new());
        for name in names {
            match self.formats.get(name) {
                Some(known) => drop(all.insert(name.into(), known.clone())),
                None => new.push(name),
            }
        }
        let schemas: Vec<Value> = new.iter().map(|name| json!({"format": name})).collect();
        let built = self.build(&schemas.iter().collect::<Vec<_>>());
        for (name, format) in new.into_iter().zip(built) {
            let Some(format) = format.map(Arc::new) else { continue };
            self.formats.insert(name.into(), format.clone());
            all.insert(name.into(), format);
        }
        all
    }

    /// Compiles each document. `None` where it is faulty, or its references cannot be followed among others.
    pub(super) fn build(&mut self, documents: &[&Value]) -> Vec<Option<Validator>> {
        let fit: Vec<bool> =
            documents.iter().map(|it| is_plain(it, Part::Schema, true) && self.is_schema(it)).collect();
        let patterns = Patterns(Arc::new(self.patterns(documents)));
        let options = options().with_keyword("pattern", move |_, value, _| patterns.keyword(value));
        let (mut built, mut fit) = (Vec::with_capacity(documents.len()), fit.iter());
        for lot in documents.chunks(LOT) {
            let named = lot.iter().zip(fit.by_ref()).enumerate();
            let fit: Vec<(String, &Value)> = named
                .filter(|(_, (_, fit))| **fit)
                .map(|(at, (document, _))| (format!("json-schema:///{at}"), *document))
                .collect();
            let of_lot = if fit.is_empty() { None } else { lot_of(&fit, &options) };
            let of_lot = of_lot.as_ref();
            built.extend((0..lot.len()).map(|at| of_lot?.get(&format!("#/{at}")).cloned()));
        }
        built
    }

    /// Lets go of what only compiling needs.
    pub(super) fn rest(&mut self) {
        self.metas.clear();
        self.patterns.retain(|_, kept| kept.strong_count() > 0);
    }

    /// Whether a document is what the meta-schema of its draft says.
    fn is_schema(&mut self, document: &Value) -> bool {
        let draft = Draft::default().detect(document);
        if let Some((_, meta)) = self.metas.iter().find(|(known, _)| *known == draft) {
            return meta.is_valid(document);
        }
        let Ok(meta) = jsonschema::meta::validator_for(document) else { return false };
        let valid = meta.is_valid(document);
        self.metas.push((draft, meta));
        valid
    }

    /// The patterns of these documents, those that are not known yet compiled.
    fn patterns(&mut self, documents: &[&Value]) -> HashMap<Box<str>, Arc<Validator>> {
        let mut texts = Vec::new();
        documents.iter().for_each(|document| texts_of(document, "pattern", &mut texts));
        texts.sort_unstable();
        texts.dedup();
        let mut all = HashMap::new();
        let mut new = Vec::new();
        for text in texts {
            match self.patterns.get(text).and_then(Weak::upgrade) {
                Some(known) => drop(all.insert(text.into(), known)),
                None => new.push(text),
            }
        }
        let entries = new.iter().enumerate().map(|(at, text)| (at.to_string(), json!({"pattern": text})));
        let built = if new.is_empty() {
            None
        } else {
            options().with_draft(Draft::Draft4).build_map(&Value::Object(entries.collect())).ok()
        };
        for (at, text) in new.into_iter().enumerate() {
            let built = built.as_ref().and_then(|built| built.get(&format!("#/{at}")));
            let Some(pattern) = built.cloned().map(Arc::new) else { continue };
            self.patterns.insert(text.into(), Arc::downgrade(&pattern));
            all.insert(text.into(), pattern);
        }
        all
    }
}

/// The validators of these documents, each under the last step of its name.
fn lot_of(documents: &[(String, &Value)], options: &ValidationOptions<'_>) -> Option<ValidatorMap> {
    let registry = documents.iter().try_fold(Registry::new(), |registry, (name, document)| {
        registry.add(name, Draft::default().detect(document).create_resource_ref(document))
    });
    let registry = registry.and_then(|registry| registry.prepare()).ok()?;
    let entry = |name: &str| Some((name.rsplit('/').next()?.to_owned(), json!({"$ref": name})));
    let entries: Map<_, _> = documents.iter().filter_map(|(name, _)| entry(name)).collect();
    let options = options.clone().with_registry(&registry).with_draft(Draft::Draft4);
    options.build_map(&Value::Object(entries)).ok()
}

/// Whether nothing in a schema has a name of its own, so that others beside it cannot have the same.
fn is_plain(value: &Value, part: Part, root: bool) -> bool {
    match value {
        _ if part == Part::Data => true,
        Value::Array(items) => items.iter().all(|item| is_plain(item, part, false)),
        Value::Object(members) => members.iter().all(|(key, child)| match part {
            Part::Schema if MOVING.contains(&key.as_str()) => root && key == "$schema",
            _ => is_plain(child, part.under(key), false),
        }),
        _ => true,
    }
}

/// Every text that stands under a keyword: more than are meant, where it stands in data.
fn texts_of<'d>(document: &'d Value, keyword: &str, out: &mut Vec<&'d str>) {
    match document {
        Value::Array(items) => items.iter().for_each(|item| texts_of(item, keyword, out)),
        Value::Object(members) => {
            for (key, child) in members {
                match child {
                    Value::String(text) if key == keyword => out.push(text),
                    child => texts_of(child, keyword, out),
                }
            }
        }
        _ => {}
    }
}

/// Compiled patterns, by their texts.
struct Patterns(Arc<HashMap<Box<str>, Arc<Validator>>>);

impl Patterns {
    fn keyword<'v>(&self, value: &Value) -> Result<Box<dyn for<'i> Keyword<'i>>, ValidationError<'v>> {
        let known = value.as_str().and_then(|text| self.0.get(text));
        let known = known.ok_or_else(|| ValidationError::custom("no pattern"))?;
        Ok(Box::new(Pattern(known.clone())))
    }
}

/// `pattern`, shared by all schemas that have it.
struct Pattern(Arc<Validator>);

impl<'i> Keyword<'i> for Pattern {
    fn validate(&self, instance: &'i Value) -> Result<(), ValidationError<'i>> {
        self.0.validate(instance)
    }

    fn is_valid(&self, instance: &'i Value) -> bool {
        self.0.is_valid(instance)
    }
}
