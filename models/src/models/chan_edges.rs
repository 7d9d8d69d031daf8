//! Models of channels: what happens before what, as Go's memory model has it, with plain data beside the channel; and
//! what becomes of values.

use super::futures::poll_once;
use super::mutants::{
    CHAN, DISCONNECT_RECEIVER, EXPAND, HAND_OVER, LOST_VALUE, PUBLISH, RECV, SEND, WAKE_BY_EXPANDING,
    WAKE_SENDER,
};
use super::{Model, Plain, model, models, mutant_of, small};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use selvedge::chan::{RecvError, bounded_with_segments};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge_check::FailureKind;
use std::time::Duration;

models![
    a_send_happens_before_its_receive,
    a_rendezvous_send_happens_before_its_receive,
    a_rendezvous_receive_happens_before_its_send_completes,
    receives_happen_before_all_sends_that_use_their_places,
    a_receive_happens_before_the_send_that_uses_its_place,
    a_receive_happens_before_a_try_send_that_uses_its_place,
    close_happens_before_a_receive_that_fails,
    a_send_happens_before_a_timed_receive,
    a_receive_happens_before_a_timed_send_completes,
    a_receive_happens_before_a_timed_send_into_its_place,
    every_value_is_dropped_once,
    segments_are_reused_under_way,
    a_walker_keeps_dead_segments_from_reuse,
    segments_behind_a_receive_that_stands_still_are_reused,
];

const ARRAY: Mutant = mutant_of!("primitives/src/queue/array.rs");
/// A receiver takes the value of a sender that waits, or moves it into the buffer, and does not change the cell.
const LOST_TAKE: Mutant =
    RECV.lose("take-value-of-sender", FailureKind::Race).or(FailureKind::Panic).needs(Needs::Orderings);
const LOST_MOVE: Mutant = EXPAND.lose("move-value-into-buffer", FailureKind::Panic).or(FailureKind::Race);
/// Walkers are not counted, so that a segment is used again while a thread reads it.
const UNPINNED: Mutant = ARRAY
    .lose("count-walker", FailureKind::Leak)
    .and("uncount-walker")
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Panic);
/// A waiter that falls asleep does not mark its cell; or marks the cell, and does not publish its waker.
const ASLEEP_UNSEEN: Mutant =
    RECV.lose("fall-asleep", FailureKind::Deadlock).shows_in("chan/algorithm/recv.rs");
const SENDER_ASLEEP_UNSEEN: Mutant =
    SEND.lose("fall-asleep", FailureKind::Deadlock).shows_in("chan/algorithm/send.rs");
const NO_SLEEPER: Mutant = RECV.weaken("fall-asleep");
const NO_SENDER_ASLEEP: Mutant = SEND.weaken("fall-asleep");
/// A cursor stays at a segment that is unlinked.
const CURSOR_LEFT: Mutant = mutant_of!("primitives/src/queue/retire.rs")
    .lose("advance-cursor", FailureKind::Panic)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Race)
    .or(FailureKind::Livelock);
const LOST_GROWTH: Mutant = CHAN.lose("grow-buffer", FailureKind::Panic).or(FailureKind::Deadlock);
const WEAK_GROWTH: Mutant = CHAN.weaken("grow-buffer").needs(Needs::SeqCst);
/// A sender publishes the known end of the buffer without what it acquired before. Loom does not find this within two
/// preemptions.
const TOLD_PLACE: Mutant = SEND.weaken("raise-known-end").needs(Needs::SeqCst);

const A_WHILE: Duration = Duration::from_millis(1);

/// Writes to plain data and calls `before`, on a thread of its own, beside `after`. If `after` returns that `before`
/// is done, the write must happen before.
fn happens_before(before: impl FnOnce() + Send, after: impl FnOnce() -> bool) {
    let data = Plain::new(0);
    thread::scope(|scope| {
        scope.spawn(|| {
            data.set(5);
            before();
        });
        if after() {
            assert_eq!(data.get(), 5);
        }
    });
}

fn send_before_receive(capacity: usize) {
    let (tx, rx) = small(capacity);
    happens_before(
        || tx.send(()).expect("open"),
        || {
            rx.recv().expect("a value comes");
            true
        },
    );
}

/// A send happens before its receive completes.
fn a_send_happens_before_its_receive() -> Model {
    model("a send happens before its receive", || {
        send_before_receive(1);
    })
    .bound(2)
    .reaches(Reach::Retries(1))
    .catches([PUBLISH])
}

/// Without a buffer too, a send happens before its receive completes.
fn a_rendezvous_send_happens_before_its_receive() -> Model {
    model("without a buffer a send happens before its receive", || {
        send_before_receive(0);
    })
    .bound(2)
    .reaches(Reach::Retries(1))
    .catches([WAKE_SENDER, ASLEEP_UNSEEN, NO_SLEEPER])
}

/// Without a buffer a receive happens before its send completes.
fn a_rendezvous_receive_happens_before_its_send_completes() -> Model {
    model("without a buffer a receive happens before its send completes", || {
        let (tx, rx) = small(0);
        happens_before(
            || rx.recv().expect("a value comes"),
            || {
                tx.send(()).expect("open");
                true
            },
        );
    })
    .bound(2)
    .reaches(Reach::Retries(1))
    .catches([WAKE_SENDER, SENDER_ASLEEP_UNSEEN, NO_SENDER_ASLEEP])
}

/// With capacity 2 both receives happen before the two sends that use their places, even if one of the sends learns
/// of its place from the other.
fn receives_happen_before_all_sends_that_use_their_places() -> Model {
    model(
        "a receive happens before each send that uses its place, though another sender found the place",
        || {
            // All cells are in one segment: a step to the next segment would synchronize as well.
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
        },
    )
    .bound(2)
    .catches([TOLD_PLACE])
}

/// With capacity 1 the first receive happens before the second send completes.
fn a_receive_happens_before_the_send_that_uses_its_place() -> Model {
    model("the k-th receive happens before send k+C completes", || {
        let (tx, rx) = small(1);
        happens_before(
            || rx.recv().expect("a value comes"),
            || {
                tx.send(()).expect("open");
                tx.send(()).expect("open");
                true
            },
        );
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([WAKE_BY_EXPANDING, LOST_GROWTH])
}

/// With capacity 1 a receive happens before a send that uses its place and does not wait, so that nothing is woken.
fn a_receive_happens_before_a_try_send_that_uses_its_place() -> Model {
    model("the k-th receive happens before send k+C, which does not wait", || {
        let (tx, rx) = small(1);
        tx.send(()).expect("room");
        happens_before(|| rx.recv().expect("a value is there"), || tx.try_send(()).is_ok());
    })
    .reaches(Reach::Everything)
    .catches([WEAK_GROWTH])
}

/// Closing happens before a receive that fails because of it.
fn close_happens_before_a_receive_that_fails() -> Model {
    model("close happens before a receive that fails", || {
        let (tx, rx) = small::<()>(1);
        happens_before(
            || tx.close().expect("open"),
            || {
                assert_eq!(rx.recv(), Err(RecvError));
                true
            },
        );
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([DISCONNECT_RECEIVER])
}

/// A send happens before a receive that nearly timed out, and got its value before it was woken.
fn a_send_happens_before_a_timed_receive() -> Model {
    model("a send happens before a receive that nearly timed out", || {
        let (tx, rx) = small(0);
        happens_before(|| _ = tx.try_send(()), || rx.recv_timeout(A_WHILE).is_ok());
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([HAND_OVER])
}

/// A receive happens before a send that nearly timed out, and whose value was taken before it was woken.
fn a_receive_happens_before_a_timed_send_completes() -> Model {
    model("a receive happens before a send that nearly timed out", || {
        let (tx, rx) = small(0);
        happens_before(|| _ = rx.try_recv(), || tx.send_timeout((), A_WHILE).is_ok());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([LOST_TAKE])
}

/// A receive moves the value of a sender that nearly timed out into the buffer, and happens before that send
/// completes.
fn a_receive_happens_before_a_timed_send_into_its_place() -> Model {
    model("a receive happens before a send into its place that nearly timed out", || {
        let (tx, rx) = small(1);
        tx.send(()).expect("room");
        happens_before(|| rx.try_recv().expect("a value is there"), || tx.send_timeout((), A_WHILE).is_ok());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([LOST_MOVE])
}

/// Each value is dropped once, whether a dropped channel holds it or a send gave it back.
fn every_value_is_dropped_once() -> Model {
    model("every value is dropped once", || {
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
    })
    .bound(2)
    .catches([LOST_VALUE])
}

/// Values cross segments, and a segment is used again while threads look for their cells.
fn segments_are_reused_under_way() -> Model {
    model("segments are reused while threads look for cells", || {
        let (tx, rx) = selvedge::chan::bounded_with_segments(1, 0);
        let sender = thread::spawn(move || (0..3).for_each(|n| tx.send(n).expect("open")));
        assert_eq!(rx.iter().collect::<Vec<_>>(), [0, 1, 2]);
        sender.join().expect("no panic");
    })
    .bound(2)
    .catches([PUBLISH])
}

/// A thread that looks for its cell keeps segments that were unlinked meanwhile from reuse.
fn a_walker_keeps_dead_segments_from_reuse() -> Model {
    model("a thread that looks for its cell keeps dead segments from reuse", || {
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
    })
    .bound(2)
    .catches([UNPINNED, CURSOR_LEFT])
}

/// A receive future that is not polled keeps its own segment, and the segments behind it are reused.
fn segments_behind_a_receive_that_stands_still_are_reused() -> Model {
    model("segments behind a receive that stands still are reused", || {
        let (tx, rx) = bounded_with_segments(1, 0);
        let mut stands_still = rx.recv_async();
        assert!(poll_once(&mut stands_still).is_pending());
        tx.send(0).expect("it waits");
        thread::scope(|scope| {
            scope.spawn(|| (1..4).for_each(|n| tx.send(n).expect("open")));
            (1..4).for_each(|n| assert_eq!(rx.recv(), Ok(n)));
        });
        assert!(poll_once(&mut stands_still).is_ready());
    })
    .bound(2)
    .catches([CURSOR_LEFT])
}
