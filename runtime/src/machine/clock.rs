//! The scheduler's clock: nanoseconds since the first look at it, plus one.

use crate::core::timers::{NEVER, When};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

static BASE: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the time.
pub(super) fn now() -> When {
    when(Instant::now())
}

/// Returns an instant in the clock's terms.
pub(super) fn when(instant: Instant) -> When {
    let since = instant.saturating_duration_since(*BASE).as_nanos();
    u64::try_from(since).map_or(NEVER - 1, |since| since.min(NEVER - 2) + 1)
}

/// Returns the instant of a deadline; `None`: it never comes.
pub(super) fn instant(when: When) -> Option<Instant> {
    if when == NEVER { None } else { BASE.checked_add(Duration::from_nanos(when - 1)) }
}
