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
use std::hint::black_box;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);

fn timed(times: u64, f: impl Fn(u64)) -> Duration {
    let started = Instant::now();
    (0..times).for_each(f);
    started.elapsed()
}

/// Makes a context below `parent` and cancels it.
fn make_and_cancel(parent: &Context) {
    let (context, cancel) = with_cancel(parent);
    black_box(&context);
    cancel.cancel();
}

fn with_timeouts(times: u64) -> Duration {
    timed(times, |_| {
        let (context, cancel) = with_timeout(&background(), HOUR);
        black_box(&context);
        cancel.cancel();
    })
}

/// Makes contexts beside so many others.
fn beside(others: usize, times: u64) -> Duration {
    let (parent, _cancel) = with_cancel(&background());
    let others: Vec<_> = (0..others).map(|_| with_cancel(&parent)).collect();
    let took = timed(times, |_| make_and_cancel(&parent));
    drop(others);
    took
}

/// Cancels trees of a thousand contexts; the time of a tree counts for one.
fn trees(times: u64) -> Duration {
    let mut took = Duration::ZERO;
    for _ in 0..times {
        let (parent, cancel) = with_cancel(&background());
        let below: Vec<_> = (0..1000).map(|_| with_cancel(&parent)).collect();
        let started = Instant::now();
        cancel.cancel();
        took += started.elapsed();
        drop(below);
    }
    took
}

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
    row("with cancel", &|times| timed(times, |_| make_and_cancel(&background())));
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
