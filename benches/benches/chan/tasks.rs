//! Rows of channels between async tasks, on tokio's two workers and on an executor of one thread.

use crate::peers::{AsyncChannel, AsyncCrossfire, AsyncKanal, Flume, Selvedge, Tasks, Tokio};
use crate::race::{Row, row};
use futures::executor::LocalPool;
use futures::future::join_all;
use futures::task::LocalSpawnExt;
use std::hint::black_box;
use std::time::{Duration, Instant};

async fn send_all<C: Tasks>(tx: C::Tx, messages: u64) {
    for n in 0..messages {
        C::send(&tx, n).await;
    }
}

async fn take_all<C: Tasks>(mut rx: C::Rx) {
    while let Some(n) = C::recv(&mut rx).await {
        black_box(n);
    }
}

/// Returns the tasks of a transfer: so many senders and as many receivers of one channel.
fn ends<C: Tasks>(capacity: usize, sides: u64) -> (Vec<C::Tx>, Vec<C::Rx>) {
    let (tx, rx) = C::bounded(capacity);
    let mut receivers: Vec<C::Rx> = (1..sides).map(|_| C::another(&rx)).collect();
    receivers.push(rx);
    ((1..sides).map(|_| tx.clone()).chain([tx.clone()]).collect(), receivers)
}

/// Transfers values between tasks on two workers of tokio.
fn on_two_workers<C: Tasks>((capacity, sides): (usize, u64), messages: u64) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build();
    let runtime = runtime.expect("two threads can be had");
    let (senders, receivers) = ends::<C>(capacity, sides);
    let started = Instant::now();
    let senders: Vec<_> =
        senders.into_iter().map(|tx| runtime.spawn(send_all::<C>(tx, messages / sides))).collect();
    let receivers: Vec<_> = receivers.into_iter().map(|rx| runtime.spawn(take_all::<C>(rx))).collect();
    runtime.block_on(join_all(senders.into_iter().chain(receivers)));
    started.elapsed()
}

/// Transfers values between tasks of one thread.
fn on_one_thread<C: Tasks>((capacity, sides): (usize, u64), messages: u64) -> Duration {
    let mut pool = LocalPool::new();
    let spawner = pool.spawner();
    let (senders, receivers) = ends::<C>(capacity, sides);
    let started = Instant::now();
    for tx in senders {
        spawner.spawn_local(send_all::<C>(tx, messages / sides)).expect("the pool lives");
    }
    for rx in receivers {
        spawner.spawn_local(take_all::<C>(rx)).expect("the pool lives");
    }
    pool.run();
    started.elapsed()
}

pub(crate) fn rows() -> Vec<Row> {
    vec![
        row!(
            "async 1x1 1, tokio",
            1.0,
            1_000,
            on_two_workers,
            (1, 1),
            [Selvedge, AsyncChannel, AsyncCrossfire, Flume, AsyncKanal, Tokio]
        ),
        row!(
            "async 1x1 128, tokio",
            1.0,
            1_000,
            on_two_workers,
            (128, 1),
            [Selvedge, AsyncChannel, AsyncCrossfire, Flume, AsyncKanal, Tokio]
        ),
        row!(
            "async 4x4 128, tokio",
            1.0,
            1_000,
            on_two_workers,
            (128, 4),
            [Selvedge, AsyncChannel, AsyncCrossfire, Flume, AsyncKanal]
        ),
        row!(
            "async 1x1 128, one thread",
            1.0,
            1_000,
            on_one_thread,
            (128, 1),
            [Selvedge, AsyncChannel, AsyncCrossfire, Flume, AsyncKanal, Tokio]
        ),
        row!(
            "async 4x4 128, one thread",
            1.0,
            1_000,
            on_one_thread,
            (128, 4),
            [Selvedge, AsyncChannel, AsyncCrossfire, Flume, AsyncKanal]
        ),
    ]
}
