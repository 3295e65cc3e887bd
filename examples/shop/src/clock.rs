//! The one place where the shop reads the time.

use std::time::SystemTime;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the shop stands outside the gate and has a clock of its own")]
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

/// Seconds since 1970, as the claims `iat`, `exp` and `auth_time` count them; 0 for a clock set before that.
pub(crate) fn unix_now() -> u64 {
    now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}
