//! Channels: ours, crossbeam-channel's, flume's, kanal's and std's, one group for each scenario.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, and criterion's macros make undocumented functions"
)]

mod peers;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use peers::{Channel, Crossbeam, Flume, Kanal, Locked, Selvedge, Std};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// A channel and who uses it.
#[derive(Clone, Copy)]
struct Shape {
    capacity: usize,
    producers: u64,
    consumers: u64,
}

const fn shape(capacity: usize, producers: u64, consumers: u64) -> Shape {
    Shape { capacity, producers, consumers }
}

/// Sends and receives on one thread: nobody waits.
fn uncontended<C: Channel>(shape: Shape, messages: u64) -> Duration {
    let (tx, rx) = C::bounded(shape.capacity);
    let started = Instant::now();
    for n in 0..messages {
        C::send(&tx, n);
        black_box(C::recv(&rx));
    }
    started.elapsed()
}

/// Producers send and consumers receive, all from the same moment on.
fn transfer<C: Channel>(Shape { capacity, producers, consumers }: Shape, messages: u64) -> Duration {
    let (tx, rx) = C::bounded(capacity);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..producers {
            let tx = tx.clone();
            scope.spawn(move || (0..messages / producers).for_each(|n| C::send(&tx, n)));
        }
        for _ in 1..consumers {
            let rx = C::another(&rx);
            scope.spawn(move || take::<C>(&rx, messages / consumers));
        }
        take::<C>(&rx, messages / consumers);
    });
    started.elapsed()
}

fn take<C: Channel>(rx: &C::Rx, messages: u64) {
    for _ in 0..messages {
        black_box(C::recv(rx));
    }
}

/// Two threads, and two channels without a buffer between them.
fn ping_pong<C: Channel>(Shape { capacity, .. }: Shape, rounds: u64) -> Duration {
    let ((ping_tx, ping_rx), (pong_tx, pong_rx)) = (C::bounded(capacity), C::bounded(capacity));
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || (0..rounds).for_each(|_| C::send(&pong_tx, C::recv(&ping_rx))));
        for n in 0..rounds {
            C::send(&ping_tx, n);
            black_box(C::recv(&pong_rx));
        }
    });
    started.elapsed()
}

/// A scenario: its name, how many messages a burst has, and how one channel runs a burst.
macro_rules! scenario {
    ($criterion:ident, $name:literal, $burst:literal, $run:ident, $shape:expr, [$($peer:ident),*]) => {
        let mut group = $criterion.benchmark_group($name);
        group.throughput(Throughput::Elements($burst));
        group.sample_size(10).warm_up_time(Duration::from_millis(300)).measurement_time(Duration::from_millis(1500));
        $(
            group.bench_function($peer::NAME, |bencher| {
                bencher.iter_custom(|bursts| $run::<$peer>($shape, bursts * $burst));
            });
        )*
        group.finish();
    };
}

fn channels(criterion: &mut Criterion) {
    let (one, many) = (shape(1, 1, 1), shape(128, 1, 1));
    let (none, crowd) = (shape(0, 1, 1), shape(128, 2, 2));
    scenario!(
        criterion,
        "uncontended",
        10_000,
        uncontended,
        one,
        [Selvedge, Crossbeam, Flume, Kanal, Std, Locked]
    );
    scenario!(criterion, "spsc 1", 1_000, transfer, one, [Selvedge, Crossbeam, Flume, Kanal, Std, Locked]);
    scenario!(
        criterion,
        "spsc 128",
        10_000,
        transfer,
        many,
        [Selvedge, Crossbeam, Flume, Kanal, Std, Locked]
    );
    scenario!(criterion, "rendezvous", 1_000, transfer, none, [Selvedge, Crossbeam, Flume, Kanal, Std]);
    scenario!(
        criterion,
        "mpmc 2x2 128",
        10_000,
        transfer,
        crowd,
        [Selvedge, Crossbeam, Flume, Kanal, Locked]
    );
    scenario!(criterion, "ping-pong", 500, ping_pong, none, [Selvedge, Crossbeam, Flume, Kanal, Std]);
}

criterion_group!(benches, channels);
criterion_main!(benches);
