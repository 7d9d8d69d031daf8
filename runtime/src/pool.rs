//! Calls that block, on threads that wait for such calls.

use crate::core::jobs::Jobs;
use std::sync::LazyLock;

static JOBS: LazyLock<Jobs> = LazyLock::new(Jobs::new);

/// Runs `f` on a thread of the pool, and waits for its result.
pub(crate) fn run<T: Send + 'static>(f: impl FnOnce() -> T + Send + 'static) -> T {
    let start =
        |body| std::thread::Builder::new().name("blocking call".to_string()).spawn(body).is_ok();
    JOBS.run(f, start, crate::blocking)
}
