//! Contexts, made and cancelled, as Go's own benchmarks do it.

use selvedge::context::{Context, background, with_cancel, with_timeout};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A time that does not pass while anything is measured.
pub const HOUR: Duration = Duration::from_secs(3600);

/// Returns how long so many calls take.
pub fn timed(times: u64, f: impl Fn(u64)) -> Duration {
    let started = Instant::now();
    (0..times).for_each(f);
    started.elapsed()
}

/// Makes a context below `above` and cancels it.
pub fn make_and_cancel(above: &Context) {
    let (context, cancel) = with_cancel(above);
    black_box(&context);
    cancel.cancel();
}

/// Makes contexts and cancels them, one after the other.
pub fn alone(times: u64) -> Duration {
    timed(times, |_| make_and_cancel(&background()))
}

/// Makes contexts beside so many others, below one.
pub fn beside(others: usize, times: u64) -> Duration {
    let (above, _cancel) = with_cancel(&background());
    let others: Vec<_> = (0..others).map(|_| with_cancel(&above)).collect();
    let took = timed(times, |_| make_and_cancel(&above));
    drop(others);
    took
}

/// Makes contexts with a deadline and cancels them.
pub fn with_timeouts(times: u64) -> Duration {
    timed(times, |_| {
        let (context, cancel) = with_timeout(&background(), HOUR);
        black_box(&context);
        cancel.cancel();
    })
}

/// Cancels trees of a thousand contexts; the time of a tree counts for one.
pub fn trees(times: u64) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..times {
        let (above, cancel) = with_cancel(&background());
        let below: Vec<_> = (0..1000).map(|_| with_cancel(&above)).collect();
        let started = Instant::now();
        cancel.cancel();
        took += started.elapsed();
        drop(below);
    }
    took
}
