//! # Response: what goes out
//!
//! **Refuses** an answer with a body (502) of a status for which the route has a schema (2xx, and those of `statuses`)
//! where the body is not whole, uncompressed, strict JSON of at most `max_bytes` that passes. What cannot be looked at is
//! refused, never passed on unseen: 206, a content coding, another content type, too many bytes.
//!
//! **Takes out** what the schema does not declare, or refuses it, where `undeclared` says so. What is left is what the
//! schema judges.
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

use std::rc::Rc;

use serde_json::Value;

use crate::control::body::budget::Budget;
use crate::control::body::length;
use crate::control::body::media;
use crate::control::body::schema::Declared;
use crate::control::body::schema::Glance;
use crate::control::body::schema::Schema;
use crate::control::body::strict;
use crate::control::body::strict::Unfit;
use crate::model::cut::Cut;
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
    /// By status, the most exact first.
    schemas: Vec<(Statuses, Declaring)>,
    /// Whether somebody else needs what stands in a 2xx: the owner of the objects that it shows.
    owned: bool,
    undeclared: Option<Undeclared>,
    max_bytes: u64,
    budget: Budget,
}

/// A schema, and what it declares where that is asked.
#[derive(Clone, Debug)]
struct Declaring {
    schema: Schema,
    declared: Option<Rc<Declared>>,
}

/// The statuses that a schema is for.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum Statuses {
    /// One status.
    One(u16),
    /// All with this first digit.
    Class(u16),
}

/// What becomes of members that the schema does not declare.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Undeclared {
    /// They are taken out of the answer.
    Remove,
    /// The answer is refused.
    Refuse,
}

/// What to do with an answer, by its head.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Plan {
    /// It goes on as it is, unread.
    Pass,
    /// It has no body, and its head speaks of one that would be judged.
    Bare,
    /// The whole body is held and judged; not one byte leaves before.
    Hold,
}

impl Response {
    /// The request headers that a route which reads answers takes off, so that the upstream sends them whole and
    /// uncompressed.
    pub const TAKEN_OFF: [&'static str; 3] = ["accept-encoding", "range", "if-range"];

    /// What else goes where the answer's owner is asked, so that the upstream answers whether or not the caller knows what
    /// it would say: a 304 or a 412 would tell of another's object.
    pub const CONDITIONS: [&'static str; 4] =
        ["if-match", "if-modified-since", "if-none-match", "if-unmodified-since"];

    /// Whether the route names the owner of what its answers show.
    pub fn is_owned(&self) -> bool {
        self.judged.as_ref().is_some_and(|judged| judged.owned)
    }

    /// Whether any status has a schema.
    pub fn has_schema(&self) -> bool {
        self.judged.as_ref().is_some_and(|judged| !judged.schemas.is_empty())
    }

    /// Whether answers are read, and [`Self::TAKEN_OFF`] is taken off.
    pub fn reads_body(&self) -> bool {
        self.judged.is_some()
    }

    /// The most bytes that a held body may have; none where nothing is held.
    pub fn max_bytes(&self) -> Option<u64> {
        self.judged.as_ref().map(|judged| judged.max_bytes)
    }

    /// What becomes of undeclared members, where the route says.
    pub fn undeclared(&self) -> Option<Undeclared> {
        self.judged.as_ref().and_then(|judged| judged.undeclared)
    }

    /// Whether an answer may go on as another than it came.
    pub fn takes_out(&self) -> bool {
        self.is_owned() || self.undeclared() == Some(Undeclared::Remove)
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
        // What a 304 is about was a 200.
        let about = if status == 304 { 200 } else { status };
        let read = judged.declaring(about).is_some() || judged.owned && (200..300).contains(&about);
        if !read || matches!(status, 204 | 205) {
            return Ok(Plan::Pass);
        }
        if head_request || status == 304 {
            return Ok(Plan::Bare);
        }
        if status == 206 {
            return Err(Reason::ResponseContent.into());
        }
        let declared = length::declared(headers);
        if length::nothing_follows(declared, end_of_stream) {
            // A declared 0 is believed when the stream has ended; until then, whatever comes is judged.
            return Ok(if end_of_stream { Plan::Pass } else { Plan::Hold });
        }
        if !is_plain(headers) || !is_json(headers) {
            return Err(Reason::ResponseContent.into());
        }
        match declared {
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

    /// What a glance at the whole body admits, where nobody asks whose it is: strict JSON that passes the schema of its
    /// status; `trims` without what that does not declare. `None` of all others: they must be read.
    pub fn glance(&self, status: u16, text: &[u8], trims: bool) -> Option<Glance> {
        let judged = self.judged.as_ref().filter(|judged| !judged.owned)?;
        let schema = &judged.declaring(status)?.schema;
        if trims {
            return schema.trims(text, &judged.budget);
        }
        schema.admits(text, &judged.budget).then(Glance::default)
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

    /// Rule `response.undeclared`: what the schema of this status does not declare.
    ///
    /// # Errors
    /// `response.undeclared` where that cannot be told; with `refuse` where there is anything.
    pub fn check_undeclared(&self, status: u16, value: &Value) -> Result<Cut, Refusal> {
        let declared = self.declaring(status).and_then(|declaring| declaring.declared.as_ref());
        let (Some(declared), Some(undeclared)) = (declared, self.undeclared()) else {
            return Ok(Cut::default());
        };
        let cut = declared.undeclared(value).map_err(|_| Refusal::from(Reason::ResponseUndeclared))?;
        match undeclared {
            Undeclared::Refuse if !cut.is_empty() => Err(Reason::ResponseUndeclared.into()),
            _ => Ok(cut),
        }
    }

    /// Rule `response.schema`: what is left of the answer, by the schema of its status.
    ///
    /// # Errors
    /// `response.schema` with places and keywords.
    pub fn check_schema(&self, status: u16, value: &Value) -> Result<(), Refusal> {
        let Some(declaring) = self.declaring(status) else { return Ok(()) };
        let told = |errors| Refusal::new(Reason::ResponseSchema).with(Extra::Errors(errors));
        declaring.schema.check(value).map_err(told)
    }

    fn declaring(&self, status: u16) -> Option<&Declaring> {
        self.judged.as_ref().and_then(|judged| judged.declaring(status))
    }
}

impl Judged {
    fn declaring(&self, status: u16) -> Option<&Declaring> {
        self.schemas.iter().find(|(statuses, _)| statuses.contain(status)).map(|(_, declaring)| declaring)
    }
}

impl Statuses {
    fn contain(self, status: u16) -> bool {
        match self {
            Self::One(one) => status == one,
            Self::Class(first) => status / 100 == first,
        }
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
    headers.single("content-type").one().is_some_and(media::is_json)
}
