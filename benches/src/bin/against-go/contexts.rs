//! Contexts and function timers, on a goroutine.

use selvedge::chan::after_func;
use selvedge_benches::contexts::{HOUR, alone, beside, timed, trees, with_timeouts};
use selvedge_go::{Builder, Migration};
use std::time::{Duration, Instant};

/// Returns the nanoseconds of a scenario; `None`: no scenario has this name.
pub(crate) fn run(scenario: &str, times: u64, migration: Migration) -> Option<u64> {
    let measured: fn(u64) -> Duration = match scenario {
        "context-cancel" => alone,
        "context-child" => |times| beside(0, times),
        "context-timeout" => with_timeouts,
        "context-tree-1000" => trees,
        "func-timer-stop" => |times| timed(times, |_| assert!(after_func(HOUR, || ()).stop())),
        "func-timer-reset" => |times| {
            let timer = after_func(HOUR, || ());
            let took = timed(times, |_| assert!(timer.reset(HOUR)));
            timer.stop();
            took
        },
        "func-timer-many" => many_timers,
        _ => return None,
    };
    Some(crate::nanoseconds(Builder::new().procs(2).migration(migration).run(|| measured(times))))
}

/// Arms timers beside each other, and stops them.
fn many_timers(times: u64) -> Duration {
    let started = Instant::now();
    let timers: Vec<_> = (0..times).map(|_| after_func(HOUR, || ())).collect();
    assert!(timers.iter().all(selvedge::chan::FuncTimer::stop));
    started.elapsed()
}
