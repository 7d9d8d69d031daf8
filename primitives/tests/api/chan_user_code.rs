//! Wakers and destructors, wherever a channel calls them: they panic, or call the channel again.
#![allow(clippy::disallowed_types, reason = "std's wakers want std's Arc")]

use crate::common::panic_of;
use futures::{Sink, Stream};
use selvedge::chan::{Receiver, RecvError, Select, Sender, TryRecvError, bounded, select, unbounded};
use selvedge::rt::thread;
use selvedge::sync::Mutex;
use std::cell::RefCell;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::task::{Context, Poll, RawWaker, RawWakerVTable, Wake, Waker};

/// A waker that calls a closure when it is woken.
struct OnWake<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for OnWake<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn on_wake(f: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(OnWake(f)))
}

fn panics(with: &'static str) -> Waker {
    on_wake(move || panic!("{with}"))
}

fn poll_with<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

fn poll<F: Future + Unpin>(future: &mut F) -> Poll<F::Output> {
    poll_with(future, Waker::noop())
}

/// A counted value, on the heap so that a checker of memory sees a second drop.
struct Value(Box<u64>, Arc<AtomicUsize>);

impl Drop for Value {
    fn drop(&mut self) {
        self.1.fetch_sub(1, SeqCst);
    }
}

#[derive(Clone, Default)]
struct Live(Arc<AtomicUsize>);

impl Live {
    fn value(&self, n: u64) -> Value {
        self.0.fetch_add(1, SeqCst);
        Value(Box::new(n), Arc::clone(&self.0))
    }

    fn count(&self) -> usize {
        self.0.load(SeqCst)
    }
}

type Channel = (Sender<Value>, Receiver<Value>);

/// Makes a channel whose cells still have the bytes of old values.
fn used(live: &Live, capacity: Option<usize>) -> Channel {
    let (tx, rx) = capacity.map_or_else(unbounded, bounded);
    for n in 0..200 {
        let mut receive = rx.recv_async();
        assert!(poll(&mut receive).is_pending());
        assert!(tx.try_send(live.value(n)).is_ok());
        assert!(poll(&mut receive).is_ready());
    }
    (tx, rx)
}

const CAPACITIES: [Option<usize>; 4] = [Some(0), Some(1), Some(4), None];

#[test]
fn a_future_that_was_ready_is_not_polled_again() {
    let live = Live::default();
    for capacity in CAPACITIES {
        let (tx, rx) = used(&live, capacity);
        let mut receive = rx.recv_async();
        assert!(poll(&mut receive).is_pending());
        let mut send = tx.send_async(live.value(1));
        assert!(matches!(poll(&mut send), Poll::Ready(Ok(()))));
        assert!(panic_of(|| poll(&mut send).is_ready()).contains("it sends one value"));
        drop(send);
        assert!(matches!(poll(&mut receive), Poll::Ready(Ok(value)) if *value.0 == 1));
        assert!(panic_of(|| poll(&mut receive).is_ready()).contains("it receives one value"));
        drop(receive);
        tx.close().expect("open");
        let mut send = tx.send_async(live.value(2));
        assert!(matches!(poll(&mut send), Poll::Ready(Err(_))));
        assert!(panic_of(|| poll(&mut send).is_ready()).contains("it sends one value"));
        std::mem::forget(send);
        assert_eq!((live.count(), rx.len()), (0, 0));
    }
}

/// The ways to send one value without waiting.
fn ways_to_send() -> [fn(&Sender<Value>, Value); 7] {
    [
        |tx, value| assert!(tx.try_send(value).is_ok()),
        |tx, value| assert!(tx.send(value).is_ok()),
        |tx, value| {
            let mut send = tx.send_async(value);
            let panicked = catch_unwind(AssertUnwindSafe(|| poll(&mut send).is_ready()));
            // Dropped after its waker has panicked.
            drop(send);
            panicked.map_or_else(|panic| std::panic::resume_unwind(panic), |ready| assert!(ready));
        },
        |tx, value| {
            let mut send = tx.send_async(value);
            let panicked = catch_unwind(AssertUnwindSafe(|| poll(&mut send).is_ready()));
            // The future is ready all the same.
            assert!(panicked.is_ok() || matches!(poll(&mut send), Poll::Ready(Ok(()))));
            panicked.map_or_else(|panic| std::panic::resume_unwind(panic), |ready| assert!(ready));
        },
        |tx, value| {
            let mut sink = tx.clone().into_sink();
            let mut context = Context::from_waker(Waker::noop());
            Pin::new(&mut sink).start_send(value).expect("it is empty");
            let panicked =
                catch_unwind(AssertUnwindSafe(|| Pin::new(&mut sink).poll_flush(&mut context).is_ready()));
            assert!(panicked.is_ok() || Pin::new(&mut sink).poll_ready(&mut context).is_ready());
            panicked.map_or_else(|panic| std::panic::resume_unwind(panic), |ready| assert!(ready));
        },
        |tx, value| select! { send(tx, value) -> sent => assert!(sent.is_ok()) },
        |tx, value| {
            let mut select = Select::new();
            select.send(tx);
            assert!(select.select().send(tx, value).is_ok());
        },
    ]
}

#[test]
fn a_send_that_wakes_a_waker_that_panics_has_sent() {
    let live = Live::default();
    for send in ways_to_send() {
        for capacity in CAPACITIES {
            let (tx, rx) = used(&live, capacity);
            let mut receive = rx.recv_async();
            assert!(poll_with(&mut receive, &panics("woken")).is_pending());
            assert_eq!(panic_of(|| send(&tx, live.value(7))), "woken");
            assert!(matches!(poll(&mut receive), Poll::Ready(Ok(value)) if *value.0 == 7));
            assert!(matches!(rx.try_recv(), Err(TryRecvError::Empty)));
            assert_eq!((live.count(), rx.len()), (0, 0));
        }
    }
}

/// The ways to receive one value without waiting.
fn ways_to_receive() -> [fn(&Receiver<Value>) -> Value; 7] {
    [
        |rx| rx.try_recv().expect("a value"),
        |rx| rx.recv().expect("a value"),
        |rx| rx.iter().next().expect("a value"),
        |rx| {
            let mut receive = rx.recv_async();
            let Poll::Ready(Ok(value)) = poll(&mut receive) else { panic!("a value") };
            value
        },
        |rx| {
            let mut stream = rx.clone().into_stream();
            let Poll::Ready(Some(value)) =
                Pin::new(&mut stream).poll_next(&mut Context::from_waker(Waker::noop()))
            else {
                panic!("a value")
            };
            value
        },
        |rx| select! { recv(rx) -> value => value.expect("a value") },
        |rx| {
            let mut select = Select::new();
            select.recv(rx);
            select.select().recv(rx).expect("a value")
        },
    ]
}

#[test]
fn a_receive_that_wakes_a_waker_that_panics_leaves_the_value_to_the_next() {
    let live = Live::default();
    for receive in ways_to_receive() {
        for capacity in [0, 1, 4] {
            let (tx, rx) = used(&live, Some(capacity));
            (0..capacity as u64).for_each(|n| assert!(tx.send(live.value(n)).is_ok()));
            let mut send = tx.send_async(live.value(100));
            assert!(poll_with(&mut send, &panics("woken")).is_pending());
            let text = panic_of(|| drop(receive(&rx)));
            assert_eq!(text, "woken");
            assert_eq!(live.count(), capacity + 1, "no value is lost");
            assert!(matches!(poll(&mut send), Poll::Ready(Ok(()))));
            let rest: Vec<u64> = rx.try_iter().map(|value| *value.0).collect();
            assert_eq!(rest, (0..capacity as u64).chain([100]).collect::<Vec<_>>());
            assert_eq!((live.count(), rx.len()), (0, 0));
        }
    }
}

#[test]
fn a_receive_future_whose_poll_panicked_has_the_value() {
    let live = Live::default();
    for capacity in [0, 1] {
        let (tx, rx) = used(&live, Some(capacity));
        (0..capacity as u64).for_each(|n| assert!(tx.send(live.value(n)).is_ok()));
        let mut send = tx.send_async(live.value(capacity as u64));
        assert!(poll_with(&mut send, &panics("woken")).is_pending());
        let mut receive = rx.recv_async();
        assert_eq!(panic_of(|| poll(&mut receive).is_ready()), "woken");
        assert!(matches!(poll(&mut receive), Poll::Ready(Ok(value)) if *value.0 == 0));
        assert!(matches!(poll(&mut send), Poll::Ready(Ok(()))));
    }
    assert_eq!(live.count(), 0);
}

type Closes = fn(Sender<Value>, &Receiver<Value>);

/// The ways to close a channel.
const WAYS_TO_CLOSE: [Closes; 3] =
    [|tx, _rx| tx.close().expect("open"), |_tx, rx| rx.close().expect("open"), |tx, _rx| drop(tx)];

#[test]
fn a_close_wakes_all_receivers_when_wakers_panic() {
    for close in WAYS_TO_CLOSE {
        let (tx, rx) = bounded(0);
        let mut first: Vec<_> = (0..3).map(|_| rx.recv_async()).collect();
        for (receive, text) in first.iter_mut().zip(["one", "two", "three"]) {
            assert!(poll_with(receive, &panics(text)).is_pending());
        }
        let mut begun = false;
        thread::scope(|scope| {
            let theirs = rx.clone();
            let blocked = scope.spawn(move || theirs.recv().map(|_| ()));
            // SAFETY: no other thread has the channel, and this one runs no other operation.
            while !unsafe { rx.waits_at(3) } {
                thread::yield_now();
            }
            let woken = Arc::new(AtomicUsize::new(0));
            let mut last = rx.recv_async();
            let theirs = Arc::clone(&woken);
            let waker = on_wake(move || _ = theirs.fetch_add(1, SeqCst));
            assert!(poll_with(&mut last, &waker).is_pending());
            assert_eq!(panic_of(|| close(tx, &rx)), "one", "the first panic comes out");
            assert_eq!(blocked.join().expect("no panic"), Err(RecvError));
            assert_eq!(woken.load(SeqCst), 1);
            assert!(matches!(poll(&mut last), Poll::Ready(Err(RecvError))));
            begun = true;
        });
        assert!(begun && first.iter_mut().all(|receive| matches!(poll(receive), Poll::Ready(Err(_)))));
    }
}

#[test]
fn a_close_rejects_all_senders_when_wakers_panic() {
    let live = Live::default();
    for capacity in [0, 1] {
        for close in WAYS_TO_CLOSE {
            let (tx, rx) = used(&live, Some(capacity));
            (0..capacity as u64).for_each(|n| assert!(tx.send(live.value(n)).is_ok()));
            let another = tx.clone();
            let mut sends: Vec<_> = (10..14).map(|n| another.send_async(live.value(n))).collect();
            for (send, text) in sends.iter_mut().zip(["one", "two", "three", "four"]) {
                assert!(poll_with(send, &panics(text)).is_pending());
            }
            let closes = catch_unwind(AssertUnwindSafe(|| close(tx, &rx)));
            if closes.is_ok() {
                // Dropping one of two senders does not close the channel.
                assert_eq!(panic_of(|| another.close()), "one");
            }
            for (send, n) in sends.iter_mut().zip(10..) {
                assert!(matches!(poll(send), Poll::Ready(Err(error)) if *error.0.0 == n));
            }
            assert_eq!(rx.iter().count(), capacity);
            assert_eq!(live.count(), 0);
        }
    }
}

#[test]
fn dropping_the_last_receiver_completes_when_wakers_and_destructors_panic() {
    struct Bomb(u64);
    impl Drop for Bomb {
        fn drop(&mut self) {
            DROPPED.with_borrow_mut(|dropped| dropped.push(self.0));
            panic!("bomb {}", self.0);
        }
    }
    std::thread_local! {
        static DROPPED: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    for (tx, rx) in [bounded(3), unbounded()] {
        (0..3).for_each(|n| assert!(tx.send(Bomb(n)).is_ok()));
        drop(tx);
        assert_eq!(panic_of(|| drop(rx)), "bomb 0");
        assert_eq!(DROPPED.take(), [0, 1, 2], "the others are dropped all the same");
    }
    // A receiver that is dropped explicitly; a waker, which is called after the destructors, panics.
    let (tx, rx) = bounded(3);
    (0..3).for_each(|n| assert!(tx.send(Bomb(n)).is_ok()));
    let mut send = tx.send_async(Bomb(3));
    assert!(poll_with(&mut send, &panics("woken")).is_pending());
    assert_eq!(panic_of(|| rx.close_and_discard()), "bomb 0");
    assert_eq!(DROPPED.take(), [0, 1, 2]);
    assert_eq!(panic_of(|| drop(send)), "bomb 3");
    assert_eq!(DROPPED.take(), [3]);
    // A redelivered value; and a thread that is panicking already.
    let (tx, rx) = bounded(2);
    (0..2).for_each(|n| assert!(tx.send(Bomb(n)).is_ok()));
    let mut select = Select::new();
    select.recv(&rx);
    assert!(panic_of(|| drop(select.select())).contains("without being completed"));
    let text = panic_of(move || {
        let _channel = (tx, rx);
        panic!("already")
    });
    assert_eq!(text, "already");
    assert_eq!(DROPPED.take().len(), 2);
    // The value of a future.
    let (tx, rx) = bounded(0);
    let mut send = tx.send_async(Bomb(7));
    assert!(poll_with(&mut send, &panics("woken")).is_pending());
    assert_eq!(panic_of(|| drop(send)), "bomb 7");
    assert_eq!(DROPPED.take(), [7]);
    drop((tx, rx));
}

#[test]
fn a_thread_that_panics_closes_a_channel_whose_wakers_panic() {
    let (tx, rx) = bounded::<u64>(0);
    let mut receive = rx.recv_async();
    assert!(poll_with(&mut receive, &panics("woken")).is_pending());
    let text = panic_of(move || {
        let _dropped = tx;
        panic!("already")
    });
    assert_eq!(text, "already");
    assert!(matches!(poll(&mut receive), Poll::Ready(Err(RecvError))));
}

#[test]
fn a_waker_may_use_the_channel_that_wakes_it() {
    for capacity in [0, 1, 4] {
        let (tx, rx) = bounded::<u64>(capacity);
        let got = Arc::new(AtomicUsize::new(0));
        // Woken by the first value, the waker receives the second one, sends, and closes.
        (0..capacity as u64).for_each(|n| tx.send(n).expect("room"));
        let mut sends: Vec<_> = (0..3).map(|n| tx.send_async(100 + n)).collect();
        for send in &mut sends {
            let (theirs, got, tx) = (rx.clone(), Arc::clone(&got), tx.clone());
            let waker = on_wake(move || {
                got.fetch_add(usize::from(theirs.try_recv().is_ok()), SeqCst);
                let mut again = theirs.recv_async();
                assert!(capacity > 0 || poll(&mut again).is_ready() || tx.try_send(0).is_ok());
            });
            assert!(poll_with(send, &waker).is_pending());
        }
        let first = rx.recv().expect("a value");
        assert_eq!(first, if capacity == 0 { 100 } else { 0 });
        assert!(got.load(SeqCst) >= 1);
        assert!(sends.iter_mut().all(|send| poll(send).is_ready() || capacity == 4));
        rx.close().expect("open");
    }
}

#[test]
fn a_waker_may_close_the_channel_that_wakes_it() {
    let (tx, rx) = bounded::<u64>(0);
    let mut receives: Vec<_> = (0..4).map(|_| rx.recv_async()).collect();
    for receive in &mut receives {
        let theirs = tx.clone();
        assert!(poll_with(receive, &on_wake(move || _ = theirs.close())).is_pending());
    }
    tx.send(1).expect("it waits");
    assert_eq!(poll(&mut receives[0]), Poll::Ready(Ok(1)));
    assert!(tx.is_closed());
    for receive in &mut receives[1..] {
        assert_eq!(poll(receive), Poll::Ready(Err(RecvError)));
    }
}

/// The functions that a scripted waker calls when it is cloned and dropped.
struct Script {
    on_clone: fn(),
    on_drop: fn(),
}

fn scripted(script: &'static Script) -> Waker {
    fn script_of(data: *const ()) -> &'static Script {
        // SAFETY: every waker with this table is made below or by this function, and its data is a `&'static Script`.
        unsafe { &*data.cast() }
    }
    const VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            (script_of(data).on_clone)();
            RawWaker::new(data, &VTABLE)
        },
        |data| (script_of(data).on_drop)(),
        |_| (),
        |data| (script_of(data).on_drop)(),
    );
    // SAFETY: the data is a `&'static Script`, which no function of the table frees, so clones and drops need no count.
    unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(script).cast(), &VTABLE)) }
}

/// Polls with a waker that is not dropped.
fn poll_scripted<F: Future + Unpin>(future: &mut F, script: &'static Script) -> Poll<F::Output> {
    let waker = std::mem::ManuallyDrop::new(scripted(script));
    poll_with(future, &waker)
}

#[test]
fn a_waker_whose_clone_panics_leaves_the_future_as_it_was() {
    static CLONE: Script = Script { on_clone: || panic!("cloned"), on_drop: || () };
    let live = Live::default();
    for capacity in [0, 1] {
        let (tx, rx) = used(&live, Some(capacity));
        let mut receive = rx.recv_async();
        assert_eq!(panic_of(|| poll_scripted(&mut receive, &CLONE).is_ready()), "cloned");
        let woken = Arc::new(AtomicUsize::new(0));
        let theirs = Arc::clone(&woken);
        let waker = on_wake(move || _ = theirs.fetch_add(1, SeqCst));
        assert!(poll_with(&mut receive, &waker).is_pending());
        assert_eq!(panic_of(|| poll_scripted(&mut receive, &CLONE).is_ready()), "cloned");
        assert!(tx.try_send(live.value(1)).is_ok());
        assert_eq!(woken.load(SeqCst), 1, "the waker of before is still there");
        drop(receive);
        assert_eq!(*rx.try_recv().expect("it came back").0, 1);
        assert_eq!(live.count(), 0);
    }
}

#[test]
fn a_waker_whose_destructor_panics_stops_nothing() {
    static DROP: Script = Script { on_clone: || (), on_drop: || panic!("dropped") };
    let live = Live::default();
    for capacity in [0, 1] {
        let (tx, rx) = used(&live, Some(capacity));
        let mut receive = rx.recv_async();
        assert!(poll_scripted(&mut receive, &DROP).is_pending());
        // The waker is replaced, and then dropped with the future.
        assert_eq!(panic_of(|| poll(&mut receive).is_ready()), "dropped");
        assert!(poll_scripted(&mut receive, &DROP).is_pending());
        assert_eq!(panic_of(|| drop(receive)), "dropped");
        let mut receive = rx.recv_async();
        assert!(poll(&mut receive).is_pending());
        assert!(tx.try_send(live.value(1)).is_ok());
        // The future is ready, and needs no waker.
        assert!(matches!(poll_scripted(&mut receive, &DROP), Poll::Ready(Ok(value)) if *value.0 == 1));
        drop(receive);
        assert_eq!((live.count(), rx.len()), (0, 0));
    }
}

#[test]
fn a_waker_may_use_the_channel_when_it_is_cloned_and_dropped() {
    std::thread_local! {
        static CHANNEL: (Sender<u64>, Receiver<u64>) = bounded(1);
        static SENT: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
        static GOT: RefCell<Vec<u64>> = const { RefCell::new(Vec::new()) };
    }
    static USES: Script = Script {
        on_clone: || {
            CHANNEL.with(|(tx, _)| {
                let n = SENT.with_borrow(|sent| sent.len() as u64);
                if tx.try_send(n).is_ok() {
                    SENT.with_borrow_mut(|sent| sent.push(n));
                }
            });
        },
        on_drop: || {
            CHANNEL.with(|(_, rx)| GOT.with_borrow_mut(|got| got.extend(rx.try_recv())));
        },
    };
    CHANNEL.with(|(tx, rx)| {
        for _ in 0..3 {
            let mut receive = rx.recv_async();
            let value = loop {
                if let Poll::Ready(value) = poll_scripted(&mut receive, &USES) {
                    break value;
                }
            };
            GOT.with_borrow_mut(|got| got.extend(value));
        }
        // The waker is cloned when the task is about to wait, and its clone function sends.
        let n = SENT.with_borrow(|sent| sent.len() as u64);
        assert_eq!(tx.try_send(n), Ok(()));
        assert!(poll_scripted(&mut tx.send_async(u64::MAX), &USES).is_pending());
        assert_eq!(
            rx.try_recv(),
            if GOT.with_borrow(|got| got.contains(&n)) { Err(TryRecvError::Empty) } else { Ok(n) }
        );
    });
    let sent = SENT.take();
    assert!(sent.len() >= 3, "{sent:?}");
    GOT.with_borrow(|got| assert!(got.starts_with(&sent), "each once and in order: {got:?}"));
}

#[test]
fn a_future_that_has_ended_keeps_no_waker() {
    for capacity in CAPACITIES {
        let (tx, rx) = capacity.map_or_else(unbounded, bounded);
        let task = Arc::new(OnWake(|| ()));
        let waker = Waker::from(Arc::clone(&task));
        // Behind a future that keeps waiting, so that the cells stay.
        let mut first = rx.recv_async();
        assert!(poll(&mut first).is_pending());
        let mut receives: Vec<_> = (0..10).map(|_| rx.recv_async()).collect();
        for receive in &mut receives {
            assert!(poll_with(receive, &waker).is_pending());
        }
        receives.truncate(5);
        (0..3).for_each(|n| tx.try_send(n).expect("they wait"));
        assert_eq!(poll_with(&mut receives[0], &waker), Poll::Ready(Ok(1)));
        drop(receives);
        drop(waker);
        assert_eq!(Arc::strong_count(&task), 1, "capacity {capacity:?}");
    }
}

#[test]
fn forgotten_futures_and_operations_leave_the_channel_sound() {
    let live = Live::default();
    for capacity in CAPACITIES {
        let (tx, rx) = used(&live, capacity);
        let mut receive = rx.recv_async();
        assert!(poll(&mut receive).is_pending());
        std::mem::forget(receive);
        assert!(tx.try_send(live.value(1)).is_ok(), "the forgotten one takes it with it");
        let mut later = rx.recv_async();
        assert!(poll(&mut later).is_pending());
        assert!(tx.try_send(live.value(2)).is_ok());
        assert!(matches!(poll(&mut later), Poll::Ready(Ok(value)) if *value.0 == 2));
        let mut send = tx.send_async(live.value(3));
        _ = poll(&mut send);
        std::mem::forget(send);
        let value = rx.try_recv().expect("it was sent");
        assert_eq!(*value.0, 3);
    }
    assert_eq!(live.count(), CAPACITIES.len());
}

#[test]
fn a_waker_may_drop_the_future_that_it_wakes() {
    let live = Live::default();
    for capacity in CAPACITIES {
        let (tx, rx) = used(&live, capacity);
        let task = Arc::new(Mutex::new(Some(rx.clone().into_recv_async())));
        let theirs = Arc::clone(&task);
        let waker = on_wake(move || drop(theirs.lock().take()));
        assert!(poll_with(task.lock().as_mut().expect("it waits"), &waker).is_pending());
        assert!(tx.try_send(live.value(1)).is_ok());
        assert!(task.lock().is_none());
        assert_eq!(*rx.try_recv().expect("it came back").0, 1);
    }
    for capacity in [0, 1] {
        let (tx, rx) = used(&live, Some(capacity));
        (0..capacity as u64).for_each(|n| assert!(tx.send(live.value(n)).is_ok()));
        let task = Arc::new(Mutex::new(Some(tx.into_send_async(live.value(capacity as u64)))));
        let theirs = Arc::clone(&task);
        let waker = on_wake(move || drop(theirs.lock().take()));
        assert!(poll_with(task.lock().as_mut().expect("it waits"), &waker).is_pending());
        let got: Vec<u64> = rx.iter().map(|value| *value.0).collect();
        assert_eq!(got, (0..=capacity as u64).collect::<Vec<_>>(), "and the last sender is gone");
    }
    assert_eq!(live.count(), 0);
}

#[test]
#[allow(
    clippy::disallowed_methods,
    reason = "std's `join` waits for what the thread's locals do when they are dropped"
)]
fn the_channels_of_a_thread_that_ends_are_closed_and_their_tasks_woken() {
    std::thread_local! {
        static SENDER: RefCell<Option<Sender<u64>>> = const { RefCell::new(None) };
    }
    let (tx, rx) = bounded(0);
    let woken = Arc::new(AtomicUsize::new(0));
    let theirs = Arc::clone(&woken);
    let mut receives: Vec<_> = (0..3).map(|_| rx.recv_async()).collect();
    let waker = on_wake(move || _ = theirs.fetch_add(1, SeqCst));
    assert!(receives.iter_mut().all(|receive| poll_with(receive, &waker).is_pending()));
    std::thread::spawn(move || SENDER.set(Some(tx))).join().expect("no panic");
    assert_eq!(woken.load(SeqCst), 3);
    assert!(receives.iter_mut().all(|receive| poll(receive) == Poll::Ready(Err(RecvError))));
}
