//! Limits for operations where guessing pays: logging in, one-time codes, new accounts, forgotten passwords.

use crate::cli::import::names;
use crate::cli::import::operations::Operation;

/// What is suggested, by name: the text of its definition.
pub(super) const SUGGESTED: [(&str, &str); 2] = [
    ("guess-ip", "{ key: [ip], rate: 120/1m, burst: 60 }    # a carrier's address is many people"),
    (
        "guess-fail",
        "{ key: [ip], rate: 5/10m, burst: 5, count: [400, 401, 403, 422] }    # wrong guesses alone count",
    ),
];

/// Words of a path or an operation's id where guessing pays.
const WORDS: [&str; 16] = [
    "login",
    "logon",
    "signin",
    "signup",
    "register",
    "password",
    "otp",
    "verify",
    "verification",
    "mfa",
    "2fa",
    "token",
    "pin",
    "reset",
    "recover",
    "session",
];

/// The limits of an operation that changes something, or tries to, under such a name.
pub(super) fn suggested(operation: &Operation) -> Vec<&'static str> {
    let id = operation.id.as_deref().map(names::slug).unwrap_or_default();
    let last = operation.path.rsplit('/').find(|segment| !segment.starts_with('{')).unwrap_or_default();
    let joined = format!("{id}-{}", names::slug(last));
    let words: Vec<&str> = joined.split(['-', '.']).collect();
    // `sign in` may be one word or two.
    let pairs = words.windows(2).map(<[&str]>::concat);
    let guessed = words.iter().any(|word| WORDS.contains(word))
        || pairs.into_iter().any(|pair| WORDS.contains(&&*pair));
    match operation.method.as_str() {
        "POST" | "PUT" | "PATCH" if guessed => SUGGESTED.iter().map(|(name, _)| *name).collect(),
        _ => Vec::new(),
    }
}
