//! The channels that are compared, behind one trait for what they have in common, one for threads and one for tasks.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, mpsc};

/// The two ends of a bounded channel of numbers.
pub(crate) trait Ends: 'static {
    const NAME: &'static str;
    type Tx: Clone + Send + 'static;
    type Rx: Send + 'static;
    fn bounded(capacity: usize) -> (Self::Tx, Self::Rx);
    /// Returns one more receiver of the channel.
    fn another(rx: &Self::Rx) -> Self::Rx;
}

/// A channel between threads.
pub(crate) trait Threads: Ends {
    fn unbounded() -> (Self::Tx, Self::Rx) {
        unreachable!("this channel has no form without a bound, and is in no row with one")
    }
    fn send(tx: &Self::Tx, value: u64);
    fn recv(rx: &Self::Rx) -> u64;
    fn try_recv(rx: &Self::Rx) -> Option<u64>;
}

/// A channel between tasks.
pub(crate) trait Tasks: Ends {
    fn send(tx: &Self::Tx, value: u64) -> impl Future<Output = ()> + Send;
    /// Receives a value, or learns that there will be none.
    fn recv(rx: &mut Self::Rx) -> impl Future<Output = Option<u64>> + Send;
}

macro_rules! ends {
    ($type:ident, $name:literal, $tx:ty, $rx:ty, $bounded:expr, $another:expr) => {
        pub(crate) struct $type;

        impl Ends for $type {
            const NAME: &'static str = $name;
            type Tx = $tx;
            type Rx = $rx;
            fn bounded(capacity: usize) -> (Self::Tx, Self::Rx) {
                ($bounded)(capacity)
            }
            fn another(rx: &Self::Rx) -> Self::Rx {
                let another: fn(&Self::Rx) -> Self::Rx = $another;
                another(rx)
            }
        }
    };
}

macro_rules! threads {
    ($type:ident, $unbounded:expr, $try_recv:expr) => {
        impl Threads for $type {
            fn unbounded() -> (Self::Tx, Self::Rx) {
                ($unbounded)()
            }
            fn send(tx: &Self::Tx, value: u64) {
                tx.send(value).expect("the receiver lives");
            }
            fn recv(rx: &Self::Rx) -> u64 {
                rx.recv().expect("the sender lives")
            }
            fn try_recv(rx: &Self::Rx) -> Option<u64> {
                let try_recv: fn(&Self::Rx) -> Option<u64> = $try_recv;
                try_recv(rx)
            }
        }
    };
}

macro_rules! tasks {
    ($type:ident, $send:ident, $recv:ident) => {
        impl Tasks for $type {
            async fn send(tx: &Self::Tx, value: u64) {
                tx.$send(value).await.expect("the receiver lives");
            }
            async fn recv(rx: &mut Self::Rx) -> Option<u64> {
                rx.$recv().await.ok()
            }
        }
    };
}

use selvedge::chan as ours;
ends!(Selvedge, "selvedge", ours::Sender<u64>, ours::Receiver<u64>, ours::bounded, Clone::clone);
threads!(Selvedge, ours::unbounded, |rx| rx.try_recv().ok());
tasks!(Selvedge, send_async, recv_async);

use crossbeam_channel as crossbeam;
ends!(
    Crossbeam,
    "crossbeam-channel",
    crossbeam::Sender<u64>,
    crossbeam::Receiver<u64>,
    crossbeam::bounded,
    Clone::clone
);
threads!(Crossbeam, crossbeam::unbounded, |rx| rx.try_recv().ok());

ends!(Flume, "flume", flume::Sender<u64>, flume::Receiver<u64>, flume::bounded, Clone::clone);
threads!(Flume, flume::unbounded, |rx| rx.try_recv().ok());
tasks!(Flume, send_async, recv_async);

ends!(Kanal, "kanal", kanal::Sender<u64>, kanal::Receiver<u64>, kanal::bounded, Clone::clone);
threads!(Kanal, kanal::unbounded, |rx| rx.try_recv().ok().flatten());
ends!(
    AsyncKanal,
    "kanal",
    kanal::AsyncSender<u64>,
    kanal::AsyncReceiver<u64>,
    kanal::bounded_async,
    Clone::clone
);
tasks!(AsyncKanal, send, recv);

// A type for each form, and none without a buffer.
type Array = crossfire::mpmc::Array<u64>;
type List = crossfire::mpmc::List<u64>;
ends!(
    Crossfire,
    "crossfire",
    crossfire::MTx<Array>,
    crossfire::MRx<Array>,
    crossfire::mpmc::bounded_blocking,
    Clone::clone
);
threads!(Crossfire, no_such_form, |rx| rx.try_recv().ok());
ends!(
    CrossfireList,
    "crossfire",
    crossfire::MTx<List>,
    crossfire::MRx<List>,
    |_| no_such_form(),
    Clone::clone
);
threads!(CrossfireList, crossfire::mpmc::unbounded_blocking, |rx| rx.try_recv().ok());
ends!(
    AsyncCrossfire,
    "crossfire",
    crossfire::MAsyncTx<Array>,
    crossfire::MAsyncRx<Array>,
    crossfire::mpmc::bounded_async,
    Clone::clone
);
tasks!(AsyncCrossfire, send, recv);

ends!(
    AsyncChannel,
    "async-channel",
    async_channel::Sender<u64>,
    async_channel::Receiver<u64>,
    async_channel::bounded,
    Clone::clone
);
tasks!(AsyncChannel, send, recv);

fn no_such_form<T>() -> T {
    unreachable!("this type has the other form, and is in no row with this one")
}

fn one_receiver<T>(_: &T) -> T {
    unreachable!("this channel has one receiver, and is in no row with more")
}

ends!(Std, "std::sync::mpsc", mpsc::SyncSender<u64>, mpsc::Receiver<u64>, mpsc::sync_channel, one_receiver);
threads!(Std, no_such_form, |rx| rx.try_recv().ok());

type TokioSender = tokio::sync::mpsc::Sender<u64>;
type TokioReceiver = tokio::sync::mpsc::Receiver<u64>;
ends!(Tokio, "tokio::sync::mpsc", TokioSender, TokioReceiver, tokio::sync::mpsc::channel, one_receiver);

impl Tasks for Tokio {
    async fn send(tx: &Self::Tx, value: u64) {
        tx.send(value).await.expect("the receiver lives");
    }
    async fn recv(rx: &mut Self::Rx) -> Option<u64> {
        rx.recv().await
    }
}

/// A channel as one writes it in ten minutes: a queue under a lock. It has no form without a buffer.
pub(crate) struct Queue {
    values: Mutex<VecDeque<u64>>,
    capacity: usize,
    room: Condvar,
    some: Condvar,
}

ends!(Locked, "parking_lot queue", Arc<Queue>, Arc<Queue>, Queue::bounded, Clone::clone);

impl Queue {
    fn bounded(capacity: usize) -> (Arc<Queue>, Arc<Queue>) {
        assert!(capacity > 0, "a locked queue has no form without a buffer");
        let values = Mutex::new(VecDeque::with_capacity(capacity));
        let queue = Arc::new(Queue { values, capacity, room: Condvar::new(), some: Condvar::new() });
        (Arc::clone(&queue), queue)
    }
}

impl Threads for Locked {
    fn send(tx: &Self::Tx, value: u64) {
        let mut values = tx.values.lock();
        tx.room.wait_while(&mut values, |values| values.len() == tx.capacity);
        values.push_back(value);
        tx.some.notify_one();
    }
    fn recv(rx: &Self::Rx) -> u64 {
        let mut values = rx.values.lock();
        rx.some.wait_while(&mut values, |values| values.is_empty());
        let value = values.pop_front().expect("it is not empty");
        rx.room.notify_one();
        value
    }
    fn try_recv(rx: &Self::Rx) -> Option<u64> {
        rx.values.lock().pop_front()
    }
}
