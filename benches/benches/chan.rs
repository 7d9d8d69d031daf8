//! Channels of selvedge, crossbeam-channel, crossfire, flume, kanal and std, one group for each scenario.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, and criterion's macros make undocumented functions"
)]

mod peers;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use peers::{Channel, Crossbeam, Crossfire, CrossfireList, Flume, Kanal, Locked, Selvedge, Std};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// A channel, and the numbers of its producers and consumers.
#[derive(Clone, Copy)]
struct Shape {
    capacity: usize,
    producers: u64,
    consumers: u64,
}

const fn shape(capacity: usize, producers: u64, consumers: u64) -> Shape {
    Shape { capacity, producers, consumers }
}

/// Sends and receives on one thread, which never waits.
fn uncontended<C: Channel>(shape: Shape, messages: u64) -> Duration {
    let (tx, rx) = C::bounded(shape.capacity);
    let started = Instant::now();
    for n in 0..messages {
        C::send(&tx, n);
        black_box(C::recv(&rx));
    }
    started.elapsed()
}

/// Fills a buffer and empties it on one thread, which never waits.
fn fill_and_empty<C: Channel>(shape: Shape, messages: u64) -> Duration {
    let (tx, rx) = C::bounded(shape.capacity);
    let buffer = shape.capacity as u64;
    let started = Instant::now();
    for _ in 0..messages / buffer {
        (0..buffer).for_each(|n| C::send(&tx, n));
        take::<C>(&rx, buffer);
    }
    started.elapsed()
}

/// Transfers values from producers to consumers, which all start at the same moment.
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

/// Passes a value back and forth between two threads by two channels without a buffer.
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

/// Receives from an empty channel without waiting.
fn try_recv_empty<C: Channel>(shape: Shape, attempts: u64) -> Duration {
    let (_tx, rx) = C::bounded(shape.capacity);
    let started = Instant::now();
    for _ in 0..attempts {
        black_box(C::try_recv(&rx));
    }
    started.elapsed()
}

/// Transfers values through a channel without a bound.
fn unbounded<C: Channel>(_: Shape, messages: u64) -> Duration {
    let (tx, rx) = C::unbounded();
    let started = Instant::now();
    thread::scope(|scope| {
        scope.spawn(move || (0..messages).for_each(|n| C::send(&tx, n)));
        take::<C>(&rx, messages);
    });
    started.elapsed()
}

/// Sends to each of some channels in turn from one thread, and selects among them in another.
macro_rules! select_among {
    ($name:ident, $channel:ident, [$($rx:ident),*]) => {
        fn $name(messages: u64) -> Duration {
            let mut senders = Vec::new();
            $(
                let (tx, $rx) = $channel::bounded::<u64>(16);
                senders.push(tx);
            )*
            // A closed channel would be ready, so no channel closes before all values are received.
            let _open = senders.clone();
            let started = Instant::now();
            thread::scope(|scope| {
                scope.spawn(move || {
                    for n in 0..messages {
                        senders[(n % senders.len() as u64) as usize].send(n).expect("the receiver lives");
                    }
                });
                for _ in 0..messages {
                    $channel::select! {
                        $(recv($rx) -> n => { black_box(n.expect("the senders live")); })*
                    }
                }
            });
            started.elapsed()
        }
    };
}

use selvedge::chan as ours;
select_among!(ours_select_2, ours, [a, b]);
select_among!(ours_select_8, ours, [a, b, c, d, e, f, g, h]);
select_among!(crossbeam_select_2, crossbeam_channel, [a, b]);
select_among!(crossbeam_select_8, crossbeam_channel, [a, b, c, d, e, f, g, h]);

fn ours_timers(timers: u64) -> Duration {
    let started = Instant::now();
    (0..timers).for_each(|_| drop(black_box(ours::after(Duration::from_secs(60)))));
    started.elapsed()
}

fn crossbeam_timers(timers: u64) -> Duration {
    let started = Instant::now();
    (0..timers).for_each(|_| drop(black_box(crossbeam_channel::after(Duration::from_secs(60)))));
    started.elapsed()
}

/// Scenarios that only crossbeam-channel has besides selvedge.
macro_rules! pair {
    ($criterion:ident, $name:literal, $burst:literal, $ours:ident, $theirs:ident) => {
        let mut group = $criterion.benchmark_group($name);
        group.throughput(Throughput::Elements($burst));
        group
            .sample_size(10)
            .warm_up_time(Duration::from_millis(300))
            .measurement_time(Duration::from_millis(1500));
        group.bench_function("selvedge", |bencher| bencher.iter_custom(|bursts| $ours(bursts * $burst)));
        group.bench_function("crossbeam-channel", |bencher| {
            bencher.iter_custom(|bursts| $theirs(bursts * $burst))
        });
        group.finish();
    };
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
    let (none, crowd, wide) = (shape(0, 1, 1), shape(128, 2, 2), shape(1024, 1, 1));
    scenario!(
        criterion,
        "uncontended",
        10_000,
        uncontended,
        one,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
    );
    scenario!(
        criterion,
        "one thread 128",
        12_800,
        fill_and_empty,
        many,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
    );
    scenario!(
        criterion,
        "spsc 1",
        1_000,
        transfer,
        one,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
    );
    scenario!(
        criterion,
        "spsc 128",
        10_000,
        transfer,
        many,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
    );
    scenario!(
        criterion,
        "spsc 1024",
        100_000,
        transfer,
        wide,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
    );
    scenario!(criterion, "rendezvous", 1_000, transfer, none, [Selvedge, Crossbeam, Flume, Kanal, Std]);
    scenario!(
        criterion,
        "mpmc 2x2 128",
        10_000,
        transfer,
        crowd,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Locked]
    );
    scenario!(
        criterion,
        "unbounded spsc",
        10_000,
        unbounded,
        many,
        [Selvedge, Crossbeam, CrossfireList, Flume, Kanal]
    );
    scenario!(
        criterion,
        "try_recv empty",
        10_000,
        try_recv_empty,
        many,
        [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std]
    );
    pair!(criterion, "select 2", 10_000, ours_select_2, crossbeam_select_2);
    pair!(criterion, "select 8", 10_000, ours_select_8, crossbeam_select_8);
    pair!(criterion, "timers", 100_000, ours_timers, crossbeam_timers);
    scenario!(criterion, "ping-pong", 500, ping_pong, none, [Selvedge, Crossbeam, Flume, Kanal, Std]);
}

criterion_group!(benches, channels);
criterion_main!(benches);
