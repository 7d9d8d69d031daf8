//! Models of channels: the answer that the buffer is full is true, whatever other sends have begun.

use super::futures::poll_once;
use super::mutants::{CASE_SEND, LOST_CLOSE, LOST_VALUE, TRY_SEND};
use super::{Model, model, models, mutant_of, small, until_sender_waits};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use selvedge::chan::{Sender, bounded_with_segments, select};
use selvedge::rt::thread;
use selvedge_check::FailureKind;

models![
    a_sender_that_is_told_full_receives_a_value,
    a_select_that_is_told_full_receives_a_value,
    a_full_buffer_that_is_closed_has_a_value,
    the_value_of_a_select_that_was_let_in_counts,
    a_place_given_up_is_no_value,
];

/// A cell that is no place of the buffer is not counted as such, or a receiver that departs from such a cell does not
/// publish that it arrived.
const SETTLED: Mutant = mutant_of!("primitives/src/chan/algorithm/settled.rs");
const NO_PLACE_UNCOUNTED: Mutant = SETTLED.lose("count-no-place", FailureKind::Panic);
/// Loom does not find this within two preemptions.
const LEFT_UNSEEN: Mutant =
    SETTLED.weaken("uncount-no-place").fails_with(FailureKind::Panic).needs(Needs::SeqCst);
/// A sender behind a select lets it into the buffer, and does not wake it.
const WAKE_SELECT: Mutant = TRY_SEND.drop_wake("wake-select").shows_in("select/run.rs");
/// The value of a select is not put into the buffer.
const LOST_SELECTED: Mutant = CASE_SEND.lose("fill-chosen", FailureKind::Deadlock).or(FailureKind::Panic);

/// A second thread tries to send at the same time; only the caller receives.
fn who_is_told_full_receives(try_send: fn(&Sender<i32>, i32) -> bool) {
    let (tx, rx) = small(1);
    let theirs = tx.clone();
    let other = thread::spawn(move || try_send(&theirs, 1));
    let sent = usize::from(try_send(&tx, 2));
    assert!(rx.try_recv().is_ok(), "the buffer was full, and is empty");
    let sent = sent + usize::from(other.join().expect("no panic"));
    assert_eq!(1 + rx.try_iter().count(), sent);
}

/// A caller whose `try_send` says that the buffer is full receives a value, though concurrent sends take places from
/// each other.
fn a_sender_that_is_told_full_receives_a_value() -> Model {
    model("a caller that is told that the buffer is full receives a value", || {
        who_is_told_full_receives(|tx, n| tx.try_send(n).is_ok());
    })
    .bound(4)
    .reaches(Reach::Retries(0))
    .catches([LOST_VALUE])
}

/// A caller whose select takes its default because the buffer is full receives a value.
fn a_select_that_is_told_full_receives_a_value() -> Model {
    model("a caller whose select is told that the buffer is full receives a value", || {
        let try_select = |tx: &Sender<i32>, n| {
            select! {
                send(tx, n) -> sent => sent.is_ok(),
                default => false,
            }
        };
        who_is_told_full_receives(try_select);
    })
    .bound(4)
    .catches([LOST_SELECTED])
}

/// A full buffer still has a value after a close, which fails every send that has begun.
fn a_full_buffer_that_is_closed_has_a_value() -> Model {
    model("a full buffer still has a value after a close", || {
        let (tx, rx) = small(1);
        let theirs = tx.clone();
        let other = thread::spawn(move || theirs.send(1).is_ok());
        let sent = tx.try_send(2).is_ok();
        tx.close().expect("open");
        assert_eq!(rx.iter().count(), 1, "it was full, or is by the caller's value");
        assert!(other.join().expect("no panic") != sent);
    })
    .bound(2)
    .catches([LOST_CLOSE.fails_with(FailureKind::Deadlock)])
}

/// The value of a select that another sender let into the buffer counts before the select runs on.
fn the_value_of_a_select_that_was_let_in_counts() -> Model {
    model("the value of a select that was let in counts", || {
        let (tx, rx) = small(1);
        let (_idle, never) = bounded_with_segments::<()>(0, 0);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let selects = thread::spawn(move || {
            select! {
                send(theirs, 1) -> sent => sent.expect("open"),
                recv(never) -> _ => unreachable!("nobody sends there"),
            }
        });
        until_sender_waits(&tx, 1);
        let receiver = {
            let rx = rx.clone();
            thread::spawn(move || rx.recv())
        };
        let sent = tx.try_send(2).is_ok();
        assert_eq!(receiver.join().expect("no panic"), Ok(0));
        let mut rest: Vec<i32> = rx.iter().take(1 + usize::from(sent)).collect();
        selects.join().expect("no panic");
        rest.sort_unstable();
        assert_eq!(rest, if sent { vec![1, 2] } else { vec![1] });
        assert!(rx.is_empty());
    })
    .bound(2)
    .catches([WAKE_SELECT])
}

/// A place that a cancelled send left is not taken for a value, though no receiver has made room for its successor
/// yet and another receiver passes over the place.
fn a_place_given_up_is_no_value() -> Model {
    model("a place given up is not taken for a value", || {
        // All cells are in one segment: executions are long enough.
        let (tx, rx) = bounded_with_segments(2, 3);
        (0..2).for_each(|n| tx.send(n).expect("room"));
        let mut gives_up = tx.send_async(2);
        let mut stays = tx.send_async(3);
        assert!(poll_once(&mut gives_up).is_pending() && poll_once(&mut stays).is_pending());
        drop(gives_up);
        thread::scope(|scope| {
            scope.spawn(|| rx.recv());
            scope.spawn(|| rx.recv());
            let got = rx.recv().expect("one of three values");
            assert!(got == 0 || tx.try_send(4).is_ok(), "one value at most is left of three");
        });
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([NO_PLACE_UNCOUNTED, LEFT_UNSEEN])
}
