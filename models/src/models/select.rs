//! Models of `select!`: one case happens, and the others leave no trace.

use super::mutants::{CASE_SEND, CLOSE, DECIDE, EXPANDING_WAKES_SELECT, LOST_VALUE, RECV, SEND_WAKES_SELECT};
use super::{Model, Plain, model, models, mutant_of, small, until_receiver_waits};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use selvedge::chan::{Receiver, RecvError, Select, SendError, TryRecvError, never, select};
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::thread;
use selvedge_check::{Change, FailureKind};
use std::time::Duration;

models![
    a_default_runs_only_if_nothing_is_ready,
    one_of_two_senders_decides_a_select,
    a_sender_that_comes_late_leaves_the_next_select_alone,
    losing_cases_leave_no_trace,
    two_selects_that_face_each_other_meet,
    two_selects_that_cross_meet_once,
    a_select_receives_what_a_plain_send_brings,
    a_select_sends_to_a_plain_receive,
    a_select_sends_into_the_place_that_a_receive_frees,
    a_try_send_beside_a_select_says_full_only_if_it_is,
    a_select_and_a_try_send_share_no_place,
    a_close_leaves_what_a_select_has_sent,
    the_same_channel_may_stand_in_two_cases,
    a_select_does_not_meet_itself,
    close_decides_a_select_that_waits,
    close_gives_a_select_its_value_back,
    a_timeout_loses_no_value,
    a_timeout_loses_no_value_of_a_buffer,
    a_select_does_not_overtake_a_blocked_receiver,
    a_default_is_not_taken_while_one_of_two_channels_has_a_value,
    one_is_ready_of_two_channels_of_which_one_has_a_value,
    watchers_that_come_and_go_leave_the_others,
    a_loop_around_ready_sleeps,
    a_loop_around_ready_waits_for_a_value_that_comes_late,
];

const RUN: Mutant = mutant_of!("primitives/src/chan/select/run.rs");
const OBSERVERS: Mutant = mutant_of!("primitives/src/chan/select/observers.rs");
const RECV_WAKES_SELECT: Mutant = RECV.drop_wake("wake-select");
const DISCONNECT_SELECT: Mutant = CLOSE.drop_wake("wake-disconnected-select");
const REJECT_SELECT: Mutant = CLOSE.drop_wake("wake-rejected-select");
/// A sender breaks the cell of a select, and the select goes on to wait there.
const UNPOISONED: Mutant = mutant_of!("primitives/src/chan/select/state.rs")
    .lose("poison-select", FailureKind::Deadlock)
    .or(FailureKind::Panic);
/// A channel changes, and observers are not woken.
const TELL_OBSERVERS: Mutant = OBSERVERS.drop_wake("wake-observers");
/// Two waits of a thread's selects have the same number.
const SAME_NUMBER: Mutant = mutant_of!("primitives/src/chan/select/state.rs")
    .mutant("number-next-wait", Change::Twin, FailureKind::Panic, Needs::Interleavings)
    .or(FailureKind::Race)
    .or(FailureKind::Deadlock);
/// The cell of a select that has chosen to send there is taken from it. (It takes three preemptions; loom came to them after 13 seconds
/// of a processor, shuttle after 22.)
const CHOSEN_LOSES_CELL: Mutant = mutant_of!("primitives/src/chan/select/state.rs").mutant(
    "keep-cell-of-chosen",
    Change::Twin,
    FailureKind::Panic,
    Needs::Graphs,
);
/// A select times out, and can still be decided.
const GIVE_UP: Mutant = RUN.lose("stop-waiting", FailureKind::Panic);

/// A value is not left in the cell of the select that was chosen to send it.
const NOT_FILLED: Mutant = CASE_SEND.lose("fill-chosen", FailureKind::Panic).or(FailureKind::Deadlock);

const A_WHILE: Duration = Duration::from_millis(1);

/// A value that is in the channel is received, and the default does not run.
fn a_default_runs_only_if_nothing_is_ready() -> Model {
    model("a default runs only if nothing is ready", || {
        let ((tx, rx), (other, idle)) = (small(1), small(1));
        tx.send(1).expect("room");
        let sender = thread::spawn(move || other.send(2));
        select! {
            recv(rx) -> got => assert_eq!(got, Ok(1)),
            recv(idle) -> got => assert_eq!(got, Ok(2)),
            default => panic!("a value was there"),
        }
        sender.join().expect("no panic").expect("room");
    })
    .bound(2)
    .reaches(Reach::Retries(1))
    .catches([LOST_VALUE])
}

/// A select that waits is decided once, though two values are sent; the other value stays.
fn one_of_two_senders_decides_a_select() -> Model {
    model("a select is decided once, and takes one value", || {
        let ((tx, rx), (other, another)) = (small(1), small(1));
        let senders = [(&tx, 1), (&other, 2)].map(|(tx, n)| {
            let tx = tx.clone();
            thread::spawn(move || tx.send(n).expect("room"))
        });
        let got = [1, 2].map(|_| select! { recv(rx) -> got => got, recv(another) -> got => got });
        assert!(got == [Ok(1), Ok(2)] || got == [Ok(2), Ok(1)], "{got:?}");
        senders.into_iter().for_each(|sender| sender.join().expect("no panic"));
    })
    .bound(2)
    .catches([DECIDE])
}

/// A select that waited on two channels leaves no trace in the one that lost: a value sent there is not lost.
fn losing_cases_leave_no_trace() -> Model {
    model("losing cases leave no trace", || {
        let ((tx, rx), (other, another)) = (small(0), small(0));
        let senders = [(tx, 1), (other, 2)].map(|(tx, n)| thread::spawn(move || tx.send(n)));
        let mut got = vec![select! { recv(rx) -> got => got, recv(another) -> got => got }];
        let (first, second) = (rx.recv_timeout(A_WHILE), another.recv_timeout(A_WHILE));
        got.extend([first, second].into_iter().filter_map(Result::ok).map(Ok));
        drop((rx, another));
        let sent = senders.map(|sender| sender.join().expect("no panic").is_ok());
        assert_eq!(got.iter().filter(|got| got.is_ok()).count(), sent.iter().filter(|sent| **sent).count());
    })
    .bound(2)
    .catches([DECIDE])
}

/// A sender that has met a select in its cell does not decide the next select of the same thread.
fn a_sender_that_comes_late_leaves_the_next_select_alone() -> Model {
    model("a sender that comes too late for a select does not decide the next one of its thread", || {
        let ((tx, rx), (other, another)) = (small(1), small(1));
        let sender = thread::spawn(move || {
            tx.send(1).expect("room");
            other.send(2).expect("room");
        });
        let first = select! { recv(rx) -> got => got.ok(), default(A_WHILE) => None };
        let second =
            select! { recv(another) -> got => got, recv(never::<u32>()) -> _ => unreachable!("nothing comes") };
        assert_eq!(second, Ok(2));
        assert_eq!(first.or_else(|| rx.recv().ok()), Some(1));
        sender.join().expect("no panic");
    })
    .bound(2)
    .catches([SAME_NUMBER])
}

/// A select of sends and a select of receives meet on one channel.
fn two_selects_that_face_each_other_meet() -> Model {
    model("two selects that face each other meet", || {
        let ((tx, rx), (other, another)) = (small(0), small(0));
        let sender = thread::spawn(move || {
            select! {
                send(tx, 1) -> sent => { sent.expect("the receiver waits for us"); 1 }
                send(other, 2) -> sent => { sent.expect("the receiver waits for us"); 2 }
            }
        });
        let got = select! { recv(another) -> got => got, recv(rx) -> got => got };
        assert_eq!(got, Ok(sender.join().expect("no panic")));
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(0))
    .catches([DECIDE])
}

/// Two selects each offer what the other wants, both ways round: one pair of cases meets.
fn two_selects_that_cross_meet_once() -> Model {
    model("two selects that cross meet once", || {
        let ((tx, rx), (other, another)) = (small(0), small(0));
        let (theirs, back) = (rx.clone(), other.clone());
        let thread = thread::spawn(move || {
            select! {
                recv(theirs) -> got => (got.expect("open"), 0),
                send(back, 2) -> sent => { sent.expect("open"); (0, 2) }
            }
        });
        let here = select! {
            send(tx, 1) -> sent => { sent.expect("open"); (1, 0) }
            recv(another) -> got => (0, got.expect("open")),
        };
        assert_eq!(here, thread.join().expect("no panic"));
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([DECIDE])
}

/// A select receives from a plain send, wherever that send is on its way.
fn a_select_receives_what_a_plain_send_brings() -> Model {
    model("a select receives from a plain send", || {
        let (tx, rx) = small(0);
        let data = Plain::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                data.set(5);
                tx.send(1).expect("open");
            });
            let got = select! { recv(rx) -> got => got, recv(never::<i32>()) -> got => got };
            assert_eq!((got, data.get()), (Ok(1), 5));
        });
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([SEND_WAKES_SELECT, UNPOISONED])
}

/// A select sends to a plain receive, wherever that receive is on its way.
fn a_select_sends_to_a_plain_receive() -> Model {
    model("a select sends to a plain receive", || {
        let (tx, rx) = small(0);
        let data = Plain::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                data.set(5);
                assert_eq!(rx.recv(), Ok(1));
            });
            select! {
                send(tx, 1) -> sent => sent.expect("open"),
                recv(never::<i32>()) -> _ => unreachable!("nothing comes there"),
            }
            assert_eq!(data.get(), 5);
        });
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([RECV_WAKES_SELECT])
}

/// A receive frees the one place of a buffer, and a send that does not wait and a select are there to take it.
fn a_select_and_a_try_send_share_no_place() -> Model {
    model("a select and a try_send share no place", || {
        let ((tx, rx), (keep, gives_up)) = (small(1), small::<()>(0));
        tx.send(1).expect("room");
        let is_taken = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| {
                let made_room = rx.try_recv() == Ok(1);
                // Release: a thread that reads it knows that the value is in the buffer, from which nobody receives any more.
                is_taken.store(tx.try_send(2).is_ok() && made_room, Release);
                drop(keep);
            });
            let sent = select! {
                recv(gives_up) -> _ => false,
                send(tx, 3) -> sent => sent.is_ok(),
            };
            // Acquire: pairs with the Release above.
            assert!(!(sent && is_taken.load(Acquire)), "two values in one place");
        });
    })
    .bound(3)
    .catches([CHOSEN_LOSES_CELL])
}

/// A select that waits to send to a full channel gets the place that a receive frees.
fn a_select_sends_into_the_place_that_a_receive_frees() -> Model {
    model("a select gets the place that a receive frees", || {
        let ((tx, rx), (other, full)) = (small(1), small(0));
        tx.send(1).expect("room");
        let theirs = rx.clone();
        let receiver = thread::spawn(move || theirs.recv());
        select! {
            send(tx, 2) -> sent => sent.expect("open"),
            send(other, 3) -> _ => unreachable!("nobody receives there"),
        }
        assert_eq!((receiver.join().expect("no panic"), rx.recv()), (Ok(1), Ok(2)));
        assert_eq!(full.try_recv(), Err(TryRecvError::Empty));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([EXPANDING_WAKES_SELECT, NOT_FILLED])
}

/// A `try_send` beside a select that is about to send finds the channel full only if the select has been chosen to send.
fn a_try_send_beside_a_select_says_full_only_if_it_is() -> Model {
    model("a try_send beside a select says full only if it is", || {
        let (tx, rx) = small(1);
        tx.send(0).expect("room");
        let theirs = tx.clone();
        let sender = thread::spawn(move || {
            select! {
                send(theirs, 1) -> sent => sent.expect("open"),
                recv(never::<i32>()) -> _ => unreachable!("nothing comes there"),
            }
        });
        assert_eq!(rx.recv(), Ok(0));
        let sent = tx.try_send(2).is_ok();
        let mut got = vec![rx.recv()];
        got.extend(sent.then(|| rx.recv()));
        sender.join().expect("no panic");
        got.sort_unstable_by_key(|got| *got.as_ref().expect("a value"));
        assert_eq!(got, if sent { vec![Ok(1), Ok(2)] } else { vec![Ok(1)] });
    })
    .bound(2)
    .catches([LOST_VALUE])
}

/// A value that a select has sent into a buffer is received though the channel is closed afterwards.
fn a_close_leaves_what_a_select_has_sent() -> Model {
    model("close leaves what a select has sent", || {
        let (tx, rx) = small(1);
        tx.send(1).expect("room");
        let sender = thread::spawn(move || {
            select! {
                send(tx, 2) -> sent => sent.expect("open"),
                recv(never::<i32>()) -> _ => unreachable!("nothing comes there"),
            }
        });
        assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 2]);
        sender.join().expect("no panic");
    })
    .bound(2)
    .catches([EXPANDING_WAKES_SELECT])
}

/// Two cases of a select receive from one channel: one case gets the one value.
fn the_same_channel_may_stand_in_two_cases() -> Model {
    model("the same channel may stand in two cases", || {
        let (tx, rx) = small(0);
        let sender = thread::spawn(move || tx.send_timeout(1, A_WHILE).is_ok());
        let got = select! { recv(rx) -> got => got, recv(rx) -> got => got };
        let sent = sender.join().expect("no panic");
        assert_eq!(got, if sent { Ok(1) } else { Err(RecvError) });
    })
    .bound(2)
    .catches([SEND_WAKES_SELECT])
}

/// A send and a receive on one channel in one select do not meet each other; each meets other operations.
fn a_select_does_not_meet_itself() -> Model {
    model("a select meets others, and not itself", || {
        let (tx, rx) = small(0);
        let theirs = rx.clone();
        let receiver = thread::spawn(move || theirs.recv());
        select! {
            send(tx, 1) -> sent => sent.expect("open"),
            recv(rx) -> _ => panic!("no other operation sends"),
        }
        assert_eq!(receiver.join().expect("no panic"), Ok(1));
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([TELL_OBSERVERS])
}

/// Closing wakes a select, and its case learns that the channel is closed.
fn close_decides_a_select_that_waits() -> Model {
    model("close decides a select that waits", || {
        let ((tx, rx), (other, _full)) = (small::<i32>(0), small(0));
        let closer = thread::spawn(move || tx.close());
        select! {
            recv(rx) -> got => assert_eq!(got, Err(RecvError)),
            send(other, 1) -> _ => unreachable!("nobody receives there"),
        }
        closer.join().expect("no panic").expect("open");
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([DISCONNECT_SELECT])
}

/// Closing wakes a select that sends, and the select gets its value back.
fn close_gives_a_select_its_value_back() -> Model {
    model("close gives a select its value back", || {
        let ((tx, rx), (_other, idle)) = (small(0), small::<i32>(0));
        let closer = thread::spawn(move || rx.close());
        select! {
            send(tx, 1) -> sent => assert_eq!(sent, Err(SendError(1))),
            recv(idle) -> _ => unreachable!("nobody sends there"),
        }
        closer.join().expect("no panic").expect("open");
    })
    .bound(2)
    .reaches_in_full(Reach::Everything)
    .catches([REJECT_SELECT])
}

/// A select that times out and a send that arrives at that moment agree on whether the value changed hands.
fn a_timeout_loses_no_value() -> Model {
    model("a select that times out loses no value", || {
        timeout(0);
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([GIVE_UP])
}

/// A select that times out and a send to a buffer that arrives at that moment agree on whether the value changed
/// hands.
fn a_timeout_loses_no_value_of_a_buffer() -> Model {
    model("a select that times out loses no value of a buffer", || {
        timeout(1);
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([GIVE_UP])
}

fn timeout(capacity: usize) {
    let (tx, rx) = small(capacity);
    let sender = thread::spawn(move || tx.send(1).is_ok());
    let early = select! { recv(rx) -> got => got.ok(), default(A_WHILE) => None };
    let late = if early.is_none() { rx.recv().ok() } else { None };
    assert!(sender.join().expect("no panic"));
    assert_eq!(early.or(late), Some(1));
}

/// A receiver that waited first is served first, though a select waits too.
fn a_select_does_not_overtake_a_blocked_receiver() -> Model {
    model("a select does not overtake a blocked receiver", || {
        let (tx, rx) = small(0);
        let theirs = rx.clone();
        let first = thread::spawn(move || theirs.recv());
        until_receiver_waits(&rx, 0);
        let second = thread::spawn(move || select! { recv(rx) -> got => got, recv(never()) -> got => got });
        tx.send(1).expect("open");
        tx.send(2).expect("open");
        assert_eq!((first.join().expect("no panic"), second.join().expect("no panic")), (Ok(1), Ok(2)));
    })
    .bound(2)
    .catches([SEND_WAKES_SELECT])
}

/// One of two channels has a value at every moment, since a value moves to the one before it leaves the other: a
/// select does not take its default.
fn a_default_is_not_taken_while_one_of_two_channels_has_a_value() -> Model {
    model("a default is not taken while one of two channels has a value", || {
        beside_a_mover(|rx, another| {
            select! {
                recv(rx) -> got => got.is_ok(),
                recv(another) -> got => got.is_ok(),
                default => false,
            }
        });
    })
    .bound(2)
    .reaches(Reach::Retries(1))
    .catches([LOST_VALUE])
}

/// One of two channels has a value at every moment: one of them is ready.
fn one_is_ready_of_two_channels_of_which_one_has_a_value() -> Model {
    model("one is ready of two channels of which one has a value", || {
        beside_a_mover(|rx, another| {
            let mut select = Select::new();
            select.recv(rx);
            select.recv(another);
            select.try_ready().is_ok()
        });
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([LOST_VALUE])
}

/// Moves a value from one channel to the other and back, beside a thread that must find it.
fn beside_a_mover(finds: impl FnOnce(&Receiver<i32>, &Receiver<i32>) -> bool) {
    let ((tx, rx), (other, another)) = (small(2), small(2));
    tx.send(1).expect("room");
    let (from, to) = (rx.clone(), another.clone());
    let mover = thread::spawn(move || {
        other.send(2).expect("room");
        let first = from.try_recv();
        tx.send(3).expect("room");
        let second = to.try_recv();
        (tx, other, first, second)
    });
    assert!(finds(&rx, &another), "one of the channels always has a value");
    let _open = mover.join().expect("no panic");
}

/// A value wakes two threads that wait for a channel to become ready, though a third arrives and departs.
fn watchers_that_come_and_go_leave_the_others() -> Model {
    model("observers that come and go leave the others", || {
        let (tx, rx) = small(1);
        let watchers = [(); 2].map(|()| {
            let rx = rx.clone();
            thread::spawn(move || {
                let mut select = Select::new();
                select.recv(&rx);
                select.ready()
            })
        });
        let mut visitor = Select::new();
        visitor.recv(&rx);
        let _early = visitor.ready_timeout(A_WHILE);
        tx.send(1).expect("room");
        watchers.into_iter().for_each(|watcher| assert_eq!(watcher.join().expect("no panic"), 0));
        assert_eq!(rx.recv(), Ok(1));
    })
    .bound(2)
    .catches([TELL_OBSERVERS])
}

/// A thread that tries what is ready, again and again, sleeps while nothing changes: also while a sender has its
/// ticket and has not arrived.
fn a_loop_around_ready_sleeps() -> Model {
    model("a loop around ready sleeps until a sender under way has come", || {
        let (tx, rx) = small(1);
        let sender = thread::spawn(move || tx.send(1));
        let mut select = Select::new();
        select.recv(&rx);
        let got = loop {
            select.ready();
            if let Ok(got) = rx.try_recv() {
                break got;
            }
        };
        assert_eq!(got, 1);
        sender.join().expect("no panic").expect("room");
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([TELL_OBSERVERS])
}

/// A thread that tries what is ready, again and again, sleeps until a selected send gets its value.
fn a_loop_around_ready_waits_for_a_value_that_comes_late() -> Model {
    model("a loop around ready sleeps until a send that was chosen has its value", || {
        let (tx, rx) = small(1);
        tx.send(1).expect("room");
        let receiver = thread::spawn(move || {
            let mut select = Select::new();
            select.recv(&rx);
            let mut next = || loop {
                select.ready();
                if let Ok(got) = rx.try_recv() {
                    return got;
                }
            };
            [next(), next()]
        });
        let mut select = Select::new();
        select.send(&tx);
        select.select().send(&tx, 2).expect("open");
        assert_eq!(receiver.join().expect("no panic"), [1, 2]);
    })
    .bound(2)
    .catches([TELL_OBSERVERS])
}
