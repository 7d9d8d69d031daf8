//! Models of locks, conditions, and what is done once or counted.

use super::bell::Bell;
use super::mutants::{DISCONNECT_RECEIVER, GIVE_UP_WAIT, TRUST_PERMIT, WAKE_SLEEPER, WEAK_WAKE};
use super::{Model, Plain, both, model, models, mutant_of, until};
use crate::mutant::{Mutant, Needs};
use selvedge::rt::sync::Arc;
use selvedge::rt::sync::atomic::AtomicU32;
use selvedge::rt::sync::atomic::Ordering::SeqCst;
use selvedge::rt::task::Goexit;
use selvedge::rt::thread;
use selvedge::sync::{
    Barrier, Cond, ErrGroup, Mutex, MutexGuard, Once, OnceValue, Permits, Semaphore, SingleFlight, WaitGroup,
};
use selvedge_check::FailureKind;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

models![
    a_mutex_excludes,
    a_mutex_wakes_each_sleeper,
    a_lock_that_timed_out_disturbs_nobody,
    a_fair_unlock_passes_on_what_was_done,
    a_fair_unlock_hands_the_lock_over,
    a_starving_waiter_is_handed_the_lock,
    a_starving_waiter_that_gives_up_leaves_the_lock_free,
    a_try_lock_fails_only_if_the_lock_is_held,
    a_signal_is_not_lost,
    a_broadcast_wakes_all,
    a_waiter_that_times_out_consumes_no_signal,
    the_longest_waiter_gets_the_signal,
    one_call_runs_and_all_see_it,
    a_closure_that_calls_itself_is_told_and_others_wait,
    a_call_is_over_or_stopped,
    a_closure_that_ends_its_goroutine_makes_no_value,
    a_wait_sees_all_that_was_done,
    a_wait_group_is_used_again,
    a_semaphore_keeps_its_limit,
    a_semaphore_serves_the_larger_request,
    a_semaphore_that_timed_out_loses_no_permit,
    a_barrier_is_passed_together,
    the_first_error_stops_the_rest,
    a_panic_stops_the_rest_and_comes_out,
    a_single_flight_shares_its_result,
];

const RAW_MUTEX: Mutant = mutant_of!("primitives/src/sync/raw_mutex.rs");
const SEMAPHORE: Mutant = mutant_of!("primitives/src/sync/semaphore.rs");
const BARRIER: Mutant = mutant_of!("primitives/src/sync/barrier.rs");
const WEAK_TAKE: Mutant = SEMAPHORE.weaken("acquire-permits").needs(Needs::SeqCst);
const WEAK_RELEASE: Mutant = SEMAPHORE.weaken("release-permits");
const WEAK_ARRIVAL: Mutant = BARRIER.weaken("arrive").or(FailureKind::Deadlock);
const ONCE: Mutant = mutant_of!("primitives/src/sync/once.rs");
const WAIT_GROUP: Mutant = mutant_of!("primitives/src/sync/wait_group.rs");
/// Locking or unlocking orders nothing.
const WEAK_LOCK: Mutant = RAW_MUTEX.weaken("lock");
const WEAK_UNLOCK: Mutant = RAW_MUTEX.weaken("unlock");
/// A call whose wait was stopped returns as if the closure had ended. Loom does not find this within three preemptions.
const TRUSTS_PERMIT: Mutant = TRUST_PERMIT.or(FailureKind::Race).needs(Needs::SeqCst);
/// The caller that runs the closure does not publish that it does.
const NO_OWNER: Mutant = ONCE.lose("begin-once", FailureKind::Panic).or(FailureKind::Race);
/// The result of the closure is not published to later callers.
const WEAK_DONE: Mutant = ONCE.weaken("set-done");
const WEAK_COUNT: Mutant = WAIT_GROUP.weaken("change-count");
/// A thread that an earlier round has woken does not see what the last task did.
const WEAK_LOOK: Mutant = WAIT_GROUP.weaken("look-after-wait").needs(Needs::SeqCst);
/// A starving waiter does not publish that it starves, and tries again for ever, which ends the searches of the other
/// engines.
const NO_STARVING: Mutant =
    RAW_MUTEX.lose("mark-starving", FailureKind::Panic).or(FailureKind::Deadlock).needs(Needs::SeqCst);

/// The thread that finds nobody to hand the lock to leaves it locked.
const LEFT_LOCKED: Mutant = RAW_MUTEX.lose("clear-flags", FailureKind::Panic).needs(Needs::SeqCst);

const A_WHILE: Duration = Duration::from_micros(1);

fn increment(shared: &(Mutex<()>, Plain)) {
    let _held = shared.0.lock();
    shared.1.set(shared.1.get() + 1);
}

/// Two threads increment under the lock: one at a time, and each reads what the other wrote.
fn a_mutex_excludes() -> Model {
    model("a mutex excludes, and unlocking happens before the next lock", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        both(&shared, increment);
        assert_eq!(shared.1.get(), 2);
    })
    .catches([WEAK_LOCK, WEAK_UNLOCK])
}

/// Two threads sleep at once, and each gets the lock.
fn a_mutex_wakes_each_sleeper() -> Model {
    model("each thread that sleeps gets the mutex in the end", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let others = [1, 2].map(|_| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || increment(&theirs))
        });
        increment(&shared);
        others.into_iter().for_each(|other| other.join().expect("no panic"));
        assert_eq!(shared.1.get(), 3);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// One of two waiters times out, at any moment: the other gets the lock.
fn a_lock_that_timed_out_disturbs_nobody() -> Model {
    model("a lock that timed out costs no other its wake-up", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let held = shared.0.lock();
        let theirs = Arc::clone(&shared);
        let gives_up = thread::spawn(move || {
            let held = theirs.0.lock_timeout(A_WHILE);
            if held.is_some() {
                theirs.1.set(theirs.1.get() + 1);
            }
        });
        let theirs = Arc::clone(&shared);
        let waits = thread::spawn(move || increment(&theirs));
        drop(held);
        waits.join().expect("no panic");
        gives_up.join().expect("no panic");
        assert!(matches!(shared.1.get(), 1 | 2));
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// A thread that gets the lock by a fair unlock, handed over or not, reads what the unlocking thread wrote.
fn a_fair_unlock_passes_on_what_was_done() -> Model {
    model("a fair unlock passes on what was done", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let held = shared.0.lock();
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || increment(&theirs));
        shared.1.set(5);
        MutexGuard::unlock_fair(held);
        other.join().expect("no panic");
        assert_eq!(shared.1.get(), 6);
    })
    .bound(3)
    .catches([WEAK_WAKE])
}

fn has_sleepers(shared: &(Mutex<()>, Plain)) -> bool {
    // SAFETY: the lock is only asked whether threads wait, and is not unlocked.
    unsafe { shared.0.as_lock_api().raw() }.has_sleepers()
}

/// Unlocks while a thread sleeps: the caller finds the lock open again only if the sleeper has had it.
fn no_thread_comes_before_the_sleeper(fair: bool) {
    let shared = Arc::new((Mutex::new(()), Plain::new(0)));
    let held = shared.0.lock();
    let theirs = Arc::clone(&shared);
    let sleeps = thread::spawn(move || increment(&theirs));
    until(|| has_sleepers(&shared));
    if fair {
        MutexGuard::unlock_fair(held);
    } else {
        drop(held);
    }
    if let Some(_again) = shared.0.try_lock() {
        assert_eq!(shared.1.get(), 1, "somebody barged in");
    }
    sleeps.join().expect("no panic");
}

/// A fair unlock hands the lock over.
fn a_fair_unlock_hands_the_lock_over() -> Model {
    model("a fair unlock hands the lock over", || {
        no_thread_comes_before_the_sleeper(true);
    })
    .bound(2)
    .catches([WEAK_WAKE])
}

/// Checks that an unlock that is not fair does not hand the lock over.
pub fn an_unfair_unlock_lets_others_in() {
    no_thread_comes_before_the_sleeper(false);
}

/// A waiter that has lost for a millisecond is handed the lock.
fn a_starving_waiter_is_handed_the_lock() -> Model {
    model("a waiter that has lost for a millisecond is handed the lock", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let held = shared.0.lock();
        let theirs = Arc::clone(&shared);
        let starves = thread::spawn(move || increment(&theirs));
        until(|| has_sleepers(&shared));
        // More than the millisecond that a waiter is patient for.
        thread::sleep(Duration::from_millis(2));
        drop(held);
        if let Some(held) = shared.0.try_lock()
            && shared.1.get() == 0
        {
            // This thread was faster. The waiter finds that out, and marks the lock as starving.
            until(|| has_sleepers(&shared));
            drop(held);
            if let Some(_again) = shared.0.try_lock() {
                assert_eq!(shared.1.get(), 1, "it starves");
            }
        }
        starves.join().expect("no panic");
    })
    .bound(2)
    .catches([NO_STARVING])
}

/// A waiter that has marked the lock as starving gives up: the lock is free after the next unlock.
fn a_starving_waiter_that_gives_up_leaves_the_lock_free() -> Model {
    model("a starving waiter that gives up leaves the lock free", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let held = shared.0.lock();
        let theirs = Arc::clone(&shared);
        let starves = thread::spawn(move || drop(theirs.0.lock_timeout(Duration::from_millis(3))));
        // More than the millisecond that a waiter is patient for.
        thread::sleep(Duration::from_millis(2));
        drop(held);
        // If this thread is faster, the waiter may mark the lock as starving meanwhile, and give up.
        drop(shared.0.try_lock());
        starves.join().expect("no panic");
        assert!(shared.0.try_lock().is_some(), "nobody has it");
    })
    .bound(2)
    .catches([LEFT_LOCKED])
}

/// Two threads try to lock a free lock: at least one succeeds.
fn a_try_lock_fails_only_if_the_lock_is_held() -> Model {
    model("try_lock fails only if the lock is held", || {
        let shared = Arc::new((Mutex::new(()), Plain::new(0)));
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || match theirs.0.try_lock() {
            Some(_held) => {
                theirs.1.set(theirs.1.get() + 1);
                true
            }
            None => false,
        });
        let here = shared.0.try_lock().map(|_held| shared.1.set(shared.1.get() + 1)).is_some();
        let there = other.join().expect("no panic");
        assert!(here || there, "one of them found the lock open");
        assert_eq!(shared.1.get(), u32::from(here) + u32::from(there));
    })
    .catches([WEAK_UNLOCK])
}

/// A thread that changes a condition under the lock and then signals wakes a thread that found the condition
/// unchanged.
fn a_signal_is_not_lost() -> Model {
    model("a signal between unlocking and sleeping is not lost", || {
        let shared = Arc::new((Mutex::new(false), Cond::new()));
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || {
            *theirs.0.lock() = true;
            theirs.1.signal();
        });
        let mut changed = shared.0.lock();
        while !*changed {
            shared.1.wait(&mut changed);
        }
        drop(changed);
        other.join().expect("no panic");
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// A broadcast wakes every thread that waits.
fn a_broadcast_wakes_all() -> Model {
    model("a broadcast wakes all that wait", || {
        let shared = Arc::new((Mutex::new(false), Cond::new()));
        let others = [1, 2].map(|_| {
            let theirs = Arc::clone(&shared);
            thread::spawn(move || {
                let mut changed = theirs.0.lock();
                while !*changed {
                    theirs.1.wait(&mut changed);
                }
            })
        });
        *shared.0.lock() = true;
        shared.1.broadcast();
        others.into_iter().for_each(|other| other.join().expect("no panic"));
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// One of two waiters may time out: if it reports the timeout, the other consumes the signal.
fn a_waiter_that_times_out_consumes_no_signal() -> Model {
    model("a waiter that reports a timeout has consumed no signal", || {
        let shared = Arc::new((Mutex::new(0), Cond::new()));
        let theirs = Arc::clone(&shared);
        let waits = thread::spawn(move || {
            let mut here = theirs.0.lock();
            *here += 1;
            theirs.1.wait(&mut here);
        });
        let theirs = Arc::clone(&shared);
        let signals = thread::spawn(move || {
            while *theirs.0.lock() < 2 {
                thread::yield_now();
            }
            theirs.1.signal()
        });
        let mut here = shared.0.lock();
        *here += 1;
        let notified = shared.1.wait_timeout(&mut here, A_WHILE);
        drop(here);
        assert!(signals.join().expect("no panic"), "one waits for ever");
        if notified {
            assert!(shared.1.signal(), "the other still waits");
        }
        waits.join().expect("no panic");
    })
    .bound(2)
    .catches([GIVE_UP_WAIT])
}

/// Two threads wait, one after the other: the first signal wakes the first.
fn the_longest_waiter_gets_the_signal() -> Model {
    model("a signal wakes the thread that has waited longest", || {
        let shared = Arc::new((Mutex::new(vec![]), Cond::new(), AtomicU32::new(0)));
        let others = [1, 2].map(|number| {
            let theirs = Arc::clone(&shared);
            let other = thread::spawn(move || {
                let mut order = theirs.0.lock();
                theirs.2.store(number, SeqCst);
                theirs.1.wait(&mut order);
                order.push(number);
            });
            until(|| shared.2.load(SeqCst) == number);
            // The other thread has the lock until it waits.
            drop(shared.0.lock());
            other
        });
        for other in others {
            assert!(shared.1.signal(), "it waits");
            other.join().expect("no panic");
        }
        assert_eq!(*shared.0.lock(), [1, 2]);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// Two threads call, one closure runs, and neither call returns before the closure has ended.
fn one_call_runs_and_all_see_it() -> Model {
    model("one call runs, and all see what it did", || {
        let shared = Arc::new((Once::new(), Plain::new(0)));
        let call = |shared: &(Once, Plain)| {
            shared.0.call(|| shared.1.set(shared.1.get() + 1));
            assert_eq!(shared.1.get(), 1);
        };
        both(&shared, call);
    })
    .bound(2)
    .catches([WEAK_DONE, NO_OWNER, WAKE_SLEEPER])
}

/// The closure that calls its own `Once` panics, and the other thread waits until the closure has ended.
fn a_closure_that_calls_itself_is_told_and_others_wait() -> Model {
    model("a closure that calls its own Once panics, and others wait", || {
        let shared = Arc::new((Once::new(), Plain::new(0)));
        let call = |shared: &(Once, Plain)| {
            shared.0.call(|| {
                let again = catch_unwind(AssertUnwindSafe(|| shared.0.call(|| shared.1.set(2))));
                assert!(again.is_err(), "it would wait for itself");
                shared.1.set(shared.1.get() + 1);
            });
            assert_eq!(shared.1.get(), 1);
        };
        both(&shared, call);
    })
    .bound(2)
    .catches([NO_OWNER, WEAK_DONE, WAKE_SLEEPER])
}

/// The wait for another call's closure is stopped while that closure ends.
fn a_call_is_over_or_stopped() -> Model {
    model("a call of a Once is over after the closure, or was stopped", || {
        let (once, bell, value) = (Once::new(), Bell::default(), Plain::new(0));
        let runs = AtomicU32::new(0);
        let run = || {
            // Another thread may go on here, before there is a value.
            runs.fetch_add(1, SeqCst);
            value.set(value.get() + 1);
        };
        thread::scope(|scope| {
            scope.spawn(|| {
                if once.call_within(run, bell.limit()) {
                    assert_eq!(value.get(), 1);
                }
            });
            scope.spawn(|| bell.ring());
            once.call(run);
            assert_eq!(value.get(), 1);
        });
    })
    .bound(2)
    .catches([TRUSTS_PERMIT, WEAK_DONE, NO_OWNER])
}

/// The caller whose closure ends its goroutine ends, and the other one is told that there is no value.
fn a_closure_that_ends_its_goroutine_makes_no_value() -> Model {
    model("a closure that ends its goroutine makes no value, which the other caller is told", || {
        /// Returns whether it was the caller that ends.
        fn call(value: &OnceValue<u32, impl FnOnce() -> u32>) -> bool {
            let panic = catch_unwind(AssertUnwindSafe(|| *value.get())).expect_err("there is no value");
            let told = panic.downcast_ref::<&str>();
            assert!(panic.is::<Goexit>() || told.is_some_and(|text| text.contains("ended its goroutine")));
            panic.is::<Goexit>()
        }
        let value = Arc::new(OnceValue::new(|| {
            // The other thread may come to wait here.
            thread::yield_now();
            resume_unwind(Box::new(Goexit))
        }));
        let theirs = Arc::clone(&value);
        let other = thread::spawn(move || call(&theirs));
        let ended = call(&value);
        assert!(ended != other.join().expect("no panic"), "one of the two has run the closure");
    })
    .bound(2)
    .catches([WEAK_DONE, NO_OWNER, WAKE_SLEEPER])
}

/// What two threads did before they were done happens before the wait returns.
fn a_wait_sees_all_that_was_done() -> Model {
    model("done happens before the wait that it releases", || {
        let group = WaitGroup::new();
        let data = Arc::new([Plain::new(0), Plain::new(0)]);
        for at in 0..2 {
            let theirs = Arc::clone(&data);
            group.go(move || theirs[at].set(1));
        }
        group.wait();
        assert_eq!((data[0].get(), data[1].get()), (1, 1));
    })
    .bound(2)
    .catches([WEAK_COUNT, WEAK_LOOK, WAKE_SLEEPER])
}

/// A group whose wait has returned is used again.
fn a_wait_group_is_used_again() -> Model {
    model("a wait group is used again", || {
        let group = WaitGroup::new();
        let data = Arc::new(Plain::new(0));
        for round in 1..=2 {
            let theirs = Arc::clone(&data);
            group.go(move || theirs.set(theirs.get() + 1));
            group.wait();
            assert_eq!(data.get(), round);
        }
    })
    .bound(2)
    .catches([WEAK_COUNT.or(FailureKind::Deadlock)])
}

/// Two threads want one permit: one at a time has it, and reads what the other wrote.
fn a_semaphore_keeps_its_limit() -> Model {
    model("a semaphore keeps its limit", || {
        let shared = Arc::new((Semaphore::new(1), Plain::new(0)));
        let enter = |shared: &(Semaphore, Plain)| {
            let _permit = shared.0.acquire(1);
            shared.1.set(shared.1.get() + 1);
        };
        both(&shared, enter);
        assert_eq!((shared.1.get(), shared.0.available()), (2, 1));
    })
    .bound(2)
    .catches([WEAK_TAKE, WEAK_RELEASE, WAKE_SLEEPER])
}

/// A request for many permits is not overtaken for ever by requests for few, and no permit is lost.
fn a_semaphore_serves_the_larger_request() -> Model {
    model("a semaphore serves the larger request", || {
        let shared = Arc::new(Semaphore::new(2));
        let one = shared.acquire(1);
        let theirs = Arc::clone(&shared);
        let much = thread::spawn(move || theirs.acquire(2).count());
        let theirs = Arc::clone(&shared);
        let little = thread::spawn(move || theirs.acquire(1).count());
        drop(one);
        assert_eq!((much.join().expect("no panic"), little.join().expect("no panic")), (2, 1));
        assert_eq!(shared.available(), 2);
    })
    .bound(2)
    .catches([WAKE_SLEEPER])
}

/// A request that timed out has taken no permit, and holds no other request up.
fn a_semaphore_that_timed_out_loses_no_permit() -> Model {
    model("a request that timed out has taken no permit", || {
        let shared = Arc::new(Semaphore::new(0));
        let theirs = Arc::clone(&shared);
        let gives_up =
            thread::spawn(move || theirs.acquire_timeout(1, A_WHILE).map(Permits::forget).is_some());
        shared.release(1);
        let got = gives_up.join().expect("no panic");
        assert_eq!(shared.available(), u64::from(!got));
    })
    .bound(2)
    .catches([SEMAPHORE.lose("release-permits", FailureKind::Panic)])
}

/// Both threads arrive before either passes, in each round.
fn a_barrier_is_passed_together() -> Model {
    model("a barrier is passed together", || {
        let shared = Arc::new((Barrier::new(2), [Plain::new(0), Plain::new(0)]));
        let theirs = Arc::clone(&shared);
        let other = thread::spawn(move || {
            theirs.1[0].set(1);
            let first = theirs.0.wait();
            assert_eq!(theirs.1[1].get(), 1);
            (first, theirs.0.wait())
        });
        shared.1[1].set(1);
        let first = shared.0.wait();
        assert_eq!(shared.1[0].get(), 1);
        let second = shared.0.wait();
        let theirs = other.join().expect("no panic");
        assert!(first != theirs.0 && second != theirs.1, "one of two was the last, in each round");
    })
    .bound(2)
    .catches([WEAK_ARRIVAL, WAKE_SLEEPER])
}

/// One closure of a group fails, which stops the other.
fn the_first_error_stops_the_rest() -> Model {
    model("the first error stops the rest", || {
        let group = ErrGroup::new();
        group.go(|stop| stop.recv().map_err(|_| "stopped"));
        group.go(|_stop| Err("failed"));
        let error = group.wait().expect_err("one failed");
        assert_eq!(error, "failed");
    })
    .bound(2)
    .catches([DISCONNECT_RECEIVER])
}

/// One closure of a group panics, which stops the other, and `wait` panics with its payload.
fn a_panic_stops_the_rest_and_comes_out() -> Model {
    model("a panic stops the rest, and comes out", || {
        let group = ErrGroup::<()>::new();
        group.go(|stop| stop.recv().map_err(|_| ()));
        group.go(|_stop| panic!("half of the work is not done"));
        let panic = catch_unwind(AssertUnwindSafe(|| group.wait())).expect_err("one panicked");
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"half of the work is not done"));
    })
    .bound(2)
    .catches([DISCONNECT_RECEIVER])
}

/// Two calls at the same time share one result, or each has its own.
fn a_single_flight_shares_its_result() -> Model {
    model("calls at the same time share one result", || {
        let shared = Arc::new((SingleFlight::new(), Plain::new(0)));
        let fetch = |shared: &(SingleFlight<u8, u32>, Plain)| {
            shared.0.run(1, || {
                shared.1.set(shared.1.get() + 1);
                shared.1.get()
            })
        };
        let (here, there) = both(&shared, fetch);
        assert!(matches!((here, there, shared.1.get()), (1, 1, 1) | (1, 2, 2) | (2, 1, 2)));
    })
    .bound(2)
    .catches([WEAK_UNLOCK, WAKE_SLEEPER])
}
