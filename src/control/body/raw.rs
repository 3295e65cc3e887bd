//! The fields that `request` and `response` share in a policy.

use crate::control::body::budget::Numbers;
use crate::document::Fields;
use crate::document::cut;
use crate::fault::Fault;
use crate::fault::Problems;
use crate::model::quantity::Size;

/// The most that a body may have where all of it is held: memory that a worker once took, it keeps.
const MAX_HELD: u64 = 16 << 20;

/// `numbers`: nothing or `any`.
pub(crate) fn numbers(fields: &Fields<'_>, problems: &Problems) -> Option<Numbers> {
    match fields.optional("numbers") {
        Some(node) => node.word(&[("any", Numbers::Any)], problems),
        None => Some(Numbers::default()),
    }
}

/// `max_bytes`: never 0, and bounded where the body is held.
pub(crate) fn max_bytes(fields: &Fields<'_>, default: u64, held: bool, problems: &Problems) -> Option<u64> {
    let Some(node) = fields.optional("max_bytes") else { return Some(default) };
    let Size(bytes) = node.parse(problems)?;
    let expected = match bytes {
        0 => "at least 1B; where no body is taken, leave out what asks for one",
        _ if held && bytes > MAX_HELD => {
            "at most 16MiB where a schema or a `body:` value needs the whole body"
        }
        _ => return Some(bytes),
    };
    let found = cut(node.text(problems)?);
    problems.note(&node.place, Fault::OutOfRange { found, expected: expected.into() });
    None
}

/// `max_string`: the longest string of a body that is read.
pub(crate) fn max_string(fields: &Fields<'_>, default: u64, problems: &Problems) -> Option<u64> {
    let Some(node) = fields.optional("max_string") else { return Some(default) };
    let Size(bytes) = node.parse(problems)?;
    if (1..=MAX_HELD).contains(&bytes) {
        return Some(bytes);
    }
    let found = cut(node.text(problems)?);
    let expected =
        "at least 1B and at most 16MiB, which is the most that a body may have that is read".into();
    problems.note(&node.place, Fault::OutOfRange { found, expected });
    None
}
