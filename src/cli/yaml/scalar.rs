//! What a plain scalar means: YAML 1.2's core schema where all readers agree, and a refusal where they do not.
//!
//! A policy passes through other readers (Envoy's, kubectl's, a template engine's) that follow YAML 1.1: `010` is 8
//! there and 10 here, `12:30` is 750 there and a string here. Such a scalar is refused with what to write instead.
//! Words that YAML 1.1 takes for booleans (`off`, `no`, `y`) are read as the strings that they look like: the bundle
//! hands them on quoted.

use serde_json::Number;

use crate::document::Kind;

/// What a plain scalar is here, or why it is refused.
pub(super) fn plain(text: &str) -> Result<Kind, String> {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Ok(Kind::Null),
        "true" | "True" | "TRUE" => return Ok(Kind::Bool(true)),
        "false" | "False" | "FALSE" => return Ok(Kind::Bool(false)),
        _ => {}
    }
    if let Some(number) = json_number(text) {
        return Ok(Kind::Number(number));
    }
    if is_number_somewhere(text) {
        return Err(format!(
            "YAML readers disagree on the plain `{text}`; quote it if it is a string, \
             and write a number plainly, such as 10 or 0.5"
        ));
    }
    Ok(Kind::Text(text.into()))
}

/// A number in JSON's own form, which every reader takes for the same one.
fn json_number(text: &str) -> Option<Number> {
    let number: Number = serde_json::from_str(text).ok()?;
    // Beyond 64 bits some readers round and some make a string of it.
    let whole = !text.contains(['.', 'e', 'E']);
    (!whole || number.is_u64() || number.is_i64()).then_some(number)
}

/// Whether some YAML reader, of 1.1 or of 1.2, takes this for a number.
fn is_number_somewhere(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if unsigned.starts_with('_') {
        return false;
    }
    let body = unsigned.replace('_', "").to_ascii_lowercase();
    matches!(body.as_str(), ".inf" | ".nan") || is_radix(&body) || is_sexagesimal(&body) || is_decimal(&body)
}

/// `0x1f`, `0o10`, `0b11`.
fn is_radix(text: &str) -> bool {
    [("0x", 16), ("0o", 8), ("0b", 2)].iter().any(|(prefix, radix)| {
        text.strip_prefix(prefix)
            .is_some_and(|digits| !digits.is_empty() && digits.chars().all(|c| c.is_digit(*radix)))
    })
}

/// `12:30`, `1:30:00.5`: base 60, each part behind the first of one or two digits.
fn is_sexagesimal(text: &str) -> bool {
    let whole =
        text.split_once('.').map_or(text, |(whole, fraction)| if all_digits(fraction) { whole } else { "" });
    let mut parts = whole.split(':');
    let first = parts.next().is_some_and(|first| !first.is_empty() && all_digits(first));
    let rest: Vec<&str> = parts.collect();
    first && !rest.is_empty() && rest.iter().all(|part| matches!(part.len(), 1 | 2) && all_digits(part))
}

/// `010`, `5.`, `.5`, `1.5e3`: digits with a point or an exponent, in any form.
fn is_decimal(text: &str) -> bool {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let digits = !(whole.is_empty() && fraction.is_empty()) && all_digits(whole) && all_digits(fraction);
    digits && !exponent.is_empty() && all_digits(exponent)
}

fn all_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}
