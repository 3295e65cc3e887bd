//! Parameters: values of the path, the query and the headers, typed by schema.

mod raw;
pub(crate) mod typed;

use crate::control::request::params::typed::Typed;
use crate::model::headers::Headers;
use crate::model::query::Query;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;
use crate::refusal::SchemaError;

/// How many parameters are told in one answer.
const MAX_ERRORS: usize = 10;

/// What a route demands of its parameters. The default demands nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Params {
    declared: Box<[Param]>,
    /// As the policy says; `None` where it does not.
    unknown_query: Option<Unknown>,
    /// Query parameters that other rules of the route read.
    named: Box<[Box<str>]>,
}

/// One declared parameter.
#[derive(Clone, Debug)]
struct Param {
    place: Place,
    /// As it is called there; a header's in lower case.
    name: Box<str>,
    /// As the policy calls it: `query.limit`.
    notation: Box<str>,
    required: bool,
    typed: Typed,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Place {
    Path,
    Query,
    Header,
}

/// What becomes of a query parameter that is not declared.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Unknown {
    Reject,
    Strip,
    Allow,
}

/// The query that goes on in place of the one that came; empty: none, and no `?`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct QueryEdit(pub Vec<u8>);

impl Params {
    /// Whether any is declared.
    pub(crate) fn judges(&self) -> bool {
        !self.declared.is_empty()
    }

    pub(crate) fn check(
        &self,
        path: &[(&str, &str)],
        query: Option<Query<'_>>,
        headers: &Headers,
    ) -> Result<Option<QueryEdit>, Refusal> {
        let mut errors = Vec::new();
        let asks = |place: Place| self.declared.iter().filter(move |param| param.place == place);
        // Some readers take `;` for `&`, and `x_account` for `x-account`: what they find so is judged by nobody.
        let parted =
            query.is_some_and(|query| query.0.contains(&b';')) && asks(Place::Query).next().is_some();
        if parted || asks(Place::Header).any(|param| headers.has_twin(&param.name)) {
            return Err(Reason::RequestAmbiguous.into());
        }
        for param in &self.declared {
            let values = param.values(path, query, headers);
            if let Err(keyword) = param.judge(&values)? {
                errors.push(SchemaError { pointer: param.notation.to_string(), keyword });
            }
        }
        if !errors.is_empty() {
            errors.truncate(MAX_ERRORS);
            return Err(Refusal::new(Reason::RequestParameter).with(Extra::Errors(errors)));
        }
        match query {
            Some(query) => self.check_unknown(query),
            None => Ok(None),
        }
    }

    fn check_unknown(&self, query: Query<'_>) -> Result<Option<QueryEdit>, Refusal> {
        let unknown = self.unknown();
        if unknown == Unknown::Allow || query.iter().all(|(name, _)| self.declares(&name)) {
            return Ok(None);
        }
        if unknown == Unknown::Reject {
            return Err(Reason::RequestUnknownQuery.into());
        }
        // What stays, stays in the bytes that were judged.
        let kept: Vec<&[u8]> = query
            .0
            .split(|byte| *byte == b'&')
            .filter(|pair| Query(pair).iter().next().is_some_and(|(name, _)| self.declares(&name)))
            .collect();
        Ok(Some(QueryEdit(kept.join(&b'&'))))
    }

    /// Adds query parameters that other rules of the route read.
    pub(crate) fn naming<'n>(self, names: impl Iterator<Item = &'n str>) -> Self {
        Self { named: names.map(Into::into).collect(), ..self }
    }

    /// What becomes of unknown ones: refused where any is named, since the upstream might read another's twin.
    fn unknown(&self) -> Unknown {
        let names_any = !self.named.is_empty() || self.declared.iter().any(|it| it.place == Place::Query);
        self.unknown_query.unwrap_or(if names_any { Unknown::Reject } else { Unknown::Allow })
    }

    fn declares(&self, name: &[u8]) -> bool {
        let declared =
            self.declared.iter().filter(|param| param.place == Place::Query).map(|param| &param.name);
        declared.chain(&self.named).any(|known| *known.as_bytes() == *name)
    }
}

impl Param {
    /// Every value that stands under its name.
    fn values(&self, path: &[(&str, &str)], query: Option<Query<'_>>, headers: &Headers) -> Vec<Vec<u8>> {
        match self.place {
            Place::Path => {
                let here = path.iter().filter(|(name, _)| **name == *self.name);
                here.map(|(_, value)| value.as_bytes().to_vec()).collect()
            }
            Place::Query => {
                let pairs = query.iter().flat_map(|query| query.iter());
                let here = pairs.filter(|(name, _)| **name == *self.name.as_bytes());
                here.map(|(_, value)| value.into_owned()).collect()
            }
            Place::Header => headers.all(&self.name).map(<[u8]>::to_vec).collect(),
        }
    }

    /// The inner error is the keyword that did not hold; the outer one, that it can be read in two ways.
    fn judge(&self, values: &[Vec<u8>]) -> Result<Result<(), String>, Refusal> {
        if values.is_empty() {
            return Ok(if self.required { Err("required".into()) } else { Ok(()) });
        }
        let texts: Result<Vec<&str>, _> = values.iter().map(|value| std::str::from_utf8(value)).collect();
        let Ok(texts) = texts else { return Ok(Err("type".into())) };
        self.typed.judge(&texts, self.place == Place::Header)
    }
}
