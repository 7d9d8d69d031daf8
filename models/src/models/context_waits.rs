//! Models of waits that last until a context is done at most, with locks, permits, conditions and groups as specified.

use super::{Model, model, models, mutant_of};
use crate::mutant::{Mutant, Needs};
use selvedge::context::{Error, background, with_cancel};
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::sync::{Cond, Mutex, RwMutex, Semaphore, WaitGroup};
use selvedge_check::{Change, FailureKind};

models![
    a_lock_is_taken_or_its_wait_stopped,
    a_wait_for_a_lock_ends_with_its_context,
    a_read_is_begun_or_its_wait_stopped,
    a_write_is_begun_or_its_wait_stopped,
    a_writer_that_gives_up_lets_readers_through,
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
/// A writer that has given up keeps readers out.
const STAYS_ANNOUNCED: Mutant = twin(RW_MUTEX, "stays-announced", FailureKind::Deadlock);

/// A thread waits for a lock under a context that another one cancels, while the owner unlocks.
fn a_lock_is_taken_or_its_wait_stopped() -> Model {
    model("a lock is taken under a context, or stays free for others", || {
        let (context, cancel) = with_cancel(&background());
        let lock = Arc::new(Mutex::new(0));
        let held = lock.lock();
        let theirs = Arc::clone(&lock);
        let locker = thread::spawn(move || theirs.lock_ctx(&context).map(|mut count| *count += 1));
        let canceller = thread::spawn(move || cancel.cancel());
        drop(held);
        let locked = locker.join().expect("no panic");
        canceller.join().expect("no panic");
        assert!(matches!(locked, Ok(()) | Err(Error::Canceled)));
        assert_eq!(*lock.try_lock().expect("it is free"), i32::from(locked.is_ok()));
    })
    .of_specified()
    .catches([LOSES])
}

/// A thread waits under a context for a lock that nobody releases before.
fn a_wait_for_a_lock_ends_with_its_context() -> Model {
    model("a wait for a lock ends with its context", || {
        let (context, cancel) = with_cancel(&background());
        let lock = Arc::new(Mutex::new(()));
        let _held = lock.lock();
        let theirs = Arc::clone(&lock);
        let locker = thread::spawn(move || theirs.lock_ctx(&context).is_err());
        cancel.cancel();
        assert!(locker.join().expect("no panic"));
    })
    .of_specified()
    .catches([NUDGES_NOT])
}

/// A thread waits to read or to write under a context that another one cancels, while the writer unlocks.
fn a_read_is_begun_or_its_wait_stopped() -> Model {
    model("a lock is read under a context, or stays free for others", || {
        let (context, cancel) = with_cancel(&background());
        let lock = Arc::new(RwMutex::new(1));
        let held = lock.write();
        let theirs = Arc::clone(&lock);
        let reader = thread::spawn(move || theirs.read_ctx(&context).map(|value| *value));
        let canceller = thread::spawn(move || cancel.cancel());
        drop(held);
        assert!(matches!(reader.join().expect("no panic"), Ok(1) | Err(Error::Canceled)));
        canceller.join().expect("no panic");
        assert!(lock.try_write().is_some(), "nobody reads");
    })
    .of_specified()
    .catches([LOSES])
}

/// A thread waits to write under a context that another one cancels, while the reader leaves.
fn a_write_is_begun_or_its_wait_stopped() -> Model {
    model("a lock is written under a context, or stays free for others", || {
        let (context, cancel) = with_cancel(&background());
        let lock = Arc::new(RwMutex::new(0));
        let held = lock.read();
        let theirs = Arc::clone(&lock);
        let writer = thread::spawn(move || theirs.write_ctx(&context).map(|mut value| *value += 1));
        let canceller = thread::spawn(move || cancel.cancel());
        drop(held);
        let wrote = writer.join().expect("no panic");
        canceller.join().expect("no panic");
        assert!(matches!(wrote, Ok(()) | Err(Error::Canceled)));
        assert_eq!(*lock.try_write().expect("it is free"), i32::from(wrote.is_ok()));
    })
    .of_specified()
    .catches([LOSES])
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
        let (context, cancel) = with_cancel(&background());
        let places = Arc::new(Semaphore::new(1));
        let theirs = Arc::clone(&places);
        let many = thread::spawn(move || theirs.acquire_ctx(2, &context).is_err());
        let canceller = thread::spawn(move || cancel.cancel());
        drop(places.acquire(1));
        canceller.join().expect("no panic");
        assert!(many.join().expect("no panic"), "there are never two");
        assert_eq!(places.available(), 1);
    })
    .of_specified()
    .catches([NUDGES_NOT])
}

/// A thread waits for a condition under a context that is cancelled, while another one signals.
fn a_signal_is_taken_or_goes_to_another() -> Model {
    model("a signal ends a wait under a context, or finds no such wait", || {
        let (context, cancel) = with_cancel(&background());
        let shared = Arc::new((Mutex::new(()), Cond::new()));
        let theirs = Arc::clone(&shared);
        let waiter = thread::spawn(move || theirs.1.wait_ctx(&mut theirs.0.lock(), &context).is_ok());
        let canceller = thread::spawn(move || cancel.cancel());
        let signalled = shared.1.signal();
        canceller.join().expect("no panic");
        assert_eq!(waiter.join().expect("no panic"), signalled);
        assert!(!shared.1.signal(), "nobody waits");
    })
    .of_specified()
    .catches([NUDGES_NOT])
}

/// A thread waits for a group under a context that is cancelled, while the last task ends.
fn a_wait_for_a_group_ends_with_its_context() -> Model {
    model("a wait for a group ends with the group or with its context", || {
        let (context, cancel) = with_cancel(&background());
        let group = WaitGroup::new();
        let task = group.task();
        let theirs = group.clone();
        let waiter = thread::spawn(move || theirs.wait_ctx(&context));
        cancel.cancel();
        let waited = waiter.join().expect("no panic");
        assert_eq!(waited, Err(Error::Canceled), "its task has not ended");
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
