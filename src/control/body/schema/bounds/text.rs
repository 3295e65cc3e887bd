//! Whether a format or a pattern bounds a text's length.

use jsonschema_regex::to_rust_regex;
use regex_syntax::Parser;
use regex_syntax::hir::Look;

/// Formats that no long text has. Not `date-time`, `time` and `duration`, whose digits have no end.
pub(super) const BOUNDING: [&str; 6] = ["date", "email", "hostname", "ipv4", "ipv6", "uuid"];

pub(super) fn format_bounds(format: &str) -> bool {
    BOUNDING.contains(&format)
}

/// Whether every text that the pattern finds itself in is that pattern's from its first letter to its last, and the
/// pattern's own repetitions have an end.
pub(super) fn pattern_bounds(pattern: &str) -> bool {
    let Ok(pattern) = to_rust_regex(pattern) else { return false };
    let Ok(parsed) = Parser::new().parse(&pattern) else { return false };
    let properties = parsed.properties();
    properties.look_set_prefix().contains(Look::Start)
        && properties.look_set_suffix().contains(Look::End)
        && properties.maximum_len().is_some()
}
