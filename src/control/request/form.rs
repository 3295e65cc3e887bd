//! `application/x-www-form-urlencoded`, read so that no other reader sees other fields.
//!
//! **Refuses** a pair without `=`, an empty pair, an escape that is none, bytes that are not UTF-8 once decoded, and
//! raw bytes that are not visible ASCII; a raw `;`, which some take for `&`.

use serde_json::Value;

use crate::control::request::fields::Fields;
use crate::control::request::fields::Shape;
use crate::model::json::Budget;
use crate::model::json::Unfit;

/// Reads a whole body.
pub(crate) fn read(text: &[u8], shape: &Shape, budget: &Budget) -> Result<Value, Unfit> {
    let mut fields = Fields::new(shape, budget);
    for pair in text.split(|byte| *byte == b'&') {
        let at = pair.iter().position(|byte| *byte == b'=').ok_or(Unfit::Malformed)?;
        let (name, value) = pair.split_at_checked(at).ok_or(Unfit::Malformed)?;
        let value = decoded(value.get(1..).unwrap_or_default())?;
        fields.text(decoded(name)?, &value)?;
    }
    Ok(fields.into_value())
}

fn decoded(raw: &[u8]) -> Result<String, Unfit> {
    let mut out = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter();
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || char::from(*bytes.next()?).to_digit(16);
                let (high, low) = digit().zip(digit()).ok_or(Unfit::Malformed)?;
                u8::try_from(high.wrapping_shl(4) | low).map_err(|_| Unfit::Malformed)?
            }
            b';' => return Err(Unfit::Malformed),
            plain if plain.is_ascii_graphic() => *plain,
            _ => return Err(Unfit::Malformed),
        });
    }
    String::from_utf8(out).map_err(|_| Unfit::Malformed)
}
