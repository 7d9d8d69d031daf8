//! Channels between async tasks: selvedge, async-channel, crossfire, flume, kanal and tokio, on tokio's two workers and on
//! an executor of one thread, one group for each scenario.
#![allow(
    missing_docs,
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "benches run on real threads, and criterion's macros make undocumented functions"
)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures::executor::LocalPool;
use futures::future::join_all;
use futures::task::LocalSpawnExt;
use std::future::Future;
use std::hint::black_box;
use std::time::{Duration, Instant};

/// A bounded channel of numbers whose operations are futures.
trait Channel: 'static {
    const NAME: &'static str;
    type Tx: Clone + Send + 'static;
    type Rx: Send + 'static;
    fn bounded(capacity: usize) -> (Self::Tx, Self::Rx);
    fn send(tx: &Self::Tx, value: u64) -> impl Future<Output = ()> + Send;
    /// Receives a value, or learns that there will be none.
    fn recv(rx: &mut Self::Rx) -> impl Future<Output = Option<u64>> + Send;
    /// Returns one more receiver of the channel.
    fn another(rx: &Self::Rx) -> Self::Rx;
}

macro_rules! channel {
    ($type:ident, $name:literal, $tx:ty, $rx:ty, $bounded:expr, $send:ident, $recv:ident) => {
        struct $type;

        impl Channel for $type {
            const NAME: &'static str = $name;
            type Tx = $tx;
            type Rx = $rx;
            fn bounded(capacity: usize) -> (Self::Tx, Self::Rx) {
                ($bounded)(capacity)
            }
            async fn send(tx: &Self::Tx, value: u64) {
                tx.$send(value).await.expect("the receiver lives");
            }
            async fn recv(rx: &mut Self::Rx) -> Option<u64> {
                rx.$recv().await.ok()
            }
            fn another(rx: &Self::Rx) -> Self::Rx {
                rx.clone()
            }
        }
    };
}

channel!(
    Selvedge,
    "selvedge",
    selvedge::chan::Sender<u64>,
    selvedge::chan::Receiver<u64>,
    selvedge::chan::bounded,
    send_async,
    recv_async
);
channel!(
    AsyncChannel,
    "async-channel",
    async_channel::Sender<u64>,
    async_channel::Receiver<u64>,
    async_channel::bounded,
    send,
    recv
);
channel!(
    Crossfire,
    "crossfire",
    crossfire::MAsyncTx<crossfire::mpmc::Array<u64>>,
    crossfire::MAsyncRx<crossfire::mpmc::Array<u64>>,
    crossfire::mpmc::bounded_async,
    send,
    recv
);
channel!(Flume, "flume", flume::Sender<u64>, flume::Receiver<u64>, flume::bounded, send_async, recv_async);
channel!(
    Kanal,
    "kanal",
    kanal::AsyncSender<u64>,
    kanal::AsyncReceiver<u64>,
    kanal::bounded_async,
    send,
    recv
);

struct Tokio;

impl Channel for Tokio {
    const NAME: &'static str = "tokio::sync::mpsc";
    type Tx = tokio::sync::mpsc::Sender<u64>;
    type Rx = tokio::sync::mpsc::Receiver<u64>;
    fn bounded(capacity: usize) -> (Self::Tx, Self::Rx) {
        tokio::sync::mpsc::channel(capacity)
    }
    async fn send(tx: &Self::Tx, value: u64) {
        tx.send(value).await.expect("the receiver lives");
    }
    async fn recv(rx: &mut Self::Rx) -> Option<u64> {
        rx.recv().await
    }
    fn another(_rx: &Self::Rx) -> Self::Rx {
        unreachable!("tokio's channel has one receiver, and is in no scenario with more")
    }
}

async fn send_all<C: Channel>(tx: C::Tx, messages: u64) {
    for n in 0..messages {
        C::send(&tx, n).await;
    }
}

async fn take_all<C: Channel>(mut rx: C::Rx) {
    while let Some(n) = C::recv(&mut rx).await {
        black_box(n);
    }
}

/// Returns the tasks of a transfer: so many senders and as many receivers of one channel.
fn ends<C: Channel>(capacity: usize, sides: u64) -> (Vec<C::Tx>, Vec<C::Rx>) {
    let (tx, rx) = C::bounded(capacity);
    let mut receivers: Vec<C::Rx> = (1..sides).map(|_| C::another(&rx)).collect();
    receivers.push(rx);
    ((1..sides).map(|_| tx.clone()).chain([tx.clone()]).collect(), receivers)
}

/// Transfers values between tasks on two workers of tokio.
fn on_two_workers<C: Channel>((capacity, sides): (usize, u64), messages: u64) -> Duration {
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
fn on_one_thread<C: Channel>((capacity, sides): (usize, u64), messages: u64) -> Duration {
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

/// A scenario: its name, how many messages a burst has, how one channel runs a burst, and its capacity and sides.
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

fn tasks(criterion: &mut Criterion) {
    scenario!(
        criterion,
        "async 1x1 1, tokio",
        1_000,
        on_two_workers,
        (1, 1),
        [Selvedge, AsyncChannel, Crossfire, Flume, Kanal, Tokio]
    );
    scenario!(
        criterion,
        "async 1x1 128, tokio",
        10_000,
        on_two_workers,
        (128, 1),
        [Selvedge, AsyncChannel, Crossfire, Flume, Kanal, Tokio]
    );
    scenario!(
        criterion,
        "async 4x4 128, tokio",
        10_000,
        on_two_workers,
        (128, 4),
        [Selvedge, AsyncChannel, Crossfire, Flume, Kanal]
    );
    scenario!(
        criterion,
        "async 1x1 128, one thread",
        10_000,
        on_one_thread,
        (128, 1),
        [Selvedge, AsyncChannel, Crossfire, Flume, Kanal, Tokio]
    );
    scenario!(
        criterion,
        "async 4x4 128, one thread",
        10_000,
        on_one_thread,
        (128, 4),
        [Selvedge, AsyncChannel, Crossfire, Flume, Kanal]
    );
}

criterion_group!(benches, tasks);
criterion_main!(benches);
