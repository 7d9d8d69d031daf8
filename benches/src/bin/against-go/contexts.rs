//! Contexts and function timers, on a goroutine.

use selvedge::chan::after_func;
use selvedge::context::{Context, background, with_cancel, with_timeout};
use selvedge_go::{Builder, Migration};
use std::hint::black_box;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

/// Returns the nanoseconds of a scenario; `None`: no scenario has this name.
pub(crate) fn run(scenario: &str, times: u64, migration: Migration) -> Option<u64> {
    let measured: fn(u64) -> Duration = match scenario {
        "context-cancel" => |times| timed(times, || make_and_cancel(&background())),
        "context-child" => |times| {
            let (above, _cancel) = with_cancel(&background());
            timed(times, || make_and_cancel(&above))
        },
        "context-timeout" => |times| {
            timed(times, || {
                let (context, cancel) = with_timeout(&background(), HOUR);
                black_box(&context);
                cancel.cancel();
            })
        },
        "context-tree-1000" => trees,
        "func-timer-stop" => |times| timed(times, || assert!(after_func(HOUR, || ()).stop())),
        "func-timer-reset" => |times| {
            let timer = after_func(HOUR, || ());
            let took = timed(times, || assert!(timer.reset(HOUR)));
            timer.stop();
            took
        },
        "func-timer-many" => many_timers,
        _ => return None,
    };
    Some(crate::nanoseconds(Builder::new().procs(2).migration(migration).run(|| measured(times))))
}

fn timed(times: u64, f: impl Fn()) -> Duration {
    let started = Instant::now();
    (0..times).for_each(|_| f());
    started.elapsed()
}

fn make_and_cancel(above: &Context) {
    let (context, cancel) = with_cancel(above);
    black_box(&context);
    cancel.cancel();
}

/// Cancels trees of a thousand contexts; the time of a tree counts for one.
fn trees(times: u64) -> Duration {
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

/// Arms timers beside each other, and stops them.
fn many_timers(times: u64) -> Duration {
    let started = Instant::now();
    let timers: Vec<_> = (0..times).map(|_| after_func(HOUR, || ())).collect();
    assert!(timers.iter().all(selvedge::chan::FuncTimer::stop));
    started.elapsed()
}
