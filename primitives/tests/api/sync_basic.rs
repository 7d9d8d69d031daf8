//! The module `sync` natively: misuse, panics, timeouts.

use crate::common::panic_of;
use selvedge::rt::sync::Arc;
use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge::sync::{
    Barrier, Cond, ErrGroup, Lazy, Mutex, MutexGuard, Once, OnceFunc, OnceValue, RawMutex, RawRwMutex,
    RwMutex, RwMutexUpgradableReadGuard, Semaphore, SingleFlight, WaitGroup,
};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

#[test]
fn a_negative_wait_group_panics_and_names_the_fix() {
    let group = WaitGroup::new();
    group.add(1);
    group.done();
    assert!(panic_of(|| group.done()).contains("call add before"));
    group.wait();
}

#[test]
fn a_task_is_done_when_it_is_dropped() {
    let group = WaitGroup::new();
    let (one, two) = (group.task(), group.clone().task());
    drop(one);
    assert!(!group.wait_timeout(Duration::ZERO));
    drop(two);
    group.wait();
}

#[test]
fn a_task_of_go_is_done_when_it_panics() {
    let group = WaitGroup::new();
    let thread = group.go(|| panic!("as planned"));
    group.wait();
    assert!(thread.join().is_err());
}

#[test]
fn a_once_that_calls_itself_panics_and_says_so() {
    let once = Once::new();
    let text = panic_of(|| once.call(|| once.call(|| ())));
    assert!(text.contains("would wait for itself"), "{text}");
    assert!(once.is_done(), "a call that panics counts as done");
    once.call(|| unreachable!("it is done"));
}

#[test]
fn a_once_may_be_called_inside_another() {
    let (outer, inner) = (Once::new(), Once::new());
    outer.call(|| inner.call(|| ()));
    assert!(outer.is_done() && inner.is_done());
}

#[test]
fn a_value_whose_closure_panicked_panics_on_each_call() {
    let value: OnceValue<i32, _> = OnceValue::new(|| panic!("no luck"));
    let texts = [(); 3].map(|()| panic_of(|| _ = value.get()));
    assert_eq!(texts, ["no luck"; 3]);
}

#[test]
fn a_panic_unlocks_and_poisons_nothing() {
    let lock = Mutex::new(1);
    panic_of(|| {
        let _held = lock.lock();
        panic!("while it is held");
    });
    assert_eq!(lock.try_lock().map(|held| *held), Some(1));
}

#[test]
fn no_increment_of_many_threads_is_lost() {
    let (sum, group) = (Mutex::new(0), WaitGroup::new());
    thread::scope(|scope| {
        for fair in [false, true, false, true] {
            group.add(1);
            let (sum, group) = (&sum, group.clone());
            scope.spawn(move || {
                for _ in 0..10_000 {
                    let mut held = sum.lock();
                    *held += 1;
                    if fair {
                        MutexGuard::unlock_fair(held);
                    }
                }
                group.done();
            });
        }
        group.wait();
        assert_eq!(*sum.lock(), 40_000);
    });
}

#[test]
fn locks_and_waits_that_time_out_leave_the_primitives_usable() {
    let (lock, changed) = (Mutex::new(0), Cond::new());
    let held = lock.lock();
    thread::scope(|scope| {
        let times_out = scope.spawn(|| lock.lock_timeout(Duration::ZERO).is_none());
        assert!(times_out.join().expect("no panic"));
    });
    drop(held);
    let mut held = lock.lock_until(now()).expect("it is open");
    assert!(!changed.wait_timeout(&mut held, Duration::ZERO));
    *held += 1;
    assert!(!changed.signal(), "the wait is over");
    drop(held);
    assert_eq!(lock.into_inner(), 1);
}

#[test]
fn unlocking_an_unlocked_lock_panics() {
    use lock_api::{RawMutex as _, RawRwLock as _};
    // SAFETY: no lock is held, against the contract, which the test is about: each call panics, and no data is behind
    // the locks.
    unsafe {
        assert!(panic_of(|| RawMutex::new().unlock()).contains("not locked"));
        assert!(panic_of(|| RawRwMutex::new().unlock_shared()).contains("nobody reads"));
        assert!(panic_of(|| RawRwMutex::new().unlock_exclusive()).contains("nobody writes"));
    }
}

#[test]
fn a_condition_with_two_locks_panics_and_names_the_fix() {
    let (one, two, changed) = (Mutex::new(0), Mutex::new(0), Cond::new());
    thread::scope(|scope| {
        let waits = scope.spawn(|| {
            let mut one = one.lock();
            *one += 1;
            while *one == 1 {
                changed.wait(&mut one);
            }
        });
        // Once this thread has the lock, the other thread waits in the queue.
        while *one.lock() == 0 {
            thread::yield_now();
        }
        let text = panic_of(|| changed.wait(&mut two.lock()));
        assert!(text.contains("two locks") && text.contains("of its own"), "{text}");
        *one.lock() += 1;
        changed.signal();
        waits.join().expect("no panic");
    });
    let mut two = two.lock();
    assert!(!changed.wait_timeout(&mut two, Duration::ZERO), "nobody waits, so another lock is fine");
}

#[test]
fn a_condition_works_with_a_rw_mutex() {
    let (ready, changed) = (RwMutex::new(0), Cond::new());
    thread::scope(|scope| {
        let reads = scope.spawn(|| {
            let mut ready = ready.read();
            while *ready == 0 {
                changed.wait(&mut ready);
            }
            *ready
        });
        let writes = scope.spawn(|| {
            let mut ready = ready.write();
            while *ready == 0 {
                changed.wait(&mut ready);
            }
            *ready += 1;
            changed.broadcast();
        });
        *ready.write() = 1;
        changed.broadcast();
        writes.join().expect("no panic");
        assert!(matches!(reads.join().expect("no panic"), 1 | 2));
    });
}

#[test]
fn conditions_pass_a_turn_around() {
    const ROUNDS: usize = 1_000;
    let (turn, changed) = (Mutex::new(0), Cond::new());
    thread::scope(|scope| {
        for me in 0..3 {
            let (turn, changed) = (&turn, &changed);
            scope.spawn(move || {
                for round in 0..ROUNDS {
                    let mut turn = turn.lock();
                    while *turn != 3 * round + me {
                        changed.wait(&mut turn);
                    }
                    *turn += 1;
                    changed.broadcast();
                }
            });
        }
    });
    assert_eq!(turn.into_inner(), 3 * ROUNDS);
}

#[test]
fn a_writer_that_waits_blocks_new_readers_and_gets_in_before_them() {
    let lock = RwMutex::new(Vec::new());
    thread::scope(|scope| {
        let reader = lock.read();
        let writer = scope.spawn(|| lock.write().push("writer"));
        while lock.try_read().is_some() {
            thread::yield_now();
        }
        let late = scope.spawn(|| lock.read().clone());
        assert!(lock.try_write().is_none() && lock.read_timeout(Duration::ZERO).is_none());
        drop(reader);
        writer.join().expect("no panic");
        assert_eq!(late.join().expect("no panic"), ["writer"]);
    });
}

#[test]
fn one_reader_at_a_time_may_become_a_writer() {
    let lock = RwMutex::new(0);
    let reader = lock.upgradable_read();
    assert!(lock.try_upgradable_read().is_none() && lock.try_write().is_none());
    let beside = lock.try_read().expect("readers share");
    let reader = RwMutexUpgradableReadGuard::try_upgrade(reader).expect_err("a reader is beside it");
    assert!(lock.try_read().is_some(), "a failed try keeps nobody out");
    drop(beside);
    let mut writer = RwMutexUpgradableReadGuard::upgrade(reader);
    *writer += 1;
    assert!(lock.try_read().is_none() && lock.try_upgradable_read().is_none());
    drop(writer);
    assert_eq!(*lock.try_upgradable_read().expect("nobody has it"), 1);
}

#[test]
#[allow(clippy::disallowed_types, reason = "it is what owned guards keep")]
fn owned_guards_keep_their_locks_alive() {
    use std::sync::Arc;
    let (lock, shared) = (Arc::new(Mutex::new(1)), Arc::new(RwMutex::new(1)));
    let (mut held, reader) = (Mutex::lock_owned(&lock), RwMutex::read_owned(&shared));
    assert!(lock.try_lock().is_none() && shared.try_write().is_none());
    thread::scope(|scope| {
        scope.spawn(move || *held += 1);
    });
    assert_eq!(Arc::into_inner(lock).expect("the guard is gone").into_inner(), 2);
    drop(reader);
    *RwMutex::write_owned(&shared) += 1;
    assert_eq!(*shared.read(), 2);
}

#[test]
fn readers_share_and_writers_exclude() {
    let lock = RwMutex::new((0_u64, 0_u64));
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let lock = &lock;
            scope.spawn(move || {
                for n in 0..5_000_u64 {
                    if (n + thread) % 4 == 0 {
                        let mut both = lock.write();
                        both.0 += 1;
                        both.1 += 1;
                    } else if n % 7 == 0 {
                        let _ = lock.write_timeout(Duration::ZERO).map(|mut both| {
                            both.0 += 1;
                            both.1 += 1;
                        });
                    } else {
                        let both = lock.read();
                        assert_eq!(both.0, both.1);
                    }
                }
            });
        }
    });
    let (one, two) = lock.into_inner();
    assert!(one == two && one >= 5_000);
}

#[test]
fn a_failed_acquire_adds_no_permits() {
    let places = Semaphore::new(1);
    assert!(places.try_acquire(2).is_none() && places.acquire_timeout(2, Duration::ZERO).is_none());
    assert_eq!(places.available(), 1);
}

/// XS-09.
#[test]
fn a_release_that_overflows_adds_no_permits() {
    let places = Semaphore::new(u64::MAX - 1);
    places.release(1);
    for count in [1, 2, u64::MAX] {
        assert!(panic_of(|| places.release(count)).contains("more permits"));
        assert_eq!(places.available(), u64::MAX);
    }
    let one = places.try_acquire(1).expect("there are enough");
    assert!(panic_of(|| places.release(2)).contains("more permits"));
    assert_eq!(places.available(), u64::MAX - 1);
    drop(one);
    assert_eq!(places.available(), u64::MAX);
}

#[test]
fn a_semaphore_is_never_overdrawn() {
    let (places, inside) = (Semaphore::new(3), Mutex::new(0));
    thread::scope(|scope| {
        for count in [1, 2, 3, 1] {
            let (places, inside) = (&places, &inside);
            scope.spawn(move || {
                for _ in 0..2_000 {
                    let _permits = places.acquire(count);
                    let now_inside = {
                        let mut inside = inside.lock();
                        *inside += count;
                        *inside
                    };
                    assert!(now_inside <= 3, "{now_inside} of 3");
                    *inside.lock() -= count;
                }
            });
        }
    });
    assert_eq!(places.available(), 3);
}

#[test]
fn a_group_never_runs_more_than_its_limit() {
    let group = ErrGroup::with_limit(2);
    let running = Arc::new(Mutex::new(0));
    for n in 0..50 {
        let running = Arc::clone(&running);
        group.go(move |_stop| {
            *running.lock() += 1;
            thread::yield_now();
            let most = *running.lock();
            *running.lock() -= 1;
            if most > 2 { Err(n) } else { Ok(()) }
        });
    }
    assert_eq!(group.wait(), Ok(()));
}

#[test]
fn a_panic_in_a_group_stops_the_others_and_is_resumed_by_wait() {
    let group = ErrGroup::<String>::new();
    group.go(|_stop| panic!("half of the work is not done"));
    group.go(|stop| {
        assert!(stop.recv().is_err(), "it is closed");
        Err(String::from("stopped"))
    });
    assert_eq!(panic_of(|| _ = group.wait()), "half of the work is not done");
}

#[test]
fn the_first_panic_of_a_group_is_resumed_even_after_an_error() {
    let group = ErrGroup::with_limit(2);
    group.go(|_stop| Err(1));
    for n in 0..3 {
        group.go(move |stop| {
            assert!(stop.recv().is_err(), "the error has closed it");
            std::panic::panic_any(n / 3)
        });
    }
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait())).expect_err("three panicked");
    assert_eq!(payload.downcast_ref::<i32>(), Some(&0), "what it panicked with comes out as it was");
}

#[test]
fn a_group_ends_when_its_errors_and_payloads_panic_in_their_destructors() {
    struct Explodes(Arc<Mutex<u32>>);
    impl Drop for Explodes {
        fn drop(&mut self) {
            *self.0.lock() += 1;
            panic!("a destructor");
        }
    }
    let (group, dropped) = (ErrGroup::new(), Arc::new(Mutex::new(0)));
    for n in 0..6 {
        let error = Explodes(Arc::clone(&dropped));
        group.go(move |_stop| match n % 2 {
            0 => Err(error),
            _ => std::panic::panic_any(error),
        });
    }
    let payload = catch_unwind(AssertUnwindSafe(|| group.wait().map_err(|_| ()))).expect_err("some panicked");
    // The panic is one of the six, or that of a payload's destructor.
    let _ = catch_unwind(AssertUnwindSafe(|| drop(payload)));
    assert_eq!(*dropped.lock(), 6);
}

#[test]
fn a_barrier_has_one_last_thread_in_each_round() {
    const ROUNDS: usize = 500;
    let (barrier, lasts) = (Barrier::new(3), Mutex::new(0));
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                for round in 1..=ROUNDS {
                    let last = barrier.wait();
                    *lasts.lock() += usize::from(last);
                    barrier.wait();
                    assert_eq!(*lasts.lock(), round);
                    barrier.wait();
                }
            });
        }
    });
    assert_eq!(lasts.into_inner(), ROUNDS);
}

#[test]
fn a_function_that_panicked_panics_on_each_call() {
    let ran = Cell::new(0);
    let function = OnceFunc::new(|| {
        ran.set(ran.get() + 1);
        panic!("it did not work");
    });
    for _ in 0..2 {
        assert_eq!(panic_of(|| function.call()), "it did not work");
    }
    assert_eq!(ran.get(), 1);
    let lazy = Lazy::new(|| -> u32 { panic!("nor this") });
    for _ in 0..2 {
        assert_eq!(panic_of(|| _ = *lazy), "nor this");
    }
}

#[test]
fn a_flight_that_panicked_has_ended() {
    let group = SingleFlight::new();
    assert_eq!(panic_of(|| _ = group.run("key", || -> u32 { panic!("it fell") })), "it fell");
    assert_eq!(group.run("key", || 2), 2, "the next one flies by itself");
    let text = panic_of(|| _ = group.run("key", || group.run("key", || 3)));
    assert!(text.contains("again by the closure"), "{text}");
    assert_eq!(group.run("key", || group.run("other", || 4)), 4);
}
