//! What a text is held against: its pattern or its format.
//!
//! Most patterns of an API are one run of characters of a class, and most formats `uuid`. A look at the bytes tells whether
//! a text is such a run, without a regular expression's engine and its memory.

use std::sync::Arc;

use jsonschema::Validator;

use crate::control::body::schema::glance::Span;

/// What a text must be.
pub(super) enum Matcher {
    /// A run of characters of one class.
    Run(Run),
    /// 32 hex digits in five groups (RFC 9562, section 4).
    Uuid,
    /// What a schema of its own passes.
    Schema(Arc<Validator>),
}

/// `^[class]{least,most}$`.
#[derive(Debug)]
pub(super) struct Run {
    class: Class,
    /// Whether characters beyond ASCII are in it: so where the class says what is not.
    others: bool,
    count: Span,
}

/// A bit for each ASCII character, those below 64 first.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Class([u64; 2]);

impl Class {
    fn add(&mut self, byte: u8) {
        let [low, high] = &mut self.0;
        *(if byte < 64 { low } else { high }) |= 1 << (byte & 63);
    }

    fn has(self, byte: u8) -> bool {
        let [low, high] = self.0;
        (if byte < 64 { low } else { high }) >> (byte & 63) & 1 == 1
    }

    fn inverted(self) -> Self {
        Self(self.0.map(|bits| !bits))
    }
}

impl Matcher {
    /// A pattern, and the schema that it is.
    pub(super) fn pattern(text: &str, schema: &Arc<Validator>) -> Self {
        Run::read(text).map_or_else(|| Self::Schema(schema.clone()), Self::Run)
    }

    /// A format, and the schema that it is.
    pub(super) fn format(name: &str, schema: &Arc<Validator>) -> Self {
        if name == "uuid" { Self::Uuid } else { Self::Schema(schema.clone()) }
    }
}

impl Run {
    /// Reads a pattern; `None` for one that is anything else, or that could be read in another way.
    pub(super) fn read(pattern: &str) -> Option<Self> {
        let (class, rest) = pattern.strip_prefix("^[")?.split_once(']')?;
        let count = count(rest.strip_suffix('$')?)?;
        let (class, others) = match class.strip_prefix('^') {
            Some(class) => (class, true),
            None => (class, false),
        };
        let class = members(class.as_bytes())?;
        Some(Self { class: if others { class.inverted() } else { class }, others, count })
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        let within = |byte: u8| match byte {
            0..=0x7f => self.class.has(byte),
            _ => self.others,
        };
        text.bytes().all(within) && self.count.has_chars(text)
    }
}

/// The characters that a class has: letters, digits and what means nothing else there, single and from one to another of
/// its kind.
fn members(mut class: &[u8]) -> Option<Class> {
    let mut all = Class::default();
    let mut first = true;
    while let [one, rest @ ..] = class {
        let (last, rest) = match rest {
            [b'-', last, rest @ ..] if alike(*one, *last) => (*last, rest),
            // Elsewhere than at an end it may stand for more.
            _ if *one == b'-' && !first && !rest.is_empty() => return None,
            _ => (*one, rest),
        };
        for byte in *one..=last {
            if !byte.is_ascii_alphanumeric() && !b" !#%'()*+,-./:;<=>?@_`{|}".contains(&byte) {
                return None;
            }
            all.add(byte);
        }
        first = false;
        class = rest;
    }
    (all != Class::default()).then_some(all)
}

/// Whether two characters are both digits, or letters of one case, in order.
fn alike(one: u8, last: u8) -> bool {
    let kinds = [u8::is_ascii_digit, u8::is_ascii_lowercase, u8::is_ascii_uppercase];
    one <= last && kinds.iter().any(|kind| kind(&one) && kind(&last))
}

/// How often: nothing for once, `*`, `+`, `?`, `{3}`, `{3,}`, `{3,20}`.
fn count(quantifier: &str) -> Option<Span> {
    match quantifier {
        "" => return Some(Span(1, 1)),
        "*" => return Some(Span(0, u64::MAX)),
        "+" => return Some(Span(1, u64::MAX)),
        "?" => return Some(Span(0, 1)),
        _ => {}
    }
    let bounds = quantifier.strip_prefix('{')?.strip_suffix('}')?;
    let number = |text: &str| {
        let digits = (1..=9).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().ok()).flatten()
    };
    let (least, most) = match bounds.split_once(',') {
        None => (number(bounds)?, number(bounds)?),
        Some((least, "")) => (number(least)?, u64::MAX),
        Some((least, most)) => (number(least)?, number(most)?),
    };
    (least <= most).then_some(Span(least, most))
}

/// Whether a text is a UUID as text, in either case.
pub(super) fn is_uuid(text: &str) -> bool {
    let fits = |(at, byte): (usize, u8)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    text.len() == 36 && text.bytes().enumerate().all(fits)
}

#[cfg(test)]
mod tests {
    use super::Run;
    use super::is_uuid;

    #[test]
    fn reads_runs_and_leaves_to_others_what_may_mean_more() {
        for pattern in
            ["^[A-Z0-9-]{3,20}$", "^[^<>]*$", "^[-a]+$", "^[a-c_]?$", "^[.:/@ ]{2,}$", "^[a]$", "^[0-9]{4}$"]
        {
            assert!(Run::read(pattern).is_some(), "{pattern}");
        }
        for pattern in [
            "[a]",
            "^[a]",
            "[a]$",
            "^a$",
            "^[]$",
            "^[^]$",
            "^[]a]$",
            "^[a]]$",
            "^[[a]]$",
            "^[a-c-e]$",
            "^[a--b]$",
            "^[a&&b]$",
            "^[a~~b]$",
            "^[c-a]$",
            "^[a-Z]$",
            "^[\\d]$",
            "^[é]$",
            "^[a]{,2}$",
            "^[a]{2,1}$",
            "^[a]{ 2 }$",
            "^[a]+?$",
            "^[a]{2}{2}$",
            "^[a]|[b]$",
            "^[a]\n$",
            "^[[:alpha:]]$",
            "^[a^]$",
            "",
        ] {
            assert!(Run::read(pattern).is_none(), "{pattern}");
        }
    }

    #[test]
    fn tells_runs_and_uuids_by_their_bytes() {
        let run = Run::read("^[^<>]{2,3}$").unwrap();
        for (text, want) in
            [("ab", true), ("äö€", true), ("ä", false), ("abcd", false), ("a<", false), ("\n\n", true)]
        {
            assert_eq!(run.matches(text), want, "{text}");
        }
        let uuid = "6e1f6a1e-55B1-4f0e-9f2b-0d4cf8a1b2c3";
        assert!(is_uuid(uuid));
        for other in [
            uuid.strip_prefix('6').unwrap(),
            &uuid.replace('-', "_"),
            &uuid.replace('c', "g"),
            &format!("{uuid}0"),
            "",
        ] {
            assert!(!is_uuid(other), "{other}");
        }
    }
}
