//! Loops that try and give up, and exchanges that fail spuriously.

use super::exhaustive;
use crate::{checker, outcomes};
use selvedge::rt::hint::spin_loop;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::rt::thread;
use std::collections::BTreeSet;

#[test]
fn a_loop_may_give_up() {
    for tries in [1, 3, 6] {
        exhaustive([false, true], move || {
            let x = AtomicBool::new(false);
            thread::scope(|scope| {
                scope.spawn(|| x.store(true, Release));
                for _ in 0..tries {
                    if x.load(Acquire) {
                        return true;
                    }
                    thread::yield_now();
                }
                false
            })
        });
    }
    exhaustive([false, true], || {
        let lock = selvedge::sync::Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| drop(lock.lock()));
            for _ in 0..3 {
                if lock.try_lock().is_some() {
                    return true;
                }
                thread::yield_now();
            }
            false
        })
    });
}

#[test]
fn a_receiver_may_give_up() {
    fn tries(count: usize) -> Option<i32> {
        let (tx, rx) = selvedge::chan::bounded(1);
        thread::scope(|scope| {
            scope.spawn(move || tx.send(1));
            for _ in 0..count {
                if let Ok(value) = rx.try_recv() {
                    return Some(value);
                }
                thread::yield_now();
            }
            None
        })
    }
    exhaustive([None, Some(1)], || tries(1));
    let (found, report) = outcomes(checker().preemption_bound(Some(1)), || tries(3));
    assert!(report.verdict.passed(), "{report}");
    assert_eq!(found, BTreeSet::from([None, Some(1)]), "{report}");
}

#[test]
fn a_weak_exchange_may_fail_spuriously_each_time() {
    let weak = |x: &AtomicUsize| x.compare_exchange_weak(0, 1, Relaxed, Relaxed).is_ok();
    let both = [(false, false), (true, false), (false, true)];
    exhaustive(both, move || {
        let x = AtomicUsize::new(0);
        (weak(&x), weak(&x))
    });
    exhaustive(both, || {
        let x = AtomicUsize::new(0);
        let first = x.compare_exchange_weak(0, 1, Relaxed, Relaxed).is_ok();
        (first, x.compare_exchange_weak(0, 1, Relaxed, Relaxed).is_ok())
    });
    exhaustive([None, Some(0), Some(1), Some(2)], move || {
        let x = AtomicUsize::new(0);
        (0..3).find(|_| weak(&x))
    });
    exhaustive([0], || {
        let x = AtomicUsize::new(0);
        while x.compare_exchange_weak(0, 1, Relaxed, Relaxed).is_err() {
            spin_loop();
        }
        x.fetch_update(Relaxed, Relaxed, |old| Some(old - 1)).map_or(9, |_| x.load(Relaxed))
    });
    // The other thread may store the wanted value after the first attempt.
    exhaustive([Ok(1), Err(0), Err(1)], || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            let tries = scope.spawn(|| x.compare_exchange_weak(1, 2, Relaxed, Relaxed));
            scope.spawn(|| x.store(1, Relaxed));
            tries.join().expect("no panic")
        })
    });
}
