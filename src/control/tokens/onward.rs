//! What the upstream gets: which tokens go on, and which claims as headers.

use std::io;
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::Formatter;
use serde_json::ser::Serializer;

use crate::control::tokens::definitions::Definitions;
use crate::control::tokens::proof::Subjects;
use crate::model::headers::Found;
use crate::model::headers::Headers;
use crate::model::value::Source;

/// The headers to remove where `tokens` is enforced, none twice: every place of any token, but for those whose token
/// was demanded, is good, and is kept. So a token that failed, or that the route does not know, does not go on.
///
/// `Basic` credentials that no definition reads stay: a client of a token endpoint shows its own secret so (RFC 6749,
/// section 2.3.1). Every other scheme may be a token by another name.
pub fn stripped<'d>(
    definitions: &'d Definitions,
    subjects: &Subjects,
    headers: &Headers,
) -> Vec<&'d Rc<str>> {
    let kept = |header: &str| {
        let mut here = subjects.iter().filter_map(|subject| definitions.get(subject.token()));
        here.any(|definition| definition.keep && *definition.carrier.header == *header)
    };
    let mut names: Vec<&Rc<str>> = Vec::new();
    for definition in definitions.iter() {
        let header = &definition.carrier.header;
        if !names.contains(&header) && !kept(header) && !only_basic(definitions, headers, header) {
            names.push(header);
        }
    }
    names
}

/// Whether the proof of possession goes on: with a token that is kept and bound to its key, for an upstream that looks at
/// it itself. Without the token it proves nothing.
pub fn proof_goes_on(definitions: &Definitions, subjects: &Subjects) -> bool {
    let kept = |token| definitions.get(token).is_some_and(|definition| definition.keep);
    subjects.iter().any(|subject| kept(subject.token()) && subject.binding().key.is_some())
}

fn only_basic(definitions: &Definitions, headers: &Headers, header: &str) -> bool {
    let read_here = definitions.iter().filter(|definition| &*definition.carrier.header == header);
    let no_token = |scheme: &Option<Box<str>>| scheme.as_deref().is_some_and(|scheme| scheme != "basic");
    let basic = |value: &[u8]| value.get(..6).is_some_and(|start| start.eq_ignore_ascii_case(b"basic "));
    // Looking for a second value goes through all of a token: most are told by how they begin.
    let one = || headers.all(header).all(basic) && matches!(headers.single(header), Found::One(_));
    one() && read_here.into_iter().all(|definition| no_token(&definition.carrier.scheme))
}

/// What the claims of the proved callers give to forward.
#[derive(Debug, Default, PartialEq)]
pub struct Forwarded {
    /// Headers to set, in lower case, with their values.
    pub headers: Vec<(Rc<str>, Vec<u8>)>,
    /// How many claims are there and cannot stand in a header.
    pub unsent: usize,
}

/// The headers to set for the callers that are proved, whatever the mode.
pub fn forwarded(definitions: &Definitions, subjects: &Subjects) -> Forwarded {
    let mut out = Forwarded::default();
    for subject in subjects.iter() {
        let Some(definition) = definitions.get(subject.token()) else { continue };
        for forward in &definition.forward {
            let claim = forward.value.sources().iter().find_map(|source| match source {
                Source::Claim(claim) => subject.claims().get(&claim.claim),
                _ => None,
            });
            match claim.map(header_value) {
                None => {}
                Some(Some(value)) => out.headers.push((forward.header.clone(), value.into_bytes())),
                Some(None) => out.unsent = out.unsent.saturating_add(1),
            }
        }
    }
    out
}

/// A claim as a header's value: a string of visible ASCII with inner spaces as it is, everything else as JSON in
/// ASCII. `None` for other strings and for `null`.
fn header_value(claim: &Value) -> Option<String> {
    match claim {
        Value::Null => None,
        Value::String(text) => {
            let visible = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
            let trimmed = !text.is_empty() && !text.starts_with(' ') && !text.ends_with(' ');
            (visible && trimmed).then(|| text.clone())
        }
        Value::Bool(_) | Value::Number(_) => Some(claim.to_string()),
        Value::Array(_) | Value::Object(_) => ascii_json(claim),
    }
}

fn ascii_json(value: &Value) -> Option<String> {
    let mut out = Vec::new();
    value.serialize(&mut Serializer::with_formatter(&mut out, Ascii)).ok()?;
    String::from_utf8(out).ok()
}

/// Compact JSON whose every character is visible ASCII or a space.
struct Ascii;

impl Formatter for Ascii {
    fn write_string_fragment<W: ?Sized + io::Write>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        for character in fragment.chars() {
            match character {
                ' '..='~' => out.write_all(&[u8::try_from(character).unwrap_or(b' ')])?,
                _ => {
                    let mut units = [0; 2];
                    for unit in character.encode_utf16(&mut units) {
                        write!(out, "\\u{unit:04x}")?;
                    }
                }
            }
        }
        Ok(())
    }
}
