//! Loops that wait, try and give up, or look at what they pass: all their outcomes, and a verdict that is true.

use super::{checker, kind, outcomes, run};
use selvedge::rt::cell::UnsafeCell;
use selvedge::rt::hint::{self, Backoff, spin_loop};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use selvedge::rt::thread;
use selvedge_check::{FailureKind, Verdict};
use std::collections::BTreeSet;
use std::fmt::Debug;

/// Plain data.
struct Plain(UnsafeCell<u32>);
// SAFETY: the model's protocol decides who may touch it, and the engine checks that.
unsafe impl Sync for Plain {}

impl Plain {
    fn new() -> Plain {
        Plain(UnsafeCell::new(0))
    }

    fn set(&self, value: u32) {
        // SAFETY: as for `Sync`.
        self.0.with_mut(|data| unsafe { *data = value });
    }

    fn get(&self) -> u32 {
        // SAFETY: as for `Sync`.
        self.0.with(|data| unsafe { *data })
    }
}

/// The program has these outcomes, and the engine knows that it has no others.
fn exhaustive<T: Ord + Clone + Debug + Send + 'static>(
    expected: impl IntoIterator<Item = T>,
    program: impl Fn() -> T + Send + Sync + 'static,
) {
    let (found, report) = outcomes(checker(), program);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(found, BTreeSet::from_iter(expected), "{report}");
}

/// The engine finds some of these outcomes and no others, and says that it has not seen everything.
fn searched<T: Ord + Clone + Debug + Send + 'static>(
    possible: impl IntoIterator<Item = T>,
    program: impl Fn() -> T + Send + Sync + 'static,
) {
    let (found, report) = outcomes(checker(), program);
    let Verdict::Searched { bounds, .. } = &report.verdict else { panic!("{report}") };
    assert!(bounds.contains("loops.rs:"), "{report}");
    assert!(found.is_subset(&BTreeSet::from_iter(possible)), "{found:?}");
}

#[test]
fn a_read_before_a_wait_stays() {
    fn waits(f: &AtomicUsize) -> usize {
        let v = f.load(Relaxed);
        while f.load(Acquire) == 0 {
            spin_loop();
        }
        v
    }
    exhaustive([0, 1], || {
        let f = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| f.store(1, Release));
            waits(&f)
        })
    });
    exhaustive([0, 1], || {
        let f = AtomicUsize::new(0);
        thread::scope(|scope| {
            let waiter = scope.spawn(|| waits(&f));
            f.store(1, Release);
            waiter.join().expect("no panic")
        })
    });
    exhaustive([0, 1, 2], || {
        let f = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| {
                f.store(1, Release);
                f.store(2, Release);
            });
            waits(&f)
        })
    });
    let report = run(|| {
        let f = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| f.store(1, Release));
            assert_eq!(waits(&f), 0, "it may be 1");
        });
    });
    assert_eq!(kind(&report), Some(FailureKind::Panic), "{report}");
    assert!(report.verdict.failure().is_some_and(|found| found.note.is_none()), "{report}");
}

#[test]
fn a_read_of_something_else_before_a_wait_stays() {
    exhaustive([(0, 0), (0, 1), (0, 2)], || {
        let (data, x) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let flags = [AtomicBool::new(false), AtomicBool::new(false)];
        thread::scope(|scope| {
            scope.spawn(|| {
                flags[0].store(true, Release);
                x.store(1, Relaxed);
                flags[1].store(true, Relaxed);
                x.store(2, Relaxed);
            });
            let mut last = 0;
            for flag in &flags {
                last = data.load(Relaxed);
                wait_for(flag);
            }
            (last, x.load(Relaxed))
        })
    });
}

#[track_caller]
fn wait_for(flag: &AtomicBool) {
    while !flag.load(Acquire) {
        spin_loop();
    }
}

#[test]
fn what_a_wait_acquired_stays_known_through_the_next() {
    for at_one_line in [true, false] {
        exhaustive([1], move || {
            let (flags, cell) = ([AtomicBool::new(false), AtomicBool::new(false)], Plain::new());
            let (flags, cell) = (&flags, &cell);
            thread::scope(|scope| {
                scope.spawn(move || {
                    cell.set(1);
                    flags[0].store(true, Release);
                });
                scope.spawn(move || flags[1].store(true, Relaxed));
                if at_one_line {
                    flags.iter().for_each(wait_for);
                } else {
                    wait_for(&flags[0]);
                    while !flags[1].load(Relaxed) {
                        thread::yield_now();
                    }
                }
                cell.get()
            })
        });
    }
}

#[test]
fn loads_with_pauses_between_them_read_all_that_they_may() {
    exhaustive([0, 1, 2, 3], || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| x.store(1, Relaxed));
            let mut sum = 0;
            for _ in 0..3 {
                sum += x.load(Relaxed);
                thread::yield_now();
            }
            sum
        })
    });
    exhaustive([0, 1, 2, 3], || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            let other = scope.spawn(|| {
                let mut sum = 0;
                for _ in 0..3 {
                    sum += x.load(Relaxed);
                    thread::yield_now();
                }
                sum
            });
            x.store(1, Relaxed);
            other.join().expect("no panic")
        })
    });
    for pause in [spin_loop as fn(), thread::yield_now, || Backoff::new().snooze()] {
        exhaustive([(0, 0), (0, 1), (1, 1)], move || {
            let x = AtomicUsize::new(0);
            thread::scope(|scope| {
                scope.spawn(|| x.store(1, Relaxed));
                let first = x.load(Relaxed);
                pause();
                (first, x.load(Relaxed))
            })
        });
    }
}

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

/// Locks of one's own, taken twice by two threads, after a read of something else.
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

#[test]
fn a_loop_that_only_others_end_is_cut_with_a_word() {
    // Each round writes: it takes a lock.
    searched([0], || {
        let (locked, ready) = (AtomicBool::new(false), AtomicBool::new(false));
        let lock = || hint::wait_until(|| !locked.swap(true, Acquire));
        thread::scope(|scope| {
            scope.spawn(|| {
                lock();
                ready.store(true, Relaxed);
                locked.store(false, Release);
            });
            loop {
                lock();
                let is_ready = ready.load(Relaxed);
                locked.store(false, Release);
                if is_ready {
                    return 0;
                }
                thread::yield_now();
            }
        })
    });
    searched([1], || {
        let ready = selvedge::rt::sync::Mutex::new(0);
        thread::scope(|scope| {
            scope.spawn(|| *ready.lock() = 1);
            loop {
                let seen = *ready.lock();
                if seen != 0 {
                    return seen;
                }
                thread::yield_now();
            }
        })
    });
    // Each round counts.
    searched([true], || {
        let x = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| x.store(true, Release));
            let mut rounds = 0_u64;
            while !x.load(Acquire) {
                rounds += 1;
                spin_loop();
            }
            rounds < u64::MAX
        })
    });
}

#[test]
fn more_rounds_than_are_explored_are_cut_with_the_line() {
    let program = || {
        let x = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| x.store(true, Release));
            let mut tries = 0;
            while !x.load(Acquire) && tries < 5 {
                tries += 1;
                spin_loop();
            }
            tries
        })
    };
    let (found, report) = outcomes(checker().rc11_rounds(2), program);
    assert!(
        matches!(&report.verdict, Verdict::Searched { bounds, .. } if bounds.contains("at most 2 rounds of the loop at")),
        "{report}"
    );
    assert!(found.is_subset(&(0..=5).collect()) && found.contains(&0), "{found:?}");
    let (found, report) = outcomes(checker().rc11_rounds(5), program);
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(found, (0..=5).collect());
}

#[test]
fn a_count_in_a_box_is_never_called_exhaustive_where_it_decides() {
    let program = |others: bool| {
        move || {
            let x = AtomicBool::new(false);
            thread::scope(|scope| {
                if others {
                    scope.spawn(|| x.store(true, Release));
                }
                let mut tries = Box::new(0);
                while !x.load(Acquire) {
                    *tries += 1;
                    if *tries == 4 {
                        return false;
                    }
                    spin_loop();
                }
                true
            })
        }
    };
    for (others, possible) in [(false, [false].as_slice()), (true, &[false, true])] {
        let (found, report) = outcomes(checker(), program(others));
        let possible: BTreeSet<bool> = possible.iter().copied().collect();
        match report.verdict {
            Verdict::Exhaustive => assert_eq!(found, possible, "{report}"),
            Verdict::Searched { .. } => assert!(found.is_subset(&possible)),
            _ => panic!("{report}"),
        }
    }
}

#[test]
fn fences_in_rounds_change_nothing() {
    fn program(order: Ordering) -> impl Fn() -> u32 + Send + Sync + 'static {
        move || {
            let (flag, data) = (AtomicBool::new(false), Plain::new());
            thread::scope(|scope| {
                scope.spawn(|| {
                    data.set(1);
                    flag.store(true, Release);
                });
                loop {
                    let ready = flag.load(Relaxed);
                    fence(order);
                    if ready {
                        return data.get();
                    }
                    spin_loop();
                }
            })
        }
    }
    exhaustive([1], program(Acquire));
    exhaustive([1], program(Ordering::SeqCst));
}

#[test]
fn spinning_threads_that_wait_for_each_other_for_ever_are_a_livelock() {
    let swap = || {
        let locked = AtomicBool::new(true);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    while locked.swap(true, Acquire) {
                        spin_loop();
                    }
                });
            }
        });
    };
    let polled = || {
        let ready = selvedge::sync::Mutex::new(false);
        while !*ready.lock() {
            thread::yield_now();
        }
    };
    let waits = || {
        let never = AtomicBool::new(false);
        selvedge::rt::wait_until(|| never.load(Acquire));
    };
    let alternates = || {
        let (a, b) = (AtomicBool::new(false), AtomicBool::new(false));
        thread::scope(|scope| {
            scope.spawn(|| {
                while !a.load(Acquire) {
                    thread::yield_now();
                }
                b.store(true, Release);
            });
            let mut rounds = 0;
            while !b.load(Acquire) && rounds < 3 {
                rounds += 1;
                spin_loop();
            }
        });
    };
    assert_eq!(kind(&run(swap)), Some(FailureKind::Livelock));
    assert_eq!(kind(&run(polled)), Some(FailureKind::Livelock));
    assert_eq!(kind(&run(waits)), Some(FailureKind::Livelock));
    assert_eq!(kind(&run(alternates)), Some(FailureKind::Livelock));
}

#[test]
fn a_wait_costs_one_read_for_each_value_that_ends_it() {
    let report = run(|| {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            scope.spawn(|| (1..=3).for_each(|n| x.store(n, Release)));
            hint::wait_until(|| x.load(Acquire) >= 2);
        });
    });
    assert!(matches!(report.verdict, Verdict::Exhaustive), "{report}");
    assert_eq!(report.executions, 2);
    exhaustive([(1, 1)], || {
        let (a, b) = (AtomicUsize::new(0), AtomicUsize::new(0));
        thread::scope(|scope| {
            scope.spawn(|| a.store(1, Release));
            scope.spawn(|| b.store(1, Release));
            hint::wait_until(|| a.load(Acquire) + b.load(Acquire) == 2);
            (a.load(Acquire), b.load(Acquire))
        })
    });
}

#[test]
fn a_condition_that_changes_something_is_a_loop_as_any_other() {
    exhaustive([3], || {
        let x = AtomicUsize::new(0);
        hint::wait_until(|| x.fetch_add(1, Relaxed) == 2);
        x.load(Relaxed)
    });
}

#[test]
fn a_bare_loop_is_refused_with_the_rule() {
    let report = run(|| {
        let flag = AtomicBool::new(false);
        thread::scope(|scope| {
            scope.spawn(|| flag.store(true, Release));
            while !flag.load(Acquire) {}
        });
    });
    assert!(
        matches!(&report.verdict, Verdict::Refused { why } if why.contains("loops.rs") && why.contains("spin_loop")),
        "{report}"
    );
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
    // What it finds may be stored after it was tried first.
    exhaustive([Ok(1), Err(0), Err(1)], || {
        let x = AtomicUsize::new(0);
        thread::scope(|scope| {
            let tries = scope.spawn(|| x.compare_exchange_weak(1, 2, Relaxed, Relaxed));
            scope.spawn(|| x.store(1, Relaxed));
            tries.join().expect("no panic")
        })
    });
}
