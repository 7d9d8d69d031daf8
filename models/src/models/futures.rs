//! Channels as futures.
#![allow(clippy::disallowed_types, reason = "std's wakers want std's Arc")]

use super::small;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll, Waker};
use selvedge::chan::{Receiver, Sender, TryRecvError, bounded, bounded_with_segments, unbounded};
use selvedge::rt::park::{Parker, Unparker};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Wake;

/// Wakes a thread that polls.
struct Task(Unparker);

impl Wake for Task {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.clone().unpark();
    }
}

/// A waker that panics when it is woken.
fn panics() -> Waker {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: std::sync::Arc<Self>) {
            panic!("a waker panics");
        }
    }
    Waker::from(std::sync::Arc::new(Panics))
}

fn block_on<F: Future + Unpin>(mut future: F) -> F::Output {
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
pub fn a_task_receives_from_a_thread() {
    let (tx, rx) = small(0);
    let sender = thread::spawn(move || tx.send(1));
    assert_eq!(block_on(rx.recv_async()), Ok(1));
    sender.join().expect("no panic").expect("open");
}

/// And a task sends to a thread that receives.
pub fn a_task_sends_to_a_thread() {
    let (tx, rx) = small(0);
    let receiver = thread::spawn(move || rx.recv());
    assert_eq!(block_on(tx.send_async(1)), Ok(()));
    assert_eq!(receiver.join().expect("no panic"), Ok(1));
}

/// A value that came for a future goes to the next receiver if the future is dropped.
pub fn a_dropped_future_loses_no_value() {
    let (tx, rx) = small(0);
    let mut future = rx.recv_async();
    let polled = poll_once(&mut future);
    let sender = thread::spawn(move || tx.send(1));
    drop(future);
    let got = if polled.is_pending() { rx.recv() } else { Ok(1) };
    assert_eq!(got, Ok(1));
    sender.join().expect("no panic").expect("open");
}

/// A task that is polled again, with another waker, at the moment at which it is woken, does not sleep on.
pub fn a_task_that_is_polled_again_is_woken() {
    let (tx, rx) = small(0);
    let mut future = rx.recv_async();
    let polled = poll_once(&mut future);
    let sender = thread::spawn(move || tx.send(1));
    assert!(polled.is_pending(), "nobody has sent yet");
    assert_eq!(block_on(future), Ok(1));
    sender.join().expect("no panic").expect("open");
}

/// A value that had come for a future when it was dropped goes to a receiver that waits behind it.
pub fn a_value_of_a_dropped_future_goes_to_who_waits() {
    let (tx, rx) = small(0);
    let mut future = rx.recv_async();
    let polled = poll_once(&mut future);
    tx.try_send(1).expect("the future waits");
    let theirs = rx.clone();
    let receiver = thread::spawn(move || theirs.recv());
    drop(future);
    assert!(polled.is_pending(), "nobody had sent");
    assert_eq!(receiver.join().expect("no panic"), Ok(1));
}

/// A future that sends takes nothing with it, and leaves nothing, if it is dropped.
pub fn a_dropped_future_sends_once_or_not_at_all() {
    let value = Arc::new(());
    let (tx, rx) = small(0);
    let mut future = tx.send_async(Arc::clone(&value));
    let polled = poll_once(&mut future).is_ready();
    let receiver = thread::spawn(move || rx.try_recv().ok());
    drop(future);
    let received = receiver.join().expect("no panic");
    assert!(!polled, "nobody had come");
    assert_eq!(Arc::strong_count(&value), 1 + usize::from(received.is_some()));
}

/// A task whose waker panics when a thread sends to it has the value all the same.
pub fn a_waker_that_panics_loses_no_value_of_a_send() {
    let (tx, rx) = small(0);
    let mut future = rx.recv_async();
    let polled = Pin::new(&mut future).poll(&mut Context::from_waker(&panics()));
    assert!(polled.is_pending(), "nobody has sent yet");
    let sender = thread::spawn(move || catch_unwind(AssertUnwindSafe(|| tx.send(1))).is_err());
    // With a waker that does not panic, unless the other has been taken by now.
    assert_eq!(block_on(future), Ok(1));
    let _panicked = sender.join().expect("no panic");
}

/// A receive that wakes a sender whose waker panics leaves its value to the next one, which waits.
pub fn a_waker_that_panics_loses_no_value_of_a_receive() {
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
}

/// Of two senders that wait, the later one is not let in after a close has refused the earlier one.
pub fn a_close_that_refused_a_sender_lets_no_later_one_in() {
    // All in one segment: executions are long enough.
    let (tx, rx) = bounded(1);
    tx.send(0).expect("room");
    let mut waiting = [tx.send_async(1), tx.send_async(2)];
    for future in &mut waiting {
        assert!(poll_once(future).is_pending(), "the buffer is full");
    }
    let theirs = tx.clone();
    let closer = thread::spawn(move || theirs.close().expect("open"));
    let got: Vec<u64> = rx.iter().collect();
    closer.join().expect("no panic");
    let sent: Vec<bool> = waiting.iter_mut().map(|future| poll_once(future) == Poll::Ready(Ok(()))).collect();
    let expected = match sent[..] {
        [true, true] => vec![0, 1, 2],
        [true, false] => vec![0, 1],
        _ => vec![0],
    };
    assert_eq!((got, sent != [false, true]), (expected, true));
}

/// Three that wait, each in a segment of its own.
fn three<F: Future + Unpin>(mut make: impl FnMut(i32) -> F) -> [F; 3] {
    [1, 2, 3].map(|n| {
        let mut future = make(n);
        assert!(poll_once(&mut future).is_pending());
        future
    })
}

/// A receiver gives up between two that wait: its cell is taken out, or the value that came there goes to the last.
pub fn a_receiver_that_gives_up_in_the_middle_loses_no_value() {
    let (tx, rx) = bounded_with_segments(0, 0);
    let [mut first, middle, last] = three(|_| rx.recv_async());
    thread::scope(|scope| {
        scope.spawn(|| drop(middle));
        assert_eq!((tx.send(1), tx.send(2)), (Ok(()), Ok(())));
    });
    assert_eq!(poll_once(&mut first), Poll::Ready(Ok(1)));
    assert_eq!(block_on(last), Ok(2));
}

/// A receiver of a buffer gives up behind one that waits: the value that came for it goes to the next that comes.
pub fn a_receiver_of_a_buffer_that_gives_up_loses_no_value() {
    let (tx, rx) = bounded_with_segments(1, 0);
    let (mut first, mut second) = (rx.recv_async(), rx.recv_async());
    assert!(poll_once(&mut first).is_pending() && poll_once(&mut second).is_pending());
    thread::scope(|scope| {
        scope.spawn(|| drop(second));
        assert_eq!((tx.send(1), tx.send(2)), (Ok(()), Ok(())));
    });
    assert_eq!((poll_once(&mut first), block_on(rx.recv_async())), (Poll::Ready(Ok(1)), Ok(2)));
}

/// A sender gives up between two that wait: its value is received, or it is not.
pub fn a_sender_that_gives_up_in_the_middle_is_passed_over() {
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
}

/// The channel is closed meanwhile: those that still wait are told.
pub fn closing_passes_over_a_receiver_that_gave_up() {
    let (tx, rx) = bounded_with_segments::<i32>(0, 0);
    let [first, middle, last] = three(|_| rx.recv_async());
    thread::scope(|scope| {
        scope.spawn(move || drop(tx));
        drop(middle);
        assert!(block_on(first).is_err() && block_on(last).is_err());
    });
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
pub fn receives_polled_in_order_get_values_in_order() {
    two_receives(0);
}

/// The same with a buffer.
pub fn receives_of_a_buffer_polled_in_order_get_values_in_order() {
    two_receives(1);
}

fn two_sends(capacity: usize) {
    let (tx, rx) = bounded(capacity);
    let receiver = thread::spawn(move || [rx.recv(), rx.recv()]);
    assert_eq!(join_all(vec![tx.send_async(1), tx.send_async(2)]), [Ok(()), Ok(())]);
    assert_eq!(receiver.join().expect("no panic"), [Ok(1), Ok(2)]);
}

/// Two sends that one task polls in order arrive in order.
pub fn sends_polled_in_order_arrive_in_order() {
    two_sends(0);
}

/// The same with a buffer.
pub fn sends_to_a_buffer_polled_in_order_arrive_in_order() {
    two_sends(1);
}

/// A thread that begins to receive once a future has returned `Pending` gets its value after the future.
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

/// A thread does not overtake a future that waits.
pub fn a_thread_does_not_overtake_a_future() {
    let (tx, rx) = bounded(0);
    a_later_receive(tx, rx);
}

/// The same with a buffer.
pub fn a_thread_does_not_overtake_a_future_at_a_buffer() {
    let (tx, rx) = bounded(1);
    a_later_receive(tx, rx);
}

/// The same without a bound.
pub fn a_thread_does_not_overtake_a_future_without_a_bound() {
    let (tx, rx) = unbounded();
    a_later_receive(tx, rx);
}

/// A channel with two values that came back from futures.
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

/// Two values came back, and two threads receive: neither waits.
pub fn two_values_that_came_back_reach_two_receivers() {
    both_get_one(|rx| rx.recv().ok());
}

/// Nor is either told that the channel is empty.
pub fn two_values_that_came_back_are_there_for_two_receivers() {
    both_get_one(|rx| rx.try_recv().ok());
}

/// A value is in the hands of a future when the channel is closed: whoever receives till the end gets it, if it comes back.
pub fn a_value_that_comes_back_after_the_close_is_received() {
    let (tx, rx) = small(1);
    let mut future = rx.recv_async();
    assert!(poll_once(&mut future).is_pending());
    tx.send(1).expect("the future waits");
    let theirs = rx.clone();
    let rest = thread::spawn(move || theirs.iter().collect::<Vec<u64>>());
    drop(tx);
    drop(future);
    assert_eq!((rest.join().expect("no panic"), rx.try_recv()), (vec![1], Err(TryRecvError::Disconnected)));
}

/// The same when the future takes the value.
pub fn receivers_are_sent_home_once_a_future_has_its_value() {
    let (tx, rx) = small(1);
    let mut future = rx.recv_async();
    assert!(poll_once(&mut future).is_pending());
    tx.send(1).expect("the future waits");
    let theirs = rx.clone();
    let rest = thread::spawn(move || theirs.iter().count());
    drop(tx);
    assert_eq!(poll_once(&mut future), Poll::Ready(Ok(1)));
    assert_eq!(rest.join().expect("no panic"), 0);
}

/// A value is handed to a future at the moment of the close: it was sent and is received, or it was not sent.
pub fn a_value_that_is_sent_beside_a_close_is_received_though_a_future_is_dropped() {
    let (tx, rx) = small(1);
    let mut future = rx.recv_async();
    assert!(poll_once(&mut future).is_pending());
    let sender = thread::spawn(move || tx.send(1).is_ok());
    let theirs = rx.clone();
    let rest = thread::spawn(move || theirs.iter().count());
    let _closed_by_the_sender = rx.close();
    drop(future);
    assert_eq!(rest.join().expect("no panic"), usize::from(sender.join().expect("no panic")));
}
