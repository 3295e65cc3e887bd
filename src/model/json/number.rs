//! Whether numbers of a JSON text are such that every reader keeps them.
//!
//! A value no longer tells how many digits it was written with, so what is looked at is the text. What is no number of
//! JSON is not refused here: the reader refuses it.

use serde_json::Number;

use crate::model::json::budget::Numbers;
use crate::model::json::scan;

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
                let (number, after) = scan::number(rest);
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

/// How many digits surely fit, wherever the point is: so many make an integer below 2^53 and nothing below 1e-15.
const FEW: usize = 15;

/// The value of a number that is written without an exponent and with few digits: every reader keeps it. `None` for all
/// others, and for what is no number.
pub(crate) fn plain(written: &[u8]) -> Option<Number> {
    let (negative, digits) = match written {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    let leads = matches!(digits, [b'0'] | [b'0', b'.', ..] | [b'1'..=b'9', ..]);
    if !leads || digits.len() > FEW || digits.last() == Some(&b'.') {
        return None;
    }
    let mut sum = 0_u64;
    // Ten to the power of how many digits stand behind the point.
    let mut scale = None;
    for byte in digits {
        match byte {
            b'0'..=b'9' => {
                sum = sum.wrapping_mul(10).wrapping_add(u64::from(byte & 0xf));
                scale = scale.map(|scale: f64| scale * 10.0);
            }
            b'.' if scale.is_none() => scale = Some(1.0),
            _ => return None,
        }
    }
    match scale {
        None if !negative => Some(sum.into()),
        None if sum > 0 => Some(i64::try_from(sum).ok()?.wrapping_neg().into()),
        // Both are whole and below 2^53, so the quotient is the nearest double that there is.
        _ => {
            let value = sum as f64 / scale.unwrap_or(1.0);
            Number::from_f64(if negative { -value } else { value })
        }
    }
}

/// The longest number at the head of a text (RFC 8259, section 6); `None` where it begins like none.
pub(crate) fn head(text: &[u8]) -> Option<&[u8]> {
    let digits = |at: usize| {
        let rest = text.get(at..).unwrap_or_default();
        let end = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        (end > 0).then(|| at.saturating_add(end))
    };
    let whole = usize::from(text.first() == Some(&b'-'));
    let mut at = digits(whole)?;
    if text.get(whole) == Some(&b'0') && at > whole.saturating_add(1) {
        return None;
    }
    if text.get(at) == Some(&b'.') {
        at = digits(at.saturating_add(1))?;
    }
    if let Some(b'e' | b'E') = text.get(at) {
        let sign = matches!(text.get(at.saturating_add(1)), Some(b'+' | b'-'));
        at = digits(at.saturating_add(1).saturating_add(sign.into()))?;
    }
    text.get(..at)
}

/// Whether `numbers` allows one number.
pub(crate) fn allowed(number: &[u8], numbers: Numbers) -> bool {
    if number.len() <= FEW && number.iter().all(u8::is_ascii_digit) {
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
