//! Models of the building blocks that the layer has for models: cells with pointers, and what std has for threads that
//! wait.

use super::{Model, Plain, model, models, mutant_of};
use crate::mutant::Mutant;
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::park::Token;
use selvedge::rt::sync::atomic::AtomicBool;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::sync::{Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock};
use selvedge::rt::thread;
use std::time::Duration;

models![
    a_pointer_that_outlives_the_publication_is_no_access,
    a_token_is_waited_for_by_any_thread,
    each_waiter_of_a_token_takes_one,
    unpark_happens_before_the_threads_park_returns,
    a_once_runs_one_closure,
    a_once_lock_is_empty_or_full,
    a_lazy_value_is_made_once,
    a_writer_of_an_rw_lock_is_alone,
    a_barrier_orders_its_rounds,
    a_timed_wait_is_notified_or_times_out,
];

const BLOCKS: Mutant = mutant_of!("models/src/models/blocks.rs");
const ONCE: Mutant = mutant_of!("primitives/src/rt/sync/once.rs");
const RW: Mutant = mutant_of!("primitives/src/rt/sync/rw_lock.rs");
const BARRIER: Mutant = mutant_of!("primitives/src/rt/sync/barrier.rs");
const MUTEX: Mutant = mutant_of!("primitives/src/rt/sync/mutex.rs");

/// A time that passes in a moment under an engine, and natively outlasts a run.
const LONG: Duration = Duration::from_secs(60);

/// A cell that threads share.
struct Shared<T: ?Sized>(UnsafeCell<T>);

// SAFETY: the property of a model is that all accesses are ordered by happens-before; a checker reports a race before
// the access if they are not.
unsafe impl<T: ?Sized> Sync for Shared<T> {}

/// A writer publishes a slice while it still has the pointer; the reader reads beside it.
fn a_pointer_that_outlives_the_publication_is_no_access() -> Model {
    model("the end of a pointer to a cell is no access", || {
        let (slots, ready) = (Shared(UnsafeCell::new([0, 0])), AtomicBool::new(false));
        let slots: &Shared<[u32]> = &slots;
        thread::scope(|scope| {
            scope.spawn(|| {
                let slot = slots.0.get_mut();
                // SAFETY: the reader reads only after the store below, which publishes the slots.
                unsafe { slot.deref()[1] = 7 };
                // The pointer is still there.
                ready.store(true, Release); // site: publish-slots
            });
            if ready.load(Acquire) {
                // SAFETY: the writer wrote before its store, and writes no more.
                assert_eq!(unsafe { slots.0.get().deref()[1] }, 7);
            }
        });
    })
    .catches([BLOCKS.weaken("publish-slots")])
}

/// A write before a token is given is read after the wait that takes it, by a thread that did not make the token.
fn a_token_is_waited_for_by_any_thread() -> Model {
    model("a token carries what its giver did", || {
        let (data, token) = (Plain::new(0), Token::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                token.wait();
                assert_eq!(data.get(), 7);
            });
            data.set(7);
            token.give(); // site: give-token
        });
    })
    .catches([BLOCKS.drop_wake("give-token")])
}

/// Two threads wait for one token, which is given twice.
fn each_waiter_of_a_token_takes_one() -> Model {
    model("each waiter takes a token of its own", || {
        let (token, taken) = (Token::new(), Token::new());
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    token.wait();
                    taken.give(); // site: tell-taken
                });
            }
            token.give();
            taken.wait();
            token.give(); // site: give-again
        });
    })
    .catches([BLOCKS.drop_wake("tell-taken"), BLOCKS.drop_wake("give-again")])
}

/// A thread that is unparked before or while it parks goes on, after what the other thread did.
fn unpark_happens_before_the_threads_park_returns() -> Model {
    model("an unpark of a thread happens before its park returns", || {
        let data = Plain::new(0);
        thread::scope(|scope| {
            let parked = scope.spawn(|| {
                thread::park();
                data.get()
            });
            data.set(7);
            parked.thread().unpark(); // site: unpark-thread
            assert_eq!(parked.join().expect("no panic"), 7);
        });
    })
    .catches([BLOCKS.drop_wake("unpark-thread")])
}

/// Two threads call a `Once`: one closure runs, and what it did happens before both go on.
fn a_once_runs_one_closure() -> Model {
    model("one closure runs, and before all callers", || {
        let (data, once) = (Plain::new(0), Once::new());
        let call = || {
            once.call_once(|| data.set(data.get() + 1));
            assert_eq!(data.get(), 1);
        };
        thread::scope(|scope| {
            scope.spawn(call);
            call();
        });
    })
    .catches([ONCE.weaken("finish-once"), ONCE.weaken("see-state")])
}

/// A reader of a `OnceLock` sees the whole value or none.
fn a_once_lock_is_empty_or_full() -> Model {
    model("a value is there whole or not at all", || {
        let cell = OnceLock::new();
        thread::scope(|scope| {
            scope.spawn(|| cell.set(7).expect("no other thread sets it"));
            assert!(matches!(cell.get(), None | Some(7)));
        });
        assert_eq!(cell.into_inner(), Some(7));
    })
    .catches([ONCE.weaken("finish-once"), ONCE.weaken("see-done")])
}

/// A lazy value is made once, by the first of two threads, and the other sees all of it.
fn a_lazy_value_is_made_once() -> Model {
    model("a lazy value is made once", || {
        let word = LazyLock::new(|| Plain::new(7));
        thread::scope(|scope| {
            scope.spawn(|| assert_eq!(word.get(), 7));
            assert_eq!(word.get(), 7);
        });
    })
    .catches([ONCE.weaken("finish-once")])
}

/// A writer excludes readers and another writer.
fn a_writer_of_an_rw_lock_is_alone() -> Model {
    model("a writer of the models' read-write lock is alone", || {
        let lock = RwLock::new(0);
        thread::scope(|scope| {
            scope.spawn(|| *lock.write() += 1);
            scope.spawn(|| *lock.read());
            *lock.write() += 1;
        });
        assert_eq!(*lock.read(), 2);
    })
    .catches([RW.weaken("share"), RW.weaken("own"), RW.weaken("unshare"), RW.weaken("disown")])
}

/// Two threads at a barrier read after it what the other wrote before it, round after round.
fn a_barrier_orders_its_rounds() -> Model {
    model("what is done before a barrier happens before its return", || {
        let (here, there, barrier) = (Plain::new(0), Plain::new(0), Barrier::new(2));
        let meet = |mine: &Plain, theirs: &Plain| {
            let mut leads = 0;
            for round in 1..=2 {
                mine.set(round);
                leads += u32::from(barrier.wait().is_leader());
                assert_eq!(theirs.get(), round);
                leads += u32::from(barrier.wait().is_leader());
            }
            leads
        };
        thread::scope(|scope| {
            let other = scope.spawn(|| meet(&there, &here));
            assert_eq!(meet(&here, &there) + other.join().expect("no panic"), 4);
        });
    })
    .catches([BARRIER.weaken("arrive"), BARRIER.weaken("see-round")])
}

/// A timed wait ends by a notification or by time, and the lock is held in both cases.
fn a_timed_wait_is_notified_or_times_out() -> Model {
    model("a timed wait ends by a notification or by time", || {
        let (ready, changed) = (Mutex::new(false), Condvar::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                *ready.lock() = true;
                changed.notify_one();
            });
            let (guard, result) = changed.wait_timeout_while(ready.lock(), LONG, |ready| !*ready);
            assert!(*guard || result.timed_out());
        });
        assert!(*ready.lock());
    })
    .catches([MUTEX.weaken("unlock")])
}
