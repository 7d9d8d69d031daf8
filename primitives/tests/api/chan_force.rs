//! `force_send`, which takes the oldest value's place, and `closed`, the end of a channel as a future.
#![allow(clippy::disallowed_types, reason = "std's wakers want std's Arc")]

use futures::future::FusedFuture;
use selvedge::chan::{Receiver, Select, SendError, Sender, TrySendError, bounded, unbounded};
use selvedge::rt::thread;
use selvedge::sync::Mutex;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Wake, Waker};

/// A waker that counts, and does something when it is woken.
struct OnWake<F>(AtomicUsize, F);

impl<F: Fn() + Send + Sync + 'static> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, SeqCst);
        (self.1)();
    }
}

fn on_wake<F: Fn() + Send + Sync + 'static>(f: F) -> (Arc<OnWake<F>>, Waker) {
    let woken = Arc::new(OnWake(AtomicUsize::new(0), f));
    (Arc::clone(&woken), Waker::from(woken))
}

fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

fn waits<F: Future + Unpin>(future: &mut F) {
    assert!(poll(future, Waker::noop()).is_pending());
}

/// Has the text that its callback panics with come out?
fn panics_with<R>(text: &str, f: impl FnOnce() -> R) {
    let payload = catch_unwind(AssertUnwindSafe(f)).map(|_| ()).expect_err("it panics");
    assert_eq!(payload.downcast_ref::<&str>(), Some(&text));
}

#[test]
fn a_forced_send_takes_the_place_of_the_oldest_value() {
    let (tx, rx) = bounded(3);
    for n in 0..3 {
        assert_eq!(tx.force_send(n), Ok(None), "there is room");
    }
    for n in 3..1_000 {
        assert_eq!(tx.force_send(n), Ok(Some(n - 3)));
        assert_eq!((tx.len(), tx.is_full(), tx.try_send(0)), (3, true, Err(TrySendError::Full(0))));
    }
    assert_eq!(rx.drain().collect::<Vec<_>>(), [997, 998, 999]);
    assert_eq!(tx.force_send(1_000), Ok(None));
    rx.close().expect("open");
    assert_eq!(tx.force_send(1_001), Err(SendError(1_001)));
    assert_eq!(rx.iter().collect::<Vec<_>>(), [1_000], "what was forced is received after the close");
}

#[test]
fn a_forced_send_without_a_bound_or_without_a_buffer() {
    let (tx, rx) = unbounded();
    assert_eq!((0..100).map(|n| tx.force_send(n)).collect::<Vec<_>>(), vec![Ok(None); 100]);
    assert_eq!(rx.len(), 100);

    let (tx, rx) = bounded(0);
    assert_eq!(tx.force_send(1), Ok(Some(1)), "nobody is there, and no room");
    let mut receive = rx.recv_async();
    waits(&mut receive);
    assert_eq!(tx.force_send(2), Ok(None));
    assert_eq!(poll(&mut receive, Waker::noop()), Poll::Ready(Ok(2)));
    drop(receive);
    drop(rx);
    assert_eq!(tx.force_send(3), Err(SendError(3)));
}

#[test]
fn a_forced_send_keeps_its_turn_behind_senders_that_wait() {
    let (tx, rx) = bounded(1);
    tx.send(0).expect("room");
    let mut sends = [1, 2].map(|n| tx.send_async(n));
    sends.iter_mut().for_each(waits);
    assert_eq!(tx.force_send(3), Ok(Some(0)));
    assert_eq!(poll(&mut sends[0], Waker::noop()), Poll::Ready(Ok(())), "it has the place");
    waits(&mut sends[1]);
    assert_eq!([(); 3].map(|()| rx.recv()), [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(poll(&mut sends[1], Waker::noop()), Poll::Ready(Ok(())));
    assert_eq!((tx.try_send(4), tx.try_send(5)), (Ok(()), Err(TrySendError::Full(5))), "it holds one again");
    assert_eq!(rx.recv(), Ok(4));
}

#[test]
fn senders_that_give_up_before_a_forced_value_leave_their_places() {
    for drops in [[0, 1], [1, 0]] {
        let (tx, rx) = bounded(1);
        tx.send(0).expect("room");
        let mut sends = [1, 2].map(|n| Some(tx.send_async(n)));
        sends.iter_mut().flatten().for_each(waits);
        assert_eq!(tx.force_send(3), Ok(Some(0)));
        for at in drops {
            sends[at] = None;
        }
        // The first of them had got the place by then.
        assert_eq!([(); 2].map(|()| rx.recv()), [Ok(1), Ok(3)]);
        assert_eq!((tx.try_send(4), tx.try_send(5)), (Ok(()), Err(TrySendError::Full(5))));
        assert_eq!(rx.recv(), Ok(4));
    }
}

#[test]
fn a_close_refuses_who_waits_and_leaves_what_was_forced() {
    let (tx, rx) = bounded(1);
    tx.send(0).expect("room");
    let mut sends = [1, 2].map(|n| tx.send_async(n));
    sends.iter_mut().for_each(waits);
    assert_eq!(tx.force_send(3), Ok(Some(0)));
    tx.close().expect("open");
    assert_eq!(poll(&mut sends[1], Waker::noop()), Poll::Ready(Err(SendError(2))));
    assert_eq!(rx.iter().collect::<Vec<_>>(), [1, 3]);
}

#[test]
fn a_waker_that_panics_in_a_forced_send_loses_neither_value() {
    let (tx, rx) = bounded(1);
    tx.send(0).expect("room");
    let mut send = tx.send_async(1);
    assert!(poll(&mut send, &on_wake(|| panic!("woken")).1).is_pending());
    panics_with("woken", || tx.force_send(2));
    assert_eq!(poll(&mut send, Waker::noop()), Poll::Ready(Ok(())));
    assert_eq!([(); 3].map(|()| rx.recv()), [Ok(0), Ok(1), Ok(2)], "what was taken out came back");

    let mut receive = rx.recv_async();
    assert!(poll(&mut receive, &on_wake(|| panic!("woken")).1).is_pending());
    panics_with("woken", || tx.force_send(3));
    assert_eq!(poll(&mut receive, Waker::noop()), Poll::Ready(Ok(3)));
}

#[test]
fn a_forced_send_from_a_waker_of_a_forced_send() {
    let (tx, rx) = bounded(1);
    tx.send(0).expect("room");
    let mut send = tx.send_async(1);
    let inner = tx.clone();
    let taken = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&taken);
    let (_, waker) = on_wake(move || {
        let oldest = inner.force_send(3).expect("open").expect("it is full");
        theirs.store(oldest, SeqCst);
    });
    assert!(poll(&mut send, &waker).is_pending());
    assert_eq!(tx.force_send(2), Ok(Some(0)));
    assert_eq!((taken.load(SeqCst), poll(&mut send, Waker::noop())), (1, Poll::Ready(Ok(()))));
    assert_eq!([(); 2].map(|()| rx.recv()), [Ok(2), Ok(3)]);
}

#[test]
fn forced_sends_from_many_threads_lose_nothing_and_leave_no_more_than_fits() {
    for (capacity, receives) in [(1, 0), (1, 500), (2, 0), (2, 500), (7, 0), (7, 500)] {
        let (tx, rx): (Sender<usize>, Receiver<usize>) = bounded(capacity);
        let mut all = thread::scope(|scope| {
            let forcers = [0, 1, 2].map(|base| {
                let tx = tx.clone();
                scope.spawn(move || {
                    let forced = |n: usize| tx.force_send(base * 2_000 + n).expect("open");
                    (0..2_000).filter_map(forced).collect::<Vec<_>>()
                })
            });
            let receiver =
                scope.spawn(|| (0..receives).filter_map(|_| rx.try_recv().ok()).collect::<Vec<_>>());
            let mut all = receiver.join().expect("no panic");
            for base in 0..3 {
                assert!(all.iter().filter(|n| *n / 2_000 == base).is_sorted(), "each thread's are in order");
            }
            all.extend(forcers.into_iter().flat_map(|forcer| forcer.join().expect("no panic")));
            all
        });
        let (len, left) = (rx.len(), rx.drain().collect::<Vec<_>>());
        assert_eq!(len, left.len(), "all that is there is drained");
        assert!(len <= capacity && (len == capacity || receives > 0), "{len} are left");
        all.extend(left);
        all.sort_unstable();
        assert_eq!(all, (0..6_000).collect::<Vec<_>>());
    }
}

#[test]
fn a_forced_send_makes_a_receive_ready() {
    let (tx, rx) = bounded(1);
    let mut select = Select::new();
    select.recv(&rx);
    assert!(select.try_ready().is_err());
    assert_eq!((tx.force_send(1), tx.force_send(2)), (Ok(None), Ok(Some(1))));
    assert_eq!((select.ready(), rx.try_recv()), (0, Ok(2)));
}

#[test]
fn the_close_of_a_channel_is_awaited() {
    for by_drop in [true, false] {
        let (tx, rx) = bounded(1);
        tx.send(1).expect("room");
        let (woken, waker) = on_wake(|| ());
        let (mut one, mut two, mut given_up) = (tx.closed(), tx.closed(), tx.closed());
        for future in [&mut one, &mut two, &mut given_up] {
            assert!(poll(future, &waker).is_pending() && !future.is_terminated());
        }
        drop(given_up);
        // Nothing else that happens to the channel wakes them.
        assert_eq!((rx.recv(), tx.send(2)), (Ok(1), Ok(())));
        assert_eq!(woken.0.load(SeqCst), 0);
        if by_drop {
            drop(rx)
        } else {
            tx.close().expect("open")
        }
        assert_eq!(woken.0.load(SeqCst), 2);
        for _ in 0..2 {
            assert_eq!((poll(&mut one, &waker), poll(&mut two, &waker)), (Poll::Ready(()), Poll::Ready(())));
        }
        assert!(one.is_terminated());
        assert_eq!(poll(&mut tx.closed(), &waker), Poll::Ready(()), "one that comes later");
        drop((one, two));
        drop(waker);
        assert_eq!(Arc::strong_count(&woken), 1, "no waker stays");
    }
}

#[test]
fn wakers_that_panic_in_a_close_keep_it_from_nobody() {
    let (tx, rx) = bounded::<i32>(0);
    let mut futures = [(); 3].map(|()| tx.closed());
    let (woken, last) = on_wake(|| ());
    for (at, future) in futures.iter_mut().enumerate() {
        let waker = if at < 2 { on_wake(|| panic!("woken")).1 } else { last.clone() };
        assert!(poll(future, &waker).is_pending());
    }
    let mut receive = rx.recv_async();
    waits(&mut receive);
    panics_with("woken", || tx.close());
    assert_eq!((woken.0.load(SeqCst), tx.is_closed()), (1, true));
    assert!(poll(&mut receive, Waker::noop()).is_ready());
    futures.iter_mut().for_each(|future| assert!(poll(future, Waker::noop()).is_ready()));
}

#[test]
fn a_waker_of_the_close_may_use_the_channel() {
    let (tx, rx) = unbounded::<i32>();
    let inner = Mutex::new(Some((tx.clone(), rx.clone())));
    let (woken, waker) = on_wake(move || {
        let (tx, rx) = inner.lock().take().expect("woken once");
        assert!(tx.send(1).is_err() && tx.close().is_err() && rx.recv().is_err());
        assert!(poll(&mut tx.closed(), Waker::noop()).is_ready());
    });
    let mut closed = tx.closed();
    assert!(poll(&mut closed, &waker).is_pending());
    rx.close().expect("open");
    assert_eq!(woken.0.load(SeqCst), 1);
    assert!(poll(&mut closed, Waker::noop()).is_ready());
}

#[test]
fn a_forgotten_future_of_the_close_keeps_nobody_waiting() {
    let (tx, rx) = bounded::<i32>(1);
    let mut forgotten = tx.closed();
    waits(&mut forgotten);
    std::mem::forget(forgotten);
    let mut closed = tx.closed();
    waits(&mut closed);
    drop(rx);
    assert!(poll(&mut closed, Waker::noop()).is_ready());
}
