//! Contexts and user code: closures that run after a context is done, contexts of other types, wakers, causes and values.

use super::common::panic_of;
use core::any::Any;
use futures::FutureExt;
use futures::future::BoxFuture;
use futures::task::{ArcWake, waker};
use selvedge::chan::{Receiver, Sender, TryRecvError, bounded, unbounded};
use selvedge::context::{
    Callback, Cancel, Cause, Context, Custom, Error, Key, Stop, after_func, background, with_cancel,
    with_cancel_cause, with_deadline, with_timeout, with_timeout_cause, with_value,
};
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::rt::sync::{Arc, Mutex};
use selvedge::rt::thread;
use selvedge::rt::time::now;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

/// Registers a closure that sends the error of the context.
fn report(context: &Context) -> (Stop, Receiver<Option<Error>>) {
    let (tx, rx) = bounded(1);
    let theirs = context.clone();
    (after_func(context, move || tx.send(theirs.err()).expect("it is received")), rx)
}

/// CX-19.
#[test]
fn a_closure_runs_once_the_context_is_done() {
    let (context, cancel) = with_cancel(&background());
    let reports = [report(&context), report(&with_value(&context, Name, 1)), report(&context)];
    for (_, rx) in &reports {
        assert!(rx.try_recv().is_err());
    }
    cancel.cancel();
    for (stop, rx) in reports {
        assert_eq!(rx.recv(), Ok(Some(Error::Canceled)), "several are independent");
        assert!(!stop.stop());
    }
    assert_eq!(report(&context).1.recv(), Ok(Some(Error::Canceled)), "at once");
}

/// CX-19, by the clock.
#[test]
fn a_closure_runs_at_the_deadline_though_nobody_looks() {
    let (context, _cancel) = with_timeout(&background(), MOMENT);
    let (_stop, rx) = report(&context);
    assert_eq!(rx.recv(), Ok(Some(Error::DeadlineExceeded)));
    let (context, _cancel) = with_deadline(&background(), now());
    assert_eq!(report(&context).1.recv(), Ok(Some(Error::DeadlineExceeded)));
}

/// CX-19 and CX-20: neither the cancellation nor a stop waits for it.
#[test]
fn a_closure_runs_on_a_thread_of_its_own() {
    let (context, cancel) = with_cancel(&background());
    let here = thread::current().id();
    let (tx, rx) = bounded(1);
    let (blocks, goes_on) = bounded::<()>(0);
    let stop = after_func(&context, move || {
        let _closed = goes_on.recv();
        tx.send(thread::current().id()).expect("it is received");
    });
    cancel.cancel();
    assert!(!stop.stop(), "neither waits for the closure");
    drop(blocks);
    assert_ne!(rx.recv(), Ok(here));
}

#[test]
fn a_closure_that_is_stopped_does_not_run() {
    let (context, cancel) = with_cancel(&background());
    let held = Arc::new(());
    let theirs = Arc::clone(&held);
    let stop = after_func(&context, move || unreachable!("it is stopped: {theirs:?}"));
    let (_other, rx) = report(&context);
    assert_eq!(context.kindred(), 2);
    assert!(stop.stop() && !stop.stop());
    assert_eq!((Arc::strong_count(&held), context.kindred()), (1, 1), "it is dropped");
    cancel.cancel();
    assert_eq!(rx.recv(), Ok(Some(Error::Canceled)));
    let never = after_func(&background(), || unreachable!("nothing is ever done"));
    assert!(never.stop() && !never.stop());
}

/// CX-20.
#[test]
fn either_a_stop_says_so_or_the_closure_runs() {
    for _ in 0..200 {
        let (context, cancel) = with_cancel(&background());
        let (tx, rx) = unbounded();
        let stop = after_func(&context, move || tx.send(()).expect("it is received"));
        thread::scope(|scope| {
            scope.spawn(|| cancel.cancel());
            let stopped = stop.stop();
            assert_eq!(rx.recv().is_err(), stopped, "the channel closes without a value if it is stopped");
        });
    }
}

#[test]
fn a_dropped_stop_stops_nothing() {
    let (context, cancel) = with_cancel(&background());
    let (stop, rx) = report(&context);
    drop(stop);
    drop(context);
    cancel.cancel();
    assert_eq!(rx.recv(), Ok(Some(Error::Canceled)));
}

#[test]
fn a_closure_of_a_detached_context_runs_though_nobody_uses_it() {
    let (above, cancel_above) = with_cancel(&background());
    let (tx, rx) = bounded(1);
    for stops in [true, false] {
        let (context, cancel) = with_cancel(&above);
        let tx = tx.clone();
        let stop = after_func(&context, move || tx.send(stops).expect("it is received"));
        cancel.detach();
        drop(context);
        assert_eq!(above.kindred(), 1);
        assert_eq!(stops && stop.stop(), stops);
        drop(stop);
        assert_eq!(above.kindred(), usize::from(!stops), "one that is stopped keeps nothing");
    }
    cancel_above.cancel();
    assert_eq!(rx.recv(), Ok(false));
}

#[derive(PartialEq, Eq)]
struct Name;
impl Key for Name {
    type Value = u32;
}

/// What a context of a type of its own offers.
#[derive(Clone, Copy, PartialEq)]
enum Offers {
    Channel,
    Callback,
}

/// A context of a type of its own, with a channel of its own.
struct Foreign {
    offers: Offers,
    closer: Sender<()>,
    done: Receiver<()>,
    is_done: AtomicBool,
    calls: Mutex<Vec<(usize, Callback)>>,
    released: Arc<AtomicUsize>,
    deadline: Option<Instant>,
}

#[derive(Clone)]
struct Shared(Arc<Foreign>);

impl Foreign {
    fn shared(offers: Offers) -> Shared {
        let (closer, done) = bounded(0);
        let (is_done, calls) = (AtomicBool::new(false), Mutex::new(Vec::new()));
        let released = Arc::new(AtomicUsize::new(0));
        Shared(Arc::new(Foreign { offers, closer, done, is_done, calls, released, deadline: None }))
    }
}

impl Shared {
    fn end(&self) {
        self.0.is_done.store(true, Relaxed);
        let _first = self.0.closer.close();
        let calls = core::mem::take(&mut *self.0.calls.lock());
        calls.into_iter().for_each(|(_, call)| call());
    }
}

impl Custom for Shared {
    fn done(&self) -> &Receiver<()> {
        &self.0.done
    }

    fn err(&self) -> Option<Error> {
        self.0.is_done.load(Relaxed).then_some(Error::Canceled)
    }

    fn deadline(&self) -> Option<Instant> {
        self.0.deadline
    }

    fn value(&self, key: &dyn Any) -> Option<&dyn Any> {
        key.is::<Name>().then_some(&7_u32 as &dyn Any)
    }

    fn after_func(&self, f: Callback) -> Result<Callback, Callback> {
        if self.0.offers == Offers::Channel {
            return Err(f);
        }
        let mut calls = self.0.calls.lock();
        let number = calls.len();
        calls.push((number, f));
        let theirs = self.clone();
        Ok(Box::new(move || {
            theirs.0.released.fetch_add(1, Relaxed);
            let mut calls = theirs.0.calls.lock();
            let found = calls.iter().position(|(other, _)| *other == number);
            let call = found.map(|at| calls.swap_remove(at));
            drop(calls);
            drop(call);
        }))
    }
}

#[test]
fn a_context_of_another_type_cancels_those_below() {
    for offers in [Offers::Channel, Offers::Callback] {
        let foreign = Foreign::shared(offers);
        let above = Context::custom(foreign.clone());
        let (below, _below) = with_cancel(&above);
        let (deeper, _deeper) = with_timeout(&below, HOUR);
        let (_stop, rx) = report(&above);
        assert_eq!((above.err(), below.err(), deeper.err()), (None, None, None));
        assert_eq!((above.value(&Name), deeper.value(&Name)), (Some(&7), Some(&7)));
        foreign.end();
        assert!(deeper.done().recv().is_err() && above.done().recv().is_err());
        assert_eq!(below.err(), Some(Error::Canceled));
        assert_eq!(rx.recv(), Ok(Some(Error::Canceled)));
        let cause = below.cause().expect("it is done");
        assert_eq!(cause.downcast_ref(), Some(&Error::Canceled), "its cause is its error");
        assert_eq!(with_cancel(&above).0.err(), Some(Error::Canceled), "born done");
    }
}

#[test]
fn a_context_below_one_of_another_type_can_be_cancelled_alone() {
    for offers in [Offers::Channel, Offers::Callback] {
        let foreign = Foreign::shared(offers);
        let above = Context::custom(foreign.clone());
        let (below, cancel) = with_cancel(&above);
        let stop = after_func(&above, || unreachable!("it is stopped"));
        cancel.cancel();
        assert!(stop.stop());
        assert_eq!((above.err(), below.err()), (None, Some(Error::Canceled)));
        if offers == Offers::Callback {
            let left = foreign.0.calls.lock().len();
            assert_eq!((foreign.0.released.load(Relaxed), left), (2, 0), "it lets go of both");
        }
        foreign.end();
    }
}

#[test]
fn the_deadline_of_a_context_of_another_type_is_told_and_left_to_it() {
    let foreign = Foreign::shared(Offers::Callback);
    let Foreign { closer, done, released, .. } = &*foreign.0;
    let (closer, done, released) = (closer.clone(), done.clone(), Arc::clone(released));
    let (is_done, calls) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    let deadline = Some(now());
    let offers = Offers::Callback;
    let foreign = Shared(Arc::new(Foreign { offers, closer, done, is_done, calls, released, deadline }));
    let (below, _below) = with_timeout(&Context::custom(foreign.clone()), HOUR);
    assert_eq!((below.deadline(), below.err()), (deadline, None), "it says itself when it is done");
    foreign.end();
    assert_eq!(below.err(), Some(Error::Canceled));
}

/// A context that wraps another one.
struct Wrapper {
    inner: Context,
    /// Its own channel, if it does not keep the inner one's.
    own: Option<Receiver<()>>,
}

impl Custom for Wrapper {
    fn done(&self) -> &Receiver<()> {
        self.own.as_ref().unwrap_or(self.inner.done())
    }

    fn err(&self) -> Option<Error> {
        match &self.own {
            Some(own) => own.is_closed().then_some(Error::DeadlineExceeded),
            None => self.inner.err(),
        }
    }

    fn cause(&self) -> Option<Cause> {
        if self.own.is_some() { self.err().map(Cause::from) } else { self.inner.cause() }
    }

    fn value(&self, key: &dyn Any) -> Option<&dyn Any> {
        self.inner.value_of(key)
    }

    fn inner(&self) -> Option<&Context> {
        Some(&self.inner)
    }
}

/// CX-22.
#[test]
fn a_wrapper_that_keeps_the_channel_joins_the_inner_tree() {
    let (inner, cancel) = with_cancel_cause(&with_value(&background(), Name, 3));
    let wrapper = Context::custom(Wrapper { inner: inner.clone(), own: None });
    let twice = Context::custom(Wrapper { inner: wrapper.clone(), own: None });
    let below: Vec<_> = (0..10).map(|_| with_cancel(&twice)).collect();
    let stop = after_func(&wrapper, || unreachable!("it is stopped"));
    assert_eq!(inner.kindred(), 11, "nothing stands between");
    assert!(stop.stop());
    assert_eq!(below[0].0.value(&Name), Some(&3));
    cancel.cancel("the inner one");
    for (context, _) in below {
        assert_eq!(context.cause().expect("done").to_string(), "the inner one");
    }
}

#[test]
fn a_wrapper_with_a_channel_of_its_own_is_cancelled_by_that() {
    let (inner, cancel) = with_cancel_cause(&background());
    let (closer, own) = bounded(0);
    let wrapper = Context::custom(Wrapper { inner: inner.clone(), own: Some(own) });
    let (below, _below) = with_cancel(&wrapper);
    drop(closer);
    assert!(below.done().recv().is_err());
    assert_eq!(below.err(), Some(Error::DeadlineExceeded));
    cancel.cancel("the inner one");
    assert_eq!(below.cause().expect("done").to_string(), "context deadline exceeded");
    assert_eq!(inner.kindred(), 0);
}

/// A value, a cause, or what a waker holds: panics when it is dropped, if it is armed.
#[derive(Debug)]
struct Bomb(Arc<AtomicUsize>, &'static str);

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.fetch_add(1, Relaxed);
        if !self.1.is_empty() {
            panic!("{}", self.1);
        }
    }
}

impl core::fmt::Display for Bomb {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(self.1)
    }
}

impl std::error::Error for Bomb {}

#[derive(PartialEq, Eq)]
struct Holds;
impl Key for Holds {
    type Value = Bomb;
}

#[test]
fn values_that_panic_leave_none_behind() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let mut context = background();
    for text in ["", "one", "two", ""] {
        context = with_value(&context, Holds, Bomb(Arc::clone(&dropped), text));
    }
    assert_eq!(panic_of(|| drop(context)), "two", "the nearest is dropped first");
    assert_eq!((dropped.load(Relaxed), Arc::strong_count(&dropped)), (4, 1));
}

#[test]
fn a_cause_that_comes_too_late_is_dropped_and_may_panic() {
    let dropped = Arc::new(AtomicUsize::new(0));
    let (context, cancel) = with_cancel_cause(&background());
    cancel.cancel("first");
    assert_eq!(panic_of(|| cancel.cancel(Bomb(Arc::clone(&dropped), "late"))), "late");
    assert_eq!(context.cause().expect("done").to_string(), "first");
    let (context, cancel) = with_cancel_cause(&background());
    let (below, _below) = with_cancel(&context);
    cancel.cancel(Bomb(Arc::clone(&dropped), "kept"));
    drop((cancel, context));
    assert_eq!(dropped.load(Relaxed), 1, "the context below keeps the cause");
    assert_eq!(panic_of(|| drop((_below, below))), "kept");
    assert_eq!(Arc::strong_count(&dropped), 1);
}

/// Polls the context's channel with a waker that calls `f`; the future is to be kept.
#[allow(clippy::disallowed_types, reason = "wakers are made of std's `Arc`")]
fn await_done(context: &Context, f: impl Fn() + Send + Sync + 'static) -> BoxFuture<'static, bool> {
    struct Calls<F>(F);
    impl<F: Fn() + Send + Sync + 'static> ArcWake for Calls<F> {
        fn wake_by_ref(this: &std::sync::Arc<Self>) {
            (this.0)();
        }
    }
    let waker = waker(std::sync::Arc::new(Calls(f)));
    let done = context.done().clone();
    let mut future = async move { done.recv_async().await.is_err() }.boxed();
    let polled = future.as_mut().poll(&mut core::task::Context::from_waker(&waker));
    assert!(polled.is_pending());
    future
}

#[test]
fn wakers_that_panic_or_come_back_are_called_when_the_tree_is_settled() {
    let (root, cancel) = with_cancel(&background());
    let (below, cancel_below) = with_cancel(&root);
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = |context: &Context, other: &Context, cancel: &Cancel, panics: bool| {
        let (own, other, cancel) = (context.clone(), other.clone(), cancel.clone());
        let seen = Arc::clone(&seen);
        await_done(context, move || {
            cancel.cancel();
            let (child, _child) = with_cancel(&other);
            seen.lock().push((own.err(), other.err(), child.err(), other.kindred()));
            assert!(!panics, "a waker");
        })
    };
    let _futures = [
        look(&root, &below, &cancel, true),
        look(&below, &root, &cancel_below, true),
        look(&below, &root, &cancel, false),
    ];
    let (_stop, rx) = report(&below);
    assert_eq!(panic_of(|| cancel.cancel()), "a waker");
    let done = Some(Error::Canceled);
    assert_eq!(*seen.lock(), vec![(done, done, done, 0); 3]);
    assert_eq!(rx.recv(), Ok(done), "the closure runs all the same");
    cancel.cancel();
}

#[test]
fn a_closure_may_use_its_context_and_panic() {
    let (context, cancel) = with_cancel(&background());
    let (tx, rx) = unbounded();
    for n in 0..3 {
        let (context, cancel, tx) = (context.clone(), cancel.clone(), tx.clone());
        drop(after_func(&context.clone(), move || {
            cancel.cancel();
            let (_child, _cancel) = with_cancel(&context);
            let again = tx.clone();
            drop(after_func(&context, move || again.send(n).expect("it is received")));
            drop(tx);
            panic!("a closure of a test");
        }));
    }
    drop(tx);
    cancel.cancel();
    let mut got: Vec<i32> = rx.iter().collect();
    got.sort_unstable();
    assert_eq!(got, [0, 1, 2]);
}

/// A cause that closes a channel when it is dropped.
#[derive(Debug)]
struct Closes(#[expect(dead_code, reason = "it is there to be dropped")] Sender<()>);

impl core::fmt::Display for Closes {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad("a cause that closes a channel")
    }
}

impl std::error::Error for Closes {}

/// CX-12, the memory.
#[test]
fn a_context_that_is_cancelled_before_its_deadline_is_freed() {
    let (tx, rx) = bounded(0);
    let (context, cancel) = with_timeout_cause(&background(), HOUR, Closes(tx));
    let stop = after_func(&context, || ());
    cancel.cancel();
    assert!(rx.try_recv().is_err_and(|error| error == TryRecvError::Empty), "it is not free yet");
    drop((context, cancel, stop));
    assert!(rx.recv().is_err(), "no timer keeps it");
}
