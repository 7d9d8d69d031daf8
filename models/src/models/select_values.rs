//! Models of the values of `select!`'s sends, which come once their case has been chosen.

use super::mutants::{CASE_SEND, CELL, EXPANDING_WAKES_SELECT, LATE, NOT_TOLD, SEND, WAKE_BY_EXPANDING};
use super::{Model, Plain, model, models, small, until_receiver_waits, until_sender_waits};
use crate::mutant::Mutant;
use crate::reach::Reach;
use selvedge::chan::{Receiver, Sender, TryRecvError, never, select};
use selvedge::rt::thread;
use selvedge_check::FailureKind;
use std::time::Duration;

models![
    a_try_recv_gets_the_value_of_a_select_that_waits,
    a_send_of_a_select_meets_a_receiver_that_gives_up,
    a_send_of_a_select_meets_a_select_that_gives_up,
    a_send_of_a_select_that_gives_up_meets_a_receiver,
    two_selects_do_not_send_to_one_that_receives,
    a_value_that_does_not_come_lets_a_receiver_go,
    a_value_that_does_not_come_lets_a_select_go,
    a_value_that_does_not_come_lets_the_next_sender_in,
    the_values_of_selects_and_sends_stay_in_order,
    a_select_does_not_lose_its_turn_while_its_value_comes,
    a_close_and_a_value_that_comes_late_agree,
    a_send_of_a_select_keeps_its_place,
    a_try_recv_waits_for_the_value_of_a_select,
    a_place_that_a_select_leaves_is_a_place_again,
];

/// A receiver decides a select, and is not there for its value.
const NOT_AWAITED: Mutant = LATE.lose("wait-for-promised", FailureKind::Panic).or(FailureKind::Deadlock);
/// A select that is bound to the value of another is not told that it has come or will not come.
const SELECT_NOT_TOLD: Mutant = CELL.drop_wake("wake-promised-select").shows_in("chan/select/run.rs");
/// The value of a select is handed to the receiver that is bound to it, and not published.
const HAND_OVER_PROMISED: Mutant = SEND.weaken("end-promise").shows_in("chan/algorithm/cell.rs");
/// A select relies on a receiver that is not bound by that.
const NOT_BOUND: Mutant = CASE_SEND.lose("promise-to-receiver", FailureKind::Panic);
/// A select relies on another one that takes the value for there already.
const SELECT_NOT_BOUND: Mutant =
    CASE_SEND.lose("promise-to-select", FailureKind::Panic).or(FailureKind::Race).or(FailureKind::Deadlock);
/// A select that has found its place does not say so.
const TAKES_NO_PLACE: Mutant = CASE_SEND.lose("take-place-late", FailureKind::Panic);
/// The value of a select is not left in its place.
const NOT_LEFT: Mutant = CASE_SEND.lose("fill-chosen", FailureKind::Panic).or(FailureKind::Deadlock);

const A_WHILE: Duration = Duration::from_millis(1);

/// Sends by a select that waits, and returns once it has sent.
fn send(tx: &Sender<u32>, value: u32) {
    select! {
        send(tx, value) -> sent => sent.expect("open"),
        recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
    }
}

/// Begins to send by a select, and leaves it while the value is evaluated.
fn leave(tx: &Sender<u32>) {
    select! {
        send(tx, if tx.is_closed() { 0 } else { return }) -> _ => unreachable!("the channel is open"),
        recv(never::<()>()) -> _ => unreachable!("nothing comes there"),
    }
}

/// On a channel without a buffer, a receive that must not wait meets a select that waits to send.
fn a_try_recv_gets_the_value_of_a_select_that_waits() -> Model {
    model("a try_recv gets the value of a select that waits to send", || {
        let (tx, rx) = small(0);
        let theirs = tx.clone();
        let data = Plain::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                data.set(5);
                send(&theirs, 1);
            });
            until_sender_waits(&tx, 0);
            assert_eq!((rx.try_recv(), data.get()), (Ok(1), 5));
        });
    })
    .bound(2)
    .catches([NOT_AWAITED, NOT_TOLD, HAND_OVER_PROMISED])
}

/// Returns a value, and lets other threads run before that.
fn late(value: u32) -> u32 {
    thread::yield_now();
    value
}

/// Runs both at the same time; both say that they have met, or neither does.
fn agree(sends: fn(&Sender<u32>) -> bool, receives: fn(&Receiver<u32>) -> bool) {
    let (tx, rx) = small(0);
    let (keeps, theirs) = (rx.clone(), tx.clone());
    let sender = thread::spawn(move || sends(&theirs));
    let received = receives(&rx);
    if !received {
        // A send that waits for ever ends.
        drop(rx);
        keeps.close().expect("open");
    }
    assert_eq!(sender.join().expect("no panic"), received);
    assert_eq!((keeps.try_recv().is_ok(), tx.len()), (false, 0), "nothing is left");
}

/// What a select has sent without a buffer has been received, though the receiver waits for a while only.
fn a_send_of_a_select_meets_a_receiver_that_gives_up() -> Model {
    model("a select sends to a receiver that gives up or does not", || {
        agree(
            |tx| select! { send(tx, late(1)) -> sent => sent.is_ok() },
            |rx| rx.recv_timeout(A_WHILE).is_ok(),
        );
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(0))
    .catches([NOT_BOUND, NOT_AWAITED])
}

/// What a select has sent without a buffer has been received, though the receiving select waits for a while only.
fn a_send_of_a_select_meets_a_select_that_gives_up() -> Model {
    model("a select sends to another that gives up or does not", || {
        agree(
            |tx| select! { send(tx, late(1)) -> sent => sent.is_ok() },
            |rx| select! { recv(rx) -> got => got.is_ok(), default(A_WHILE) => false },
        );
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(0))
    .catches([SELECT_NOT_BOUND, SELECT_NOT_TOLD])
}

/// A select that waits for a while only has sent if its value has been received.
fn a_send_of_a_select_that_gives_up_meets_a_receiver() -> Model {
    model("a select that gives up or does not sends to a receiver that does so", || {
        agree(
            |tx| select! { send(tx, late(1)) -> sent => sent.is_ok(), default(A_WHILE) => false },
            |rx| rx.recv_timeout(A_WHILE).is_ok(),
        );
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(0))
    .catches([NOT_BOUND, NOT_AWAITED])
}

/// Of two selects that send on two channels to one that receives from both, one sends.
fn two_selects_do_not_send_to_one_that_receives() -> Model {
    model("of two selects one sends to a third", || {
        let ((tx, rx), (other, another)) = (small(0), small(0));
        let senders = [(tx, 1), (other, 2)]
            .map(|(tx, n)| thread::spawn(move || select! { send(tx, late(n)) -> sent => sent.is_ok() }));
        let got = select! { recv(rx) -> got => got, recv(another) -> got => got };
        drop((rx, another));
        let sent = senders.map(|sender| sender.join().expect("no panic"));
        assert_eq!(sent, [got == Ok(1), got == Ok(2)]);
    })
    .bound(2)
    .catches([SELECT_NOT_BOUND])
}

/// A receiver that was to get the value of a select that leaves gets the next one's.
fn a_value_that_does_not_come_lets_a_receiver_go() -> Model {
    model("a value that does not come lets a receiver go", || {
        let (tx, rx) = small(0);
        let receiver = thread::spawn(move || rx.recv());
        leave(&tx);
        tx.send(1).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(1));
    })
    .bound(2)
    .catches([NOT_TOLD])
}

/// A select that was to get the value of another that leaves goes on to wait for all its cases.
fn a_value_that_does_not_come_lets_a_select_go() -> Model {
    model("a value that does not come lets a select go", || {
        let ((tx, rx), (other, another)) = (small(0), small(0));
        let theirs = rx.clone();
        let receiver =
            thread::spawn(move || select! { recv(theirs) -> got => got, recv(another) -> got => got });
        until_receiver_waits(&rx, 0);
        leave(&tx);
        other.send(2).expect("open");
        assert_eq!(receiver.join().expect("no panic"), Ok(2));
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    })
    .bound(2)
    .catches([SELECT_NOT_TOLD])
}

/// The place of a select whose value does not come is there for the next sender.
fn a_value_that_does_not_come_lets_the_next_sender_in() -> Model {
    model("a value that does not come lets the next sender in", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let (leaves, theirs) = (tx.clone(), tx.clone());
        let threads =
            [thread::spawn(move || leave(&leaves)), thread::spawn(move || theirs.send(1).expect("open"))];
        assert_eq!([rx.recv(), rx.recv()], [Ok(0), Ok(1)]);
        threads.into_iter().for_each(|thread| thread.join().expect("no panic"));
        tx.try_send(2).expect("room");
    })
    .bound(2)
    .catches([EXPANDING_WAKES_SELECT])
}

/// A receiver gets one thread's values in order, though a select brings one of them late.
fn the_values_of_selects_and_sends_stay_in_order() -> Model {
    model("the values of selects and sends stay in order", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let sender = thread::spawn(move || {
            send(&tx, 1);
            tx.send(2).expect("open");
        });
        let mut got = vec![rx.recv().expect("open")];
        got.extend(rx.try_recv());
        got.extend(rx.iter());
        assert_eq!(got, [0, 1, 2]);
        sender.join().expect("no panic");
    })
    .bound(2)
    .catches([EXPANDING_WAKES_SELECT, NOT_LEFT])
}

/// A receiver waits for the value of the select whose turn it is, and does not take the next sender's.
fn a_select_does_not_lose_its_turn_while_its_value_comes() -> Model {
    model("a select does not lose its turn while its value comes", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let (first, second) = (tx.clone(), tx.clone());
        let select = thread::spawn(move || send(&first, 1));
        until_sender_waits(&tx, 1);
        let sender = thread::spawn(move || second.send(2).expect("open"));
        assert_eq!([rx.recv(), rx.recv(), rx.recv()], [Ok(0), Ok(1), Ok(2)]);
        [select, sender].into_iter().for_each(|thread| thread.join().expect("no panic"));
    })
    .bound(2)
    .catches([NOT_AWAITED, NOT_TOLD])
}

/// A select's send fails, or its value is received, though the channel is closed at the same time.
fn a_close_and_a_value_that_comes_late_agree() -> Model {
    model("a close and a value that comes late agree", || {
        let (tx, rx) = small(0);
        let theirs = tx.clone();
        let sender = thread::spawn(move || select! { send(theirs, 1) -> sent => sent.is_ok() });
        let receiver = thread::spawn(move || rx.recv().is_ok());
        let _closed = tx.close();
        assert_eq!(sender.join().expect("no panic"), receiver.join().expect("no panic"));
    })
    .bound(2)
    .catches([NOT_TOLD, NOT_AWAITED])
}

/// Tries to send by a select, whose value comes late.
fn try_select(tx: &Sender<u32>, value: u32) -> bool {
    select! {
        send(tx, late(value)) -> sent => sent.is_ok(),
        default => false,
    }
}

/// Of two sends to a buffer of one value one happens, though one of them has its place before it has its value.
fn a_send_of_a_select_keeps_its_place() -> Model {
    model("a send of a select keeps its place while its value comes", || {
        let (tx, rx) = small(1);
        let theirs = tx.clone();
        let selects = thread::spawn(move || try_select(&theirs, 1));
        let sent = tx.try_send(2).is_ok();
        assert!(selects.join().expect("no panic") != sent, "one value has the place");
        assert_eq!([rx.try_recv(), rx.try_recv()], [Ok(if sent { 2 } else { 1 }), Err(TryRecvError::Empty)]);
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([TAKES_NO_PLACE, NOT_LEFT])
}

/// A receive that must not wait finds the value of a select that has its place, whatever is sent after it.
fn a_try_recv_waits_for_the_value_of_a_select() -> Model {
    model("a try_recv waits for the value of a select that has its place", || {
        let (tx, rx) = small(1);
        let theirs = tx.clone();
        let selects = thread::spawn(move || try_select(&theirs, 1));
        if tx.try_send(2).is_err() {
            assert_eq!(rx.try_recv(), Ok(1));
            tx.try_send(2).expect("there is one place");
        }
        selects.join().expect("no panic");
        assert_eq!(rx.try_recv(), Ok(2));
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([NOT_AWAITED, NOT_TOLD])
}

/// The place of a select whose value does not come is a place again, and a sender that waits behind it gets in.
fn a_place_that_a_select_leaves_is_a_place_again() -> Model {
    model("a place that a select leaves is a place again", || {
        let (tx, rx) = small(1);
        let theirs = tx.clone();
        let leaves = thread::spawn(move || leave(&theirs));
        tx.send(1).expect("open");
        assert!(tx.try_send(2).is_err(), "one value is there");
        assert_eq!(rx.recv(), Ok(1));
        leaves.join().expect("no panic");
        assert_eq!(rx.try_recv(), Err(TryRecvError::Empty));
    })
    .bound(2)
    .catches([WAKE_BY_EXPANDING])
}
