//! From a schema's document to what it declares.

use std::collections::HashMap;

use jsonschema::Draft;
use jsonschema::Registry;
use jsonschema::Validator;
use percent_encoding::AsciiSet;
use percent_encoding::CONTROLS;
use percent_encoding::utf8_percent_encode;
use serde_json::Map;
use serde_json::Value;
use serde_json::json;

use crate::control::body::schema::compile::options;
use crate::control::body::schema::declared::Choice;
use crate::control::body::schema::declared::Condition;
use crate::control::body::schema::declared::Declared;
use crate::control::body::schema::declared::Part;
use crate::control::body::schema::declared::relax;
use crate::control::body::schema::outline::target;

/// What a fragment of a URI must not hold as it is (RFC 3986, section 3.5).
const FRAGMENT: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'<')
    .add(b'>')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// The names under which a branch's validator finds the rest of its schema.
const OPEN: &str = "urn:portcullis:open";
const WHOLE: &str = "urn:portcullis:whole";

/// What of a schema cannot be followed, and where.
pub(crate) struct Unfollowed {
    /// A JSON Pointer into the document.
    pub(crate) pointer: String,
    pub(crate) why: Box<str>,
}

impl Declared {
    /// Reads what a schema declares that was compiled already.
    ///
    /// # Errors
    /// [`Unfollowed`], by whatever is met first.
    pub(crate) fn compile(document: &Value) -> Result<Self, Unfollowed> {
        let unfit = |why: &str| Unfollowed { pointer: String::new(), why: why.into() };
        let open = relax::relaxed(document);
        let closes = open != *document;
        let registry = Registry::new().add(OPEN, without_id(open)).and_then(|registry| {
            if closes { registry.add(WHOLE, without_id(document.clone())) } else { Ok(registry) }
        });
        let draft = Draft::default().detect(document);
        let registry = registry
            .and_then(|registry| registry.draft(draft).prepare())
            .map_err(|error| unfit(&format!("what it declares cannot be read: {error}")))?;
        let ref_stands_alone = matches!(draft, Draft::Draft4 | Draft::Draft6 | Draft::Draft7);
        let mut reader = Reader {
            document,
            asked: Vec::new(),
            closes,
            ref_stands_alone,
            known: HashMap::new(),
            open: Vec::new(),
        };
        reader.part(document, String::new());
        let mut parts = Vec::new();
        // Parts are numbered as they are met, and read in that order.
        let mut next = 0;
        while let Some((schema, pointer)) = reader.open.get(next).cloned() {
            next = next.saturating_add(1);
            parts.push(reader.read(schema, &pointer)?);
        }
        hide(&mut parts);
        let together: Vec<_> = (0..parts.len()).map(|index| together(&parts, index)).collect();
        parts.iter_mut().zip(together).for_each(|(part, together)| part.together = together);
        let conditional = parts.iter().any(is_conditional);
        let asked = questions(&reader.asked, document.get("$schema"), &registry)?;
        Ok(Self { parts, asked, conditional })
    }
}

/// Compiles what is asked, all together: see the module `batch`. What does not compile so is compiled alone, which tells.
fn questions(
    asked: &[(Value, String)],
    dialect: Option<&Value>,
    registry: &Registry<'_>,
) -> Result<Vec<Validator>, Unfollowed> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let options = options().with_registry(registry);
    let entries = asked.iter().enumerate().map(|(at, (schema, _))| (at.to_string(), schema.clone()));
    let all = Value::Object(entries.collect());
    let built = options.clone().with_draft(Draft::Draft4).build_map(&all).ok();
    let one = |(at, (schema, place)): (usize, &(Value, String))| {
        if let Some(built) = built.as_ref().and_then(|built| built.get(&format!("#/{at}"))) {
            return Ok(built.clone());
        }
        let mut schema = schema.clone();
        if let (Some(dialect), Value::Object(keywords)) = (dialect, &mut schema) {
            keywords.insert("$schema".into(), dialect.clone());
        }
        let why = "what it declares cannot be read";
        let unfollowed = |error| Unfollowed { pointer: place.clone(), why: format!("{why}: {error}").into() };
        options.build(&schema).map_err(unfollowed)
    };
    asked.iter().enumerate().map(one).collect()
}

/// Here a pointer alone leads anywhere.
fn without_id(mut document: Value) -> Value {
    if let Value::Object(keywords) = &mut document {
        keywords.remove("$id");
        keywords.remove("id");
    }
    document
}

/// Whether anything applies with it on a condition only.
fn is_conditional(part: &Part) -> bool {
    !part.fitting.is_empty() || part.choice.is_some() || !part.dependent.is_empty()
}

/// How many parts that always apply together are noted as such; more are gone through anew at each value.
const MAX_TOGETHER: usize = 32;

/// A part and all that always applies with it, each once; `None` where any of them is conditional, and where they are many.
fn together(parts: &[Part], index: usize) -> Option<Box<[usize]>> {
    let (mut open, mut met) = (vec![index], Vec::new());
    while let Some(index) = open.pop() {
        if met.contains(&index) {
            continue;
        }
        if met.len() == MAX_TOGETHER {
            return None;
        }
        met.push(index);
        open.extend_from_slice(&parts.get(index).filter(|part| !is_conditional(part))?.always);
    }
    Some(met.into())
}

/// What leads to a part that is hidden is hidden.
fn hide(parts: &mut [Part]) {
    for _ in 0..parts.len() {
        let hidden: Vec<bool> = parts.iter().map(|part| part.hidden).collect();
        let leads = |index: &usize| hidden.get(*index).copied().unwrap_or(false);
        let mut more = false;
        for part in parts.iter_mut().filter(|part| !part.hidden) {
            part.hidden = part.always.iter().any(leads);
            more |= part.hidden;
        }
        if !more {
            return;
        }
    }
}

struct Reader<'d> {
    document: &'d Value,
    /// What is to be asked, and where it stands.
    asked: Vec<(Value, String)>,
    /// Whether anything in the schema closes an object.
    closes: bool,
    ref_stands_alone: bool,
    /// Numbers by the place in memory: a schema that several references lead to is one part.
    known: HashMap<*const Value, usize>,
    open: Vec<(&'d Value, String)>,
}

impl<'d> Reader<'d> {
    /// The number of the part that `schema` is.
    fn part(&mut self, schema: &'d Value, pointer: String) -> usize {
        let next = self.open.len();
        let number = *self.known.entry(std::ptr::from_ref(schema)).or_insert(next);
        if number == next {
            self.open.push((schema, pointer));
        }
        number
    }

    fn read(&mut self, schema: &'d Value, pointer: &str) -> Result<Part, Unfollowed> {
        let mut part = Part::default();
        let keywords = match schema {
            Value::Object(keywords) => keywords,
            boolean => {
                part.hidden = *boolean == Value::Bool(false);
                return Ok(part);
            }
        };
        let unfit = |keyword: &str, why: &str| Unfollowed {
            pointer: format!("{pointer}/{keyword}"),
            why: format!("with `undeclared`, {why}").into(),
        };
        if let Some(keyword) =
            ["$dynamicRef", "$recursiveRef"].into_iter().find(|it| keywords.contains_key(*it))
        {
            return Err(unfit(keyword, "only `$ref` is followed"));
        }
        if let Some(keyword) =
            ["$id", "id"].into_iter().find(|it| matches!(keywords.get(*it), Some(Value::String(_))))
            && !pointer.is_empty()
        {
            return Err(unfit(keyword, "no schema within a schema has a name of its own"));
        }
        if let Some(Value::String(to)) = keywords.get("$ref") {
            let Some(target) = target(self.document, to) else {
                return Err(unfit("$ref", "a reference is `#` and a JSON Pointer"));
            };
            let place = percent_encoding::percent_decode_str(to.trim_start_matches('#')).decode_utf8_lossy();
            part.always.push(self.part(target, place.into_owned()));
            if self.ref_stands_alone {
                return Ok(part);
            }
        }
        part.hidden = keywords.get("writeOnly") == Some(&Value::Bool(true));
        self.read_members(&mut part, keywords, pointer);
        self.read_elements(&mut part, keywords, pointer);
        self.read_applied(&mut part, keywords, pointer);
        Ok(part)
    }

    fn read_members(&mut self, part: &mut Part, keywords: &'d Map<String, Value>, pointer: &str) {
        for (name, number) in self.named(keywords, "properties", pointer) {
            part.properties.insert(name.as_str().into(), number);
        }
        for (pattern, number) in self.named(keywords, "patternProperties", pointer) {
            let place = format!("{pointer}/patternProperties");
            part.patterns.push((self.ask(json!({"pattern": pattern}), &place), number));
        }
        if let Some(schema) = keywords.get("additionalProperties") {
            let number = self.part(schema, format!("{pointer}/additionalProperties"));
            part.additional = Some((number, speaks(schema)));
        }
        if let Some(schema) = keywords.get("unevaluatedProperties").filter(|schema| speaks(schema)) {
            part.unevaluated = Some(self.part(schema, format!("{pointer}/unevaluatedProperties")));
        }
    }

    fn read_elements(&mut self, part: &mut Part, keywords: &'d Map<String, Value>, pointer: &str) {
        let mut rest = None;
        for keyword in ["prefixItems", "items"] {
            match keywords.get(keyword) {
                Some(Value::Array(items)) => {
                    for (index, item) in items.iter().enumerate() {
                        part.prefix.push(self.part(item, format!("{pointer}/{keyword}/{index}")));
                    }
                    rest = Some("additionalItems").filter(|_| keyword == "items");
                }
                Some(item) => part.items = Some(self.part(item, format!("{pointer}/{keyword}"))),
                None => {}
            }
        }
        for keyword in rest.into_iter().chain(["unevaluatedItems"]) {
            if let (Some(item), None) = (keywords.get(keyword), part.items) {
                part.items = Some(self.part(item, format!("{pointer}/{keyword}")));
            }
        }
    }

    fn read_applied(&mut self, part: &mut Part, keywords: &'d Map<String, Value>, pointer: &str) {
        for keyword in ["allOf", "anyOf", "oneOf"] {
            for (index, schema) in
                keywords.get(keyword).and_then(Value::as_array).into_iter().flatten().enumerate()
            {
                let place = format!("{pointer}/{keyword}/{index}");
                let number = self.part(schema, place.clone());
                if keyword == "allOf" {
                    part.always.push(number);
                } else {
                    part.fitting.push((self.condition(&place), number));
                }
            }
        }
        if let Some(schema) = keywords.get("if") {
            let place = format!("{pointer}/if");
            let mut arm = |keyword: &str| {
                let schema = keywords.get(keyword);
                schema.map(|schema| self.part(schema, format!("{pointer}/{keyword}")))
            };
            let (then, fails) = (arm("then"), arm("else"));
            let fits = [self.part(schema, place.clone())].into_iter().chain(then).collect();
            let condition = self.condition(&place);
            part.choice = Some(Choice { condition, fits, fails: fails.into_iter().collect() });
        }
        for keyword in ["dependentSchemas", "dependencies"] {
            for (name, number) in self.named(keywords, keyword, pointer) {
                part.dependent.push((name.as_str().into(), number));
            }
        }
    }

    /// The schemas that a keyword holds by names.
    fn named(
        &mut self,
        keywords: &'d Map<String, Value>,
        keyword: &str,
        pointer: &str,
    ) -> Vec<(&'d String, usize)> {
        let named = keywords.get(keyword).and_then(Value::as_object).into_iter().flatten();
        // A list under `dependencies` names members and is no schema.
        let schemas = named.filter(|(_, schema)| !schema.is_array());
        schemas
            .map(|(name, schema)| {
                let step = name.replace('~', "~0").replace('/', "~1");
                (name, self.part(schema, format!("{pointer}/{keyword}/{step}")))
            })
            .collect()
    }

    /// Whether the schema at `place` fits.
    fn condition(&mut self, place: &str) -> Condition {
        let fragment = utf8_percent_encode(place, FRAGMENT);
        let reference = |uri: &str| json!({"$ref": format!("{uri}#{fragment}")});
        let whole = self.closes.then(|| self.ask(reference(WHOLE), place));
        Condition { open: self.ask(reference(OPEN), place), whole }
    }

    /// The place of a question among those that are asked.
    fn ask(&mut self, schema: Value, place: &str) -> usize {
        self.asked.push((schema, place.to_owned()));
        self.asked.len().saturating_sub(1)
    }
}

/// Whether a schema says anything of a member.
fn speaks(schema: &Value) -> bool {
    schema.as_object().is_some_and(|keywords| !keywords.is_empty())
}
