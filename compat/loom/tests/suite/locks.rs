//! Locks, conditions, and what else waits.

use super::loom::sync::{Arc, Barrier, Condvar, Mutex, Notify, RwLock};
use super::loom::thread;
use super::{executions, failure, results};
use core::time::Duration;
use selvedge_check::FailureKind;
use std::sync::TryLockError;

#[test]
fn critical_sections_are_explored_in_every_order_once() {
    let model = |threads: usize| {
        move || {
            // Leaked, so that no count of owners is part of the model.
            let count: &'static Mutex<usize> = Box::leak(Box::new(Mutex::new(0)));
            let threads: Vec<_> =
                (0..threads).map(|_| thread::spawn(|| *count.lock().unwrap() += 1)).collect();
            let started = threads.len();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
            assert_eq!(*count.lock().unwrap(), started);
        }
    };
    assert_eq!(executions(model(2)), 2);
    assert_eq!(executions(model(3)), 6);
}

#[test]
fn a_mutex_says_what_std_s_does() {
    executions(|| {
        let mut lock = Mutex::new(1);
        *lock.get_mut().unwrap() += 1;
        let guard = lock.lock().unwrap();
        assert!(matches!(lock.try_lock(), Err(TryLockError::WouldBlock)));
        drop(guard);
        assert_eq!(*lock.try_lock().unwrap(), 2);
        assert_eq!(lock.into_inner().unwrap(), 2);
        let slice: Box<Mutex<[u8]>> = Box::new(Mutex::new([1, 2]));
        slice.lock().unwrap()[0] = 3;
        assert_eq!(*slice.lock().unwrap(), [3, 2]);
    });
}

#[test]
fn locks_taken_in_two_orders_are_a_deadlock() {
    let model = || {
        let locks = Arc::new((Mutex::new(()), Mutex::new(())));
        let theirs = Arc::clone(&locks);
        let thread = thread::spawn(move || {
            let _first = theirs.1.lock().unwrap();
            drop(theirs.0.lock().unwrap());
        });
        let first = locks.0.lock().unwrap();
        drop(locks.1.lock().unwrap());
        drop(first);
        thread.join().unwrap();
    };
    assert_eq!(failure(model), FailureKind::Deadlock);
}

#[test]
fn a_report_calls_locks_by_the_names_that_the_source_has_for_them() {
    let report = super::explore(|| {
        let shuttle = Mutex::new(());
        let _first = shuttle.lock().unwrap();
        drop(shuttle.lock().unwrap());
    });
    let report = report.to_string();
    assert!(report.contains("lock shuttle "), "{report}");
}

#[test]
fn a_writer_is_alone_and_readers_share() {
    executions(|| {
        let mut lock = RwLock::new(1);
        *lock.get_mut().unwrap() += 1;
        let readers = (lock.read().unwrap(), lock.try_read().unwrap());
        assert!(lock.try_write().is_err() && *readers.0 == *readers.1);
        drop(readers);
        let mut writer = lock.write().unwrap();
        *writer += 1;
        assert!(lock.try_read().is_err() && lock.try_write().is_err());
        drop(writer);
        assert_eq!(lock.into_inner().unwrap(), 3);
    });
    let model = || {
        let pair = Arc::new(RwLock::new((0, 0)));
        let theirs = Arc::clone(&pair);
        let thread = thread::spawn(move || {
            let mut pair = theirs.write().unwrap();
            pair.0 += 1;
            pair.1 += 1;
        });
        let seen = *pair.read().unwrap();
        thread.join().unwrap();
        seen
    };
    assert_eq!((results(model), executions(move || _ = model())), (vec![(0, 0), (1, 1)], 2));
}

#[test]
fn a_notification_wakes_a_thread_that_waits_and_no_later_one() {
    let model = |careful: bool| {
        move || {
            let shared = Arc::new((Mutex::new(false), Condvar::new()));
            let theirs = Arc::clone(&shared);
            let thread = thread::spawn(move || {
                *theirs.0.lock().unwrap() = true;
                theirs.1.notify_one();
            });
            let mut ready = shared.0.lock().unwrap();
            while !careful || !*ready {
                ready = shared.1.wait(ready).unwrap();
                if !careful {
                    break;
                }
            }
            drop(ready);
            thread.join().unwrap();
        }
    };
    executions(model(true));
    assert_eq!(failure(model(false)), FailureKind::Deadlock);
}

#[test]
fn a_timed_wait_waits_for_its_notification() {
    let model = || {
        let shared = Arc::new((Mutex::new(0), Condvar::new()));
        let theirs = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            *theirs.0.lock().unwrap() = 1;
            theirs.1.notify_all();
        });
        let mut value = shared.0.lock().unwrap();
        while *value == 0 {
            let (guard, result) = shared.1.wait_timeout(value, Duration::ZERO).unwrap();
            assert!(!result.timed_out());
            value = guard;
        }
        drop(value);
        thread.join().unwrap();
    };
    executions(model);
}

#[test]
fn a_token_that_is_given_before_the_wait_is_not_lost() {
    let model = |given: bool| {
        move || {
            let token = Arc::new(Notify::new());
            let theirs = Arc::clone(&token);
            thread::spawn(move || {
                if given {
                    theirs.notify();
                }
            });
            token.wait();
        }
    };
    executions(model(true));
    assert_eq!(failure(model(false)), FailureKind::Deadlock);
}

#[test]
fn a_barrier_has_one_leader() {
    let model = || {
        let barrier = Arc::new(Barrier::new(2));
        let theirs = Arc::clone(&barrier);
        let thread = thread::spawn(move || theirs.wait().is_leader());
        assert_ne!(barrier.wait().is_leader(), thread.join().unwrap());
    };
    executions(model);
}
