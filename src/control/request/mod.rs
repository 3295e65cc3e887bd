//! # Request: what comes in
//!
//! **Refuses** parameters that are not as declared, given twice, or unknown (400); a body where none is taken, or
//! none where one is (400); another content type or any content coding (415); more bytes than the route takes (413);
//! what is not strict JSON, or a form or multipart body with more than one reading (400); what does not pass its
//! schema (422).
//!
//! **Needs** the head for the first half, the whole body for the second, and the number of bytes as they arrive for
//! a body that is not held.
//!
//! **Does not** hold a body that nobody needs to look into, by a schema or a `body:` value: that is counted and
//! streams on. What a body is follows from the route,
//! never from the client's header, which must agree. Transfer codings are the host's.
//!
//! Each check is one rule of the policy's `modes`; the engine asks those that are not disabled.

mod content;
mod fields;
mod form;
mod multipart;
mod params;
mod raw;
#[cfg(test)]
mod tests;

use serde_json::Value;

use crate::control::body::budget::Budget;
use crate::control::body::length;
use crate::control::body::media;
use crate::control::body::media::MediaType;
use crate::control::body::schema::Schema;
use crate::control::body::strict;
use crate::control::body::strict::Unfit;
use crate::control::request::content::Content;
use crate::control::request::fields::Shape;
use crate::control::request::params::Params;
pub use crate::control::request::params::QueryEdit;
pub use crate::control::request::raw::Readers;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::query::Query;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// The media type of `content: form`.
const FORM: &str = "application/x-www-form-urlencoded";
/// That of `content: multipart` (RFC 7578).
const MULTIPART: &str = "multipart/form-data";

/// What a route lets in. The default is a route without `request`: no body, any query.
#[derive(Clone, Debug, Default)]
pub struct Request {
    params: Params,
    body: Option<Body>,
}

/// The body that a route takes.
#[derive(Clone, Debug)]
struct Body {
    content: Content,
    max_bytes: u64,
    budget: Budget,
    schema: Option<Schema>,
    /// What the fields of a form are; without any for all that is no form.
    shape: Shape,
    /// Whether another rule of the route needs a value of it.
    read: bool,
}

impl Request {
    /// Whether the whole body must be held: a schema judges it, or another rule of the route needs a value of it.
    pub fn needs_body(&self) -> bool {
        self.body.as_ref().is_some_and(Body::is_held)
    }

    /// Whether a schema judges the body.
    pub fn has_schema(&self) -> bool {
        self.schema().is_some()
    }

    /// Adds query parameters that other rules of the route read, so that they are known here.
    #[must_use]
    pub fn naming<'n>(self, names: impl Iterator<Item = &'n str>) -> Self {
        Self { params: self.params.naming(names), ..self }
    }

    /// Whether any parameter is declared.
    pub fn judges_params(&self) -> bool {
        self.params.judges()
    }

    /// Whether a body streams on, its bytes counted.
    pub fn counts_body(&self) -> bool {
        self.body.is_some() && !self.needs_body()
    }

    /// Whether the route takes no body.
    pub fn takes_none(&self) -> bool {
        self.body.is_none()
    }

    /// The most bytes that a body may have; 0 where none is taken.
    pub fn max_bytes(&self) -> u64 {
        self.body.as_ref().map_or(0, |body| body.max_bytes)
    }

    fn schema(&self) -> Option<&Schema> {
        self.body.as_ref()?.schema.as_ref()
    }

    /// Rule `request.params`: path parameters (name and decoded value), query and headers. Passes on what must change
    /// in the query, for `unknown_query: strip`.
    ///
    /// # Errors
    /// `request.ambiguous` for a parameter given twice that is no list; `request.unknown_query`; `request.parameter`
    /// with the notation of each, at most 10.
    pub fn check_params(
        &self,
        path: &[(&str, &str)],
        query: Option<Query<'_>>,
        headers: &Headers,
    ) -> Result<Option<QueryEdit>, Refusal> {
        self.params.check(path, query, headers)
    }

    /// Rule `request`, by the head alone: whether there is a body, its type and its coding. `end_of_stream` is
    /// whether the head is all there is.
    ///
    /// # Errors
    /// `request.ambiguous` for a content type, coding or length that can be read in two ways;
    /// `request.body_unexpected`, `request.body_missing`, `request.content_type`, `request.content_encoding`.
    pub fn check_form(&self, headers: &Headers, end_of_stream: bool) -> Result<(), Refusal> {
        let declared = length::declared(headers);
        declared.map_err(|length::Unclear| Reason::RequestAmbiguous)?;
        let nothing = length::nothing_follows(declared, end_of_stream);
        match &self.body {
            None if nothing => Ok(()),
            None => Err(Reason::RequestBodyUnexpected.into()),
            // What is held is told missing by rule `request.json`, once all of it is there.
            Some(body) if nothing && body.content.is_read() && !body.is_held() => {
                Err(Reason::RequestBodyMissing.into())
            }
            Some(_) if nothing && end_of_stream => Ok(()),
            Some(body) => {
                body.content.check_type(headers)?;
                check_coding(headers)
            }
        }
    }

    /// Rule `request.size`, by the head alone.
    ///
    /// # Errors
    /// `request.too_large` where the declared length is more than the route takes. A length that is unclear is
    /// [`Self::check_form`]'s to refuse, and its bytes are counted.
    pub fn check_declared_size(&self, headers: &Headers) -> Result<(), Refusal> {
        match (&self.body, length::declared(headers)) {
            (Some(body), Ok(Some(bytes))) if bytes > body.max_bytes => Err(Reason::RequestTooLarge.into()),
            _ => Ok(()),
        }
    }

    /// Rule `request.size`, with the bytes that have arrived so far.
    ///
    /// # Errors
    /// `request.too_large`; `request.body_unexpected` for any byte where no body is taken: a head may declare 0 and
    /// bytes follow all the same.
    pub fn check_size(&self, bytes: u64) -> Result<(), Refusal> {
        match &self.body {
            None if bytes > 0 => Err(Reason::RequestBodyUnexpected.into()),
            Some(body) if bytes > body.max_bytes => Err(Reason::RequestTooLarge.into()),
            _ => Ok(()),
        }
    }

    /// Whether a glance at the whole body admits it: it is strict JSON that passes its schema, and no other rule needs a
    /// value of it. Of all others it says nothing: they must be read.
    pub fn admits(&self, text: &[u8]) -> bool {
        let Some(body) = self.body.as_ref().filter(|body| !body.read && !body.content.has_fields()) else {
            return false;
        };
        body.schema.as_ref().is_some_and(|schema| schema.admits(text, &body.budget))
    }

    /// Rule `request.json`: the whole body of a route that holds it, as the value that its schema judges: JSON as it is,
    /// a form or multipart body as an object of its fields.
    ///
    /// # Errors
    /// `request.body_missing` for no bytes; `request.malformed`, `request.duplicate_name`, `request.number`,
    /// `request.structure`.
    pub fn check_json(&self, headers: &Headers, text: &[u8]) -> Result<Value, Refusal> {
        let Some(body) = &self.body else { return Err(Reason::RequestBodyUnexpected.into()) };
        if text.is_empty() {
            return Err(Reason::RequestBodyMissing.into());
        }
        let read = match &body.content {
            Content::Form => form::read(text, &body.shape, &body.budget),
            Content::Multipart => {
                let given = headers.single("content-type").one().and_then(MediaType::read);
                let boundary = given.as_ref().and_then(MediaType::boundary).ok_or(Unfit::Malformed);
                boundary.and_then(|boundary| multipart::read(text, boundary, &body.shape, &body.budget))
            }
            Content::Json | Content::Types(_) | Content::Any => strict::read(text, &body.budget),
        };
        read.map_err(|unfit| {
            Refusal::from(match unfit {
                Unfit::Malformed => Reason::RequestMalformed,
                Unfit::DuplicateName => Reason::RequestDuplicateName,
                Unfit::Number => Reason::RequestNumber,
                Unfit::Structure => Reason::RequestStructure,
            })
        })
    }

    /// Rule `request.schema`.
    ///
    /// # Errors
    /// `request.schema` with places and keywords.
    pub fn check_schema(&self, value: &Value) -> Result<(), Refusal> {
        let Some(schema) = self.schema() else { return Ok(()) };
        schema.check(value).map_err(|errors| Refusal::new(Reason::RequestSchema).with(Extra::Errors(errors)))
    }
}

impl Body {
    fn is_held(&self) -> bool {
        self.schema.is_some() || self.read
    }
}

fn check_coding(headers: &Headers) -> Result<(), Refusal> {
    match headers.single("content-encoding") {
        Found::Missing => Ok(()),
        Found::Ambiguous => Err(Reason::RequestAmbiguous.into()),
        Found::One(coding) if media::is_identity(coding) => Ok(()),
        Found::One(_) => Err(Reason::RequestEncoding.into()),
    }
}

impl Content {
    fn check_type(&self, headers: &Headers) -> Result<(), Refusal> {
        let value = match headers.single("content-type") {
            Found::Ambiguous => return Err(Reason::RequestAmbiguous.into()),
            Found::Missing => None,
            Found::One(value) => Some(value),
        };
        let given = || value.and_then(MediaType::read);
        let fits = match self {
            Self::Any => true,
            Self::Json => value.is_some_and(media::is_json),
            Self::Form => given().is_some_and(|given| given.essence() == FORM && given.is_utf8()),
            Self::Multipart => {
                given().is_some_and(|given| given.essence() == MULTIPART && given.boundary().is_some())
            }
            Self::Types(types) => given().is_some_and(|given| {
                types.iter().any(|known| **known == *given.essence()) && (!given.is_json() || given.is_utf8())
            }),
        };
        if fits { Ok(()) } else { Err(Reason::RequestContentType.into()) }
    }
}
