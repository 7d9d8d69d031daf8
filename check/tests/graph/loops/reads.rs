//! What a loop reads: a wait keeps the reads before it, what it acquires, and the reads between its pauses.

use super::{Plain, exhaustive, wait_for};
use crate::{kind, run};
use selvedge::rt::hint::{Backoff, spin_loop};
use selvedge::rt::sync::atomic::Ordering::{Acquire, Relaxed, Release, SeqCst};
use selvedge::rt::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use selvedge::rt::thread;
use selvedge_check::FailureKind;

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

/// Peterson's lock. By hand: the thread that has given way first goes on at once, or when the other one has given way, after one
/// round in vain or none: three ways. The other thread waits for its end, after one round in vain or none: two ways. Either may be
/// first. A build without optimisation, which keeps everything in memory, sees no more rounds.
#[test]
#[cfg(target_arch = "x86_64")]
fn a_thread_goes_round_in_vain_once() {
    let report = run(|| {
        let (wants, turn) = ([AtomicBool::new(false), AtomicBool::new(false)], AtomicUsize::new(0));
        let section = |me: usize| {
            wants[me].store(true, SeqCst);
            turn.store(1 - me, SeqCst);
            while wants[1 - me].load(SeqCst) && turn.load(SeqCst) == 1 - me {
                spin_loop();
            }
            wants[me].store(false, Release);
        };
        thread::scope(|scope| {
            scope.spawn(|| section(1));
            section(0);
        });
    });
    assert!(matches!(report.verdict, selvedge_check::Verdict::Exhaustive), "{report}");
    assert_eq!(report.executions, 12, "{report}");
}
