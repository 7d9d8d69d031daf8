//! Models of channels: the order of values and of waiters.

use super::mutants::{LOST_VALUE, PUBLISH, WAKE_BY_EXPANDING, WAKE_RECEIVER};
use super::{Model, model, models, mutant_of, small, until_receiver_waits, until_sender_waits};
use crate::mutant::Mutant;
use crate::reach::Reach;
use selvedge::chan::{
    Receiver, RecvError, RecvTimeoutError, SendError, Sender, TryRecvError, bounded, select,
};
use selvedge::rt::thread::{self, JoinHandle};
use selvedge_check::FailureKind;
use std::time::Duration;

models![
    values_arrive_in_the_order_sent,
    the_values_of_two_senders_interleave_in_order,
    blocked_receivers_are_served_in_order,
    blocked_receivers_of_a_buffer_are_served_in_order,
    blocked_senders_are_served_in_order,
    a_new_receiver_does_not_overtake_a_blocked_one,
    a_new_sender_does_not_overtake_a_blocked_one,
    receivers_that_gave_up_in_between_leave_the_order,
    receivers_of_a_buffer_that_gave_up_in_between_leave_the_order,
    a_sender_that_gave_up_in_between_leaves_the_order,
    a_select_that_gave_up_in_between_leaves_the_order,
    a_receiver_that_gave_up_does_not_disturb_the_order,
];

/// A cell is marked as finished without what was done in it before.
const WEAK_DONE: Mutant = mutant_of!("primitives/src/queue/segment.rs").weaken("finish-cell");

const A_WHILE: Duration = Duration::from_millis(1);

/// Values leave in the order in which they entered, from one segment to the next.
fn values_arrive_in_the_order_sent() -> Model {
    model("values leave in the order they entered", || {
        let (tx, rx) = small(2);
        let sender = thread::spawn(move || (0..3).for_each(|n| tx.send(n).expect("open")));
        assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
        sender.join().expect("no panic");
    })
    .bound(2)
    .catches([PUBLISH])
}

/// The values of each of two senders arrive in that sender's order, and none is lost.
fn the_values_of_two_senders_interleave_in_order() -> Model {
    model("the values of each of two senders arrive in its order", || {
        let (tx, rx) = small(1);
        let senders = [10, 20].map(|base| {
            let tx = tx.clone();
            thread::spawn(move || (0..2).for_each(|n| tx.send(base + n).expect("open")))
        });
        drop(tx);
        let values: Vec<i32> = rx.iter().collect();
        for base in [10, 20] {
            let theirs: Vec<_> = values.iter().filter(|value| *value / 10 * 10 == base).collect();
            assert_eq!(theirs, [&base, &(base + 1)]);
        }
        senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
    })
    .bound(2)
    .catches([PUBLISH])
}

/// Starts a receiver that waits with this ticket.
fn receiver_at<T: Send + 'static>(rx: &Receiver<T>, ticket: u64) -> JoinHandle<Result<T, RecvError>> {
    let theirs = rx.clone();
    let receiver = thread::spawn(move || theirs.recv());
    until_receiver_waits(rx, ticket);
    receiver
}

/// Starts a sender that waits with this value and ticket.
fn sender_at(tx: &Sender<u64>, value: u64, ticket: u64) -> JoinHandle<Result<(), SendError<u64>>> {
    let theirs = tx.clone();
    let sender = thread::spawn(move || theirs.send(value));
    until_sender_waits(tx, ticket);
    sender
}

fn receivers_in_order(capacity: usize) {
    let (tx, rx) = small(capacity);
    let [first, second] = [0, 1].map(|ticket| receiver_at(&rx, ticket));
    tx.send('a').expect("open");
    tx.send('b').expect("open");
    assert_eq!((first.join().expect("no panic"), second.join().expect("no panic")), (Ok('a'), Ok('b')));
}

/// Without a buffer blocked receivers are served in the order in which they blocked.
fn blocked_receivers_are_served_in_order() -> Model {
    model("blocked receivers are served first come, first served", || {
        receivers_in_order(0);
    })
    .bound(2)
    .catches([WAKE_RECEIVER, WEAK_DONE])
}

/// With a buffer blocked receivers are served in the order in which they blocked.
fn blocked_receivers_of_a_buffer_are_served_in_order() -> Model {
    model("blocked receivers of a buffer are served first come, first served", || {
        receivers_in_order(1);
    })
    .bound(2)
    .catches([WAKE_RECEIVER])
}

/// Blocked senders are served in the order in which they blocked.
fn blocked_senders_are_served_in_order() -> Model {
    model("blocked senders are served first come, first served", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let senders = [1, 2].map(|n| sender_at(&tx, n, n));
        assert_eq!([(); 3].map(|()| rx.recv()), [Ok(0), Ok(1), Ok(2)]);
        senders.into_iter().for_each(|sender| sender.join().expect("no panic").expect("open"));
    })
    .bound(2)
    .catches([WAKE_BY_EXPANDING])
}

/// A receiver that arrives later does not get the value of a receiver that waits.
fn a_new_receiver_does_not_overtake_a_blocked_one() -> Model {
    model("a newcomer does not get the value of a blocked receiver", || {
        let (tx, rx) = small(1);
        let theirs = rx.clone();
        let blocked = thread::spawn(move || theirs.recv());
        until_receiver_waits(&rx, 0);
        let sender = thread::spawn(move || {
            tx.send(1).expect("open");
            tx
        });
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
        assert_eq!(blocked.join().expect("no panic"), Ok(1));
        drop(sender.join().expect("no panic"));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([WAKE_RECEIVER])
}

/// A sender that arrives later does not take the place that a waiting sender is to get.
fn a_new_sender_does_not_overtake_a_blocked_one() -> Model {
    model("a newcomer does not get the place of a blocked sender", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let blocked = thread::spawn(move || theirs.send(1));
        until_sender_waits(&tx, 1);
        let newcomer = thread::spawn(move || tx.try_send(2).is_ok());
        assert_eq!((rx.recv(), rx.recv()), (Ok(0), Ok(1)));
        blocked.join().expect("no panic").expect("open");
        let third = if newcomer.join().expect("no panic") { Ok(2) } else { Err(TryRecvError::Disconnected) };
        assert_eq!(rx.try_recv(), third);
    })
    .bound(2)
    .catches([WAKE_BY_EXPANDING])
}

fn receivers_with_gaps(capacity: usize) {
    let (tx, rx) = small(capacity);
    let first = receiver_at(&rx, 0);
    assert_eq!(rx.recv_timeout(A_WHILE), Err(RecvTimeoutError::Timeout));
    select! {
        recv(rx) -> _ => unreachable!("nobody sends yet"),
        default(A_WHILE) => (),
    }
    let second = receiver_at(&rx, 1);
    tx.send('a').expect("open");
    tx.send('b').expect("open");
    assert_eq!((first.join().expect("no panic"), second.join().expect("no panic")), (Ok('a'), Ok('b')));
}

/// Between two blocked receivers a receive and a select time out: the two are served in order.
fn receivers_that_gave_up_in_between_leave_the_order() -> Model {
    model("receivers that timed out in between leave the order as it was", || {
        receivers_with_gaps(0);
    })
    .bound(2)
    .catches([WAKE_RECEIVER])
}

/// Between two blocked receivers of a buffer a receive and a select time out: the two are served in order.
fn receivers_of_a_buffer_that_gave_up_in_between_leave_the_order() -> Model {
    model("receivers of a buffer that timed out in between leave the order as it was", || {
        receivers_with_gaps(1);
    })
    .bound(2)
    .catches([WAKE_RECEIVER])
}

fn senders_with_a_gap(gives_up: impl FnOnce(&Sender<u64>)) {
    // All cells are in one segment: executions are long enough.
    let (tx, rx) = bounded(1);
    tx.send(0).expect("room");
    let first = sender_at(&tx, 1, 1);
    gives_up(&tx);
    let second = sender_at(&tx, 2, 2);
    assert_eq!([(); 3].map(|()| rx.recv()), [Ok(0), Ok(1), Ok(2)]);
    [first, second].into_iter().for_each(|sender| sender.join().expect("no panic").expect("open"));
}

/// A sender that times out between two that wait takes no place.
fn a_sender_that_gave_up_in_between_leaves_the_order() -> Model {
    model("a sender that timed out in between takes no place", || {
        senders_with_a_gap(|tx| assert!(tx.send_timeout(9, A_WHILE).is_err(), "the buffer is full"));
    })
    .bound(2)
    .catches([LOST_VALUE.or(FailureKind::Deadlock)])
}

/// A select that times out between two senders that wait takes no place.
fn a_select_that_gave_up_in_between_leaves_the_order() -> Model {
    model("a select that timed out in between takes no place", || {
        senders_with_a_gap(|tx| {
            select! {
                send(tx, 9) -> _ => unreachable!("the buffer is full"),
                default(A_WHILE) => (),
            }
        });
    })
    .bound(2)
    .catches([LOST_VALUE.or(FailureKind::Deadlock)])
}

/// Receivers that time out in front of others do not cost these their values.
fn a_receiver_that_gave_up_does_not_disturb_the_order() -> Model {
    model("a receiver that timed out costs no other its value", || {
        let (tx, rx) = small(0);
        let theirs = rx.clone();
        let gives_up = thread::spawn(move || theirs.recv_deadline(selvedge::rt::time::now()));
        let sender = thread::spawn(move || [1, 2].map(|n| tx.send(n).is_ok()));
        let first = rx.recv();
        let in_between = gives_up.join().expect("no panic").ok();
        let rest: Vec<i32> = rx.iter().collect();
        let mut all: Vec<i32> = first.into_iter().chain(in_between).chain(rest).collect();
        all.sort_unstable();
        assert_eq!(all, [1, 2]);
        assert_eq!(sender.join().expect("no panic"), [true, true]);
    })
    .bound(2)
    .catches([WAKE_RECEIVER])
}
