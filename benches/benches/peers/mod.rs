//! The channels that are compared, behind one trait.

use parking_lot::{Condvar, Mutex};
use std::collections::VecDeque;
use std::sync::{Arc, mpsc};

/// A bounded channel of numbers.
pub(crate) trait Channel: 'static {
    const NAME: &'static str;
    type Tx: Clone + Send + 'static;
    type Rx: Send + 'static;
    fn bounded(capacity: usize) -> (Self::Tx, Self::Rx);
    fn unbounded() -> (Self::Tx, Self::Rx) {
        unreachable!("this channel has no form without a bound, and is in no scenario with one")
    }
    fn send(tx: &Self::Tx, value: u64);
    fn recv(rx: &Self::Rx) -> u64;
    fn try_recv(rx: &Self::Rx) -> Option<u64>;
    /// Returns one more receiver of the channel.
    fn another(rx: &Self::Rx) -> Self::Rx;
}

macro_rules! channel {
    ($type:ident, $name:literal, $tx:ty, $rx:ty, $bounded:expr, $unbounded:expr, $empty:expr) => {
        pub(crate) struct $type;

        impl Channel for $type {
            const NAME: &'static str = $name;
            type Tx = $tx;
            type Rx = $rx;
            fn bounded(capacity: usize) -> (Self::Tx, Self::Rx) {
                ($bounded)(capacity)
            }
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
                let take: fn(&Self::Rx) -> Option<u64> = $empty;
                take(rx)
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
    selvedge::chan::unbounded,
    |rx| rx.try_recv().ok()
);
channel!(
    Crossbeam,
    "crossbeam-channel",
    crossbeam_channel::Sender<u64>,
    crossbeam_channel::Receiver<u64>,
    crossbeam_channel::bounded,
    crossbeam_channel::unbounded,
    |rx| rx.try_recv().ok()
);
channel!(Flume, "flume", flume::Sender<u64>, flume::Receiver<u64>, flume::bounded, flume::unbounded, |rx| rx
    .try_recv()
    .ok());
channel!(Kanal, "kanal", kanal::Sender<u64>, kanal::Receiver<u64>, kanal::bounded, kanal::unbounded, |rx| rx
    .try_recv()
    .ok()
    .flatten());

// A type for each form, and none without a buffer.
channel!(
    Crossfire,
    "crossfire",
    crossfire::MTx<crossfire::mpmc::Array<u64>>,
    crossfire::MRx<crossfire::mpmc::Array<u64>>,
    crossfire::mpmc::bounded_blocking,
    no_such_form,
    |rx| rx.try_recv().ok()
);
channel!(
    CrossfireList,
    "crossfire",
    crossfire::MTx<crossfire::mpmc::List<u64>>,
    crossfire::MRx<crossfire::mpmc::List<u64>>,
    |_| no_such_form(),
    crossfire::mpmc::unbounded_blocking,
    |rx| rx.try_recv().ok()
);

fn no_such_form<T>() -> T {
    unreachable!("this type has the other form, and is in no scenario with this one")
}

pub(crate) struct Std;

impl Channel for Std {
    const NAME: &'static str = "std::sync::mpsc";
    type Tx = mpsc::SyncSender<u64>;
    type Rx = mpsc::Receiver<u64>;
    fn bounded(capacity: usize) -> (Self::Tx, Self::Rx) {
        mpsc::sync_channel(capacity)
    }
    fn send(tx: &Self::Tx, value: u64) {
        tx.send(value).expect("the receiver lives");
    }
    fn recv(rx: &Self::Rx) -> u64 {
        rx.recv().expect("the sender lives")
    }
    fn try_recv(rx: &Self::Rx) -> Option<u64> {
        rx.try_recv().ok()
    }
    fn another(_rx: &Self::Rx) -> Self::Rx {
        unreachable!("std's channel has one receiver, and is in no scenario with more")
    }
}

/// A channel as one writes it in ten minutes: a queue under a lock. It has no form without a buffer.
pub(crate) struct Locked;

pub(crate) struct Queue {
    values: Mutex<VecDeque<u64>>,
    capacity: usize,
    room: Condvar,
    some: Condvar,
}

impl Channel for Locked {
    const NAME: &'static str = "parking_lot queue";
    type Tx = Arc<Queue>;
    type Rx = Arc<Queue>;
    fn bounded(capacity: usize) -> (Self::Tx, Self::Rx) {
        assert!(capacity > 0, "a locked queue has no form without a buffer");
        let values = Mutex::new(VecDeque::with_capacity(capacity));
        let queue = Arc::new(Queue { values, capacity, room: Condvar::new(), some: Condvar::new() });
        (Arc::clone(&queue), queue)
    }
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
    fn another(rx: &Self::Rx) -> Self::Rx {
        Arc::clone(rx)
    }
}
