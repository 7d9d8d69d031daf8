//! The building blocks of `rt` outside any model: they behave as std's do.
#![allow(clippy::disallowed_types, clippy::disallowed_methods, reason = "std is what they are compared with")]

use selvedge::rt::park::Token;
use selvedge::rt::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use selvedge::rt::sync::{Arc, Barrier, Condvar, LazyLock, Mutex, Once, OnceLock, RwLock, Weak};
use selvedge::rt::{execution, thread};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

/// A deadline that has passed.
fn past() -> Option<Instant> {
    Some(Instant::now())
}

#[test]
fn a_token_is_one_however_often_it_is_given_and_goes_to_one_waiter() {
    let token = Token::new();
    assert!(!token.wait_deadline(past()));
    token.give();
    token.give();
    assert!(token.wait_deadline(past()) && !token.wait_deadline(past()));
    let taken = AtomicUsize::new(0);
    thread::scope(|scope| {
        let waiters = [(); 3].map(|()| {
            scope.spawn(|| {
                token.wait();
                taken.fetch_add(1, Relaxed)
            })
        });
        for done in 1..=3 {
            token.give();
            while taken.load(Relaxed) < done {
                thread::yield_now();
            }
        }
        let mut order = waiters.map(|waiter| waiter.join().expect("no panic"));
        order.sort_unstable();
        assert_eq!(order, [0, 1, 2]);
    });
}

#[test]
fn a_thread_is_unparked_before_or_during_its_park() {
    let me = thread::current();
    me.unpark();
    thread::park();
    thread::park_timeout(Duration::ZERO);
    let parked = thread::spawn(move || {
        me.unpark();
        thread::park();
        7
    });
    thread::park();
    parked.thread().unpark();
    assert_eq!(parked.join().expect("no panic"), 7);
}

#[test]
fn a_once_runs_one_closure_and_remembers_a_panic() {
    let (once, runs) = (Once::new(), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| once.call_once(|| assert_eq!(runs.fetch_add(1, Relaxed), 0)));
        }
        once.wait();
        assert!(once.is_completed());
    });
    assert_eq!(runs.load(Relaxed), 1);

    let once = Once::new();
    assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| panic!("no")))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| once.call_once(|| unreachable!("it is poisoned")))).is_err());
    assert!(!once.is_completed());
    once.call_once_force(|state| assert!(state.is_poisoned()));
    once.call_once(|| unreachable!("a closure has returned"));
}

static WORD: OnceLock<String> = OnceLock::const_new();
static LAZY: LazyLock<usize> = LazyLock::const_new(|| MADE.fetch_add(1, Relaxed) + 5);
static MADE: AtomicUsize = AtomicUsize::const_new(0);

#[test]
fn values_are_made_once_in_statics_and_elsewhere() {
    assert_eq!((WORD.get(), WORD.set("a".into()), WORD.set("b".into())), (None, Ok(()), Err("b".into())));
    assert_eq!((WORD.wait().as_str(), WORD.get_or_init(|| unreachable!()).as_str()), ("a", "a"));
    let seen = [(); 3].map(|()| thread::spawn(|| *LAZY)).map(|thread| thread.join().expect("no panic"));
    assert_eq!((seen, MADE.load(Relaxed)), ([5; 3], 1));

    let mut cell = OnceLock::new();
    assert!(catch_unwind(AssertUnwindSafe(|| cell.get_or_init(|| panic!("no")))).is_err());
    assert_eq!((*cell.get_or_init(|| 3), cell.take(), cell.get()), (3, Some(3), None));
    let text = String::from("x");
    let lazy = LazyLock::new(move || text + "y");
    assert_eq!((lazy.as_str(), lazy.len()), ("xy", 2));
    let lazy = LazyLock::new(|| -> u8 { panic!("no") });
    let look = || catch_unwind(AssertUnwindSafe(|| *lazy)).is_err();
    assert!(look() && look());
}

#[test]
fn a_read_write_lock_has_readers_or_one_writer() {
    let mut lock = RwLock::new(vec![1]);
    {
        let (one, two) = (lock.read(), lock.try_read().expect("readers share"));
        assert!(lock.try_write().is_none() && one.len() + two.len() == 2);
    }
    {
        let mut writer = lock.try_write().expect("it is free");
        writer.push(2);
        assert!(lock.try_read().is_none() && lock.try_write().is_none());
    }
    lock.get_mut().push(3);
    let slice: &RwLock<dyn std::fmt::Debug> = &lock;
    assert_eq!(format!("{:?}", slice.read()), "[1, 2, 3]");
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|n| lock.write().push(n)));
            scope.spawn(|| (0..100).for_each(|_| assert!(lock.read().len() >= 3)));
        }
    });
    assert_eq!(lock.into_inner().len(), 403);
}

static ROOM: RwLock<u32> = RwLock::const_new(0);
static QUEUE: Mutex<Vec<u32>> = Mutex::const_new(Vec::new());
static FILLED: Condvar = Condvar::const_new();
static START: Barrier = Barrier::const_new(2);
static NOTHING: Weak<u32> = Weak::new();

#[test]
fn what_waits_stands_in_statics() {
    let taker = thread::spawn(|| {
        START.wait();
        FILLED.wait_while(QUEUE.lock(), |queue| queue.len() < 2).drain(..).sum::<u32>()
    });
    START.wait();
    for item in [3, 4] {
        *ROOM.write() += item;
        QUEUE.lock().push(item);
        FILLED.notify_one();
    }
    assert_eq!((taker.join().expect("no panic"), *ROOM.read()), (7, 7));
    assert!(QUEUE.lock().is_empty() && NOTHING.upgrade().is_none());
}

#[test]
fn a_barrier_has_one_leader_in_each_round() {
    let (barrier, leaders, steps) = (Barrier::new(3), AtomicUsize::new(0), AtomicUsize::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 1..=50 {
                    steps.fetch_add(1, Relaxed);
                    leaders.fetch_add(barrier.wait().is_leader().into(), Relaxed);
                    assert_eq!(steps.load(Relaxed), 3 * round);
                    barrier.wait();
                }
            });
        }
    });
    assert_eq!(leaders.load(Relaxed), 50);
    assert!(Barrier::new(0).wait().is_leader());
}

#[test]
fn a_timed_wait_times_out_only_if_no_notification_was_spent_on_it() {
    let (ready, changed) = (Mutex::new(0), Condvar::new());
    let (guard, result) = changed.wait_timeout(ready.lock(), Duration::ZERO);
    assert!(result.timed_out() && *guard == 0);
    drop(guard);
    thread::scope(|scope| {
        scope.spawn(|| {
            *ready.lock() = 1;
            changed.notify_all();
        });
        let long = Duration::MAX;
        let (guard, result) = changed.wait_timeout_while(ready.lock(), long, |ready| *ready == 0);
        assert!(!result.timed_out() && *guard == 1);
    });
    let (_, result) = changed.wait_timeout_while(ready.lock(), Duration::ZERO, |ready| *ready == 1);
    assert!(result.timed_out());
    assert_eq!(*changed.wait_while(ready.lock(), |ready| *ready == 0), 1);
}

#[test]
fn outside_a_model_there_is_no_end() {
    let token = Arc::new(());
    let theirs = Arc::clone(&token);
    assert!(!execution::at_end(move || drop(theirs)));
    assert_eq!(Arc::strong_count(&token), 1);
}
