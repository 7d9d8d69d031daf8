//! Rows of channels between threads.

use crate::peers::{Crossbeam, Crossfire, CrossfireList, Flume, Kanal, Locked, Selvedge, Std, Threads};
use crate::race::{Contestant, Row, row};
use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

/// Sends and receives on one thread, which never waits.
fn uncontended<C: Threads>(capacity: usize, messages: u64) -> Duration {
    let (tx, rx) = C::bounded(capacity);
    let started = Instant::now();
    for n in 0..messages {
        C::send(&tx, n);
        black_box(C::recv(&rx));
    }
    started.elapsed()
}

/// Fills a buffer and empties it on one thread, which never waits.
fn fill_and_empty<C: Threads>(capacity: usize, messages: u64) -> Duration {
    let (tx, rx) = C::bounded(capacity);
    let buffer = capacity as u64;
    let started = Instant::now();
    for _ in 0..messages / buffer {
        (0..buffer).for_each(|n| C::send(&tx, n));
        take::<C>(&rx, buffer);
    }
    started.elapsed()
}

/// Transfers values from producers to as many consumers, which all start at the same moment.
fn transfer<C: Threads>((capacity, sides): (usize, u64), messages: u64) -> Duration {
    let (tx, rx) = C::bounded(capacity);
    let started = Instant::now();
    thread::scope(|scope| {
        for _ in 0..sides {
            let tx = tx.clone();
            scope.spawn(move || (0..messages / sides).for_each(|n| C::send(&tx, n)));
        }
        for _ in 1..sides {
            let rx = C::another(&rx);
            scope.spawn(move || take::<C>(&rx, messages / sides));
        }
        take::<C>(&rx, messages / sides);
    });
    started.elapsed()
}

fn take<C: Threads>(rx: &C::Rx, messages: u64) {
    for _ in 0..messages {
        black_box(C::recv(rx));
    }
}

/// Passes a value back and forth between two threads by two channels without a buffer.
fn ping_pong<C: Threads>((): (), rounds: u64) -> Duration {
    let ((ping_tx, ping_rx), (pong_tx, pong_rx)) = (C::bounded(0), C::bounded(0));
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
fn try_recv_empty<C: Threads>(capacity: usize, attempts: u64) -> Duration {
    let (_tx, rx) = C::bounded(capacity);
    let started = Instant::now();
    for _ in 0..attempts {
        black_box(C::try_recv(&rx));
    }
    started.elapsed()
}

/// Transfers values through a channel without a bound.
fn unbounded<C: Threads>((): (), messages: u64) -> Duration {
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

/// Returns a row of what only crossbeam-channel has besides selvedge.
fn pair(name: &'static str, goal: f64, ours: fn(u64) -> Duration, theirs: fn(u64) -> Duration) -> Row {
    let contestants = vec![
        Contestant { name: "selvedge", run: Box::new(ours) },
        Contestant { name: "crossbeam-channel", run: Box::new(theirs) },
    ];
    Row { name, goal, burst: 1_000, contestants }
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(
            "uncontended",
            1.0,
            1_000,
            uncontended,
            1,
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
        ),
        row!(
            "one thread 128",
            1.0,
            1_280,
            fill_and_empty,
            128,
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
        ),
        row!(
            "spsc 1",
            1.0,
            1_000,
            transfer,
            (1, 1),
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
        ),
        row!(
            "spsc 128",
            1.2,
            1_000,
            transfer,
            (128, 1),
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
        ),
        row!(
            "spsc 1024",
            1.2,
            1_000,
            transfer,
            (1024, 1),
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std, Locked]
        ),
        row!("rendezvous", 1.0, 1_000, transfer, (0, 1), [Selvedge, Crossbeam, Flume, Kanal, Std]),
        row!(
            "mpmc 2x2 128",
            1.0,
            1_000,
            transfer,
            (128, 2),
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Locked]
        ),
        row!("unbounded spsc", 1.0, 1_000, unbounded, (), [Selvedge, Crossbeam, CrossfireList, Flume, Kanal]),
        row!(
            "try_recv empty",
            1.0,
            1_000,
            try_recv_empty,
            128,
            [Selvedge, Crossbeam, Crossfire, Flume, Kanal, Std]
        ),
        pair("select 2", 0.7, ours_select_2, crossbeam_select_2),
        pair("select 8", 0.7, ours_select_8, crossbeam_select_8),
        pair("timers", 0.8, ours_timers, crossbeam_timers),
        row!("ping-pong", 1.0, 100, ping_pong, (), [Selvedge, Crossbeam, Flume, Kanal, Std]),
    ]
}
