//! `multipart/form-data` (RFC 7578), read so that no other reader finds other parts.
//!
//! A part without a file's name that is plain text is a field like a form's. Every other part is a file, of which
//! `{ "type": ..., "bytes": ... }` is told; what is in it is nobody's concern here.
//!
//! **Refuses** text in front of the first boundary and behind the last, a boundary that only some readers take for one
//! (after a bare LF, or with something behind it), headers that a part has no use for, two names, names by `*` or with
//! a backslash, a file's name that is a path, encodings of a part.

use serde_json::Value;
use serde_json::json;

use crate::control::body::media;
use crate::control::body::media::MediaType;
use crate::control::request::fields::Fields;
use crate::control::request::fields::Shape;
use crate::model::json::Budget;
use crate::model::json::Unfit;

/// The most bytes that the headers of one part may have.
const MAX_HEAD: usize = 1 << 10;

/// Reads a whole body.
pub(crate) fn read(text: &[u8], boundary: &str, shape: &Shape, budget: &Budget) -> Result<Value, Unfit> {
    let mut fields = Fields::new(shape, budget);
    let line = [b"--", boundary.as_bytes()].concat();
    let mut rest = text.strip_prefix(&*line).ok_or(Unfit::Malformed)?;
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return match end {
                b"" | b"\r\n" => Ok(fields.into_value()),
                _ => Err(Unfit::Malformed),
            };
        }
        let (part, after) =
            rest.strip_prefix(b"\r\n").and_then(|from| next_line(from, &line)).ok_or(Unfit::Malformed)?;
        read_part(part, &mut fields)?;
        rest = after;
    }
}

/// The bytes up to the next boundary, which stands after CRLF, and those behind it. `None` where there is none, or where
/// one after a bare LF comes first.
fn next_line<'t>(text: &'t [u8], line: &[u8]) -> Option<(&'t [u8], &'t [u8])> {
    let mut from = 0_usize;
    loop {
        // No boundary holds a LF, so that each byte is looked at twice at most.
        let feed = text.get(from..)?.iter().position(|byte| *byte == b'\n')?.checked_add(from)?;
        from = feed.checked_add(1)?;
        if let Some(after) = text.get(from..)?.strip_prefix(line) {
            return text.get(..feed)?.strip_suffix(b"\r").map(|part| (part, after));
        }
    }
}

/// What the headers of a part say.
#[derive(Default)]
struct Head {
    name: Option<String>,
    file: bool,
    media: Option<MediaType>,
}

fn read_part(part: &[u8], fields: &mut Fields<'_>) -> Result<(), Unfit> {
    let window = part.get(..part.len().min(MAX_HEAD)).unwrap_or_default();
    let end = window.windows(4).position(|four| four == b"\r\n\r\n").ok_or(Unfit::Malformed)?;
    let (head, body) = part.split_at_checked(end).ok_or(Unfit::Malformed)?;
    let body = body.get(4..).unwrap_or_default();
    let head = std::str::from_utf8(head)
        .ok()
        .and_then(|head| read_head(head, body.len()))
        .ok_or(Unfit::Malformed)?;
    let name = head.name.ok_or(Unfit::Malformed)?;
    let plain = head.media.as_ref().is_none_or(|it| it.essence() == "text/plain" && it.is_utf8());
    match std::str::from_utf8(body) {
        Ok(text) if plain && !head.file => fields.text(name, text),
        Err(_) if plain && !head.file => Err(Unfit::Malformed),
        _ => {
            let media = head.media.as_ref().map_or("application/octet-stream", MediaType::essence);
            fields.value(name, json!({ "type": media, "bytes": body.len() }))
        }
    }
}

fn read_head(text: &str, length: usize) -> Option<Head> {
    let mut head = Head::default();
    for line in text.split("\r\n") {
        let (name, value) = line.split_once(':')?;
        let value = value.trim_matches([' ', '\t']);
        if value.contains(|it: char| it.is_control() || it == '\\') {
            return None;
        }
        match name.to_ascii_lowercase().as_str() {
            "content-disposition" if head.name.is_none() => {
                let rest = value.get(.."form-data".len()).filter(|it| it.eq_ignore_ascii_case("form-data"));
                for (name, value) in
                    media::parameters(value.get(rest?.len()..)?.trim_start_matches([' ', '\t']))?
                {
                    match name.as_str() {
                        "name" => head.name = Some(value),
                        "filename" if !value.contains('/') && !matches!(value.as_str(), "." | "..") => {
                            head.file = true;
                        }
                        _ => return None,
                    }
                }
                head.name.as_ref()?;
            }
            "content-type" if head.media.is_none() => head.media = Some(MediaType::read(value.as_bytes())?),
            // Some clients say what is so anyway.
            "content-length" if value.parse() == Ok(length) => {}
            "content-transfer-encoding"
                if matches!(&*value.to_ascii_lowercase(), "binary" | "8bit" | "7bit") => {}
            _ => return None,
        }
    }
    Some(head)
}
