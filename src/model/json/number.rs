//! Whether the numbers of a JSON text are such that every reader keeps them.
//!
//! The parser hands on values, and a value no longer tells how many digits it was written with. So the text is
//! looked over once before it is parsed. What is no number of JSON is none of this module's business: the parser
//! refuses it.

use crate::model::json::budget::Numbers;

/// 2^53-1: the largest integer that a double tells from its neighbours.
const LARGEST: f64 = 9_007_199_254_740_991.0;
/// What a double needs at most to be written so that it reads back the same.
const DIGITS: usize = 17;

/// Whether `numbers` allows every number outside the strings of `text`.
pub(crate) fn fit(text: &[u8], numbers: Numbers) -> bool {
    let mut bytes = text.iter();
    loop {
        let rest = bytes.as_slice();
        match bytes.next() {
            None => return true,
            Some(b'"') => skip_string(&mut bytes),
            Some(b'-' | b'0'..=b'9') => {
                let part = |byte: &u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
                let end = rest.iter().position(|byte| !part(byte)).unwrap_or(rest.len());
                let Some((number, after)) = rest.split_at_checked(end) else { return false };
                if !allowed(number, numbers) {
                    return false;
                }
                bytes = after.iter();
            }
            Some(_) => {}
        }
    }
}

fn skip_string(bytes: &mut std::slice::Iter<'_, u8>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

fn allowed(number: &[u8], numbers: Numbers) -> bool {
    if number.len() <= 15 && number.iter().all(u8::is_ascii_digit) {
        return true;
    }
    let Some(value) = std::str::from_utf8(number).ok().and_then(|text| text.parse::<f64>().ok()) else {
        return true;
    };
    let digits = significant_digits(number);
    match numbers {
        Numbers::Any => value.is_finite(),
        Numbers::Interoperable => value.abs() <= LARGEST && digits <= DIGITS && (value != 0.0 || digits == 0),
    }
}

/// The digits before the exponent without the zeros that stand around them.
fn significant_digits(number: &[u8]) -> usize {
    let mantissa = number.split(|byte| matches!(byte, b'e' | b'E')).next().unwrap_or_default();
    let digits = mantissa.iter().filter(|byte| byte.is_ascii_digit());
    let from_first = digits.skip_while(|byte| **byte == b'0');
    let (mut all, mut zeros_at_end) = (0_usize, 0_usize);
    for digit in from_first {
        all = all.saturating_add(1);
        zeros_at_end = if *digit == b'0' { zeros_at_end.saturating_add(1) } else { 0 };
    }
    all.saturating_sub(zeros_at_end)
}
