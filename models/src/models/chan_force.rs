//! Models of channels: sends that take the place of the oldest value, and tasks that wait for the close.

use super::futures::{DOZE, block_on, poll_once};
use super::mutants::LOST_CLOSE;
use super::{Model, model, models, mutant_of, small};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use selvedge::rt::sync::atomic::Ordering::Acquire;
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};

models![
    two_forced_sends_lose_nothing_and_leave_what_fits,
    a_forced_send_beside_a_receiver_takes_out_one_value_at_most,
    a_forced_send_lets_a_sender_in_that_waits,
    a_task_that_waits_for_the_close_is_told,
    a_future_of_the_close_that_is_dropped_leaves_the_others,
];

/// A thread that finds another one's list of tasks only acquires it.
const FOUND_EARLY: Mutant = mutant_of!("primitives/src/queue/lazy.rs").mutant(
    "find-made",
    Change::FailureOrder(Acquire),
    FailureKind::Deadlock,
    Needs::SeqCst,
);

const FORCE: Mutant = mutant_of!("primitives/src/chan/algorithm/force_send.rs");
/// A forced send takes the oldest value out, and does not mark its cell.
const TAKE_OLDEST: Mutant = FORCE
    .lose("take-oldest", FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Deadlock);
/// A value beyond the end of the buffer is not noted.
const NOT_NOTED: Mutant = FORCE.lose("note-forced", FailureKind::Panic);

/// Two forced sends at the same time take out as many values as do not fit, and no more.
fn two_forced_sends_lose_nothing_and_leave_what_fits() -> Model {
    model("two forced sends lose nothing, and leave what fits", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let forcer = thread::spawn(move || theirs.force_send(1).expect("open"));
        let mut all: Vec<_> = tx.force_send(2).expect("open").into_iter().collect();
        all.extend(forcer.join().expect("no panic"));
        assert_eq!(all.len(), 2, "each took one out");
        all.extend(rx.try_recv());
        assert!(rx.try_recv().is_err(), "more than fits");
        all.sort_unstable();
        assert_eq!(all, [0, 1, 2]);
    })
    .bound(2)
    .catches([TAKE_OLDEST, NOT_NOTED])
}

/// Beside a receiver a forced send takes out the oldest value, or finds that there is room.
fn a_forced_send_beside_a_receiver_takes_out_one_value_at_most() -> Model {
    model("a forced send takes out one value beside a receiver, or none", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let receiver = thread::spawn(move || (rx.try_recv().ok(), rx));
        let taken = tx.force_send(1).expect("open");
        let (received, rx) = receiver.join().expect("no panic");
        let left = rx.try_recv().ok();
        assert!(rx.try_recv().is_err(), "more than fits");
        match (taken, received, left) {
            (Some(0), Some(1), None) | (Some(0), None, Some(1)) | (None, Some(0), Some(1)) => (),
            other => panic!("taken out, received, left: {other:?}"),
        }
    })
    .bound(2)
    .catches([TAKE_OLDEST])
}

/// A sender that waits gets the place of the oldest value, and the forced value comes behind its own.
fn a_forced_send_lets_a_sender_in_that_waits() -> Model {
    model("a forced send lets a sender in that waits", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let sender = thread::spawn(move || theirs.send(1).expect("open"));
        assert_eq!(tx.force_send(2), Ok(Some(0)));
        let first = rx.recv().expect("one is there");
        let second = rx.recv().expect("the other comes");
        assert!([first, second] == [1, 2] || [first, second] == [2, 1]);
        sender.join().expect("no panic");
        assert!(rx.try_recv().is_err());
    })
    .bound(2)
    .catches([TAKE_OLDEST])
}

/// A task that waits for the close is told of it.
fn a_task_that_waits_for_the_close_is_told() -> Model {
    model("a task that waits for the close is told", || {
        let (tx, rx) = small::<i32>(1);
        let closer = thread::spawn(move || drop(rx));
        block_on(tx.closed());
        assert!(tx.is_closed());
        closer.join().expect("no panic");
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([DOZE, LOST_CLOSE.or(FailureKind::Deadlock)])
}

/// A future of the close may be dropped, beside the close and another one.
fn a_future_of_the_close_that_is_dropped_leaves_the_others() -> Model {
    model("a future of the close that is dropped leaves the others", || {
        let (tx, rx) = small::<i32>(1);
        let theirs = tx.clone();
        let gives_up = thread::spawn(move || {
            let mut closed = theirs.closed();
            let _early = poll_once(&mut closed);
        });
        let closer = thread::spawn(move || rx.close().expect("open"));
        block_on(tx.closed());
        gives_up.join().expect("no panic");
        closer.join().expect("no panic");
    })
    .bound(2)
    .catches([DOZE, FOUND_EARLY])
}
