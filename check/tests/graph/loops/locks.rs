//! Hand-written locks.

use super::{Plain, exhaustive};
use selvedge::rt::hint::{self, spin_loop};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, fence};
use selvedge::rt::thread;

#[test]
fn hand_written_spin_locks_exclude() {
    fn twice(lock: impl Fn(&AtomicBool) + Send + Sync + Copy) -> u32 {
        let (locked, other, n) = (AtomicBool::new(false), AtomicUsize::new(0), Plain::new());
        let body = || {
            for _ in 0..2 {
                other.load(Relaxed);
                lock(&locked);
                n.set(n.get() + 1);
                locked.store(false, Release);
            }
        };
        thread::scope(|scope| {
            scope.spawn(body);
            body();
        });
        n.get()
    }
    exhaustive([4], || {
        twice(|locked| {
            while locked.compare_exchange(false, true, Acquire, Relaxed).is_err() {
                spin_loop();
            }
        })
    });
    exhaustive([4], || {
        twice(|locked| {
            while locked.swap(true, Acquire) {
                thread::yield_now();
            }
        })
    });
    exhaustive([4], || {
        twice(|locked| {
            while locked.swap(true, Relaxed) {
                while locked.load(Relaxed) {
                    spin_loop();
                }
            }
            fence(Acquire);
        })
    });
    exhaustive([4], || twice(|locked| hint::wait_until(|| !locked.swap(true, Acquire))));
}

#[test]
fn a_lock_may_only_be_looked_into() {
    exhaustive([0, 1, 2], || {
        let (lock, n) = (AtomicBool::new(false), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..2 {
                    while lock.compare_exchange(false, true, Acquire, Relaxed).is_err() {
                        spin_loop();
                    }
                    n.fetch_add(1, Relaxed);
                    lock.store(false, Release);
                }
            });
            let mut last = 0;
            for _ in 0..2 {
                last = n.load(Relaxed);
                while lock.load(Acquire) {
                    spin_loop();
                }
            }
            last
        })
    });
}
