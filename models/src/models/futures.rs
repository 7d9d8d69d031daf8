//! Models of channels as futures.
#![allow(clippy::disallowed_types, reason = "std's wakers want std's Arc")]

use super::mutants::{CLOSE, NOT_ENTERED, RECV};
use super::{Model, model, models, mutant_of, small};
use crate::mutant::{Mutant, Needs};
use crate::reach::Reach;
use core::future::Future;
use core::mem::ManuallyDrop;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use selvedge::chan::{Receiver, RecvError, Sender, TryRecvError, bounded, bounded_with_segments, unbounded};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::{AcqRel, Acquire};
use selvedge::rt::thread;
use selvedge_check::FailureKind;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Wake;

models![
    a_task_receives_from_a_thread,
    a_task_sends_to_a_thread,
    a_dropped_future_loses_no_value,
    a_task_that_is_polled_again_is_woken,
    a_value_of_a_dropped_future_goes_to_a_waiting_receiver,
    a_dropped_future_sends_once_or_not_at_all,
    a_waker_that_panics_loses_no_value_of_a_send,
    a_waker_that_panics_loses_no_value_of_a_receive,
    a_close_that_refused_a_sender_lets_no_later_one_in,
    a_receiver_that_gives_up_in_the_middle_loses_no_value,
    a_receiver_of_a_buffer_that_gives_up_loses_no_value,
    a_sender_that_gives_up_in_the_middle_is_passed_over,
    closing_passes_over_a_receiver_that_gave_up,
    receives_polled_in_order_get_values_in_order,
    receives_of_a_buffer_polled_in_order_get_values_in_order,
    sends_polled_in_order_arrive_in_order,
    sends_to_a_buffer_polled_in_order_arrive_in_order,
    a_thread_does_not_overtake_a_future,
    a_thread_does_not_overtake_a_future_at_a_buffer,
    a_thread_does_not_overtake_a_future_without_a_bound,
    two_values_that_came_back_reach_two_receivers,
    two_values_that_came_back_are_there_for_two_receivers,
    a_value_that_comes_back_after_the_close_is_received,
    receivers_learn_of_the_close_once_a_future_has_its_value,
    a_value_that_is_sent_beside_a_close_is_received_though_a_future_is_dropped,
    a_close_is_told_only_if_no_value_will_come_back,
];

const POLL: Mutant = mutant_of!("primitives/src/chan/future/poll.rs");
const REDELIVER: Mutant = mutant_of!("primitives/src/chan/algorithm/redeliver.rs");
const UNDELIVERED: Mutant = mutant_of!("primitives/src/chan/algorithm/undelivered.rs");
/// `close` refuses a sender that waits, and does not mark the cell.
const REJECTED: Mutant = CLOSE.lose("reject-sender", FailureKind::Panic).or(FailureKind::Race);
/// A receiver takes the value of a sender that waits, and does not mark the cell.
const LOST_TAKE: Mutant =
    RECV.lose("take-value-of-sender", FailureKind::Race).or(FailureKind::UseAfterFree).or(FailureKind::Panic);
/// A task does not publish that it can be woken; or publishes that without its waker; or replaces its waker without
/// marking its cell as awake.
pub(super) const DOZE: Mutant = POLL.lose("fall-asleep", FailureKind::Deadlock);
const NO_WAKER: Mutant = POLL.weaken("fall-asleep");
const NOT_ROUSED: Mutant = POLL
    .lose("rouse", FailureKind::Race)
    .or(FailureKind::Panic)
    .or(FailureKind::Deadlock)
    .needs(Needs::Orderings);
/// An undelivered value is lost.
const GIVE_BACK: Mutant =
    UNDELIVERED.lose("give-value-back", FailureKind::Deadlock).or(FailureKind::Leak).or(FailureKind::Panic);
/// Two receivers take one undelivered value; or the value stays on loan for ever.
const TAKEN_TWICE: Mutant = UNDELIVERED
    .lose("take-undelivered", FailureKind::Panic)
    .or(FailureKind::Race)
    .or(FailureKind::UseAfterFree)
    .or(FailureKind::Deadlock);
const LENT_FOR_EVER: Mutant = REDELIVER.lose("end-loan", FailureKind::Deadlock).or(FailureKind::Panic);
/// `close` does not see a loan whose lender does not see the close.
const LENT_UNSEEN: Mutant = REDELIVER.demote("lend", AcqRel, FailureKind::Panic);
const LOAN_UNSEEN: Mutant = CLOSE.demote("look-for-loans", Acquire, FailureKind::Panic);
/// A sender that resends an undelivered value leaves the cell of a receiver that has not begun to wait unbroken, and the
/// receiver waits there. Shuttle does not find this within two preemptions.
const UNPOISONED: Mutant =
    REDELIVER.lose("poison-cell-to-resend", FailureKind::Deadlock).needs(Needs::SeqCst);
/// A receive does not take its ticket: a later receive has the same one, and overtakes.
const OVERTAKEN: Mutant = RECV.lose("take-receive-ticket", FailureKind::Panic);
/// A cancelled receive does not mark its cell. Under shuttle the process aborts.
const NOT_CANCELLED: Mutant =
    RECV.lose("cancel-receive", FailureKind::Race).or(FailureKind::Panic).needs(Needs::SeqCst);

/// Wakes the thread that polls.
struct Task(Unparker);

impl Wake for Task {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.clone().unpark();
    }
}

/// Returns a waker that panics when it is called.
fn panics() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("a waker panics");
        }
    }
    Waker::from(std::sync::Arc::new(Panics))
}

pub(super) fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
    let parker = Parker::new();
    let waker = Waker::from(std::sync::Arc::new(Task(parker.unparker())));
    loop {
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => parker.park(),
        }
    }
}

pub(super) fn poll_once<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A task that waits receives what a thread sends.
fn a_task_receives_from_a_thread() -> Model {
    model("a task receives what a thread sends", || {
        let (tx, rx) = small(0);
        let sender = thread::spawn(move || tx.send(1));
        assert_eq!(block_on(rx.recv_async()), Ok(1));
        sender.join().expect("no panic").expect("open");
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([DOZE, NO_WAKER])
}

/// A task that waits sends to a thread that receives.
fn a_task_sends_to_a_thread() -> Model {
    model("a task sends to a thread that receives", || {
        let (tx, rx) = small(0);
        let receiver = thread::spawn(move || rx.recv());
        assert_eq!(block_on(tx.send_async(1)), Ok(()));
        assert_eq!(receiver.join().expect("no panic"), Ok(1));
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .reaches_in_full(Reach::Retries(1))
    .catches([DOZE, NO_WAKER])
}

/// The value that was sent to a future goes to the next receiver if the future is dropped.
fn a_dropped_future_loses_no_value() -> Model {
    model("a dropped future loses no value", || {
        let (tx, rx) = small(0);
        let mut future = rx.recv_async();
        let polled = poll_once(&mut future);
        let sender = thread::spawn(move || tx.send(1));
        drop(future);
        let got = if polled.is_pending() { rx.recv() } else { Ok(1) };
        assert_eq!(got, Ok(1));
        sender.join().expect("no panic").expect("open");
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .catches([GIVE_BACK])
}

/// A task that is polled with another waker while a sender wakes it does not sleep on.
fn a_task_that_is_polled_again_is_woken() -> Model {
    model("a task that is polled again is woken", || {
        let (tx, rx) = small(0);
        let mut future = rx.recv_async();
        let polled = poll_once(&mut future);
        let sender = thread::spawn(move || tx.send(1));
        assert!(polled.is_pending(), "nobody has sent yet");
        assert_eq!(block_on(future), Ok(1));
        sender.join().expect("no panic").expect("open");
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([NOT_ROUSED])
}

/// The value that was sent to a future goes to a receiver that waits behind the future if the future is dropped.
fn a_value_of_a_dropped_future_goes_to_a_waiting_receiver() -> Model {
    model("the value of a dropped future goes to a receiver that waits", || {
        let (tx, rx) = small(0);
        let mut future = rx.recv_async();
        let polled = poll_once(&mut future);
        tx.try_send(1).expect("the future waits");
        let theirs = rx.clone();
        let receiver = thread::spawn(move || theirs.recv());
        drop(future);
        assert!(polled.is_pending(), "nobody had sent");
        assert_eq!(receiver.join().expect("no panic"), Ok(1));
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(0))
    .catches([GIVE_BACK])
}

/// A send future that is dropped has sent its value, or leaves no trace.
fn a_dropped_future_sends_once_or_not_at_all() -> Model {
    model("a dropped future has sent, or leaves no trace", || {
        let value = Arc::new(());
        let (tx, rx) = small(0);
        let mut future = tx.send_async(Arc::clone(&value));
        let polled = poll_once(&mut future).is_ready();
        let receiver = thread::spawn(move || rx.try_recv().ok());
        drop(future);
        let received = receiver.join().expect("no panic");
        assert!(!polled, "nobody had come");
        assert_eq!(Arc::strong_count(&value), 1 + usize::from(received.is_some()));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([LOST_TAKE])
}

/// A task whose waker panics while a thread sends to the task still gets the value.
fn a_waker_that_panics_loses_no_value_of_a_send() -> Model {
    model("a waker that panics loses no value of a send", || {
        let (tx, rx) = small(0);
        let mut future = rx.recv_async();
        let polled = Pin::new(&mut future).poll(&mut Context::from_waker(&panics()));
        assert!(polled.is_pending(), "nobody has sent yet");
        let sender = thread::spawn(move || catch_unwind(AssertUnwindSafe(|| tx.send(1))).is_err());
        // `block_on` registers a waker that does not panic, unless the sender has taken the other one by now.
        assert_eq!(block_on(future), Ok(1));
        let _panicked = sender.join().expect("no panic");
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([DOZE])
}

/// A receive that wakes a sender whose waker panics leaves its value to the next receiver, which waits.
fn a_waker_that_panics_loses_no_value_of_a_receive() -> Model {
    model("a waker that panics loses no value of a receive", || {
        let (tx, rx) = small(1);
        tx.send(1).expect("room");
        let mut future = tx.send_async(2);
        let polled = Pin::new(&mut future).poll(&mut Context::from_waker(&panics()));
        assert!(polled.is_pending(), "the buffer is full");
        let theirs = rx.clone();
        let receiver = thread::spawn(move || catch_unwind(AssertUnwindSafe(|| theirs.recv())).ok());
        let ours = catch_unwind(AssertUnwindSafe(|| rx.recv())).ok();
        let all = [receiver.join().expect("no panic"), ours, rx.try_recv().ok().map(Ok)];
        let mut got: Vec<u64> = all.into_iter().flatten().map(|value| value.expect("open")).collect();
        got.sort_unstable();
        assert_eq!((got, poll_once(&mut future)), (vec![1, 2], Poll::Ready(Ok(()))));
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([GIVE_BACK])
}

/// Two senders wait, and the channel is closed: if the earlier sender is refused, the later one is refused too.
fn a_close_that_refused_a_sender_lets_no_later_one_in() -> Model {
    model("close refuses all senders that wait, or the later ones", || {
        // All cells are in one segment: executions are long enough.
        let (tx, rx) = bounded(1);
        tx.send(0).expect("room");
        // A panic leaves these: under the mutant their destructors would panic as well, and the process abort.
        let mut waiting = ManuallyDrop::new([tx.send_async(1), tx.send_async(2)]);
        let rx = ManuallyDrop::new(rx);
        for future in &mut *waiting {
            assert!(poll_once(future).is_pending(), "the buffer is full");
        }
        let theirs = tx.clone();
        let closer = thread::spawn(move || theirs.close().expect("open"));
        let got: Vec<u64> = rx.iter().collect();
        closer.join().expect("no panic");
        let sent: Vec<bool> =
            waiting.iter_mut().map(|future| poll_once(future) == Poll::Ready(Ok(()))).collect();
        let expected = match sent[..] {
            [true, true] => vec![0, 1, 2],
            [true, false] => vec![0, 1],
            _ => vec![0],
        };
        assert_eq!((got, sent != [false, true]), (expected, true));
        drop((ManuallyDrop::into_inner(waiting), ManuallyDrop::into_inner(rx)));
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(1))
    .catches([REJECTED])
}

/// Makes three futures that wait, each in a segment of its own.
fn three<F: Future + Unpin>(mut make: impl FnMut(i32) -> F) -> [F; 3] {
    [1, 2, 3].map(|n| {
        let mut future = make(n);
        assert!(poll_once(&mut future).is_pending());
        future
    })
}

/// A receive future between two that wait is dropped: its cell is unlinked, or the value that was sent to it goes to
/// the last one.
fn a_receiver_that_gives_up_in_the_middle_loses_no_value() -> Model {
    model("a receiver that cancels in the middle loses no value", || {
        let (tx, rx) = bounded_with_segments(0, 0);
        let [mut first, middle, last] = three(|_| rx.recv_async());
        thread::scope(|scope| {
            scope.spawn(|| drop(middle));
            assert_eq!((tx.send(1), tx.send(2)), (Ok(()), Ok(())));
        });
        assert_eq!(poll_once(&mut first), Poll::Ready(Ok(1)));
        assert_eq!(block_on(last), Ok(2));
    })
    .bound(2)
    .catches([NOT_CANCELLED, NOT_ENTERED])
}

/// A receive future of a buffer is dropped behind one that waits: the value that was sent to it goes to the next
/// receiver.
fn a_receiver_of_a_buffer_that_gives_up_loses_no_value() -> Model {
    model("a receiver of a buffer that cancels behind another loses no value", || {
        let (tx, rx) = bounded_with_segments(1, 0);
        let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
        assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
        thread::scope(|scope| {
            scope.spawn(|| drop(second));
            assert_eq!((tx.send(1), tx.send(2)), (Ok(()), Ok(())));
        });
        assert_eq!((poll_once(&mut first), block_on(rx.recv_async())), (Poll::Ready(Ok(1)), Ok(2)));
    })
    .catches([GIVE_BACK])
}

/// A send future between two that wait is dropped: its value is received, or receivers pass over its cell.
fn a_sender_that_gives_up_in_the_middle_is_passed_over() -> Model {
    model("a sender that cancels in the middle is passed over", || {
        let (tx, rx) = bounded_with_segments(0, 0);
        let [mut first, middle, mut last] = three(|n| tx.send_async(n));
        let mut got = thread::scope(|scope| {
            scope.spawn(|| drop(middle));
            vec![rx.recv(), rx.recv()]
        });
        if got[1] == Ok(2) {
            got.push(rx.recv());
        }
        assert_eq!((got[0], got[got.len() - 1]), (Ok(1), Ok(3)));
        assert_eq!((poll_once(&mut first), poll_once(&mut last)), (Poll::Ready(Ok(())), Poll::Ready(Ok(()))));
    })
    .bound(2)
    .reaches_in_full(Reach::Everything)
    .catches([NOT_ENTERED.or(FailureKind::Livelock)])
}

/// A receive future between two that wait is dropped while the channel is closed: the two learn of the close.
fn closing_passes_over_a_receiver_that_gave_up() -> Model {
    model("closing passes over a receiver that cancelled", || {
        let (tx, rx) = bounded_with_segments::<i32>(0, 0);
        let [first, middle, last] = three(|_| rx.recv_async());
        thread::scope(|scope| {
            scope.spawn(move || drop(tx));
            drop(middle);
            assert!(block_on(first).is_err() && block_on(last).is_err());
        });
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([DOZE])
}

/// Polls all futures of a task until each is ready.
fn join_all<F: Future + Unpin>(mut futures: Vec<F>) -> Vec<F::Output> {
    let mut outputs: Vec<Option<F::Output>> = futures.iter().map(|_| None).collect();
    let parker = Parker::new();
    let waker = Waker::from(std::sync::Arc::new(Task(parker.unparker())));
    let mut context = Context::from_waker(&waker);
    loop {
        for (future, output) in futures.iter_mut().zip(&mut outputs).filter(|(_, output)| output.is_none()) {
            if let Poll::Ready(ready) = Pin::new(future).poll(&mut context) {
                *output = Some(ready);
            }
        }
        if outputs.iter().all(Option::is_some) {
            return outputs.into_iter().flatten().collect();
        }
        parker.park();
    }
}

fn two_receives(capacity: usize) {
    let (tx, rx) = bounded(capacity);
    let sender = thread::spawn(move || (1..=2).for_each(|n| tx.send(n).expect("open")));
    assert_eq!(join_all(vec![rx.recv_async(), rx.recv_async()]), [Ok(1), Ok(2)]);
    sender.join().expect("no panic");
}

/// Of two receives that one task polls in order, the first gets the first value.
fn receives_polled_in_order_get_values_in_order() -> Model {
    model("receives polled in order get values in order", || {
        two_receives(0);
    })
    .bound(2)
    .catches([OVERTAKEN, DOZE])
}

/// Of two receives of a buffer that one task polls in order, the first gets the first value.
fn receives_of_a_buffer_polled_in_order_get_values_in_order() -> Model {
    model("receives of a buffer polled in order get values in order", || {
        two_receives(1);
    })
    .bound(2)
    .catches([DOZE])
}

fn two_sends(capacity: usize) {
    let (tx, rx) = bounded(capacity);
    let receiver = thread::spawn(move || [rx.recv(), rx.recv()]);
    assert_eq!(join_all(vec![tx.send_async(1), tx.send_async(2)]), [Ok(()), Ok(())]);
    assert_eq!(receiver.join().expect("no panic"), [Ok(1), Ok(2)]);
}

/// The values of two sends that one task polls in order arrive in that order.
fn sends_polled_in_order_arrive_in_order() -> Model {
    model("sends polled in order arrive in order", || {
        two_sends(0);
    })
    .bound(2)
    .reaches_in_full(Reach::Retries(0))
    .catches([DOZE])
}

/// The values of two sends to a buffer that one task polls in order arrive in that order.
fn sends_to_a_buffer_polled_in_order_arrive_in_order() -> Model {
    model("sends to a buffer polled in order arrive in order", || {
        two_sends(1);
    })
    .bound(2)
    .reaches(Reach::Retries(0))
    .reaches_in_full(Reach::Retries(1))
    .catches([DOZE])
}

/// Receives by a future, and by a thread that begins once the future has returned `Pending`: the future gets the
/// first value.
fn a_later_receive(tx: Sender<u64>, rx: Receiver<u64>) {
    let keep = rx.clone();
    let sender = thread::spawn(move || {
        tx.send(1).expect("open");
        let _late = tx.send(2);
        drop(keep);
    });
    let mut future = rx.recv_async();
    let parker = Parker::new();
    let waker = Waker::from(std::sync::Arc::new(Task(parker.unparker())));
    let mut later = None;
    let first = loop {
        match Pin::new(&mut future).poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(first) => break first,
            Poll::Pending => {
                let theirs = rx.clone();
                later.get_or_insert_with(|| thread::spawn(move || theirs.recv()));
                parker.park();
            }
        }
    };
    let second = later.map_or_else(|| rx.recv(), |later| later.join().expect("no panic"));
    assert_eq!((first, second), (Ok(1), Ok(2)));
    sender.join().expect("no panic");
}

/// Without a buffer a thread does not overtake a future that waits.
fn a_thread_does_not_overtake_a_future() -> Model {
    model("a thread does not overtake a future that waits", || {
        let (tx, rx) = bounded(0);
        a_later_receive(tx, rx);
    })
    .bound(2)
    .catches([OVERTAKEN, DOZE])
}

/// With a buffer a thread does not overtake a future that waits.
fn a_thread_does_not_overtake_a_future_at_a_buffer() -> Model {
    model("a thread does not overtake a future that waits at a buffer", || {
        let (tx, rx) = bounded(1);
        a_later_receive(tx, rx);
    })
    .bound(2)
    .catches([OVERTAKEN, DOZE])
}

/// Without a bound a thread does not overtake a future that waits.
fn a_thread_does_not_overtake_a_future_without_a_bound() -> Model {
    model("a thread does not overtake a future that waits without a bound", || {
        let (tx, rx) = unbounded();
        a_later_receive(tx, rx);
    })
    .bound(2)
    .catches([OVERTAKEN, DOZE])
}

/// Makes a channel with two undelivered values, whose futures were dropped.
fn two_that_came_back() -> (Sender<u64>, Receiver<u64>) {
    let (tx, rx) = small(2);
    let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    (1..=2).for_each(|n| tx.send(n).expect("a future waits"));
    drop((second, first));
    (tx, rx)
}

fn both_get_one(receive: fn(&Receiver<u64>) -> Option<u64>) {
    let (tx, rx) = two_that_came_back();
    let theirs = rx.clone();
    let other = thread::spawn(move || receive(&theirs));
    let mut got = [receive(&rx), other.join().expect("no panic")];
    got.sort_unstable();
    assert_eq!((got, rx.len()), ([Some(1), Some(2)], 0));
    drop(tx);
}

/// A channel has two undelivered values, and two threads receive: neither waits.
fn two_values_that_came_back_reach_two_receivers() -> Model {
    model("two undelivered values reach two receivers", || {
        both_get_one(|rx| rx.recv().ok());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([TAKEN_TWICE])
}

/// A channel has two undelivered values, and two threads try to receive: neither finds the channel empty.
fn two_values_that_came_back_are_there_for_two_receivers() -> Model {
    model("two undelivered values are there for two receivers that try", || {
        both_get_one(|rx| rx.try_recv().ok());
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([TAKEN_TWICE])
}

/// A channel is closed while a future holds a value: a receiver that receives to the end gets the value if the future
/// is dropped.
fn a_value_that_comes_back_after_the_close_is_received() -> Model {
    model("a value that comes back after the close is received", || {
        let (tx, rx) = small(1);
        let mut future = rx.recv_async();
        assert!(poll_once(&mut future).is_pending());
        tx.send(1).expect("the future waits");
        let theirs = rx.clone();
        let rest = thread::spawn(move || theirs.iter().collect::<Vec<u64>>());
        drop(tx);
        drop(future);
        assert_eq!(
            (rest.join().expect("no panic"), rx.try_recv()),
            (vec![1], Err(TryRecvError::Disconnected))
        );
    })
    .bound(2)
    .catches([UNPOISONED, GIVE_BACK, LENT_FOR_EVER])
}

/// A channel is closed while a future holds a value: a receiver that receives to the end returns once the future has
/// taken the value.
fn receivers_learn_of_the_close_once_a_future_has_its_value() -> Model {
    model("receivers of a closed channel wait for a value that may come back, and no longer", || {
        let (tx, rx) = small(1);
        let mut future = rx.recv_async();
        assert!(poll_once(&mut future).is_pending());
        tx.send(1).expect("the future waits");
        let theirs = rx.clone();
        let rest = thread::spawn(move || theirs.iter().count());
        drop(tx);
        assert_eq!(poll_once(&mut future), Poll::Ready(Ok(1)));
        assert_eq!(rest.join().expect("no panic"), 0);
    })
    .bound(2)
    .reaches(Reach::Everything)
    .catches([LENT_FOR_EVER])
}

/// A value is sent to a future while the channel is closed, and the future is dropped: the value is received exactly
/// if its send succeeded.
fn a_value_that_is_sent_beside_a_close_is_received_though_a_future_is_dropped() -> Model {
    model("a value that is sent beside a close is received though a future is dropped", || {
        let (tx, rx) = small(1);
        let mut future = rx.recv_async();
        assert!(poll_once(&mut future).is_pending());
        let sender = thread::spawn(move || tx.send(1).is_ok());
        let theirs = rx.clone();
        let rest = thread::spawn(move || theirs.iter().count());
        let _closed_by_the_sender = rx.close();
        drop(future);
        assert_eq!(rest.join().expect("no panic"), usize::from(sender.join().expect("no panic")));
    })
    .bound(2)
    .catches([LENT_FOR_EVER])
}

/// A value is sent to the first of two futures while the channel is closed, and that future is dropped: the second one is told of
/// the close only if it has the value before, or the send has failed.
fn a_close_is_told_only_if_no_value_will_come_back() -> Model {
    model("a close is told only if no value will come back", || {
        // All cells are in one segment, so that executions are short.
        let (tx, rx) = bounded(1);
        let [mut first, mut second] = [rx.recv_async(), rx.recv_async()];
        assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
        let sender = thread::spawn(move || tx.try_send(1).is_ok());
        let _closed_by_the_sender = rx.close();
        let told = poll_once(&mut second);
        let sent = sender.join().expect("no panic");
        drop(first);
        let got = if told.is_ready() { told } else { poll_once(&mut second) };
        assert_eq!(got, Poll::Ready(if sent { Ok(1) } else { Err(RecvError) }));
    })
    .reaches(Reach::Everything)
    .catches([LENT_UNSEEN, LOAN_UNSEEN])
}
