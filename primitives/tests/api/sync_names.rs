//! Code that is written for parking_lot or std runs here with another `use`.

use selvedge::rt::thread;
use selvedge::rt::time::now;
use selvedge::sync::{
    Condvar, Lazy, MappedRwLockReadGuard, Mutex, MutexGuard, Once, RwLock, RwLockReadGuard,
    RwLockUpgradableReadGuard, RwLockWriteGuard,
};
use std::time::Duration;

#[test]
fn a_queue_that_waits_as_parking_lots_users_write_it() {
    let (items, changed) = (Mutex::new(Vec::new()), Condvar::new());
    let got = thread::scope(|scope| {
        scope.spawn(|| {
            for item in 0..3 {
                items.lock().push(item);
                changed.notify_one();
            }
        });
        let mut got = Vec::new();
        let mut items = items.lock();
        while got.len() < 3 {
            changed.wait_while(&mut items, |items| items.is_empty());
            got.append(&mut items);
        }
        got
    });
    assert_eq!(got, [0, 1, 2]);
}

#[test]
fn notify_all_lets_all_go() {
    let (open, changed) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| changed.wait_while(&mut open.lock(), |open| !*open));
        }
        *open.lock() = true;
        changed.notify_all();
    });
    assert!(!changed.notify_one(), "all are gone");
}

#[test]
fn a_wait_that_is_out_of_time_says_whether_the_condition_still_holds() {
    let (lock, changed) = (Mutex::new(0), Condvar::new());
    let mut held: MutexGuard<'_, i32> = lock.lock();
    assert!(changed.wait_for(&mut held, Duration::ZERO).timed_out());
    assert!(changed.wait_until(&mut held, now()).timed_out());
    assert!(changed.wait_while_for(&mut held, |n| *n == 0, Duration::ZERO).timed_out());
    assert!(!changed.wait_while_for(&mut held, |n| *n == 1, Duration::MAX).timed_out());
    assert!(!changed.wait_while_until(&mut held, |n| *n == 1, now()).timed_out());
    let mut looks = 0;
    let still = |_: &mut i32| {
        looks += 1;
        looks == 1
    };
    assert!(!changed.wait_while_for(&mut held, still, Duration::ZERO).timed_out(), "it has changed in time");
}

#[test]
fn a_signal_in_time_is_no_timeout() {
    let (lock, changed) = (Mutex::new(false), Condvar::new());
    thread::scope(|scope| {
        let mut held = lock.lock();
        scope.spawn(|| {
            *lock.lock() = true;
            changed.notify_one();
        });
        assert!(!changed.wait_for(&mut held, Duration::from_secs(3600)).timed_out());
        assert!(*held);
    });
}

#[test]
fn locks_are_tried_for_a_time_and_asked_whether_they_are_locked() {
    let lock = Mutex::new(1);
    let held = lock.try_lock_for(Duration::ZERO).expect("no thread has it");
    assert!(lock.is_locked() && lock.try_lock_until(now()).is_none());
    drop(held);
    assert!(!lock.is_locked());

    let shared = RwLock::new((1, 2));
    let reader: RwLockReadGuard<'_, _> = shared.try_read_for(Duration::ZERO).expect("no thread writes");
    assert!(shared.is_locked() && !shared.is_locked_exclusive());
    assert!(shared.try_write_for(Duration::ZERO).is_none());
    assert!(shared.try_write_until(now()).is_none());
    let first: MappedRwLockReadGuard<'_, _> = RwLockReadGuard::map(reader, |both| &both.0);
    assert_eq!(*first, 1);
    drop(first);
    let writer: RwLockWriteGuard<'_, _> = shared.try_write_until(now()).expect("no thread reads");
    assert!(shared.is_locked_exclusive() && shared.try_read_until(now()).is_none());
    drop(writer);
    let reader: RwLockUpgradableReadGuard<'_, _> = shared.upgradable_read();
    RwLockUpgradableReadGuard::upgrade(reader).1 = 3;
    assert_eq!(*shared.read(), (1, 3));
}

#[test]
fn what_is_done_once_has_stds_names() {
    let once = Once::new();
    let mut runs = 0;
    assert!(!once.is_completed());
    (0..3).for_each(|_| once.call_once(|| runs += 1));
    assert!(once.is_completed());
    assert_eq!(runs, 1);
    static WORDS: Lazy<Vec<&str>> = Lazy::const_new(|| vec!["warp", "weft"]);
    assert_eq!(Lazy::force(&WORDS), &["warp", "weft"]);
}

#[test]
#[allow(clippy::disallowed_types, reason = "the guards of `lock_api` keep a lock by std's `Arc`")]
fn guards_of_shared_locks_keep_them() {
    let (lock, shared) = (std::sync::Arc::new(Mutex::new(1)), std::sync::Arc::new(RwLock::new(1)));
    let mut held = lock.lock_arc();
    drop(lock);
    *held += 1;
    *shared.write_arc() += *held;
    let reader = shared.read_arc();
    drop(shared);
    assert_eq!(*reader, 3);
}
