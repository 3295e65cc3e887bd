//! # Response: what goes out
//!
//! **Refuses** a 2xx answer with a body (502) where a schema asks and the body is not whole, uncompressed, strict JSON
//! of at most `max_bytes` that passes. What cannot be looked at is refused, never passed on unseen: 206, a content
//! coding, another content type, too many bytes.
//!
//! **Needs** the answer's head, and the whole body where [`Plan::Hold`] says so. Such a route takes
//! [`Response::TAKEN_OFF`] off the request, in every mode.
//!
//! **Does not** hold anything of a route without `response`, nor where it names only a size. 204, 205, 304, answers
//! to HEAD, answers without a body and other statuses pass as they are.
//!
//! Numbers outside I-JSON are refused here too, unless `numbers: any`: an app that reads a 64-bit id as a double acts
//! on another object.

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
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::refusal::Extra;
use crate::refusal::Reason;
use crate::refusal::Refusal;

/// What a route lets out. The default is a route without `response`: everything, unread.
#[derive(Clone, Debug, Default)]
pub struct Response {
    judged: Option<Judged>,
}

/// How the answers of a route are judged.
#[derive(Clone, Debug)]
struct Judged {
    schema: Schema,
    max_bytes: u64,
    budget: Budget,
}

/// What to do with an answer, by its head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plan {
    /// It goes on as it is, unread.
    Pass,
    /// The whole body is held and judged; not one byte leaves before.
    Hold,
}

impl Response {
    /// The request headers that a route which reads answers takes off, so that the upstream sends them whole and
    /// uncompressed.
    pub const TAKEN_OFF: [&'static str; 3] = ["accept-encoding", "range", "if-range"];

    /// Whether answers are read, and [`Self::TAKEN_OFF`] is taken off.
    pub fn reads_body(&self) -> bool {
        self.judged.is_some()
    }

    /// The most bytes that a held body may have; none where nothing is held.
    pub fn max_bytes(&self) -> Option<u64> {
        self.judged.as_ref().map(|judged| judged.max_bytes)
    }

    /// Rule `response`, by the head alone: what to do with the answer. `end_of_stream` is whether the head is all
    /// there is.
    ///
    /// # Errors
    /// `response.content` for what cannot be looked at, `response.too_large` for a declared length over the bound.
    pub fn plan(
        &self,
        head_request: bool,
        status: u16,
        headers: &Headers,
        end_of_stream: bool,
    ) -> Result<Plan, Refusal> {
        let Some(judged) = &self.judged else { return Ok(Plan::Pass) };
        if head_request || !(200..300).contains(&status) || matches!(status, 204 | 205) {
            return Ok(Plan::Pass);
        }
        if status == 206 {
            return Err(Reason::ResponseContent.into());
        }
        if length::nothing_follows(headers, end_of_stream) {
            // A declared 0 is believed when the stream has ended; until then, whatever comes is judged.
            return Ok(if end_of_stream { Plan::Pass } else { Plan::Hold });
        }
        if !is_plain(headers) || !is_json(headers) {
            return Err(Reason::ResponseContent.into());
        }
        match length::declared(headers) {
            Err(length::Unclear) => Err(Reason::ResponseContent.into()),
            Ok(Some(bytes)) if bytes > judged.max_bytes => Err(Reason::ResponseTooLarge.into()),
            Ok(_) => Ok(Plan::Hold),
        }
    }

    /// Rule `response`, with the bytes that have arrived so far.
    ///
    /// # Errors
    /// `response.too_large`.
    pub fn check_size(&self, bytes: u64) -> Result<(), Refusal> {
        match &self.judged {
            Some(judged) if bytes > judged.max_bytes => Err(Reason::ResponseTooLarge.into()),
            _ => Ok(()),
        }
    }

    /// Rule `response`: the whole body. `None` where there turned out to be none.
    ///
    /// # Errors
    /// `response.malformed`.
    pub fn check_json(&self, text: &[u8]) -> Result<Option<Value>, Refusal> {
        match &self.judged {
            Some(judged) if !text.is_empty() => {
                let unfit = |_: Unfit| Refusal::from(Reason::ResponseMalformed);
                strict::read(text, &judged.budget).map(Some).map_err(unfit)
            }
            _ => Ok(None),
        }
    }

    /// Rule `response.schema`.
    ///
    /// # Errors
    /// `response.schema` with places and keywords.
    pub fn check_schema(&self, value: &Value) -> Result<(), Refusal> {
        let Some(judged) = &self.judged else { return Ok(()) };
        let told = |errors| Refusal::new(Reason::ResponseSchema).with(Extra::Errors(errors));
        judged.schema.check(value).map_err(told)
    }
}

fn is_plain(headers: &Headers) -> bool {
    match headers.single("content-encoding") {
        Found::Missing => true,
        Found::Ambiguous => false,
        Found::One(coding) => media::is_identity(coding),
    }
}

fn is_json(headers: &Headers) -> bool {
    let given = headers.single("content-type").one().and_then(MediaType::read);
    given.is_some_and(|given| given.is_json() && given.is_utf8())
}
