//! Loops that keep in local variables what they have passed.

use super::{Plain, exhaustive};
use selvedge::rt::hint::spin_loop;
use selvedge::rt::sync::atomic::Ordering::{Acquire, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize};
use selvedge::rt::thread;

#[test]
fn a_loop_remembers_what_it_passed() {
    fn largest_step(x: &AtomicUsize, pause: impl Fn()) -> usize {
        let (mut last, mut step) = (0, 0);
        loop {
            let value = x.load(Acquire);
            step = step.max(value - last);
            last = value;
            if value == 2 {
                return step;
            }
            pause();
        }
    }
    for pause in [spin_loop as fn(), thread::yield_now] {
        exhaustive([1, 2], move || {
            let x = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| {
                    x.store(1, Release);
                    x.store(2, Release);
                });
                largest_step(&x, pause)
            })
        });
        exhaustive([1, 2], move || {
            let x = AtomicUsize::new(0);
            thread::scope(|scope| {
                let poller = scope.spawn(|| largest_step(&x, pause));
                x.store(1, Release);
                x.store(2, Release);
                poller.join().expect("no panic")
            })
        });
    }
    exhaustive([vec![0, 1, 2], vec![0, 2], vec![1, 2], vec![2]], || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                x.store(1, Release);
                x.store(2, Release);
            });
            let mut seen = Vec::new();
            loop {
                let value = x.load(Acquire);
                if seen.last() != Some(&value) {
                    seen.push(value);
                }
                if value == 2 {
                    return seen;
                }
                spin_loop();
            }
        })
    });
}

#[test]
fn a_loop_waits_for_two_things_and_remembers_which_came() {
    fn two_flags(wait: impl Fn(&AtomicBool, &AtomicBool)) -> (u32, u32) {
        let (fa, fb) = (AtomicBool::new(false), AtomicBool::new(false));
        let (da, db) = (Plain::new(), Plain::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                da.set(1);
                fa.store(true, Release);
            });
            scope.spawn(|| {
                db.set(1);
                fb.store(true, Release);
            });
            wait(&fa, &fb);
            (da.get(), db.get())
        })
    }
    for pause in [spin_loop as fn(), thread::yield_now] {
        exhaustive([(1, 1)], move || {
            two_flags(|fa, fb| {
                let (mut a, mut b) = (false, false);
                while !(a && b) {
                    a = a || fa.load(Acquire);
                    b = b || fb.load(Acquire);
                    if !(a && b) {
                        pause();
                    }
                }
            })
        });
        exhaustive([(1, 1)], move || {
            two_flags(|fa, fb| {
                let mut a = false;
                loop {
                    if !a {
                        a = fa.load(Acquire);
                    }
                    if a && fb.load(Acquire) {
                        return;
                    }
                    pause();
                }
            })
        });
    }
}

#[test]
fn a_consumer_moves_on_in_a_local_variable() {
    exhaustive([2], || {
        let slots = [AtomicUsize::new(0), AtomicUsize::new(0)];
        thread::scope(|scope| {
            for slot in &slots {
                scope.spawn(move || slot.store(1, Release));
            }
            let mut next = 0;
            while next < 2 {
                match slots[next].load(Acquire) {
                    0 => thread::yield_now(),
                    _ => next += 1,
                }
            }
            next
        })
    });
}
