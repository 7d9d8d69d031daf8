//! Models of waits that last until a context is done at most: with locks, permits, conditions and groups as specified, and one
//! with a real lock.

use super::{Model, Plain, model, models, mutant_of, until};
use crate::mutant::{Mutant, Needs};
use selvedge::context::{Context, Error, background, with_cancel};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::Ordering::Relaxed;
use selvedge::rt::sync::atomic::{AtomicBool, AtomicU32};
use selvedge::rt::thread;
use selvedge::sync::{Cond, Mutex, Once, OnceValue, RwMutex, Semaphore, WaitGroup};
use selvedge_check::{Change, FailureKind};

models![
    a_lock_is_taken_or_its_wait_stopped,
    a_wait_for_a_lock_ends_with_its_context,
    a_wait_in_the_queue_of_a_lock_ends_with_its_context,
    a_read_is_begun_or_its_wait_stopped,
    a_write_is_begun_or_its_wait_stopped,
    a_writer_that_gives_up_lets_readers_through,
    one_closure_runs_or_its_wait_is_stopped,
    a_wait_for_a_closure_ends_with_its_context,
    a_value_is_there_or_its_wait_stopped,
    permits_are_taken_or_stay,
    a_signal_is_taken_or_goes_to_another,
    a_wait_for_a_group_ends_with_its_context,
    a_stop_that_comes_too_late_stops_no_other_wait,
];

const CANCEL: Mutant = mutant_of!("primitives/src/context/cancel.rs");
const STOPPED: Mutant = mutant_of!("primitives/src/spec/stopped.rs");
const RW_MUTEX: Mutant = mutant_of!("primitives/src/spec/rw_mutex.rs");

const fn twin(of: Mutant, site: &'static str, kind: FailureKind) -> Mutant {
    of.mutant(site, Change::Twin, kind, Needs::Interleavings)
}

/// What ends the wait of a thread is lost.
const NUDGES_NOT: Mutant = twin(CANCEL, "nudge", FailureKind::Deadlock);
/// A wait that is stopped loses what it waited for.
const LOSES: Mutant = twin(STOPPED, "lose-what-came", FailureKind::Panic);
/// A wait that was stopped too late stops the next one of its thread.
const REMEMBERS: Mutant = twin(STOPPED, "forget-mark", FailureKind::Panic);
/// A call returns while the closure of another thread runs.
const EARLY_RETURN: Mutant =
    twin(mutant_of!("primitives/src/spec/once.rs"), "early-return", FailureKind::Panic).or(FailureKind::Race);
/// A writer that has given up keeps readers out.
const STAYS_ANNOUNCED: Mutant = twin(RW_MUTEX, "stays-announced", FailureKind::Deadlock);

/// Waits on one thread under a context that another one cancels, while this one gives what is waited for.
fn meets<R: Send>(
    wait: impl FnOnce(&Context) -> Result<R, Error> + Send,
    give: impl FnOnce(),
) -> Result<R, Error> {
    let (context, cancel) = with_cancel(&background());
    let waited = thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&context));
        scope.spawn(move || cancel.cancel());
        give();
        waiter.join().expect("no panic")
    });
    assert!(matches!(waited, Ok(_) | Err(Error::Canceled)));
    waited
}

/// Waits on another thread under a context that this one cancels.
fn stopped<R: Send>(wait: impl FnOnce(&Context) -> Result<R, Error> + Send) -> Option<Error> {
    let (context, cancel) = with_cancel(&background());
    thread::scope(|scope| {
        let waiter = scope.spawn(|| wait(&context).err());
        cancel.cancel();
        waiter.join().expect("no panic")
    })
}

/// A thread waits for a lock under a context that another one cancels, while the owner unlocks.
fn a_lock_is_taken_or_its_wait_stopped() -> Model {
    model("a lock is taken under a context, or stays free for others", || {
        let lock = Mutex::new(0);
        let held = lock.lock();
        let locked = meets(|context| lock.lock_ctx(context).map(|mut count| *count += 1), || drop(held));
        assert_eq!(*lock.try_lock().expect("it is free"), i32::from(locked.is_ok()));
    })
    .of_specified()
    .catches([LOSES])
}

/// A thread waits under a context for a lock that nobody releases before.
fn a_wait_for_a_lock_ends_with_its_context() -> Model {
    model("a wait for a lock ends with its context", wait_for_a_held_lock)
        .of_specified()
        .catches([NUDGES_NOT])
}

/// A thread waits under a context in the queue of a lock that nobody releases before, the real one.
fn a_wait_in_the_queue_of_a_lock_ends_with_its_context() -> Model {
    model("a wait in the queue of a lock ends with its context", wait_for_a_held_lock)
        .bound(2)
        .catches([NUDGES_NOT])
}

fn wait_for_a_held_lock() {
    let lock = Mutex::new(());
    let _held = lock.lock();
    assert_eq!(stopped(|context| lock.lock_ctx(context).map(drop)), Some(Error::Canceled));
}

/// A thread waits to read under a context that another one cancels, while the writer unlocks.
fn a_read_is_begun_or_its_wait_stopped() -> Model {
    model("a lock is read under a context, or stays free for others", || {
        let lock = RwMutex::new(1);
        let held = lock.write();
        let read = meets(|context| lock.read_ctx(context).map(|value| *value), || drop(held));
        assert!(read.is_ok_and(|value| value == 1) || read.is_err());
        assert!(lock.try_write().is_some(), "nobody reads");
    })
    .of_specified()
    .catches([LOSES])
}

/// A thread waits to write under a context that another one cancels, while the reader leaves.
fn a_write_is_begun_or_its_wait_stopped() -> Model {
    model("a lock is written under a context, or stays free for others", || {
        let lock = RwMutex::new(0);
        let held = lock.read();
        let wrote = meets(|context| lock.write_ctx(context).map(|mut value| *value += 1), || drop(held));
        assert_eq!(*lock.try_write().expect("it is free"), i32::from(wrote.is_ok()));
    })
    .of_specified()
    .catches([LOSES])
}

/// A thread calls a `Once` under a context that this one cancels, before it calls the `Once` too.
fn one_closure_runs_or_its_wait_is_stopped() -> Model {
    model("a call of a Once under a context runs the closure, waits for it, or leaves it to others", || {
        let (once, count) = (Once::new(), Plain::new(0));
        let run = || count.set(count.get() + 1);
        let (context, cancel) = with_cancel(&background());
        thread::scope(|scope| {
            scope.spawn(|| {
                let called = once.call_ctx(&context, run);
                assert!(called == Err(Error::Canceled) || count.get() == 1);
            });
            cancel.cancel();
            once.call(run);
            assert_eq!(count.get(), 1);
        });
    })
    .of_specified()
    .catches([LOSES.or(FailureKind::Deadlock), EARLY_RETURN])
}

/// A thread calls a `Once` under a context whose closure waits for that thread.
fn a_wait_for_a_closure_ends_with_its_context() -> Model {
    model("a wait for the closure of a Once ends with its context", || {
        let once = Once::new();
        once.call(|| {
            let again = |context: &Context| once.call_ctx(context, || unreachable!("another closure runs"));
            assert_eq!(stopped(again), Some(Error::Canceled));
        });
        assert!(once.is_done());
    })
    .of_specified()
    .catches([NUDGES_NOT, EARLY_RETURN])
}

/// A thread waits under a context for a value whose closure waits for that thread, and then for the value without a limit.
fn a_value_is_there_or_its_wait_stopped() -> Model {
    model("a wait for a value ends with its context, and the value is there for the next one", || {
        let (go, value) = (AtomicBool::new(false), AtomicU32::new(0));
        let answer = OnceValue::new(|| {
            until(|| go.load(Relaxed));
            value.fetch_add(1, Relaxed)
        });
        thread::scope(|scope| {
            let maker = scope.spawn(|| *answer.get());
            let (context, cancel) = with_cancel(&background());
            scope.spawn(move || cancel.cancel());
            // It waits for the maker, or is the maker, which another thread lets end.
            scope.spawn(|| go.store(true, Relaxed));
            assert!(matches!(answer.get_ctx(&context), Ok(&0) | Err(Error::Canceled)));
            assert_eq!(maker.join().expect("no panic"), 0);
        });
        assert_eq!((*answer.get(), value.load(Relaxed)), (0, 1));
    })
    .of_specified()
    .catches([LOSES.or(FailureKind::Deadlock)])
}

/// A thread waits to write behind a reader that stays, and gives up; another one waits to read behind it.
fn a_writer_that_gives_up_lets_readers_through() -> Model {
    model("a writer that gives up lets the readers behind it through", || {
        let (context, cancel) = with_cancel(&background());
        let lock = Arc::new(RwMutex::new(()));
        let held = lock.read();
        let theirs = Arc::clone(&lock);
        let writer = thread::spawn(move || theirs.write_ctx(&context).err());
        let theirs = Arc::clone(&lock);
        let reader = thread::spawn(move || drop(theirs.read()));
        cancel.cancel();
        assert_eq!(writer.join().expect("no panic"), Some(Error::Canceled), "a reader has the lock");
        reader.join().expect("no panic");
        drop(held);
    })
    .of_specified()
    .catches([NUDGES_NOT, STAYS_ANNOUNCED])
}

/// A thread wants two permits under a context that is cancelled, and another one wants one behind it.
fn permits_are_taken_or_stay() -> Model {
    model("permits are taken under a context, or stay for those behind", || {
        let places = Semaphore::new(1);
        let many = meets(|context| places.acquire_ctx(2, context).map(drop), || drop(places.acquire(1)));
        assert!(many.is_err(), "there are never two");
        assert_eq!(places.available(), 1);
    })
    .of_specified()
    .catches([NUDGES_NOT])
}

/// A thread waits for a condition under a context that is cancelled, while another one signals.
fn a_signal_is_taken_or_goes_to_another() -> Model {
    model("a signal ends a wait under a context, or finds no such wait", || {
        let (lock, changed) = (Mutex::new(()), Cond::new());
        let mut signalled = false;
        let waited =
            meets(|context| changed.wait_ctx(&mut lock.lock(), context), || signalled = changed.signal());
        assert_eq!(waited.is_ok(), signalled);
        assert!(!changed.signal(), "nobody waits");
    })
    .of_specified()
    .catches([NUDGES_NOT])
}

/// A thread waits for a group under a context that is cancelled, while the last task ends.
fn a_wait_for_a_group_ends_with_its_context() -> Model {
    model("a wait for a group ends with the group or with its context", || {
        let group = WaitGroup::new();
        let task = group.task();
        assert_eq!(
            stopped(|context| group.wait_ctx(context)),
            Some(Error::Canceled),
            "its task has not ended"
        );
        drop(task);
        assert_eq!(group.wait_ctx(&background()), Ok(()));
    })
    .of_specified()
    .catches([NUDGES_NOT])
}

/// A thread locks under a context that is cancelled then, and then under one that is not.
fn a_stop_that_comes_too_late_stops_no_other_wait() -> Model {
    model("a cancellation that comes too late for a wait stops no later one", || {
        let (context, cancel) = with_cancel(&background());
        let (lives, _lives) = with_cancel(&background());
        let lock = Arc::new(Mutex::new(()));
        let theirs = Arc::clone(&lock);
        let locker = thread::spawn(move || {
            drop(theirs.lock_ctx(&context));
            theirs.lock_ctx(&lives).is_ok()
        });
        cancel.cancel();
        drop(lock.lock());
        assert!(locker.join().expect("no panic"));
    })
    .of_specified()
    .catches([REMEMBERS])
}
