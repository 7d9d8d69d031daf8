//! Contexts and timers, one group for each scenario; the scenarios of Go's own benchmarks. A row has no peer: no other
//! library for threads has contexts with channels.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, and criterion's macros make undocumented functions"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use selvedge::chan::{Timer, after, bounded, select};
use selvedge::context::{Context, background, with_cancel, with_timeout};
use selvedge_benches::contexts::{HOUR, alone, beside, timed, trees, with_timeouts};
use std::hint::black_box;
use std::time::Duration;

fn errors(context: &Context, times: u64) -> Duration {
    timed(times, |_| _ = black_box(black_box(context).err()))
}

/// Receives a value in a select with a time limit.
fn limited_by_a_timer(times: u64) -> Duration {
    let (tx, rx) = bounded(1);
    timed(times, |n| {
        tx.send(n).expect("room");
        select! {
            recv(rx) -> value => assert_eq!(value, Ok(n)),
            recv(after(HOUR)) -> _ => unreachable!("an hour has not passed"),
        }
    })
}

/// Receives a value in a select beside a context with a deadline.
fn limited_by_a_context(times: u64) -> Duration {
    let (context, _cancel) = with_timeout(&background(), HOUR);
    let (tx, rx) = bounded(1);
    timed(times, |n| {
        tx.send(n).expect("room");
        select! {
            recv(rx) -> value => assert_eq!(value, Ok(n)),
            recv(context.done()) -> _ => unreachable!("an hour has not passed"),
        }
    })
}

fn timers(times: u64) -> Duration {
    timed(times, |_| assert!(black_box(Timer::new(HOUR)).stop()))
}

fn contexts(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("context");
    group.throughput(Throughput::Elements(1));
    group
        .sample_size(10)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(1500));
    let mut row = |name: &str, run: &dyn Fn(u64) -> Duration| {
        group.bench_function(name, |bencher| bencher.iter_custom(run));
    };
    row("with cancel", &alone);
    for others in [10, 1_000, 100_000] {
        row(&format!("child beside {others}"), &|times| beside(others, times));
    }
    row("with timeout", &with_timeouts);
    row("tree of 1000", &trees);
    let (plain, _plain) = with_cancel(&background());
    let (limited, _limited) = with_timeout(&background(), HOUR);
    row("err", &|times| errors(&plain, times));
    row("err with a deadline", &|times| errors(&limited, times));
    row("after in a select", &limited_by_a_timer);
    row("context in a select", &limited_by_a_context);
    row("timer made and stopped", &timers);
    group.finish();
}

criterion_group!(benches, contexts);
criterion_main!(benches);
