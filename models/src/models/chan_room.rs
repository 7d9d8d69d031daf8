//! Models of channels: when a send or a receive may wait, and when it may not.

use super::futures::poll_once;
use super::mutants::{
    HAND_OVER, LOST_VALUE, PUBLISH, SEND, TRY_SEND, WAKE_BY_EXPANDING, WAKE_RECEIVER, WAKE_SENDER,
};
use super::{Model, model, models, mutant_of, small, until_sender_waits};
use crate::mutant::Mutant;
use crate::reach::Reach;
use selvedge::chan::{TryRecvError, TrySendError, unbounded_with_segments};
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use selvedge::rt::thread;
use selvedge_check::FailureKind;
use std::time::Duration;

models![
    a_rendezvous_send_completes_only_with_a_receiver,
    a_send_waits_only_while_the_channel_is_full,
    the_buffer_never_holds_more_than_its_capacity,
    try_recv_misses_nothing_and_invents_nothing,
    try_recv_finds_a_value_among_other_receivers,
    timeouts_lose_no_value,
    timeouts_lose_no_value_of_a_buffer,
    a_sender_that_gives_up_twice_leaves_no_receiver_waiting,
    a_sender_that_gave_up_leaves_its_place,
    two_receivers_share_what_two_sends_bring,
    a_receiver_that_gave_up_is_not_counted,
    a_waiting_sender_is_not_counted,
    a_place_that_is_passed_over_is_not_counted,
];

/// A sender that takes the place of a send under way does not mark the cell.
const KEPT_PLACE: Mutant = TRY_SEND.lose("take-place-of-sender", FailureKind::Panic);
/// A cell whose sender is gone is counted for ever.
const UNCOUNTED: Mutant =
    mutant_of!("primitives/src/chan/algorithm/snapshot.rs").lose("uncount-gone-sender", FailureKind::Panic);

const A_WHILE: Duration = Duration::from_millis(1);

/// Without a buffer a send completes only when a receiver has arrived for its value.
fn a_rendezvous_send_completes_only_with_a_receiver() -> Model {
    model("without a buffer a send completes only with a receiver", || {
        let begun = AtomicUsize::new(0);
        let (tx, rx) = small(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                for n in 1..=2 {
                    tx.send(n).expect("open");
                    assert!(begun.load(SeqCst) >= n, "a send completed without its receiver");
                }
            });
            for n in 1..=2 {
                begun.store(n, SeqCst);
                assert_eq!(rx.recv(), Ok(n));
            }
        });
    })
    .bound(2)
    .catches([WAKE_SENDER])
}

/// A place that a receive has freed is free for the next send.
fn a_send_waits_only_while_the_channel_is_full() -> Model {
    model("a place that a receive freed is free", || {
        let (tx, rx) = small(1);
        tx.send(1).expect("room");
        let theirs = rx.clone();
        let receiver = thread::spawn(move || theirs.recv());
        let early = tx.try_send(2);
        assert_eq!(receiver.join().expect("no panic"), Ok(1));
        if early.is_err() {
            assert_eq!(tx.try_send(2), Ok(()));
        }
        assert_eq!(tx.try_send(3), Err(TrySendError::Full(3)));
        assert_eq!(rx.try_recv(), Ok(2));
    })
    .reaches(Reach::Everything)
    .catches([LOST_VALUE.or(FailureKind::Deadlock)])
}

/// Two threads try to send into one place: exactly one succeeds.
fn the_buffer_never_holds_more_than_its_capacity() -> Model {
    model("of two senders one finds room for one value", || {
        let (tx, rx) = small(1);
        let theirs = tx.clone();
        let other = thread::spawn(move || theirs.try_send(1).is_ok());
        let here = tx.try_send(2).is_ok();
        assert!(here != other.join().expect("no panic"));
        assert!((rx.len(), rx.is_full()) == (1, true) && rx.try_iter().count() == 1);
    })
    .reaches(Reach::Retries(0))
    .reaches_in_full(Reach::Retries(1))
    .catches([LOST_VALUE, KEPT_PLACE])
}

/// Two receivers share the values in the buffer, and neither misses a value that was there before it arrived.
fn try_recv_misses_nothing_and_invents_nothing() -> Model {
    model("try_recv misses no value that was there, and invents none", || {
        let (tx, rx) = small(1);
        tx.send(7).expect("room");
        let theirs = rx.clone();
        let other = thread::spawn(move || theirs.try_recv());
        let (here, there) = (rx.try_recv(), other.join().expect("no panic"));
        match (here, there) {
            (Ok(7), Err(TryRecvError::Empty)) | (Err(TryRecvError::Empty), Ok(7)) => drop(tx),
            other => panic!("one value, and two receivers found {other:?}"),
        }
    })
    .reaches(Reach::Everything)
    .catches([LOST_VALUE])
}

/// `try_recv` finds a value although another receiver has broken its cell or cancelled.
fn try_recv_finds_a_value_among_other_receivers() -> Model {
    model("try_recv finds a value among other receivers", || {
        let (tx, rx) = small(2);
        let theirs = rx.clone();
        let other = thread::spawn(move || theirs.recv_timeout(A_WHILE).ok());
        let sender = thread::spawn(move || [1, 2].map(|n| tx.send(n).expect("open")));
        let early = rx.try_recv().ok();
        sender.join().expect("no panic");
        let mut got: Vec<i32> = early.into_iter().chain(other.join().expect("no panic")).collect();
        got.extend(rx.try_iter());
        got.sort_unstable();
        assert_eq!(got, [1, 2]);
    })
    .bound(2)
    .catches([PUBLISH])
}

/// A send and a receive that may both time out agree on whether the value changed hands.
fn timeouts_lose_no_value() -> Model {
    model("a value sent is received though both sides time out", || {
        timeouts(0);
    })
    .bound(2)
    .catches([HAND_OVER])
}

/// With a buffer too, a send and a receive that may both time out agree on whether the value changed hands.
fn timeouts_lose_no_value_of_a_buffer() -> Model {
    model("a value sent to a buffer is received though both sides time out", || {
        timeouts(1);
    })
    .bound(2)
    .catches([SEND.weaken("publish-value")])
}

fn timeouts(capacity: usize) {
    let (tx, rx) = small(capacity);
    let sender = thread::spawn(move || [1, 2].map(|n| tx.send_timeout(n, A_WHILE).is_ok()));
    let mut got: Vec<i32> = (0..2).filter_map(|_| rx.recv_timeout(A_WHILE).ok()).collect();
    got.extend(rx.iter());
    let sent = sender.join().expect("no panic");
    let expected: Vec<i32> = [1, 2].into_iter().zip(sent).filter_map(|(n, sent)| sent.then_some(n)).collect();
    assert_eq!(got, expected);
}

/// A receiver does not wait for a sender that timed out, came again with the same ticket, and timed out again.
fn a_sender_that_gives_up_twice_leaves_no_receiver_waiting() -> Model {
    model("a receiver does not wait for a sender that timed out twice", || {
        let (tx, rx) = small(0);
        let sender = thread::spawn(move || [1, 2].map(|n| tx.send_timeout(n, A_WHILE).is_ok()));
        let got: Vec<i32> = rx.iter().collect();
        let sent = sender.join().expect("no panic");
        let expected: Vec<i32> =
            [1, 2].into_iter().zip(sent).filter_map(|(n, sent)| sent.then_some(n)).collect();
        assert_eq!(got, expected);
    })
    .bound(4)
    .catches([WAKE_RECEIVER])
}

/// A sender that timed out returns its place: the next receive and the next send behave as if that sender had not
/// come.
fn a_sender_that_gave_up_leaves_its_place() -> Model {
    model("a sender that timed out takes no place", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let gives_up = thread::spawn(move || theirs.send_timeout(1, A_WHILE).is_ok());
        assert_eq!(rx.recv(), Ok(0));
        let sent = gives_up.join().expect("no panic");
        if sent {
            assert_eq!(rx.try_recv(), Ok(1));
        }
        assert_eq!((rx.try_recv(), rx.len()), (Err(TryRecvError::Empty), 0));
        assert_eq!(tx.try_send(2), Ok(()));
        assert_eq!(rx.try_recv(), Ok(2));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([LOST_VALUE.or(FailureKind::Deadlock)])
}

/// Two receivers wait, and each gets one of two values that pass through one place.
fn two_receivers_share_what_two_sends_bring() -> Model {
    model("two blocked receivers both get a value", || {
        let (tx, rx) = small(1);
        let receivers = [1, 2].map(|_| {
            let rx = rx.clone();
            thread::spawn(move || rx.recv().expect("a value comes"))
        });
        tx.send(1).expect("open");
        tx.send(2).expect("open");
        let got = receivers.map(|receiver| receiver.join().expect("no panic"));
        assert!(got == [1, 2] || got == [2, 1], "{got:?}");
    })
    .bound(2)
    .catches([WAKE_RECEIVER])
}

/// A receiver that times out when a value arrives does not make the channel look fuller than it is.
fn a_receiver_that_gave_up_is_not_counted() -> Model {
    model("len does not count the cell of a receiver that timed out", || {
        let (tx, rx) = unbounded_with_segments(1);
        let theirs = rx.clone();
        let gives_up = thread::spawn(move || theirs.recv_timeout(A_WHILE).is_ok());
        tx.send(1).expect("open");
        let received = gives_up.join().expect("no panic");
        assert_eq!((rx.len(), rx.is_empty()), (usize::from(!received), received));
        tx.send(2).expect("open");
        assert_eq!(rx.len(), 1 + usize::from(!received));
        assert_eq!(rx.try_iter().count(), 1 + usize::from(!received));
        assert_eq!(rx.len(), 0);
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([UNCOUNTED])
}

/// The length is that of the buffer, also while a sender waits behind the buffer.
fn a_waiting_sender_is_not_counted() -> Model {
    model("len counts the buffer, and no sender that waits behind it", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let blocked = thread::spawn(move || theirs.send(1));
        until_sender_waits(&tx, 1);
        assert_eq!((tx.len(), rx.is_full()), (1, true));
        assert_eq!((rx.recv(), rx.recv()), (Ok(0), Ok(1)));
        blocked.join().expect("no panic").expect("open");
        assert_eq!(rx.len(), 0);
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([WAKE_BY_EXPANDING])
}

/// A sender behind a full buffer times out while a receiver takes a value: the place of that sender is not counted,
/// and receivers pass over it.
fn a_place_that_is_passed_over_is_not_counted() -> Model {
    model("len does not count the place of a sender that timed out behind a full buffer", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let mut gives_up = tx.send_async(1);
        let mut stays = tx.send_async(2);
        assert!(poll_once(&mut gives_up).is_pending() && poll_once(&mut stays).is_pending());
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(rx.recv(), Ok(0)));
            drop(gives_up);
        });
        assert_eq!(rx.len(), 1);
        let next = rx.recv().expect("one that was let in");
        assert!(next == 2 || rx.recv() == Ok(2));
    })
    .bound(2)
    .catches([UNCOUNTED])
}
