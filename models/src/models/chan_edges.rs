//! Channels: what happens before what (Go's memory model), with plain data beside the channel; and what
//! becomes of values.

use super::futures::poll_once;
use super::{Plain, small};
use selvedge::chan::{RecvError, bounded_with_segments};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use std::time::Duration;

const A_WHILE: Duration = Duration::from_millis(1);

fn send_before_receive(capacity: usize) {
    let (tx, rx) = small(capacity);
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            tx.send(()).expect("open");
        });
        rx.recv().expect("a value comes");
        assert_eq!(data.get(), 5);
    });
}

/// A send happens before its receive completes.
pub fn a_send_happens_before_its_receive() {
    send_before_receive(1);
}

/// Without a buffer too.
pub fn a_rendezvous_send_happens_before_its_receive() {
    send_before_receive(0);
}

/// Without a buffer a receive happens before its send completes.
pub fn a_rendezvous_receive_happens_before_its_send_completes() {
    let (tx, rx) = small(0);
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            rx.recv().expect("a value comes");
        });
        tx.send(()).expect("open");
        assert_eq!(data.get(), 5);
    });
}

/// With capacity 2 both receives happen before the two sends that use their places, also if one of these
/// learns of its place from the other.
pub fn receives_happen_before_all_sends_that_use_their_places() {
    // All in one segment: going to the next would tell as well.
    let (tx, rx) = bounded_with_segments(2, 2);
    let data = Plain::new(0);
    (0..2).for_each(|n| tx.send(n).expect("room"));
    let receiver = || {
        data.set(5);
        (0..2).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
    };
    thread::scope(|scope| {
        scope.spawn(receiver);
        scope.spawn(|| tx.send(2));
        tx.send(3).expect("open");
        assert_eq!(data.get(), 5);
    });
}

/// With capacity 1 the first receive happens before the second send completes.
pub fn a_receive_happens_before_the_send_that_uses_its_place() {
    let (tx, rx) = small(1);
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            rx.recv().expect("a value comes");
        });
        tx.send(()).expect("open");
        tx.send(()).expect("open");
        assert_eq!(data.get(), 5);
    });
}

/// The same if the second send need not wait, and so nobody is woken.
pub fn a_receive_happens_before_a_try_send_that_uses_its_place() {
    let (tx, rx) = small(1);
    let data = Plain::new(0);
    tx.send(()).expect("room");
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            rx.recv().expect("a value is there");
        });
        if tx.try_send(()).is_ok() {
            assert_eq!(data.get(), 5);
        }
    });
}

/// Closing happens before a receive that fails because of it.
pub fn close_happens_before_a_receive_that_fails() {
    let (tx, rx) = small::<()>(1);
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            tx.close().expect("open");
        });
        assert_eq!(rx.recv(), Err(RecvError));
        assert_eq!(data.get(), 5);
    });
}

/// A receive that nearly timed out, and was handed its value before it was woken.
pub fn a_send_happens_before_a_timed_receive() {
    let (tx, rx) = small(0);
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            let _ = tx.try_send(());
        });
        if rx.recv_timeout(A_WHILE).is_ok() {
            assert_eq!(data.get(), 5);
        }
    });
}

/// A send that nearly timed out, and whose value was taken before it was woken.
pub fn a_receive_happens_before_a_timed_send_completes() {
    let (tx, rx) = small(0);
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            let _ = rx.try_recv();
        });
        if tx.send_timeout((), A_WHILE).is_ok() {
            assert_eq!(data.get(), 5);
        }
    });
}

/// The same with a buffer: the receive moved the value into it.
pub fn a_receive_happens_before_a_timed_send_into_its_place() {
    let (tx, rx) = small(1);
    let data = Plain::new(0);
    tx.send(()).expect("room");
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            rx.try_recv().expect("a value is there");
        });
        if tx.send_timeout((), A_WHILE).is_ok() {
            assert_eq!(data.get(), 5);
        }
    });
}

/// Values that a dropped channel holds, and those that came back, are dropped once.
pub fn every_value_is_dropped_once() {
    let value = Arc::new(());
    let (tx, rx) = small(1);
    let theirs = Arc::clone(&value);
    let sender = thread::spawn(move || {
        let sent = tx.send(Arc::clone(&theirs)).is_ok();
        drop(tx.send_timeout(theirs, A_WHILE));
        sent
    });
    drop(rx);
    sender.join().expect("no panic");
    assert_eq!(Arc::strong_count(&value), 1);
}

/// Values cross segments: memory is handed back and used again while others look for their cells.
pub fn segments_are_reused_under_way() {
    let (tx, rx) = selvedge::chan::bounded_with_segments(1, 0);
    let sender = thread::spawn(move || (0..3).for_each(|n| tx.send(n).expect("open")));
    assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
    sender.join().expect("no panic");
}

/// Threads that look for their cells keep segments that died meanwhile from being used again.
pub fn a_walker_keeps_dead_segments_from_reuse() {
    let (tx, rx) = selvedge::chan::bounded_with_segments(1, 0);
    let senders = [10, 20].map(|base| {
        let tx = tx.clone();
        thread::spawn(move || (0..2).for_each(|n| tx.send(base + n).expect("open")))
    });
    drop(tx);
    let mut values: Vec<i32> = rx.iter().collect();
    values.sort_unstable();
    assert_eq!(values, [10, 11, 20, 21]);
    senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
}

/// A receive that nobody goes on with keeps its own segment, and not those behind it, which are used again meanwhile.
pub fn segments_behind_a_receive_that_stands_still_are_reused() {
    let (tx, rx) = bounded_with_segments(1, 0);
    let mut stands_still = rx.recv_async();
    assert!(poll_once(&mut stands_still).is_pending());
    tx.send(0).expect("it waits");
    thread::scope(|scope| {
        scope.spawn(|| (1..4).for_each(|n| tx.send(n).expect("open")));
        (1..4).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
    });
    assert!(poll_once(&mut stands_still).is_ready());
}
