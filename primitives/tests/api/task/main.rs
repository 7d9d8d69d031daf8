//! What the primitives ask of a runtime of goroutines, and when: with a runtime whose goroutines are threads.

#![allow(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the runtime stands below the primitives"
)]

mod fake;

use fake::{become_task, calls_of, goroutine, refusing_to_park, set_may_spin, until_calls, why_it_parks};
use lock_api::RawMutex as _;
use selvedge::atomic::{RawSpinLock, RawTicketLock, SeqLock};
use selvedge::chan::{bounded, select};
use selvedge::rt::hint::Backoff;
use selvedge::rt::park::{Parker, Token};
use selvedge::rt::task::Why;
use selvedge::rt::{thread_local, wait_until};
use selvedge::sync::{Barrier, Cond, ErrGroup, Mutex, Once, RwMutex, Semaphore, WaitGroup};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

/// Runs `f` on a goroutine of its own, and `meanwhile` here with its number; returns the result of `f`.
fn beside<R: Send>(f: impl FnOnce() -> R + Send, meanwhile: impl FnOnce(u32)) -> R {
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        let other = scope.spawn(move || {
            tell.send(goroutine()).expect("the test listens");
            f()
        });
        meanwhile(told.recv().expect("it has begun"));
        other.join().expect("no panic")
    })
}

/// Checks that `waits` parks its goroutine for this reason, until `ends` has run.
#[track_caller]
fn parks<R: Send>(why: Why, waits: impl FnOnce() -> R + Send, ends: impl FnOnce()) -> R {
    beside(waits, |task| {
        assert_eq!(why_it_parks(task), why);
        ends();
    })
}

#[test]
fn a_channel_parks_the_goroutine_that_waits() {
    let (tx, rx) = bounded(0);
    assert_eq!(parks(Why::Receive, || rx.recv(), || tx.send(1).expect("a receiver")), Ok(1));
    assert_eq!(parks(Why::Send, || tx.send(2), || assert_eq!(rx.recv(), Ok(2))), Ok(()));
    let (tx, rx) = bounded(8);
    assert_eq!(parks(Why::Receive, || rx.recv(), || tx.send(3).expect("a receiver")), Ok(3));
    (0..8).for_each(|n| tx.send(n).expect("room"));
    assert_eq!(parks(Why::Send, || tx.send(8), || assert_eq!(rx.recv(), Ok(0))), Ok(()));
}

#[test]
fn a_select_parks_the_goroutine_that_waits() {
    let ((tx, rx), (_other, never)) = (bounded(0), bounded::<i32>(0));
    let waits = || select! { recv(rx) -> value => value, recv(never) -> value => value };
    assert_eq!(parks(Why::Select, waits, || tx.send(1).expect("a receiver")), Ok(1));
}

#[test]
fn locks_park_the_goroutine_that_waits() {
    let lock = Mutex::new(1);
    let guard = lock.lock();
    assert_eq!(parks(Why::Lock, || *lock.lock(), || drop(guard)), 1);
    let lock = RwMutex::new(1);
    let guard = lock.write();
    assert_eq!(parks(Why::RwLock, || *lock.read(), || drop(guard)), 1);
    let guard = lock.read();
    assert_eq!(parks(Why::RwLock, || *lock.write(), || drop(guard)), 1);
    let permits = Semaphore::new(0);
    parks(Why::Permits, || permits.acquire(1).forget(), || permits.release(1));
}

#[test]
fn what_meets_parks_the_goroutine_that_waits() {
    let (lock, cond) = (Mutex::new(false), Cond::new());
    let waits = || {
        let mut guard = lock.lock();
        while !*guard {
            cond.wait(&mut guard);
        }
    };
    parks(Why::Condition, waits, || {
        *lock.lock() = true;
        cond.signal();
    });
    let group = WaitGroup::new();
    group.add(1);
    parks(Why::Group, || group.wait(), || group.done());
    let barrier = Barrier::new(2);
    parks(Why::Barrier, || barrier.wait(), || _ = barrier.wait());
    let (once, ran) = (Once::new(), AtomicBool::new(false));
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        once.call(|| {
            scope.spawn(|| {
                tell.send(goroutine()).expect("the test listens");
                once.call(|| unreachable!("a closure has begun"));
                assert!(ran.load(Ordering::Relaxed));
            });
            assert_eq!(why_it_parks(told.recv().expect("it has begun")), Why::Once);
            ran.store(true, Ordering::Relaxed);
        });
    });
}

#[test]
fn the_scaffolding_of_models_parks_goroutines_too() {
    let lock = selvedge::rt::sync::Mutex::new(1);
    let guard = lock.lock();
    assert_eq!(parks(Why::Lock, || *lock.lock(), || drop(guard)), 1);
    let barrier = selvedge::rt::sync::Barrier::new(2);
    parks(Why::Barrier, || _ = barrier.wait(), || _ = barrier.wait());
    let token = Token::new();
    parks(Why::Permit, || token.wait(), || token.give());
    parks(
        Why::Permit,
        || assert!(token.wait_deadline(Instant::now().checked_add(Duration::MAX))),
        || token.give(),
    );
    let past = Some(Instant::now());
    assert!(!beside(|| token.wait_deadline(past), |_| ()), "nobody has given it");
}

#[test]
fn a_deadline_ends_a_wait() {
    let (_tx, rx) = bounded::<i32>(0);
    let calls = beside(
        || {
            let task = goroutine();
            assert!(rx.recv_timeout(Duration::from_millis(1)).is_err());
            calls_of(task)
        },
        |_| (),
    );
    assert_eq!(calls.parks, 1);
}

#[test]
fn what_does_not_wait_asks_nothing() {
    let calls = beside(
        || {
            let task = goroutine();
            let (tx, rx) = bounded(8);
            let (lock, shared) = (Mutex::new(1), RwMutex::new(1));
            let before = calls_of(task);
            for n in 0..20 {
                tx.send(n).expect("room");
                assert_eq!(rx.recv(), Ok(n));
                tx.try_send(n).expect("room");
                assert_eq!(rx.try_recv(), Ok(n));
                *lock.lock() += 1;
                *shared.write() += 1;
                assert_eq!(*shared.read(), n + 2);
            }
            assert_eq!(calls_of(task), before);
            assert!(selvedge::rt::task::is_current());
            calls_of(task).running - before.running
        },
        |_| (),
    );
    assert_eq!(calls, 1, "the counter counts");
}

#[test]
fn a_thread_is_none_of_the_runtime_s() {
    beside(
        || {
            let task = goroutine();
            become_task(0);
            let (tx, rx) = bounded(0);
            std::thread::scope(|scope| {
                scope.spawn(|| tx.send(1).expect("a receiver"));
                assert_eq!(rx.recv(), Ok(1));
            });
            assert!(!selvedge::rt::task::is_current());
            assert_eq!(calls_of(task), fake::Calls::default());
        },
        |_| (),
    );
}

#[test]
fn a_goroutine_backs_off_by_pauses_only() {
    let rounds = |may_spin| {
        beside(
            move || {
                let task = goroutine();
                set_may_spin(may_spin);
                let backoff = Backoff::new();
                let mut rounds = 0;
                while !backoff.is_completed() {
                    backoff.snooze();
                    rounds += 1;
                }
                (0..100).for_each(|_| backoff.snooze());
                assert_eq!((calls_of(task).yields, calls_of(task).parks), (0, 0));
                rounds
            },
            |_| (),
        )
    };
    assert_eq!((rounds(true), rounds(false)), (5, 1));
}

#[test]
fn a_loop_with_no_other_way_to_wait_yields() {
    fn yields(waits: impl FnOnce() + Send, ends: impl FnOnce()) {
        beside(waits, |task| {
            until_calls(task, |calls| calls.yields > 1);
            ends();
        });
    }
    let lock = RawSpinLock::new();
    lock.lock();
    // SAFETY: this test has locked the lock, and unlocks it once.
    yields(|| lock.lock(), || unsafe { lock.unlock() });
    let lock = RawTicketLock::new();
    lock.lock();
    // SAFETY: this test has locked the lock, and unlocks it once.
    yields(|| lock.lock(), || unsafe { lock.unlock() });
    let ready = AtomicBool::new(false);
    yields(|| wait_until(|| ready.load(Ordering::Acquire)), || ready.store(true, Ordering::Release));
    let word = SeqLock::new(0_u64);
    let (tell, told) = channel();
    std::thread::scope(|scope| {
        let reader = word.update(|value| {
            let reader = scope.spawn(|| {
                tell.send(goroutine()).expect("the test listens");
                word.read()
            });
            until_calls(told.recv().expect("it has begun"), |calls| calls.yields > 1);
            *value = 7;
            reader
        });
        assert_eq!(reader.join().expect("no panic"), 7);
    });
}

#[test]
fn a_permit_of_the_program_s_outlasts_other_waits() {
    let (tx, rx) = bounded(0);
    let (unparkers, unparker) = channel();
    let waits = || {
        let parker = Parker::new();
        let early = Parker::new();
        early.unparker().unpark();
        unparkers.send(parker.unparker()).expect("the test listens");
        assert_eq!(rx.recv(), Ok(1));
        early.park();
        parker.park();
    };
    beside(waits, |task| {
        assert_eq!(why_it_parks(task), Why::Receive);
        tx.send(1).expect("a receiver");
        unparker.recv().expect("it was sent before").unpark();
    });
}

#[test]
fn a_goroutine_that_unwinds_blocks_its_thread() {
    struct Receives(selvedge::chan::Receiver<i32>);
    impl Drop for Receives {
        fn drop(&mut self) {
            assert_eq!(self.0.recv(), Ok(1));
        }
    }
    let (tx, rx) = bounded(0);
    let waits = || {
        let task = goroutine();
        let receives = Receives(rx);
        let panics = AssertUnwindSafe(|| {
            let _receives = receives;
            panic!("as planned");
        });
        catch_unwind(panics).expect_err("it panics");
        calls_of(task)
    };
    // The receiver gives the processor away for a while before it blocks, so the value may come sooner: the permit tells.
    let calls = beside(waits, |_| {
        tx.send(1).expect("a receiver");
    });
    assert_eq!((calls.parks, calls.blocks), (0, calls.unblocks));
}

#[test]
fn a_thread_that_blocks_says_so() {
    let parker_of = |wakes: &dyn Fn(selvedge::rt::park::Unparker)| {
        let parker = Parker::new();
        wakes(parker.unparker());
        parker
    };
    let calls = beside(
        || {
            let task = goroutine();
            become_task(0);
            let parker = parker_of(&|unparker| unparker.unpark());
            become_task(task);
            parker.park();
            calls_of(task)
        },
        |_| (),
    );
    assert_eq!((calls.blocks, calls.unblocks), (1, 1));
}

#[test]
fn two_goroutines_of_a_thread_are_two_callers_of_once() {
    beside(
        || {
            let (one, other) = (goroutine(), goroutine());
            become_task(one);
            let once = Once::new();
            once.call(|| {
                let again = catch_unwind(AssertUnwindSafe(|| once.call(|| ())));
                let text = *again.expect_err("it would wait for itself").downcast::<&str>().expect("a text");
                assert!(text.contains("called again"), "{text}");
                become_task(other);
                let waits = AssertUnwindSafe(|| refusing_to_park(|| once.call(|| ())));
                let text = *catch_unwind(waits).expect_err("it waits").downcast::<&str>().expect("a text");
                assert_eq!(text, "the goroutine would be parked");
                become_task(one);
            });
        },
        |_| (),
    );
}

thread_local! {
    static DEPTH: Cell<u32> = Cell::new(7);
    static WORDS: RefCell<Vec<&'static str>> = RefCell::new(vec!["warp"]);
}

#[test]
fn a_goroutine_has_thread_locals_of_its_own() {
    beside(
        || {
            let (one, other) = (goroutine(), goroutine());
            become_task(one);
            DEPTH.set(1);
            WORDS.with_borrow_mut(|words| words.push("weft"));
            become_task(other);
            assert_eq!((DEPTH.get(), WORDS.take()), (7, vec!["warp"]));
            WORDS.set(vec!["woof"]);
            become_task(0);
            assert_eq!((DEPTH.get(), WORDS.with_borrow(Vec::len)), (7, 1));
            become_task(one);
            assert_eq!((DEPTH.replace(2), DEPTH.get()), (1, 2));
            assert_eq!(WORDS.take(), ["warp", "weft"]);
            become_task(other);
            assert_eq!(WORDS.take(), ["woof"]);
        },
        |_| (),
    );
}

#[test]
fn groups_start_goroutines_on_goroutines() {
    let calls = beside(
        || {
            let task = goroutine();
            let group = WaitGroup::new();
            let seven = group.go(|| {
                assert!(selvedge::rt::task::is_current());
                7
            });
            let panics = group.go(|| -> i32 { std::panic::resume_unwind(Box::new("as planned")) });
            group.wait();
            assert_eq!(seven.join().expect("no panic"), 7);
            assert_eq!(panics.join().expect_err("a panic").downcast_ref(), Some(&"as planned"));
            let group = ErrGroup::new();
            group.go(|_| Err(selvedge::rt::task::is_current()));
            assert_eq!(group.wait(), Err(true));
            calls_of(task).spawns
        },
        |_| (),
    );
    assert_eq!(calls, 3);
    let group = WaitGroup::new();
    assert!(!group.go(selvedge::rt::task::is_current).join().expect("no panic"));
}

#[test]
fn a_join_parks_the_goroutine_that_waits() {
    let (tx, rx) = bounded::<i32>(0);
    let waits = || {
        let group = WaitGroup::new();
        group.go(move || rx.recv()).join().expect("no panic")
    };
    assert_eq!(parks(Why::Join, waits, || tx.send(1).expect("a receiver")), Ok(1));
}

#[test]
fn yielding_and_sleeping_are_the_runtime_s() {
    beside(
        || {
            let task = goroutine();
            selvedge::rt::thread::yield_now();
            selvedge::rt::thread::sleep(Duration::MAX);
            assert_eq!((calls_of(task).yields, calls_of(task).sleeps), (1, 1));
        },
        |_| (),
    );
}

#[test]
fn a_runtime_is_installed_once() {
    beside(
        || {
            goroutine();
            static OTHER: std::sync::OnceLock<selvedge::rt::task::Runtime> = std::sync::OnceLock::new();
            let other =
                OTHER.get_or_init(|| selvedge::rt::task::Runtime { running: || None, ..fake::runtime() });
            // SAFETY: the other table is the same but for `running`, which names no goroutine.
            assert!(!unsafe { selvedge::rt::task::install(other) });
            assert!(selvedge::rt::task::is_current());
        },
        |_| (),
    );
}
