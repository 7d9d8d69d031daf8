//! Locks, permits, conditions and groups that are waited for under a context, on plain threads.

use selvedge::chan::{Receiver, bounded};
use selvedge::context::{Context, Custom, Error, background, with_cancel, with_timeout};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::sync::{Cond, ErrGroup, Mutex, RwMutex, Semaphore, WaitGroup};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);
const MOMENT: Duration = Duration::from_millis(1);

/// A context that is done when its sender is dropped.
struct UntilDropped(Receiver<()>);

impl Custom for UntilDropped {
    fn done(&self) -> &Receiver<()> {
        &self.0
    }

    fn err(&self) -> Option<Error> {
        self.0.is_closed().then_some(Error::Canceled)
    }
}

/// Runs `wait` under contexts that come to be done while it waits: by hand, from above, by a deadline, and as another type says.
fn ends_with_each(wait: impl Fn(&Context) -> Option<Error> + Sync) {
    let (context, cancel) = with_cancel(&background());
    let (below, _below) = with_timeout(&context, HOUR);
    thread::scope(|scope| {
        let waiters = [&context, &below].map(|context| scope.spawn(|| wait(context)));
        // A waiter hangs on its context while it waits.
        while context.kindred() < 2 || below.kindred() < 1 {
            thread::yield_now();
        }
        cancel.cancel();
        for waiter in waiters {
            assert_eq!(waiter.join().expect("no panic"), Some(Error::Canceled));
        }
    });
    assert_eq!(wait(&context), Some(Error::Canceled), "it is done already");
    assert_eq!((context.kindred(), below.kindred()), (0, 0));
    let (context, _cancel) = with_timeout(&background(), MOMENT);
    assert_eq!(wait(&context), Some(Error::DeadlineExceeded));
    let (tx, rx) = bounded(0);
    let context = Context::custom(UntilDropped(rx));
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&context));
        drop(tx);
        assert_eq!(waiter.join().expect("no panic"), Some(Error::Canceled));
    });
}

#[test]
fn a_wait_for_a_lock_ends_with_its_context() {
    let lock = Mutex::new(1);
    let held = lock.lock();
    ends_with_each(|context| lock.lock_ctx(context).err());
    drop(held);
    assert_eq!(*lock.lock_ctx(&background()).expect("it is never done"), 1);
    assert!(lock.try_lock().is_some(), "nothing was lost");
}

#[test]
fn a_wait_to_read_ends_with_its_context() {
    let lock = RwMutex::new(1);
    let held = lock.write();
    ends_with_each(|context| lock.read_ctx(context).err());
    drop(held);
    assert_eq!(*lock.read_ctx(&background()).expect("it is never done"), 1);
    assert!(lock.try_write().is_some(), "nothing was lost");
}

#[test]
fn a_wait_to_write_ends_with_its_context_and_lets_readers_through() {
    let lock = RwMutex::new(1);
    let held = lock.read();
    ends_with_each(|context| lock.write_ctx(context).err());
    assert!(lock.try_read().is_some(), "no writer waits");
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let writer = scope.spawn(|| lock.write_ctx(&context).err());
        // A reader is refused when a writer waits.
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        let behind = scope.spawn(|| *lock.read());
        cancel.cancel();
        assert_eq!(writer.join().expect("no panic"), Some(Error::Canceled));
        assert_eq!(behind.join().expect("no panic"), 1, "beside the reader that has the lock");
    });
    drop(held);
    *lock.write_ctx(&background()).expect("it is never done") += 1;
    assert_eq!(lock.try_read().as_deref(), Some(&2));
}

#[test]
fn a_wait_for_permits_ends_with_its_context_and_lets_others_through() {
    let places = Semaphore::new(1);
    ends_with_each(|context| places.acquire_ctx(2, context).err());
    assert_eq!(places.available(), 1);
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let many = scope.spawn(|| places.acquire_ctx(2, &context).err());
        while context.kindred() == 0 {
            thread::yield_now();
        }
        // It comes after the one that wants two, and most often waits behind it.
        let one = scope.spawn(|| places.acquire(1).count());
        cancel.cancel();
        assert_eq!(many.join().expect("no panic"), Some(Error::Canceled));
        assert_eq!(one.join().expect("no panic"), 1);
    });
    assert_eq!(places.available(), 1);
}

#[test]
fn a_wait_for_a_condition_ends_with_its_context_and_takes_no_signal() {
    let (lock, changed) = (Mutex::new(()), Cond::new());
    ends_with_each(|context| changed.wait_ctx(&mut lock.lock(), context).err());
    assert!(!changed.signal(), "nobody waits any more");
    let (context, _cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| changed.wait_ctx(&mut lock.lock(), &context));
        while !changed.signal() {
            thread::yield_now();
        }
        assert_eq!(waiter.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_wait_for_a_group_ends_with_its_context() {
    let group = WaitGroup::new();
    let task = group.task();
    ends_with_each(|context| group.wait_ctx(context).err());
    let (context, _cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| group.wait_ctx(&context));
        drop(task);
        assert_eq!(waiter.join().expect("no panic"), Ok(()));
    });
}

#[test]
fn a_group_whose_wait_has_ended_early_is_waited_for_again() {
    let (go_on, waits) = bounded::<()>(0);
    let mut group = ErrGroup::new();
    group.go(move |_stop| waits.recv().map_err(|_| "closed"));
    for _ in 0..3 {
        let (context, _cancel) = with_timeout(&background(), MOMENT);
        let (same, error) = group.wait_ctx(&context).expect_err("a closure waits");
        assert_eq!(error, Error::DeadlineExceeded);
        group = same;
    }
    drop(go_on);
    assert_eq!(group.wait_ctx(&background()).expect("it is never done"), Err("closed"));
}

/// Locks and permits change hands while the contexts of those that wait are cancelled.
#[test]
fn nothing_is_lost_where_hand_overs_meet_cancellations() {
    let shared = Arc::new((Mutex::new(0_u32), Semaphore::new(2), RwMutex::new(())));
    for round in 0..200 {
        let (context, cancel) = with_cancel(&background());
        let got: u32 = thread::scope(|scope| {
            let workers = [(); 3].map(|()| {
                scope.spawn(|| {
                    let locked = shared.0.lock_ctx(&context).map(|mut count| *count += 1).is_ok();
                    let permits = shared.1.acquire_ctx(2, &context).is_ok();
                    let reads = shared.2.read_ctx(&context).is_ok();
                    let writes = shared.2.write_ctx(&context).is_ok();
                    [locked, permits, reads, writes].map(u32::from).iter().sum::<u32>()
                })
            });
            let held = (shared.0.lock(), shared.2.read());
            (0..round % 50).for_each(|_| thread::yield_now());
            drop(held);
            cancel.cancel();
            workers.map(|worker| worker.join().expect("no panic")).iter().sum()
        });
        assert!(got <= 12 && shared.0.try_lock().is_some() && shared.2.try_write().is_some());
        assert_eq!((shared.1.available(), context.kindred()), (2, 0));
    }
}
